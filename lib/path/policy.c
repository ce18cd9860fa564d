/* NetworkPolicy's verdict on every packet that no allowed connection carries: egress of the source
 * and ingress of the destination, both, at every gateway on the way. Then fragments follow their
 * first one. */
#include "path/stages.h"

#include "net/bytes.h"
#include "path/drop.h"

/* The packet by its addresses and protocol. */
static struct eg_policy_packet itself(const struct eg_path *path, unsigned i)
{
	const struct eg_meta *meta = &path->batch.meta[i];
	const uint8_t *data = eg_batch_data(&path->batch, i);
	bool v4 = meta->pkt.version == 4;

	return (struct eg_policy_packet){
		.src = data + (v4 ? offsetof(struct eg_ip4, src) : offsetof(struct eg_ip6, src)),
		.dst = data + (v4 ? offsetof(struct eg_ip4, dst) : offsetof(struct eg_ip6, dst)),
		.proto = meta->pkt.proto,
		.family = meta->pkt.version,
	};
}

/* What the verdict is about: the packet, or the opening of the connection it belongs to. */
static struct eg_policy_packet question(const struct eg_path *path, unsigned i)
{
	const struct eg_meta *meta = &path->batch.meta[i];
	struct eg_flow_tuple t;

	if (meta->need == EG_NEED_ALONE)
		return itself(path, i);
	t = eg_flow_opening(path->flow, &path->lookups[meta->lookup]);
	return (struct eg_policy_packet){t.src, t.dst, t.dport, t.proto, t.version};
}

static void count_allowed(const struct eg_path *path, const struct eg_verdict *verdict)
{
	const struct eg_policy_counts *counts = &path->snap->policy->counts[path->worker];

	for (int dir = 0; dir < EG_DIRS; dir++) {
		if (verdict->side[dir] >= EG_VERDICT_RULE)
			eg_count(&counts->allowed[verdict->side[dir] - EG_VERDICT_RULE], 1);
	}
}

/* Every policy that isolates the end which denies has its share in the denial. */
static void count_denied(const struct eg_path *path, const struct eg_policy_packet *packet,
			 const struct eg_verdict *verdict)
{
	const struct eg_snap_policy *policy = path->snap->policy;
	struct eg_policy_counts *counts = &policy->counts[path->worker];

	for (int dir = 0; dir < EG_DIRS; dir++) {
		const uint8_t *end = dir == EG_INGRESS ? packet->dst : packet->src;
		const uint32_t *isolating;
		uint32_t class_id;
		size_t n;

		if (verdict->side[dir] != EG_VERDICT_DENY)
			continue;
		class_id = packet->family == 4 ? eg_policy_class4(policy->compiled, end)
					       : eg_policy_class6(policy->compiled, end);
		isolating = eg_policy_isolating(policy->compiled, class_id, (enum eg_dir)dir, &n);
		for (size_t k = 0; k < n; k++)
			eg_count(&counts->denied[dir][isolating[k]], 1);
	}
}

static void deny(struct eg_path *path, unsigned i, const struct eg_policy_packet *packet,
		 const struct eg_verdict *verdict)
{
	struct eg_meta *meta = &path->batch.meta[i];
	bool egress = verdict->side[EG_EGRESS] == EG_VERDICT_DENY;

	count_denied(path, packet, verdict);
	if (path->snap->policy->audit) {
		eg_count(&path->stats->audited[egress ? EG_EGRESS : EG_INGRESS], 1);
		return;
	}
	if (meta->need != EG_NEED_ALONE)
		eg_flow_deny(path->flow, &path->lookups[meta->lookup]);
	eg_batch_lose(&path->batch, i, egress ? EG_DROP_POLICY_EGRESS : EG_DROP_POLICY_INGRESS);
}

static void allow(struct eg_path *path, unsigned i, const struct eg_verdict *verdict)
{
	const struct eg_meta *meta = &path->batch.meta[i];

	if (meta->need == EG_NEED_ALONE) {
		count_allowed(path, verdict);
		return;
	}
	switch (eg_flow_allow(path->flow, &path->lookups[meta->lookup], &path->now)) {
	case EG_FLOW_JOINED:
		break;
	case EG_FLOW_OPENED:
		count_allowed(path, verdict);
		eg_count(&path->stats->opened, 1);
		break;
	case EG_FLOW_FULL:
		eg_batch_lose(&path->batch, i, EG_DROP_FLOW_TABLE_FULL);
		break;
	}
}

static void decide(struct eg_path *path)
{
	struct eg_policy_packet packets[EG_BATCH_MAX];
	struct eg_verdict verdicts[EG_BATCH_MAX];
	uint8_t asked[EG_BATCH_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < path->batch.n; i++) {
		if (path->batch.meta[i].need == EG_FLOW_PASS)
			continue;
		packets[n] = question(path, i);
		asked[n++] = (uint8_t)i;
	}
	if (!n)
		return;
	eg_policy_decide(path->snap->policy->compiled, packets, verdicts, n);
	for (unsigned k = 0; k < n; k++) {
		if (eg_verdict_passes(&verdicts[k]))
			allow(path, asked[k], &verdicts[k]);
		else
			deny(path, asked[k], &packets[k], &verdicts[k]);
	}
}

/* In the order of arrival: a first fragment that passes opens the way for those behind it. */
static void follow_fragments(struct eg_path *path)
{
	struct eg_batch *batch = &path->batch;

	for (unsigned i = 0; i < batch->n; i++) {
		struct eg_meta *meta = &batch->meta[i];
		const struct eg_policy_packet ends = itself(path, i);
		const struct eg_flow_tuple tuple = {.src = ends.src,
						    .dst = ends.dst,
						    /* IPv6 does not count it in: RFC 8200 s4.5 */
						    .proto = ends.family == 4 ? ends.proto : 0,
						    .version = ends.family};

		if (meta->drop || meta->pkt.frag == EG_FRAG_NONE)
			continue;
		if (meta->pkt.frag == EG_FRAG_FIRST)
			eg_frag_allow(&path->flow->frags, &tuple, meta->pkt.frag_id,
				      path->now.generation, path->now.s);
		else if (!eg_frag_allowed(&path->flow->frags, &tuple, meta->pkt.frag_id,
					  path->now.generation, path->now.s))
			eg_batch_lose(batch, i, EG_DROP_FRAGMENT_ORPHAN);
	}
}

void eg_policy_stage(struct eg_path *path)
{
	unsigned fragments = 0;

	decide(path);
	for (unsigned i = 0; i < path->batch.n; i++)
		fragments |= path->batch.meta[i].pkt.frag;
	if (fragments && !path->snap->policy->audit)
		follow_fragments(path);
	eg_batch_sweep(path);
}
