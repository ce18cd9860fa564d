/* The packet's way. path.c shows all of it.
 *
 * Life cycle: app makes one zeroed eg_path a worker, fills the fixed part, then calls the runs from
 * that worker's loop only. Synchronization: everything here belongs to one worker, but for the
 * rings, which are multi-producer, single-consumer. A run reads one snapshot from start to end. */
#ifndef EG_PATH_PATH_H
#define EG_PATH_PATH_H

#include <rte_ring.h>

#include "crypto/crypto.h"
#include "flow/flow.h"
#include "path/batch.h"
#include "path/icmp.h"
#include "path/resolve.h"
#include "path/kernel.h"
#include "path/reassembly.h"
#include "path/resync.h"
#include "path/unknown.h"
#include "snap/snap.h"
#include "stat/stat.h"

_Static_assert(EG_BATCH_MAX <= EG_CRYPTO_BURST, "a batch is one crypto burst");

/* Behind a packet its buffer has room for ESP trailer and ICV of the longest suite. */
#define EG_TAILROOM 64

#define EG_VLANS   4096
#define EG_NO_PORT 0xff

/* A port as a worker uses it. Index = index in the configuration. */
struct eg_path_port {
	uint16_t dpdk_id;
	uint16_t tx_queue; /* where `ring` is NULL */
	uint16_t mtu;
	bool encrypted; /* role */
	bool promiscuous;
	uint16_t vlan; /* of a sub-port: its frames' tag; else 0 */
	const uint8_t
		*vlans;     /* of a device with sub-ports: VLAN -> port, or EG_NO_PORT; else NULL */
	bool partial;       /* it may bring partial checksums, and cannot tell */
	bool small_buffers; /* its packets may fill their buffers to the end */
	uint8_t mac[6];
	struct rte_ring *ring; /* to the worker that owns the transmit queue, or NULL: it is ours */
	struct rte_mbuf *tx[EG_BATCH_MAX];
	unsigned n_tx;
	struct eg_kernel kernel;
};

struct eg_path {
	/* Fixed. */
	unsigned worker; /* index, 0.. */
	struct eg_stats *stats;
	struct eg_crypto *crypto;
	unsigned n_workers;
	struct rte_ring **handoff; /* of every worker, by index: packets for its inbound SAs */
	struct eg_flow *flow;      /* ours; over the table that all workers share */
	uint64_t cycles_per_s;     /* of the TSC */
	uint64_t seed;             /* secret: for hashes of what outsiders choose */
	struct rte_mempool *pool;  /* buffers that take the largest MTU */
	struct rte_mempool *large; /* and of EG_LARGE_BYTES, for what is reassembled */
	struct eg_resolver_shared resolver_shared;
	struct eg_kernel_shared kernel_shared;
	const _Atomic uint32_t *links_down; /* bit p: port p has no link, says the control thread;
					     * NULL: all have one */
	unsigned n_ports;
	_Atomic uint64_t sample_cycles; /* least time between two drop samples; 0: no samples; a
					 * reload changes it */
	struct eg_path_port port[EG_STAT_PORTS];

	struct eg_resolver_limits limits;
	struct eg_resolver resolver;
	struct eg_icmp_limits icmp;
	struct eg_unknown_reported unknown;
	struct eg_tokens audit_lines; /* in the log (path/audit.h) */
	struct eg_reassembly reassembly;
	struct eg_resync resync;

	/* One turn. */
	const struct eg_snap *snap;
	const struct eg_snap_world *world;   /* its parts; NULL: nothing is published yet */
	const struct eg_snap_policy *policy; /* NULL: no policy is enforced */
	uint32_t down;                       /* links_down as it was at the turn's begin */
	uint64_t bursts;
	struct {
		uint32_t next;        /* of the snapshot's idles, in this look at them */
		uint64_t next_cycles; /* when the next look begins */
	} keepalive;
	struct {
		uint32_t next;    /* of the snapshot's probes, in this look at them */
		uint64_t next_ns; /* when the next look begins */
	} probe;
	uint64_t last_cycles; /* end of the stage before */
	uint64_t next_sample;
	struct eg_batch batch;
	struct {
		unsigned n;
		struct rte_mbuf *m[EG_BATCH_MAX];
		uint8_t port[EG_BATCH_MAX]; /* for whose sake: where that came in */
	} local;                            /* IP packets of our own, for the end of the burst */
	struct {
		unsigned at, n; /* those left are at to n - 1 */
		struct rte_mbuf *m[EG_BATCH_MAX];
		struct eg_meta meta[EG_BATCH_MAX];
	} waiting;            /* sa_out: the batch from the first packet on that must be cut */
	uint32_t fragment_id; /* of the last outer packet that was fragmented; 0: none yet */
	struct {
		unsigned n;
		struct rte_mbuf *m[EG_BATCH_MAX];
		uint8_t port[EG_BATCH_MAX];
	} vlan; /* of a burst by a device with sub-ports: what still has to go its way */
	struct eg_flow_now now;
	struct eg_lookup lookups[EG_BATCH_MAX]; /* lookups[k] is of packet lookup_packet[k] */
	uint8_t lookup_packet[EG_BATCH_MAX];
	struct eg_crypto_op ops[EG_BATCH_MAX];
	uint8_t op_packet[EG_BATCH_MAX]; /* ops[k] is batch packet op_packet[k] */
	uint8_t aad[EG_BATCH_MAX][12];   /* of ESN packets: SPI, high, low (RFC 4106 s5), which are
				     the implicit IV, too (RFC 8750 s4) */
	struct {
		struct eg_sa *sa;
		unsigned n;
		uint64_t bytes;
		struct eg_sa_grant grant;
	} group[EG_BATCH_MAX]; /* the batch's outbound SAs */
	unsigned n_groups;
};

_Static_assert(EG_STAT_PORTS <= 32, "a bit a port in links_down");

/* Has the port no link? As it was when the turn began. */
static inline bool eg_link_is_down(const struct eg_path *path, unsigned port)
{
	return path->down >> port & 1;
}

/* The number by which hops and groups name a tunnel. */
static inline uint32_t eg_tunnel_id(const struct eg_path *path, const struct eg_tunnel *tunnel)
{
	return (uint32_t)(tunnel - path->snap->tunnels);
}

/* Read this snapshot from now on; NULL: none is published. */
static inline void eg_path_use(struct eg_path *path, const struct eg_snap *snap)
{
	path->snap = snap;
	path->world = snap ? snap->world : NULL;
	path->policy = snap ? snap->policy : NULL;
}

/* Every turn begins with it. */
static inline void eg_path_read_links(struct eg_path *path)
{
	if (path->links_down)
		path->down = atomic_load_explicit(path->links_down, memory_order_relaxed);
}

/* One burst from a port's receive queue, to its end: sent, dropped or handed over. Returns how many
 * packets came. `snap` may be NULL: then all are dropped by name. */
unsigned eg_path_receive(struct eg_path *path, const struct eg_snap *snap, unsigned port,
			 uint16_t queue);

/* One burst of ESP packets that other workers handed over. */
unsigned eg_path_receive_handoff(struct eg_path *path, const struct eg_snap *snap);

/* The keeper's turn (path/keeper.h), nothing on other workers: neighbours' messages and the packets
 * that wait for them. now_ms: of any clock that does not step back. `ending`: all that waits is
 * dropped. Returns how many came. */
unsigned eg_path_resolve(struct eg_path *path, const struct eg_snap *snap, uint64_t now_ms,
			 bool ending);

/* The keeper's turn with the kernel devices (path/kernel.h), nothing on other workers: what is for
 * them goes there, and with `receive` one burst of each is carried to its end. Returns how many
 * packets went and came. */
unsigned eg_path_kernels(struct eg_path *path, const struct eg_snap *snap, bool receive);

/* One burst that other workers left for a transmit queue of ours. */
unsigned eg_path_transmit(struct eg_path *path, unsigned port, struct rte_ring *ring,
			  uint16_t queue);

/* A few steps of looking for peers with udp_encap to whom nothing was sent for 20 s, and a
 * keepalive to each (RFC 3948 s4). Returns how many were sent. */
unsigned eg_path_send_keepalives(struct eg_path *path, const struct eg_snap *snap);

/* A few steps of looking at the peers that are asked whether they live (route/alive.h): those of
 * this worker. now_ns: monotonic. Returns how many were asked. */
unsigned eg_path_send_probes(struct eg_path *path, const struct eg_snap *snap, uint64_t now_ns);

/* A read-only walk through one batch, stage by stage, for tests and benchmarks: the caller fills
 * path->batch, calls eg_path_use() and stages (path/stages.h). */

#endif
