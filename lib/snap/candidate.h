/* A candidate: what a configuration wants, built beside what is in force. It has a snapshot, and
 * for each configured peer what makes its tunnel and which SAs it has. Nothing of it is seen by a
 * worker before eg_apply_step() (snap/apply.h) has put it in force.
 *
 * Life cycle: eg_candidate_build() -> eg_apply_new(), which takes it over; or, for verbs that only
 * look at a configuration, use and eg_candidate_free().
 *
 * Threads: the builder thread may build and free candidates while the control thread and the
 * workers run. A build reads files, acquires SAs from the store (which locks itself) and takes
 * references to the policy in force; it touches nothing else that is shared. */
#ifndef EG_SNAP_CANDIDATE_H
#define EG_SNAP_CANDIDATE_H

#include "base/err.h"
#include "base/vec.h"
#include "sa/store.h"
#include "snap/snap.h"
#include "tunnel/table.h"

struct eg_config;
struct eg_conf_peer;

/* A configured peer. */
struct eg_candidate_tunnel {
	struct eg_tunnel_spec spec;
	const struct eg_conf_peer *conf;
	uint32_t first_sa, n_sas; /* in the candidate's list */
	uint32_t id;              /* of its tunnel, once there is one: eg_apply_step()'s */
};

struct eg_candidate {
	struct eg_snap *snap; /* hops and groups name tunnels by index in `tunnels`. NULL: it was
			       * published */
	struct eg_candidate_tunnel *tunnels; /* in the configuration's order */
	uint32_t n_tunnels;
	EG_VEC(struct eg_sa *) sas; /* references, tunnel by tunnel; NULL: it was taken over */
	struct eg_sa_store *store;
};

struct eg_candidate_options {
	uint64_t prove_ns; /* how long the proof of the policy may take; 0: prove everything */
	struct eg_snap_policy *before; /* in force, or NULL; the caller has a reference */
	enum eg_snap_tolerance tolerance;
	bool offline; /* no keys, so no SAs: for verbs that only look (explain, replay) */
};

/* Compile a configuration. Reads key files and Kubernetes objects, acquires SAs, resolves routes,
 * compiles and proves the policy. The store is not needed offline. The candidate refers to
 * `config`, which must outlive it. NULL if anything was reported to errs; then everything that was
 * acquired is released. Builder thread, or before there is one. */
struct eg_candidate *eg_candidate_build(const struct eg_config *config, struct eg_sa_store *store,
					const struct eg_candidate_options *options,
					struct eg_errs *errs);

/* Release everything that it still has. NULL is allowed. Any thread. */
void eg_candidate_free(struct eg_candidate *candidate);

#endif
