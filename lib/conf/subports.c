/* VLAN sub-ports. They share their parent's device, so device settings belong to the parent. */
#include <string.h>

#include "conf/sections.h"

#define VLAN_MAX 4094 /* 802.1Q s9.6: 0 is priority only, 4095 is reserved */

/* Resolved once all ports are read: they may come in any order. */
void eg_conf_read_parent(struct eg_read *rd, const struct eg_node *node, void *into)
{
	(void)into;
	eg_read_text(rd, node);
}

void eg_conf_read_vlan(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_port *port = into;
	uint64_t vlan;

	if (eg_read_u64(rd, node, 1, VLAN_MAX, &vlan))
		port->vlan = (uint16_t)vlan;
}

void eg_conf_read_port_mac(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_port *port = into;

	port->has_mac = true;
	eg_conf_read_mac(rd, node, port->mac);
}

static void refuse(struct eg_read *rd, const struct eg_node *port, const char *key, const char *why)
{
	const struct eg_node *node = eg_node_get(port, key);
	size_t mark;

	if (!node)
		return;
	mark = eg_read_enter(rd, "%s", key);
	eg_read_error(rd, &node->pos, "%s", why);
	eg_read_leave(rd, mark);
}

static void check_vlan(struct eg_read *rd, const struct eg_conf_port *port,
		       const struct eg_node *node)
{
	const struct eg_config *config = rd->config;

	for (const struct eg_conf_port *other = config->ports.v; port->vlan && other < port;
	     other++) {
		size_t mark;

		if (other->vlan != port->vlan || other->parent != port->parent)
			continue;
		mark = eg_read_enter(rd, "vlan");
		eg_read_error(rd, &eg_node_get(node, "vlan")->pos,
			      "VLAN %u of %s is already ports.%s (line %u)", port->vlan,
			      config->ports.v[port->parent].name, other->name ? other->name : "?",
			      other->pos.line);
		eg_read_leave(rd, mark);
		return;
	}
}

static void check_mtu(struct eg_read *rd, struct eg_conf_port *port,
		      const struct eg_conf_port *parent, const struct eg_node *node)
{
	size_t mark;

	if (!node)
		port->mtu = parent->mtu;
	if (port->mtu <= parent->mtu)
		return;
	mark = eg_read_enter(rd, "mtu");
	eg_read_error(rd, &node->pos, "%u is more than its parent's %u", port->mtu, parent->mtu);
	eg_read_leave(rd, mark);
}

/* `name` is the value of its key "parent". */
static void check_subport(struct eg_read *rd, struct eg_conf_port *port,
			  const struct eg_node *ports, const struct eg_node *node,
			  const struct eg_node *name)
{
	static const char *const device_keys[] = {"device", "rx_queues", "rx_buffer",
						  "promiscuous"};
	const struct eg_conf_port *parent;
	const struct eg_node *other = ports->child;
	size_t mark;

	for (size_t i = 0; i < sizeof(device_keys) / sizeof(*device_keys); i++)
		refuse(rd, node, device_keys[i], "a sub-port shares this with its parent");
	if (!eg_node_get(node, "vlan"))
		eg_read_error(rd, &node->key_pos, "missing key \"vlan\"");
	mark = eg_read_enter(rd, "parent");
	port->parent = EG_CONF_NO_PORT;
	if (name->text)
		eg_conf_read_port_ref(rd, name, &port->parent);
	if (port->parent == EG_CONF_NO_PORT) {
		eg_read_leave(rd, mark);
		return;
	}
	for (unsigned i = 0; i < port->parent; i++)
		other = other->next;
	if (eg_node_get(other, "parent"))
		eg_read_error(rd, &name->pos, "%s is a sub-port itself", name->text);
	eg_read_leave(rd, mark);
	parent = &rd->config->ports.v[port->parent];
	port->promiscuous = parent->promiscuous;
	check_mtu(rd, port, parent, eg_node_get(node, "mtu"));
	check_vlan(rd, port, node);
}

void eg_conf_check_subports(struct eg_read *rd, const struct eg_node *ports)
{
	const struct eg_node *node = ports->child;

	eg_vec_foreach (port, &rd->config->ports) {
		const struct eg_node *name = eg_node_get(node, "parent");
		size_t mark = eg_read_enter(rd, "%s", node->key);

		if (name) {
			check_subport(rd, port, ports, node, name);
		} else {
			refuse(rd, node, "vlan",
			       "requires parent, the port whose device is shared");
			refuse(rd, node, "mac",
			       "only a sub-port may have a MAC different from its device's");
		}
		eg_read_leave(rd, mark);
		node = node->next;
	}
}
