/* Which plain packets pass between the wire and the kernel's device of an encrypted port: the one
 * decision that both directions and the last look share. Pure: any thread, nothing is kept.
 *
 *	word        from the wire                        to the wire
 *	ike         UDP to 500; to 4500 behind the       UDP from 500; from 4500 behind the marker,
 *	            non-ESP marker                       or a NAT keepalive (RFC 3948 s2.2, s2.3)
 *	icmp        echo replies, errors                 echo requests, errors
 *	{tcp: N}    to N; from N, but not to open        from N; to N
 *	{udp: N}    to N                                 from N
 *
 * So TCP may be opened by either end, always to N: a station that takes N as its own port reaches
 * nothing else here. UDP says not who began, so the gateway's own end must have N. A fragment tells
 * no ports (or only its first one does), and is never allowed. */
#ifndef EG_PATH_ALLOW_H
#define EG_PATH_ALLOW_H

#include "base/allow.h"
#include "net/parse.h"
#include "stat/stat.h"

/* The kind by which a packet of that direction is counted, or EG_CLEAR_NONE: it may not pass. `pkt`
 * is what eg_parse_ip() found in `data`. Addresses are the caller's to check. */
enum eg_clear_kind eg_allow_in(const struct eg_allow *allow, const uint8_t *data,
			       const struct eg_pkt *pkt);
enum eg_clear_kind eg_allow_out(const struct eg_allow *allow, const uint8_t *data,
				const struct eg_pkt *pkt);

#endif
