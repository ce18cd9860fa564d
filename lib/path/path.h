/* The packet path of one worker; path.c shows all of it.
 *
 * Life cycle: eg_path_init() builds a path from its parts; from then on only the worker's loop
 * calls eg_path_*(). It owns nothing that needs freeing. Synchronization: everything here belongs
 * to one worker, except the rings, which are multi-producer, single-consumer, and sample_cycles. A
 * burst reads one snapshot from start to end.
 */
#ifndef EG_PATH_PATH_H
#define EG_PATH_PATH_H

#include <rte_cycles.h>
#include <rte_ring.h>

#include "base/clock.h"
#include "path/batch.h"
#include "path/esp.h"
#include "path/fragment.h"
#include "path/icmp.h"
#include "path/keepalive.h"
#include "path/kernel.h"
#include "path/known.h"
#include "path/lookup.h"
#include "path/probe.h"
#include "path/reassembly.h"
#include "path/resolve.h"
#include "path/resync.h"
#include "path/sa_out.h"
#include "path/unknown_pod.h"
#include "path/vlan.h"
#include "snap/snap.h"
#include "stat/stat.h"
#include "tunnel/event.h"
#include "tunnel/table.h"

/* Bytes free behind each packet: ESP trailer and ICV of the longest suite. */
#define EG_TAILROOM 64

#define EG_VLANS   4096
#define EG_NO_PORT 0xff

/* One port, for eg_path_init(). Its index is the one in the configuration. */
struct eg_path_port_parts {
	uint16_t dpdk_id;
	uint16_t tx_queue; /* of this worker, if `ring` is NULL */
	uint16_t mtu;
	bool encrypted; /* role */
	bool promiscuous;
	uint16_t vlan;        /* the tag of a sub-port's frames, or 0 */
	const uint8_t *vlans; /* device with sub-ports: VLAN -> port, or EG_NO_PORT; else NULL */
	bool partial;         /* may bring partial checksums without saying so */
	bool small_buffers;   /* its packets may fill their buffers to the end */
	uint8_t mac[6];
	struct rte_ring *ring; /* to the worker that owns the transmit queue; NULL: this one does */
	bool kernel;           /* it has a kernel device (path/kernel.h) */
	uint16_t kernel_dpdk_id;
	uint16_t kernel_mtu; /* the port's, or less if the device takes no more */
};

/* What a path is built from. All pointers are borrowed, and outlive the path. */
struct eg_path_parts {
	unsigned worker, n_workers; /* index from 0, and how many there are */
	struct eg_stats *stats;     /* zeroed, of this worker */
	struct eg_crypto *crypto;
	struct rte_ring **handoff;  /* by worker: packets for its inbound SAs */
	struct eg_flow *flow;       /* of this worker, over the table that all workers share */
	struct eg_cache *cache;     /* of this worker; NULL: all packets take the full path */
	struct eg_tunnels *tunnels; /* with their SAs */
	uint64_t seed;              /* secret, for hashes of values that outsiders choose */
	struct rte_mempool *pool;   /* buffers that take the largest MTU */
	struct rte_mempool *large;  /* buffers of EG_LARGE_BYTES, for reassembled packets */
	bool resolves;              /* neighbour resolution and kernel devices are this worker's */
	struct eg_resolver_shared resolver_shared;
	struct eg_event_queue *events; /* to the control thread (tunnel/event.h); NULL: none */
	struct rte_ring *to_kernel; /* to that worker, for kernel devices; NULL: there are none */
	const _Atomic uint32_t *links_down; /* bit p: port p has no link; NULL: all have one */
	uint64_t sample_cycles;             /* TSC cycles between two drop samples; 0: no samples */
	const uint64_t *clock; /* read instead of the TSC, for tests that decide the time; NULL: the
				* TSC */
	unsigned n_ports;      /* at most EG_STAT_PORTS */
	struct eg_path_port_parts port[EG_STAT_PORTS];
};

/* A port as a worker uses it. */
struct eg_path_port {
	uint16_t dpdk_id;
	uint16_t tx_queue;
	uint16_t mtu;
	bool encrypted;
	bool promiscuous;
	uint16_t vlan;
	const uint8_t *vlans;
	bool partial;
	bool small_buffers;
	uint8_t mac[6];
	struct rte_ring *ring;
	struct rte_mbuf *tx[EG_BATCH_MAX];
	unsigned n_tx;
	struct eg_kernel kernel;
};

/* The time of a burst or poll, read once at its start. */
struct eg_path_time {
	uint64_t cycles;  /* TSC */
	uint64_t wall_ns; /* 0: not read yet; eg_path_wall_ns() */
};

struct eg_path {
	/* Constant after eg_path_init(). */
	unsigned worker, n_workers;
	struct eg_stats *stats;
	struct eg_crypto *crypto;
	struct rte_ring **handoff;
	struct eg_flow *flow;
	struct eg_cache *cache;
	struct eg_tunnels *tunnels;
	struct eg_event_queue *events;
	uint64_t cycles_per_s; /* of the TSC */
	const uint64_t *clock;
	uint64_t seed;
	struct rte_mempool *pool, *large;
	struct eg_resolver_shared resolver_shared;
	struct eg_kernel_shared kernel_shared;
	const _Atomic uint32_t *links_down;
	unsigned n_ports;
	_Atomic uint64_t sample_cycles; /* as in the parts; a reload changes it */
	struct eg_path_port port[EG_STAT_PORTS];

	/* One burst or poll. */
	const struct eg_snap_world *world;   /* NULL: nothing is published yet */
	const struct eg_snap_policy *policy; /* NULL: no policy is enforced */
	struct eg_path_time now;
	uint32_t down; /* links_down, as read at its start */
	struct eg_batch batch;
	struct eg_batch local; /* locally originated IP packets, sent at the end of the burst */

	struct eg_known known;
	struct {
		unsigned n;
		struct rte_mbuf *m[EG_BATCH_MAX];
	} aside; /* frames of the burst that are not ordinary ESP (front.c) */

	/* State of the stages, each defined in its header; in the order of the path. */
	struct eg_vlan_burst vlan;
	struct eg_resolver_limits limits;
	struct eg_reassembly reassembly;
	struct eg_esp_ops esp; /* esp_in and esp_out */
	struct eg_resync resync;
	struct eg_path_lookups lookups;
	struct eg_unknown_pods unknown_pods;
	struct eg_tokens audit_lines; /* path/audit.h */
	struct eg_icmp_limits icmp;
	struct eg_sa_groups groups;       /* sa_out */
	struct eg_fragment_queue waiting; /* sa_out: the batch from the first packet on that must
					   * be fragmented before it is sealed */
	uint32_t fragment_id; /* of the last outer packet that was fragmented; 0: none yet */
	struct eg_keepalive keepalive;
	struct eg_probe probe;
	struct eg_resolver resolver;
	uint64_t next_sample; /* TSC: no drop is sampled before */

	/* Timing of stages: path.c only. */
	uint64_t bursts;
	uint64_t stage_end_cycles; /* TSC at the end of the last stage */
};

_Static_assert(EG_STAT_PORTS <= 32, "a bit a port in links_down");

/* Does the port have no link? As read at the start of the burst. */
static inline bool eg_link_is_down(const struct eg_path *path, unsigned port)
{
	return path->down >> port & 1;
}

/* TSC cycles, which decide every time that has an effect on packets. */
static inline uint64_t eg_path_cycles(const struct eg_path *path)
{
	return __builtin_expect(path->clock != NULL, 0) ? *path->clock : rte_get_tsc_cycles();
}

/* Every burst and poll starts with it. */
static inline void eg_path_read_links(struct eg_path *path)
{
	if (path->links_down)
		path->down = atomic_load_explicit(path->links_down, memory_order_relaxed);
}

/* Report a change of a tunnel to the control thread. */
static inline void eg_path_report(struct eg_path *path, enum eg_tunnel_event event, uint32_t id)
{
	if (path->events)
		eg_event_post(path->events, path->worker, event, id);
}

/* The wall clock, read at most once per burst: for IVs and records. */
static inline uint64_t eg_path_wall_ns(struct eg_path *path)
{
	if (!path->now.wall_ns)
		path->now.wall_ns = eg_wall_ns();
	return path->now.wall_ns;
}

/* Build a path; *path need not be zeroed. 0, or -EINVAL if the parts are impossible (no counters,
 * too many ports, a worker that is not one of n_workers). Before the worker starts. */
int eg_path_init(struct eg_path *path, const struct eg_path_parts *parts);

/* Read this snapshot from now on; NULL: none is published. */
static inline void eg_path_use(struct eg_path *path, const struct eg_snap *snap)
{
	path->world = snap ? snap->world : NULL;
	path->policy = snap ? snap->policy : NULL;
}

/* One burst from a port's receive queue: each packet is sent, dropped or handed over. Returns how
 * many were received. `snap` NULL: nothing is published yet, and all are dropped by name. */
unsigned eg_path_receive(struct eg_path *path, const struct eg_snap *snap, unsigned port,
			 uint16_t queue);

/* One burst of packets that other workers handed over. Returns how many. */
unsigned eg_path_receive_handoff(struct eg_path *path, const struct eg_snap *snap);

/* Neighbour resolution (path/resolve.h); nothing on other workers. now_ms: of any clock that does
 * not step back. `ending`: drop all packets that wait. Returns how many packets and messages came
 * from the rings. */
unsigned eg_path_resolve(struct eg_path *path, const struct eg_snap *snap, uint64_t now_ms,
			 bool ending);

/* Kernel devices (path/kernel.h): deliver the packets queued for them, and with `receive` forward
 * one burst from each. Does nothing on workers that do not resolve neighbours. Returns how many
 * packets were delivered and received. */
unsigned eg_path_kernels(struct eg_path *path, const struct eg_snap *snap, bool receive);

/* Send one burst that other workers left for a transmit queue of this worker. Returns how many. */
unsigned eg_path_transmit(struct eg_path *path, unsigned port, struct rte_ring *ring,
			  uint16_t queue);

/* Check a few tunnels with udp_encap, and send a keepalive through each that was idle for 20 s
 * (RFC 3948 s4). Returns how many. */
unsigned eg_path_send_keepalives(struct eg_path *path, const struct eg_snap *snap);

/* Check a few of this worker's tunnels with dead peer detection, and send the probes that are due.
 * now_ns: monotonic. Returns how many. */
unsigned eg_path_send_probes(struct eg_path *path, const struct eg_snap *snap, uint64_t now_ns);

/* Does anything wait for eg_path_resolve(), _kernels(), _send_keepalives() or _send_probes():
 * packets or messages in a ring, or tunnels that the last call did not get to? The last two calls
 * have work to do at certain times, too, and kernel devices may have received something. */
bool eg_path_has_work(const struct eg_path *path);

/* Tests and benchmarks may call stages themselves (path/stages.h): they call eg_path_use(),
 * fill path->batch, and call one stage after the other. */

#endif
