/* The section ports, and names of ports and peers. */
#include <ctype.h>
#include <string.h>

#include "conf/sections.h"

static bool is_name(const char *text)
{
	if (!isalnum((unsigned char)*text) || strlen(text) > EG_CONF_NAME_MAX)
		return false;
	for (; *text; text++) {
		if (!isalnum((unsigned char)*text) && !strchr("_.-", *text))
			return false;
	}
	return true;
}

bool eg_conf_read_name(struct eg_read *rd, const struct eg_node *node, char **out)
{
	if (!is_name(node->key)) {
		eg_read_error(rd, &node->key_pos,
			      "not a valid name (1-%d of A-Z a-z 0-9 _ . -, starting with a letter "
			      "or digit)",
			      EG_CONF_NAME_MAX);
		return false;
	}
	*out = strdup(node->key);
	if (!*out)
		eg_read_no_memory(rd);
	return *out;
}

bool eg_conf_read_port_ref(struct eg_read *rd, const struct eg_node *node, unsigned *out)
{
	const char *text = eg_read_text(rd, node), *names[EG_CONF_PORTS_MAX];
	char hint[EG_HINT_MAX];
	unsigned n = 0;

	if (!text)
		return false;
	eg_vec_foreach (port, &rd->config->ports) {
		if (!port->name)
			continue;
		if (!strcmp(port->name, text)) {
			*out = (unsigned)(port - rd->config->ports.v);
			return true;
		}
		names[n++] = port->name;
	}
	eg_read_error(rd, &node->pos, "no port is named \"%s\"%s", text,
		      eg_read_hint(rd, text, names, n, hint));
	return false;
}

static void read_device(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_port *port = into;

	eg_read_string(rd, node, &port->device);
}

static void read_role(struct eg_read *rd, const struct eg_node *node, void *into)
{
	static const char *const names[] = {"clear", "encrypted"};
	struct eg_conf_port *port = into;
	unsigned role;

	if (eg_read_enum(rd, node, names, 2, &role))
		port->role = role;
}

static void read_mtu(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_port *port = into;
	uint64_t mtu;

	if (eg_read_u64(rd, node, EG_CONF_MTU_MIN, EG_CONF_MTU_MAX, &mtu))
		port->mtu = (uint16_t)mtu;
}

static void read_rx_queues(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_port *port = into;
	uint64_t n;

	if (node->text && !strcmp(node->text, "auto"))
		port->rx_queues = 0;
	else if (node->text && isalpha((unsigned char)*node->text))
		eg_read_error(rd, &node->pos, "expected auto or 1-%d, found \"%s\"",
			      EG_CONF_QUEUES_MAX, node->text);
	else if (eg_read_u64(rd, node, 1, EG_CONF_QUEUES_MAX, &n))
		port->rx_queues = (uint16_t)n;
}

static void read_rx_buffer(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_port *port = into;
	uint64_t bytes;

	if (eg_read_u64(rd, node, EG_CONF_RX_BUFFER_MIN, EG_CONF_MTU_MAX, &bytes))
		port->rx_buffer_bytes = (uint16_t)bytes;
}

static void read_promiscuous(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_port *port = into;

	eg_read_bool(rd, node, &port->promiscuous);
}

static void read_address(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_port *port = into;
	struct eg_prefix *address = eg_vec_add(&port->addresses);

	if (address)
		eg_read_host_prefix(rd, node, address);
	else
		eg_read_no_memory(rd);
}

static void read_addresses(struct eg_read *rd, const struct eg_node *node, void *into)
{
	if (node->n_children > EG_CONF_ADDRESSES_MAX)
		eg_read_error(rd, &node->pos, "more than %d addresses", EG_CONF_ADDRESSES_MAX);
	else
		eg_read_seq(rd, node, read_address, into);
}

static void read_gateway(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_port *port = into;
	struct eg_ip *gateway = eg_vec_add(&port->gateways);

	if (gateway)
		eg_read_host_ip(rd, node, gateway);
	else
		eg_read_no_memory(rd);
}

static void read_gateways(struct eg_read *rd, const struct eg_node *node, void *into)
{
	if (node->n_children > 2)
		eg_read_error(rd, &node->pos, "more than one gateway per family");
	else
		eg_read_seq(rd, node, read_gateway, into);
}

/* Record the positions of the keys that need a restart. */
static void record_positions(const struct eg_node *node, struct eg_conf_port *port)
{
	static const char *const keys[EG_PORT_KEYS] = {
		[EG_PORT_KEY_DEVICE] = "device",
		[EG_PORT_KEY_PARENT] = "parent",
		[EG_PORT_KEY_VLAN] = "vlan",
		[EG_PORT_KEY_MAC] = "mac",
		[EG_PORT_KEY_ROLE] = "role",
		[EG_PORT_KEY_MTU] = "mtu",
		[EG_PORT_KEY_RX_QUEUES] = "rx_queues",
		[EG_PORT_KEY_RX_BUFFER] = "rx_buffer",
		[EG_PORT_KEY_PROMISCUOUS] = "promiscuous",
		[EG_PORT_KEY_KERNEL] = "kernel",
	};

	for (size_t i = 0; i < EG_PORT_KEYS; i++) {
		const struct eg_node *key = eg_node_get(node, keys[i]);

		if (key)
			port->at[i] = *eg_node_error_pos(key);
	}
}

static void read_source_check(struct eg_read *rd, const struct eg_node *node, void *into)
{
	static const char *const names[] = {
		[EG_SOURCE_STRICT] = "strict",
		[EG_SOURCE_LOOSE] = "loose",
		[EG_SOURCE_OFF] = "off",
	};
	struct eg_conf_port *port = into;
	unsigned choice;

	if (!eg_read_enum(rd, node, names, sizeof(names) / sizeof(*names), &choice))
		return;
	if (port->role == EG_ROLE_CLEAR)
		port->source_check = (uint8_t)choice;
	else
		eg_read_error(rd, eg_node_error_pos(node),
			      "only valid for clear ports: packets from a tunnel are always "
			      "checked against the peer's subnets");
}

static void read_port(struct eg_read *rd, const struct eg_node *node, void *into)
{
	static const struct eg_field fields[] = {
		{"device", read_device, false},
		{"parent", eg_conf_read_parent, false},
		{"vlan", eg_conf_read_vlan, false},
		{"mac", eg_conf_read_port_mac, false},
		{"role", read_role, true},
		{"mtu", read_mtu, false},
		{"rx_queues", read_rx_queues, false},
		{"rx_buffer", read_rx_buffer, false},
		{"promiscuous", read_promiscuous, false},
		{"addresses", read_addresses, false},
		{"gateway", read_gateways, false},
		{"source_check", read_source_check, false}, /* depends on role */
		{"kernel", eg_conf_read_kernel, false},     /* depends on role and addresses */
	};
	struct eg_config *config = into;
	struct eg_conf_port *port = eg_vec_add(&config->ports);

	if (!port) {
		eg_read_no_memory(rd);
		return;
	}
	port->mtu = 1500;
	port->pos = node->key_pos;
	record_positions(node, port);
	eg_conf_read_name(rd, node, &port->name);
	if (node->kind == EG_NODE_MAP && !eg_node_get(node, "device") &&
	    !eg_node_get(node, "parent"))
		eg_read_error(rd, eg_node_error_pos(node), "missing key \"device\"");
	eg_read_map(rd, node, fields, sizeof(fields) / sizeof(*fields), port);
}

/* The part before the first comma names the device; the rest are arguments. */
static bool same_device(const char *a, const char *b)
{
	size_t len = strcspn(a, ",");

	return len == strcspn(b, ",") && !strncmp(a, b, len);
}

static void check_devices(struct eg_read *rd, const struct eg_node *ports)
{
	const struct eg_conf_port *first = rd->config->ports.v, *end = first + rd->config->ports.n;
	const struct eg_node *node = ports->child;

	for (const struct eg_conf_port *port = first; port < end; port++, node = node->next) {
		const struct eg_conf_port *other = first;
		size_t mark;

		if (!port->device)
			continue;
		while (!other->device || !same_device(other->device, port->device))
			other++;
		if (other == port)
			continue;
		mark = eg_read_enter(rd, "%s.device", node->key);
		eg_read_error(rd, &eg_node_get(node, "device")->pos,
			      "\"%.*s\" is already the device of ports.%s (line %u)",
			      (int)strcspn(port->device, ","), port->device,
			      other->name ? other->name : "?", other->pos.line);
		eg_read_leave(rd, mark);
	}
}

void eg_conf_read_ports(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_config *config = into;
	size_t before = rd->errs->n_errors;

	config->ports_pos = *eg_node_error_pos(node);
	if (node->kind == EG_NODE_MAP && !node->n_children)
		eg_read_error(rd, &node->pos, "at least one port is needed");
	else if (node->n_children > EG_CONF_PORTS_MAX)
		eg_read_error(rd, &node->pos, "more than %d ports", EG_CONF_PORTS_MAX);
	else
		eg_read_named(rd, node, read_port, config);
	if (config->ports.n && !rd->failed) {
		eg_conf_check_subports(rd, node);
		check_devices(rd, node);
		eg_conf_check_kernels(rd, node);
	}
	if (rd->errs->n_errors != before)
		rd->invalid_sections |= EG_INVALID_PORTS;
}
