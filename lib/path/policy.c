/* Evaluate NetworkPolicy for every packet that does not belong to an allowed connection: egress of
 * the source and ingress of the destination, both, at every gateway on the path. Packets from or to
 * an unknown address are denied, for a reason of their own. Then later fragments follow their first
 * one. */
#include "path/stages.h"

#include "path/audit.h"
#include "path/drop.h"
#include "path/related.h"

/* What policy evaluates: the packet, or the opening of the connection that it belongs to. */
static struct eg_policy_packet policy_packet(const struct eg_path *path, unsigned i)
{
	const struct eg_meta *meta = &path->batch.meta[i];
	struct eg_flow_tuple t;

	if (meta->need == EG_NEED_ALONE)
		t = eg_packet_ends(eg_batch_data(&path->batch, i), meta->pkt.version,
				   meta->pkt.proto);
	else
		t = eg_flow_opening(path->flow, &path->lookups.v[meta->lookup]);
	return eg_policy_packet_of(&t);
}

static void count_allowed(const struct eg_path *path, const struct eg_policy_verdict *verdict)
{
	const struct eg_policy_counts *counts = &path->policy->counts[path->worker];

	for (int dir = 0; dir < EG_DIRS; dir++) {
		if (verdict->side[dir] >= EG_POLICY_RULE)
			eg_count(&counts->allowed[verdict->side[dir] - EG_POLICY_RULE], 1);
	}
}

/* Counted per isolation group of the end that denies, so the cost does not depend on how many
 * policies isolate it. Reports attribute the count to each of those policies. */
static void count_denied(const struct eg_path *path, const struct eg_policy_packet *packet,
			 const struct eg_policy_verdict *verdict)
{
	const struct eg_snap_policy *policy = path->policy;
	struct eg_policy_counts *counts = &policy->counts[path->worker];

	for (int dir = 0; dir < EG_DIRS; dir++) {
		const uint8_t *end = dir == EG_INGRESS ? packet->dst : packet->src;
		uint32_t class_id, group;

		if (verdict->side[dir] != EG_POLICY_DENY)
			continue;
		class_id = packet->family == 4 ? eg_policy_class4(policy->compiled, end)
					       : eg_policy_class6(policy->compiled, end);
		group = eg_policy_group(policy->compiled, class_id, (enum eg_dir)dir);
		eg_count(&counts->denied[dir][group], 1);
	}
}

/* Does it pass nevertheless? It belongs to a connection that an earlier packet of the batch opened,
 * or is an ICMP error about one. */
static bool is_related(struct eg_path *path, unsigned i)
{
	uint8_t lookup = path->batch.meta[i].lookup;

	return lookup != EG_NO_LOOKUP
		       ? eg_flow_join(path->flow, &path->lookups.v[lookup], &path->lookups.now)
		       : eg_is_related_error(path, i);
}

static void deny(struct eg_path *path, unsigned i, const struct eg_policy_packet *packet,
		 const struct eg_policy_verdict *verdict)
{
	struct eg_meta *meta = &path->batch.meta[i];
	bool unknown = verdict->side[EG_EGRESS] == EG_POLICY_UNKNOWN;
	bool egress = verdict->side[EG_EGRESS] == EG_POLICY_DENY;
	enum eg_verdict reason = unknown  ? EG_DROP_UNKNOWN_POD
				 : egress ? EG_DROP_POLICY_EGRESS
					  : EG_DROP_POLICY_INGRESS;

	if (is_related(path, i))
		return;
	if (unknown)
		egress = eg_unknown_pod_report(path, i, packet);
	count_denied(path, packet, verdict);
	if (path->policy->audit) {
		eg_count(&path->stats->audited[egress ? EG_EGRESS : EG_INGRESS], 1);
		if (meta->need == EG_NEED_ALONE ||
		    eg_flow_audit(path->flow, &path->lookups.v[meta->lookup], &path->lookups.now))
			eg_audit(path, i, reason);
		return;
	}
	if (meta->need != EG_NEED_ALONE)
		eg_flow_deny(path->flow, &path->lookups.v[meta->lookup], &path->lookups.now);
	eg_batch_remove(&path->batch, i, reason);
}

static void allow(struct eg_path *path, unsigned i, const struct eg_policy_verdict *verdict)
{
	const struct eg_meta *meta = &path->batch.meta[i];

	if (meta->need == EG_NEED_ALONE) {
		count_allowed(path, verdict);
		return;
	}
	switch (eg_flow_allow(path->flow, &path->lookups.v[meta->lookup], &path->lookups.now)) {
	case EG_FLOW_JOINED:
		break;
	case EG_FLOW_OPENED:
		count_allowed(path, verdict);
		eg_count(&path->stats->opened, 1);
		break;
	case EG_FLOW_FULL:
		eg_remove_or_audit(path, i, EG_DROP_FLOW_TABLE_FULL); /* replies pass even then */
		break;
	case EG_FLOW_LIMITED:
		eg_remove_or_audit(path, i, EG_DROP_FLOW_SOURCE_LIMIT);
		break;
	}
}

static void decide(struct eg_path *path)
{
	struct eg_policy_packet packets[EG_BATCH_MAX];
	struct eg_policy_verdict verdicts[EG_BATCH_MAX];
	uint8_t evaluated[EG_BATCH_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < path->batch.n; i++) {
		if (path->batch.meta[i].need == EG_FLOW_PASS)
			continue;
		packets[n] = policy_packet(path, i);
		evaluated[n++] = (uint8_t)i;
	}
	if (!n)
		return;
	eg_policy_evaluate(path->policy->compiled, packets, verdicts, n);
	for (unsigned k = 0; k < n; k++) {
		if (eg_policy_passes(&verdicts[k]))
			allow(path, evaluated[k], &verdicts[k]);
		else
			deny(path, evaluated[k], &packets[k], &verdicts[k]);
	}
}

void eg_policy_stage(struct eg_path *path)
{
	unsigned fragments = 0;

	decide(path);
	for (unsigned i = 0; i < path->batch.n; i++)
		fragments |= path->batch.meta[i].pkt.frag;
	if (fragments)
		eg_follow_fragments(path);
	eg_batch_sweep(path);
}
