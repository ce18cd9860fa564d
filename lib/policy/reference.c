#include "policy/reference.h"

static const struct eg_ip *subject_of(enum eg_dir dir, const struct eg_packet_key *key)
{
	return dir == EG_EGRESS ? &key->src : &key->dst;
}

static const struct eg_ip *other_of(enum eg_dir dir, const struct eg_packet_key *key)
{
	return dir == EG_EGRESS ? &key->dst : &key->src;
}

bool eg_ref_isolates(const struct eg_cluster *cluster, uint32_t policy, enum eg_dir dir,
		     uint32_t pod)
{
	const struct eg_netpol *p = &cluster->policies.v[policy];
	const struct eg_pod *subject = &cluster->pods.v[pod];

	return p->isolates[dir] && p->ns == subject->ns && eg_pod_selected(&p->pods, subject);
}

static bool block_matches(const struct eg_peer *peer, const struct eg_ip *other)
{
	if (!eg_prefix_contains(&peer->cidr, other))
		return false;
	eg_vec_foreach (except, &peer->except)
		if (eg_prefix_contains(except, other))
			return false;
	return true;
}

/* `index` is the pod that owns `other`, or EG_NONE. */
static bool peer_matches(const struct eg_cluster *cluster, const struct eg_netpol *policy,
			 const struct eg_peer *peer, const struct eg_ip *other, uint32_t index)
{
	const struct eg_pod *pod;

	if (peer->is_block)
		return block_matches(peer, other);
	if (index == EG_NONE)
		return false;
	pod = &cluster->pods.v[index];
	/* podSelector without namespaceSelector applies to the policy's own namespace. */
	if (peer->has_ns ? !eg_namespace_matches(&peer->ns, &cluster->namespaces.v[pod->ns])
			 : pod->ns != policy->ns)
		return false;
	return eg_pod_selected(peer->has_pod ? &peer->pod : NULL, pod);
}

bool eg_ref_peer_matches(const struct eg_cluster *cluster, const struct eg_netpol *policy,
			 const struct eg_peer *peer, const struct eg_ip *other)
{
	return peer_matches(cluster, policy, peer, other, eg_cluster_pod_at(cluster, other));
}

static bool port_matches(const struct eg_cluster *cluster, const struct eg_port *port,
			 const struct eg_packet_key *key, uint32_t dst_pod)
{
	if (port->proto != key->proto)
		return false;
	switch (port->kind) {
	case EG_PORT_ALL:
		return true;
	case EG_PORT_RANGE:
		return key->port >= port->first && key->port <= port->last;
	case EG_PORT_NAMED:
		return dst_pod != EG_NONE && eg_pod_has_port(&cluster->pods.v[dst_pod], port->name,
							     port->proto, key->port);
	}
	return false;
}

bool eg_ref_port_matches(const struct eg_cluster *cluster, const struct eg_port *port,
			 const struct eg_packet_key *key)
{
	return port_matches(cluster, port, key, eg_cluster_pod_at(cluster, &key->dst));
}

/* The pair of owners to evaluate: the pod whose direction it is and the other endpoint's; EG_NONE
 * if that is not a pod. */
struct pods {
	uint32_t subject, other;
};

static bool rule_allows(const struct eg_cluster *cluster, const struct eg_netpol *policy,
			const struct eg_rule *rule, enum eg_dir dir,
			const struct eg_packet_key *key, const struct pods *pods)
{
	uint32_t dst = dir == EG_EGRESS ? pods->other : pods->subject;
	bool peer_ok = !rule->peers.n, port_ok = !rule->ports.n;

	eg_vec_foreach (peer, &rule->peers)
		peer_ok = peer_ok ||
			  peer_matches(cluster, policy, peer, other_of(dir, key), pods->other);
	if (!peer_ok)
		return false;
	eg_vec_foreach (port, &rule->ports)
		port_ok = port_ok || port_matches(cluster, port, key, dst);
	return port_ok;
}

static struct eg_ref_side evaluate_rules(const struct eg_cluster *cluster, enum eg_dir dir,
					 const struct eg_packet_key *key, const struct pods *pods)
{
	struct eg_ref_side side = {EG_REF_NOT_ISOLATED, pods->subject, EG_NONE, EG_NONE};

	if (eg_cluster_unknown(cluster, &key->src) || eg_cluster_unknown(cluster, &key->dst)) {
		side.why = EG_REF_UNKNOWN;
		return side;
	}
	if (side.pod == EG_NONE)
		return side;
	eg_vec_foreach (index, &cluster->namespaces.v[cluster->pods.v[side.pod].ns].policies) {
		const struct eg_netpol *policy = &cluster->policies.v[*index];

		if (!eg_ref_isolates(cluster, *index, dir, side.pod))
			continue;
		side.why = EG_REF_DENIED;
		for (size_t r = 0; r < policy->rules[dir].n; r++) {
			if (!rule_allows(cluster, policy, &policy->rules[dir].v[r], dir, key, pods))
				continue;
			side.why = EG_REF_RULE;
			side.policy = *index;
			side.rule = (uint32_t)r;
			return side;
		}
	}
	return side;
}

struct eg_ref_side eg_ref_rules(const struct eg_cluster *cluster, enum eg_dir dir,
				const struct eg_packet_key *key)
{
	struct pods pods = {eg_cluster_pod_at(cluster, subject_of(dir, key)),
			    eg_cluster_pod_at(cluster, other_of(dir, key))};

	return evaluate_rules(cluster, dir, key, &pods);
}

static struct eg_ref_side evaluate_pair(const struct eg_cluster *cluster, enum eg_dir dir,
					const struct eg_packet_key *key, const struct pods *pods)
{
	struct eg_ref_side side = evaluate_rules(cluster, dir, key, pods);
	uint32_t node;

	if (side.why != EG_REF_DENIED)
		return side;
	node = cluster->pods.v[side.pod].node;
	if (eg_ip_equal(&key->src, &key->dst))
		side.why = EG_REF_SELF;
	else if (dir == EG_INGRESS && node != EG_NONE &&
		 eg_cluster_node_has(cluster, node, &key->src))
		side.why = EG_REF_NODE;
	return side;
}

struct eg_ref_side eg_ref_evaluate(const struct eg_cluster *cluster, enum eg_dir dir,
				   const struct eg_packet_key *key)
{
	struct eg_ref_side side = {EG_REF_NOT_ISOLATED, EG_NONE, EG_NONE, EG_NONE};
	size_t n_srcs, n_dsts;
	const struct eg_owner *srcs = eg_cluster_pods_at(cluster, &key->src, &n_srcs);
	const struct eg_owner *dsts = eg_cluster_pods_at(cluster, &key->dst, &n_dsts);

	/* Nearly always one owner each. Otherwise every pair must pass, and the first pair with a
	 * reason provides it. */
	for (size_t s = 0; s < n_srcs || !s; s++)
		for (size_t d = 0; d < n_dsts || !d; d++) {
			uint32_t src = n_srcs ? srcs[s].index : EG_NONE;
			uint32_t dst = n_dsts ? dsts[d].index : EG_NONE;
			struct pods pods = {dir == EG_EGRESS ? src : dst,
					    dir == EG_EGRESS ? dst : src};
			struct eg_ref_side pair = evaluate_pair(cluster, dir, key, &pods);

			if (pair.why == EG_REF_DENIED)
				return pair;
			if (side.why == EG_REF_NOT_ISOLATED)
				side = pair;
		}
	return side;
}
