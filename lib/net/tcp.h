/* MSS clamping. Stateless: any thread. */
#ifndef EG_NET_TCP_H
#define EG_NET_TCP_H

#include <stdbool.h>
#include <stdint.h>

#define EG_TCP_LEN 20
#define EG_TCP_SYN 0x02

/* Lower the MSS option (RFC 9293 s3.7.1) of a SYN or SYN-ACK to at most `most` and update the
 * checksum (RFC 1624). `len` bytes (at least EG_TCP_LEN) are present; options may be cut off. True
 * if the option was lowered. A segment without the option is not changed: its defaults of 536
 * (IPv4) and 1220 (IPv6) are small enough. */
bool eg_tcp_clamp_mss(uint8_t *tcp, uint32_t len, uint16_t most);

#endif
