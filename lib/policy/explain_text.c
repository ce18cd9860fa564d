/* An explanation as human-readable text. */
#include "policy/describe.h"
#include "policy/explain.h"

#define MISSES_SHOWN 5

static void add_labels(const struct eg_cluster *cluster, const struct eg_labels *labels,
		       struct eg_buf *out)
{
	for (size_t i = 0; i < labels->n; i++)
		eg_buf_add(out, "%s%s=%s", i ? ", " : " {",
			   eg_sym_text(&cluster->syms, labels->v[i].key),
			   eg_sym_text(&cluster->syms, labels->v[i].value));
	if (labels->n)
		eg_buf_add(out, "}");
}

static void add_end(const struct eg_cluster *cluster, const char *which,
		    const struct eg_explain_end *end, struct eg_buf *out)
{
	char ip[EG_IP_TEXT];
	size_t n_pods;

	eg_buf_add(out, "%s %s: ", which, eg_ip_print(&end->ip, ip));
	if (end->pod != EG_NONE) {
		const struct eg_pod *pod = &cluster->pods.v[end->pod];

		eg_buf_add(out, "pod ");
		eg_describe_pod(cluster, end->pod, out);
		add_labels(cluster, &pod->labels, out);
		if (pod->node != EG_NONE)
			eg_buf_add(out, " on node %s",
				   eg_sym_text(&cluster->syms, cluster->nodes.v[pod->node].name));
	} else if (end->node != EG_NONE) {
		eg_buf_add(out, "node %s",
			   eg_sym_text(&cluster->syms, cluster->nodes.v[end->node].name));
	} else if (end->unknown_in) {
		char network[EG_PREFIX_TEXT];

		eg_buf_add(out,
			   "UNKNOWN, in pod network %s, but no pod or node in the inventory has it",
			   eg_prefix_print(end->unknown_in, network));
	} else {
		eg_buf_add(out, "neither a pod nor a node");
	}
	eg_cluster_pods_at(cluster, &end->ip, &n_pods);
	if (n_pods > 1)
		eg_buf_add(out, ", and %zu more pods have this address: the policies of all apply",
			   n_pods - 1);
	eg_buf_add(out, " (class %u)\n", end->class_id);
}

static void add_rule_line(const struct eg_explanation *e, enum eg_dir dir, uint32_t policy,
			  uint32_t rule, struct eg_buf *out)
{
	eg_describe_rule(eg_policy_cluster(e->policy), policy, dir, rule, out);
}

static void add_isolating(const struct eg_explanation *e, enum eg_dir dir, struct eg_buf *out)
{
	const struct eg_cluster *cluster = eg_policy_cluster(e->policy);

	eg_vec_foreach (index, &e->side[dir].isolating) {
		const struct eg_pos *pos = &cluster->policies.v[*index].pos;

		eg_buf_add(out, "  isolated by ");
		eg_describe_policy(cluster, *index, out);
		if (pos->file) {
			eg_buf_add(out, " (");
			eg_describe_pos(pos, out);
			eg_buf_add(out, ")");
		}
		eg_buf_add(out, "\n");
	}
}

static void add_misses(const struct eg_explanation *e, enum eg_dir dir, struct eg_buf *out)
{
	const struct eg_explain_side *side = &e->side[dir];

	if (!side->misses.n)
		eg_buf_add(out, "  these policies have no %s rule: they deny all\n",
			   eg_dir_name(dir));
	for (size_t i = 0; i < side->misses.n && i < MISSES_SHOWN; i++) {
		eg_buf_add(out, "  no match: ");
		add_rule_line(e, dir, side->misses.v[i].policy, side->misses.v[i].rule, out);
		eg_buf_add(out, ": %s\n", side->misses.v[i].text);
	}
	if (side->misses.n > MISSES_SHOWN)
		eg_buf_add(out, "  and %zu more rules that do not match\n",
			   side->misses.n - MISSES_SHOWN);
}

static void add_side(const struct eg_explanation *e, enum eg_dir dir, struct eg_buf *out)
{
	const struct eg_explain_side *side = &e->side[dir];

	eg_buf_add(out, "%s of the %s: ", eg_dir_name(dir),
		   dir == EG_INGRESS ? "destination" : "source");
	switch (side->reference.why) {
	case EG_REF_NOT_ISOLATED:
		eg_buf_add(out, "allowed, no policy isolates it\n");
		return;
	case EG_REF_RULE:
		eg_buf_add(out, "allowed by ");
		add_rule_line(e, dir, side->reference.policy, side->reference.rule, out);
		eg_buf_add(out, "\n");
		break;
	case EG_REF_SELF:
		eg_buf_add(out, "allowed, a pod cannot block itself\n");
		break;
	case EG_REF_NODE:
		eg_buf_add(out, "allowed, it comes from the pod's own node\n");
		break;
	case EG_REF_DENIED:
		eg_buf_add(out, "DENIED\n");
		break;
	case EG_REF_UNKNOWN:
		eg_buf_add(out, "DENIED as unknown_pod, the %s is unknown (policy.unknown_pods)\n",
			   e->src.unknown_in ? "source" : "destination");
		break;
	}
	add_isolating(e, dir, out);
	if (side->reference.why == EG_REF_DENIED)
		add_misses(e, dir, out);
}

void eg_explanation_text(const struct eg_explanation *e, struct eg_buf *out)
{
	const struct eg_cluster *cluster = eg_policy_cluster(e->policy);

	eg_describe_key(&e->key, out);
	if (!e->allowed)
		eg_buf_add(out, ": DENIED%s\n",
			   e->audit ? " (audit: would be denied, but passes)" : "");
	else if (e->drop_reason)
		eg_buf_add(out, ": NEVER FORWARDED: dropped as %s regardless of policy\n",
			   e->drop_reason);
	else
		eg_buf_add(out, ": ALLOWED\n");
	add_end(cluster, "source", &e->src, out);
	add_end(cluster, "destination", &e->dst, out);
	add_side(e, EG_EGRESS, out);
	add_side(e, EG_INGRESS, out);
	if (!e->tables_agree)
		eg_buf_add(out, "THE COMPILED TABLES DISAGREE with this: please report this bug\n");
}
