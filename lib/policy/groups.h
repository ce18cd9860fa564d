/* Isolation groups: pods that the same policies isolate in a direction. Group 0 is isolated by
 * none. For ingress a group also agrees in the ports that its rules name, because there the
 * subject is the destination and names are its own. Control thread. */
#ifndef EG_POLICY_GROUPS_H
#define EG_POLICY_GROUPS_H

#include "policy/kinds.h"

struct eg_groups {
	struct eg_intern lists;       /* profile, then policies ascending */
	struct eg_words of_signature; /* group of signature i */
};

/* `named[r]` says whether rule r names a port. Zeroed *groups in; eg_groups_free() also after an
 * error. 0, -ENOMEM, or -E2BIG where the meter says that policies isolate in too many ways. */
int eg_groups_build(struct eg_groups *groups, const struct eg_world *world,
		    const struct eg_rules *rules, const struct eg_kinds *kinds, enum eg_dir dir,
		    const bool *named, struct eg_meter *meter);

void eg_groups_free(struct eg_groups *groups);

static inline size_t eg_groups_count(const struct eg_groups *groups)
{
	return eg_intern_count(&groups->lists);
}

/* Policies that isolate the group's pods, ascending. */
static inline const uint32_t *eg_groups_policies(const struct eg_groups *groups, uint32_t group,
						 size_t *n)
{
	const uint32_t *words = eg_intern_get(&groups->lists, group, n);

	--*n;
	return words + 1;
}

static inline uint32_t eg_groups_profile(const struct eg_groups *groups, uint32_t group)
{
	size_t n;

	return *eg_intern_get(&groups->lists, group, &n);
}

#endif
