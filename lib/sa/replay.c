#include "sa/replay.h"

#include <string.h>

static uint32_t ring_words(uint32_t size)
{
	uint32_t words = 1;

	while (words * 64 < size + 64)
		words *= 2;
	return words;
}

size_t eg_replay_bytes(uint32_t size)
{
	return size ? ring_words(size) * sizeof(uint64_t) : 0;
}

void eg_replay_init(struct eg_replay *replay, uint32_t size, uint64_t *bits)
{
	*replay = (struct eg_replay){
		.size = size, .words = size ? ring_words(size) : 0, .bits = bits};
}

void eg_replay_restore(struct eg_replay *replay, uint64_t top, const uint64_t *seen, size_t n_words)
{
	replay->top = top;
	if (!replay->size || !top)
		return;
	memset(replay->bits, 0xff, eg_replay_bytes(replay->size));
	/* Words that the window enters are cleared as a whole. */
	for (uint64_t seq = top + 1; seq % 64; seq++)
		replay->bits[seq / 64 & (replay->words - 1)] &= ~(1ull << seq % 64);
	for (uint64_t k = 0; k < replay->size && k < top && k < 64 * (uint64_t)n_words; k++) {
		uint64_t seq = top - k;

		if (!(seen[k / 64] >> k % 64 & 1))
			replay->bits[seq / 64 & (replay->words - 1)] &= ~(1ull << seq % 64);
	}
}
