/* The networks that must never leave in clear; checks routes and suites against them. */
#include "conf/sections.h"

static void read_network(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_config *config = into;
	struct eg_prefix *slot = eg_vec_add(&config->encrypt);

	if (slot)
		eg_read_prefix(rd, node, slot);
	else
		eg_read_no_memory(rd);
}

void eg_conf_read_encrypt(struct eg_read *rd, const struct eg_node *node, void *into)
{
	if (node->n_children > EG_CONF_ENCRYPT_MAX)
		eg_read_error(rd, &node->pos, "more than %d networks", EG_CONF_ENCRYPT_MAX);
	else
		eg_read_seq(rd, node, read_network, into);
}

/* The network of `encrypt` that contains all of `prefix`, or NULL. */
static const struct eg_prefix *covering_network(const struct eg_config *config,
						const struct eg_prefix *prefix)
{
	eg_vec_foreach (network, &config->encrypt)
		if (network->ip.family && network->len <= prefix->len &&
		    eg_prefix_contains(network, &prefix->ip))
			return network;
	return NULL;
}

/* Directly attached networks are trusted; beyond a router, packets are on a wire again. */
static void check_routes(struct eg_read *rd, const struct eg_conf_lookup *lookup)
{
	const struct eg_node *list = eg_node_get(rd->root, "routes");
	const struct eg_node *node = list ? list->child : NULL;

	eg_vec_foreach (route, &rd->config->routes) {
		const struct eg_node *to = eg_node_get(node, "to");
		const struct eg_prefix *network;
		char text[EG_PREFIX_TEXT];
		unsigned port;
		size_t mark;

		node = node->next;
		if (!route->via.family || !route->to.ip.family)
			continue;
		network = covering_network(rd->config, &route->to);
		port = network ? eg_conf_link_port(rd, lookup, &route->via) : EG_CONF_NO_PORT;
		if (port == EG_CONF_NO_PORT || rd->config->ports.v[port].role != EG_ROLE_CLEAR)
			continue;
		mark = eg_read_enter(rd, "routes[%zu].to", (size_t)(route - rd->config->routes.v));
		eg_read_error(rd, &to->pos,
			      "%s lies inside %s of encrypt: its packets would leave in clear "
			      "through a router on ports.%s",
			      to->text, eg_prefix_print(network, text),
			      rd->config->ports.v[port].name);
		eg_read_leave(rd, mark);
	}
}

/* The first network of `encrypt` that overlaps the peer's subnets or remote end, or NULL. */
static const struct eg_prefix *overlapping_network(const struct eg_config *config,
						   const struct eg_conf_peer *peer)
{
	struct eg_prefix remote = eg_host_prefix(&peer->remote);

	eg_vec_foreach (network, &config->encrypt) {
		if (!network->ip.family)
			continue;
		if (peer->mode == EG_MODE_TRANSPORT && remote.ip.family &&
		    eg_prefix_overlaps(network, &remote))
			return network;
		eg_vec_foreach (subnet, &peer->subnets)
			if (subnet->ip.family && eg_prefix_overlaps(network, subnet))
				return network;
	}
	return NULL;
}

static void check_suites(struct eg_read *rd, const struct eg_conf_peer *peer,
			 const struct eg_node *peer_node)
{
	const struct eg_node *sas = eg_node_get(peer_node, "sas");
	const struct eg_node *node = sas ? sas->child : NULL;
	const struct eg_prefix *network = NULL;
	bool warned = false;

	eg_vec_foreach (sa, &peer->sas) {
		const struct eg_node *suite = eg_node_get(node, "suite");
		char text[EG_PREFIX_TEXT];
		size_t mark;

		node = node->next;
		if (!sa->suite || eg_suite_encrypts(sa->suite))
			continue;
		if (!network && !warned)
			network = overlapping_network(rd->config, peer);
		mark = eg_read_enter(
			rd, "peers.%s.sas[%zu].suite",
			eg_conf_peer_name(rd->config, (size_t)(peer - rd->config->peers.v)),
			(size_t)(sa - peer->sas.v));
		if (network)
			eg_read_error(rd, &suite->pos,
				      "%s does not encrypt, and the peer overlaps %s of encrypt",
				      suite->text, eg_prefix_print(network, text));
		else if (!warned)
			eg_read_warning(rd, &suite->pos,
					"%s does not encrypt: packets to this peer are readable on "
					"the wire",
					suite->text);
		warned = true;
		eg_read_leave(rd, mark);
	}
}

void eg_conf_check_encrypt(struct eg_read *rd, const struct eg_conf_lookup *lookup)
{
	const struct eg_node *peers = eg_node_get(rd->root, "peers");
	const struct eg_node *node = peers ? peers->child : NULL;

	if (!(rd->invalid_sections & (EG_INVALID_PORTS | EG_INVALID_NEIGHBORS | EG_INVALID_ROUTES)))
		check_routes(rd, lookup);
	eg_vec_foreach (peer, &rd->config->peers) {
		check_suites(rd, peer, node);
		node = node->next;
	}
}
