/* Which policies come into force: a first load and a reload, each with what it refuses and what it
 * quarantines. */
#include "snap/snap_tests.h"

#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "conf/config.h"
#include "snap/candidate.h"

#define PODS                                                                                       \
	"{apiVersion: v1, kind: Namespace, metadata: {name: x}}\n---\n"                            \
	"{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: x}, status: {podIP: "          \
	"10.1.0.5}}\n"
#define POLICY(name, rest)                                                                         \
	"---\n{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: " name      \
	", namespace: x}, spec: {podSelector: {}, " rest "}}\n"
#define GOOD  POLICY("p", "ingress: [{}]")
#define WRONG POLICY("p", "ingres: [{}]")
/* 6 pairs of peers and ports; those of one policy may be half of max_rules. */
#define WIDE                                                                                       \
	POLICY("wide", "ingress: [{ports: [{port: 1}, {port: 3}, {port: 5}, {port: 7}, {port: "    \
		       "9}, {port: 11}]}]")

static char dir[] = "/tmp/eg-policy-XXXXXX";

static void write_file(const char *name, const char *text)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

/* A load over `before`; the messages, one a line, must hold `words`, or be none. */
static struct eg_candidate *load(const struct eg_candidate *before,
				 enum eg_snap_tolerance tolerance, const char *keys,
				 const char *pods, const char *policies, const char *words)
{
	const struct eg_candidate_options options = {.offline = true,
						     .before = before ? before->snap->policy : NULL,
						     .tolerance = tolerance};
	struct eg_errs errs = {0};
	struct eg_buf text = {0}, all = {0};
	struct eg_config *config;
	struct eg_candidate *candidate;

	write_file("i.yaml", pods);
	write_file("p.yaml", policies);
	eg_buf_add(&text,
		   "version: 1\nports: {c: {device: d0, role: clear}}\npolicy: {inventory: "
		   "[%s/i.yaml], dirs: [%s/p.yaml], max_rules: 10%s}\n",
		   dir, dir, keys);
	config = eg_config_parse(text.v, text.n, "t", &errs);
	eg_errs_print(&errs, stderr);
	assert_non_null(config);
	candidate = eg_candidate_build(config, NULL, &options, &errs);
	eg_buf_add(&all, "%s", "");
	eg_vec_foreach (msg, &errs.msgs)
		eg_buf_add(&all, "%s\n", msg->text);
	if (*words ? !strstr(all.v, words) : errs.msgs.n != 0)
		fail_msg("%s", all.v);
	assert_int_equal(!candidate, errs.n_errors != 0);
	eg_buf_free(&all);
	eg_buf_free(&text);
	eg_errs_free(&errs);
	eg_config_free(config);
	return candidate;
}

/* Into the pod from outside, at a port. */
static bool enters(const struct eg_candidate *candidate, uint16_t port)
{
	static const uint8_t src[] = {8, 8, 8, 8}, dst[] = {10, 1, 0, 5};
	const struct eg_policy_packet packet = {src, dst, port, 6, 4};
	struct eg_policy_verdict verdict;

	eg_policy_evaluate(candidate->snap->policy->compiled, &packet, &verdict, 1);
	return eg_policy_passes(&verdict);
}

/* Errors refuse a start. In a reload they close what they are about, or refuse that too. */
static void test_invalid(void **state)
{
	struct eg_candidate *first, *next;

	(void)state;
	assert_null(load(NULL, EG_REFUSE_ALL, "", PODS, WRONG, "unknown field \"ingres\""));
	assert_null(load(NULL, EG_QUARANTINE_COSTLY, "", PODS, WRONG, "unknown field \"ingres\""));
	first = load(NULL, EG_QUARANTINE_COSTLY, "", PODS, GOOD, "");
	assert_true(enters(first, 80));
	assert_null(load(first, EG_QUARANTINE_ALL, ", on_error: refuse", PODS, WRONG,
			 "unknown field \"ingres\""));
	next = load(first, EG_QUARANTINE_ALL, "", PODS, WRONG, "quarantined: NetworkPolicy x/p");
	assert_int_equal(next->snap->policy->cluster.quarantined.n, 1);
	assert_false(enters(next, 80));
	eg_candidate_free(next);
	eg_candidate_free(first);
}

/* A policy that is too expensive is quarantined at a start, too, and its neighbours are as they
 * were. */
static void test_expensive(void **state)
{
	struct eg_candidate *next;

	(void)state;
	assert_null(load(NULL, EG_REFUSE_ALL, "", PODS, WIDE, "NetworkPolicy x/wide"));
	assert_null(load(NULL, EG_QUARANTINE_ALL, ", on_error: refuse", PODS, WIDE,
			 "NetworkPolicy x/wide"));
	for (int all = 0; all < 2; all++) {
		enum eg_snap_tolerance tolerance = all ? EG_QUARANTINE_ALL : EG_QUARANTINE_COSTLY;

		next = load(NULL, tolerance, "", PODS, WIDE, "quarantined: NetworkPolicy x/wide");
		assert_int_equal(next->snap->policy->cluster.quarantined.n, 1);
		assert_false(enters(next, 1));
		eg_candidate_free(next);
		next = load(NULL, tolerance, "", PODS, GOOD WIDE,
			    "quarantined: NetworkPolicy x/wide");
		assert_true(enters(next, 1));
		assert_true(enters(next, 80));
		eg_candidate_free(next);
	}
}

/* What is in force is what a load is compared with. */
static void test_shrink(void **state)
{
	struct eg_candidate *first, *next;

	(void)state;
	next = load(NULL, EG_REFUSE_ALL, "", PODS, "# none\n", "contains no objects");
	eg_candidate_free(next);
	first = load(NULL, EG_REFUSE_ALL, "", PODS, GOOD, "");
	for (int all = 0; all < 2; all++) {
		enum eg_snap_tolerance tolerance = all ? EG_QUARANTINE_ALL : EG_REFUSE_ALL;

		assert_null(load(first, tolerance, "", PODS, "# none\n",
				 "0 policies where 1 are in force"));
		assert_null(load(first, tolerance, "", "# none\n", GOOD,
				 "0 pods where 1 are in force"));
	}
	next = load(first, EG_QUARANTINE_ALL, ", max_shrink: 100%", PODS, "# none\n",
		    "contains no objects");
	assert_true(enters(next, 80));
	eg_candidate_free(next);
	eg_candidate_free(first);
}

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "%s/i.yaml", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/p.yaml", dir);
	unlink(path);
	return rmdir(dir);
}

int run_policy_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_expensive),
		cmocka_unit_test(test_shrink),
	};

	return cmocka_run_group_tests_name("snap policy", tests, make_dir, remove_dir);
}
