#include "path/harness.h"

#include <sched.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "path/packets.h"

#define MBUFS      4095
#define DATA_BYTES (RTE_PKTMBUF_HEADROOM + 10240)
#define WAY        64
#define DEVICES    6
#define KERNELS    4 /* the first kernel device */
#define HANDOFF    4 /* slots, of which 3 are usable: easy to fill */

static struct rte_mempool *pool, *large;
static uint64_t dropped[EG_DROP_COUNT];
static struct gw *open_now[2]; /* by site */

static void start_port(uint16_t id)
{
	const struct rte_eth_conf conf = {0};

	assert_int_equal(rte_eth_dev_configure(id, 1, 1, &conf), 0);
	assert_int_equal(rte_eth_rx_queue_setup(id, 0, 1024, SOCKET_ID_ANY, NULL, pool), 0);
	assert_int_equal(rte_eth_tx_queue_setup(id, 0, 1024, SOCKET_ID_ANY, NULL), 0);
	assert_int_equal(rte_eth_dev_start(id), 0);
}

void bench_open(void)
{
	char prefix[64], lcores[32];
	char *args[] = {(char[]){"bench"},
			(char[]){"--no-huge"},
			(char[]){"--no-pci"},
			(char[]){"--no-shconf"},
			(char[]){"--no-telemetry"},
			(char[]){"-m"},
			(char[]){"256"},
			(char[]){"--log-level=warning"},
			prefix,
			lcores,
			(char[]){"--vdev=net_ring0"},
			(char[]){"--vdev=net_ring1"},
			(char[]){"--vdev=net_ring2"},
			(char[]){"--vdev=net_ring3"},
			(char[]){"--vdev=net_ring4"},
			(char[]){"--vdev=net_ring5"}};

	snprintf(prefix, sizeof(prefix), "--file-prefix=eg-bench-%d", (int)getpid());
	snprintf(lcores, sizeof(lcores), "--lcores=0@%d", sched_getcpu());
	assert_true(rte_eal_init((int)COUNT(args), args) >= 0);
	pool = rte_pktmbuf_pool_create("bench", MBUFS, 0, 0, DATA_BYTES, SOCKET_ID_ANY);
	large = rte_pktmbuf_pool_create("large", EG_LARGE_BUFFERS, 0, 0, EG_LARGE_BYTES,
					SOCKET_ID_ANY);
	assert_true(pool && large);
	assert_int_equal(rte_eth_dev_count_avail(), DEVICES);
	for (uint16_t id = 0; id < DEVICES; id++)
		start_port(id);
}

void bench_close(void)
{
	for (uint16_t id = 0; id < DEVICES; id++) {
		rte_eth_dev_stop(id);
		rte_eth_dev_close(id);
	}
	rte_mempool_free(pool);
	rte_mempool_free(large);
	rte_eal_cleanup();
}

struct rte_mempool *bench_pool(void)
{
	return pool;
}

struct rte_mempool *bench_large(void)
{
	return large;
}

unsigned bench_in_use(void)
{
	return rte_mempool_in_use_count(pool);
}

uint64_t bench_drops(enum eg_verdict reason)
{
	return dropped[reason];
}

static void *zeroed(size_t size)
{
	void *p = aligned_alloc(64, (size + 63) & ~63ul);

	assert_non_null(p);
	return memset(p, 0, size);
}

static struct eg_path *new_path(struct gw *gw, unsigned worker)
{
	struct eg_path *path = zeroed(sizeof(*path));
	struct eg_path_parts parts = {
		.worker = worker,
		.n_workers = gw->spec.workers,
		.stats = gw->stats[worker],
		.crypto = eg_crypto_new(),
		.handoff = gw->handoff,
		.tunnels = &gw->tunnels,
		.pool = pool,
		.large = large,
		.cache = eg_cache_new(EG_CACHE_MIN, &(struct eg_flow_seed){{1, 2, 3, 4}}),
		.resolves = worker == 0,
		.resolver_shared = gw->resolver_shared,
		.n_ports = 2,
	};

	for (unsigned port = 0; port < 2; port++)
		parts.port[port] = (struct eg_path_port_parts){
			.dpdk_id = (uint16_t)(2 * (gw->spec.site - 1) + port),
			.mtu = GW_MTU,
			.encrypted = port == ENCRYPTED,
			.mac = {2, 0, 0, 0, 0, (uint8_t)port},
		};
	assert_non_null(parts.crypto);
	assert_non_null(parts.cache);
	assert_int_equal(eg_path_init(path, &parts), 0);
	return path;
}

static struct eg_hop port_hop(unsigned port)
{
	/* The next station: a pod or router behind the clear port, or the far gateway. */
	return (struct eg_hop){
		.kind = EG_HOP_PORT, .port = (uint8_t)port, .mac = {2, 0, 0, 0, 1, (uint8_t)port}};
}

/* Peer, SAs and routes of the drawing above, seen from one site. */
static void add_site(struct gw *gw)
{
	static const char *const ends[2][2] = {{"192.0.2.1", "192.0.2.2"},
					       {"2001:db8::1", "2001:db8::2"}};
	static const char *const pods[2][2] = {{"10.1.0.0/16", "fd00:1::/64"},
					       {"10.2.0.0/16", "fd00:2::/64"}};
	unsigned here = gw->spec.site - 1, there = 1 - here, v6 = gw->spec.outer == 6;
	unsigned tunnel = gw_peer(gw, ends[v6][here], ends[v6][there]);
	struct eg_sa_spec spec = {
		.suite = gw->spec.suite,
		.esn = gw->spec.esn,
		.local = gw_tunnel(gw, tunnel)->local,
		.remote = gw_tunnel(gw, tunnel)->remote,
	};

	spec.kind = EG_SA_KIND_OUT;
	spec.spi = site_spi(here + 1);
	gw_sa(gw, tunnel, &spec, site_material(here + 1));
	spec.kind = EG_SA_KIND_IN;
	spec.spi = site_spi(there + 1);
	spec.replay_window = gw->spec.window ? gw->spec.window : EG_REPLAY_DEFAULT;
	gw_sa(gw, tunnel, &spec, site_material(there + 1));
	for (unsigned v = 0; v < 2; v++) {
		gw_route(gw, pods[here][v], port_hop(CLEAR));
		gw_route(gw, pods[there][v],
			 (struct eg_hop){.kind = EG_HOP_TUNNEL, .tunnel = tunnel});
	}
}

static void free_gw(struct gw *gw)
{
	for (unsigned w = 0; w < gw->spec.workers; w++) {
		eg_crypto_free(gw->path[w]->crypto);
		eg_cache_free(gw->path[w]->cache);
		free(gw->path[w]);
		free(gw->stats[w]);
		rte_ring_free(gw->handoff[w]);
	}
	rte_ring_free(gw->resolver_shared.messages);
	rte_ring_free(gw->resolver_shared.packets);
	rte_ring_free(gw->to_kernel);
	eg_neighs_free(gw->resolver_shared.neighs);
	eg_tunnels_fini(&gw->tunnels);
	eg_rcu_fini(&gw->rcu);
	eg_vec_foreach (spec, &gw->specs)
		free((char *)spec->name);
	eg_vec_free(&gw->specs);
	eg_snap_free(gw->snap);
	eg_sa_store_free(gw->store);
	open_now[gw->spec.site - 1] = NULL;
	free(gw);
}

static void make_way(struct gw *gw)
{
	char name[32];

	gw->resolver_shared.neighs = eg_neighs_new();
	snprintf(name, sizeof(name), "messages-%u", gw->spec.site);
	gw->resolver_shared.messages = rte_ring_create(name, WAY, SOCKET_ID_ANY, RING_F_SC_DEQ);
	snprintf(name, sizeof(name), "packets-%u", gw->spec.site);
	gw->resolver_shared.packets = rte_ring_create(name, WAY, SOCKET_ID_ANY, RING_F_SC_DEQ);
	assert_true(gw->resolver_shared.neighs && gw->resolver_shared.messages &&
		    gw->resolver_shared.packets);
}

static unsigned empty_device(uint16_t id)
{
	struct rte_mbuf *m;
	unsigned n = 0;

	for (; rte_eth_rx_burst(id, 0, &m, 1); n++)
		rte_pktmbuf_free(m);
	return n;
}

static void empty_kernels(struct gw *gw)
{
	do {
		for (unsigned port = 0; port < 2; port++) {
			if (gw->path[0]->port[port].kernel.on)
				empty_device((uint16_t)(KERNELS + port));
		}
	} while (eg_path_kernels(gw->path[0], gw->snap, false));
}

void gw_kernel(struct gw *gw, unsigned port, const struct eg_allow *allow)
{
	if (!gw->to_kernel)
		gw->to_kernel = rte_ring_create("kernel", WAY, SOCKET_ID_ANY, RING_F_SC_DEQ);
	assert_non_null(gw->to_kernel);
	gw->allow[port] = *allow;
	for (unsigned w = 0; w < gw->spec.workers; w++) {
		gw->path[w]->kernel_shared.packets = gw->to_kernel;
		gw->path[w]->port[port].kernel = (struct eg_kernel){
			.on = true,
			.dpdk_id = (uint16_t)(KERNELS + port),
			.mtu = GW_MTU,
			.hop = {.kind = EG_HOP_LINK, .port = (uint8_t)port},
		};
	}
}

struct gw *gw_open(struct gw_spec spec)
{
	struct gw *gw = open_now[spec.site - 1];
	char name[32];

	if (gw) { /* a test failed in the middle: start clean */
		for (unsigned w = 0; w < gw->spec.workers; w++)
			eg_path_expire(gw->path[w], true);
		eg_path_resolve(gw->path[0], gw->snap, 0, true);
		empty_kernels(gw);
		gw_discard(gw, CLEAR);
		gw_discard(gw, ENCRYPTED);
		free_gw(gw);
	}
	gw = open_now[spec.site - 1] = zeroed(sizeof(*gw));
	gw->spec = spec;
	if (!spec.suite)
		gw->spec.suite = eg_suite_find("aes128gcm16");
	if (!gw->spec.workers)
		gw->spec.workers = 1;
	gw->store = eg_sa_store_new(gw->spec.workers);
	gw->snap = calloc(1, sizeof(*gw->snap));
	assert_true(gw->store && gw->snap);
	assert_int_equal(eg_rcu_init(&gw->rcu, gw->spec.workers), 0);
	assert_int_equal(eg_tunnels_init(&gw->tunnels, &gw->rcu, gw->store, gw->spec.workers), 0);
	gw->snap->world = eg_snap_world_new(2);
	assert_non_null(gw->snap->world);
	make_way(gw);
	for (unsigned w = 0; w < gw->spec.workers; w++) {
		gw->stats[w] = zeroed(sizeof(struct eg_stats));
		snprintf(name, sizeof(name), "handoff-%u-%u", spec.site, w);
		gw->handoff[w] = rte_ring_create(name, HANDOFF, SOCKET_ID_ANY, RING_F_SC_DEQ);
		assert_non_null(gw->handoff[w]);
		gw->path[w] = new_path(gw, w);
	}
	*eg_vec_add(&gw->hops) = (struct eg_hop){.kind = EG_HOP_NONE};
	if (!spec.bare)
		add_site(gw);
	return gw;
}

void gw_route(struct gw *gw, const char *prefix, struct eg_hop hop)
{
	struct eg_lpm_entry *entry = eg_vec_add(&gw->entries);

	assert_int_equal(eg_prefix_parse(prefix, &entry->prefix), 0);
	entry->value = (uint32_t)gw->hops.n;
	*eg_vec_add(&gw->hops) = hop;
}

void gw_local(struct gw *gw, unsigned port, const char *address)
{
	struct eg_local *local = eg_vec_add(&gw->locals);
	struct eg_prefix host;
	char text[64];

	assert_int_equal(eg_prefix_parse(address, &local->address), 0);
	local->port = (uint8_t)port;
	host = local->address;
	gw_route(gw, address, (struct eg_hop){.kind = EG_HOP_LINK, .port = (uint8_t)port});
	host.len = (uint8_t)eg_ip_bits(&host.ip);
	gw_route(gw, eg_prefix_print(&host, text), (struct eg_hop){.kind = EG_HOP_LOCAL});
}

uint32_t gw_via(struct gw *gw, const char *address)
{
	struct eg_ip *via = eg_vec_add(&gw->vias);

	assert_int_equal(eg_ip_parse(address, via), 0);
	return (uint32_t)(gw->vias.n - 1);
}

unsigned gw_group(struct gw *gw, const struct eg_group_member *members, size_t n)
{
	struct eg_group **group = eg_vec_add(&gw->groups);

	*group = eg_group_build(members, n);
	assert_non_null(*group);
	return (unsigned)(gw->groups.n - 1);
}

struct eg_tunnel *gw_tunnel(const struct gw *gw, uint32_t id)
{
	/* The caller may change it: workers must see another generation. */
	eg_tunnel_touch((struct eg_tunnels *)&gw->tunnels, id);
	return (struct eg_tunnel *)eg_tunnel_get(&gw->tunnels, id);
}

struct eg_liveness *gw_liveness(struct gw *gw, unsigned index, const char *source,
				const char *target)
{
	struct eg_tunnel_spec *spec = &gw->specs.v[index];
	struct eg_liveness *liveness;

	assert_int_equal(eg_ip_parse(source, &spec->source), 0);
	assert_int_equal(eg_ip_parse(target, &spec->target), 0);
	spec->plan = (struct eg_liveness_plan){100 * 1000000ull, 3};
	assert_int_equal(eg_tunnel_change(&gw->tunnels, index, spec), 0);
	liveness = gw_tunnel(gw, index)->liveness;
	liveness->worker = 0;
	return liveness;
}

void gw_resolve(struct gw *gw, uint64_t now_ms)
{
	/* A whole look through the table: a tick is but a part of it. */
	for (unsigned i = 0; i < 16; i++) {
		gw->path[0]->resolver.next_ms = 0;
		eg_path_resolve(gw->path[0], gw->snap, now_ms, false);
	}
}

unsigned gw_peer(struct gw *gw, const char *local, const char *remote)
{
	struct eg_tunnel_spec *spec = eg_vec_add(&gw->specs);
	uint32_t id;
	char prefix[64], name[64];

	snprintf(name, sizeof(name), "%s #%zu", remote, gw->specs.n);
	*spec = (struct eg_tunnel_spec){
		.name = strdup(name),
		.hop = port_hop(ENCRYPTED),
		.df_copied = EG_IP4_DF,
		.learns_mtu = true,
		.encap = gw->spec.encap,
		.transport = gw->spec.transport,
		.n_sports = 1,
		.peer_port = 4500,
	};
	assert_int_equal(eg_ip_parse(local, &spec->local), 0);
	assert_int_equal(eg_ip_parse(remote, &spec->remote), 0);
	assert_int_equal(eg_tunnel_add(&gw->tunnels, spec, &id), 0);
	assert_int_equal(id, gw->specs.n - 1);
	snprintf(prefix, sizeof(prefix), "%s/%u", local, eg_ip_bits(&spec->local));
	gw_route(gw, prefix,
		 gw->spec.transport ? port_hop(CLEAR) : (struct eg_hop){.kind = EG_HOP_LOCAL});
	if (gw->spec.transport) {
		snprintf(prefix, sizeof(prefix), "%s/%u", remote, eg_ip_bits(&spec->remote));
		gw_route(gw, prefix, (struct eg_hop){.kind = EG_HOP_TUNNEL, .tunnel = id});
	}
	return id;
}

struct eg_sa *gw_sa(struct gw *gw, unsigned tunnel, const struct eg_sa_spec *spec,
		    const uint8_t *material)
{
	const struct eg_err_place place = {.path = "sa"};
	struct eg_errs errs = {0};
	struct eg_sa *sa = eg_sa_acquire(gw->store, spec, material, &place, &errs);

	eg_errs_print(&errs, stderr);
	assert_non_null(sa);
	assert_int_equal(eg_tunnel_add_sa(&gw->tunnels, tunnel, sa), 0);
	return sa;
}

void gw_ready(struct gw *gw)
{
	struct eg_snap_world *world = gw->snap->world;

	world->routes = eg_lpm_build(gw->entries.v, gw->entries.n, 0);
	assert_non_null(world->routes);
	world->hops = gw->hops.v;
	world->n_hops = (uint32_t)gw->hops.n;
	world->groups = gw->groups.v;
	world->n_groups = (uint32_t)gw->groups.n;
	world->locals = (struct eg_locals){gw->locals.v, gw->locals.n};
	world->vias = gw->vias.v;
	memcpy(world->allow, gw->allow, sizeof(gw->allow));
	eg_vec_free(&gw->entries);
}

static struct eg_sa *find_sa(struct gw *gw, unsigned kind)
{
	for (uint32_t id = 0; id < gw->specs.n; id++) {
		const struct eg_tunnel_sa *held = eg_tunnel_first_sa(&gw->tunnels, id);

		for (; held; held = held->next) {
			if (held->sa->kind == kind)
				return held->sa;
		}
	}
	fail_msg("the gateway has no such SA");
	return NULL;
}

struct eg_sa *gw_sa_out(struct gw *gw)
{
	return find_sa(gw, EG_SA_KIND_OUT);
}

struct eg_sa *gw_sa_in(struct gw *gw)
{
	return find_sa(gw, EG_SA_KIND_IN);
}

static int by_address(const void *a, const void *b)
{
	const char *const *pa = a, *const *pb = b;

	return *pa < *pb ? -1 : *pa > *pb;
}

/* Every mbuf is in its pool exactly once. */
static void check_pool(void)
{
	static void *all[MBUFS];

	assert_int_equal(bench_in_use(), 0);
	assert_int_equal(rte_mempool_in_use_count(large), 0);
	assert_int_equal(rte_mempool_get_bulk(pool, all, MBUFS), 0);
	qsort(all, MBUFS, sizeof(*all), by_address);
	for (unsigned i = 1; i < MBUFS; i++)
		assert_ptr_not_equal(all[i], all[i - 1]);
	rte_mempool_put_bulk(pool, all, MBUFS);
}

/* rx + made = tx + taken + drops over all workers. */
static void check_balance(const struct gw *gw)
{
	uint64_t rx = 0, tx = 0;

	for (unsigned w = 0; w < gw->spec.workers; w++) {
		for (unsigned i = 0; i < EG_LOCAL_COUNT; i++)
			rx += eg_counted(&gw->stats[w]->local[i]);
		tx += eg_counted(&gw->stats[w]->consumed);
		for (unsigned port = 0; port < gw->path[w]->n_ports; port++) {
			rx += eg_counted(&gw->stats[w]->port[port].rx_packets);
			tx += eg_counted(&gw->stats[w]->port[port].tx_packets);
			rx += eg_counted(&gw->stats[w]->kernel[port].rx_packets);
			tx += eg_counted(&gw->stats[w]->kernel[port].tx_packets);
		}
	}
	assert_int_equal(rx, tx + gw_drops_all(gw));
}

void gw_close(struct gw *gw)
{
	for (unsigned w = 0; w < gw->spec.workers; w++)
		eg_path_expire(gw->path[w], true);
	eg_path_resolve(gw->path[0], gw->snap, 0, true);
	empty_kernels(gw);
	gw_discard(gw, CLEAR);
	gw_discard(gw, ENCRYPTED);
	check_balance(gw);
	check_pool();
	for (enum eg_verdict drop = EG_PASS; drop < EG_DROP_COUNT; drop++)
		dropped[drop] += gw_drops(gw, drop);
	free_gw(gw);
}

void gw_inject(struct gw *gw, unsigned port, struct rte_mbuf *m)
{
	assert_int_equal(rte_eth_tx_burst(gw->path[0]->port[port].dpdk_id, 0, &m, 1), 1);
}

void gw_receive(struct gw *gw, unsigned port, unsigned n)
{
	const struct eg_snap *snap = gw->closed_start ? NULL : gw->snap;

	assert_int_equal(eg_path_receive(gw->path[0], snap, port, 0), n);
}

void gw_send(struct gw *gw, unsigned port, const struct frame *frames, unsigned n)
{
	assert_true(n <= EG_BATCH_MAX);
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
		char *at;

		assert_non_null(m);
		at = rte_pktmbuf_append(m, frames[i].n);
		assert_non_null(at);
		memcpy(at, frames[i].bytes, frames[i].n);
		gw_inject(gw, port, m);
	}
	gw_receive(gw, port, n);
}

void gw_send_mbuf(struct gw *gw, unsigned port, struct rte_mbuf *m)
{
	gw_inject(gw, port, m);
	gw_receive(gw, port, 1);
}

static enum eg_verdict first_drop(const struct gw *gw, const uint64_t before[EG_DROP_COUNT])
{
	for (enum eg_verdict drop = EG_PASS + 1; drop < EG_DROP_COUNT; drop++) {
		if (gw_drops(gw, drop) != before[drop])
			return drop;
	}
	return EG_PASS;
}

void gw_expect(struct gw *gw, unsigned port, const struct frame *frame, enum eg_verdict want,
	       const char *what)
{
	uint64_t before[EG_DROP_COUNT], all = gw_drops_all(gw);
	enum eg_verdict got;
	unsigned sent;

	for (enum eg_verdict drop = EG_PASS; drop < EG_DROP_COUNT; drop++)
		before[drop] = gw_drops(gw, drop);
	gw_send(gw, port, frame, 1);
	sent = gw_discard(gw, CLEAR) + gw_discard(gw, ENCRYPTED);
	got = first_drop(gw, before);
	if (got != want)
		fail_msg("%s: %s, not %s", what, eg_drop_name(got), eg_drop_name(want));
	assert_int_equal(sent, want == EG_PASS);
	assert_int_equal(gw_drops_all(gw) - all, want != EG_PASS);
}

static void check_macs(const uint8_t *frame, unsigned port)
{
	const uint8_t macs[] = {2, 0, 0, 0, 1, (uint8_t)port, 2, 0, 0, 0, 0, (uint8_t)port};

	assert_memory_equal(frame, macs, sizeof(macs));
}

static unsigned take(struct gw *gw, unsigned port, struct frame *out, unsigned max, bool to_next)
{
	unsigned n = 0;
	struct rte_mbuf *m;

	while (n < max && rte_eth_rx_burst(gw->path[0]->port[port].dpdk_id, 0, &m, 1)) {
		assert_int_equal(m->nb_segs, 1);
		assert_true(m->data_len <= FRAME_MAX);
		assert_int_equal(m->data_len, m->pkt_len);
		if (to_next)
			check_macs(rte_pktmbuf_mtod(m, uint8_t *), port);
		out[n].n = m->data_len;
		memcpy(out[n].bytes, rte_pktmbuf_mtod(m, void *), m->data_len);
		rte_pktmbuf_free(m);
		n++;
	}
	return n;
}

unsigned gw_sent(struct gw *gw, unsigned port, struct frame *out, unsigned max)
{
	return take(gw, port, out, max, true);
}

unsigned gw_frames(struct gw *gw, unsigned port, struct frame *out, unsigned max)
{
	return take(gw, port, out, max, false);
}

void gw_from_kernel(struct gw *gw, unsigned port, const struct frame *frame)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, frame->n), frame->bytes, frame->n);
	assert_int_equal(rte_eth_tx_burst((uint16_t)(KERNELS + port), 0, &m, 1), 1);
	assert_int_equal(eg_path_kernels(gw->path[0], gw->snap, true), 1);
}

unsigned gw_to_kernel(struct gw *gw, unsigned port, struct frame *out, unsigned max)
{
	struct rte_mbuf *m;
	unsigned n = 0;

	if (!gw->path[0]->port[port].kernel.on)
		return 0;
	eg_path_kernels(gw->path[0], gw->snap, false);
	for (; n < max && rte_eth_rx_burst((uint16_t)(KERNELS + port), 0, &m, 1); n++) {
		out[n].n = m->data_len;
		memcpy(out[n].bytes, rte_pktmbuf_mtod(m, void *), m->data_len);
		rte_pktmbuf_free(m);
	}
	return n;
}

unsigned gw_forward(struct gw *from, struct gw *to, struct frame *frames)
{
	unsigned n = gw_sent(from, ENCRYPTED, frames, EG_BATCH_MAX);

	for (unsigned i = 0; i < n; i++)
		frames[i].bytes[4] = 0; /* the next station's MAC is the far gateway's */
	gw_send(to, ENCRYPTED, frames, n);
	for (unsigned i = 0; i < n; i++)
		frames[i].bytes[4] = 1;
	return n;
}

unsigned gw_discard(struct gw *gw, unsigned port)
{
	struct rte_mbuf *m;
	unsigned n = 0;

	for (; rte_eth_rx_burst(gw->path[0]->port[port].dpdk_id, 0, &m, 1); n++)
		rte_pktmbuf_free(m);
	return n;
}

uint64_t gw_drops(const struct gw *gw, enum eg_verdict reason)
{
	uint64_t sum = 0;

	for (unsigned w = 0; w < gw->spec.workers; w++)
		sum += eg_counted(&gw->stats[w]->drop[reason]);
	return sum;
}

uint64_t gw_drops_all(const struct gw *gw)
{
	uint64_t sum = 0;

	for (enum eg_verdict drop = EG_PASS + 1; drop < EG_DROP_COUNT; drop++)
		sum += gw_drops(gw, drop);
	return sum;
}
