/* Which plain packets pass between the wire and the kernel device of an encrypted port. One
 *function decides for both directions and for the last check in tx. Pure; any thread.
 *
 *	allow       from the wire                        to the wire
 *	ike         UDP to 500; to 4500 behind the       UDP from 500; from 4500 behind the marker,
 *	            non-ESP marker                       or a NAT keepalive (RFC 3948 s2.2, s2.3)
 *	icmp        echo replies, errors                 echo requests, errors
 *	{tcp: N}    to N; from N, but not to open        from N; to N
 *	{udp: N}    to N                                 from N
 *
 * Either end may open a TCP connection, but only to port N: a station that uses N as its source
 *port cannot reach other ports here. UDP does not show which end began, so the gateway's end must
 *be N. Fragments are never allowed, because all but the first have no ports. */
#ifndef EG_PATH_ALLOW_H
#define EG_PATH_ALLOW_H

#include "base/allow.h"
#include "net/parse.h"
#include "stat/stat.h"

/* The kind under which a packet of that direction is counted, or EG_CLEAR_NONE if it may not pass.
 * `pkt` is the result of eg_parse_ip() for `data`. The caller checks addresses. */
enum eg_clear_kind eg_allow_in(const struct eg_allow *allow, const uint8_t *data,
			       const struct eg_pkt *pkt);
enum eg_clear_kind eg_allow_out(const struct eg_allow *allow, const uint8_t *data,
				const struct eg_pkt *pkt);

#endif
