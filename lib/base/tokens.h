/* A token bucket as one number: the time at which all that was taken will be paid for (the generic
 * cell rate algorithm, ITU-T I.371). Zeroed memory is a full bucket. One thread's. */
#ifndef EG_BASE_TOKENS_H
#define EG_BASE_TOKENS_H

#include <stdbool.h>
#include <stdint.h>

struct eg_tokens {
	uint64_t paid; /* in the caller's clock */
};

/* Is a token left? */
static inline bool eg_tokens_left(const struct eg_tokens *tokens, uint64_t now, uint64_t each,
				  uint64_t burst)
{
	return tokens->paid <= now || tokens->paid - now <= each * (burst - 1);
}

/* May one more pass now? `each` is the time a token costs, `burst` how many may pass at once. */
static inline bool eg_tokens_take(struct eg_tokens *tokens, uint64_t now, uint64_t each,
				  uint64_t burst)
{
	uint64_t from = tokens->paid > now ? tokens->paid : now;

	if (from - now > each * (burst - 1))
		return false;
	tokens->paid = from + each;
	return true;
}

#endif
