/* Namespace, Pod and Node are read leniently: unknown fields are skipped, fields that are used must
 * be valid. */
#include "base/text.h"
#include "k8s/reader.h"

uint32_t eg_k8s_read_namespace(struct eg_k8s *k8s, struct eg_k8s_metadata *meta)
{
	uint32_t index = eg_k8s_namespace(k8s, meta->name, &meta->pos);
	struct eg_namespace *ns;

	if (index == EG_NONE)
		return EG_NONE;
	ns = &k8s->cluster->namespaces.v[index];
	ns->implied = false;
	ns->pos = meta->pos;
	ns->labels = meta->labels;
	meta->labels = (struct eg_labels){0};
	return index;
}

static bool read_bool(const struct eg_node *in, const char *field)
{
	const struct eg_node *node = eg_node_get(in, field);

	return node && node->kind == EG_NODE_SCALAR && !strcmp(node->text, "true");
}

static void add_pod_ip(struct eg_k8s *k8s, const struct eg_node *node, struct eg_pod *pod)
{
	struct eg_ip ip, *entry;

	if (!eg_k8s_ip(k8s, node, &ip))
		return;
	eg_vec_foreach (other, &pod->ips) {
		if (eg_ip_equal(other, &ip))
			return;
		/* Added anyway: quarantine denies it as well. */
		if (other->family == ip.family)
			eg_k8s_error(k8s, node, "more than one IPv%u address", ip.family);
	}
	entry = eg_vec_add(&pod->ips);
	if (entry)
		*entry = ip;
	else
		eg_k8s_no_memory(k8s);
}

/* podIPs includes podIP; old dumps have only podIP. */
static void read_pod_ips(struct eg_k8s *k8s, const struct eg_node *status, struct eg_pod *pod)
{
	const struct eg_node *list = eg_k8s_seq(k8s, status, "podIPs");
	const struct eg_node *single = eg_node_get(status, "podIP");
	size_t before = eg_k8s_enter(k8s, "podIPs"), i = 0;

	for (const struct eg_node *it = list ? list->child : NULL; it; it = it->next) {
		const struct eg_node *ip = eg_node_get(it, "ip");
		size_t item = eg_k8s_enter_item(k8s, i++);

		eg_k8s_enter(k8s, "ip");
		if (ip && eg_k8s_peek_text(it, "ip"))
			add_pod_ip(k8s, ip, pod);
		eg_k8s_leave(k8s, item);
	}
	eg_k8s_leave(k8s, before);
	before = eg_k8s_enter(k8s, "podIP");
	if (single && eg_k8s_peek_text(status, "podIP"))
		add_pod_ip(k8s, single, pod);
	eg_k8s_leave(k8s, before);
}

static uint8_t read_proto(const struct eg_node *port)
{
	const char *text = eg_k8s_peek_text(port, "protocol");

	if (text && !strcmp(text, "UDP"))
		return EG_PROTO_UDP;
	if (text && !strcmp(text, "SCTP"))
		return EG_PROTO_SCTP;
	return EG_PROTO_TCP;
}

static void add_port(struct eg_k8s *k8s, const struct eg_named_port *port, struct eg_pod *pod)
{
	struct eg_named_port *entry;

	if (eg_pod_has_port(pod, port->name, port->proto, port->port))
		return;
	entry = eg_vec_add(&pod->ports);
	if (entry)
		*entry = *port;
	else
		eg_k8s_no_memory(k8s);
}

static void read_container(struct eg_k8s *k8s, const struct eg_node *container, struct eg_pod *pod)
{
	const struct eg_node *ports = eg_node_get(container, "ports");

	for (const struct eg_node *it = ports ? ports->child : NULL; it; it = it->next) {
		const char *name = eg_k8s_peek_text(it, "name"),
			   *number = eg_k8s_peek_text(it, "containerPort");
		struct eg_named_port port = {.proto = read_proto(it)};
		uint64_t value;

		/* Some parsers read 0120 as octal: ignore such a port. */
		if (!name || !number || *number == '0' || eg_text_u64(number, &value) || !value ||
		    value > UINT16_MAX)
			continue;
		port.name = eg_k8s_sym(k8s, name);
		port.port = (uint16_t)value;
		add_port(k8s, &port, pod);
	}
}

/* Containers, then sidecars (init containers that keep running). */
static void read_ports(struct eg_k8s *k8s, const struct eg_node *spec, struct eg_pod *pod)
{
	const struct eg_node *list = eg_node_get(spec, "containers");

	for (const struct eg_node *it = list ? list->child : NULL; it; it = it->next)
		read_container(k8s, it, pod);
	list = eg_node_get(spec, "initContainers");
	for (const struct eg_node *it = list ? list->child : NULL; it; it = it->next) {
		const char *restart = eg_k8s_peek_text(it, "restartPolicy");

		if (restart && !strcmp(restart, "Always"))
			read_container(k8s, it, pod);
	}
}

static void add_node_ip(struct eg_k8s *k8s, const struct eg_node *at, uint32_t index)
{
	struct eg_cluster_node *node = &k8s->cluster->nodes.v[index];
	struct eg_ip ip, *entry;

	if (!eg_k8s_ip(k8s, at, &ip))
		return;
	eg_vec_foreach (other, &node->ips)
		if (eg_ip_equal(other, &ip))
			return;
	entry = eg_vec_add(&node->ips);
	if (entry)
		*entry = ip;
	else
		eg_k8s_no_memory(k8s);
}

/* hostIPs includes hostIP; dumps from before Kubernetes 1.30 have only hostIP. */
static void read_host_ips(struct eg_k8s *k8s, const struct eg_node *status, uint32_t node)
{
	const struct eg_node *list = eg_k8s_seq(k8s, status, "hostIPs");
	const struct eg_node *single = eg_node_get(status, "hostIP");
	size_t before = eg_k8s_enter(k8s, "hostIPs"), i = 0;

	for (const struct eg_node *it = list ? list->child : NULL; it; it = it->next) {
		size_t item = eg_k8s_enter_item(k8s, i++);

		eg_k8s_enter(k8s, "ip");
		if (eg_k8s_peek_text(it, "ip"))
			add_node_ip(k8s, eg_node_get(it, "ip"), node);
		eg_k8s_leave(k8s, item);
	}
	eg_k8s_leave(k8s, before);
	before = eg_k8s_enter(k8s, "hostIP");
	if (single && eg_k8s_peek_text(status, "hostIP"))
		add_node_ip(k8s, single, node);
	eg_k8s_leave(k8s, before);
}

/* The pod's node. The pod knows its addresses even if the inventory lacks the node. */
static uint32_t read_node_of(struct eg_k8s *k8s, const struct eg_node *spec,
			     const struct eg_node *status)
{
	const char *name = eg_k8s_peek_text(spec, "nodeName");
	uint32_t index = name ? eg_k8s_node(k8s, eg_k8s_sym(k8s, name)) : EG_NONE;

	if (index != EG_NONE)
		read_host_ips(k8s, status, index);
	return index;
}

uint32_t eg_k8s_read_pod(struct eg_k8s *k8s, const struct eg_node *object,
			 struct eg_k8s_metadata *meta)
{
	const struct eg_node *spec = eg_k8s_map(k8s, object, "spec");
	const struct eg_node *status = eg_k8s_map(k8s, object, "status");
	uint32_t ns = eg_k8s_namespace(k8s, meta->ns, &meta->pos);
	struct eg_pod *pod = ns == EG_NONE ? NULL : eg_vec_add(&k8s->cluster->pods);
	const char *phase = eg_k8s_peek_text(status, "phase");
	size_t before;

	if (!pod) {
		eg_k8s_no_memory(k8s);
		return EG_NONE;
	}
	pod->ns = ns;
	pod->name = meta->name;
	pod->pos = meta->pos;
	pod->terminating = meta->terminating;
	pod->created = meta->created;
	pod->host_network = read_bool(spec, "hostNetwork");
	pod->finished = phase && (!strcmp(phase, "Succeeded") || !strcmp(phase, "Failed"));
	pod->labels = meta->labels;
	meta->labels = (struct eg_labels){0};
	read_ports(k8s, spec, pod);
	before = eg_k8s_enter(k8s, "status");
	pod->node = read_node_of(k8s, spec, status);
	if (eg_pod_has_own_ips(pod))
		read_pod_ips(k8s, status, pod);
	eg_k8s_leave(k8s, before);
	return (uint32_t)k8s->cluster->pods.n - 1;
}

static void add_pod_cidr(struct eg_k8s *k8s, const struct eg_node *at, uint32_t index)
{
	struct eg_prefix prefix, *entry;

	if (eg_prefix_parse(at->text, &prefix)) {
		eg_k8s_error(k8s, at, "\"%s\" is not a valid prefix (ADDRESS/LENGTH)", at->text);
		return;
	}
	eg_prefix_mask(&prefix);
	entry = eg_vec_add(&k8s->cluster->nodes.v[index].pod_cidrs);
	if (entry)
		*entry = prefix;
	else
		eg_k8s_no_memory(k8s);
}

/* podCIDRs includes podCIDR; duplicates do no harm. */
static void read_pod_cidrs(struct eg_k8s *k8s, const struct eg_node *spec, uint32_t index)
{
	const struct eg_node *list = eg_k8s_seq(k8s, spec, "podCIDRs");
	size_t before = eg_k8s_enter(k8s, "spec.podCIDRs"), i = 0;

	for (const struct eg_node *it = list ? list->child : NULL; it; it = it->next) {
		size_t item = eg_k8s_enter_item(k8s, i++);

		if (it->kind == EG_NODE_SCALAR && !eg_node_is_null(it) && *it->text)
			add_pod_cidr(k8s, it, index);
		eg_k8s_leave(k8s, item);
	}
	eg_k8s_leave(k8s, before);
	before = eg_k8s_enter(k8s, "spec.podCIDR");
	if (eg_k8s_peek_text(spec, "podCIDR"))
		add_pod_cidr(k8s, eg_node_get(spec, "podCIDR"), index);
	eg_k8s_leave(k8s, before);
}

uint32_t eg_k8s_read_node(struct eg_k8s *k8s, const struct eg_node *object,
			  const struct eg_k8s_metadata *meta)
{
	const struct eg_node *spec = eg_k8s_map(k8s, object, "spec");
	const struct eg_node *status = eg_k8s_map(k8s, object, "status");
	const struct eg_node *list = eg_k8s_seq(k8s, status, "addresses");
	uint32_t index = eg_k8s_node(k8s, meta->name);
	size_t before = eg_k8s_enter(k8s, "status.addresses"), i = 0;

	if (index != EG_NONE)
		k8s->cluster->nodes.v[index].pos = meta->pos;
	eg_k8s_leave(k8s, before);
	if (index != EG_NONE && spec)
		read_pod_cidrs(k8s, spec, index);
	eg_k8s_enter(k8s, "status.addresses");
	for (const struct eg_node *it = list ? list->child : NULL; it && index != EG_NONE;
	     it = it->next) {
		const char *type = eg_k8s_peek_text(it, "type");
		const struct eg_node *address = eg_node_get(it, "address");
		size_t item = eg_k8s_enter_item(k8s, i++);

		if (type && address && (!strcmp(type, "InternalIP") || !strcmp(type, "ExternalIP")))
			add_node_ip(k8s, address, index);
		eg_k8s_leave(k8s, item);
	}
	eg_k8s_leave(k8s, before);
	return index;
}
