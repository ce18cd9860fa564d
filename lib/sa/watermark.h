/* Watermarks: how far ahead of use an SA's sequence numbers and IVs are durably reserved, and when
 * to write again. Pure functions; sa/store.h does the writing.
 *
 * Sequence numbers are reserved in blocks: what the SA used in 8 s at its present rate, but at
 * least a fixed block, so that an idle SA skips little after a crash (RFC 6311 allows a sender to
 * skip). A block is renewed when half of it is used, which leaves 4 s for the write and for delays
 * of the control thread.
 *
 * IVs follow the wall clock if they can, so their watermark is a day ahead of the clock and is
 * renewed after half of that: two writes per day for an idle SA. After a crash IVs start at the
 * watermark, up to a day ahead of the clock; from there they count packets until the clock catches
 * up, and the watermark only needs to cover a block of them, so repeated crashes do not add up
 * days. If the clock steps back, IVs keep counting in the same way. If it jumps past the watermark,
 * they keep counting below it until the control thread has written a new one (eg_sa_first_iv()).
 *
 * `spread` (0 to EG_SPREAD - 1, constant per SA) keeps SAs that were started together from being
 * due together: blocks are up to a quarter longer, IV watermarks up to a third of a day nearer.
 *
 * What an inbound SA has received is recorded behind use, once per second while packets arrive:
 * after a restart the receiver refuses everything up to there (RFC 4303 s3.4.3). After an orderly
 * stop that is exact. After a crash, packets received since the last write could be accepted once
 * more: about a second of traffic, and no more than a window of it once the peer sends again.
 * Recording ahead of use would close that gap, but then a peer's next packets would be lost up to
 * the watermark; a single TCP connection, which then sends one packet per timeout, would never get
 * there. */
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

/* What an SA has used, and when; inbound: seq is the highest received, iv is unused. */
struct eg_usage {
	uint64_t seq, iv;
	uint64_t wall_ns, mono_ns;
};

/* What is on disk. */
struct eg_watermarks {
	uint64_t seq, iv;    /* numbers up to here may be used */
	struct eg_usage was; /* when it was written */
};

/* Is a write due? `end`: the SA's last sequence number. */
bool eg_watermarks_due(const struct eg_watermarks *watermarks, const struct eg_usage *now,
		       uint64_t end);

/* Watermarks to write now. `watermarks` are the previous ones; all zero if there are none. */
struct eg_watermarks eg_watermarks_next(const struct eg_watermarks *watermarks,
					const struct eg_usage *now, uint64_t end, bool esn,
					unsigned spread);

/* The same for an inbound SA. */
bool eg_received_due(const struct eg_watermarks *watermarks, const struct eg_usage *now);
struct eg_watermarks eg_received_next(const struct eg_usage *now);

/* Seconds until the reserved sequence numbers run out at rate `pps`, or at the rate since the last
 * write if that is higher. The most urgent SA is written first. */
double eg_watermarks_seconds_left(const struct eg_watermarks *watermarks,
				  const struct eg_usage *now, double pps);

#endif
