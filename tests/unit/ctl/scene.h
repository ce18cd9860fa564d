/* What a control thread works on, without ports or workers' threads: a directory with a
 * configuration, keys and a log, and all that a load of it makes. */
#ifndef CTL_SCENE_H
#define CTL_SCENE_H

#include <stdbool.h>

#include "common/test.h"

#include "ctl/ctl.h"

#define SCENE_WORKERS 2

struct scene {
	char dir[32], config_file[64], log_file[64];
	struct eg_config *config;
	struct eg_log log;
	struct eg_ports ports;
	struct eg_rcu rcu;
	struct eg_publisher publisher;
	struct eg_tunnels tunnels;
	struct eg_sa_store *sas;
	struct eg_flow_table *flows;
	struct eg_stats *stats[SCENE_WORKERS];
	struct eg_event_queue *queue;
	struct eg_loop *loop; /* the test's, once scene_loop() was called */
	struct eg_ctl ctl;
};

/* A YAML list of n peers p0, p1 ... with an SA each way, and these extra keys; the caller frees it.
 * Their keys are in the directory. */
char *scene_peers(const struct scene *scene, unsigned n, const char *extra);

/* Make the directory and keys for so many peers. */
void scene_open(struct scene *scene, unsigned n_keys);

/* Write the configuration: two ports, and this text. */
void scene_write(const struct scene *scene, const char *text);

/* Load what was written, as a start does. */
void scene_load(struct scene *scene);

/* A loop, the workers' events and a builder. */
void scene_loop(struct scene *scene);

/* Run the loop until the condition is true; the test fails if it does not come true. */
void scene_run(struct scene *scene, bool (*until)(struct scene *scene));

void scene_close(struct scene *scene);

/* How many lines of the log contain it. */
unsigned scene_lines(const struct scene *scene, const char *words);

/* The tunnel of that name. */
const struct eg_tunnel *scene_tunnel(const struct scene *scene, const char *name);

#endif
