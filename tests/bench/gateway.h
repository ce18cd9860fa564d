/* A gateway of bench_path: one worker's packet path between two rings, from a configuration. */
#ifndef BENCH_GATEWAY_H
#define BENCH_GATEWAY_H

#include "conf/config.h"
#include "figures.h"
#include "path/path.h"
#include "sa/store.h"
#include "snap/apply.h"

enum {
	CLEAR,
	ENCRYPTED
};

struct gateway {
	struct eg_config *config;
	struct eg_sa_store *sas;
	struct eg_flow_table *flows;
	struct eg_rcu rcu;
	struct eg_tunnels tunnels;
	struct eg_publisher publisher;
	const struct eg_snap *snap;
	struct eg_path path;
	struct eg_stats stats;
	uint16_t device[2]; /* by port */
	uint64_t clock;     /* of the path: it passes only while the path runs */
};

/* Port 0 of the configuration is clear, port 1 encrypted; their devices are first and first + 1.
 * Exits with the reason if it is impossible. */
struct gateway *gateway_open(const char *file, uint16_t first, struct rte_mempool *pool);

/* Forward all packets that wait at a port. Returns the TSC cycles that it took. `bursts`, unless
 * NULL: gets the time of each burst, in ns. */
uint64_t gateway_run(struct gateway *gateway, unsigned port, struct figures *bursts);

/* Exit with the gateway's drop counters. */
void gateway_lost(const struct gateway *gateway, const char *where) __attribute__((noreturn));

#endif
