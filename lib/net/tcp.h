/* The one thing that a gateway changes in TCP: the largest segment that a SYN asks for. Pure. */
#ifndef EG_NET_TCP_H
#define EG_NET_TCP_H

#include <stdbool.h>
#include <stdint.h>

#define EG_TCP_LEN 20
#define EG_TCP_SYN 0x02

/* Lower the MSS option (RFC 9293 s3.7.1) of a SYN or SYN-ACK of `len` bytes (at least EG_TCP_LEN,
 * options may be cut off) to at most `most`, and mend the checksum (RFC 1624). True where it was
 * larger. Without the option nothing is changed: 536 (IPv4) and 1220 (IPv6) are small enough. */
bool eg_tcp_clamp_mss(uint8_t *tcp, uint32_t len, uint16_t most);

#endif
