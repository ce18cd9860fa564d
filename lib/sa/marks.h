/* How far ahead of use an outbound SA's numbers are durably reserved, and when it is time to write
 * again. Pure functions; sa/store.h does the writing.
 *
 * Sequence numbers are reserved in blocks: what the SA used in 8 s at its present rate, at least a
 * fixed block, so that an idle SA skips little after a crash (RFC 6311 lets a sender skip). A block
 * half used is renewed: 4 s for a write and whatever else keeps the control thread.
 *
 * IVs follow the wall clock where they can, so their mark lies a day ahead of the clock, and is
 * renewed after half of that: two writes a day for an SA that is idle. After a crash IVs begin
 * behind the mark, up to a day ahead of the clock; from there they count packets until the clock
 * catches up, and the mark needs only cover a block of them: crashes do not add up days. Where the
 * clock steps back IVs count on in the same way; where it jumps beyond the mark, they count on
 * below it until the control thread has written a new one (eg_sa_first_iv()). */
#ifndef EG_SA_MARKS_H
#define EG_SA_MARKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

#define EG_SEQ_BLOCK_ESN (1ull << 24)
#define EG_SEQ_BLOCK     (1ull << 20) /* of 2^32 numbers: 4,096 crashes */
#define EG_SEQ_BLOCK_MAX (1ull << 40)
#define EG_SEQ_AHEAD_NS  (8 * EG_NS_PER_S)
#define EG_IV_AHEAD_NS   (24 * 3600 * EG_NS_PER_S)

/* What an outbound SA has used, and when. */
struct eg_usage {
	uint64_t seq, iv;
	uint64_t wall_ns, mono_ns;
};

/* What is on disk. */
struct eg_marks {
	uint64_t seq, iv;    /* may be used up to here */
	struct eg_usage was; /* at the time of writing */
};

/* Is it time to write? `end`: the SA's last sequence number of all. */
bool eg_marks_due(const struct eg_marks *marks, const struct eg_usage *now, uint64_t end);

/* The marks to write now. `marks` are those before; all zero where there are none. */
struct eg_marks eg_marks_next(const struct eg_marks *marks, const struct eg_usage *now,
			      uint64_t end, bool esn);

#endif
