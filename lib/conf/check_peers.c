/* Checks peers against each other, and how their tunnels are routed. */
#include "conf/sections.h"

/* The egress port for `entry`, or EG_CONF_NO_PORT. */
static unsigned find_egress(const struct eg_read *rd, const struct eg_conf_lookup *lookup,
			    const struct eg_prefix_item *entry)
{
	const struct eg_conf_route *route;

	if (entry->kind == EG_REACH_NEIGHBOR)
		return rd->config->neighbors.v[entry->owner].port;
	if (entry->kind != EG_REACH_ROUTE)
		return (unsigned)entry->owner;
	route = &rd->config->routes.v[entry->owner];
	if (route->port >= 0)
		return (unsigned)route->port;
	/* An unreachable router has already been reported. */
	return eg_conf_link_port(rd, lookup, &route->via);
}

/* The remote must be reachable, and only through an encrypted port. */
static void check_reach(struct eg_read *rd, const struct eg_conf_lookup *lookup,
			const struct eg_conf_peer *peer, const struct eg_node *node)
{
	struct eg_prefix remote = eg_host_prefix(&peer->remote);
	const struct eg_prefix_item *entry = eg_prefix_index_find(&lookup->reach, &remote);
	const struct eg_conf_port *port;
	unsigned egress;

	if (!entry) {
		eg_read_error(rd, &node->pos, "no route or neighbor covers %s", node->text);
		return;
	}
	egress = find_egress(rd, lookup, entry);
	if (egress == EG_CONF_NO_PORT)
		return;
	port = &rd->config->ports.v[egress];
	if (port->role != EG_ROLE_ENCRYPTED)
		eg_read_error(
			rd, &node->pos,
			"%s is reached through ports.%s (line %u), whose role is not encrypted",
			node->text, port->name, port->pos.line);
	else if (entry->kind == EG_REACH_ROUTE && rd->config->routes.v[entry->owner].port >= 0 &&
		 eg_conf_link_port(rd, lookup, &peer->remote) == EG_CONF_NO_PORT)
		eg_read_warning(rd, &node->pos,
				"%s has no entry in neighbors: packets to it will be dropped",
				node->text);
}

/* In transport mode, opened packets are forwarded to the local end, which must be behind a clear
 * port. */
static void check_local_end(struct eg_read *rd, const struct eg_conf_lookup *lookup,
			    const struct eg_conf_peer *peer, const struct eg_node *node)
{
	struct eg_prefix local = eg_host_prefix(&peer->local);
	const struct eg_prefix_item *entry = eg_prefix_index_find(&lookup->reach, &local);
	const struct eg_conf_port *port;
	unsigned egress = entry ? find_egress(rd, lookup, entry) : EG_CONF_NO_PORT;

	if (!entry)
		eg_read_error(rd, &node->pos,
			      "no route or neighbor covers %s, to which mode transport forwards",
			      node->text);
	if (egress == EG_CONF_NO_PORT)
		return;
	port = &rd->config->ports.v[egress];
	eg_vec_foreach (address, &port->addresses) {
		if (eg_ip_equal(&address->ip, &peer->local))
			eg_read_error(rd, &node->pos,
				      "%s is an address of the gateway (ports.%s, line %u): mode "
				      "transport protects a host behind it",
				      node->text, port->name, port->pos.line);
	}
	if (port->role != EG_ROLE_CLEAR)
		eg_read_error(rd, &node->pos,
			      "%s is reached through ports.%s (line %u), whose role is not clear, "
			      "but mode transport forwards to it",
			      node->text, port->name, port->pos.line);
}

/* Index the ends of transport mode peers by address. Returns 0, or -1 if out of memory. */
static int index_transport(const struct eg_read *rd, struct eg_prefix_index *remotes,
			   struct eg_prefix_index *locals)
{
	const struct eg_node *peers = eg_node_get(rd->root, "peers");
	const struct eg_node *node = peers ? peers->child : NULL;
	int failed = 0;

	for (size_t i = 0; i < rd->config->peers.n; i++, node = node->next) {
		const struct eg_conf_peer *peer = &rd->config->peers.v[i];
		struct eg_prefix_item item = {.owner = i, .node = node};

		if (peer->mode != EG_MODE_TRANSPORT)
			continue;
		item.prefix = eg_host_prefix(&peer->remote);
		failed |= eg_prefix_index_add(remotes, &item);
		item.prefix = eg_host_prefix(&peer->local);
		failed |= eg_prefix_index_add(locals, &item);
	}
	eg_prefix_index_build(remotes);
	eg_prefix_index_build(locals);
	return failed;
}

/* Each remote of a transport mode peer belongs to that peer alone; and a local end of a transport
 * mode peer cannot also terminate tunnels on this gateway. */
static void check_transport(struct eg_read *rd)
{
	const struct eg_node *peers = eg_node_get(rd->root, "peers");
	const struct eg_node *node = peers ? peers->child : NULL;
	struct eg_prefix_index remotes = {0}, locals = {0};

	if (index_transport(rd, &remotes, &locals))
		eg_read_no_memory(rd);
	for (size_t i = 0; i < rd->config->peers.n; i++, node = node->next) {
		const struct eg_conf_peer *peer = &rd->config->peers.v[i];
		struct eg_prefix remote = eg_host_prefix(&peer->remote);
		struct eg_prefix local = eg_host_prefix(&peer->local);
		bool transport = peer->mode == EG_MODE_TRANSPORT;
		const struct eg_prefix_item *rival = NULL;
		const char *key = transport ? "remote" : "local";
		size_t mark;

		if (transport && remote.ip.family)
			rival = eg_prefix_index_find(&remotes, &remote);
		else if (!transport && local.ip.family)
			rival = eg_prefix_index_find(&locals, &local);
		if (!rival || rival->owner == i)
			continue;
		mark = eg_read_enter(rd, "peers.%s.%s", eg_conf_peer_name(rd->config, i), key);
		eg_read_error(rd, &eg_node_get(node, key)->pos,
			      "%s is also %s of peers.%s, whose mode is transport",
			      eg_node_get(node, key)->text, key,
			      eg_conf_peer_name(rd->config, rival->owner));
		eg_read_leave(rd, mark);
	}
	eg_prefix_index_free(&remotes);
	eg_prefix_index_free(&locals);
}

void eg_conf_check_peers(struct eg_read *rd, const struct eg_conf_lookup *lookup)
{
	static const char why[] = "its tunnel would be routed through another tunnel";
	const struct eg_node *peers = eg_node_get(rd->root, "peers");
	const struct eg_node *node = peers ? peers->child : NULL;

	check_transport(rd);
	eg_vec_foreach (peer, &rd->config->peers) {
		struct eg_prefix local = eg_host_prefix(&peer->local);
		struct eg_prefix remote = eg_host_prefix(&peer->remote);
		size_t mark = eg_read_enter(rd, "peers.%s.local", peer->name ? peer->name : "?");

		eg_conf_check_outside(rd, lookup, &local, eg_node_get(node, "local"), why);
		if (peer->mode == EG_MODE_TRANSPORT && peer->local.family && !rd->invalid_sections)
			check_local_end(rd, lookup, peer, eg_node_get(node, "local"));
		eg_read_leave(rd, mark);
		mark = eg_read_enter(rd, "peers.%s.remote", peer->name ? peer->name : "?");
		eg_conf_check_outside(rd, lookup, &remote, eg_node_get(node, "remote"), why);
		if (peer->remote.family && !rd->invalid_sections)
			check_reach(rd, lookup, peer, eg_node_get(node, "remote"));
		eg_read_leave(rd, mark);
		node = node->next;
	}
}
