/* A gateway on a bench: the real path between two net_ring ports, a snapshot built by hand.
 *
 *	          site 1                                site 2
 *	10.1.0.0/16 ----+                               +---- 10.2.0.0/16
 *	            CLEAR [gw] ENCRYPTED ==== ESP ==== ENCRYPTED [gw] CLEAR
 *	fd00:1::/64 ----+   192.0.2.1         192.0.2.2 +---- fd00:2::/64
 *	                2001:db8::1             2001:db8::2
 *
 * A net_ring port gives back what is transmitted on it: frames are put in on a port and found there
 * again when the gateway has sent them. Each gw has its own two ports; a test opens site 1, site 2
 * or both, and may add to the routes before gw_ready(). gw_close() checks that nothing was lost
 * uncounted: rx = tx + drops, and every mbuf is back in its pool. */
#ifndef PATH_HARNESS_H
#define PATH_HARNESS_H

#include "common/test.h"

#include "path/path.h"
#include "path/stages.h"

#define CLEAR     0
#define ENCRYPTED 1

#define GW_MTU     9600
#define GW_WORKERS 2
#define FRAME_MAX  9800

struct frame {
	uint16_t n;
	uint8_t bytes[FRAME_MAX];
};

struct gw_spec {
	unsigned site;                /* 1 or 2 */
	unsigned outer;               /* 4 or 6; 0: 4 */
	const struct eg_suite *suite; /* NULL: aes128gcm16 */
	bool esn;
	uint32_t window;  /* 0: 64 */
	unsigned workers; /* 0: 1. Worker 0 owns both ports */
	bool encap;       /* ESP in UDP */
	bool transport; /* the sites' outer addresses stand behind CLEAR, and are what is sealed */
	bool bare;      /* no peer, no routes: the test adds its own */
};

struct gw {
	struct gw_spec spec;
	struct eg_path *path[GW_WORKERS];
	struct eg_stats *stats[GW_WORKERS];
	struct rte_ring *handoff[GW_WORKERS];
	struct eg_resolver_shared resolver_shared; /* worker 0 keeps */
	struct rte_ring *to_kernel;
	struct eg_allow allow[2];
	struct eg_sa_store *store;
	struct eg_snap *snap;
	bool closed_start; /* run without a snapshot, as the daemon starts */
	EG_VEC(struct eg_lpm_entry) entries;
	EG_VEC(struct eg_hop) hops;
	EG_VEC(struct eg_tunnel) tunnels;
	EG_VEC(struct eg_local) locals;
	EG_VEC(struct eg_ip) vias;
	EG_VEC(struct eg_group *) groups;
};

/* EAL, once a program, the four ports, and site 1's two kernel devices. */
void bench_open(void);
void bench_close(void);
struct rte_mempool *bench_pool(void);
struct rte_mempool *bench_large(void); /* EG_LARGE_BUFFERS; a gateway of the bench shares it */

/* mbufs that are out of the pool now. */
unsigned bench_in_use(void);

struct gw *gw_open(struct gw_spec spec);
void gw_close(struct gw *gw);

/* Between open and ready. A route's hop is what eg_hop says; a peer's hop is ENCRYPTED. */
void gw_route(struct gw *gw, const char *prefix, struct eg_hop hop);
void gw_local(struct gw *gw, unsigned port,
	      const char *address); /* "10.1.0.1/24", and its network */
unsigned gw_group(struct gw *gw, const struct eg_group_member *members,
		  size_t n); /* EG_HOP_GROUP */
/* The peer is asked whether it lives, every 100 ms with a threshold of 3, by worker 0. */
struct eg_liveness *gw_liveness(struct gw *gw, unsigned tunnel, const char *source,
				const char *target);
uint32_t gw_via(struct gw *gw, const char *address); /* for EG_HOP_VIA */
unsigned gw_peer(struct gw *gw, const char *local, const char *remote);
struct eg_sa *gw_sa(struct gw *gw, unsigned tunnel, const struct eg_sa_spec *spec,
		    const uint8_t *material);
void gw_ready(struct gw *gw);

/* The site's own SAs towards and from the other site, as gw_open() made them. */
struct eg_sa *gw_sa_out(struct gw *gw);
struct eg_sa *gw_sa_in(struct gw *gw);

/* Receive n <= 64 frames as one burst on a port, and let worker 0 carry them to their end. */
void gw_send(struct gw *gw, unsigned port, const struct frame *frames, unsigned n);

/* The same with one mbuf that the test made. In two steps: let it wait on the port; receive n. */
void gw_send_mbuf(struct gw *gw, unsigned port, struct rte_mbuf *m);
void gw_inject(struct gw *gw, unsigned port, struct rte_mbuf *m);
void gw_receive(struct gw *gw, unsigned port, unsigned n);

/* Send one frame that must be dropped for this reason and no other, or (EG_PASS) must leave, by
 * whatever port; `what` names the case where it does not. */
void gw_expect(struct gw *gw, unsigned port, const struct frame *frame, enum eg_verdict want,
	       const char *what);

/* What left by a port since the last call; at most max, returns how many. MACs are checked. */
unsigned gw_sent(struct gw *gw, unsigned port, struct frame *out, unsigned max);

/* The same whatever their MACs. */
unsigned gw_frames(struct gw *gw, unsigned port, struct frame *out, unsigned max);

/* The keeper's turn at that time. */
void gw_resolve(struct gw *gw, uint64_t now_ms);

/* The wire between two gateways: what left `from` by ENCRYPTED comes to `to`, as one burst. The
 * frames stay in `frames` as they left; at most 64, returns how many. */
unsigned gw_forward(struct gw *from, struct gw *to, struct frame *frames);

/* Give a port of site 1 a kernel device, before gw_ready(); what it lets pass in clear. */
void gw_kernel(struct gw *gw, unsigned port, const struct eg_allow *allow);

/* A frame from that port's kernel, carried to its end; what the kernel has got (at most max). */
void gw_from_kernel(struct gw *gw, unsigned port, const struct frame *frame);
unsigned gw_to_kernel(struct gw *gw, unsigned port, struct frame *out, unsigned max);

/* Forget what left by a port; returns how many. */
unsigned gw_discard(struct gw *gw, unsigned port);

uint64_t gw_drops(const struct gw *gw, enum eg_verdict reason);
uint64_t gw_drops_all(const struct gw *gw);

/* How often any gw so far dropped for a reason. */
uint64_t bench_drops(enum eg_verdict reason);

#endif
