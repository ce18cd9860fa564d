/* The prefix index against an oracle that compares every prefix, on random prefixes close to each
 * other. */
#include "conf_tests.h"

#include "conf/prefix_index.h"

static struct eg_prefix random_prefix(void)
{
	struct eg_prefix prefix = {.ip.family = random() % 3 ? 4 : 6};
	unsigned long bits = eg_ip_bits(&prefix.ip);

	prefix.ip.bytes[0] = (uint8_t)(random() % 3);
	prefix.ip.bytes[1] = (uint8_t)(random() % 4 << 6);
	prefix.ip.bytes[bits / 8 - 1] = (uint8_t)(random() % 4);
	prefix.len = (uint8_t)(random() % 4 ? (unsigned long)random() % 17
					    : bits - (unsigned long)random() % 4);
	eg_prefix_mask(&prefix);
	return prefix;
}

static bool holds(const struct eg_prefix *outer, const struct eg_prefix *inner)
{
	return outer->len <= inner->len && eg_prefix_contains(outer, &inner->ip);
}

/* The longest prefix that contains it and is shorter than `below`. */
static const struct eg_prefix_item *naive_find(const struct eg_prefix_index *index,
					       const struct eg_prefix *prefix, unsigned below)
{
	const struct eg_prefix_item *best = NULL;

	eg_vec_foreach (item, &index->items) {
		if (item->prefix.len < below && holds(&item->prefix, prefix) &&
		    (!best || item->prefix.len >= best->prefix.len))
			best = item;
	}
	return best;
}

static void check_items(const struct eg_prefix_index *index)
{
	eg_vec_foreach (item, &index->items) {
		const struct eg_prefix_item *outer =
			naive_find(index, &item->prefix, item->prefix.len);

		if (!outer) {
			assert_true(item->parent == EG_PREFIX_INDEX_NONE);
			continue;
		}
		assert_true(item->parent < index->items.n);
		assert_true(eg_prefix_equal(&index->items.v[item->parent].prefix, &outer->prefix));
	}
}

static void test_random(void **state)
{
	(void)state;
	seed_random();
	for (int round = 0; round < 500; round++) {
		struct eg_prefix_index index = {0};
		size_t n = (unsigned long)random() % 60;

		for (size_t i = 0; i < n; i++) {
			struct eg_prefix_item item = {.prefix = random_prefix(), .owner = i};

			assert_int_equal(eg_prefix_index_add(&index, &item), 0);
		}
		eg_prefix_index_build(&index);
		check_items(&index);
		for (int i = 0; i < 200; i++) {
			struct eg_prefix prefix = random_prefix();

			assert_ptr_equal(eg_prefix_index_find(&index, &prefix),
					 naive_find(&index, &prefix, 256));
		}
		eg_prefix_index_free(&index);
	}
}

static void test_order(void **state)
{
	struct eg_prefix_index index = {0};
	struct eg_prefix_item item = {.kind = 2, .owner = 7};
	struct eg_prefix any = {.ip.family = 4, .len = 32};

	(void)state;
	assert_null(eg_prefix_index_find(&index, &any));
	assert_int_equal(eg_prefix_index_add(&index, &item), 0); /* no family */
	assert_int_equal(index.items.n, 0);
	item.prefix = any;
	eg_prefix_index_add(&index, &item);
	item.kind = 1;
	item.owner = 9;
	eg_prefix_index_add(&index, &item);
	eg_prefix_index_build(&index);
	assert_int_equal(index.items.v[0].owner, 9);
	assert_int_equal(eg_prefix_index_find(&index, &any)->owner, 7);
	eg_prefix_index_free(&index);
}

int run_prefix_index_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests_name("conf index", tests, NULL, NULL);
}
