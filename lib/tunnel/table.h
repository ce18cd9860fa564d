/* The gateway's tunnels and their SAs: the living part of what workers look up.
 *
 * Life cycle: eg_tunnels_init() -> tunnels and SAs come and go one by one -> eg_tunnels_fini() when
 * no worker reads any more. There are few operations: add, change, remove a tunnel; add, replace,
 * remove an SA. Each costs the same with ten tunnels or a million (a timer costs log n), waits for
 * nobody, and affects nothing but that tunnel. One that fails for lack of memory has changed
 * nothing and may be tried again.
 *
 * Ids: a tunnel has one id for its life. Hops and groups of the world name tunnels by id, and a
 * world may be older than a tunnel's removal. So the id of a removed tunnel is not given out again
 * until eg_tunnels_recycle() has said that a world without it is published, and a grace period has
 * passed since: a stale hop leads to no tunnel, never into another one.
 *
 * Synchronization: one control thread changes; workers look up between two quiescent reports
 * (rcu/rcu.h), by one acquire load each. What a worker may see was complete before it could:
 * versions, sets and SAs are published by release stores and freed after a grace period. A worker
 * that handles a packet may meet a tunnel's new version with its old SAs or the other way round;
 * nothing depends on their agreement.
 *
 * Generations: what a packet into a tunnel depends on is its version, its set of outbound SAs, its
 * learned path MTU and its endpoint. Whoever changes one of these increments the slot's generation
 * afterwards, by a release (eg_tunnel_touch()). A worker that derives something from a tunnel loads
 * the generation first, by an acquire, and keeps it with the result. As long as the generation is
 * the same, so is the result: a worker that loads the new generation also sees the change, and one
 * that saw the change with the old generation derives the result once more than needed. This also
 * extends the time in which pointers to a version, a set or an SA of a set are valid: a worker may
 * use one that it loaded before its last quiescent report if the generation, loaded since that
 * report, is still the one that it kept with the pointer. What is unpublished is freed only after
 * a grace period that starts at the next eg_rcu_poll(), and the generation is incremented before
 * that: a worker whose report ends the grace period sees the new generation from then on, and one
 * that loaded the old generation has not reported since.
 *
 * References: SAs belong to the SA store (sa/store.h). eg_tunnel_add_sa() and its like take over
 * the caller's reference if they succeed, and release it after the SA was removed and a grace
 * period has passed. */
#ifndef EG_TUNNEL_TABLE_H
#define EG_TUNNEL_TABLE_H

#include "sa/sad.h"
#include "tunnel/rekey.h"
#include "tunnel/tunnel.h"

#define EG_TUNNELS_MAX     (1u << 20)
#define EG_TUNNELS_BUCKETS (1u << 18) /* of the tables by name and by ends */

struct eg_sa_store;

/* A tunnel's outbound SAs that may send now. Never empty: without one the slot's is NULL. */
struct eg_out_set {
	struct eg_rcu_node rcu; /* the control thread's */
	uint32_t n;
	struct eg_sa *sa[];
};

/* Both pointers that a packet into the tunnel needs: side by side, so that a packet takes as many
 * dependent loads as if the tunnel stood here. */
struct eg_tunnel_slot {
	/* NULL: none, or gone */
	_Alignas(32) _Atomic(const struct eg_tunnel *) tunnel;
	_Atomic(const struct eg_out_set *) out; /* NULL: it cannot send */
	_Atomic uint32_t generation;            /* eg_tunnel_generation() */
};

_Static_assert(sizeof(struct eg_tunnel_slot) == 32, "two slots per cache line");

/* Ids without order: workers walk it by index, a few per poll. An entry may move while they do, so
 * that a walk may miss it or meet it twice. */
struct eg_id_list {
	_Atomic uint32_t *id;
	_Atomic uint32_t n;
};

struct eg_tunnels {
	/* Fixed: arrays of EG_TUNNELS_MAX or EG_TUNNELS_BUCKETS, which never move and take memory
	 * only as far as they are used. */
	struct eg_tunnel_slot *slot;
	_Atomic(struct eg_tunnel_state *) *between; /* chains by local and remote address */
	_Atomic bool *down;                         /* by id: its probes are not answered */
	_Atomic uint32_t liveness_changes;          /* eg_tunnels_liveness_changes() */
	unsigned n_workers;

	/* The control thread writes, any worker reads. */
	struct eg_sad sad;            /* inbound SAs by SPI */
	struct eg_id_list keepalives; /* tunnels with UDP encapsulation */
	struct eg_id_list probes;     /* tunnels that are probed */

	/* The control thread's. */
	struct eg_rcu *rcu;
	struct eg_sa_store *store;
	struct eg_tunnel_state **names; /* chains by name */
	uint32_t n;                     /* tunnels */
	uint32_t n_sas;                 /* SAs of all tunnels, whatever their use */
	uint32_t end;                   /* every id is less */
	struct eg_ids *ids;             /* which ids are free, and which wait */
	struct eg_timers *timers;       /* when SAs begin and end */
};

/* The store and the RCU outlive the table; the store may be NULL where no SA is ever added. 0 or
 * -ENOMEM. Control thread, as everything below that does not say otherwise. */
int eg_tunnels_init(struct eg_tunnels *tunnels, struct eg_rcu *rcu, struct eg_sa_store *store,
		    unsigned n_workers);

/* Remove all tunnels and release their SAs. No worker reads any more. Zeroed memory is allowed. */
void eg_tunnels_fini(struct eg_tunnels *tunnels);

/* What a worker looks up. */

/* The tunnel's current version, or NULL if there is none or it is gone. Any worker. */
static inline const struct eg_tunnel *eg_tunnel_get(const struct eg_tunnels *tunnels, uint32_t id)
{
	/* Acquire: the version is seen whole. */
	return atomic_load_explicit(&tunnels->slot[id].tunnel, memory_order_acquire);
}

/* Its outbound SAs, or NULL if it has none. Any worker. */
static inline const struct eg_out_set *eg_tunnel_out(const struct eg_tunnels *tunnels, uint32_t id)
{
	return atomic_load_explicit(&tunnels->slot[id].out, memory_order_acquire);
}

/* Changes with everything that a packet into the tunnel depends on (see above). It is also
 * different when the id is given to another tunnel. Load it before anything else of the tunnel. Any
 * worker. */
static inline uint32_t eg_tunnel_generation(const struct eg_tunnels *tunnels, uint32_t id)
{
	/* Acquire: what was changed before is seen. */
	return atomic_load_explicit(&tunnels->slot[id].generation, memory_order_acquire);
}

/* Something that a packet into the tunnel depends on has just changed. Any thread. */
static inline void eg_tunnel_touch(struct eg_tunnels *tunnels, uint32_t id)
{
	/* Release: the change is visible to those who see the new generation. */
	atomic_fetch_add_explicit(&tunnels->slot[id].generation, 1, memory_order_release);
}

/* May packets go there? A tunnel that is not probed is up; one that is gone is down. One load: for
 * choosing among the gateways of a group. Any worker. */
static inline bool eg_tunnel_is_up(const struct eg_tunnels *tunnels, uint32_t id)
{
	return !atomic_load_explicit(&tunnels->down[id], memory_order_relaxed);
}

/* Changes whenever eg_tunnel_is_up() of any tunnel does: a choice among gateways that was made at
 * the same number is still right. Load it before the choice. Any worker. */
static inline uint32_t eg_tunnels_liveness_changes(const struct eg_tunnels *tunnels)
{
	/* Acquire: what was changed before is seen. */
	return atomic_load_explicit(&tunnels->liveness_changes, memory_order_acquire);
}

/* Publish whether packets may go there. The control thread, and the worker that probes it: a change
 * of either is counted after it was made. */
static inline void eg_tunnel_set_down(struct eg_tunnels *tunnels, uint32_t id, bool down)
{
	if (atomic_load_explicit(&tunnels->down[id], memory_order_relaxed) == down)
		return;
	atomic_store_explicit(&tunnels->down[id], down, memory_order_relaxed);
	/* Release: the change is visible to those who see the new number. */
	atomic_fetch_add_explicit(&tunnels->liveness_changes, 1, memory_order_release);
}

/* Publish what its liveness says, after eg_liveness_poll() or eg_liveness_link_down(). The worker
 * that probes it. */
static inline void eg_tunnel_note_liveness(struct eg_tunnels *tunnels,
					   const struct eg_tunnel *tunnel)
{
	eg_tunnel_set_down(tunnels, tunnel->id, !eg_liveness_is_up(tunnel->liveness));
}

/* The tunnels between two outer addresses, for packets that have no SPI to find them by (fragments,
 * ICMP about our packets): the first for *at = NULL, then the next one; NULL: no more. Any worker;
 * *at is valid as long as versions are. */
const struct eg_tunnel *eg_tunnels_between(const struct eg_tunnels *tunnels,
					   const struct eg_ip *local, const struct eg_ip *remote,
					   const struct eg_tunnel_state **at);

/* A hash of both addresses. Pure. */
uint32_t eg_tunnels_between_hash(const struct eg_ip *local, const struct eg_ip *remote);

static inline uint32_t eg_id_list_n(const struct eg_id_list *list)
{
	return atomic_load_explicit(&list->n, memory_order_acquire);
}

/* i < eg_id_list_n(). The tunnel may be gone by now: eg_tunnel_get(). Any worker. */
static inline uint32_t eg_id_list_at(const struct eg_id_list *list, uint32_t i)
{
	return atomic_load_explicit(&list->id[i], memory_order_relaxed);
}

/* What changes it. */

/* Add a tunnel without SAs. 0 and its id; -EEXIST: the name is another tunnel's
 * (see `replaces`); -ENOSPC: there are
 * EG_TUNNELS_MAX, with those whose ids wait; -ENOMEM. Several tunnels may have the same ends. */
int eg_tunnel_add(struct eg_tunnels *tunnels, const struct eg_tunnel_spec *spec, uint32_t *id);

/* Publish a new version, or nothing where the spec says what it already is. What was learned stays:
 * the path MTU if it is still learned, the endpoint if it still floats around the same port, the
 * liveness if it is still probed. 0, -ENOMEM, or -EINVAL: another name, local or remote address is
 * another tunnel, and a negotiated SA's wire format does not change. */
int eg_tunnel_change(struct eg_tunnels *tunnels, uint32_t id, const struct eg_tunnel_spec *spec);

/* Take it and its SAs out of use, and free them after the grace period. Always succeeds. */
void eg_tunnel_remove(struct eg_tunnels *tunnels, uint32_t id);

/* The tunnel of that name that was added last. EG_TUNNEL_NONE: there is none. */
uint32_t eg_tunnel_find(const struct eg_tunnels *tunnels, const char *name);

/* The world that is published now names none of the tunnels that were removed before this call:
 * their ids may be given out again after a grace period. */
void eg_tunnels_recycle(struct eg_tunnels *tunnels);

/* Every tunnel: for (id = eg_tunnels_next(t, 0); id != EG_TUNNEL_NONE; id = ..next(t, id + 1)). */
uint32_t eg_tunnels_next(const struct eg_tunnels *tunnels, uint32_t from);

/* SAs one by one: they are used from now on. An SA of another tunnel moves to this one. Of two
 * inbound SAs with one SPI the one that was added later is found. 0 or -ENOMEM; -EINVAL: it has the
 * SA already, or the SA was negotiated for another wire format (struct eg_sa_wire). */
int eg_tunnel_add_sa(struct eg_tunnels *tunnels, uint32_t id, struct eg_sa *sa);

/* `sa` instead of `old`, without a moment in which the tunnel has neither. times: how long both
 * ends need to follow (tunnel/rekey.h); NULL: at once. 0 or -ENOMEM; -EINVAL: `old` is not the
 * tunnel's, `sa` already is or does not fit, or they differ in direction. */
int eg_tunnel_replace_sa(struct eg_tunnels *tunnels, uint32_t id, struct eg_sa *old,
			 struct eg_sa *sa, const struct eg_rekey_times *times, uint64_t now_ns);

/* 0 or -ENOMEM (a smaller set of outbound SAs is needed); -EINVAL: it is not the tunnel's. */
int eg_tunnel_remove_sa(struct eg_tunnels *tunnels, uint32_t id, struct eg_sa *sa);

#endif
