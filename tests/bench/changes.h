/* A control thread for bench_path: changes tunnels and SAs at a rate, on another CPU than the
 * worker's, while that one seals. Nothing that it changes alters a packet. */
#ifndef BENCH_CHANGES_H
#define BENCH_CHANGES_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "sa/store.h"
#include "tunnel/table.h"

struct changes {
	struct eg_tunnels *tunnels;
	struct eg_sa_store *sas;
	struct eg_rcu *rcu;
	unsigned per_s;
	_Atomic bool on, over;
	_Atomic uint64_t done, longest_ns; /* changes; the longest one */
	pthread_t thread;
	uint64_t key; /* of the last SA */
	uint32_t id;  /* of the last tunnel */
};

/* False: no thread, or a configuration without tunnels. */
bool changes_start(struct changes *changes);
void changes_stop(struct changes *changes);

#endif
