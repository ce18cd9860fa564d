#include "gateway.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "base/clock.h"
#include "rings.h"

/* Enough for a start; tests/unit proves more. */
#define PROVE_NS 1000000ull

static void *zeroed(size_t size)
{
	void *p = aligned_alloc(64, (size + 63) & ~63ul);

	if (!p)
		errx(1, "out of memory");
	return memset(p, 0, size);
}

static void load(struct gateway *gateway, const char *file)
{
	const struct eg_candidate_options options = {.prove_ns = PROVE_NS};
	struct eg_installed installed = {&gateway->tunnels, &gateway->publisher, NULL, 0};
	struct eg_candidate *candidate = NULL;
	struct eg_errs errs = {0};

	gateway->config = eg_config_load(file, &errs);
	gateway->sas = eg_sa_store_new(1);
	if (gateway->config && gateway->sas)
		candidate = eg_candidate_build(gateway->config, gateway->sas, &options, &errs);
	eg_errs_print(&errs, stderr);
	if (!candidate || eg_rcu_init(&gateway->rcu, 1) ||
	    eg_tunnels_init(&gateway->tunnels, &gateway->rcu, gateway->sas, 1) ||
	    eg_sa_store_reserve(gateway->sas, &(struct eg_now){eg_wall_ns(), eg_mono_ns()},
				UINT64_MAX))
		errx(1, "%s", file);
	eg_publisher_init(&gateway->publisher, &gateway->rcu);
	if (eg_apply_all(&installed, candidate, eg_mono_ns(), &errs))
		errx(1, "%s", file);
	gateway->snap = eg_publisher_read(&gateway->publisher);
}

static struct eg_flow *new_flow(struct gateway *gateway)
{
	struct eg_flow *flow = zeroed(sizeof(*flow));

	gateway->flows = eg_flow_table_new(gateway->config->policy.max_connections);
	if (!gateway->flows)
		errx(1, "out of memory");
	eg_flow_init(flow, gateway->flows);
	return flow;
}

struct gateway *gateway_open(const char *file, uint16_t first, struct rte_mempool *pool)
{
	struct gateway *gateway = zeroed(sizeof(*gateway));
	struct eg_path_parts parts = {0};

	load(gateway, file);
	gateway->clock = rte_get_tsc_cycles();
	parts.tunnels = &gateway->tunnels;
	parts.stats = &gateway->stats;
	parts.crypto = eg_crypto_new();
	if (gateway->config->forwarding_cache)
		parts.cache = eg_cache_new(EG_CACHE_MAX, &(struct eg_flow_seed){{1, 2, 3, 4}});
	parts.flow = gateway->snap->policy ? new_flow(gateway) : NULL;
	parts.n_workers = 1;
	parts.pool = pool;
	parts.clock = &gateway->clock;
	parts.n_ports = 2;
	for (unsigned port = CLEAR; port <= ENCRYPTED; port++) {
		gateway->device[port] = (uint16_t)(first + port);
		parts.port[port] = (struct eg_path_port_parts){
			.dpdk_id = gateway->device[port],
			.mtu = gateway->config->ports.v[port].mtu,
			.encrypted = port == ENCRYPTED,
			.promiscuous = true,
		};
	}
	if (!parts.crypto || eg_path_init(&gateway->path, &parts))
		errx(1, "no crypto");
	eg_crypto_set_multi_packet(parts.crypto, gateway->config->multi_packet
							 ? eg_crypto_measure_multi_packet()
							 : eg_multi_packet_up_to(0));
	eg_rcu_online(&gateway->rcu, 0);
	return gateway;
}

uint64_t gateway_run(struct gateway *gateway, unsigned port, struct figures *bursts)
{
	uint64_t start = rte_rdtsc_precise(), clock = gateway->clock, at = start;

	for (;;) {
		/* The clock is read once per burst, as the path itself would read it. */
		gateway->clock = clock + (rte_get_tsc_cycles() - start);
		if (!eg_path_receive(&gateway->path, gateway->snap, port, 0))
			break;
		eg_rcu_quiescent(&gateway->rcu, 0);
		if (bursts) {
			uint64_t now = rte_rdtsc_precise();

			figures_add(bursts, rings_ns(now - at));
			at = rte_rdtsc_precise();
		}
	}
	return rte_rdtsc_precise() - start;
}

void gateway_lost(const struct gateway *gateway, const char *where)
{
	for (unsigned i = 0; i < EG_DROP_COUNT; i++) {
		uint64_t n = eg_counted(&gateway->stats.drop[i]);

		if (n)
			warnx("%s: %s %llu", where, eg_drop_name((enum eg_verdict)i),
			      (unsigned long long)n);
	}
	errx(1, "%s: packets were dropped", where);
}
