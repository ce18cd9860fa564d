/* Isolation groups: pods isolated by the same policies in one direction. Group 0 is not isolated.
 * For ingress the pods of a group also agree in the ports that their rules name, because there the
 * subject is the destination, which defines the names. Control thread. */
#ifndef EG_POLICY_ISOLATION_GROUPS_H
#define EG_POLICY_ISOLATION_GROUPS_H

#include "policy/pod_classes.h"

struct eg_isolation_groups {
	struct eg_intern lists;       /* lists: profile, then policies ascending */
	struct eg_words of_signature; /* group of signature i */
};

/* `named[r]`: rule r names a port. *groups must be zeroed; call eg_isolation_groups_free() even
 * after an error. Returns 0, -ENOMEM, or -E2BIG if the meter's limit is exceeded. */
int eg_isolation_groups_build(struct eg_isolation_groups *groups, const struct eg_cluster *cluster,
			      const struct eg_rules *rules,
			      const struct eg_pod_classes *pod_classes, enum eg_dir dir,
			      const bool *named, struct eg_meter *meter);

void eg_isolation_groups_free(struct eg_isolation_groups *groups);

static inline size_t eg_isolation_groups_count(const struct eg_isolation_groups *groups)
{
	return eg_intern_count(&groups->lists);
}

/* The policies that isolate the group, ascending. */
static inline const uint32_t *eg_isolation_groups_policies(const struct eg_isolation_groups *groups,
							   uint32_t group, size_t *n)
{
	const uint32_t *words = eg_intern_get(&groups->lists, group, n);

	--*n;
	return words + 1;
}

static inline uint32_t eg_isolation_groups_profile(const struct eg_isolation_groups *groups,
						   uint32_t group)
{
	size_t n;

	return *eg_intern_get(&groups->lists, group, &n);
}

#endif
