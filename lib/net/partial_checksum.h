/* Partial checksums: a sender that believes its device will do it leaves in TCP's or UDP's checksum
 * the sum of the pseudo-header alone, and in SCTP's 0. Between virtual interfaces (veth, tap,
 * virtio) no device does, and whoever takes the packet off must. Pure: any thread. */
#ifndef EG_NET_PARTIAL_CHECKSUM_H
#define EG_NET_PARTIAL_CHECKSUM_H

#include <stdbool.h>

#include "net/parse.h"

/* Does the checksum of the packet that eg_parse_ip() took look like that? One right checksum in
 * 65,536 does too (RFC 1071), and completing it changes nothing. False for fragments: senders
 * complete before they fragment. */
bool eg_checksum_is_partial(const uint8_t *data, const struct eg_pkt *pkt);

/* Write the checksum of a whole TCP, UDP or SCTP packet; others stay as they are. */
void eg_checksum_complete(uint8_t *data, const struct eg_pkt *pkt);

#endif
