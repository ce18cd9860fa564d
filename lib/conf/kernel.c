/* A port's kernel device, and what an encrypted port may exchange with it in clear. */
#include <stdlib.h>
#include <string.h>

#include "conf/sections.h"

enum {
	PROTO_TCP = 6,
	PROTO_UDP = 17,
};

#define IFACE_MAX 15 /* IFNAMSIZ without the NUL */

/* The value of a device argument and its length; 0 if it is absent. */
static size_t device_argument(const char *device, const char *name, const char **value)
{
	size_t len = strlen(name);

	for (const char *at = strchr(device, ','); at; at = strchr(at + 1, ',')) {
		if (strncmp(at + 1, name, len))
			continue;
		*value = at + 1 + len;
		return strcspn(*value, ",");
	}
	return 0;
}

static void read_device(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_kernel *kernel = into;
	const char *iface;
	size_t len;

	if (!eg_read_string(rd, node, &kernel->device))
		return;
	if (strspn(kernel->device, "0123456789abcdefABCDEF:.") == strcspn(kernel->device, ",") &&
	    strchr(kernel->device, ':'))
		eg_read_error(rd, &node->pos,
			      "a PCI device is not a kernel interface (use net_tap0,iface=NAME or "
			      "virtio_user0,path=/dev/vhost-net,iface=NAME)");
	len = device_argument(kernel->device, "iface=", &iface);
	if (!len || len > IFACE_MAX)
		eg_read_error(rd, &node->pos,
			      "its interface needs a name of 1-%d characters (net_tap0,iface=NAME)",
			      IFACE_MAX);
	if (strstr(kernel->device, ",mac="))
		eg_read_error(rd, &node->pos, "it uses the MAC of the port: remove mac=");
}

static void add_port(struct eg_read *rd, const struct eg_node *node, struct eg_allow *allow,
		     struct eg_allow_port port)
{
	for (unsigned i = 0; i < allow->n; i++) {
		if (allow->port[i].proto == port.proto && allow->port[i].port == port.port) {
			eg_read_error(rd, &node->pos, "is given twice");
			return;
		}
	}
	if (port.proto == PROTO_UDP && (port.port == 500 || port.port == 4500))
		eg_read_error(rd, &node->pos, "is IKE: use ike");
	else if (allow->n == EG_ALLOW_MAX)
		eg_read_error(rd, &node->pos, "more than %d ports", EG_ALLOW_MAX);
	else
		allow->port[allow->n++] = port;
}

static void read_port(struct eg_read *rd, const struct eg_node *node, struct eg_allow *allow,
		      uint8_t proto)
{
	uint64_t port;

	if (eg_read_u64(rd, node, 1, UINT16_MAX, &port))
		add_port(rd, node, allow, (struct eg_allow_port){proto, (uint16_t)port});
}

static void read_tcp(struct eg_read *rd, const struct eg_node *node, void *into)
{
	read_port(rd, node, into, PROTO_TCP);
}

static void read_udp(struct eg_read *rd, const struct eg_node *node, void *into)
{
	read_port(rd, node, into, PROTO_UDP);
}

static void read_word(struct eg_read *rd, const struct eg_node *node, struct eg_allow *allow)
{
	static const char *const names[] = {"ike", "icmp", "bgp", "ssh"};
	bool *const flags[] = {&allow->ike, &allow->icmp};
	static const uint16_t ports[] = {[2] = 179, [3] = 22};
	unsigned word;

	if (!eg_read_enum(rd, node, names, sizeof(names) / sizeof(*names), &word))
		return;
	if (ports[word])
		add_port(rd, node, allow, (struct eg_allow_port){PROTO_TCP, ports[word]});
	else if (*flags[word])
		eg_read_error(rd, &node->pos, "is given twice");
	else
		*flags[word] = true;
}

static void read_allowed(struct eg_read *rd, const struct eg_node *node, void *into)
{
	static const struct eg_field fields[] = {
		{"tcp", read_tcp, false},
		{"udp", read_udp, false},
	};

	if (node->kind == EG_NODE_MAP)
		eg_read_map(rd, node, fields, sizeof(fields) / sizeof(*fields), into);
	else
		read_word(rd, node, into);
}

static void read_allow(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_kernel *kernel = into;

	kernel->allow = (struct eg_allow){0};
	eg_read_seq(rd, node, read_allowed, &kernel->allow);
}

void eg_conf_read_kernel(struct eg_read *rd, const struct eg_node *node, void *into)
{
	static const struct eg_field fields[] = {
		{"device", read_device, true},
		{"allow", read_allow, false},
	};
	struct eg_conf_port *port = into;
	const struct eg_node *allow = eg_node_get(node, "allow");

	port->kernel.pos = *eg_node_error_pos(node);
	port->kernel.allow.ike = port->role == EG_ROLE_ENCRYPTED;
	eg_read_map(rd, node, fields, sizeof(fields) / sizeof(*fields), &port->kernel);
	if (allow && port->role == EG_ROLE_CLEAR)
		eg_read_error(rd, &allow->key_pos,
			      "allow is only valid for encrypted ports: a clear port forwards "
			      "whatever policy allows");
	if (!port->addresses.n)
		eg_read_error(
			rd, eg_node_error_pos(node),
			"the port has no addresses, so no packet would be delivered to the kernel");
}

static bool same_text(const char *a, size_t a_len, const char *b, size_t b_len)
{
	return a_len && a_len == b_len && !strncmp(a, b, a_len);
}

/* Same device name, or same interface name. */
static bool clash(const char *a, const char *b)
{
	const char *a_iface = NULL, *b_iface = NULL;
	size_t a_len = device_argument(a, "iface=", &a_iface),
	       b_len = device_argument(b, "iface=", &b_iface);

	return same_text(a, strcspn(a, ","), b, strcspn(b, ",")) ||
	       same_text(a_iface, a_len, b_iface, b_len);
}

static void report_clash(struct eg_read *rd, const struct eg_node *node, const char *device,
			 const struct eg_conf_port *other)
{
	size_t mark = eg_read_enter(rd, "%s.kernel.device", node->key);
	const struct eg_node *kernel = eg_node_get(node, "kernel");

	eg_read_error(rd, &eg_node_get(kernel, "device")->pos,
		      "\"%s\" uses the device or interface of ports.%s (line %u)", device,
		      other->name ? other->name : "?", other->pos.line);
	eg_read_leave(rd, mark);
}

void eg_conf_check_kernels(struct eg_read *rd, const struct eg_node *ports)
{
	const struct eg_node *node = ports->child;

	eg_vec_foreach (port, &rd->config->ports) {
		const char *device = port->kernel.device;

		eg_vec_foreach (other, &rd->config->ports) {
			bool clashes = device && other->device && clash(device, other->device);

			if (device && other < port && other->kernel.device)
				clashes |= clash(device, other->kernel.device);
			if (clashes)
				report_clash(rd, node, device, other);
		}
		node = node->next;
	}
}
