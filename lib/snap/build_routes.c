#include "snap/build.h"

#include <stdlib.h>

/* The hops that are always there, in the order in which collect() adds them. */
enum {
	HOP_NONE,
	HOP_NO_NEIGHBOR,
	HOP_LOCAL,
};

struct table {
	EG_VEC(struct eg_lpm_entry) entries;
	EG_VEC(struct eg_hop) hops;
	bool failed; /* out of memory somewhere: told once at the end */
};

static uint32_t add_hop(struct table *table, struct eg_hop hop)
{
	struct eg_hop *slot = eg_vec_add(&table->hops);

	if (!slot) {
		table->failed = true;
		return HOP_NONE;
	}
	*slot = hop;
	return (uint32_t)(slot - table->hops.v);
}

static void add_entry(struct table *table, struct eg_prefix prefix, uint32_t hop)
{
	struct eg_lpm_entry *slot = eg_vec_add(&table->entries);

	if (slot)
		*slot = (struct eg_lpm_entry){prefix, hop};
	else
		table->failed = true;
}

static void add_host(struct table *table, const struct eg_ip *ip, uint32_t hop)
{
	add_entry(table, (struct eg_prefix){*ip, (uint8_t)eg_ip_bits(ip)}, hop);
}

static struct eg_hop neighbor_hop(const struct eg_conf_neighbor *neighbor)
{
	struct eg_hop hop = {.kind = EG_HOP_PORT, .port = (uint8_t)neighbor->port};

	memcpy(hop.mac, neighbor->mac, sizeof(hop.mac));
	return hop;
}

/* A route through a router takes its neighbor's hop; one to a port's own network only says that
 * hosts may be there, and each known neighbor is a host route of its own. */
static uint32_t route_hop(struct table *table, const struct eg_config *config,
			  const struct eg_conf_route *route)
{
	if (!route->via.family)
		return HOP_NO_NEIGHBOR;
	eg_vec_foreach (neighbor, &config->neighbors) {
		if (eg_ip_equal(&neighbor->ip, &route->via))
			return add_hop(table, neighbor_hop(neighbor));
	}
	return HOP_NO_NEIGHBOR;
}

/* Of equal prefixes the later one counts: tunnels go over routes, own addresses over all. */
static void collect(struct table *table, const struct eg_config *config)
{
	add_hop(table, (struct eg_hop){.kind = EG_HOP_NONE});
	add_hop(table, (struct eg_hop){.kind = EG_HOP_NO_NEIGHBOR});
	add_hop(table, (struct eg_hop){.kind = EG_HOP_LOCAL});
	eg_vec_foreach (route, &config->routes)
		add_entry(table, route->to, route_hop(table, config, route));
	eg_vec_foreach (neighbor, &config->neighbors)
		add_host(table, &neighbor->ip, add_hop(table, neighbor_hop(neighbor)));
	for (size_t i = 0; i < config->peers.n; i++) {
		const struct eg_conf_peer *peer = &config->peers.v[i];
		uint32_t hop =
			add_hop(table, (struct eg_hop){.kind = EG_HOP_PEER, .peer = (uint32_t)i});

		eg_vec_foreach (subnet, &peer->subnets)
			add_entry(table, *subnet, hop);
		add_host(table, &peer->local, HOP_LOCAL);
	}
}

int eg_build_routes(struct eg_snap *snap, const struct eg_config *config, struct eg_errs *errs)
{
	struct table table = {0};
	int ret = -1;

	collect(&table, config);
	if (!table.failed)
		snap->routes = eg_lpm_build(table.entries.v, table.entries.n, HOP_NONE);
	if (snap->routes) {
		snap->hops = table.hops.v;
		snap->n_hops = (uint32_t)table.hops.n;
		table.hops.v = NULL;
		for (uint32_t i = 0; i < snap->n_peers; i++) {
			struct eg_tunnel *peer = &snap->peers[i];

			peer->hop = snap->hops[eg_lpm_lookup(snap->routes, &peer->remote)];
		}
		ret = 0;
	} else {
		eg_error(errs, NULL, "routes", "out of memory");
	}
	eg_vec_free(&table.entries);
	free(table.hops.v);
	return ret;
}
