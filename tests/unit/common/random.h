/* Reproducible random input: the seed is printed, and EG_SEED sets it. */
#ifndef TEST_COMMON_RANDOM_H
#define TEST_COMMON_RANDOM_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct rng {
	uint64_t state;
};

/* SplitMix64 (Steele, Lea, Flood 2014). */
static inline uint64_t rng_next(struct rng *rng)
{
	uint64_t z = rng->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* 0 .. n-1 */
static inline uint64_t rng_below(struct rng *rng, uint64_t n)
{
	return rng_next(rng) % n;
}

static inline void rng_fill(struct rng *rng, void *out, size_t n)
{
	uint8_t *at = out;

	while (n) {
		uint64_t word = rng_next(rng);
		size_t part = n < sizeof(word) ? n : sizeof(word);

		memcpy(at, &word, part);
		at += part;
		n -= part;
	}
}

static inline struct rng rng_start(const char *test)
{
	const char *given = getenv("EG_SEED");
	struct timespec now;
	uint64_t seed;

	clock_gettime(CLOCK_REALTIME, &now);
	seed = given ? strtoull(given, NULL, 0)
		     : (uint64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
	printf("%s: EG_SEED=%llu\n", test, (unsigned long long)seed);
	fflush(stdout);
	return (struct rng){seed};
}

#endif
