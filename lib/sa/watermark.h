/* How far ahead of use an SA's sequence numbers and IVs are durably reserved, and when the next
 * reservation is due. Pure functions; sa/store.h does the writing.
 *
 * Sequence numbers are reserved in blocks: as many as the SA uses in 8 s at its present rate, and
 * at least a fixed block, so that an idle SA skips few of them after a crash (RFC 6311 allows a
 * sender to skip). A block is renewed when half of it is used: 4 s are left for the write and for
 * whatever delays the control thread.
 *
 * IVs follow the wall clock where possible, so their watermark is a day ahead of the clock, and is
 * renewed after half a day: two writes per day for an idle SA. After a crash IVs begin at the
 * watermark, up to a day ahead of the clock; from there they count packets until the clock catches
 * up, and the watermark only covers a block of them, so that crashes do not add up days. If the
 * clock steps back, IVs count on in the same way; if it jumps beyond the watermark, they count on
 * below it until the control thread has written a new one (eg_sa_first_iv()).
 *
 * `spread` (0 to EG_SPREAD - 1, a constant of the SA) keeps SAs that were started together from
 * being due together: blocks are up to a quarter longer, IV watermarks up to a third of a day
 * nearer.
 *
 * What an inbound SA has received is recorded after use, once per second while packets arrive: a
 * restarted receiver refuses everything up to there (RFC 4303 s3.4.3). After an orderly stop that
 * is exact. After a crash, what arrived since the last write could be accepted once more: about a
 * second of traffic, and no more than a window of it as soon as the peer sends again. Recording
 * ahead of use would prevent that, but a peer's next packets would be lost up to the watermark; a
 * lone TCP connection, which then sends one packet per timeout, would never reach it. */
#ifndef EG_SA_WATERMARK_H
#define EG_SA_WATERMARK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

#define EG_SEQ_BLOCK_ESN (1ull << 24)
#define EG_SEQ_BLOCK     (1ull << 20) /* of 2^32 numbers: 4,096 crashes */
#define EG_SEQ_BLOCK_MAX (1ull << 40)
#define EG_SEQ_AHEAD_NS  (8 * EG_NS_PER_S)
#define EG_IV_AHEAD_NS   (24 * 3600 * EG_NS_PER_S)
#define EG_SPREAD        65536u

#define EG_RECEIVED_NS (EG_NS_PER_S)

/* What an SA has used, and when; inbound: seq is the highest received, iv nothing. */
struct eg_usage {
	uint64_t seq, iv;
	uint64_t wall_ns, mono_ns;
};

/* What is on disk. */
struct eg_watermarks {
	uint64_t seq, iv;    /* may be used up to here */
	struct eg_usage was; /* at the time of writing */
};

/* Is the next write due? `end`: the SA's very last sequence number. */
bool eg_watermarks_due(const struct eg_watermarks *watermarks, const struct eg_usage *now,
		       uint64_t end);

/* The watermarks to write now. `marks` are the previous ones; all zero if there are none. */
struct eg_watermarks eg_watermarks_next(const struct eg_watermarks *watermarks,
					const struct eg_usage *now, uint64_t end, bool esn,
					unsigned spread);

/* The same for an inbound SA. */
bool eg_received_due(const struct eg_watermarks *watermarks, const struct eg_usage *now);
struct eg_watermarks eg_received_next(const struct eg_usage *now);

/* Seconds until the sequence numbers of `marks` are used up, at that rate or the one since the last
 * write, whichever is higher: the order of urgency. */
double eg_watermarks_seconds_left(const struct eg_watermarks *watermarks,
				  const struct eg_usage *now, double pps);

#endif
