/* Trees: shapes, positions, and each error with its exact position. */
#include "conf_tests.h"

#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "conf/tree_sanitize.h"

static void test_shape(void **state)
{
	static const char text[] = "a: 1\n"
				   "b:\n"
				   "  - \"2\"\n"
				   "  - {c: ~, d: [x]}\n"
				   "é: |\n"
				   "  two\n"
				   "  lines\n";
	struct eg_tree tree = read_tree(text);
	const struct eg_node *root = tree.docs, *a, *b, *c;

	(void)state;
	assert_int_equal(tree.n_docs, 1);
	assert_int_equal(root->kind, EG_NODE_MAP);
	assert_int_equal(root->n_children, 3);
	assert_null(root->key);

	a = eg_node_get(root, "a");
	assert_string_equal(a->text, "1");
	assert_true(a->plain);
	assert_int_equal(a->pos.line, 1);
	assert_int_equal(a->pos.column, 4);
	assert_int_equal(a->key_pos.column, 1);
	assert_ptr_equal(root->child, a);

	b = eg_node_get(root, "b");
	assert_int_equal(b->kind, EG_NODE_SEQ);
	assert_int_equal(b->n_children, 2);
	assert_string_equal(b->child->text, "2");
	assert_false(b->child->plain);
	assert_null(b->child->key);
	assert_int_equal(b->child->pos.line, 3);
	assert_int_equal(b->child->pos.column, 5);

	c = eg_node_get(b->child->next, "c");
	assert_true(eg_node_is_null(c));
	assert_int_equal(c->key_pos.column, 6);
	assert_string_equal(eg_node_get(b->child->next, "d")->child->text, "x");
	assert_string_equal(eg_node_get(root, "é")->text, "two\nlines\n");
	assert_null(eg_node_get(root, "z"));
	assert_null(eg_node_get(b, "c"));
	assert_null(eg_node_get(NULL, "c"));
	eg_tree_free(&tree);
	assert_null(tree.docs);
}

static void test_null(void **state)
{
	static const struct {
		const char *text;
		bool null;
	} cases[] = {
		{"[~]", true},    {"[null]", true}, {"[Null]", true},     {"[NULL]", true},
		{"{a: }", true},  {"- ", true},     {"['']", false},      {"['null']", false},
		{"[nil]", false}, {"[[]]", false},  {"[!!str ~]", false}, {"[0]", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct eg_tree tree = read_tree(cases[i].text);

		assert_int_equal(eg_node_is_null(tree.docs->child), cases[i].null);
		eg_tree_free(&tree);
	}
	assert_false(eg_node_is_null(NULL));
}

static void test_documents(void **state)
{
	static const struct {
		const char *text;
		size_t n;
	} cases[] = {
		{"", 0},
		{"# only a comment\n", 0},
		{"---\n---\n...\n", 0},
		{"~", 0},
		{"a\n---\n---\nb\n", 2},
		{"{\"kind\": \"List\"}\n", 1},
		{"\xef\xbb\xbf"
		 "a: b\n",
		 1},
		{"%YAML 1.1\n---\na\n...\n%YAML 1.1\n---\nb\n", 2},
		{"&a x\n--- &a\ny: 1\n", 2},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct eg_tree tree = read_tree(cases[i].text);
		size_t n = 0;

		for (const struct eg_node *doc = tree.docs; doc; doc = doc->next)
			n++;
		assert_int_equal(tree.n_docs, cases[i].n);
		assert_int_equal(n, cases[i].n);
		eg_tree_free(&tree);
	}
}

static void test_alias(void **state)
{
	struct eg_tree tree = read_tree("a: &a {x: [1, 2]}\n"
					"b: *a\n"
					"c: &a 3\n"
					"d: [*a, *a]\n");
	const struct eg_node *root = tree.docs, *b = eg_node_get(root, "b");

	(void)state;
	assert_int_equal(root->n_children, 4);
	assert_int_equal(b->kind, EG_NODE_MAP);
	assert_int_equal(b->pos.line, 2);
	assert_int_equal(b->pos.column, 4);
	assert_string_equal(b->key, "b");
	assert_string_equal(eg_node_get(b, "x")->child->next->text, "2");
	assert_string_equal(eg_node_get(root, "d")->child->next->text, "3");
	eg_tree_free(&tree);
}

static void test_refused(void **state)
{
	static const struct eg_tree_limits small = {
		.bytes = 1000, .nodes = 12, .depth = 3, .aliases = 2};
	static const struct {
		const char *text, *lines;
	} cases[] = {
		{"a: [1, 2\nb: 3\n",
		 "t:2:2: did not find expected ',' or ']' (while parsing a flow "
		 "sequence on line 1)\n"},
		{"a: b: c\n", "t:1:5: mapping values are not allowed in this context\n"},
		{"a: \"b\n",
		 "t:2:1: found unexpected end of stream (while scanning a quoted scalar "
		 "on line 1)\n"},
		{"a: @b\n",
		 "t:1:4: found character that cannot start any token (while scanning for "
		 "the next token on line 1)\n"},
		{"ok: 1\nb\xc3\xa4: \xff\n", "t:2:5: invalid leading UTF-8 octet\n"},
		{"\xff\xfe"
		 "a\0",
		 "t:1:1: invalid leading UTF-8 octet\n"},
		{"a: \x01\n", "t:1:4: control characters are not allowed\n"},
		{"%YAML 3.0\n---\na\n", "t:1:1: found incompatible YAML document\n"},
		{"a: 1\nb: 2\na: 3\nb: 4\na: 5\n",
		 "t:3:1: duplicate key \"a\" (first on line 1)\n"
		 "t:5:1: duplicate key \"a\" (first on line 1)\n"
		 "t:4:1: duplicate key \"b\" (first on line 2)\n"},
		{"x: [{a: 1, 'a': 2}]\n", "t:1:12: duplicate key \"a\" (first on line 1)\n"},
		{"[a]: 1\n", "t:1:1: expected a key, found a list\n"},
		{"? {a: 1}\n: 1\n", "t:1:3: expected a key, found a map\n"},
		{"a: &x 1\n*x : 2\n", "t:2:1: expected a key, found an alias\n"},
		{"?\n: 1\n", "t:1:2: expected a key, found nothing\n"},
		{"~: 1\n", "t:1:1: expected a key, found nothing\n"},
		{"&k a: 1\n", "t:1:1: anchors on keys are not supported\n"},
		{"a: &a {b: 1}\nc:\n  <<: *a\n",
		 "t:3:3: merge key << is not supported: write the keys out\n"},
		{"a: \"b\\0c\"\n\"d\\0\": 1\n",
		 "t:1:4: NUL byte in text\nt:2:1: NUL byte in text\n"},
		{"a: !!int 3\n", "t:1:4: tag \"tag:yaml.org,2002:int\" is not supported\n"},
		{"!x a: 3\n", "t:1:1: tag \"!x\" is not supported\n"},
		{"a: !!set {b}\n", "t:1:4: tag \"tag:yaml.org,2002:set\" is not supported\n"},
		{"a: !!map [b]\n", "t:1:4: tag \"tag:yaml.org,2002:map\" is not supported\n"},
		{"a: *b\n", "t:1:4: unknown alias *b\n"},
		{"&a x\n---\n*a\n", "t:3:1: unknown alias *a\n"},
		{"a: &a [*a]\n", "t:1:8: alias *a refers to a value that contains it\n"},
		{"[[[[]]]]\n", "t:1:4: nested deeper than 3 levels\n"},
		{"[&a [[x]], [[*a]]]\n", "t:1:14: nested deeper than 3 levels\n"},
		{"[&a x, *a, *a, *a]\n", "t:1:16: more than 2 aliases\n"},
		{"[1,2,3,4,5,6,7,8,9,a,b,c]\n", "t:1:24: more than 12 values\n"},
		{"[&a [1, 2, 3], *a, *a]\n", "t:1:20: more than 12 values\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct eg_errs errs = {0};
		struct eg_tree tree;
		int ret = eg_tree_read_text(cases[i].text, strlen(cases[i].text), "t", &small,
					    &tree, &errs);

		assert_messages(&errs, cases[i].lines);
		assert_int_equal(ret, -1);
		assert_null(tree.docs);
		assert_null(tree.arena.chunks);
	}
}

static void test_file(void **state)
{
	static const struct eg_tree_limits small = {
		.bytes = 10, .nodes = 12, .depth = 3, .aliases = 2};
	char path[] = "/tmp/eg-test-tree-XXXXXX", lines[200];
	struct eg_errs errs = {0};
	struct eg_tree tree;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "a: [1, 2]\n", 10), 10);
	assert_int_equal(eg_tree_read_file(path, &small, &tree, &errs), 0);
	assert_int_equal(eg_node_get(tree.docs, "a")->n_children, 2);
	assert_string_equal(tree.docs->pos.file, path);
	eg_tree_free(&tree);

	assert_int_equal(write(fd, "\n", 1), 1);
	assert_int_equal(eg_tree_read_file(path, &small, &tree, &errs), -1);
	snprintf(lines, sizeof(lines), "%s: larger than 10 bytes\n", path);
	assert_messages(&errs, lines);
	close(fd);
	unlink(path);

	assert_int_equal(eg_tree_read_file("/nowhere", &small, &tree, &errs), -1);
	assert_messages(&errs, "/nowhere: cannot open: No such file or directory\n");
	assert_int_equal(eg_tree_read_file("/", &small, &tree, &errs), -1);
	assert_messages(&errs, "/: cannot read: Is a directory\n");
	/* A device has neither size nor end. */
	assert_int_equal(eg_tree_read_file("/dev/zero", &small, &tree, &errs), -1);
	assert_messages(&errs, "/dev/zero: larger than 10 bytes\n");
}

/* Replaced and unchanged characters; *copy is NULL if nothing changes. Each text has a buffer of
 * its exact size, so that sanitizers detect an overread. */
static void test_replace(void **state)
{
	static const struct {
		const char *text, *copy;
	} rows[] = {
		{"", NULL},
		{"a\xef", NULL},
		{"a\xef\xbf", NULL},
		{"a\xef\xbf\xbd", NULL},
		{"a\xef\xbf\xbe", "a" EG_TREE_REPLACEMENT},
		{"\xc2", NULL},
		{"\xc2\x9f\xc2\x85\xc2\xa0", EG_TREE_REPLACEMENT "\xc2\x85\xc2\xa0"},
		{"\x7f", EG_TREE_REPLACEMENT},
		{"\xef\xbb\xbf"
		 "a\xef\xbb\xbf\n\xef\xbb\xbf"
		 "b",
		 "a" EG_TREE_REPLACEMENT "\nb"},
		{"\\ud83d\\ude00\\uDFFF", "\\ufffd\\ufffd\\ufffd"},
		{"\\ud83", NULL},
		{"\\ud7ff \\ue000 \\ud", NULL},
		{"\\\\ud83d \\ud83d", "\\\\ud83d \\ufffd"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t len = strlen(rows[i].text), copy_len = 0;
		char *text = malloc(len + 1), *exact = text + 1, *copy;

		memcpy(exact, rows[i].text, len);
		assert_int_equal(eg_tree_sanitize(exact, len, &copy, &copy_len), 0);
		assert_int_equal(!copy, !rows[i].copy);
		if (copy) {
			assert_int_equal(copy_len, strlen(rows[i].copy));
			assert_memory_equal(copy, rows[i].copy, copy_len);
		}
		free(copy);
		free(text);
	}
	{
		size_t copy_len;
		char *copy;

		/* The same with bytes after the end of the text. */
		assert_int_equal(eg_tree_sanitize("a\xef\xbf\xbf", 3, &copy, &copy_len), 0);
		assert_null(copy);
		assert_int_equal(eg_tree_sanitize("\xc2\x80", 1, &copy, &copy_len), 0);
		assert_null(copy);
		assert_int_equal(eg_tree_sanitize("\\ud800", 5, &copy, &copy_len), 0);
		assert_null(copy);
	}
}

/* Each NUL becomes a three-byte character, without overwriting what follows. */
static void test_nul(void **state)
{
	struct eg_buf text = {0}, wanted = {0};
	const struct eg_node *it;
	struct eg_tree tree;
	struct eg_errs errs = {0};

	(void)state;
	eg_buf_add(&text, "[");
	for (int n = 0; n < 40; n++) {
		eg_buf_add(&text, "\"");
		for (int i = 0; i < n; i++)
			eg_buf_add(&text, "\\0");
		eg_buf_add(&text, "x\", ");
	}
	eg_buf_add(&text, "end]\n");
	assert_int_equal(eg_tree_read_text(text.v, text.n, "t", &eg_tree_limits_k8s, &tree, &errs),
			 0);
	it = tree.docs->child;
	for (int n = 0; n < 40; n++, it = it->next) {
		eg_buf_cut(&wanted, 0);
		for (int i = 0; i < n; i++)
			eg_buf_add(&wanted, EG_TREE_REPLACEMENT);
		eg_buf_add(&wanted, "x");
		assert_string_equal(it->text, wanted.v);
	}
	assert_string_equal(it->text, "end");
	eg_tree_free(&tree);
	eg_buf_free(&text);
	eg_buf_free(&wanted);
}

int run_tree_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shape),     cmocka_unit_test(test_null),
		cmocka_unit_test(test_documents), cmocka_unit_test(test_alias),
		cmocka_unit_test(test_refused),   cmocka_unit_test(test_file),
		cmocka_unit_test(test_replace),   cmocka_unit_test(test_nul),
	};

	return cmocka_run_group_tests_name("conf tree", tests, NULL, NULL);
}
