/* The immutable compiled world: all that workers look up while they handle a burst.
 *
 * Life cycle: eg_snap_build() from a checked configuration -> publish (snap/publish.h) -> workers
 * read -> retire after their grace period -> eg_snap_free(). Built and freed by the control thread;
 * nothing in it changes in between, but for the SAs' hot state, which it only borrows and which
 * outlives it (sa/store.h). */
#ifndef EG_SNAP_SNAP_H
#define EG_SNAP_SNAP_H

#include "base/err.h"
#include "base/vec.h"
#include "route/hop.h"
#include "route/lpm.h"
#include "route/own.h"
#include "route/tunnel.h"
#include "sa/sad.h"
#include "sa/store.h"
#include "snap/policy.h"

/* An SA acquired from the store, and whose it is. */
struct eg_snap_sa {
	struct eg_sa *sa;
	uint32_t peer;
};

struct eg_config;

struct eg_snap {
	uint64_t generation;   /* counts up with each published snapshot */
	struct eg_lpm *routes; /* address -> index into hops */
	struct eg_hop *hops;
	struct eg_ip *vias;  /* routers that hops name */
	struct eg_owns owns; /* the ports' addresses */
	struct eg_tunnel *peers;
	struct eg_sad sad;
	struct eg_snap_policy *policy; /* NULL: no policy is enforced, nothing is tracked */

	/* The control thread's. */
	uint32_t n_hops, n_peers;
	EG_VEC(struct eg_snap_sa) sas; /* in the configuration's order, peer by peer */
	struct eg_sa_store *store;
};

struct eg_snap_options {
	uint64_t prove_ns; /* how long the proof of the policy may take; 0: prove everything */
	bool offline;      /* no keys, so no SAs: for verbs that only look (explain, replay) */
};

/* What the daemon loads with. */
#define EG_SNAP_DAEMON ((struct eg_snap_options){.prove_ns = EG_PROVE_BUDGET_NS})

/* Compile a configuration. Reads key files and Kubernetes objects, acquires SAs, resolves routes,
 * compiles and proves the policy. The store is not needed offline. Keeps nothing of `config`. NULL
 * where anything was reported to errs. */
struct eg_snap *eg_snap_build(const struct eg_config *config, struct eg_sa_store *store,
			      const struct eg_snap_options *options, struct eg_errs *errs);

/* Release the SAs and free all. No worker may still read it. NULL is allowed. */
void eg_snap_free(struct eg_snap *snap);

/* The hop of an address's longest prefix. Any thread that may read the snapshot. */
static inline const struct eg_hop *eg_snap_route4(const struct eg_snap *snap, const uint8_t dst[4])
{
	return &snap->hops[eg_lpm_lookup4(snap->routes, dst)];
}

static inline const struct eg_hop *eg_snap_route6(const struct eg_snap *snap, const uint8_t dst[16])
{
	return &snap->hops[eg_lpm_lookup6(snap->routes, dst)];
}

#endif
