/* The sections neighbors and routes. */
#include <string.h>

#include "conf/sections.h"

static void read_neighbor_port(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_neighbor *neighbor = into;

	eg_conf_read_port_ref(rd, node, &neighbor->port);
}

static void read_neighbor_ip(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_neighbor *neighbor = into;

	eg_read_host_ip(rd, node, &neighbor->ip);
}

void eg_conf_read_mac(struct eg_read *rd, const struct eg_node *node, uint8_t mac[6])
{
	static const uint8_t zero[6];
	const char *text = eg_read_text(rd, node);

	if (!text)
		return;
	if (eg_mac_parse(text, mac))
		eg_read_error(rd, &node->pos,
			      "expected a MAC address like 02:00:00:00:00:01, found \"%s\"", text);
	else if (mac[0] & 1 || !memcmp(mac, zero, sizeof(zero)))
		eg_read_error(rd, &node->pos, "%s is not a unicast MAC address", text);
}

static void read_neighbor_mac(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_neighbor *neighbor = into;

	eg_conf_read_mac(rd, node, neighbor->mac);
}

static void read_neighbor(struct eg_read *rd, const struct eg_node *node, void *into)
{
	static const struct eg_field fields[] = {
		{"port", read_neighbor_port, true},
		{"ip", read_neighbor_ip, true},
		{"mac", read_neighbor_mac, true},
	};
	struct eg_config *config = into;
	struct eg_conf_neighbor *neighbor = eg_vec_add(&config->neighbors);

	if (!neighbor) {
		eg_read_no_memory(rd);
		return;
	}
	neighbor->port = EG_CONF_NO_PORT;
	neighbor->pos = node->pos;
	eg_read_map(rd, node, fields, sizeof(fields) / sizeof(*fields), neighbor);
}

void eg_conf_read_neighbors(struct eg_read *rd, const struct eg_node *node, void *into)
{
	size_t before = rd->errs->n_errors;

	eg_read_seq(rd, node, read_neighbor, into);
	if (rd->errs->n_errors != before)
		rd->invalid_sections |= EG_INVALID_NEIGHBORS;
}

static void read_route_to(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_route *route = into;

	eg_read_prefix(rd, node, &route->to);
}

static void read_route_port(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_route *route = into;
	unsigned port;

	if (eg_conf_read_port_ref(rd, node, &port))
		route->port = (int)port;
}

static void read_route_via(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_route *route = into;
	struct eg_ip via;

	if (!eg_read_host_ip(rd, node, &via))
		return;
	if (route->to.ip.family && route->to.ip.family != via.family)
		eg_read_error(rd, &node->pos, "%s and to have different address families",
			      node->text);
	else
		route->via = via;
}

static void read_route(struct eg_read *rd, const struct eg_node *node, void *into)
{
	static const struct eg_field fields[] = {
		{"to", read_route_to, true},
		{"port", read_route_port, false},
		{"via", read_route_via, false},
	};
	struct eg_config *config = into;
	struct eg_conf_route *route = eg_vec_add(&config->routes);

	if (!route) {
		eg_read_no_memory(rd);
		return;
	}
	route->port = -1;
	route->pos = node->pos;
	eg_read_map(rd, node, fields, sizeof(fields) / sizeof(*fields), route);
	if (node->kind == EG_NODE_MAP && !eg_node_get(node, "port") == !eg_node_get(node, "via"))
		eg_read_error(rd, &node->pos, "exactly one of port and via is needed");
}

void eg_conf_read_routes(struct eg_read *rd, const struct eg_node *node, void *into)
{
	size_t before = rd->errs->n_errors;

	eg_read_seq(rd, node, read_route, into);
	if (rd->errs->n_errors != before)
		rd->invalid_sections |= EG_INVALID_ROUTES;
}
