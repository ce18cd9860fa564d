#include "route/group.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

uint64_t eg_group_id(const char *name)
{
	uint64_t id = 0;

	for (; *name; name++)
		id = eg_hash_u64(id ^ (uint8_t)*name) + 1;
	return id;
}

/* Weighted rendezvous hashing in integers: a member of weight w has w scores per bucket, and the
 * best one counts, so it wins in proportion to its weight. */
static uint64_t score_of(const struct eg_group_member *member, unsigned bucket)
{
	uint64_t best = 0;

	for (unsigned i = 0; i < member->weight; i++) {
		uint64_t score = eg_hash_u64(eg_hash_u64(member->id + bucket) + i);

		best = score > best ? score : best;
	}
	return best;
}

static bool precedes(const struct eg_group *group, const uint64_t *score, unsigned a, unsigned b)
{
	if (group->member[a].priority != group->member[b].priority)
		return group->member[a].priority < group->member[b].priority;
	return score[a] > score[b];
}

static void sort_members(struct eg_group *group, unsigned bucket)
{
	uint8_t *order = &group->order[bucket * group->n];
	uint64_t score[EG_GROUP_MEMBERS_MAX];

	for (unsigned i = 0; i < group->n; i++) {
		unsigned at = i;

		score[i] = score_of(&group->member[i], bucket);
		for (; at && precedes(group, score, i, order[at - 1]); at--)
			order[at] = order[at - 1];
		order[at] = (uint8_t)i;
	}
}

struct eg_group *eg_group_build(const struct eg_group_member *members, size_t n)
{
	struct eg_group *group = malloc(sizeof(*group) + n * EG_GROUP_BUCKETS);

	if (!group)
		return NULL;
	group->n = (uint32_t)n;
	memcpy(group->member, members, n * sizeof(*members));
	for (unsigned bucket = 0; bucket < EG_GROUP_BUCKETS; bucket++)
		sort_members(group, bucket);
	return group;
}
