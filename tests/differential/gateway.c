#include "gateway.h"

#include <sched.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_ethdev.h>

#include "base/clock.h"
#include "conf/config.h"
#include "net/bytes.h"
#include "path/cache.h"
#include "path/stages.h"
#include "path/vlan.h"
#include "require.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

#define BUFFERS   4095
#define BUF_BYTES (RTE_PKTMBUF_HEADROOM + 3072)
#define RING      256

static struct rte_mempool *pool, *large;
static struct rte_ring *rings[2][2 + WORKERS];

static void *zeroed(size_t size)
{
	void *p = aligned_alloc(64, (size + 63) & ~63ul);

	require(p, "memory");
	return memset(p, 0, size);
}

static void start_port(uint16_t id)
{
	const struct rte_eth_conf conf = {0};

	require(!rte_eth_dev_configure(id, 1, 1, &conf) &&
			!rte_eth_rx_queue_setup(id, 0, 1024, SOCKET_ID_ANY, NULL, pool) &&
			!rte_eth_tx_queue_setup(id, 0, 1024, SOCKET_ID_ANY, NULL) &&
			!rte_eth_dev_start(id),
		"a net_ring port");
}

void gateways_start(void)
{
	static const char *const ours[] = {"differential", "--no-huge",          "--no-pci",
					   "--no-shconf",  "--no-telemetry",     "-m",
					   "256",          "--log-level=warning"};
	char text[COUNT(ours) + 2 + 2 * PORTS][64], *args[COUNT(text)];
	unsigned n = COUNT(ours);

	for (unsigned i = 0; i < n; i++)
		snprintf(text[i], 64, "%s", ours[i]);
	snprintf(text[n++], 64, "--file-prefix=eg-differential-%d", (int)getpid());
	snprintf(text[n++], 64, "--lcores=0@%d", sched_getcpu());
	for (unsigned i = 0; i < 2 * PORTS; i++)
		snprintf(text[n++], 64, "--vdev=net_ring%u", i);
	for (unsigned i = 0; i < n; i++)
		args[i] = text[i];
	require(rte_eal_init((int)n, args) >= 0 && rte_eth_dev_count_avail() == 2 * PORTS,
		"DPDK starts");
	pool = rte_pktmbuf_pool_create("packets", BUFFERS, 64, 0, BUF_BYTES, SOCKET_ID_ANY);
	large = rte_pktmbuf_pool_create("large", EG_LARGE_BUFFERS, 0, 0, EG_LARGE_BYTES,
					SOCKET_ID_ANY);
	require(pool && large, "buffers");
	for (uint16_t id = 0; id < 2 * PORTS; id++)
		start_port(id);
	for (unsigned g = 0; g < 2; g++) {
		for (unsigned i = 0; i < COUNT(rings[g]); i++) {
			char name[32];

			snprintf(name, sizeof(name), "ring-%u-%u", g, i);
			rings[g][i] = rte_ring_create(name, RING, SOCKET_ID_ANY, RING_F_SC_DEQ);
			require(rings[g][i], "a ring");
		}
	}
}

void gateways_stop(void)
{
	for (uint16_t id = 0; id < 2 * PORTS; id++) {
		rte_eth_dev_stop(id);
		rte_eth_dev_close(id);
	}
	for (unsigned g = 0; g < 2; g++) {
		for (unsigned i = 0; i < COUNT(rings[g]); i++)
			rte_ring_free(rings[g][i]);
	}
	rte_mempool_free(pool);
	rte_mempool_free(large);
	rte_eal_cleanup();
}

void gateways_check_buffers(void)
{
	require(!rte_mempool_in_use_count(pool) && !rte_mempool_in_use_count(large),
		"every buffer is back in its pool");
}

static void init_path(struct gateway *gateway, unsigned w, const struct world *world,
		      const uint64_t *clock, bool cached)
{
	const struct eg_flow_seed seed = {{1, 2, 3, 4}};
	struct eg_path_parts parts = {
		.worker = w,
		.n_workers = gateway->workers,
		.stats = &gateway->stats[w],
		.crypto = eg_crypto_new(),
		.handoff = gateway->handoff,
		.flow = &gateway->flow[w],
		.tunnels = &gateway->tunnels,
		.seed = 0x5eed,
		.pool = pool,
		.large = large,
		.resolves = w == 0,
		.resolver_shared = gateway->resolver,
		.links_down = &gateway->links_down,
		.sample_cycles = UINT64_MAX, /* sums wrap: every drop is sampled */
		.cache = cached ? eg_cache_new(EG_CACHE_MIN, &seed) : NULL,
		.clock = clock,
		.n_ports = PORTS,
	};

	for (unsigned port = 0; port < PORTS; port++) {
		unsigned device = world_device(world, port);

		parts.port[port] = (struct eg_path_port_parts){
			.dpdk_id = (uint16_t)(PORTS * gateway->index + device),
			.vlan = (uint16_t)world_vlan(world, port),
			.vlans = world->vlans && device == port ? gateway->vlans[port] : NULL,
			.partial = world->partial,
			.mtu = (uint16_t)world->mtu[port],
			.encrypted = port >= UP,
			.mac = {2, 0, 0, 0, 0, (uint8_t)port},
		};
		gateway->vlans[device][world_vlan(world, port)] = (uint8_t)port;
	}
	eg_flow_init(&gateway->flow[w], gateway->flows);
	require(parts.crypto && (parts.cache || !cached) &&
			!eg_path_init(&gateway->path[w], &parts),
		"a path");
	gateway->path[w].cycles_per_s = TICKS_PER_S;
}

struct gateway *gateway_open(unsigned index, const struct world *world, const uint64_t *clock,
			     const struct gateway *like, bool cached)
{
	struct gateway *gateway = zeroed(sizeof(*gateway));

	gateway->index = index;
	gateway->world = world;
	memset(gateway->vlans, EG_NO_PORT, sizeof(gateway->vlans));
	gateway->workers = world->workers;
	gateway->sas = eg_sa_store_new(world->workers);
	gateway->flows = eg_flow_table_new(world->max_connections);
	require(gateway->sas && gateway->flows && !eg_rcu_init(&gateway->rcu, world->workers) &&
			!eg_tunnels_init(&gateway->tunnels, &gateway->rcu, gateway->sas,
					 world->workers),
		"a gateway");
	if (like) /* so that the same connections are evicted */
		gateway->flows->seed = like->flows->seed;
	eg_flow_limit_source(gateway->flows, world->per_source);
	eg_publisher_init(&gateway->publisher, &gateway->rcu);
	gateway->installed = (struct eg_installed){&gateway->tunnels, &gateway->publisher, NULL, 0};
	gateway->resolver = (struct eg_resolver_shared){
		.neighs = eg_neighs_new(), .messages = rings[index][0], .packets = rings[index][1]};
	require(gateway->resolver.neighs, "neighbours");
	for (unsigned w = 0; w < world->workers; w++) {
		gateway->handoff[w] = rings[index][2 + w];
		init_path(gateway, w, world, clock, cached);
		eg_rcu_online(&gateway->rcu, w);
	}
	return gateway;
}

bool gateway_load(struct gateway *gateway, const struct world *world, uint64_t now_ns)
{
	const struct eg_snap *snap = eg_publisher_read(&gateway->publisher);
	const struct eg_candidate_options options = {
		.prove_ns = 1,
		.before = snap ? snap->policy : NULL,
		.tolerance = EG_QUARANTINE_ALL,
	};
	struct eg_candidate *candidate = NULL;
	struct eg_errs errs = {0};
	struct eg_config *config;
	char path[160];
	int failed = -1;

	snprintf(path, sizeof(path), "%s/gateway.yaml", world->folder);
	config = eg_config_load(path, &errs);
	if (config)
		candidate = eg_candidate_build(config, gateway->sas, &options, &errs);
	if (candidate) {
		eg_sa_store_reserve(gateway->sas, &(struct eg_now){eg_wall_ns(), now_ns},
				    UINT64_MAX);
		failed = eg_apply_all(&gateway->installed, candidate, now_ns, &errs);
	}
	if (failed)
		eg_errs_print(&errs, stdout);
	eg_errs_free(&errs);
	eg_config_free(config);
	return !failed;
}

void gateway_inject(struct gateway *gateway, unsigned port, const uint8_t *frame, unsigned n,
		    uint64_t flags)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	char *at = m ? rte_pktmbuf_append(m, (uint16_t)n) : NULL;

	require(at, "a buffer");
	memcpy(at, frame, n);
	m->ol_flags = flags;
	require(!world_vlan(gateway->world, port) ||
			eg_vlan_put_tag(m, (uint16_t)world_vlan(gateway->world, port)),
		"a tag");
	require(rte_eth_tx_burst(gateway->path[0].port[port].dpdk_id, 0, &m, 1) == 1,
		"a port takes a frame");
}

static void receive_handoffs(struct gateway *gateway)
{
	unsigned n;

	do {
		n = 0;
		for (unsigned w = 0; w < gateway->workers; w++)
			n += eg_path_receive_handoff(&gateway->path[w],
						     eg_publisher_read(&gateway->publisher));
	} while (n);
}

static void quiescent(struct gateway *gateway)
{
	for (unsigned w = 0; w < gateway->workers; w++)
		eg_rcu_quiescent(&gateway->rcu, w);
	eg_rcu_poll(&gateway->rcu);
}

void gateway_receive(struct gateway *gateway, unsigned worker, unsigned port, unsigned n)
{
	require(eg_path_receive(&gateway->path[worker], eg_publisher_read(&gateway->publisher),
				port, 0) == n,
		"a burst is received");
	receive_handoffs(gateway);
	quiescent(gateway);
}

void gateway_refill(struct gateway *gateway)
{
	for (unsigned w = 0; w < gateway->workers; w++) {
		struct eg_path *path = &gateway->path[w];

		path->icmp = (struct eg_icmp_limits){0};
		path->audit_lines = (struct eg_tokens){0};
		path->unknown_pods.tokens = (struct eg_tokens){0};
	}
}

static void sweep(struct gateway *gateway, uint64_t now_ns)
{
	eg_flow_sweep(gateway->flows, gateway->flows->bucket_mask + 1,
		      (uint32_t)(now_ns / TICKS_PER_S));
	if (eg_flow_reclaim_begin(gateway->flows)) {
		quiescent(gateway);
		eg_flow_reclaim_finish(gateway->flows);
	}
}

static void ignore_event(void *arg, const struct eg_sa_event *event)
{
	(void)arg;
	(void)event;
}

static void ignore_rekey(void *arg, const struct eg_rekey_event *event)
{
	(void)arg;
	(void)event;
}

static void age(struct gateway *gateway, uint64_t now_ns)
{
	struct eg_tunnels *tunnels = &gateway->tunnels;
	uint32_t id = eg_tunnels_next(tunnels, 0);

	for (; id != EG_TUNNEL_NONE; id = eg_tunnels_next(tunnels, id + 1)) {
		if (eg_pmtu_age(eg_tunnel_get(tunnels, id)->pmtu, (uint32_t)(now_ns / TICKS_PER_S)))
			eg_tunnel_touch(tunnels, id);
	}
}

void gateway_step(struct gateway *gateway, unsigned what, uint64_t now_ns)
{
	const struct eg_snap *snap = eg_publisher_read(&gateway->publisher);

	if (what & STEP_SAS) {
		eg_sa_store_step(gateway->sas, &(struct eg_now){eg_wall_ns(), now_ns}, ignore_event,
				 NULL);
		eg_tunnels_rekey(&gateway->tunnels, now_ns, UINT32_MAX, ignore_rekey, NULL);
	}
	if (what & STEP_AGE)
		age(gateway, now_ns);
	for (unsigned w = 0; w < gateway->workers; w++) {
		struct eg_path *path = &gateway->path[w];

		if (what & STEP_KEEPALIVE)
			eg_path_send_keepalives(path, snap);
		if (what & STEP_PROBE)
			eg_path_send_probes(path, snap, now_ns);
		if (what & STEP_EXPIRE)
			eg_path_expire(path, false);
	}
	if (what & STEP_RESOLVE)
		eg_path_resolve(&gateway->path[0], snap, now_ns / EG_NS_PER_MS, false);
	receive_handoffs(gateway);
	quiescent(gateway);
	if (what & STEP_SWEEP)
		sweep(gateway, now_ns);
}

struct rte_mbuf *gateway_sent(struct gateway *gateway, unsigned *port)
{
	uint16_t device = (uint16_t)(PORTS * gateway->index + *port);
	struct rte_mbuf *m;
	uint8_t *frame;

	if (!rte_eth_rx_burst(device, 0, &m, 1))
		return NULL;
	frame = rte_pktmbuf_mtod(m, uint8_t *);
	if (eg_get16(frame + 12) == EG_ETHERTYPE_VLAN) {
		*port = gateway->vlans[*port][eg_get16(frame + 14)];
		require(*port < PORTS, "a tag that was sent is a port's");
		memmove(frame + EG_VLAN_LEN, frame, 12);
		rte_pktmbuf_adj(m, EG_VLAN_LEN);
	}
	return m;
}

void gateway_close(struct gateway *gateway)
{
	const struct eg_snap *snap = eg_publisher_read(&gateway->publisher);
	struct rte_mbuf *m;
	unsigned port;

	for (unsigned w = 0; w < gateway->workers; w++)
		eg_path_expire(&gateway->path[w], true);
	while (eg_path_resolve(&gateway->path[0], snap, UINT32_MAX, true))
		;
	for (unsigned device = 0; device < PORTS; device++) {
		while (port = device, (m = gateway_sent(gateway, &port)))
			rte_pktmbuf_free(m);
	}
	for (unsigned w = 0; w < gateway->workers; w++) {
		eg_rcu_offline(&gateway->rcu, w);
		eg_crypto_free(gateway->path[w].crypto);
		eg_cache_free(gateway->path[w].cache);
	}
	eg_tunnels_fini(&gateway->tunnels);
	eg_rcu_fini(&gateway->rcu);
	eg_publisher_fini(&gateway->publisher);
	free(gateway->installed.ids);
	eg_sa_store_free(gateway->sas);
	eg_flow_table_free(gateway->flows);
	eg_neighs_free(gateway->resolver.neighs);
	free(gateway);
}

struct eg_sa *gateway_sa(struct gateway *gateway, uint32_t spi, enum eg_sa_kind kind)
{
	struct eg_tunnels *tunnels = &gateway->tunnels;
	uint32_t id = eg_tunnels_next(tunnels, 0);

	for (; id != EG_TUNNEL_NONE; id = eg_tunnels_next(tunnels, id + 1)) {
		const struct eg_tunnel_sa *held = eg_tunnel_first_sa(tunnels, id);

		for (; held; held = held->next) {
			if (held->sa->kind == kind && be32toh(held->sa->spi_be) == spi)
				return held->sa;
		}
	}
	return NULL;
}

struct sampled gateway_sampled(const struct gateway *gateway)
{
	struct sampled sampled = {0};

	for (unsigned w = 0; w < gateway->workers; w++) {
		const struct eg_stats *stats = &gateway->stats[w];

		sampled.received += eg_counted(&stats->packets[EG_STAGE_RX]);
		sampled.known += eg_counted(&stats->packets[EG_STAGE_SEAL]);
	}
	return sampled;
}
