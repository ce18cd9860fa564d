/* Bit mixing for hash tables (the finalizer of MurmurHash3's 64-bit variant). Not sufficient for
 * hostile keys: a table that outsiders can fill must add a random seed. */
#ifndef EG_BASE_HASH_H
#define EG_BASE_HASH_H

#include <stdint.h>

static inline uint64_t eg_hash_u64(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdull;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ull;
	return x ^ x >> 33;
}

#endif
