/* A gateway without workers' threads: what is in force, and how a configuration gets there. Its one
 * worker of RCU is online and reports when the test says so. */
#ifndef SNAP_SCENE_H
#define SNAP_SCENE_H

#include "common/test.h"

#include "conf/config.h"
#include "snap/apply.h"

struct scene {
	struct eg_rcu rcu;
	struct eg_sa_store *store;
	struct eg_tunnels tunnels;
	struct eg_publisher publisher;
	struct eg_installed installed;
};

void scene_open(struct scene *scene, unsigned n_workers);
void scene_close(struct scene *scene);

/* Build it; errors fail the test. Frees nothing of the configuration. */
struct eg_candidate *scene_build(struct scene *scene, const struct eg_config *config,
				 struct eg_errs *errs);

/* Build and apply, and free the configuration. */
void scene_load(struct scene *scene, struct eg_config *config, uint64_t now_ns,
		struct eg_errs *errs);

/* All workers finish a poll, so that nothing is deferred any more. */
void scene_pass(struct scene *scene);

const struct eg_snap *scene_snap(const struct scene *scene);

/* The tunnel of that name; the test fails if there is none. */
const struct eg_tunnel *scene_tunnel(const struct scene *scene, const char *name);

#endif
