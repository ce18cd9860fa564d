/* Position of ESP in a transport-mode packet (RFC 4303 s3.1.1): after the IPv4 header with its
 * options; after IPv6's hop-by-hop options, routing and fragment headers, and destination options
 * that precede them. Destination options at the end of the chain are for the receiver alone: they
 * follow ESP and are encrypted. So does AH. Stateless: any thread. */
#ifndef EG_NET_TRANSPORT_H
#define EG_NET_TRANSPORT_H

#include "net/parse.h"

struct eg_insert_point {
	uint16_t off;      /* bytes in front of ESP */
	uint16_t next_off; /* offset of the protocol or next header byte among them */
};

/* Where to insert ESP into a packet parsed by eg_parse_ip(). */
struct eg_insert_point eg_transport_seal_point(const uint8_t *data, const struct eg_pkt *pkt);

/* Where ESP was removed from a packet with `off` bytes in front of ESP (and its UDP header). */
struct eg_insert_point eg_transport_open_point(const uint8_t *data, const struct eg_pkt *pkt,
					       uint16_t off);

/* Update the headers in front for a packet of `len` bytes in which `next` follows them: length,
 * next header, IPv4 checksum. */
void eg_transport_fix_headers(uint8_t *data, struct eg_insert_point point, uint16_t len,
			      uint8_t next);

#endif
