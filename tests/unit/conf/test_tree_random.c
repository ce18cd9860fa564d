/* Random trees, printed as JSON, flow YAML and block YAML, must be read back unchanged. The printer
 * is the oracle: it shares no code with the reader and quotes everything that could be special. */
#include "conf_tests.h"

#include "base/buf.h"

enum style {
	STYLE_JSON,
	STYLE_FLOW,
	STYLE_BLOCK,
	STYLES,
};

struct value {
	enum eg_node_kind kind;
	char *key, *text;
	bool plain;
	size_t n;
	struct value *children;
};

static unsigned pick(unsigned n)
{
	return (unsigned)((unsigned long)random() % n);
}

static char *random_text(void)
{
	static const char *const parts[] = {
		"a", "Z",  "0", " ",    "\n", "\t", "\"", "\\", "'",    ":",    ": ", "#", " #",
		"-", "- ", "{", "}",    "[",  "]",  ",",  "&",  "*",    "!",    "%",  "@", "?",
		"|", ">",  "~", "null", "<<", "é",  "漢", "😀",  "\x1b", "\x7f", "/",  "=",
	};
	struct eg_buf buf = {0};

	eg_buf_add(&buf, "%s", "");
	for (unsigned n = pick(12); n; n--)
		eg_buf_add(&buf, "%s", parts[pick(COUNT(parts))]);
	return buf.v;
}

static void fill(struct value *value, unsigned depth)
{
	unsigned kind = depth ? pick(4) : 3;

	if (kind >= 2) {
		value->kind = EG_NODE_SCALAR;
		value->plain = pick(2);
		if (value->plain)
			assert_true(asprintf(&value->text, "p%u", pick(100)) > 0);
		else
			value->text = random_text();
		return;
	}
	value->kind = kind ? EG_NODE_MAP : EG_NODE_SEQ;
	value->n = pick(pick(30) ? 6 : 60);
	value->children = calloc(value->n + 1, sizeof(*value->children));
	for (size_t i = 0; i < value->n; i++) {
		struct value *child = &value->children[i];

		fill(child, depth - 1);
		if (value->kind == EG_NODE_MAP) {
			char *tail = random_text();

			/* The number makes keys unique. */
			assert_true(asprintf(&child->key, "%zu.%s", i, tail) > 0);
			free(tail);
		}
	}
}

static void drop(struct value *value)
{
	for (size_t i = 0; i < value->n; i++)
		drop(&value->children[i]);
	free(value->children);
	free(value->key);
	free(value->text);
}

/* JSON escapes are valid in YAML. */
static void print_quoted(struct eg_buf *out, const char *text)
{
	eg_buf_add(out, "\"");
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			eg_buf_add(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			eg_buf_add(out, "\\u%04x", c);
		else
			eg_buf_add(out, "%c", c);
	}
	eg_buf_add(out, "\"");
}

static void print_scalar(struct eg_buf *out, const char *text, bool plain, enum style style)
{
	if (plain && style != STYLE_JSON)
		eg_buf_add(out, "%s", text);
	else
		print_quoted(out, text);
}

static void print_flow(struct eg_buf *out, const struct value *value, enum style style)
{
	const char *space = style == STYLE_FLOW && pick(3) == 0 ? "\n " : "";

	if (value->kind == EG_NODE_SCALAR) {
		print_scalar(out, value->text, value->plain, style);
		return;
	}
	eg_buf_add(out, value->kind == EG_NODE_MAP ? "{" : "[");
	for (size_t i = 0; i < value->n; i++) {
		eg_buf_add(out, "%s%s", i ? "," : "", space);
		if (value->kind == EG_NODE_MAP) {
			print_quoted(out, value->children[i].key);
			eg_buf_add(out, ": ");
		}
		print_flow(out, &value->children[i], style);
	}
	eg_buf_add(out, "%s", value->kind == EG_NODE_MAP ? "}" : "]");
}

static void print_block(struct eg_buf *out, const struct value *value, int indent)
{
	if (value->kind == EG_NODE_SCALAR || !value->n || !pick(6)) {
		print_flow(out, value, STYLE_FLOW);
		eg_buf_add(out, "%s", pick(4) ? "\n" : "  # comment\n");
		return;
	}
	eg_buf_add(out, "\n");
	for (size_t i = 0; i < value->n; i++) {
		const struct value *child = &value->children[i];

		eg_buf_add(out, "%*s", indent, "");
		if (value->kind == EG_NODE_MAP) {
			print_quoted(out, child->key);
			eg_buf_add(out, ": ");
		} else {
			eg_buf_add(out, "- ");
		}
		print_block(out, child, indent + 2);
	}
}

static void assert_same(const struct eg_node *node, const struct value *value, enum style style)
{
	const struct eg_node *child;
	size_t i = 0;

	assert_non_null(node);
	assert_int_equal(node->kind, value->kind);
	if (value->key)
		assert_string_equal(node->key, value->key);
	else
		assert_null(node->key);
	if (value->kind == EG_NODE_SCALAR) {
		assert_string_equal(node->text, value->text);
		assert_int_equal(node->plain, value->plain && style != STYLE_JSON);
	}
	assert_int_equal(node->n_children, value->n);
	for (child = node->child; child; child = child->next) {
		assert_true(i < value->n);
		assert_same(child, &value->children[i++], style);
	}
	assert_int_equal(i, value->n);
}

static void test_random(void **state)
{
	(void)state;
	seed_random();
	for (int i = 0; i < 1500; i++) {
		struct value value = {0};

		fill(&value, pick(7));
		for (enum style style = 0; style < STYLES; style++) {
			struct eg_buf text = {0};
			struct eg_tree tree;

			eg_buf_add(&text, "---");
			if (style == STYLE_BLOCK) {
				eg_buf_add(&text, " ");
				print_block(&text, &value, 0);
			} else {
				eg_buf_add(&text, "\n");
				print_flow(&text, &value, style);
			}
			tree = read_tree(text.v);
			assert_int_equal(tree.n_docs, 1);
			assert_same(tree.docs, &value, style);
			eg_tree_free(&tree);
			eg_buf_free(&text);
		}
		drop(&value);
	}
}

int run_tree_random_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name("conf tree, random", tests, NULL, NULL);
}
