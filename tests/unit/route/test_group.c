/* lib/route/group: which member gets a flow, with random groups. EG_SEED repeats a run. */
#include "route/route_tests.h"

#include <math.h>

#include "base/hash.h"
#include "common/random.h"
#include "route/group.h"

#define MEMBERS EG_GROUP_MEMBERS_MAX

struct world {
	struct eg_group_member member[MEMBERS];
	size_t n;
	_Atomic bool down[MEMBERS]; /* by tunnel: the member's place here */
};

static struct world random_world(struct rng *rng, unsigned priorities)
{
	struct world world = {.n = 1 + rng_below(rng, MEMBERS)};
	char name[32];

	for (size_t i = 0; i < world.n; i++) {
		struct eg_group_member *member = &world.member[i];

		snprintf(name, sizeof(name), "gateway-%llx", (unsigned long long)rng_next(rng));
		member->tunnel = (uint32_t)i;
		member->priority = (uint16_t)rng_below(rng, priorities);
		member->weight = (uint16_t)(1 + rng_below(rng, rng_below(rng, 4) ? 5 : 100));
		member->id = eg_group_id(name);
	}
	return world;
}

static void kill_some(struct rng *rng, struct world *world)
{
	for (size_t i = 0; i < world->n; i++)
		atomic_store(&world->down[i], rng_below(rng, 3) == 0);
}

/* The chosen member for each bucket. */
static void all_choices(const struct eg_group *group, const struct world *world,
			uint32_t peers[EG_GROUP_BUCKETS])
{
	const struct eg_group_member *first;

	for (unsigned bucket = 0; bucket < EG_GROUP_BUCKETS; bucket++)
		peers[bucket] = eg_group_choose(group, bucket, world->down, &first)->tunnel;
}

/* Only members that are up and of the best priority are chosen; if all are down, as if all were up.
 */
static void test_chosen(void **state)
{
	struct rng rng = rng_start("group");

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		struct world world = random_world(&rng, 3);
		struct eg_group *group = eg_group_build(world.member, world.n);
		unsigned best = UINT16_MAX + 1, least = UINT16_MAX + 1;

		kill_some(&rng, &world);
		for (size_t i = 0; i < world.n; i++) {
			unsigned priority = world.member[i].priority;

			least = priority < least ? priority : least;
			if (!world.down[i] && priority < best)
				best = priority;
		}
		for (unsigned i = 0; i < 1000; i++) {
			const struct eg_group_member *first, *chosen;

			chosen = eg_group_choose(group, rng_next(&rng), world.down, &first);
			assert_int_equal(first->priority, least);
			if (best > UINT16_MAX) {
				assert_ptr_equal(chosen, first);
				continue;
			}
			assert_true(!world.down[chosen->tunnel]);
			assert_int_equal(chosen->priority, best);
			if (!world.down[first->tunnel])
				assert_ptr_equal(chosen, first);
		}
		free(group);
	}
}

/* When a member goes down only its flows move, and they return when it comes back. */
static void test_only_its_flows(void **state)
{
	struct rng rng = rng_start("group");

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		static uint32_t before[EG_GROUP_BUCKETS], during[EG_GROUP_BUCKETS],
			after[EG_GROUP_BUCKETS];
		struct world world = random_world(&rng, 2);
		struct eg_group *group = eg_group_build(world.member, world.n);
		uint32_t victim = (uint32_t)rng_below(&rng, world.n);
		bool last = true;

		kill_some(&rng, &world);
		atomic_store(&world.down[victim], false);
		for (uint32_t i = 0; i < world.n; i++)
			last = last && (i == victim || world.down[i]);
		all_choices(group, &world, before);
		atomic_store(&world.down[victim], true);
		all_choices(group, &world, during);
		atomic_store(&world.down[victim], false);
		all_choices(group, &world, after);
		for (unsigned bucket = 0; bucket < EG_GROUP_BUCKETS; bucket++) {
			assert_int_equal(before[bucket], after[bucket]);
			if (last)
				continue;
			if (before[bucket] == victim)
				assert_int_not_equal(during[bucket], victim);
			else
				assert_int_equal(during[bucket], before[bucket]);
		}
		free(group);
	}
}

/* Without one member, only its flows move; with more weight, a member only gains flows. The order
 * of members in the configuration does not matter. */
static void test_reload(void **state)
{
	struct rng rng = rng_start("group");

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		static uint32_t all[EG_GROUP_BUCKETS], less[EG_GROUP_BUCKETS],
			more[EG_GROUP_BUCKETS];
		struct world world = random_world(&rng, 2), changed = world;
		struct eg_group *group = eg_group_build(world.member, world.n);
		uint32_t one = (uint32_t)rng_below(&rng, world.n);

		all_choices(group, &world, all);
		free(group);
		changed.member[one].weight = EG_GROUP_WEIGHT_MAX;
		group = eg_group_build(changed.member, changed.n);
		all_choices(group, &world, more);
		free(group);
		for (unsigned bucket = 0; bucket < EG_GROUP_BUCKETS; bucket++)
			assert_true(more[bucket] == all[bucket] || more[bucket] == one);
		changed.member[one] = changed.member[changed.n - 1];
		if (changed.n > 1) {
			group = eg_group_build(changed.member, changed.n - 1);
			all_choices(group, &world, less);
			free(group);
			for (unsigned bucket = 0; bucket < EG_GROUP_BUCKETS; bucket++) {
				assert_int_not_equal(less[bucket], one);
				if (all[bucket] != one)
					assert_int_equal(less[bucket], all[bucket]);
			}
		}
	}
}

/* Shares match the weights within six standard deviations (and a little more where there are few
 * buckets, whose distribution is skewed). */
static void test_weights(void **state)
{
	struct rng rng = rng_start("group");

	(void)state;
	for (unsigned round = 0; round < 100; round++) {
		struct world world = random_world(&rng, 1);
		struct eg_group *group = eg_group_build(world.member, world.n);
		static uint32_t peers[EG_GROUP_BUCKETS];
		unsigned count[MEMBERS] = {0}, weights = 0;

		all_choices(group, &world, peers);
		for (unsigned bucket = 0; bucket < EG_GROUP_BUCKETS; bucket++)
			count[peers[bucket]]++;
		for (size_t i = 0; i < world.n; i++)
			weights += world.member[i].weight;
		for (size_t i = 0; i < world.n; i++) {
			double share = (double)world.member[i].weight / weights;
			double want = share * EG_GROUP_BUCKETS;
			double off = fabs(count[i] - want);

			if (off * off > 36 * want * (1 - share) + 144)
				fail_msg("weight %u of %u: %u of %u buckets",
					 world.member[i].weight, weights, count[i],
					 EG_GROUP_BUCKETS);
		}
		free(group);
	}
}

/* For every bucket the order is as documented in the header: by priority, then by the best of as
 * many scores as the weight. It must not change between releases, or upgrading one of two gateways
 * would move flows. */
static void naive_order(const struct world *world, unsigned bucket, uint8_t order[MEMBERS])
{
	uint64_t best[MEMBERS] = {0};

	for (size_t i = 0; i < world->n; i++) {
		const struct eg_group_member *member = &world->member[i];

		for (unsigned d = 0; d < member->weight; d++) {
			uint64_t drawn = eg_hash_u64(eg_hash_u64(member->id + bucket) + d);

			best[i] = drawn > best[i] ? drawn : best[i];
		}
		order[i] = (uint8_t)i;
	}
	for (size_t i = 0; i < world->n; i++) { /* the first of the remaining ones */
		for (size_t k = i + 1; k < world->n; k++) {
			unsigned a = world->member[order[i]].priority;
			unsigned b = world->member[order[k]].priority;
			uint8_t swap = order[i];

			if (b < a || (a == b && best[order[k]] > best[order[i]])) {
				order[i] = order[k];
				order[k] = swap;
			}
		}
	}
}

static void test_order(void **state)
{
	struct rng rng = rng_start("group");

	(void)state;
	for (unsigned round = 0; round < 24; round++) {
		struct world world = random_world(&rng, 3);
		struct eg_group *group;

		for (size_t i = 0; !round && i < world.n; i++) /* the maximum weight */
			world.member[i].weight = EG_GROUP_WEIGHT_MAX;
		group = eg_group_build(world.member, world.n);
		assert_non_null(group);
		for (unsigned bucket = 0; bucket < EG_GROUP_BUCKETS; bucket++) {
			uint8_t order[MEMBERS];

			naive_order(&world, bucket, order);
			assert_memory_equal(eg_group_order(group, bucket), order, world.n);
		}
		assert_ptr_equal(eg_group_order(group, EG_GROUP_BUCKETS), group->order);
		for (uint32_t i = 0; i < world.n; i++)
			assert_ptr_equal(eg_group_find(group, i), &group->member[i]);
		assert_null(eg_group_find(group, (uint32_t)world.n));
		free(group);
	}
}

/* The maximum number of members: all down except the last one, which gets every flow. */
static void test_full(void **state)
{
	struct rng rng = rng_start("group");
	struct world world;
	struct eg_group *group;

	(void)state;
	do {
		world = random_world(&rng, 3);
	} while (world.n < MEMBERS);
	group = eg_group_build(world.member, world.n);
	assert_non_null(group);
	for (size_t liveness = 0; liveness < world.n; liveness++) {
		for (size_t i = 0; i < world.n; i++)
			atomic_store(&world.down[i], i != liveness);
		for (unsigned bucket = 0; bucket < EG_GROUP_BUCKETS; bucket++) {
			const struct eg_group_member *first;

			assert_int_equal(eg_group_choose(group, bucket, world.down, &first)->tunnel,
					 liveness);
		}
	}
	free(group);
}

int run_choice_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chosen), cmocka_unit_test(test_only_its_flows),
		cmocka_unit_test(test_reload), cmocka_unit_test(test_weights),
		cmocka_unit_test(test_order),  cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests_name("group", tests, NULL, NULL);
}
