/* Single-step a function under two sets of secrets: no branch and no address may depend on them. */
#ifndef CRYPTO_STEPS_H
#define CRYPTO_STEPS_H

#include "crypto/bursts.h"

#if defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer)
#else
#define SANITIZED 0
#endif

/* Skips the test if a sanitizer adds branches of its own. */
void require_unsanitized(void);

/* Run `function` under two sets of keys, salts and texts at the same addresses, instruction by
 * instruction: it must execute the same instructions, and with `registers` with the same general
 * registers. Of the burst the first n packets are used; for `opens` they are sealed with b->one.
 * Skips the test if the system does not allow tracing. */
void check_steps(struct burst *b, unsigned n, bool opens, void (*function)(struct burst *b),
		 bool registers);

#endif
