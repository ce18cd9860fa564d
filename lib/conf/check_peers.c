/* Peers against each other, and against the way their tunnels take. */
#include "conf/sections.h"

/* The port that packets to an address leave by, or EG_CONF_NO_PORT. */
static unsigned find_exit(const struct eg_read *rd, const struct eg_conf_maps *maps,
			  const struct eg_cover_item *way)
{
	const struct eg_conf_route *route;

	if (way->kind == EG_WAY_NEIGHBOR)
		return rd->config->neighbors.v[way->owner].port;
	if (way->kind != EG_WAY_ROUTE)
		return (unsigned)way->owner;
	route = &rd->config->routes.v[way->owner];
	if (route->port >= 0)
		return (unsigned)route->port;
	/* A router that is not in reach was reported where it is written. */
	return eg_conf_link_port(rd, maps, &route->via);
}

/* Sealed packets must find a way out, and only on the side where sealed packets belong. */
static void check_reach(struct eg_read *rd, const struct eg_conf_maps *maps,
			const struct eg_conf_peer *peer, const struct eg_node *node)
{
	struct eg_prefix remote = eg_host_prefix(&peer->remote);
	const struct eg_cover_item *way = eg_cover_find(&maps->ways, &remote);
	const struct eg_conf_port *port;
	unsigned exit;

	if (!way) {
		eg_read_error(rd, &node->pos, "no route or neighbor covers %s", node->text);
		return;
	}
	exit = find_exit(rd, maps, way);
	if (exit == EG_CONF_NO_PORT)
		return;
	port = &rd->config->ports.v[exit];
	if (port->role != EG_ROLE_ENCRYPTED)
		eg_read_error(rd, &node->pos,
			      "%s is reached by ports.%s (line %u), whose role is not encrypted",
			      node->text, port->name, port->pos.line);
	else if (way->kind == EG_WAY_ROUTE && rd->config->routes.v[way->owner].port >= 0 &&
		 eg_conf_link_port(rd, maps, &peer->remote) == EG_CONF_NO_PORT)
		eg_read_warning(rd, &node->pos,
				"%s has no entry in neighbors: packets to it will be dropped",
				node->text);
}

/* In transport mode opened packets go on to the local end: it must stand behind a clear port. */
static void check_local_end(struct eg_read *rd, const struct eg_conf_maps *maps,
			    const struct eg_conf_peer *peer, const struct eg_node *node)
{
	struct eg_prefix local = eg_host_prefix(&peer->local);
	const struct eg_cover_item *way = eg_cover_find(&maps->ways, &local);
	const struct eg_conf_port *port;
	unsigned exit = way ? find_exit(rd, maps, way) : EG_CONF_NO_PORT;

	if (!way)
		eg_read_error(rd, &node->pos,
			      "no route or neighbor covers %s, where mode transport delivers",
			      node->text);
	if (exit == EG_CONF_NO_PORT)
		return;
	port = &rd->config->ports.v[exit];
	eg_vec_foreach (address, &port->addresses) {
		if (eg_ip_equal(&address->ip, &peer->local))
			eg_read_error(rd, &node->pos,
				      "%s is the gateway's own address (ports.%s, line %u): mode "
				      "transport protects an end behind it",
				      node->text, port->name, port->pos.line);
	}
	if (port->role != EG_ROLE_CLEAR)
		eg_read_error(rd, &node->pos,
			      "%s is reached by ports.%s (line %u), whose role is not clear, and "
			      "mode transport delivers there",
			      node->text, port->name, port->pos.line);
}

/* The ends of transport mode by address. 0, or -1 where memory is short. */
static int map_transport(const struct eg_read *rd, struct eg_cover *remotes,
			 struct eg_cover *locals)
{
	const struct eg_node *peers = eg_node_get(rd->root, "peers");
	const struct eg_node *node = peers ? peers->child : NULL;
	int failed = 0;

	for (size_t i = 0; i < rd->config->peers.n; i++, node = node->next) {
		const struct eg_conf_peer *peer = &rd->config->peers.v[i];
		struct eg_cover_item item = {.owner = i, .node = node};

		if (peer->mode != EG_MODE_TRANSPORT)
			continue;
		item.prefix = eg_host_prefix(&peer->remote);
		failed |= eg_cover_add(remotes, &item);
		item.prefix = eg_host_prefix(&peer->local);
		failed |= eg_cover_add(locals, &item);
	}
	eg_cover_build(remotes);
	eg_cover_build(locals);
	return failed;
}

/* A packet to a remote end has one SA to go by; and an address that ends tunnels here is not on the
 * other side of this gateway, too. */
static void check_transport(struct eg_read *rd)
{
	const struct eg_node *peers = eg_node_get(rd->root, "peers");
	const struct eg_node *node = peers ? peers->child : NULL;
	struct eg_cover remotes = {0}, locals = {0};

	if (map_transport(rd, &remotes, &locals))
		eg_read_no_memory(rd);
	for (size_t i = 0; i < rd->config->peers.n; i++, node = node->next) {
		const struct eg_conf_peer *peer = &rd->config->peers.v[i];
		struct eg_prefix remote = eg_host_prefix(&peer->remote);
		struct eg_prefix local = eg_host_prefix(&peer->local);
		bool transport = peer->mode == EG_MODE_TRANSPORT;
		const struct eg_cover_item *rival = NULL;
		const char *key = transport ? "remote" : "local";
		size_t mark;

		if (transport && remote.ip.family)
			rival = eg_cover_find(&remotes, &remote);
		else if (!transport && local.ip.family)
			rival = eg_cover_find(&locals, &local);
		if (!rival || rival->owner == i)
			continue;
		mark = eg_read_enter(rd, "peers.%s.%s", eg_conf_peer_name(rd->config, i), key);
		eg_read_error(rd, &eg_node_get(node, key)->pos,
			      "%s is also %s of peers.%s, whose mode is transport",
			      eg_node_get(node, key)->text, key,
			      eg_conf_peer_name(rd->config, rival->owner));
		eg_read_leave(rd, mark);
	}
	eg_cover_free(&remotes);
	eg_cover_free(&locals);
}

void eg_conf_check_peers(struct eg_read *rd, const struct eg_conf_maps *maps)
{
	static const char why[] = "its tunnel would run through a tunnel";
	const struct eg_node *peers = eg_node_get(rd->root, "peers");
	const struct eg_node *node = peers ? peers->child : NULL;

	check_transport(rd);
	eg_vec_foreach (peer, &rd->config->peers) {
		struct eg_prefix local = eg_host_prefix(&peer->local);
		struct eg_prefix remote = eg_host_prefix(&peer->remote);
		size_t mark = eg_read_enter(rd, "peers.%s.local", peer->name ? peer->name : "?");

		eg_conf_check_outside(rd, maps, &local, eg_node_get(node, "local"), why);
		if (peer->mode == EG_MODE_TRANSPORT && peer->local.family && !rd->unsound)
			check_local_end(rd, maps, peer, eg_node_get(node, "local"));
		eg_read_leave(rd, mark);
		mark = eg_read_enter(rd, "peers.%s.remote", peer->name ? peer->name : "?");
		eg_conf_check_outside(rd, maps, &remote, eg_node_get(node, "remote"), why);
		if (peer->remote.family && !rd->unsound)
			check_reach(rd, maps, peer, eg_node_get(node, "remote"));
		eg_read_leave(rd, mark);
		node = node->next;
	}
}
