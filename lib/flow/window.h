/* Position of each end in TCP's sequence space, as seen by a gateway between them, and which
 * segments are accepted as valid (RFC 9293 s3.10.7.4; the idea of RFC 5961).
 *
 * A connection's entry has one number per end: the next sequence number after the last segment seen
 * from that end. A segment is in the window if it ends near that number, or if it acknowledges data
 * near the other end's number. A segment outside the window is still forwarded, because only the
 * ends know their exact windows, but it neither ends the connection nor moves these numbers: an
 * attacker who cannot see the segments needs about 11,000 guesses.
 *
 * Numbers may lag by EG_TCP_STEP, so that packets of a cached connection need not write to the
 * shared entry. 0 means unknown. Entries of other protocols have 0, and so do their packets: they
 * are always in the window. Stateless: any thread. */
#ifndef EG_FLOW_WINDOW_H
#define EG_FLOW_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#define EG_TCP_BACK (1u << 17) /* retransmissions, and resets that answer data in flight */
#define EG_TCP_STEP (1u << 17)
#define EG_TCP_AHEAD                                                                               \
	(EG_TCP_STEP + (1u << 17)) /* plus as much that was lost before the gateway                \
				    */

/* Sequence numbers of a packet; all 0 except for TCP. */
struct eg_segment {
	uint32_t end; /* sequence number after its last byte; SYN and FIN count as one */
	uint32_t ack; /* 0 without ACK */
};

/* Is `at` between `next` - EG_TCP_BACK and `next` + ahead? */
static inline bool eg_tcp_near(uint32_t at, uint32_t next, uint32_t ahead)
{
	return at - next + EG_TCP_BACK < EG_TCP_BACK + ahead;
}

/* Parse a TCP header of at least 20 bytes; the packet has l4_len bytes from there. */
struct eg_segment eg_tcp_segment(const uint8_t *l4, uint32_t l4_len);

#endif
