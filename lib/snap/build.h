/* Private to lib/snap: the steps of a build, in their order. Each fills its part of the candidate
 * and returns 0, or -1 with the reasons in errs; eg_candidate_free() frees a half-built one. */
#ifndef EG_SNAP_BUILD_H
#define EG_SNAP_BUILD_H

#include "conf/config.h"
#include "snap/candidate.h"

/* tunnels, without SAs and hops */
int eg_build_tunnels(struct eg_candidate *candidate, const struct eg_config *config,
		     struct eg_errs *errs);

/* sas, and which tunnel has which */
int eg_build_sas(struct eg_candidate *candidate, const struct eg_config *config,
		 struct eg_errs *errs);

/* Complete the cluster by what the configuration knows: pod networks (none if unknown_pods is
 * allow) and the gateway's own addresses as its node's. Indexes the cluster again. */
int eg_build_networks(struct eg_cluster *cluster, const struct eg_config *config,
		      struct eg_errs *errs);

/* groups, from the subnets that several peers have: which prefix leads to which. The list is the
 * caller's. 0, or -1 if out of memory */
struct eg_shared {
	struct eg_prefix prefix;
	uint32_t group;
};

struct eg_shared_list {
	EG_VEC(struct eg_shared) all;
};

int eg_build_groups(struct eg_snap_world *world, const struct eg_config *config,
		    struct eg_shared_list *shared);

/* encrypt */
int eg_build_encrypt(struct eg_snap_world *world, const struct eg_config *config,
		     struct eg_errs *errs);

/* hops, routes, vias, locals and groups of the world, and the hop of each tunnel's spec */
int eg_build_routes(struct eg_snap_world *world, const struct eg_config *config,
		    struct eg_candidate_tunnel *tunnels, struct eg_errs *errs);

/* The world of a configuration, and the hop of each tunnel's spec (in the configuration's order).
 * NULL if anything was reported to errs. */
struct eg_snap_world *eg_build_world(const struct eg_config *config,
				     struct eg_candidate_tunnel *tunnels, struct eg_errs *errs);

#endif
