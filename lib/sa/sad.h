/* The inbound SA database: SPI -> SA (RFC 4301 s4.4.2; unicast SAs are found by SPI alone, which
 * the gateway chooses).
 *
 * Life cycle: eg_sad_init() -> SAs are inserted and removed individually while workers look up ->
 * eg_sad_fini(). The SAs are borrowed: the caller that removes an SA frees it after the workers'
 * grace period (rcu/rcu.h).
 *
 * Synchronization: one control thread writes; any worker reads between two quiescent states. The
 * chains run through the SAs themselves, so neither side allocates. A new SA becomes the head of
 * its chain by a release store once it is complete: a reader finds it complete or not at all. A
 * removed SA keeps its link, so that a reader on it still reaches the end of the chain. If it is
 * inserted again before that reader is done, the link leads into a chain that contains everything
 * the reader had left to visit.
 *
 * Cost: an insert or a removal touches one chain. With 2^18 chains most have one SA even with
 * 200,000 of them. The array is mapped and never moves; only used parts take memory. */
#ifndef EG_SA_SAD_H
#define EG_SA_SAD_H

#include "base/hash.h"
#include "sa/sa.h"

#define EG_SAD_BUCKETS (1u << 18)

struct eg_sad {
	_Atomic(struct eg_sa *) *head; /* EG_SAD_BUCKETS of them */
	_Atomic uint32_t n;            /* SAs */
};

/* 0 or -ENOMEM. Control thread, as are insert, remove and fini. */
int eg_sad_init(struct eg_sad *sad);
void eg_sad_fini(struct eg_sad *sad); /* zeroed memory is allowed */

/* Insert an SA, which hides an older one with the same SPI. sa->tunnel must be set, and the SA must
 * not be in a database. */
void eg_sad_insert(struct eg_sad *sad, struct eg_sa *sa);

/* Remove an SA; an older one with the same SPI is visible again. False if it is not in the
 * database. */
bool eg_sad_remove(struct eg_sad *sad, const struct eg_sa *sa);

static inline _Atomic(struct eg_sa *) *eg_sad_chain(const struct eg_sad *sad, uint32_t spi_be)
{
	return &sad->head[eg_hash_u64(spi_be) % EG_SAD_BUCKETS];
}

/* Look up a batch in three passes, so that memory is fetched in parallel: the head of each chain,
 * then the first SA, then eg_sad_find(). Any worker. */
static inline void eg_sad_prefetch(const struct eg_sad *sad, uint32_t spi_be)
{
	__builtin_prefetch(eg_sad_chain(sad, spi_be));
}

static inline void eg_sad_prefetch_sa(const struct eg_sad *sad, uint32_t spi_be)
{
	const struct eg_sa *sa =
		atomic_load_explicit(eg_sad_chain(sad, spi_be), memory_order_relaxed);

	/* may be NULL: prefetching address 0 does nothing */
	__builtin_prefetch(sa);
}

/* NULL if no SA has this SPI. Any worker. */
static inline struct eg_sa *eg_sad_find(const struct eg_sad *sad, uint32_t spi_be)
{
	/* Acquire: the SA and its links are complete. */
	struct eg_sa *sa = atomic_load_explicit(eg_sad_chain(sad, spi_be), memory_order_acquire);

	while (sa && sa->spi_be != spi_be)
		sa = atomic_load_explicit(&sa->next_in_chain, memory_order_acquire);
	return sa;
}

/* The tunnel of an inbound SA, in its current version (tunnel/tunnel.h). Any worker. */
static inline const struct eg_tunnel *eg_sa_tunnel(const struct eg_sa *sa)
{
	return atomic_load_explicit(&sa->tunnel, memory_order_acquire);
}

#endif
