/* Ids: none is given out twice, and one that was given back waits for eg_ids_recycle() and a grace
 * period. */
#include "tunnel/harness.h"

#include "tunnel/ids.h"

static void start(struct eg_rcu *rcu, struct eg_ids **ids, uint32_t max)
{
	assert_int_equal(eg_rcu_init(rcu, 1), 0);
	*ids = eg_ids_new(max);
	assert_non_null(*ids);
}

static void end(struct eg_rcu *rcu, struct eg_ids *ids)
{
	eg_ids_free(ids);
	eg_rcu_fini(rcu);
}

static void test_limbo(void **state)
{
	struct eg_ids *ids;
	struct eg_rcu rcu;

	(void)state;
	start(&rcu, &ids, 3);
	eg_rcu_online(&rcu, 0);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(eg_ids_get(ids, &rcu), i);
	assert_int_equal(eg_ids_get(ids, &rcu), UINT32_MAX);
	eg_ids_retire(ids, 1);
	for (int i = 0; i < 3; i++) {
		eg_rcu_quiescent(&rcu, 0); /* a grace period alone is not enough */
		assert_int_equal(eg_ids_get(ids, &rcu), UINT32_MAX);
	}
	eg_ids_recycle(ids, &rcu);
	eg_ids_retire(ids, 2); /* not part of that recycling */
	assert_int_equal(eg_ids_get(ids, &rcu), UINT32_MAX);
	eg_rcu_quiescent(&rcu, 0);
	assert_int_equal(eg_ids_get(ids, &rcu), 1);
	assert_int_equal(eg_ids_get(ids, &rcu), UINT32_MAX);
	eg_rcu_quiescent(&rcu, 0);
	assert_int_equal(eg_ids_get(ids, &rcu), UINT32_MAX);
	eg_ids_recycle(ids, &rcu);
	eg_ids_recycle(ids, &rcu); /* again, with nothing new */
	eg_rcu_quiescent(&rcu, 0);
	assert_int_equal(eg_ids_get(ids, &rcu), 2);
	eg_ids_unget(ids, 2); /* free at once */
	assert_int_equal(eg_ids_get(ids, &rcu), 2);
	eg_rcu_offline(&rcu, 0);
	end(&rcu, ids);
}

/* Against a list of what each id is. */
enum {
	UNUSED,
	USED,
	LIMBO,
	RECYCLED
};

#define IDS 50

static void test_random(void **state)
{
	struct rng rng = rng_start("tunnel ids");
	uint8_t is[IDS] = {0};
	struct eg_ids *ids;
	struct eg_rcu rcu;

	(void)state;
	start(&rcu, &ids, IDS);
	for (int i = 0; i < 100000; i++) {
		uint32_t id = (uint32_t)rng_below(&rng, IDS);

		switch (rng_below(&rng, 10)) {
		case 0:
			eg_ids_recycle(ids, &rcu);
			for (uint32_t k = 0; k < IDS; k++)
				is[k] = is[k] == LIMBO ? RECYCLED : is[k];
			break;
		case 1:
		case 2:
		case 3:
		case 4:
			if (is[id] == USED) {
				eg_ids_retire(ids, id);
				is[id] = LIMBO;
			}
			break;
		default:
			id = eg_ids_get(ids, &rcu);
			if (id == UINT32_MAX) {
				/* All that are left wait; two calls later nothing recycled does. */
				for (uint32_t k = 0; k < IDS; k++)
					assert_true(is[k] != UNUSED);
				break;
			}
			assert_true(id < IDS);
			assert_true(is[id] == UNUSED || is[id] == RECYCLED);
			is[id] = USED;
		}
	}
	/* No id is lost. */
	for (uint32_t k = 0; k < IDS; k++) {
		if (is[k] == USED)
			eg_ids_retire(ids, k);
	}
	eg_ids_recycle(ids, &rcu);
	eg_ids_recycle(ids, &rcu);
	for (uint32_t k = 0; k < IDS; k++) {
		uint32_t id = eg_ids_get(ids, &rcu);

		assert_true(id < IDS);
		is[id] = 100;
	}
	for (uint32_t k = 0; k < IDS; k++)
		assert_int_equal(is[k], 100);
	end(&rcu, ids);
}

int run_ids_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limbo),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
