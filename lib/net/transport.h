/* Where ESP stands in a packet of transport mode (RFC 4303 s3.1.1): behind IPv4's header with its
 * options; behind IPv6's hop-by-hop options, routing and fragment headers and the destination
 * options in front of those. Destination options at the end of the chain are for the receiving end
 * alone: they go behind ESP and are sealed. So does AH. Pure: any thread. */
#ifndef EG_NET_TRANSPORT_H
#define EG_NET_TRANSPORT_H

#include "net/parse.h"

struct eg_insert_point {
	uint16_t off;      /* bytes that stay in front of ESP */
	uint16_t next_off; /* the byte among them that says what follows */
};

/* Where ESP goes into the packet that eg_parse_ip() took. */
struct eg_insert_point eg_transport_seal_point(const uint8_t *data, const struct eg_pkt *pkt);

/* Where it stood, in a packet whose headers in front of ESP (and of UDP around it) have `off`
 * bytes.
 */
struct eg_insert_point eg_transport_open_point(const uint8_t *data, const struct eg_pkt *pkt,
					       uint16_t off);

/* Let the headers in front belong to a packet of `len` bytes in which `next` follows them: lengths,
 * next header, IPv4's checksum. */
void eg_transport_fix_headers(uint8_t *data, struct eg_insert_point point, uint16_t len,
			      uint8_t next);

#endif
