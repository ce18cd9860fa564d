/* Bounds-checked parsing: bytes in, offsets out, once for each packet. Later stages trust the
 * offsets and never look for a header again. Pure: any thread, nothing is kept. */
#ifndef EG_NET_PARSE_H
#define EG_NET_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "espgate/drop.h"
#include "net/headers.h"

enum eg_frag {
	EG_FRAG_NONE,
	EG_FRAG_FIRST, /* carries the layer 4 header */
	EG_FRAG_LATER, /* does not */
};

/* An IP packet. Offsets count from the first byte of the IP header. */
struct eg_pkt {
	uint16_t len;    /* of the IP packet, headers included; what follows is link padding */
	uint16_t l4_off; /* first byte behind the IP header(s) */
	uint8_t version; /* 4 or 6 */
	uint8_t proto;   /* layer 4 protocol, behind IPv6 extension headers */
	uint8_t tos;     /* IPv4 TOS or IPv6 traffic class: DSCP and ECN */
	uint8_t frag;    /* enum eg_frag */
	uint16_t sport, dport; /* TCP, UDP, SCTP; ICMP: echo identifier, type and code; else 0 */
	uint32_t frag_id;      /* identification, of a fragment; else 0 */
};

/* More IPv6 extension headers than this are refused (RFC 8200 sets no bound, senders use one). */
#define EG_IP6_EXTENSIONS_MAX 8

/* The offset of the IP header behind Ethernet and up to two VLAN tags (802.1Q, 802.1ad), or a
 * reason. EG_PASS on success. The EtherType is checked against the IP version later. */
enum eg_drop eg_parse_link(const uint8_t *frame, uint32_t len, uint16_t *l3_off);

/* Parse an IP packet of at most `len` bytes: version, lengths, IPv4 checksum (RFC 1812 s5.2.2),
 * options and extension headers (source routes and type 0 routing headers are refused), fragment's
 * place, layer 4 ports. EG_PASS on success, then *pkt is filled. */
enum eg_drop eg_parse_ip(const uint8_t *data, uint32_t len, struct eg_pkt *pkt);

/* The same where somebody who can be believed has checked an IPv4 header's checksum already. */
enum eg_drop eg_parse_ip_no_checksum(const uint8_t *data, uint32_t len, struct eg_pkt *pkt);

/* May a router forward between these addresses (RFC 1812 s5.3.7, RFC 4291 s2.5)? */
enum eg_drop eg_parse_addresses(const uint8_t *data, const struct eg_pkt *pkt);

#endif
