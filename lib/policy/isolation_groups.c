#include "policy/isolation_groups.h"

#include <errno.h>

static bool names_ports(const struct eg_cluster *cluster, const struct eg_rules *rules,
			uint32_t policy, enum eg_dir dir, const bool *named)
{
	uint32_t first = rules->first.v[policy * EG_DIRS + dir];
	bool any = false;

	for (size_t r = 0; r < cluster->policies.v[policy].rules[dir].n; r++)
		any |= named[first + r];
	return any;
}

/* The policies that isolate in the direction, by the matcher of their pods. */
static struct eg_words *policies_by_subject(const struct eg_cluster *cluster,
					    const struct eg_rules *rules, enum eg_dir dir)
{
	struct eg_words *by = calloc(rules->matchers.n + 1, sizeof(*by));

	for (uint32_t p = 0; by && p < cluster->policies.n; p++)
		if (cluster->policies.v[p].isolates[dir] &&
		    eg_words_add(&by[rules->subjects.v[p]], p)) {
			for (size_t m = 0; m < rules->matchers.n; m++)
				eg_vec_free(&by[m]);
			free(by);
			return NULL;
		}
	return by;
}

/* The policies that isolate the pods of a signature. */
static int policies_of(const struct eg_pod_classes *pod_classes, uint32_t signature,
		       const struct eg_words *by, struct eg_words *list)
{
	size_t n;
	const uint32_t *matchers = eg_pod_classes_matchers(pod_classes, signature, &n);

	list->n = 0;
	for (size_t i = 0; i < n; i++)
		if (eg_words_append(list, by[matchers[i]].v, by[matchers[i]].n))
			return -ENOMEM;
	eg_words_sort(list);
	return 0;
}

static uint32_t group_id(struct eg_isolation_groups *groups, uint32_t profile,
			 const struct eg_words *list)
{
	struct eg_words key = {0};
	uint32_t id = EG_INTERN_FAILED;

	if (!eg_words_add(&key, profile) && !eg_words_append(&key, list->v, list->n))
		id = eg_intern_add(&groups->lists, key.v, key.n);
	eg_vec_free(&key);
	return id;
}

int eg_isolation_groups_build(struct eg_isolation_groups *groups, const struct eg_cluster *cluster,
			      const struct eg_rules *rules,
			      const struct eg_pod_classes *pod_classes, enum eg_dir dir,
			      const bool *named, struct eg_meter *meter)
{
	struct eg_words *by = policies_by_subject(cluster, rules, dir);
	struct eg_words list = {0};
	int err = by && group_id(groups, 0, &list) == 0 ? 0 : -ENOMEM;

	for (uint32_t s = 0; !err && s < eg_intern_count(&pod_classes->signatures); s++) {
		bool names = false;
		uint32_t id;

		err = policies_of(pod_classes, s, by, &list);
		if (err)
			break;
		for (size_t i = 0; !err && i < list.n; i++) {
			if (dir == EG_INGRESS)
				names |= names_ports(cluster, rules, list.v[i], dir, named);
			err = eg_meter_charge(meter, list.v[i], 2);
		}
		if (err)
			break;
		id = group_id(groups, names ? eg_pod_classes_profile(pod_classes, s) : 0, &list);
		err = id == EG_INTERN_FAILED ? -ENOMEM : eg_words_add(&groups->of_signature, id);
	}
	for (size_t m = 0; by && m < rules->matchers.n; m++)
		eg_vec_free(&by[m]);
	free(by);
	eg_vec_free(&list);
	return err;
}

void eg_isolation_groups_free(struct eg_isolation_groups *groups)
{
	eg_intern_free(&groups->lists);
	eg_vec_free(&groups->of_signature);
}
