/* Dead peer detection: a peer is probed by ICMP echo through its tunnel, and is up as long as it
 * answers.
 *
 * Life cycle: eg_liveness_new() when a tunnel is added or changed so that it is probed; shared by
 * the tunnel's versions, so that a reload neither forgets that a peer is down nor starts anew;
 * freed with the last version that has it. A peer is up until it was silent for too long.
 *
 * Synchronization: one worker sends the probes and decides (`worker`); any worker may receive a
 * reply, because it comes by whichever SA the peer chose; all workers read the state. The control
 * thread counts references.
 *
 * Probes are sent a little more often than `interval` (RFC 5880 s6.8.7): so the last one is sent
 * before the detection time is over, and peers that were configured together are not probed in
 * step. */

/* clang-format off */
/*
 *	up -> down    no reply for interval * threshold (RFC 5880 s6.8.4's detection time), or the
 *	              port has no link
 *	down -> up    `threshold` probes in a row were answered
 */
/* clang-format on */
#ifndef EG_TUNNEL_LIVENESS_H
#define EG_TUNNEL_LIVENESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* A reply to one of the last so many probes still counts: a round trip may be longer than the
 * interval. */
#define EG_LIVENESS_LATE 16

struct eg_liveness {
	/* Fixed. */
	uint16_t id;      /* of its echo requests: random, another one with each start */
	uint16_t worker;  /* that probes */
	uint16_t workers; /* how many there are */

	/* Written by the probing worker. */
	_Atomic bool down;
	_Atomic uint32_t requests; /* sent; the number of the last one */
	_Atomic uint32_t changes;  /* of `down` */
	_Atomic uint64_t since_ns; /* of the last one; 0: none yet. Monotonic, as all times here */
	uint64_t polled_ns;        /* 0: never */
	uint64_t answered_ns;
	uint64_t next_ns;             /* when the next probe is due */
	uint32_t answered_before;     /* `answered`, at the last poll */
	uint32_t answered_at_request; /* the same, when the last probe was sent */
	uint32_t in_a_row;            /* down: answered probes */

	/* Written by any worker that receives a reply. */
	_Alignas(64) _Atomic uint32_t answered; /* number of the newest request that was */
	_Atomic uint64_t answers;

	/* The control thread's. */
	_Alignas(64) unsigned refs;
	uint32_t logged; /* changes that are in the log */

	/* Packets that would have taken this tunnel, and took another one: a cache line per worker.
	 */
	struct {
		_Alignas(64) _Atomic uint64_t packets;
	} rerouted[];
};

/* What the configuration says about probing. */
struct eg_liveness_plan {
	uint64_t interval_ns;
	uint32_t threshold; /* 1.. */
};

/* NULL if memory is short or there is no randomness. The one reference is the caller's. */
struct eg_liveness *eg_liveness_new(unsigned worker, unsigned workers);
struct eg_liveness *eg_liveness_retain(struct eg_liveness *liveness);
void eg_liveness_release(struct eg_liveness *liveness); /* NULL is allowed */

/* Decide whether the peer is up, and whether a probe is due now: then its sequence number is
 * eg_liveness_sequence(). The probing worker only, often compared with the interval. Time in which
 * it did not poll does not count as the peer's silence. */
bool eg_liveness_poll(struct eg_liveness *liveness, const struct eg_liveness_plan *plan,
		      uint64_t now_ns);

/* Nothing can reach it, because its port has no link: it is down at once. The probing worker only.
 */
void eg_liveness_link_down(struct eg_liveness *liveness, uint64_t now_ns);

/* As in the message. */
static inline uint16_t eg_liveness_sequence(const struct eg_liveness *liveness)
{
	return (uint16_t)atomic_load_explicit(&liveness->requests, memory_order_relaxed);
}

/* A reply with that sequence number came by the peer's own SA. One to a probe that was answered
 * already, is too old or was never sent is ignored. Any worker. */
void eg_liveness_reply(struct eg_liveness *liveness, uint16_t number);

/* May packets go there? NULL: it is not probed, so it counts as up. Any worker. */
static inline bool eg_liveness_is_up(const struct eg_liveness *liveness)
{
	return !liveness || !atomic_load_explicit(&liveness->down, memory_order_relaxed);
}

/* A packet takes another tunnel because this one is down. `worker`'s own count. */
static inline void eg_liveness_count_rerouted(struct eg_liveness *liveness, unsigned worker)
{
	_Atomic uint64_t *packets = &liveness->rerouted[worker].packets;

	atomic_store_explicit(packets, atomic_load_explicit(packets, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

/* Of all workers. Any thread. */
uint64_t eg_liveness_rerouted(const struct eg_liveness *liveness);

#endif
