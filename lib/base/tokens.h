/* A token bucket stored as one number: the theoretical arrival time of the generic cell rate
 * algorithm (ITU-T I.371). Zeroed memory is a full bucket. Not thread-safe. */
#ifndef EG_BASE_TOKENS_H
#define EG_BASE_TOKENS_H

#include <stdbool.h>
#include <stdint.h>

struct eg_tokens {
	uint64_t full_at; /* when the bucket is full again, in the caller's clock */
};

/* True if a token is available. */
static inline bool eg_tokens_left(const struct eg_tokens *tokens, uint64_t now, uint64_t each,
				  uint64_t burst)
{
	return tokens->full_at <= now || tokens->full_at - now <= each * (burst - 1);
}

/* Take one token; false if none is available. `each` is the time to refill one token, `burst` the
 * size of the bucket. */
static inline bool eg_tokens_take(struct eg_tokens *tokens, uint64_t now, uint64_t each,
				  uint64_t burst)
{
	uint64_t from = tokens->full_at > now ? tokens->full_at : now;

	if (from - now > each * (burst - 1))
		return false;
	tokens->full_at = from + each;
	return true;
}

#endif
