/* Private to lib/snap: the steps of a build, in their order. Each fills its part of the snapshot
 * and returns 0, or -1 with the reasons in errs; eg_snap_free() ends a half-built one. */
#ifndef EG_SNAP_BUILD_H
#define EG_SNAP_BUILD_H

#include "conf/config.h"
#include "snap/snap.h"

/* idles, probes and ends, from peers. 0, or -1 where memory is short */
int eg_build_idles(struct eg_snap *snap);
int eg_build_probes(struct eg_snap *snap);
int eg_build_ends(struct eg_snap *snap);

/* peers, without SAs */
int eg_build_peers(struct eg_snap *snap, const struct eg_config *config, struct eg_errs *errs);

/* peers, sas, sad */
int eg_build_sas(struct eg_snap *snap, const struct eg_config *config,
		 const struct eg_snap_options *options, struct eg_errs *errs);

/* Complete the policy's world by what the configuration knows: pod networks (none where
 * unknown_pods is allow) and the gateway's own addresses as its node's. Indexes the world anew. */
int eg_build_networks(struct eg_cluster *cluster, const struct eg_config *config,
		      struct eg_errs *errs);

/* groups, from the subnets that several peers have: which prefix leads to which. The list is the
 * caller's. 0, or -1 where memory is short */
struct eg_shared {
	struct eg_prefix prefix;
	uint32_t group;
};

struct eg_shared_list {
	EG_VEC(struct eg_shared) all;
};

int eg_build_groups(struct eg_snap_world *world, const struct eg_config *config,
		    const struct eg_tunnel *tunnels, struct eg_shared_list *shared);

/* encrypt */
int eg_build_encrypt(struct eg_snap_world *world, const struct eg_config *config,
		     struct eg_errs *errs);

/* hops, routes, vias, locals and groups of the world, and each tunnel's hop */
int eg_build_routes(struct eg_snap_world *world, const struct eg_config *config,
		    struct eg_tunnel *tunnels, struct eg_errs *errs);

/* The world of a configuration, and each tunnel's hop (in the configuration's order). NULL if
 * anything was reported to errs. */
struct eg_snap_world *eg_build_world(const struct eg_config *config, struct eg_tunnel *tunnels,
				     struct eg_errs *errs);

#endif
