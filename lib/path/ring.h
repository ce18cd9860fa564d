/* rte_ring_empty() without a data race: it reads the producer's tail without an atomic operation,
 * which ThreadSanitizer reports. */
#ifndef EG_PATH_RING_H
#define EG_PATH_RING_H

#include <rte_ring.h>

/* Does the ring hold anything? A hint, for its only consumer. */
static inline bool eg_ring_has_some(const struct rte_ring *ring)
{
	return __atomic_load_n(&ring->prod.tail, __ATOMIC_RELAXED) !=
	       __atomic_load_n(&ring->cons.tail, __ATOMIC_RELAXED);
}

#endif
