/* The inbound SA database: SPI -> SA (RFC 4301 s4.4.2; unicast SAs are found by SPI alone, which is
 * ours to choose).
 *
 * Life cycle: eg_sad_init() -> SAs are inserted and removed one by one while workers look up ->
 * eg_sad_fini(). The SAs are borrowed: one that was removed is freed after the workers' grace
 * period (rcu/rcu.h), by whoever removed it.
 *
 * Synchronization: one control thread writes; any worker reads between two quiescent reports. SAs
 * are chained through themselves, so that neither side allocates. A new SA becomes the head of its
 * chain by a release store, after it was complete: a reader finds it whole or not at all. One that
 * is removed keeps its link, so that a reader that stands on it gets to the chain's end. If it is
 * inserted again before that reader is done, the link leads to a chain that contains what the
 * reader had still before it.
 *
 * Cost: an insert or a removal touches one chain. With 2^18 chains most have one SA even with
 * 200,000 of them. The array is mapped, never moves, and takes memory only as far as it is used. */
#ifndef EG_SA_SAD_H
#define EG_SA_SAD_H

#include "base/hash.h"
#include "sa/sa.h"

#define EG_SAD_BUCKETS (1u << 18)

struct eg_sad {
	_Atomic(struct eg_sa *) *head; /* EG_SAD_BUCKETS of them */
	_Atomic uint32_t n;            /* SAs */
};

/* 0 or -ENOMEM. Control thread, as insert, remove and fini. */
int eg_sad_init(struct eg_sad *sad);
void eg_sad_fini(struct eg_sad *sad); /* zeroed memory is allowed */

/* Let the SA be found, in place of an older one with the same SPI. sa->tunnel is set. It is in no
 * database. */
void eg_sad_insert(struct eg_sad *sad, struct eg_sa *sa);

/* It is no longer found; an older one with the same SPI is again. False: it is not there. */
bool eg_sad_remove(struct eg_sad *sad, const struct eg_sa *sa);

static inline _Atomic(struct eg_sa *) *eg_sad_chain(const struct eg_sad *sad, uint32_t spi_be)
{
	return &sad->head[eg_hash_u64(spi_be) % EG_SAD_BUCKETS];
}

/* Look-ups of a batch in three passes, so that their memory is fetched in parallel: the head of
 * each chain, then the SA there, then eg_sad_find(). Any worker. */
static inline void eg_sad_prefetch(const struct eg_sad *sad, uint32_t spi_be)
{
	__builtin_prefetch(eg_sad_chain(sad, spi_be));
}

static inline void eg_sad_prefetch_sa(const struct eg_sad *sad, uint32_t spi_be)
{
	const struct eg_sa *sa =
		atomic_load_explicit(eg_sad_chain(sad, spi_be), memory_order_relaxed);

	/* Of no SA: a prefetch of address 0 does nothing. */
	__builtin_prefetch(sa);
}

/* NULL where no SA has the SPI. Any worker. */
static inline struct eg_sa *eg_sad_find(const struct eg_sad *sad, uint32_t spi_be)
{
	/* Acquire: the SA is seen whole, and what it links to. */
	struct eg_sa *sa = atomic_load_explicit(eg_sad_chain(sad, spi_be), memory_order_acquire);

	while (sa && sa->spi_be != spi_be)
		sa = atomic_load_explicit(&sa->next_in_chain, memory_order_acquire);
	return sa;
}

/* The tunnel that an inbound SA belongs to, in its current version (tunnel/tunnel.h). Any worker.
 */
static inline const struct eg_tunnel *eg_sa_tunnel(const struct eg_sa *sa)
{
	return atomic_load_explicit(&sa->tunnel, memory_order_acquire);
}

#endif
