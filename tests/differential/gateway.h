/* One gateway: the real configuration, policy, tunnels, SAs, connection table and path, between
 * net_ring ports. Two of them get the same of everything: one that takes the full path for each
 * packet, and one with a forwarding cache. */
#ifndef DIFFERENTIAL_GATEWAY_H
#define DIFFERENTIAL_GATEWAY_H

#include "path/path.h"
#include "sa/store.h"
#include "snap/apply.h"
#include "world.h"

#define WORKERS     2
#define TICKS_PER_S 1000000000ull /* the clock's: a cycle is a nanosecond */

struct gateway {
	unsigned index; /* 0 or 1: its devices are 4 * index and so on */
	unsigned workers;
	struct eg_sa_store *sas;
	struct eg_rcu rcu;
	struct eg_tunnels tunnels;
	struct eg_publisher publisher;
	struct eg_installed installed;
	struct eg_flow_table *flows;
	struct eg_resolver_shared resolver;
	struct rte_ring *handoff[WORKERS];
	struct eg_path path[WORKERS];
	struct eg_stats stats[WORKERS];
	struct eg_flow flow[WORKERS];
	const struct world *world;
	uint8_t vlans[PORTS][EG_VLANS]; /* by device: VLAN -> port */
	_Atomic uint32_t links_down;
	uint64_t reclaim; /* token, or 0 */
};

/* Start DPDK and both gateways' devices, once per program. */
void gateways_start(void);
void gateways_stop(void);

/* Build a gateway for a world that is written; `like`: the one that it will be compared with, which
 * was built before, or NULL. `cached`: with a forwarding cache. `clock` is in nanoseconds. */
struct gateway *gateway_open(unsigned index, const struct world *world, const uint64_t *clock,
			     const struct gateway *like, bool cached);

void gateway_close(struct gateway *gateway);

/* When both are closed, no buffer is lost. */
void gateways_check_buffers(void);

/* Load the world as it is written now, as a reload does. False if it is refused. */
bool gateway_load(struct gateway *gateway, const struct world *world, uint64_t now_ns);

/* Queue a frame for a port, with the flags that its device set (RTE_MBUF_F_RX_...). */
void gateway_inject(struct gateway *gateway, unsigned port, const uint8_t *frame, unsigned n,
		    uint64_t flags);

/* A worker receives what is queued, and everything that other workers got of it is done. */
void gateway_receive(struct gateway *gateway, unsigned worker, unsigned port, unsigned n);

/* Fill the rate limiters of errors and reports. */
void gateway_refill(struct gateway *gateway);

/* What happens between bursts, in `what`: bits. */
enum {
	STEP_RESOLVE = 1,
	STEP_KEEPALIVE = 2,
	STEP_PROBE = 4,
	STEP_EXPIRE = 8,
	STEP_SWEEP = 16,
	STEP_SAS = 32,
	STEP_AGE = 64,
};
void gateway_step(struct gateway *gateway, unsigned what, uint64_t now_ns);

/* The next frame that left through a device, which is that of *port, or NULL. Sets *port to the
 * port that its tag says, and takes the tag off. The caller frees it. */
struct rte_mbuf *gateway_sent(struct gateway *gateway, unsigned *port);

/* An SA that is in a tunnel now, by its SPI (host order) and direction; NULL: none. */
struct eg_sa *gateway_sa(struct gateway *gateway, uint32_t spi, enum eg_sa_kind kind);

/* Packets that were received, and of those the ones that the forwarding cache knew: of the bursts
 * whose stages were timed. */
struct sampled {
	uint64_t received, known;
};
struct sampled gateway_sampled(const struct gateway *gateway);

#endif
