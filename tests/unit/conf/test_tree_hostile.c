/* Text designed to hang the parser or exhaust memory is rejected (or read) quickly. Times are
 * printed, not asserted: what matters is that all cases end within the test's time limit. */
#include "conf_tests.h"

#include "base/buf.h"
#include "base/clock.h"

static void read_hostile(const char *what, const char *text, size_t len,
			 const struct eg_tree_limits *limits, const char *lines)
{
	uint64_t start = eg_mono_ns();
	struct eg_errs errs = {0};
	struct eg_tree tree;
	int ret = eg_tree_read_text(text, len, "t", limits, &tree, &errs);

	print_message("%s: %zu bytes in %.1f ms\n", what, len,
		      (double)(eg_mono_ns() - start) / 1e6);
	if (lines)
		assert_messages(&errs, lines);
	assert_int_equal(ret, lines && *lines ? -1 : ret);
	eg_errs_free(&errs);
	eg_tree_free(&tree);
}

/* `head` followed by n copies of `piece`. */
static void read_repeated(const char *what, const char *head, const char *piece, size_t n,
			  const char *lines)
{
	size_t len = strlen(piece), at = strlen(head);
	char *text = malloc(at + n * len + 1);

	assert_non_null(text);
	memcpy(text, head, at + 1);
	for (; n; n--, at += len)
		memcpy(text + at, piece, len);
	read_hostile(what, text, at, &eg_tree_limits_k8s, lines);
	free(text);
}

static void test_deep(void **state)
{
	(void)state;
	read_repeated("[[[[", "", "[", 200000, "t:1:65: nested deeper than 64 levels\n");
	read_repeated("{a:{a:", "", "{a: ", 200000, "t:1:257: nested deeper than 64 levels\n");
	read_repeated("- - -", "", "- ", 200000, "t:1:129: nested deeper than 64 levels\n");
	read_repeated("? ? ?", "", "? ", 200000, "t:1:3: expected a key, found a map\n");
	read_repeated("{{{{", "", "{", 200000, "t:1:2: expected a key, found a map\n");
	read_repeated("[?[?", "", "[?", 200000, NULL);
}

static void test_wide(void **state)
{
	struct eg_buf text = {0};

	(void)state;
	read_repeated("empty documents", "", "---\n", 1 << 20, "");
	read_repeated("comments", "", "#\n", 8 << 20, "");
	read_repeated("one long scalar", "", "aaaaaaaaaaaaaaaa", 1 << 20, "");
	read_repeated("a key too long", "", "\"aaaaaaaaaaaaaa\": ", 1 << 16, NULL);
	read_repeated("%TAG lines", "", "%TAG !a! b\n", 2000,
		      "t: more than 1000 lines start with %\n");
	read_repeated("CR %TAG lines", "", "%TAG !a! b\r", 2000,
		      "t: more than 1000 lines start with %\n");
	read_repeated("anchors", "", "- &a b\n", 1 << 18, "");
	read_repeated("tags", "%TAG !a! aaaaaaaaaaaaa\n---\n", "- !a!b x\n", 1 << 18,
		      "t:3:3: tag \"aaaaaaaaaaaaab\" is not supported\n");
	read_repeated("one key", "", "a: b\n", 1 << 18, NULL);

	for (unsigned i = 0; i < 200000; i++)
		eg_buf_add(&text, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa%u: b\n", i);
	read_hostile("a map of 200,000 keys", text.v, text.n, &eg_tree_limits_k8s, "");
	eg_buf_free(&text);
}

static void test_alias_bomb(void **state)
{
	struct eg_buf text = {0};

	(void)state;
	eg_buf_add(&text, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
	for (unsigned i = 1; i < 11; i++) {
		eg_buf_add(&text, "a%u: &a%u [", i, i);
		for (unsigned k = 0; k < 9; k++)
			eg_buf_add(&text, "%s*a%u", k ? ", " : "", i - 1);
		eg_buf_add(&text, "]\n");
	}
	read_hostile("alias bomb", text.v, text.n, &eg_tree_limits_config,
		     "t:7:30: more than 4000000 values\n");
	read_hostile("alias bomb, k8s", text.v, text.n, &eg_tree_limits_k8s,
		     "t:2:10: more than 0 aliases\n");
	eg_buf_free(&text);
}

static void test_large(void **state)
{
	struct eg_tree_limits limits = eg_tree_limits_k8s;
	size_t len = (size_t)100 << 20;
	char *text = malloc(len);

	(void)state;
	assert_non_null(text);
	memset(text, 'a', len);
	read_hostile("100 MB", text, len, &eg_tree_limits_config,
		     "t: larger than 67108864 bytes\n");
	for (size_t i = 0; i + 1 < len; i += 2)
		memcpy(text + i, "[\n", 2);
	read_hostile("100 MB of [", text, len, &eg_tree_limits_k8s,
		     "t:65:1: nested deeper than 64 levels\n");
	for (size_t i = 0; i + 1 < len; i += 2)
		memcpy(text + i, "-\n", 2);
	limits.nodes = 1000000; /* 20 million would use too much memory for a test */
	read_hostile("100 MB of -", text, len, &limits, "t:1000000:2: more than 1000000 values\n");
	free(text);
}

int run_tree_hostile_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_wide),
		cmocka_unit_test(test_alias_bomb),
		cmocka_unit_test(test_large),
	};

	return cmocka_run_group_tests_name("conf tree, hostile", tests, NULL, NULL);
}
