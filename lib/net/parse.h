/* Bounds-checked parsing: bytes in, offsets out, once per packet. Later stages trust the offsets
 * and never search for a header again. Stateless: any thread. */
#ifndef EG_NET_PARSE_H
#define EG_NET_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "espgate/drop.h"
#include "net/headers.h"

enum eg_frag {
	EG_FRAG_NONE,
	EG_FRAG_FIRST, /* has the layer 4 header */
	EG_FRAG_LATER, /* has no layer 4 header */
};

/* A parsed IP packet. Offsets count from the first byte of the IP header. */
struct eg_pkt {
	uint16_t len;          /* of the IP packet including headers; link padding may follow */
	uint16_t l4_off;       /* first byte after the IP header and its extensions */
	uint8_t version;       /* 4 or 6 */
	uint8_t proto;         /* layer 4 protocol, after IPv6 extension headers */
	uint8_t tos;           /* IPv4 TOS or IPv6 traffic class: DSCP and ECN */
	uint8_t frag;          /* enum eg_frag */
	uint16_t sport, dport; /* TCP, UDP, SCTP; ICMP: echo identifier, type and code; else 0 */
	uint32_t frag_id;      /* identification of a fragment; else 0 */
};

/* Refuse packets with more IPv6 extension headers (RFC 8200 sets no limit; senders use one or two).
 */
#define EG_IP6_EXTENSIONS_MAX 8

/* Find the IP header after Ethernet and up to two VLAN tags (802.1Q, 802.1ad), and check the
 * EtherType against the IP version. EG_PASS or the drop reason. */
enum eg_verdict eg_parse_link(const uint8_t *frame, uint32_t len, uint16_t *l3_off);

/* Parse an IP packet of at most `len` bytes: version, lengths, IPv4 checksum (RFC 1812 s5.2.2),
 * options and extension headers (source routes and type 0 routing headers are refused), fragment
 * offset, layer 4 ports. Returns EG_PASS and fills *pkt, or returns the drop reason. */
enum eg_verdict eg_parse_ip(const uint8_t *data, uint32_t len, struct eg_pkt *pkt);

/* The same without the IPv4 header checksum, which trusted hardware has already verified. */
enum eg_verdict eg_parse_ip_no_checksum(const uint8_t *data, uint32_t len, struct eg_pkt *pkt);

/* May a router forward between these addresses (RFC 1812 s5.3.7, RFC 4291 s2.5)? */
enum eg_verdict eg_parse_addresses(const uint8_t *data, const struct eg_pkt *pkt);

#endif
