#include "policy/explain.h"

#include <errno.h>

#include "policy/describe.h"
#include "policy/prove.h"

/* One direction of one packet. */
struct view {
	const struct eg_cluster *cluster;
	const struct eg_packet_key *key;
	enum eg_dir dir;
	const struct eg_ip *other;
	uint32_t other_pod, dst_pod;
};

static void explain_block(const struct view *v, const struct eg_peer *peer, struct eg_buf *out)
{
	char ip[EG_IP_TEXT], prefix[EG_PREFIX_TEXT];

	eg_ip_print(v->other, ip);
	if (!eg_prefix_contains(&peer->cidr, v->other)) {
		eg_buf_add(out, "ipBlock %s does not contain %s",
			   eg_prefix_print(&peer->cidr, prefix), ip);
		return;
	}
	eg_vec_foreach (except, &peer->except)
		if (eg_prefix_contains(except, v->other)) {
			eg_buf_add(out, "ipBlock excludes %s, which contains %s",
				   eg_prefix_print(except, prefix), ip);
			return;
		}
}

/* The first requirement that the labels do not meet, and the actual label. */
static void explain_selector(const struct view *v, const struct eg_selector *selector,
			     const struct eg_labels *labels, struct eg_buf *out)
{
	eg_vec_foreach (req, &selector->reqs) {
		eg_sym value;

		if (eg_requirement_holds(req, labels))
			continue;
		value = eg_labels_get(labels, req->key);
		eg_describe_requirement(v->cluster, req, out);
		eg_buf_add(out, " is not met: ");
		if (value)
			eg_buf_add(out, "it has %s=%s", eg_sym_text(&v->cluster->syms, req->key),
				   eg_sym_text(&v->cluster->syms, value));
		else
			eg_buf_add(out, "it has no %s", eg_sym_text(&v->cluster->syms, req->key));
		return;
	}
}

static void explain_peer(const struct view *v, const struct eg_netpol *policy,
			 const struct eg_peer *peer, struct eg_buf *out)
{
	const struct eg_namespace *ns;
	const struct eg_pod *pod;
	char ip[EG_IP_TEXT];

	if (peer->is_block) {
		explain_block(v, peer, out);
		return;
	}
	if (v->other_pod == EG_NONE) {
		eg_buf_add(out, "selectors match pods, and %s is not a pod's address",
			   eg_ip_print(v->other, ip));
		return;
	}
	pod = &v->cluster->pods.v[v->other_pod];
	ns = &v->cluster->namespaces.v[pod->ns];
	if (pod->quarantined) {
		eg_buf_add(out, "pod %s/%s is quarantined, so no selector matches it",
			   eg_sym_text(&v->cluster->syms, ns->name),
			   eg_sym_text(&v->cluster->syms, pod->name));
	} else if (!peer->has_ns && pod->ns != policy->ns) {
		eg_buf_add(
			out,
			"podSelector without namespaceSelector applies to namespace %s, but the "
			"pod is in %s",
			eg_sym_text(&v->cluster->syms, v->cluster->namespaces.v[policy->ns].name),
			eg_sym_text(&v->cluster->syms, ns->name));
	} else if (peer->has_ns && !eg_namespace_matches(&peer->ns, ns)) {
		eg_buf_add(out, "namespaceSelector: ");
		if (eg_selector_matches(&peer->ns, &ns->labels))
			eg_buf_add(out,
				   "namespace %s is not in the inventory: its labels are unknown",
				   eg_sym_text(&v->cluster->syms, ns->name));
		else
			explain_selector(v, &peer->ns, &ns->labels, out);
	} else {
		eg_buf_add(out, "podSelector: ");
		explain_selector(v, &peer->pod, &pod->labels, out);
	}
}

static void explain_peers(const struct view *v, const struct eg_netpol *policy,
			  const struct eg_rule *rule, struct eg_buf *out)
{
	for (size_t i = 0; i < rule->peers.n; i++) {
		eg_buf_add(out, "%s%s[%zu]: ", out->n ? "; " : "",
			   v->dir == EG_INGRESS ? "from" : "to", i);
		explain_peer(v, policy, &rule->peers.v[i], out);
	}
}

/* The ports of that name at the destination. */
static void explain_named(const struct view *v, const struct eg_port *port, struct eg_buf *out)
{
	const struct eg_pod *pod = v->dst_pod == EG_NONE ? NULL : &v->cluster->pods.v[v->dst_pod];
	bool any = false;

	for (size_t i = 0; pod && i < pod->ports.n; i++) {
		const struct eg_named_port *it = &pod->ports.v[i];

		if (it->name != port->name || it->proto != port->proto)
			continue;
		eg_buf_add(out, "%s%u", any ? ", " : " (", it->port);
		any = true;
	}
	eg_buf_add(out, "%s", any ? " there)" : " (no such port there)");
}

static void explain_ports(const struct view *v, const struct eg_rule *rule, struct eg_buf *out)
{
	eg_buf_add(out, "%sports: ", out->n ? "; " : "");
	eg_describe_proto(v->key->proto, out);
	if (eg_proto_has_ports(v->key->proto))
		eg_buf_add(out, " %u", v->key->port);
	eg_buf_add(out, " is not among ");
	for (size_t i = 0; i < rule->ports.n; i++) {
		const struct eg_port *port = &rule->ports.v[i];

		eg_buf_add(out, "%s", i ? ", " : "");
		eg_describe_port(v->cluster, port, out);
		if (port->kind == EG_PORT_NAMED)
			explain_named(v, port, out);
	}
}

static int add_miss(const struct view *v, struct eg_explain_side *side, uint32_t index,
		    uint32_t rule_index)
{
	const struct eg_netpol *policy = &v->cluster->policies.v[index];
	const struct eg_rule *rule = &policy->rules[v->dir].v[rule_index];
	bool peer = !rule->peers.n, port = !rule->ports.n;
	struct eg_explain_miss *miss = eg_vec_add(&side->misses);
	struct eg_buf text = {0};

	if (!miss)
		return -ENOMEM;
	eg_vec_foreach (it, &rule->peers)
		peer = peer || eg_ref_peer_matches(v->cluster, policy, it, v->other);
	eg_vec_foreach (it, &rule->ports)
		port = port || eg_ref_port_matches(v->cluster, it, v->key);
	if (!peer)
		explain_peers(v, policy, rule, &text);
	if (!port)
		explain_ports(v, rule, &text);
	*miss = (struct eg_explain_miss){index, rule_index,
					 peer   ? EG_MISS_PORT
					 : port ? EG_MISS_PEER
						: EG_MISS_BOTH,
					 text.v};
	return text.v ? 0 : -ENOMEM;
}

/* Closest first, then in written order. */
static int compare_misses(const void *va, const void *vb)
{
	const struct eg_explain_miss *a = va, *b = vb;

	if (a->miss != b->miss)
		return a->miss < b->miss ? -1 : 1;
	if (a->policy != b->policy)
		return a->policy < b->policy ? -1 : 1;
	return a->rule < b->rule ? -1 : 1;
}

static int explain_side(const struct view *v, struct eg_explain_side *side)
{
	const struct eg_pod *subject;

	side->reference = eg_ref_evaluate(v->cluster, v->dir, v->key);
	if (side->reference.pod == EG_NONE)
		return 0;
	subject = &v->cluster->pods.v[side->reference.pod];
	eg_vec_foreach (index, &v->cluster->namespaces.v[subject->ns].policies) {
		uint32_t *entry;

		if (!eg_ref_isolates(v->cluster, *index, v->dir, side->reference.pod))
			continue;
		entry = eg_vec_add(&side->isolating);
		if (!entry)
			return -ENOMEM;
		*entry = *index;
		for (uint32_t r = 0; side->reference.why == EG_REF_DENIED &&
				     r < v->cluster->policies.v[*index].rules[v->dir].n;
		     r++)
			if (add_miss(v, side, *index, r))
				return -ENOMEM;
	}
	if (side->misses.n)
		qsort(side->misses.v, side->misses.n, sizeof(*side->misses.v), compare_misses);
	return 0;
}

static struct eg_explain_end explain_end(const struct eg_policy *policy, const struct eg_ip *ip)
{
	const struct eg_cluster *cluster = eg_policy_cluster(policy);

	const struct eg_prefix host = {*ip, (uint8_t)eg_ip_bits(ip)};
	bool unknown = eg_cluster_unknown(cluster, ip);

	return (struct eg_explain_end){
		.ip = *ip,
		.pod = eg_cluster_pod_at(cluster, ip),
		.node = eg_cluster_node_at(cluster, ip),
		.class_id = eg_policy_class(policy, ip),
		.unknown_in = unknown ? eg_cluster_pod_network(cluster, &host) : NULL,
	};
}

int eg_policy_explain(const struct eg_policy *policy, const struct eg_packet_key *key,
		      struct eg_explanation *out)
{
	struct eg_policy_packet packet = {key->src.bytes, key->dst.bytes, key->port, key->proto,
					  key->src.family};
	struct eg_policy_verdict verdict;

	*out = (struct eg_explanation){
		.policy = policy,
		.key = *key,
		.src = explain_end(policy, &key->src),
		.dst = explain_end(policy, &key->dst),
		.allowed = true,
		.tables_agree = eg_prove_packet(policy, key, NULL),
	};
	eg_policy_evaluate(policy, &packet, &verdict, 1);
	for (int dir = 0; dir < EG_DIRS; dir++) {
		bool in = dir == EG_INGRESS;
		struct view v = {eg_policy_cluster(policy),
				 key,
				 (enum eg_dir)dir,
				 in ? &key->src : &key->dst,
				 in ? out->src.pod : out->dst.pod,
				 out->dst.pod};

		out->side[dir].compiled = verdict.side[dir];
		if (explain_side(&v, &out->side[dir]))
			return -ENOMEM;
		out->allowed &= eg_ref_passes(out->side[dir].reference.why);
	}
	return 0;
}

void eg_explanation_free(struct eg_explanation *explanation)
{
	for (int dir = 0; dir < EG_DIRS; dir++) {
		struct eg_explain_side *side = &explanation->side[dir];

		eg_vec_foreach (miss, &side->misses)
			free(miss->text);
		eg_vec_free(&side->misses);
		eg_vec_free(&side->isolating);
	}
}
