/* Is a peer alive? It is asked by ICMP echo through its tunnel, and lives as long as it answers.
 *
 * Life cycle: eg_liveness_new() when a configuration first says that a peer is to be checked;
 *shared by every snapshot that has the same peer, so that a reload neither forgets a dead peer nor
 *asks a living one anew; freed with the last of them. A peer lives until it was silent for too
 *long.
 *
 * Synchronization: one worker asks and judges (`worker`); any worker may hear an answer, since an
 * answer comes by whichever SA the peer chose; all workers read the verdict. References are the
 * control thread's to count.
 *
 *	alive -> dead    no answer for interval * threshold (RFC 5880 s6.8.4's detection time), or
 *no link to it dead -> alive    `threshold` requests in a row were answered
 *
 * Requests go out a little more often than `interval` says (RFC 5880 s6.8.7): so the last of them
 *is on its way before time is over, and peers that were configured together are not asked in step.
 */
#ifndef EG_ROUTE_LIVENESS_H
#define EG_ROUTE_LIVENESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* An answer to one of so many last requests still counts: a way may take longer than the interval.
 */
#define EG_LIVENESS_LATE 16

struct eg_liveness {
	/* Fixed. */
	uint16_t id;      /* of its echo requests: random, another one with each start */
	uint16_t worker;  /* who asks */
	uint16_t workers; /* how many there are */

	/* The asker's to write. */
	_Atomic bool dead;
	_Atomic uint32_t asked;    /* requests; the number of the last one */
	_Atomic uint32_t changes;  /* of `dead` */
	_Atomic uint64_t since_ns; /* of the last one; 0: none yet. Monotonic, as all times here */
	uint64_t polled_ns;        /* 0: not begun */
	uint64_t answered_ns;
	uint64_t next_ns;             /* when to ask again */
	uint32_t heard;               /* of `answered`, at the last look */
	uint32_t answered_at_request; /* the same, when it was last asked */
	uint32_t in_a_row;            /* dead: answered requests */

	/* Whoever hears. */
	_Alignas(64) _Atomic uint32_t answered; /* number of the newest request that was */
	_Atomic uint64_t answers;

	/* The control thread's. */
	_Alignas(64) unsigned refs;
	uint32_t told; /* changes that are in the log */

	/* Packets whose first choice this peer is, and that went by another: one line a worker. */
	struct {
		_Alignas(64) _Atomic uint64_t packets;
	} moved[];
};

/* What the configuration says of asking. */
struct eg_liveness_plan {
	uint64_t interval_ns;
	uint32_t threshold; /* 1.. */
};

/* NULL where memory is short or there is no randomness. The one reference is the caller's. */
struct eg_liveness *eg_liveness_new(unsigned worker, unsigned workers);
struct eg_liveness *eg_liveness_retain(struct eg_liveness *liveness);
void eg_liveness_release(struct eg_liveness *liveness); /* NULL is allowed */

/* Judge, and say whether a request is to be sent now: then its number is eg_liveness_sequence().
 * The asker only, often compared with the interval. Time in which nobody looked is not held against
 * the peer: then it was the asker who was silent. */
bool eg_liveness_poll(struct eg_liveness *liveness, const struct eg_liveness_plan *plan,
		      uint64_t now_ns);

/* Nothing can reach it, as its port has no link: it is dead without further waiting. The asker. */
void eg_liveness_link_down(struct eg_liveness *liveness, uint64_t now_ns);

/* As it stands in the message. */
static inline uint16_t eg_liveness_sequence(const struct eg_liveness *liveness)
{
	return (uint16_t)atomic_load_explicit(&liveness->asked, memory_order_relaxed);
}

/* An answer with that number came by the peer's own SA. One to a request that was answered already,
 * or that is too old or was never sent, says nothing. Any worker. */
void eg_liveness_reply(struct eg_liveness *liveness, uint16_t number);

/* May packets go there? NULL: nobody asks, so nothing speaks against it. Any worker. */
static inline bool eg_liveness_is_up(const struct eg_liveness *liveness)
{
	return !liveness || !atomic_load_explicit(&liveness->dead, memory_order_relaxed);
}

/* A packet of this peer's goes by another. `worker`'s own count. */
static inline void eg_liveness_count_rerouted(struct eg_liveness *liveness, unsigned worker)
{
	_Atomic uint64_t *packets = &liveness->moved[worker].packets;

	atomic_store_explicit(packets, atomic_load_explicit(packets, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

/* Of all workers. Any thread. */
uint64_t eg_liveness_rerouted(const struct eg_liveness *liveness);

#endif
