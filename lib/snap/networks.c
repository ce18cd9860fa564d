/* What the configuration adds to the inventory's cluster: pod networks, whose addresses must have
 * an owner, and the gateway's own addresses, which are its node's. */
#include "snap/build.h"

/* Where the longest prefix of an address leads. */
enum place {
	ELSEWHERE,
	FAR,  /* a peer */
	HERE, /* a clear port's own network */
};

struct work {
	struct eg_cluster *cluster;
	const struct eg_config *config;
	struct eg_lpm *places;
	bool *ours; /* by node: it is the gateway's */
	bool failed;
};

static void add_network(struct work *w, const struct eg_prefix *prefix)
{
	struct eg_prefix *slot = eg_vec_add(&w->cluster->pod_networks);

	if (!slot) {
		w->failed = true;
		return;
	}
	*slot = *prefix;
	eg_prefix_mask(slot);
}

static void add_known(struct work *w, const struct eg_ip *ip)
{
	struct eg_ip *slot = eg_vec_add(&w->cluster->gateway_ips);

	if (slot)
		*slot = *ip;
	else
		w->failed = true;
}

/* The directly attached networks of clear ports, to `add`. */
static void each_clear_network(struct work *w, void (*add)(struct work *, const struct eg_prefix *))
{
	eg_vec_foreach (port, &w->config->ports) {
		if (port->role != EG_ROLE_CLEAR)
			continue;
		eg_vec_foreach (address, &port->addresses)
			add(w, address);
	}
	eg_vec_foreach (route, &w->config->routes)
		if (route->port >= 0 && w->config->ports.v[route->port].role == EG_ROLE_CLEAR)
			add(w, &route->to);
}

/* A peer with a default route makes every address a pod's. */
static void warn_of_everything(const struct eg_config *config, struct eg_errs *errs)
{
	eg_vec_foreach (tunnel, &config->peers)
		eg_vec_foreach (subnet, &tunnel->subnets) {
			char text[EG_PREFIX_TEXT];

			if (subnet->len)
				continue;
			eg_warning(errs, &tunnel->pos, "peers.subnets",
				   "%s makes every address a pod's: what the inventory lacks is "
				   "denied as unknown_pod (policy.unknown_pods: allow opts out)",
				   eg_prefix_print(subnet, text));
			return;
		}
}

static void add_networks(struct work *w, struct eg_errs *errs)
{
	each_clear_network(w, add_network);
	eg_vec_foreach (tunnel, &w->config->peers)
		eg_vec_foreach (subnet, &tunnel->subnets)
			add_network(w, subnet);
	eg_vec_foreach (node, &w->cluster->nodes)
		eg_vec_foreach (cidr, &node->pod_cidrs)
			add_network(w, cidr);
	eg_vec_foreach (network, &w->config->policy.pod_networks)
		add_network(w, network);
	warn_of_everything(w->config, errs);
}

/* The addresses of this gateway, and those of peers that are probed. */
static void add_gateways(struct work *w)
{
	eg_vec_foreach (port, &w->config->ports)
		eg_vec_foreach (address, &port->addresses)
			add_known(w, &address->ip);
	eg_vec_foreach (ip, &w->config->policy.node_addresses)
		add_known(w, ip);
	eg_vec_foreach (tunnel, &w->config->peers)
		if (tunnel->liveness.target.family)
			add_known(w, &tunnel->liveness.target);
}

struct entries {
	struct eg_lpm_entry *v;
	size_t n, cap;
};

static void add_place(struct work *w, struct entries *entries, struct eg_prefix prefix,
		      enum place place)
{
	struct eg_lpm_entry *entry = eg_vec_add(entries);

	if (entry)
		*entry = (struct eg_lpm_entry){prefix, place};
	else
		w->failed = true;
}

static void map_places(struct work *w)
{
	struct entries entries = {0};

	eg_vec_foreach (port, &w->config->ports)
		eg_vec_foreach (address, &port->addresses)
			if (port->role == EG_ROLE_CLEAR)
				add_place(w, &entries, *address, HERE);
	eg_vec_foreach (route, &w->config->routes)
		if (route->port >= 0 && w->config->ports.v[route->port].role == EG_ROLE_CLEAR)
			add_place(w, &entries, route->to, HERE);
	eg_vec_foreach (tunnel, &w->config->peers)
		eg_vec_foreach (subnet, &tunnel->subnets)
			add_place(w, &entries, *subnet, FAR);
	w->places = w->failed ? NULL : eg_lpm_build(entries.v, entries.n, ELSEWHERE);
	w->failed |= !w->places;
	eg_vec_free(&entries);
}

static bool is_own(const struct work *w, const struct eg_ip *ip)
{
	eg_vec_foreach (port, &w->config->ports)
		eg_vec_foreach (address, &port->addresses)
			if (eg_ip_equal(&address->ip, ip))
				return true;
	eg_vec_foreach (local, &w->config->policy.node_addresses)
		if (eg_ip_equal(local, ip))
			return true;
	return false;
}

/* A node that has one of the gateway's addresses. */
static bool by_address(struct work *w)
{
	bool any = false;

	for (size_t i = 0; i < w->cluster->nodes.n; i++)
		eg_vec_foreach (ip, &w->cluster->nodes.v[i].ips)
			if (is_own(w, ip))
				any = w->ours[i] = true;
	return any;
}

/* A node whose pods' network holds an address of a clear port. */
static bool by_pod_cidr(struct work *w)
{
	bool any = false;

	for (size_t i = 0; i < w->cluster->nodes.n; i++)
		eg_vec_foreach (cidr, &w->cluster->nodes.v[i].pod_cidrs)
			eg_vec_foreach (port, &w->config->ports)
				eg_vec_foreach (address, &port->addresses)
					if (port->role == EG_ROLE_CLEAR &&
					    eg_prefix_contains(cidr, &address->ip))
						any = w->ours[i] = true;
	return any;
}

/* The node whose pods are directly behind a clear port. */
static bool by_pods(struct work *w)
{
	bool any = false;

	map_places(w);
	if (!w->places)
		return false;
	eg_vec_foreach (pod, &w->cluster->pods) {
		if (!eg_pod_has_own_ips(pod) || pod->node == EG_NONE)
			continue;
		eg_vec_foreach (ip, &pod->ips)
			if (eg_lpm_lookup(w->places, ip) == HERE)
				any = w->ours[pod->node] = true;
	}
	eg_lpm_free(w->places);
	return any;
}

static void add_to_node(struct work *w, struct eg_cluster_node *node, const struct eg_ip *ip)
{
	struct eg_ip *slot;

	eg_vec_foreach (other, &node->ips)
		if (eg_ip_equal(other, ip))
			return;
	slot = eg_vec_add(&node->ips);
	if (slot)
		*slot = *ip;
	else
		w->failed = true;
}

static void add_own_addresses(struct work *w, struct eg_cluster_node *node)
{
	eg_vec_foreach (port, &w->config->ports)
		eg_vec_foreach (address, &port->addresses)
			add_to_node(w, node, &address->ip);
	eg_vec_foreach (ip, &w->config->policy.node_addresses)
		add_to_node(w, node, ip);
	node->ours = true;
}

/* Which node the gateway is: by the most reliable sign that there is. */
static void find_node(struct work *w, struct eg_errs *errs)
{
	const struct eg_conf_policy *conf = &w->config->policy;

	w->ours = calloc(w->cluster->nodes.n + 1, sizeof(*w->ours));
	if (!w->ours) {
		w->failed = true;
		return;
	}
	if (!by_address(w) && !by_pod_cidr(w) && !by_pods(w) && conf->node_addresses.n)
		eg_warning(errs, &conf->pos, "policy.node_addresses",
			   "no Node of the inventory is this gateway's (by its addresses, its "
			   "podCIDR or its pods), so these count as no node's");
	for (size_t i = 0; i < w->cluster->nodes.n; i++)
		if (w->ours[i])
			add_own_addresses(w, &w->cluster->nodes.v[i]);
	free(w->ours);
}

int eg_build_networks(struct eg_cluster *cluster, const struct eg_config *config,
		      struct eg_errs *errs)
{
	struct work w = {.cluster = cluster, .config = config};

	if (!config->policy.allow_unknown) {
		add_networks(&w, errs);
		add_gateways(&w);
	}
	find_node(&w, errs);
	if (!w.failed && !eg_cluster_index(cluster))
		return 0;
	eg_error(errs, NULL, "policy", "out of memory");
	return -1;
}
