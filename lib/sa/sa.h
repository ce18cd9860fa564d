/* One security association: what stays for its life, and the hot state of its one direction.
 *
 * Life cycle: created by the SA store (sa/store.h) when a configuration first names it, shared by
 * every snapshot that names it unchanged, freed after the last one retired. It outlives snapshots
 * because rebuilding it would start its sequence numbers and IVs again.
 *
 * Synchronization: an inbound SA belongs to one worker (`owner`); others hand packets over. An
 * outbound SA is written by one worker, or where `shared` by several, then with atomic operations.
 * Counters may be read by any thread at any time. */
#ifndef EG_SA_SA_H
#define EG_SA_SA_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/suite.h"
#include "crypto/crypto.h"
#include "sa/replay.h"

#define EG_CACHE_LINE 64

enum eg_sa_kind {
	EG_SA_KIND_OUT,
	EG_SA_KIND_IN,
};

struct eg_sa {
	/* Fixed: read by every worker. */
	const struct eg_crypto_key *key;
	const struct eg_suite *suite;
	uint32_t spi_be;
	uint16_t owner; /* inbound: index of the worker that opens */
	uint8_t kind;
	uint8_t iv_bytes, icv_bytes, align_bytes;
	uint8_t iv_kind; /* enum eg_iv_kind */
	bool esn;
	bool shared; /* outbound: several workers send on it */

	/* Hot: the writer's lines. */
	_Alignas(EG_CACHE_LINE) _Atomic uint64_t seq; /* outbound: last sequence number given out */
	_Atomic uint64_t iv;                          /* outbound: last IV given out */
	_Atomic uint64_t packets, bytes;              /* inner packets and their bytes */
	struct eg_replay replay;                      /* inbound */

	/* The control thread's. */
	_Alignas(EG_CACHE_LINE) unsigned refs;
};

_Static_assert(offsetof(struct eg_sa, seq) == EG_CACHE_LINE, "fixed part fills one line");
_Static_assert(offsetof(struct eg_sa, refs) == 2 * EG_CACHE_LINE, "hot part fills one line");

/* What a sender may use for one burst. */
struct eg_sa_grant {
	uint64_t seq, iv; /* of the first packet; each next one adds 1 */
	unsigned n;       /* how many packets: fewer than asked where sequence numbers run out */
};

/* Reserve sequence numbers and IVs for a burst of n packets. The sequence never wraps (RFC 4303
 * s3.3.3). The IV is a hybrid clock: wall time in ns, but always beyond the last one, so that it
 * neither repeats inside a run nor after a restart while the clock moves on (RFC 4106 s3.1 wants
 * the IV unique for a key). Suites whose IV is not of the clock (CBC's, RFC 3602 s3) let it lie. The
 * writer's worker only. */
static inline struct eg_sa_grant eg_sa_reserve(struct eg_sa *sa, unsigned n, uint64_t wall_ns)
{
	const uint64_t limit = sa->esn ? UINT64_MAX : UINT32_MAX;
	uint64_t seq = atomic_load_explicit(&sa->seq, memory_order_relaxed);
	uint64_t iv = atomic_load_explicit(&sa->iv, memory_order_relaxed);
	uint64_t first_iv;
	unsigned granted;

	do {
		granted = limit - seq < n ? (unsigned)(limit - seq) : n;
		if (!sa->shared) {
			atomic_store_explicit(&sa->seq, seq + granted, memory_order_relaxed);
			break;
		}
	} while (!atomic_compare_exchange_weak_explicit(
		&sa->seq, &seq, seq + granted, memory_order_relaxed, memory_order_relaxed));
	do {
		first_iv = wall_ns > iv ? wall_ns : iv + 1;
		if (!sa->shared) {
			atomic_store_explicit(&sa->iv, first_iv + granted - 1,
					      memory_order_relaxed);
			break;
		}
	} while (!atomic_compare_exchange_weak_explicit(
		&sa->iv, &iv, first_iv + granted - 1, memory_order_relaxed, memory_order_relaxed));
	return (struct eg_sa_grant){.seq = seq + 1, .iv = first_iv, .n = granted};
}

/* Count what a burst carried through this SA. The writer's worker only. */
static inline void eg_sa_count(struct eg_sa *sa, uint64_t packets, uint64_t bytes)
{
	if (sa->shared) {
		atomic_fetch_add_explicit(&sa->packets, packets, memory_order_relaxed);
		atomic_fetch_add_explicit(&sa->bytes, bytes, memory_order_relaxed);
		return;
	}
	packets += atomic_load_explicit(&sa->packets, memory_order_relaxed);
	bytes += atomic_load_explicit(&sa->bytes, memory_order_relaxed);
	atomic_store_explicit(&sa->packets, packets, memory_order_relaxed);
	atomic_store_explicit(&sa->bytes, bytes, memory_order_relaxed);
}

#endif
