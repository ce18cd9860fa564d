/* Checks local addresses against each other and against tunnels, and that default gateways are on a
 * link. */
#include "conf/sections.h"

/* Can the gateway resolve neighbors of this family on the port? */
static bool has_address_family(const struct eg_conf_port *port, unsigned family)
{
	eg_vec_foreach (address, &port->addresses) {
		if (address->ip.family == family)
			return true;
	}
	return false;
}

unsigned eg_conf_link_port(const struct eg_read *rd, const struct eg_conf_lookup *lookup,
			   const struct eg_ip *ip)
{
	struct eg_prefix host = eg_host_prefix(ip);
	const struct eg_prefix_item *entry = eg_prefix_index_find(&lookup->reach, &host);
	const struct eg_conf_route *route;

	if (!entry || entry->kind == EG_REACH_GATEWAY)
		return EG_CONF_NO_PORT;
	if (entry->kind == EG_REACH_NEIGHBOR)
		return rd->config->neighbors.v[entry->owner].port;
	if (entry->kind == EG_REACH_CONNECTED)
		return (unsigned)entry->owner;
	route = &rd->config->routes.v[entry->owner];
	if (route->port < 0 || !has_address_family(&rd->config->ports.v[route->port], ip->family))
		return EG_CONF_NO_PORT;
	return (unsigned)route->port;
}

static const char *port_name(const struct eg_read *rd, size_t port)
{
	const char *name = rd->config->ports.v[port].name;

	return name ? name : "?";
}

/* A network on two links is ambiguous: packets would be sent to only one of them. */
static void check_networks(struct eg_read *rd, const struct eg_conf_lookup *lookup)
{
	const struct eg_prefix_item *items = lookup->reach.items.v;

	eg_vec_foreach (item, &lookup->reach.items) {
		size_t mark, at = item->parent;

		if (item->kind != EG_REACH_CONNECTED)
			continue;
		/* Equal prefixes are adjacent and share one parent. */
		if (item > items && item[-1].kind == EG_REACH_CONNECTED &&
		    eg_prefix_equal(&item[-1].prefix, &item->prefix) &&
		    item[-1].owner != item->owner)
			at = (size_t)(item - items) - 1;
		while (at != EG_PREFIX_INDEX_NONE &&
		       (items[at].kind != EG_REACH_CONNECTED || items[at].owner == item->owner))
			at = items[at].parent;
		if (at == EG_PREFIX_INDEX_NONE)
			continue;
		mark = eg_read_enter(rd, "ports.%s.addresses[%zu]", port_name(rd, item->owner),
				     item->sub);
		eg_read_error(rd, &item->node->pos, "its network overlaps %s of ports.%s (line %u)",
			      items[at].node->text, port_name(rd, items[at].owner),
			      items[at].node->pos.line);
		eg_read_leave(rd, mark);
	}
}

/* A local address cannot belong to another host, nor be used twice. */
static void check_unique(struct eg_read *rd, const struct eg_conf_port *port, size_t index,
			 const struct eg_node *node)
{
	const struct eg_prefix *address = &port->addresses.v[index];

	if (!address->ip.family)
		return;
	for (size_t i = 0; i < index; i++) {
		if (eg_ip_equal(&port->addresses.v[i].ip, &address->ip))
			eg_read_error(rd, &node->pos, "%s is given twice", node->text);
	}
	eg_vec_foreach (neighbor, &rd->config->neighbors) {
		if (eg_ip_equal(&neighbor->ip, &address->ip))
			eg_read_error(rd, &node->pos, "%s is also a neighbor's (line %u)",
				      node->text, neighbor->pos.line);
	}
	eg_vec_foreach (peer, &rd->config->peers) {
		if (eg_ip_equal(&peer->remote, &address->ip))
			eg_read_error(rd, &node->pos, "%s is also the remote of peers.%s",
				      node->text, peer->name ? peer->name : "?");
	}
}

static void check_addresses(struct eg_read *rd, const struct eg_conf_lookup *lookup,
			    const struct eg_conf_port *port, const struct eg_node *list)
{
	const struct eg_node *node = list ? list->child : NULL;

	for (size_t i = 0; i < port->addresses.n; i++, node = node->next) {
		struct eg_prefix host = eg_host_prefix(&port->addresses.v[i].ip);
		size_t mark = eg_read_enter(rd, "addresses[%zu]", i);

		eg_conf_check_outside(rd, lookup, &host, node,
				      "packets to it must go through the tunnel");
		check_unique(rd, port, i, node);
		eg_read_leave(rd, mark);
	}
}

static void check_gateways(struct eg_read *rd, const struct eg_conf_lookup *lookup,
			   const struct eg_conf_port *port, const struct eg_node *list)
{
	const struct eg_node *node = list ? list->child : NULL;

	for (size_t i = 0; i < port->gateways.n; i++, node = node->next) {
		const struct eg_ip *gateway = &port->gateways.v[i];
		struct eg_prefix host = eg_host_prefix(gateway),
				 all = {.ip.family = gateway->family};
		const struct eg_prefix_item *entry = eg_prefix_index_find(&lookup->reach, &all);
		size_t mark = eg_read_enter(rd, "gateway[%zu]", i);

		if (!gateway->family) {
			eg_read_leave(rd, mark);
			continue;
		}
		if (eg_conf_link_port(rd, lookup, gateway) !=
		    (unsigned)(port - rd->config->ports.v))
			eg_read_error(rd, &node->pos,
				      "%s is neither the ip of a neighbor nor inside a network of "
				      "this port",
				      node->text);
		/* Finds the last of equal prefixes: this one, unless there are several. */
		if (entry && entry->node != node)
			eg_read_error(rd, &node->pos,
				      "%s is a second default gateway of its family (the other is "
				      "on line %u)",
				      node->text, entry->node->pos.line);
		eg_conf_check_outside(rd, lookup, &host, node,
				      "a router must be reachable without a tunnel");
		eg_read_leave(rd, mark);
	}
}

void eg_conf_check_ports(struct eg_read *rd, const struct eg_conf_lookup *lookup)
{
	const struct eg_node *ports = eg_node_get(rd->root, "ports");
	const struct eg_node *node = ports ? ports->child : NULL;

	check_networks(rd, lookup);
	eg_vec_foreach (port, &rd->config->ports) {
		size_t mark = eg_read_enter(rd, "ports.%s", port->name ? port->name : "?");

		check_addresses(rd, lookup, port, eg_node_get(node, "addresses"));
		if (!(rd->invalid_sections &
		      (EG_INVALID_PORTS | EG_INVALID_NEIGHBORS | EG_INVALID_ROUTES)))
			check_gateways(rd, lookup, port, eg_node_get(node, "gateway"));
		eg_read_leave(rd, mark);
		node = node->next;
	}
}
