/* The anti-replay window of an inbound SA (RFC 4303 s3.4.3, appendix A).
 *
 * Two steps, because a forged packet must not move the window: eg_replay_check() before crypto time
 * is spent, eg_replay_commit() after the ICV was verified. Two copies in one burst both pass the
 * check; the second one fails at the commit.
 *
 * Life cycle: init on memory of eg_replay_bytes() -> check, commit by the one worker that owns the
 * SA. No locks: one writer, and nobody else reads the bits.
 *
 * Bits form a ring of words addressed by sequence number (RFC 6479): moving the window clears the
 * words it enters and shifts nothing. The ring has a word more than the window needs, so that the
 * window is exactly `size` wide wherever in a word its right edge lies. */
#ifndef EG_SA_REPLAY_H
#define EG_SA_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "espgate/drop.h"

#define EG_REPLAY_MIN     32
#define EG_REPLAY_DEFAULT 64
#define EG_REPLAY_MAX     8192

struct eg_replay {
	uint64_t top;   /* highest authenticated sequence number, 0 at first */
	uint32_t size;  /* packets; 0: the check is off */
	uint32_t words; /* of the ring, a power of two */
	uint64_t *bits;
	uint32_t failed; /* consecutive packets that failed authentication */
	uint32_t tried;  /* how far ahead the high half was searched (path/resync.h) */
};

/* Bytes of ring for a window of `size` packets. */
size_t eg_replay_bytes(uint32_t size);

/* Start with an empty window on zeroed memory of eg_replay_bytes(size), owned by the caller. */
void eg_replay_init(struct eg_replay *replay, uint32_t size, uint64_t *bits);

/* Continue where another receiver stopped: `top` is the highest number received. Bit k of `seen`
 * (bit k % 64 of word k / 64) says whether top - k was received; numbers beyond n_words count as
 * received. Only on a newly initialized window. */
void eg_replay_restore(struct eg_replay *replay, uint64_t top, const uint64_t *seen,
		       size_t n_words);

/* Infer the 64-bit sequence number from a packet's low half (RFC 4303 appendix A2.2). Late packets
 * need it even if the check is off: then the longest window is used to tell the halves apart. */
static inline uint64_t eg_replay_infer(const struct eg_replay *replay, uint32_t low)
{
	uint32_t width = replay->size ? replay->size : EG_REPLAY_MAX;
	uint32_t top_low = (uint32_t)replay->top, top_high = (uint32_t)(replay->top >> 32);
	uint32_t left = top_low - width + 1; /* left edge; wraps where the window spans 2^32 */
	uint32_t high = top_high;

	if (top_low >= width - 1)
		high += low < left; /* case A: left of the window means the next subspace */
	else
		high -= high && low >= left; /* case B: the window reaches into the previous
						subspace, except in the first one */
	return (uint64_t)high << 32 | low;
}

/* A packet was not authentic. */
static inline void eg_replay_failed(struct eg_replay *replay)
{
	replay->failed += replay->failed != UINT32_MAX;
}

/* Would seq be accepted now? EG_PASS, EG_DROP_ESP_REPLAY_OLD or EG_DROP_ESP_REPLAY_SEEN. */
static inline enum eg_verdict eg_replay_check(const struct eg_replay *replay, uint64_t seq)
{
	if (!replay->size)
		return EG_PASS;
	if (seq == 0)
		return EG_DROP_ESP_REPLAY_SEEN; /* senders start at 1: RFC 4303 s3.3.3 */
	if (seq > replay->top)
		return EG_PASS;
	if (replay->top - seq >= replay->size)
		return EG_DROP_ESP_REPLAY_OLD;
	return replay->bits[seq / 64 & (replay->words - 1)] >> seq % 64 & 1
		       ? EG_DROP_ESP_REPLAY_SEEN
		       : EG_PASS;
}

/* Accept an authenticated seq: move the window and mark it, unless it is old or seen by now. */
static inline enum eg_verdict eg_replay_commit(struct eg_replay *replay, uint64_t seq)
{
	enum eg_verdict drop = eg_replay_check(replay, seq);

	if (drop)
		return drop;
	if (seq > replay->top) {
		uint64_t from = replay->top / 64 + 1, to = seq / 64;

		if (replay->size && to >= from) {
			if (to - from >= replay->words)
				from = to - replay->words + 1;
			for (uint64_t word = from; word <= to; word++)
				replay->bits[word & (replay->words - 1)] = 0;
		}
		replay->top = seq;
	}
	if (replay->size)
		replay->bits[seq / 64 & (replay->words - 1)] |= 1ull << seq % 64;
	return EG_PASS;
}

#endif
