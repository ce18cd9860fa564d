/* Several gateways in front of one subnet: by which of them does a packet go?
 *
 * Priority and weight are those of SRV records (RFC 2782): the lower priority is tried first, and
 * among equal ones a member takes its weight's share of the flows. A flow belongs to one of
 * EG_GROUP_BUCKETS buckets, and for each bucket all members stand in the order in which they are
 * tried; the first that lives takes it. The order is by rendezvous hashing: a member's place
 * depends on nobody but itself, so when one dies only its flows move (spread over those that are
 * left), when it comes back only they return, and a member that is added takes only what will be
 * its share.
 *
 * Where all are dead the first of the order is tried all the same: to seal for a peer that may not
 * hear costs nothing, and a check that fails for a reason of its own (a target that answers no
 * longer, say) must not cut a subnet off.
 *
 * Built with the snapshot, read-only for workers; the members' lives are borrowed. */
#ifndef EG_ROUTE_GROUP_H
#define EG_ROUTE_GROUP_H

#include <stddef.h>
#include <stdint.h>

#include "route/liveness.h"

#define EG_GROUP_BUCKETS     1024
#define EG_GROUP_MEMBERS_MAX 16
#define EG_GROUP_WEIGHT_MAX  100

struct eg_group_member {
	uint32_t tunnel; /* index in the snapshot */
	uint16_t priority;
	uint16_t weight;              /* 1 to EG_GROUP_WEIGHT_MAX */
	uint64_t id;                  /* who it is, over reloads and restarts (eg_group_id()) */
	struct eg_liveness *liveness; /* NULL: not checked */
};

struct eg_group {
	uint32_t n;
	struct eg_group_member member[EG_GROUP_MEMBERS_MAX]; /* in the order of their peers */
	uint8_t order[];                                     /* bucket by bucket, n places each */
};

/* The caller's: free(). NULL where memory is short. 1 to EG_GROUP_MEMBERS_MAX members. */
struct eg_group *eg_group_build(const struct eg_group_member *members, size_t n);

uint64_t eg_group_id(const char *name);

static inline const uint8_t *eg_group_order(const struct eg_group *group, uint64_t flow)
{
	return &group->order[flow % EG_GROUP_BUCKETS * group->n];
}

/* The member for a flow, by a hash of it; *first: the one that it would go by if all lived. */
static inline const struct eg_group_member *eg_group_choose(const struct eg_group *group,
							    uint64_t flow,
							    const struct eg_group_member **first)
{
	const uint8_t *order = eg_group_order(group, flow);

	*first = &group->member[order[0]];
	for (uint32_t i = 0; i < group->n; i++) {
		const struct eg_group_member *member = &group->member[order[i]];

		if (eg_liveness_is_up(member->liveness))
			return member;
	}
	return *first;
}

/* The member that is this peer, or NULL. */
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
