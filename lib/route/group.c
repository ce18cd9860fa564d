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

/* A member of weight w draws w times, and its best draw counts: so it wins in proportion to its
 * weight (weighted rendezvous hashing, in whole numbers). */
static uint64_t draw(const struct eg_group_member *member, unsigned bucket)
{
	uint64_t best = 0;

	for (unsigned i = 0; i < member->weight; i++) {
		uint64_t drawn = eg_hash_u64(eg_hash_u64(member->id + bucket) + i);

		best = drawn > best ? drawn : best;
	}
	return best;
}

static bool goes_before(const struct eg_group *group, const uint64_t *drawn, unsigned a, unsigned b)
{
	if (group->member[a].priority != group->member[b].priority)
		return group->member[a].priority < group->member[b].priority;
	return drawn[a] > drawn[b];
}

static void put_in_order(struct eg_group *group, unsigned bucket)
{
	uint8_t *order = &group->order[bucket * group->n];
	uint64_t drawn[EG_GROUP_MEMBERS_MAX];

	for (unsigned i = 0; i < group->n; i++) {
		unsigned at = i;

		drawn[i] = draw(&group->member[i], bucket);
		for (; at && goes_before(group, drawn, i, order[at - 1]); at--)
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
		put_in_order(group, bucket);
	return group;
}
