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
#include "sa/store.h"

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
	bool transport; /* the sites' outer addresses are behind CLEAR, and their packets are sealed
			 */
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
	bool closed_start; /* runs without a snapshot, as the daemon starts */
	EG_VEC(struct eg_lpm_entry) entries;
	EG_VEC(struct eg_hop) hops;
	struct eg_rcu rcu; /* no worker is online: it frees at once, or at the end */
	struct eg_tunnels tunnels;
	EG_VEC(struct eg_tunnel_spec) specs; /* of the tunnels, by id; names are the gw's */
	EG_VEC(struct eg_local) locals;
	EG_VEC(struct eg_ip) vias;
	EG_VEC(struct eg_group *) groups;
};

/* Start EAL, once per program, the four ports, and site 1's two kernel devices. */
void bench_open(void);
void bench_close(void);
struct rte_mempool *bench_pool(void);
struct rte_mempool *bench_large(void); /* EG_LARGE_BUFFERS; a gateway of the bench shares it */

/* mbufs currently outside the pool. */
unsigned bench_in_use(void);

struct gw *gw_open(struct gw_spec spec);
void gw_close(struct gw *gw);

/* Between open and ready. A route's hop is as given by eg_hop; a peer's hop is ENCRYPTED. */
void gw_route(struct gw *gw, const char *prefix, struct eg_hop hop);
void gw_local(struct gw *gw, unsigned port,
	      const char *address); /* "10.1.0.1/24", and its network */
unsigned gw_group(struct gw *gw, const struct eg_group_member *members,
		  size_t n); /* EG_HOP_GROUP */
/* Enable dead peer detection by worker 0: interval 100 ms, threshold 3. */
struct eg_liveness *gw_liveness(struct gw *gw, unsigned tunnel, const char *source,
				const char *target);
uint32_t gw_via(struct gw *gw, const char *address); /* for EG_HOP_VIA */
unsigned gw_peer(struct gw *gw, const char *local, const char *remote);
/* The tunnel's version, which a test may change in place. */
struct eg_tunnel *gw_tunnel(const struct gw *gw, uint32_t id);
struct eg_sa *gw_sa(struct gw *gw, unsigned tunnel, const struct eg_sa_spec *spec,
		    const uint8_t *material);
void gw_ready(struct gw *gw);

/* The site's own SAs to and from the other site, as made by gw_open(). */
struct eg_sa *gw_sa_out(struct gw *gw);
struct eg_sa *gw_sa_in(struct gw *gw);

/* Receive n <= 64 frames as one burst on a port, and have worker 0 process them completely. */
void gw_send(struct gw *gw, unsigned port, const struct frame *frames, unsigned n);

/* The same with an mbuf made by the test. In two steps: queue it on the port; receive n. */
void gw_send_mbuf(struct gw *gw, unsigned port, struct rte_mbuf *m);
void gw_inject(struct gw *gw, unsigned port, struct rte_mbuf *m);
void gw_receive(struct gw *gw, unsigned port, unsigned n);

/* Send one frame that must be dropped for this reason and no other, or (EG_PASS) must leave through
 * some port; `what` names the case in failures. */
void gw_expect(struct gw *gw, unsigned port, const struct frame *frame, enum eg_verdict want,
	       const char *what);

/* Frames that left through a port since the last call: at most max; returns their number. MACs are
 * checked. */
unsigned gw_sent(struct gw *gw, unsigned port, struct frame *out, unsigned max);

/* The same without checking MACs. */
unsigned gw_frames(struct gw *gw, unsigned port, struct frame *out, unsigned max);

/* Run the resolver at that time. */
void gw_resolve(struct gw *gw, uint64_t now_ms);

/* The wire between two gateways: frames that left `from` on ENCRYPTED are received by `to` as one
 * burst. `frames` has them as they left; at most 64, returns their number. */
unsigned gw_forward(struct gw *from, struct gw *to, struct frame *frames);

/* Give a port of site 1 a kernel device, before gw_ready(), with an allow list. */
void gw_kernel(struct gw *gw, unsigned port, const struct eg_allow *allow);

/* Send a frame from that port's kernel and process it completely; frames received by the kernel (at
 * most max). */
void gw_from_kernel(struct gw *gw, unsigned port, const struct frame *frame);
unsigned gw_to_kernel(struct gw *gw, unsigned port, struct frame *out, unsigned max);

/* Discard frames that left through a port; returns their number. */
unsigned gw_discard(struct gw *gw, unsigned port);

uint64_t gw_drops(const struct gw *gw, enum eg_verdict reason);
uint64_t gw_drops_all(const struct gw *gw);

/* Total drops for a reason by all gateways so far. */
uint64_t bench_drops(enum eg_verdict reason);

#endif
