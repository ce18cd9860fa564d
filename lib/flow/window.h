/* Where in TCP's sequence space each end of a connection is, as a gateway between them sees it, and
 * which segments are believed (RFC 9293 s3.10.7.4; the idea of RFC 5961).
 *
 * A connection's entry has one number for each end: the next sequence number after what that end
 * was last seen to send. A segment is in the window if it ends near that number, or if it
 * acknowledges what is near the other end's number. A segment out of the window is still forwarded,
 * since only the ends know their windows exactly, but it neither ends the connection nor moves
 * these numbers: who cannot see the segments needs about 11,000 guesses.
 *
 * Numbers may lag behind by EG_TCP_STEP, so that a packet of a connection in the worker's cache
 * need not write to the shared entry. 0 means unknown, and stands in entries of other protocols,
 * whose packets have 0 for all of these: they are always in the window. Pure; any thread. */
#ifndef EG_FLOW_WINDOW_H
#define EG_FLOW_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#define EG_TCP_BACK  (1u << 17) /* retransmissions, and resets that answer data still in flight */
#define EG_TCP_STEP  (1u << 17)
#define EG_TCP_AHEAD (EG_TCP_STEP + (1u << 17)) /* and as much that was lost before the gateway */

/* What a packet says of its place; all 0 but for TCP. */
struct eg_segment {
	uint32_t end; /* sequence number after its last byte; SYN and FIN count as one */
	uint32_t ack; /* 0 without ACK */
};

/* Is `at` between `next` - EG_TCP_BACK and `next` + ahead? */
static inline bool eg_tcp_near(uint32_t at, uint32_t next, uint32_t ahead)
{
	return at - next + EG_TCP_BACK < EG_TCP_BACK + ahead;
}

/* Read it from a TCP header of at least 20 bytes, in a packet that has l4_len bytes from there. */
struct eg_segment eg_tcp_segment(const uint8_t *l4, uint32_t l4_len);

#endif
