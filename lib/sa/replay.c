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
