/* The path MTU to a peer's outer address, as it was learned (RFC 4301 s4.4.2.1, s8.2.1; RFC 1191,
 * RFC 8201): less than the port's MTU, for some time.
 *
 * Life cycle: part of the tunnel's state, so that a change of the tunnel forgets nothing. Any
 * worker may learn, all workers read, the control thread ages and logs it. */
#ifndef EG_TUNNEL_PMTU_H
#define EG_TUNNEL_PMTU_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define EG_PMTU_NONE  UINT16_MAX /* nothing is learned */
#define EG_PMTU_MIN4  576        /* not less is believed: RFC 791 s3.1's least that all must take */
#define EG_PMTU_MIN6  1280       /* RFC 8201 s4 */
#define EG_PMTU_AGE_S 600        /* RFC 1191 s6.3: then the larger one is tried again */

struct eg_pmtu {
	_Atomic uint64_t word; /* bytes in the low 16 bits; above them the second in which they were
				  last reported */

	/* The control thread's. */
	uint16_t logged; /* bytes that the log says */
};

/* Nothing is learned yet. Before any worker sees it. */
void eg_pmtu_init(struct eg_pmtu *pmtu);

/* These three return true if the path MTU changed. Then the caller calls eg_tunnel_touch(). */

/* Forget what was learned. Any thread. */
bool eg_pmtu_forget(struct eg_pmtu *pmtu);

/* A credible message reported it, in this second of a clock that does not step back. A larger one
 * than is known changes nothing; the same one again renews its time. Any thread. */
bool eg_pmtu_learn(struct eg_pmtu *pmtu, uint16_t bytes, uint32_t now_s);

/* Forget what is older than EG_PMTU_AGE_S. Any thread. */
bool eg_pmtu_age(struct eg_pmtu *pmtu, uint32_t now_s);

/* EG_PMTU_NONE or the bytes of an outer packet. Any thread. */
static inline unsigned eg_pmtu_get(const struct eg_pmtu *pmtu)
{
	return (uint16_t)atomic_load_explicit(&pmtu->word, memory_order_relaxed);
}

/* Would learning it change anything? Any thread. */
static inline bool eg_pmtu_is_news(const struct eg_pmtu *pmtu, uint16_t bytes, uint32_t now_s)
{
	uint64_t word = atomic_load_explicit(&pmtu->word, memory_order_relaxed);

	return bytes < (uint16_t)word ||
	       (bytes == (uint16_t)word && (uint32_t)(word >> 16) != now_s);
}

/* The path MTU to assume when a router from before RFC 1191 reports none for a packet of `bytes`:
 * the next smaller one of common links (RFC 1191 s7). Pure. */
uint16_t eg_pmtu_plateau(uint16_t bytes);

#endif
