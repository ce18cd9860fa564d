#include "policy/describe.h"

const char *eg_dir_name(enum eg_dir dir)
{
	return dir == EG_INGRESS ? "ingress" : "egress";
}

const char *eg_proto_name(uint8_t proto)
{
	switch (proto) {
	case 1:
		return "ICMP";
	case EG_PROTO_TCP:
		return "TCP";
	case EG_PROTO_UDP:
		return "UDP";
	case 58:
		return "ICMPv6";
	case EG_PROTO_SCTP:
		return "SCTP";
	default:
		return NULL;
	}
}

void eg_describe_proto(uint8_t proto, struct eg_buf *out)
{
	const char *name = eg_proto_name(proto);

	if (name)
		eg_buf_add(out, "%s", name);
	else
		eg_buf_add(out, "protocol %u", proto);
}

void eg_describe_pos(const struct eg_pos *pos, struct eg_buf *out)
{
	if (pos->file)
		eg_buf_add(out, "%s:%u", pos->file, pos->line);
}

static void add_name(const struct eg_cluster *cluster, uint32_t ns, eg_sym name, struct eg_buf *out)
{
	eg_buf_add(out, "%s/%s", eg_sym_text(&cluster->syms, cluster->namespaces.v[ns].name),
		   eg_sym_text(&cluster->syms, name));
}

void eg_describe_pod(const struct eg_cluster *cluster, uint32_t pod, struct eg_buf *out)
{
	add_name(cluster, cluster->pods.v[pod].ns, cluster->pods.v[pod].name, out);
}

void eg_describe_policy(const struct eg_cluster *cluster, uint32_t policy, struct eg_buf *out)
{
	add_name(cluster, cluster->policies.v[policy].ns, cluster->policies.v[policy].name, out);
}

void eg_describe_rule(const struct eg_cluster *cluster, uint32_t policy, enum eg_dir dir,
		      uint32_t rule, struct eg_buf *out)
{
	const struct eg_pos *pos = &cluster->policies.v[policy].rules[dir].v[rule].pos;

	eg_describe_policy(cluster, policy, out);
	eg_buf_add(out, " %s[%u]", eg_dir_name(dir), rule);
	if (!pos->file)
		return;
	eg_buf_add(out, " (");
	eg_describe_pos(pos, out);
	eg_buf_add(out, ")");
}

static void add_values(const struct eg_cluster *cluster, const struct eg_requirement *req,
		       struct eg_buf *out)
{
	for (size_t i = 0; i < req->values.n; i++)
		eg_buf_add(out, "%s%s", i ? ", " : "(",
			   eg_sym_text(&cluster->syms, req->values.v[i]));
	eg_buf_add(out, ")");
}

void eg_describe_requirement(const struct eg_cluster *cluster, const struct eg_requirement *req,
			     struct eg_buf *out)
{
	const char *key = eg_sym_text(&cluster->syms, req->key);

	switch (req->op) {
	case EG_OP_IN:
		if (req->values.n == 1) {
			eg_buf_add(out, "%s=%s", key,
				   eg_sym_text(&cluster->syms, req->values.v[0]));
			return;
		}
		eg_buf_add(out, "%s in ", key);
		add_values(cluster, req, out);
		return;
	case EG_OP_NOT_IN:
		eg_buf_add(out, "%s notin ", key);
		add_values(cluster, req, out);
		return;
	case EG_OP_EXISTS:
		eg_buf_add(out, "%s", key);
		return;
	case EG_OP_NOT_EXISTS:
		eg_buf_add(out, "!%s", key);
		return;
	}
}

void eg_describe_selector(const struct eg_cluster *cluster, const struct eg_selector *selector,
			  struct eg_buf *out)
{
	if (!selector->reqs.n)
		eg_buf_add(out, "everything");
	for (size_t i = 0; i < selector->reqs.n; i++) {
		if (i)
			eg_buf_add(out, ", ");
		eg_describe_requirement(cluster, &selector->reqs.v[i], out);
	}
}

void eg_describe_port(const struct eg_cluster *cluster, const struct eg_port *port,
		      struct eg_buf *out)
{
	eg_describe_proto(port->proto, out);
	switch (port->kind) {
	case EG_PORT_ALL:
		return;
	case EG_PORT_RANGE:
		eg_buf_add(out, " %u", port->first);
		if (port->last != port->first)
			eg_buf_add(out, "-%u", port->last);
		return;
	case EG_PORT_NAMED:
		eg_buf_add(out, " %s", eg_sym_text(&cluster->syms, port->name));
		return;
	}
}

void eg_describe_key(const struct eg_packet_key *key, struct eg_buf *out)
{
	char src[EG_IP_TEXT], dst[EG_IP_TEXT];

	eg_buf_add(out, "%s -> %s ", eg_ip_print(&key->src, src), eg_ip_print(&key->dst, dst));
	eg_describe_proto(key->proto, out);
	if (eg_proto_has_ports(key->proto))
		eg_buf_add(out, " %u", key->port);
}
