/* What a load may lose: a truth table over pods and policies before and now. */
#include "snap/snap_tests.h"

#include "base/buf.h"
#include "conf/config.h"
#include "snap/guard.h"

#define SHRINK(percent)                                                                            \
	{                                                                                          \
		.max_shrink = (percent)                                                            \
	}

/* So many pods in a.yaml and b.yaml each, and policies in p.yaml; `finished` more pods are. */
static void fill(struct eg_cluster *cluster, size_t a, size_t b, size_t finished, size_t policies)
{
	*cluster = (struct eg_cluster){0};
	for (size_t i = 0; i < a + b + finished; i++)
		*eg_vec_add(&cluster->pods) = (struct eg_pod){
			.finished = i >= a + b,
			.pos = {i < a ? "a.yaml" : "b.yaml", (unsigned)i + 1, 1},
		};
	for (size_t i = 0; i < policies; i++)
		*eg_vec_add(&cluster->policies) =
			(struct eg_netpol){.pos = {"p.yaml", (unsigned)i + 1, 1}};
}

/* clang-format off */
static const struct {
	bool first;                   /* nothing is in force */
	size_t before[4], now[4];     /* as fill() takes them */
	unsigned max_shrink;
	const char *message;
} rows[] = {
	{true, {0}, {1, 0, 0, 0}, 50, ""},                  /* a cluster without policies is one */
	{true, {0}, {0, 0, 0, 5}, 50,
	 "g.yaml:7:1: policy: no pod in the inventory, so no policy would select anything "
	 "(max_shrink: 100% allows it)\n"},
	{true, {0}, {0, 0, 5, 5}, 50,                       /* finished pods select nothing */
	 "g.yaml:7:1: policy: no pod in the inventory, so no policy would select anything "
	 "(max_shrink: 100% allows it)\n"},
	{true, {0}, {0, 0, 0, 5}, 100, ""},
	{false, {3, 0, 0, 3}, {3, 0, 0, 3}, 50, ""},
	{false, {3, 0, 0, 3}, {0, 0, 0, 3}, 50,
	 "g.yaml:7:1: policy: 0 pods where 3 are in force; a.yaml had 3 and has 0: more are lost than "
	 "max_shrink (50%) allows; is the input complete? (max_shrink: 100% allows it)\n"},
	{false, {3, 0, 0, 1}, {3, 0, 0, 0}, 99,
	 "g.yaml:7:1: policy: 0 policies where 1 are in force; p.yaml had 1 and has 0: more are lost than "
	 "max_shrink (99%) allows; is the input complete? (max_shrink: 100% allows it)\n"},
	{false, {3, 0, 0, 3}, {0, 0, 0, 0}, 100, ""},
	{false, {20, 0, 0, 20}, {1, 0, 0, 1}, 0, ""},       /* 19 of each: a small cluster may */
	{false, {21, 0, 0, 1}, {1, 0, 0, 1}, 50,            /* 20 are not few */
	 "g.yaml:7:1: policy: 1 pod where 21 are in force; a.yaml had 21 and has 1: more are lost than "
	 "max_shrink (50%) allows; is the input complete? (max_shrink: 100% allows it)\n"},
	{false, {100, 100, 0, 1}, {100, 0, 0, 1}, 50, ""},  /* half, to the pod */
	{false, {100, 100, 0, 1}, {99, 0, 0, 1}, 50,
	 "g.yaml:7:1: policy: 99 pods where 200 are in force; b.yaml had 100 and has 0: more are lost than "
	 "max_shrink (50%) allows; is the input complete? (max_shrink: 100% allows it)\n"},
	{false, {100, 100, 0, 1}, {90, 90, 0, 1}, 9,
	 "g.yaml:7:1: policy: 180 pods where 200 are in force; a.yaml had 100 and has 90: more are lost "
	 "than max_shrink (9%) allows; is the input complete? (max_shrink: 100% allows it)\n"},
	{false, {1, 0, 500, 1}, {1, 0, 0, 1}, 50, ""},      /* finished ones are cleaned up at once */
	{false, {500, 0, 0, 1}, {1, 0, 499, 1}, 50,         /* and do not stand in for others */
	 "g.yaml:7:1: policy: 1 pod where 500 are in force; a.yaml had 500 and has 1: more are lost than "
	 "max_shrink (50%) allows; is the input complete? (max_shrink: 100% allows it)\n"},
	{false, {1, 0, 0, 100}, {1000, 0, 0, 49}, 50,       /* one grows, the other shrinks */
	 "g.yaml:7:1: policy: 49 policies where 100 are in force; p.yaml had 100 and has 49: more are lost "
	 "than max_shrink (50%) allows; is the input complete? (max_shrink: 100% allows it)\n"},
	{false, {50, 0, 0, 50}, {0, 0, 0, 0}, 50,           /* both at once */
	 "g.yaml:7:1: policy: 0 pods where 50 are in force; a.yaml had 50 and has 0: more are lost than "
	 "max_shrink (50%) allows; is the input complete? (max_shrink: 100% allows it)\n"
	 "g.yaml:7:1: policy: 0 policies where 50 are in force; p.yaml had 50 and has 0: more are lost than "
	 "max_shrink (50%) allows; is the input complete? (max_shrink: 100% allows it)\n"},
};
/* clang-format on */

static void free_cluster(struct eg_cluster *cluster)
{
	eg_vec_free(&cluster->pods);
	eg_vec_free(&cluster->policies);
}

static void test_table(void **state)
{
	(void)state;
	for (size_t r = 0; r < sizeof(rows) / sizeof(*rows); r++) {
		const size_t *was = rows[r].before, *is = rows[r].now;
		struct eg_conf_policy conf = SHRINK(rows[r].max_shrink);
		struct eg_cluster before, now;
		struct eg_errs errs = {0};
		struct eg_buf all = {0};
		int ret;

		conf.pos = (struct eg_pos){"g.yaml", 7, 1};
		fill(&before, was[0], was[1], was[2], was[3]);
		fill(&now, is[0], is[1], is[2], is[3]);
		ret = eg_guard_cluster(&now, rows[r].first ? NULL : &before, &conf, &errs);
		eg_buf_add(&all, "%s", "");
		eg_vec_foreach (msg, &errs.msgs)
			eg_buf_add(&all, "%s\n", msg->text);
		print_message("row %zu\n", r);
		assert_string_equal(all.v, rows[r].message);
		assert_int_equal(ret, errs.n_errors ? -1 : 0);
		eg_buf_free(&all);
		eg_errs_free(&errs);
		free_cluster(&before);
		free_cluster(&now);
	}
}

static void fill_nodes(struct eg_cluster *cluster, size_t with_cidrs, size_t without)
{
	fill(cluster, 1, 0, 0, 1);
	for (size_t i = 0; i < with_cidrs + without; i++) {
		struct eg_cluster_node *node = eg_vec_add(&cluster->nodes);

		*node = (struct eg_cluster_node){.pos = {"n.yaml", (unsigned)i + 1, 1}};
		if (i < with_cidrs)
			*eg_vec_add(&node->pod_cidrs) = (struct eg_prefix){0};
	}
}

/* Nodes whose podCIDRs say where an address must have an owner; others open nothing. */
static void test_nodes(void **state)
{
	static const struct {
		size_t was, is, others;
		const char *message;
	} cases[] = {
		{0, 0, 5, NULL},
		{0, 3, 0, NULL},
		{3, 1, 0, NULL},
		{40, 20, 0, NULL},
		{1, 0, 5,
		 "g.yaml:7:1: policy: 0 nodes with podCIDRs where 1 are in force; n.yaml had 1 and "
		 "has 0: more are lost than max_shrink (50%) allows; is the input complete? "
		 "(max_shrink: 100% allows it)"},
		{40, 19, 30,
		 "g.yaml:7:1: policy: 19 nodes with podCIDRs where 40 are in force; n.yaml had 40 "
		 "and has 19: more are lost than max_shrink (50%) allows; is the input complete? "
		 "(max_shrink: 100% allows it)"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct eg_conf_policy conf = SHRINK(50);
		struct eg_cluster before, now;
		struct eg_errs errs = {0};

		conf.pos = (struct eg_pos){"g.yaml", 7, 1};
		fill_nodes(&before, cases[i].was, 0);
		fill_nodes(&now, cases[i].is, cases[i].others);
		assert_int_equal(eg_guard_cluster(&now, &before, &conf, &errs),
				 cases[i].message ? -1 : 0);
		assert_int_equal(errs.n_errors, cases[i].message != NULL);
		if (cases[i].message)
			assert_string_equal(errs.msgs.v[0].text, cases[i].message);
		eg_errs_free(&errs);
		eg_cluster_free(&before);
		eg_cluster_free(&now);
	}
}

/* A file for each policy, as GitOps has them: naming the one that lost most must not take long. */
static void test_many_files(void **state)
{
	struct eg_conf_policy conf = SHRINK(50);
	struct eg_cluster before, now;
	struct eg_errs errs = {0};
	static char names[20000][16];

	(void)state;
	fill(&before, 1, 0, 0, 20000);
	fill(&now, 1, 0, 0, 100);
	for (size_t i = 0; i < 20000; i++) {
		snprintf(names[i], sizeof(names[i]), "%zu.yaml", i);
		before.policies.v[i].pos.file = names[i];
	}
	assert_int_equal(eg_guard_cluster(&now, &before, &conf, &errs), -1);
	assert_non_null(strstr(errs.msgs.v[0].text, "100 policies where 20000 are in force"));
	eg_errs_free(&errs);
	free_cluster(&before);
	free_cluster(&now);
}

int run_guard_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_many_files),
	};

	return cmocka_run_group_tests_name("snap guard", tests, NULL, NULL);
}
