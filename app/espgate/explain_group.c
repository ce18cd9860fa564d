#include "explain_group.h"

#include "base/ip.h"

/* Members in failover order. Within a priority the order depends on the flow's ports, which are not
 * known here. */
struct ordered {
	const struct eg_group_member *member[EG_GROUP_MEMBERS_MAX];
	uint32_t n;
};

static struct ordered order_members(const struct eg_group *group)
{
	struct ordered ordered = {.n = group->n};

	for (uint32_t i = 0; i < group->n; i++) {
		uint32_t at = i;

		for (; at && ordered.member[at - 1]->priority > group->member[i].priority; at--)
			ordered.member[at] = ordered.member[at - 1];
		ordered.member[at] = &group->member[i];
	}
	return ordered;
}

/* The share of the flows at its priority, as the buckets distribute them. */
static double flow_share(const struct eg_group *group, const struct eg_group_member *member)
{
	unsigned local = 0;

	for (unsigned bucket = 0; bucket < EG_GROUP_BUCKETS; bucket++) {
		const uint8_t *order = eg_group_order(group, bucket);
		uint32_t i = 0;

		while (group->member[order[i]].priority != member->priority)
			i++;
		local += &group->member[order[i]] == member;
	}
	return (double)local / EG_GROUP_BUCKETS;
}

void eg_explain_group_text(const struct eg_offline *view, const struct eg_hop *hop,
			   struct eg_buf *out)
{
	const struct eg_group *group = view->snap->world->groups[hop->group];
	struct ordered ordered = order_members(group);
	char remote[EG_IP_TEXT];

	eg_buf_add(out, "into the tunnel of the first of these peers that is up:\n");
	for (uint32_t i = 0; i < ordered.n; i++) {
		const struct eg_group_member *member = ordered.member[i];
		const struct eg_conf_peer *peer = &view->config->peers.v[member->tunnel];

		eg_buf_add(out, "  priority %u: peer %s (%s), %.0f%% of the flows%s\n",
			   member->priority, peer->name, eg_ip_print(&peer->remote, remote),
			   100 * flow_share(group, member),
			   view->config->peers.v[member->tunnel].liveness.target.family
				   ? ""
				   : "; no dead peer detection");
	}
}

void eg_explain_group_json(const struct eg_offline *view, const struct eg_hop *hop,
			   struct eg_buf *out)
{
	const struct eg_group *group = view->snap->world->groups[hop->group];
	struct ordered ordered = order_members(group);

	eg_buf_add(out, ", \"peers\": [");
	for (uint32_t i = 0; i < ordered.n; i++) {
		const struct eg_group_member *member = ordered.member[i];

		eg_buf_add(out,
			   "%s{\"peer\": \"%s\", \"priority\": %u, \"weight\": %u, "
			   "\"share\": %.3f, \"checked\": %s}",
			   i ? ", " : "", view->config->peers.v[member->tunnel].name,
			   member->priority, member->weight, flow_share(group, member),
			   view->config->peers.v[member->tunnel].liveness.target.family ? "true"
											: "false");
	}
	eg_buf_add(out, "]");
}
