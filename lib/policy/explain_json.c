/* An explanation as JSON. */
#include "policy/describe.h"
#include "policy/explain.h"

/* A JSON string; text from objects may contain anything. */
static void add_string(struct eg_buf *out, const char *text)
{
	eg_buf_add(out, "\"");
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			eg_buf_add(out, "\\%c", c);
		else if (c < 0x20)
			eg_buf_add(out, "\\u%04x", c);
		else
			eg_buf_add(out, "%c", c);
	}
	eg_buf_add(out, "\"");
}

static void add_sym(struct eg_buf *out, const struct eg_cluster *cluster, eg_sym sym)
{
	add_string(out, eg_sym_text(&cluster->syms, sym));
}

static void add_pos(struct eg_buf *out, const struct eg_pos *pos)
{
	if (!pos->file)
		return;
	eg_buf_add(out, ",\"file\":");
	add_string(out, pos->file);
	eg_buf_add(out, ",\"line\":%u", pos->line);
}

static void add_pod(struct eg_buf *out, const struct eg_cluster *cluster, const struct eg_pod *pod)
{
	eg_buf_add(out, ",\"pod\":{\"namespace\":");
	add_sym(out, cluster, cluster->namespaces.v[pod->ns].name);
	eg_buf_add(out, ",\"name\":");
	add_sym(out, cluster, pod->name);
	eg_buf_add(out, ",\"labels\":{");
	for (size_t i = 0; i < pod->labels.n; i++) {
		eg_buf_add(out, "%s", i ? "," : "");
		add_sym(out, cluster, pod->labels.v[i].key);
		eg_buf_add(out, ":");
		add_sym(out, cluster, pod->labels.v[i].value);
	}
	eg_buf_add(out, "}");
	if (pod->node != EG_NONE) {
		eg_buf_add(out, ",\"node\":");
		add_sym(out, cluster, cluster->nodes.v[pod->node].name);
	}
	eg_buf_add(out, "}");
}

static void add_end(struct eg_buf *out, const struct eg_cluster *cluster, const char *which,
		    const struct eg_explain_end *end)
{
	char ip[EG_IP_TEXT];

	eg_buf_add(out, "\"%s\":{\"ip\":\"%s\",\"class\":%u", which, eg_ip_print(&end->ip, ip),
		   end->class_id);
	if (end->unknown_in)
		eg_buf_add(out, ",\"unknown\":true");
	if (end->pod != EG_NONE)
		add_pod(out, cluster, &cluster->pods.v[end->pod]);
	if (end->node != EG_NONE) {
		eg_buf_add(out, ",\"node\":");
		add_sym(out, cluster, cluster->nodes.v[end->node].name);
	}
	eg_buf_add(out, "}");
}

/* Adds members of a JSON object; rule EG_NONE: the policy only. */
static void add_policy(struct eg_buf *out, const struct eg_cluster *cluster, uint32_t index,
		       enum eg_dir dir, uint32_t rule)
{
	const struct eg_netpol *policy = &cluster->policies.v[index];

	eg_buf_add(out, "\"namespace\":");
	add_sym(out, cluster, cluster->namespaces.v[policy->ns].name);
	eg_buf_add(out, ",\"policy\":");
	add_sym(out, cluster, policy->name);
	if (rule != EG_NONE)
		eg_buf_add(out, ",\"rule\":%u", rule);
	add_pos(out, rule == EG_NONE ? &policy->pos : &policy->rules[dir].v[rule].pos);
}

static void add_misses(struct eg_buf *out, const struct eg_cluster *cluster, enum eg_dir dir,
		       const struct eg_explain_side *side)
{
	static const char *const words[] = {
		[EG_MISS_PORT] = "port",
		[EG_MISS_PEER] = "peer",
		[EG_MISS_BOTH] = "both",
	};

	eg_buf_add(out, ",\"misses\":[");
	for (size_t i = 0; i < side->misses.n; i++) {
		const struct eg_explain_miss *miss = &side->misses.v[i];

		eg_buf_add(out, "%s{", i ? "," : "");
		add_policy(out, cluster, miss->policy, dir, miss->rule);
		eg_buf_add(out, ",\"miss\":\"%s\",\"text\":", words[miss->miss]);
		add_string(out, miss->text);
		eg_buf_add(out, "}");
	}
	eg_buf_add(out, "]");
}

static void add_side(struct eg_buf *out, const struct eg_cluster *cluster, enum eg_dir dir,
		     const struct eg_explain_side *side)
{
	static const char *const words[] = {
		[EG_REF_NOT_ISOLATED] = "not-isolated",
		[EG_REF_RULE] = "rule",
		[EG_REF_SELF] = "self",
		[EG_REF_NODE] = "own-node",
		[EG_REF_DENIED] = "denied",
		[EG_REF_UNKNOWN] = "unknown-pod",
	};

	eg_buf_add(out, "\"%s\":{\"allowed\":%s,\"reason\":\"%s\"", eg_dir_name(dir),
		   eg_ref_passes(side->reference.why) ? "true" : "false",
		   words[side->reference.why]);
	if (side->reference.why == EG_REF_RULE) {
		eg_buf_add(out, ",\"by\":{");
		add_policy(out, cluster, side->reference.policy, dir, side->reference.rule);
		eg_buf_add(out, "}");
	}
	eg_buf_add(out, ",\"isolated_by\":[");
	for (size_t i = 0; i < side->isolating.n; i++) {
		eg_buf_add(out, "%s{", i ? "," : "");
		add_policy(out, cluster, side->isolating.v[i], dir, EG_NONE);
		eg_buf_add(out, "}");
	}
	eg_buf_add(out, "]");
	if (side->reference.why == EG_REF_DENIED)
		add_misses(out, cluster, dir, side);
	eg_buf_add(out, "}");
}

void eg_explanation_json(const struct eg_explanation *e, struct eg_buf *out)
{
	const struct eg_cluster *cluster = eg_policy_cluster(e->policy);

	eg_buf_add(out, "{\"allowed\":%s,\"tables_agree\":%s,\"protocol\":%u,\"port\":%u,",
		   e->allowed ? "true" : "false", e->tables_agree ? "true" : "false", e->key.proto,
		   e->key.port);
	add_end(out, cluster, "source", &e->src);
	eg_buf_add(out, ",");
	add_end(out, cluster, "destination", &e->dst);
	eg_buf_add(out, ",");
	add_side(out, cluster, EG_EGRESS, &e->side[EG_EGRESS]);
	eg_buf_add(out, ",");
	add_side(out, cluster, EG_INGRESS, &e->side[EG_INGRESS]);
	eg_buf_add(out, "}");
}
