#include "explain_group.h"

#include "base/ip.h"

/* Members in the order in which they are tried; a flow's own order within a priority is left to its
 * ports, which nobody was asked for. */
struct tried {
	const struct eg_group_member *member[EG_GROUP_MEMBERS_MAX];
	uint32_t n;
};

static struct tried in_order(const struct eg_group *group)
{
	struct tried tried = {.n = group->n};

	for (uint32_t i = 0; i < group->n; i++) {
		uint32_t at = i;

		for (; at && tried.member[at - 1]->priority > group->member[i].priority; at--)
			tried.member[at] = tried.member[at - 1];
		tried.member[at] = &group->member[i];
	}
	return tried;
}

/* Of the flows that come to its priority: what the buckets really give it. */
static double share(const struct eg_group *group, const struct eg_group_member *member)
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

void eg_explain_group_text(const struct eg_view *view, const struct eg_hop *hop, struct eg_buf *out)
{
	const struct eg_group *group = view->snap->world->groups[hop->group];
	struct tried tried = in_order(group);
	char remote[EG_IP_TEXT];

	eg_buf_add(out, "into the tunnel of the first of these that lives:\n");
	for (uint32_t i = 0; i < tried.n; i++) {
		const struct eg_group_member *member = tried.member[i];
		const struct eg_conf_peer *peer = &view->config->peers.v[member->tunnel];

		eg_buf_add(out, "  priority %u: peer %s (%s), %.0f%% of the flows%s\n",
			   member->priority, peer->name, eg_ip_print(&peer->remote, remote),
			   100 * share(group, member),
			   member->liveness ? "" : "; not asked whether it lives");
	}
}

void eg_explain_group_json(const struct eg_view *view, const struct eg_hop *hop, struct eg_buf *out)
{
	const struct eg_group *group = view->snap->world->groups[hop->group];
	struct tried tried = in_order(group);

	eg_buf_add(out, ", \"peers\": [");
	for (uint32_t i = 0; i < tried.n; i++) {
		const struct eg_group_member *member = tried.member[i];

		eg_buf_add(out,
			   "%s{\"peer\": \"%s\", \"priority\": %u, \"weight\": %u, "
			   "\"share\": %.3f, \"checked\": %s}",
			   i ? ", " : "", view->config->peers.v[member->tunnel].name,
			   member->priority, member->weight, share(group, member),
			   member->liveness ? "true" : "false");
	}
	eg_buf_add(out, "]");
}
