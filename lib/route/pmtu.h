/* What the path to a peer's outer address was learned to carry (RFC 4301 s4.4.2.1, s8.2.1; RFC
 * 1191, RFC 8201): less than the port does, for some time.
 *
 * Life cycle: eg_pmtu_new() with a peer's first snapshot; shared by every one that has the same
 * peer, so that a reload forgets nothing; freed with the last of them. Any worker may learn, all
 * workers read, the control thread lets it age and tells of it; references are its to count. */
#ifndef EG_ROUTE_PMTU_H
#define EG_ROUTE_PMTU_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define EG_PMTU_NONE  UINT16_MAX /* nothing is learned */
#define EG_PMTU_MIN4  576        /* not less is believed: RFC 791 s3.1's least that all must take */
#define EG_PMTU_MIN6  1280       /* RFC 8201 s4 */
#define EG_PMTU_AGE_S 600        /* RFC 1191 s6.3: then the larger one is tried again */

struct eg_pmtu {
	_Atomic uint64_t word; /* bytes in the low 16 bits; above them the second in which they were
				  last told */

	/* The control thread's. */
	unsigned refs;
	uint16_t told; /* what the log says */
};

/* NULL where memory is short. */
struct eg_pmtu *eg_pmtu_new(void);
struct eg_pmtu *eg_pmtu_retain(struct eg_pmtu *pmtu);
void eg_pmtu_release(struct eg_pmtu *pmtu); /* NULL is allowed */

/* Nothing is learned yet. Before any worker sees it. */
void eg_pmtu_init(struct eg_pmtu *pmtu);

/* Forget what was learned. Any thread. */
void eg_pmtu_forget(struct eg_pmtu *pmtu);

/* EG_PMTU_NONE or the bytes of an outer packet. Any thread. */
static inline unsigned eg_pmtu_get(const struct eg_pmtu *pmtu)
{
	return (uint16_t)atomic_load_explicit(&pmtu->word, memory_order_relaxed);
}

/* Somebody who may be believed told so, in this second of a clock that does not step back. A larger
 * one than is known changes nothing; the same again begins its time anew. Any thread. */
void eg_pmtu_learn(struct eg_pmtu *pmtu, uint16_t bytes, uint32_t now_s);

/* Would that change anything? Any thread. */
static inline bool eg_pmtu_is_news(const struct eg_pmtu *pmtu, uint16_t bytes, uint32_t now_s)
{
	uint64_t word = atomic_load_explicit(&pmtu->word, memory_order_relaxed);

	return bytes < (uint16_t)word ||
	       (bytes == (uint16_t)word && (uint32_t)(word >> 16) != now_s);
}

/* Forget what is older than EG_PMTU_AGE_S. Any thread. */
void eg_pmtu_age(struct eg_pmtu *pmtu, uint32_t now_s);

/* The number of a router of before RFC 1191, which tells none, about a packet of `bytes`: the next
 * smaller one of common links (RFC 1191 s7). Pure. */
uint16_t eg_pmtu_plateau(uint16_t bytes);

#endif
