/* A snapshot: what workers look up while they handle a burst, as one consistent state.
 *
 * Its immutable parts, world and policy, have references and generations of their own, so that one
 * of them can be replaced without the other: connections are evaluated again when policy changes,
 * and only then. Workers get both by one pointer (snap/publish.h), so a burst never mixes a world
 * with the policy of another load.
 *
 * Life cycle: eg_snap_build() from a checked configuration -> eg_publish() -> workers read ->
 * eg_snap_free() after their grace period. */
#ifndef EG_SNAP_SNAP_H
#define EG_SNAP_SNAP_H

#include "base/err.h"
#include "base/vec.h"
#include "rcu/rcu.h"
#include "route/ends.h"
#include "route/tunnel.h"
#include "sa/sad_table.h"
#include "sa/store.h"
#include "snap/policy.h"
#include "snap/world.h"

/* How an SA is used (snap/rekey.h says why). */
enum eg_sa_use {
	EG_SA_IN_USE,
	EG_SA_PENDING,  /* outbound: sends from at_ns on */
	EG_SA_RETIRING, /* no longer configured: sends or is accepted until at_ns */
};

/* An SA acquired from the store, and whose it is. */
struct eg_snap_sa {
	struct eg_sa *sa;
	uint32_t tunnel;
	enum eg_sa_use use;
	uint64_t at_ns; /* monotonic */
	struct eg_lifetime lifetime;
};

/* A peer that keepalives may go to, and when something last went there. Of the worker whose index
 * is this one's in the list, modulo the number of workers: not read by others. */
struct eg_snap_idle {
	uint32_t tunnel;
	uint64_t packets; /* that its SAs had sent by then */
	uint64_t cycles;  /* 0: not known: a new snapshot begins with a keepalive */
};

struct eg_config;

struct eg_snap {
	struct eg_snap_world *world;   /* a reference */
	struct eg_snap_policy *policy; /* a reference; NULL: no policy is enforced, nothing is
					* tracked */
	struct eg_tunnel *tunnels;
	struct eg_sad_table sad;
	struct eg_ends ends;        /* of peers */
	struct eg_snap_idle *idles; /* the peers with udp_encap */
	uint32_t n_idles;
	uint32_t *probes; /* the peers that are probed */
	uint32_t n_probes;

	/* The control thread's. */
	uint64_t generation; /* counts up with each published snapshot */
	uint32_t n_tunnels;
	EG_VEC(struct eg_snap_sa)
	sas;                   /* in the configuration's order, peer by peer; those that
				  leave behind them */
	uint64_t next_step_ns; /* when the first SA begins or ends; UINT64_MAX: none does */
	struct eg_sa_store *store;
	struct eg_rcu_node rcu;
	struct eg_snap_policy *successor; /* a reference, while it is being retired: the policy
					   * that counts on from this one's counters */
};

struct eg_snap_options {
	uint64_t prove_ns; /* how long the proof of the policy may take; 0: prove everything */
	const struct eg_snap *before; /* in force, or NULL */
	uint64_t now_ns;              /* monotonic */
	enum eg_snap_tolerance tolerance;
	bool policy_given;             /* use `policy` instead of building one */
	struct eg_snap_policy *policy; /* NULL: none. The result takes a reference of its own */
	bool offline; /* no keys, so no SAs: for verbs that only look (explain, replay) */
};

/* Compile a configuration. Reads key files and Kubernetes objects, acquires SAs, resolves routes,
 * compiles and proves the policy. The store is not needed offline. Keeps nothing of `config`. NULL
 * where anything was reported to errs. */
struct eg_snap *eg_snap_build(const struct eg_config *config, struct eg_sa_store *store,
			      const struct eg_snap_options *options, struct eg_errs *errs);

/* The next snapshot where the time of an SA's begin or end has come: the same parts, with other
 * SAs. NULL where nothing is due, or memory is short (then ask again). */
struct eg_snap *eg_snap_step(const struct eg_snap *before, uint64_t now_ns);

/* A snapshot of two parts, whose references it takes over; without tunnels. NULL if out of memory:
 * then they are still the caller's. */
struct eg_snap *eg_snap_new(struct eg_snap_world *world, struct eg_snap_policy *policy);

/* Release the parts and the SAs. No worker may still read it. NULL is allowed. */
void eg_snap_free(struct eg_snap *snap);

#endif
