/* Selection among several gateways in front of one subnet.
 *
 * Priority and weight work as in SRV records (RFC 2782): the lowest priority is tried first, and
 * members of equal priority share flows by weight. A flow belongs to one of EG_GROUP_BUCKETS
 * buckets, and each bucket has an order of all members: the first one that is up gets the flow. The
 * order comes from rendezvous hashing: a member's position depends on nothing but itself. So when
 * one goes down only its flows move (spread over the rest), when it comes back only they return,
 * and a new member only takes its own share.
 *
 * If all are down, the first of the order is used anyway: sealing for a peer that may not receive
 * costs nothing, and a check that fails for an unrelated reason (such as a target that no longer
 * answers) must not cut off a subnet.
 *
 * Built with the world (snap/world.h), read-only for workers. Which tunnels are down is known
 * elsewhere (tunnel/table.h). */
#ifndef EG_ROUTE_GROUP_H
#define EG_ROUTE_GROUP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EG_GROUP_BUCKETS     1024
#define EG_GROUP_MEMBERS_MAX 16
#define EG_GROUP_WEIGHT_MAX  100

struct eg_group_member {
	uint32_t tunnel; /* id of its tunnel */
	uint16_t priority;
	uint16_t weight; /* 1 to EG_GROUP_WEIGHT_MAX */
	uint64_t id; /* of the peer's name: the same over reloads and restarts (eg_group_id()) */
};

struct eg_group {
	uint32_t n;
	struct eg_group_member
		member[EG_GROUP_MEMBERS_MAX]; /* in the order of their peers in the configuration */
	uint8_t order[];                      /* n member indices per bucket */
};

/* Build a group of 1 to EG_GROUP_MEMBERS_MAX members. The caller frees it with free(). NULL if
 * memory is short. */
struct eg_group *eg_group_build(const struct eg_group_member *members, size_t n);

uint64_t eg_group_id(const char *name);

static inline const uint8_t *eg_group_order(const struct eg_group *group, uint64_t flow)
{
	return &group->order[flow % EG_GROUP_BUCKETS * group->n];
}

/* The member for a flow, by a hash of it; *first: the one that it would take if all were up. down:
 * by tunnel id, whether packets may not go there. */
static inline const struct eg_group_member *eg_group_choose(const struct eg_group *group,
							    uint64_t flow, const _Atomic bool *down,
							    const struct eg_group_member **first)
{
	const uint8_t *order = eg_group_order(group, flow);

	*first = &group->member[order[0]];
	for (uint32_t i = 0; i < group->n; i++) {
		const struct eg_group_member *member = &group->member[order[i]];

		if (!atomic_load_explicit(&down[member->tunnel], memory_order_relaxed))
			return member;
	}
	return *first;
}

/* The member with this tunnel, or NULL. */
static inline const struct eg_group_member *eg_group_find(const struct eg_group *group,
							  uint32_t tunnel)
{
	for (uint32_t i = 0; i < group->n; i++) {
		if (group->member[i].tunnel == tunnel)
			return &group->member[i];
	}
	return NULL;
}

#endif
