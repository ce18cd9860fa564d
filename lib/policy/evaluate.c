#include "policy/compiled.h"

const struct eg_cluster *eg_policy_cluster(const struct eg_policy *policy)
{
	return policy->cluster;
}

const struct eg_policy_stats *eg_policy_stats(const struct eg_policy *policy)
{
	return &policy->stats;
}

uint32_t eg_policy_class4(const struct eg_policy *policy, const uint8_t addr[4])
{
	return eg_lpm_lookup4(policy->lpm, addr);
}

uint32_t eg_policy_class6(const struct eg_policy *policy, const uint8_t addr[16])
{
	return eg_lpm_lookup6(policy->lpm, addr);
}

uint32_t eg_policy_class(const struct eg_policy *policy, const struct eg_ip *ip)
{
	return eg_lpm_lookup(policy->lpm, ip);
}

bool eg_policy_class_node(const struct eg_policy *policy, uint32_t class_id)
{
	return policy->classes[class_id].node;
}

bool eg_policy_class_unknown(const struct eg_policy *policy, uint32_t class_id)
{
	return class_id == policy->unknown;
}

static inline uint32_t find_cell(const struct eg_policy *policy, enum eg_dir dir, uint32_t subject,
				 uint32_t other)
{
	return eg_table_cell(&policy->tables[dir], policy->classes[subject].group[dir], other);
}

static inline uint32_t run_cell(const struct eg_policy *policy, uint32_t cell, uint32_t key)
{
	return cell & EG_CELL_PORT_MAP
		       ? eg_port_map_lookup(policy->port_maps + (cell & ~EG_CELL_PORT_MAP), key)
		       : cell;
}

#define BURST 64

static void match_burst(const struct eg_policy *policy, const struct eg_match *in,
			struct eg_policy_verdict *out, size_t n)
{
	struct eg_policy_verdict cells[BURST];

	/* No branch in the first loop depends on loaded data, so the cache misses of a burst
	 * overlap. Port maps do branch on such data, hence the second loop. */
	for (size_t i = 0; i < n; i++) {
		cells[i].side[EG_EGRESS] = find_cell(policy, EG_EGRESS, in[i].src, in[i].dst);
		cells[i].side[EG_INGRESS] = find_cell(policy, EG_INGRESS, in[i].dst, in[i].src);
	}
	for (size_t i = 0; i < n; i++) {
		uint32_t key = eg_port_key(in[i].proto, in[i].port);
		bool unknown = in[i].src == policy->unknown || in[i].dst == policy->unknown;

		for (int dir = 0; dir < EG_DIRS; dir++)
			out[i].side[dir] = unknown ? EG_POLICY_UNKNOWN
						   : run_cell(policy, cells[i].side[dir], key);
	}
}

void eg_policy_match(const struct eg_policy *policy, const struct eg_match *in,
		     struct eg_policy_verdict *out, size_t n)
{
	for (size_t i = 0; i < n; i += BURST)
		match_burst(policy, in + i, out + i, n - i < BURST ? n - i : BURST);
}

/* Apply the exemptions that override policies, only after a denial. dst_pod EG_NONE: any pod that
 * has the address. */
static void apply_exemptions(const struct eg_policy *policy, const struct eg_policy_packet *packet,
			     const struct eg_match *match, uint32_t dst_pod,
			     struct eg_policy_verdict *verdict)
{
	struct eg_ip src, dst;
	uint32_t pod;

	/* A pod has one address per family, so the same address means the same pod. */
	if (!memcmp(packet->src, packet->dst, packet->family == 4 ? 4 : 16)) {
		for (int dir = 0; dir < EG_DIRS; dir++)
			if (verdict->side[dir] == EG_POLICY_DENY)
				verdict->side[dir] = EG_POLICY_SELF;
		return;
	}
	if (verdict->side[EG_INGRESS] != EG_POLICY_DENY || !policy->classes[match->src].node)
		return;
	src = eg_ip_from(packet->family, packet->src);
	dst = eg_ip_from(packet->family, packet->dst);
	pod = dst_pod != EG_NONE ? dst_pod : eg_cluster_pod_at(policy->cluster, &dst);
	if (eg_cluster_node_has(policy->cluster, policy->cluster->pods.v[pod].node, &src))
		verdict->side[EG_INGRESS] = EG_POLICY_NODE;
}

/* The owners of one endpoint and their classes. An endpoint with one owner or none has one
 * class. */
struct owners {
	const struct eg_owner *v;
	const uint32_t *classes;
	size_t n;
};

static struct owners owners_of(const struct eg_policy *policy, uint8_t family, const uint8_t *addr,
			       const uint32_t *class_id)
{
	struct eg_ip ip = eg_ip_from(family, addr);
	uint32_t shared = policy->classes[*class_id].shared;
	struct owners owners = {NULL, class_id, 1};

	if (!shared)
		return owners;
	owners.v = eg_cluster_pods_at(policy->cluster, &ip, &owners.n);
	owners.classes = policy->of_owner + shared - 1;
	return owners;
}

/* Of two verdicts for one direction: a denial, else the first with a reason. */
static uint32_t stricter(uint32_t a, uint32_t b)
{
	if (a < EG_POLICY_NOT_ISOLATED)
		return a;
	return b < EG_POLICY_NOT_ISOLATED || a == EG_POLICY_NOT_ISOLATED ? b : a;
}

/* An endpoint has several owners: each pair of owners must pass. */
static void evaluate_shared(const struct eg_policy *policy, const struct eg_policy_packet *packet,
			    const struct eg_match *match, struct eg_policy_verdict *out)
{
	struct owners src = owners_of(policy, packet->family, packet->src, &match->src);
	struct owners dst = owners_of(policy, packet->family, packet->dst, &match->dst);
	struct eg_policy_verdict all = {{EG_POLICY_NOT_ISOLATED, EG_POLICY_NOT_ISOLATED}};

	for (size_t s = 0; s < src.n; s++)
		for (size_t d = 0; d < dst.n; d++) {
			struct eg_match pair = {src.classes[s], dst.classes[d], match->port,
						match->proto};
			struct eg_policy_verdict one;

			match_burst(policy, &pair, &one, 1);
			if (!eg_policy_passes(&one))
				apply_exemptions(policy, packet, &pair,
						 dst.v ? dst.v[d].index : EG_NONE, &one);
			for (int dir = 0; dir < EG_DIRS; dir++)
				all.side[dir] = stricter(all.side[dir], one.side[dir]);
		}
	*out = all;
}

static void evaluate_burst(const struct eg_policy *policy, const struct eg_policy_packet *packets,
			   struct eg_policy_verdict *out, size_t n)
{
	struct eg_match match[BURST];

	/* Look up all classes before using the first: the cache misses overlap. */
	for (size_t i = 0; i < n; i++) {
		const struct eg_policy_packet *p = &packets[i];
		bool v4 = p->family == 4;

		match[i] = (struct eg_match){
			.src = v4 ? eg_lpm_lookup4(policy->lpm, p->src)
				  : eg_lpm_lookup6(policy->lpm, p->src),
			.dst = v4 ? eg_lpm_lookup4(policy->lpm, p->dst)
				  : eg_lpm_lookup6(policy->lpm, p->dst),
			.port = p->port,
			.proto = p->proto,
		};
	}
	eg_policy_match(policy, match, out, n);
	for (size_t i = 0; i < n; i++) {
		if (policy->of_owner &&
		    (policy->classes[match[i].src].shared || policy->classes[match[i].dst].shared))
			evaluate_shared(policy, &packets[i], &match[i], &out[i]);
		else if (!eg_policy_passes(&out[i]))
			apply_exemptions(policy, &packets[i], &match[i], EG_NONE, &out[i]);
	}
}

void eg_policy_evaluate(const struct eg_policy *policy, const struct eg_policy_packet *packets,
			struct eg_policy_verdict *out, size_t n)
{
	for (size_t i = 0; i < n; i += BURST)
		evaluate_burst(policy, packets + i, out + i, n - i < BURST ? n - i : BURST);
}

const struct eg_rule_ref *eg_policy_rule(const struct eg_policy *policy, uint32_t verdict)
{
	if (verdict < EG_POLICY_RULE || verdict - EG_POLICY_RULE >= policy->stats.n_rules)
		return NULL;
	return &policy->rules[verdict - EG_POLICY_RULE];
}

static int compare_refs(const struct eg_rule_ref *a, const struct eg_rule_ref *b)
{
	if (a->policy != b->policy)
		return a->policy < b->policy ? -1 : 1;
	if (a->dir != b->dir)
		return a->dir < b->dir ? -1 : 1;
	return a->rule < b->rule ? -1 : a->rule > b->rule;
}

uint32_t eg_policy_rule_number(const struct eg_policy *policy, uint32_t policy_index,
			       enum eg_dir dir, uint32_t rule)
{
	const struct eg_rule_ref wanted = {policy_index, rule, dir};
	size_t low = 0, high = policy->stats.n_rules;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (compare_refs(&policy->rules[middle], &wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < policy->stats.n_rules && !compare_refs(&policy->rules[low], &wanted)
		       ? (uint32_t)low
		       : EG_NONE;
}

uint32_t eg_policy_group(const struct eg_policy *policy, uint32_t class_id, enum eg_dir dir)
{
	return policy->classes[class_id].group[dir];
}

const uint32_t *eg_policy_group_policies(const struct eg_policy *policy, uint32_t group,
					 enum eg_dir dir, size_t *n)
{
	const uint32_t *words = eg_intern_get(&policy->isolating[dir], group, n);

	--*n;
	return words + 1;
}

const uint32_t *eg_policy_isolating(const struct eg_policy *policy, uint32_t class_id,
				    enum eg_dir dir, size_t *n)
{
	return eg_policy_group_policies(policy, eg_policy_group(policy, class_id, dir), dir, n);
}
