/* Checks routes and neighbors against each other and against tunnels. */
#include "conf/sections.h"

void eg_conf_check_outside(struct eg_read *rd, const struct eg_conf_lookup *lookup,
			   const struct eg_prefix *prefix, const struct eg_node *node,
			   const char *why)
{
	const struct eg_prefix_item *subnet;
	char text[EG_PREFIX_TEXT];

	if (!prefix->ip.family)
		return;
	subnet = eg_prefix_index_find(&lookup->subnets, prefix);
	if (subnet)
		eg_read_error(rd, &node->pos, "%s lies inside %s of peers.%s (line %u): %s",
			      node->text, eg_prefix_print(&subnet->prefix, text),
			      eg_conf_peer_name(rd->config, subnet->owner), subnet->node->pos.line,
			      why);
}

/* Equal prefixes of one kind are adjacent, in written order. */
static void check_duplicates(struct eg_read *rd, const struct eg_conf_lookup *lookup)
{
	const struct eg_prefix_item *first = NULL;

	eg_vec_foreach (item, &lookup->reach.items) {
		size_t mark;

		if (item->kind != EG_REACH_ROUTE && item->kind != EG_REACH_NEIGHBOR)
			continue;
		if (!first || first->kind != item->kind ||
		    !eg_prefix_equal(&first->prefix, &item->prefix)) {
			first = item;
			continue;
		}
		mark = eg_read_enter(
			rd, item->kind == EG_REACH_ROUTE ? "routes[%zu].to" : "neighbors[%zu].ip",
			item->owner);
		eg_read_error(rd, &item->node->pos, "%s is given twice (first on line %u)",
			      item->node->text, first->node->pos.line);
		eg_read_leave(rd, mark);
	}
}

static void check_neighbors(struct eg_read *rd, const struct eg_conf_lookup *lookup)
{
	const struct eg_node *list = eg_node_get(rd->root, "neighbors");
	const struct eg_node *node = list ? list->child : NULL;

	eg_vec_foreach (neighbor, &rd->config->neighbors) {
		struct eg_prefix host = eg_host_prefix(&neighbor->ip);
		size_t mark = eg_read_enter(rd, "neighbors[%zu].ip",
					    (size_t)(neighbor - rd->config->neighbors.v));

		eg_conf_check_outside(rd, lookup, &host, eg_node_get(node, "ip"),
				      "packets to it must go through the tunnel");
		eg_read_leave(rd, mark);
		node = node->next;
	}
}

static void check_via(struct eg_read *rd, const struct eg_conf_lookup *lookup,
		      const struct eg_conf_route *route, const struct eg_node *node)
{
	struct eg_prefix host = eg_host_prefix(&route->via);
	size_t mark = eg_read_enter(rd, "via");

	if (route->via.family &&
	    !(rd->invalid_sections & (EG_INVALID_NEIGHBORS | EG_INVALID_PORTS)) &&
	    eg_conf_link_port(rd, lookup, &route->via) == EG_CONF_NO_PORT)
		eg_read_error(rd, &node->pos,
			      "%s is neither the ip of a neighbor nor inside a port's network",
			      node->text);
	eg_conf_check_outside(rd, lookup, &host, node,
			      "a router must be reachable without a tunnel");
	eg_read_leave(rd, mark);
}

static void check_to(struct eg_read *rd, const struct eg_conf_lookup *lookup,
		     const struct eg_conf_route *route, const struct eg_node *node)
{
	size_t mark = eg_read_enter(rd, "to");

	eg_conf_check_outside(rd, lookup, &route->to, node, "its packets would leave in clear");
	eg_read_leave(rd, mark);
}

void eg_conf_check_routes(struct eg_read *rd, const struct eg_conf_lookup *lookup)
{
	const struct eg_node *list = eg_node_get(rd->root, "routes");
	const struct eg_node *node = list ? list->child : NULL;

	check_duplicates(rd, lookup);
	check_neighbors(rd, lookup);
	eg_vec_foreach (route, &rd->config->routes) {
		size_t mark =
			eg_read_enter(rd, "routes[%zu]", (size_t)(route - rd->config->routes.v));

		check_to(rd, lookup, route, eg_node_get(node, "to"));
		check_via(rd, lookup, route, eg_node_get(node, "via"));
		eg_read_leave(rd, mark);
		node = node->next;
	}
}
