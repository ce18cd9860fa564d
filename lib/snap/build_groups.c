/* Subnets that several peers have become groups; subnets of the same peers share one. */
#include "snap/build.h"

#include <stdlib.h>

_Static_assert(EG_CONF_SHARE_MAX <= EG_GROUP_MEMBERS_MAX, "what may share fits a group");
_Static_assert(EG_CONF_WEIGHT_MAX <= EG_GROUP_WEIGHT_MAX, "every weight is a group's");

/* One peer's claim to a subnet. */
struct claim {
	struct eg_prefix prefix;
	uint32_t tunnel;
};

/* The claims to one subnet, in the order of their peers. */
struct run {
	const struct claim *first;
	size_t n;
};

struct work {
	EG_VEC(struct claim) claims;
	EG_VEC(struct run) runs;
};

static int by_prefix(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	int order = memcmp(&x->prefix.ip, &y->prefix.ip, sizeof(x->prefix.ip));

	if (order)
		return order;
	if (x->prefix.len != y->prefix.len)
		return x->prefix.len < y->prefix.len ? -1 : 1;
	return (x->tunnel > y->tunnel) - (x->tunnel < y->tunnel);
}

static int by_peers(const void *a, const void *b)
{
	const struct run *x = a, *y = b;

	if (x->n != y->n)
		return x->n < y->n ? -1 : 1;
	for (size_t i = 0; i < x->n; i++) {
		if (x->first[i].tunnel != y->first[i].tunnel)
			return x->first[i].tunnel < y->first[i].tunnel ? -1 : 1;
	}
	return 0;
}

static bool same_subnet(const struct claim *a, const struct claim *b)
{
	return a->prefix.len == b->prefix.len && eg_ip_equal(&a->prefix.ip, &b->prefix.ip);
}

static int collect_claims(struct work *work, const struct eg_config *config)
{
	for (size_t i = 0; i < config->peers.n; i++) {
		const struct eg_conf_peer *tunnel = &config->peers.v[i];

		if (!tunnel->shares)
			continue;
		eg_vec_foreach (subnet, &tunnel->subnets) {
			struct claim *claim = eg_vec_add(&work->claims);

			if (!claim)
				return -1;
			*claim = (struct claim){*subnet, (uint32_t)i};
		}
	}
	if (work->claims.n)
		qsort(work->claims.v, work->claims.n, sizeof(*work->claims.v), by_prefix);
	return 0;
}

static int collect_runs(struct work *work)
{
	const struct claim *claims = work->claims.v;
	struct run run;

	for (size_t at = 0; at < work->claims.n; at += run.n) {
		struct run *slot;

		run = (struct run){&claims[at], 1};
		while (at + run.n < work->claims.n && same_subnet(run.first, &run.first[run.n]))
			run.n++;
		if (run.n == 1)
			continue;
		slot = eg_vec_add(&work->runs);
		if (!slot)
			return -1;
		*slot = run;
	}
	if (work->runs.n)
		qsort(work->runs.v, work->runs.n, sizeof(*work->runs.v), by_peers);
	return 0;
}

static struct eg_group *make_group(const struct eg_config *config, const struct run *run)
{
	struct eg_group_member members[EG_GROUP_MEMBERS_MAX];

	for (size_t i = 0; i < run->n; i++) {
		uint32_t tunnel = run->first[i].tunnel;
		const struct eg_conf_peer *conf = &config->peers.v[tunnel];

		members[i] = (struct eg_group_member){
			.tunnel = tunnel,
			.priority = conf->priority,
			.weight = conf->weight,
			.id = eg_group_id(conf->name),
		};
	}
	return eg_group_build(members, run->n);
}

static int build(struct eg_snap_world *world, const struct eg_config *config, struct work *work,
		 struct eg_shared_list *shared)
{
	if (collect_claims(work, config) || collect_runs(work))
		return -1;
	world->groups = calloc(work->runs.n + 1, sizeof(struct eg_group *));
	if (!world->groups)
		return -1;
	eg_vec_foreach (run, &work->runs) {
		struct eg_shared *slot = eg_vec_add(&shared->all);

		if (run == work->runs.v || by_peers(run - 1, run)) {
			world->groups[world->n_groups] = make_group(config, run);
			if (!world->groups[world->n_groups])
				return -1;
			world->n_groups++;
		}
		if (!slot)
			return -1;
		*slot = (struct eg_shared){run->first->prefix, world->n_groups - 1};
	}
	return 0;
}

int eg_build_groups(struct eg_snap_world *world, const struct eg_config *config,
		    struct eg_shared_list *shared)
{
	struct work work = {0};
	int ret = build(world, config, &work, shared);

	eg_vec_free(&work.claims);
	eg_vec_free(&work.runs);
	return ret;
}
