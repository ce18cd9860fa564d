/* Partial checksums: a sender that relies on checksum offload leaves only the pseudo-header sum in
 * TCP's or UDP's checksum, and 0 in SCTP's. Virtual interfaces (veth, tap, virtio) never complete
 * it, so the receiver must. Stateless: any thread. */
#ifndef EG_NET_PARTIAL_CHECKSUM_H
#define EG_NET_PARTIAL_CHECKSUM_H

#include <stdbool.h>

#include "net/parse.h"

/* Does the packet parsed by eg_parse_ip() appear to have a partial checksum? So does one correct
 * checksum in 65,536 (RFC 1071); completing it changes nothing. False for fragments: senders
 * complete checksums before fragmenting. */
bool eg_checksum_is_partial(const uint8_t *data, const struct eg_pkt *pkt);

/* Write the checksum of a whole TCP, UDP or SCTP packet. Other packets are left unchanged. */
void eg_checksum_complete(uint8_t *data, const struct eg_pkt *pkt);

#endif
