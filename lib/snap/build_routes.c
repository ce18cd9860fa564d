#include "snap/build.h"

#include <stdlib.h>

/* The hops of every world, in the order in which collect() adds them. */
enum {
	HOP_NONE,
	HOP_NO_NEIGHBOR,
	HOP_LOCAL,
	HOP_BROADCAST,
};

struct table {
	EG_VEC(struct eg_lpm_entry) entries;
	EG_VEC(struct eg_hop) hops;
	EG_VEC(struct eg_ip) vias;
	EG_VEC(struct eg_local) locals;
	struct eg_shared_list shared;
	bool failed; /* out of memory somewhere: reported once at the end */
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

/* Can the gateway resolve neighbours of this family on that port? */
static bool can_resolve(const struct eg_conf_port *port, unsigned family)
{
	eg_vec_foreach (address, &port->addresses) {
		if (address->ip.family == family)
			return true;
	}
	return false;
}

/* The port on whose link an address is, or -1: by the longest prefix, as the configuration's checks
 * do it (conf/check_ports.c). */
static int link_port(const struct eg_config *config, const struct eg_ip *ip)
{
	int port = -1, best = -1;

	for (size_t i = 0; i < config->ports.n; i++) {
		eg_vec_foreach (address, &config->ports.v[i].addresses) {
			if (eg_prefix_contains(address, ip) && address->len > best) {
				best = address->len;
				port = (int)i;
			}
		}
	}
	eg_vec_foreach (route, &config->routes) {
		if (route->port >= 0 && eg_prefix_contains(&route->to, ip) &&
		    route->to.len >= best &&
		    can_resolve(&config->ports.v[route->port], ip->family)) {
			best = route->to.len;
			port = route->port;
		}
	}
	return port;
}

/* A hop through a router: a static neighbour, or one whose MAC is resolved. */
static uint32_t via_hop(struct table *table, const struct eg_config *config,
			const struct eg_ip *via)
{
	struct eg_hop hop = {.kind = EG_HOP_VIA, .via = (uint32_t)table->vias.n};
	struct eg_ip *slot;
	int port;

	eg_vec_foreach (neighbor, &config->neighbors) {
		if (eg_ip_equal(&neighbor->ip, via))
			return add_hop(table, neighbor_hop(neighbor));
	}
	port = link_port(config, via);
	if (port < 0)
		return HOP_NO_NEIGHBOR;
	slot = eg_vec_add(&table->vias);
	if (!slot) {
		table->failed = true;
		return HOP_NONE;
	}
	*slot = *via;
	hop.port = (uint8_t)port;
	return add_hop(table, hop);
}

static uint32_t link_hop(struct table *table, unsigned port)
{
	return add_hop(table, (struct eg_hop){.kind = EG_HOP_LINK, .port = (uint8_t)port});
}

/* Without an address on the port no neighbour can be resolved there. A route to its network then
 * only says where hosts may be, and each static neighbour is a host route. */
static uint32_t route_hop(struct table *table, const struct eg_config *config,
			  const struct eg_conf_route *route)
{
	if (route->via.family)
		return via_hop(table, config, &route->via);
	if (can_resolve(&config->ports.v[route->port], route->to.ip.family))
		return link_hop(table, (unsigned)route->port);
	return add_hop(table,
		       (struct eg_hop){.kind = EG_HOP_NO_NEIGHBOR, .port = (uint8_t)route->port});
}

/* The network address and the broadcast address are not hosts' (RFC 1812 s5.3.5.2). */
static void add_reserved(struct table *table, const struct eg_prefix *network)
{
	struct eg_ip last = network->ip;

	if (network->ip.family != 4 || network->len >= 31)
		return;
	for (unsigned bit = network->len; bit < 32; bit++)
		last.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	add_host(table, &network->ip, HOP_BROADCAST);
	add_host(table, &last, HOP_BROADCAST);
}

static void add_ports(struct table *table, const struct eg_config *config)
{
	for (unsigned p = 0; p < config->ports.n; p++) {
		const struct eg_conf_port *port = &config->ports.v[p];

		eg_vec_foreach (address, &port->addresses) {
			struct eg_local *local = eg_vec_add(&table->locals);
			struct eg_prefix network = *address;

			eg_prefix_mask(&network);
			add_entry(table, network, link_hop(table, p));
			add_reserved(table, &network);
			if (local)
				*local = (struct eg_local){*address, (uint8_t)p};
			else
				table->failed = true;
		}
		eg_vec_foreach (gateway, &port->gateways)
			add_entry(table, (struct eg_prefix){.ip.family = gateway->family},
				  via_hop(table, config, gateway));
	}
}

/* Among equal prefixes the last one is used: routes override ports' networks, tunnels override
 * routes, groups override their members, and local addresses override all. */
static void collect(struct table *table, const struct eg_config *config)
{
	add_hop(table, (struct eg_hop){.kind = EG_HOP_NONE});
	add_hop(table, (struct eg_hop){.kind = EG_HOP_NO_NEIGHBOR, .port = EG_HOP_NO_PORT});
	add_hop(table, (struct eg_hop){.kind = EG_HOP_LOCAL});
	add_hop(table, (struct eg_hop){.kind = EG_HOP_BROADCAST});
	add_ports(table, config);
	eg_vec_foreach (route, &config->routes)
		add_entry(table, route->to, route_hop(table, config, route));
	eg_vec_foreach (neighbor, &config->neighbors)
		add_host(table, &neighbor->ip, add_hop(table, neighbor_hop(neighbor)));
	for (size_t i = 0; i < config->peers.n; i++) {
		const struct eg_conf_peer *tunnel = &config->peers.v[i];
		uint32_t hop;

		if (tunnel->mode == EG_MODE_TRANSPORT)
			continue;
		hop = add_hop(table, (struct eg_hop){.kind = EG_HOP_TUNNEL, .tunnel = (uint32_t)i});
		eg_vec_foreach (subnet, &tunnel->subnets)
			add_entry(table, *subnet, hop);
		add_host(table, &tunnel->local, HOP_LOCAL);
	}
	eg_vec_foreach (share, &table->shared.all)
		add_entry(table, share->prefix,
			  add_hop(table,
				  (struct eg_hop){.kind = EG_HOP_GROUP, .group = share->group}));
	eg_vec_foreach (local, &table->locals)
		add_host(table, &local->address.ip, HOP_LOCAL);
}

/* In transport mode packets to the remote end itself are sealed. The local end is not the
 * gateway's: a route leads to it. False if no peer is in transport mode. */
static bool collect_transport(struct table *table, const struct eg_config *config)
{
	bool any = false;

	for (size_t i = 0; i < config->peers.n; i++) {
		const struct eg_conf_peer *tunnel = &config->peers.v[i];

		if (tunnel->mode != EG_MODE_TRANSPORT)
			continue;
		add_host(table, &tunnel->remote,
			 add_hop(table,
				 (struct eg_hop){.kind = EG_HOP_TUNNEL, .tunnel = (uint32_t)i}));
		any = true;
	}
	return any;
}

/* How packets get to the tunnel's remote end. The tunnel outlives the world, so it gets a copy of
 * the router's address. */
static void set_hop(struct eg_tunnel_spec *spec, const struct table *table,
		    const struct eg_lpm *plain)
{
	spec->hop = table->hops.v[eg_lpm_lookup(plain, &spec->remote)];
	if (spec->hop.kind != EG_HOP_VIA)
		return;
	spec->via = table->vias.v[spec->hop.via];
	spec->hop.via = 0;
}

/* First the routes of plain packets, by which each tunnel reaches its remote end; then with those
 * of transport mode. */
static struct eg_lpm *build(struct table *table, const struct eg_config *config,
			    struct eg_candidate_tunnel *tunnels)
{
	struct eg_lpm *plain;

	if (table->failed)
		return NULL;
	plain = eg_lpm_build(table->entries.v, table->entries.n, HOP_NONE);
	if (!plain)
		return NULL;
	for (size_t i = 0; i < config->peers.n; i++)
		set_hop(&tunnels[i].spec, table, plain);
	if (!collect_transport(table, config))
		return plain;
	eg_lpm_free(plain);
	return table->failed ? NULL : eg_lpm_build(table->entries.v, table->entries.n, HOP_NONE);
}

struct placed {
	struct eg_lpm_entry entry;
	size_t index; /* in the table */
};

static int compare_prefixes(const struct eg_prefix *a, const struct eg_prefix *b)
{
	int order = a->ip.family - b->ip.family;

	if (!order)
		order = memcmp(a->ip.bytes, b->ip.bytes, sizeof(a->ip.bytes));
	return order ? order : a->len - b->len;
}

static int compare_placed(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;
	int order = compare_prefixes(&x->entry.prefix, &y->entry.prefix);

	return order ? order : x->index < y->index ? -1 : 1;
}

/* List the prefixes for operators: sorted, and of equal ones the last, which is in force. 0, or -1:
 * out of memory. */
static int list_prefixes(struct eg_snap_world *world, const struct table *table)
{
	size_t n = table->entries.n;
	struct placed *sorted = calloc(n + 1, sizeof(*sorted));

	world->prefixes = calloc(n + 1, sizeof(*world->prefixes));
	if (!sorted || !world->prefixes) {
		free(sorted);
		return -1;
	}
	for (size_t i = 0; i < n; i++)
		sorted[i] = (struct placed){table->entries.v[i], i};
	qsort(sorted, n, sizeof(*sorted), compare_placed);
	for (size_t i = 0; i < n; i++) {
		if (i + 1 == n ||
		    compare_prefixes(&sorted[i].entry.prefix, &sorted[i + 1].entry.prefix))
			world->prefixes[world->n_prefixes++] = sorted[i].entry;
	}
	free(sorted);
	return 0;
}

int eg_build_routes(struct eg_snap_world *world, const struct eg_config *config,
		    struct eg_candidate_tunnel *tunnels, struct eg_errs *errs)
{
	struct table table = {0};
	int ret = -1;

	table.failed = eg_build_groups(world, config, &table.shared);
	collect(&table, config);
	world->routes = build(&table, config, tunnels);
	if (world->routes && !list_prefixes(world, &table)) {
		world->hops = table.hops.v;
		world->n_hops = (uint32_t)table.hops.n;
		world->vias = table.vias.v;
		world->locals = (struct eg_locals){table.locals.v, table.locals.n};
		table.hops.v = NULL;
		table.vias.v = NULL;
		table.locals.v = NULL;
		ret = 0;
	} else {
		eg_error(errs, NULL, "routes", "out of memory");
	}
	eg_vec_free(&table.entries);
	eg_vec_free(&table.shared.all);
	free(table.hops.v);
	free(table.vias.v);
	free(table.locals.v);
	return ret;
}

static void build_ports(struct eg_snap_world *world, const struct eg_config *config)
{
	for (size_t p = 0; p < config->ports.n; p++) {
		world->allow[p] = config->ports.v[p].kernel.allow;
		world->source_check[p] = config->ports.v[p].source_check;
	}
}

struct eg_snap_world *eg_build_world(const struct eg_config *config,
				     struct eg_candidate_tunnel *tunnels, struct eg_errs *errs)
{
	struct eg_snap_world *world = eg_snap_world_new((unsigned)config->ports.n);

	if (!world) {
		eg_error(errs, NULL, "ports", "out of memory");
		return NULL;
	}
	build_ports(world, config);
	if (!eg_build_encrypt(world, config, errs) &&
	    !eg_build_routes(world, config, tunnels, errs))
		return world;
	eg_snap_world_release(world);
	return NULL;
}
