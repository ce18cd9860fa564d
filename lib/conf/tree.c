/* Drives libyaml. This file and the builder add the limits that the library lacks for hostile text:
 * depth, nodes and bytes are limited; aliases count with everything they stand for; %TAG lines are
 * counted before the scanner sees them, because it compares each with all before it; and the first
 * unsupported tag ends parsing, because a long %TAG prefix would be copied for each use. */
#include "conf/tree.h"

#include <stdlib.h>
#include <string.h>

#include "conf/tree_build.h"
#include "conf/tree_sanitize.h"

/* Far more than any real file; libyaml's duplicate check is quadratic in them. */
#define DIRECTIVES_MAX 1000

const struct eg_tree_limits eg_tree_limits_config = {
	.bytes = (size_t)64 << 20,
	.nodes = 4000000,
	.depth = 32,
	.aliases = 100,
};

const struct eg_tree_limits eg_tree_limits_k8s = {
	.bytes = (size_t)256 << 20,
	.nodes = 20000000,
	.depth = 64,
	.aliases = 0,
	.any_text = true,
	.files_only = true,
};

/* libyaml's reader reports no line and column, only the offset of the offending byte. */
static struct eg_pos offset_pos(const char *file, const char *text, size_t offset)
{
	struct eg_pos pos = {file, 1, 1};

	for (size_t i = 0; i < offset; i++) {
		if (text[i] == '\n') {
			pos.line++;
			pos.column = 1;
		} else if (((unsigned char)text[i] & 0xc0) != 0x80) {
			pos.column++;
		}
	}
	return pos;
}

/* Report libyaml's own description of the problem. */
static void syntax_error(const struct eg_tree_builder *b, const yaml_parser_t *yaml,
			 const char *text, size_t len)
{
	struct eg_pos pos = {b->file, (unsigned)yaml->problem_mark.line + 1,
			     (unsigned)yaml->problem_mark.column + 1};

	if (yaml->error == YAML_READER_ERROR)
		pos = offset_pos(b->file, text,
				 yaml->problem_offset < len ? yaml->problem_offset : len);
	if (yaml->error == YAML_MEMORY_ERROR || !yaml->problem)
		eg_error(b->errs, &(struct eg_pos){.file = b->file}, NULL, "out of memory");
	else if (yaml->context)
		eg_error(b->errs, &pos, NULL, "%s (%s on line %zu)", yaml->problem, yaml->context,
			 yaml->context_mark.line + 1);
	else
		eg_error(b->errs, &pos, NULL, "%s", yaml->problem);
}

/* Counts lines that may be directives. libyaml also ends lines at CR, NEL, LS and PS, recognised
 * here by their last byte. */
static bool too_many_directives(const char *text, size_t len)
{
	const char *end = text + len;
	size_t n = 0;

	for (const char *p = text; p < end && (p = memchr(p, '%', (size_t)(end - p))); p++) {
		if (p == text || strchr("\n\r\x85\xa8\xa9", p[-1]))
			n++;
	}
	return n > DIRECTIVES_MAX;
}

static void build(struct eg_tree_builder *b, const char *text, size_t len)
{
	yaml_parser_t yaml;
	yaml_event_t event;
	bool more = true;

	if (!yaml_parser_initialize(&yaml)) {
		eg_error(b->errs, &(struct eg_pos){.file = b->file}, NULL, "out of memory");
		return;
	}
	yaml_parser_set_input_string(&yaml, (const unsigned char *)text, len);
	/* Otherwise libyaml detects UTF-16 by its byte order mark. */
	yaml_parser_set_encoding(&yaml, YAML_UTF8_ENCODING);
	while (more) {
		if (!yaml_parser_parse(&yaml, &event)) {
			syntax_error(b, &yaml, text, len);
			break;
		}
		more = !eg_tree_builder_event(b, &event) && event.type != YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&yaml);
}

/* Block YAML ends where the text ends, so truncated text still parses. */
static void check_ends(struct eg_tree *tree, const char *text, size_t len)
{
	size_t first = len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3) ? 3 : 0;

	while (first < len && strchr(" \t\r\n", text[first]) && text[first])
		first++;
	tree->blank = first == len;
	tree->open_end = !tree->blank && text[first] != '{' && text[first] != '[' &&
			 text[len - 1] != '\n' && text[len - 1] != '\r';
}

int eg_tree_read_text(const char *text, size_t len, const char *name,
		      const struct eg_tree_limits *limits, struct eg_tree *tree,
		      struct eg_errs *errs)
{
	struct eg_tree_builder b = {
		.limits = limits, .file = name, .errs = errs, .arena = &tree->arena};
	struct eg_pos pos = {.file = name};
	size_t errors_before = errs->n_errors;
	size_t copy_len = 0;
	char *copy = NULL;

	*tree = (struct eg_tree){0};
	if (len > limits->bytes)
		eg_error(errs, &pos, NULL, "larger than %zu bytes", limits->bytes);
	else if (too_many_directives(text, len))
		eg_error(errs, &pos, NULL, "more than %d lines start with %%", DIRECTIVES_MAX);
	else if (eg_tree_builder_init(&b) ||
		 (limits->any_text && eg_tree_sanitize(text, len, &copy, &copy_len)))
		eg_error(errs, &pos, NULL, "out of memory");
	else if (copy)
		build(&b, copy, copy_len);
	else
		build(&b, len ? text : "", len);
	tree->docs = b.stream.child;
	tree->n_docs = b.stream.n_children;
	check_ends(tree, text, len);
	eg_tree_builder_free(&b);
	free(copy);
	if (errs->n_errors == errors_before)
		return 0;
	eg_tree_free(tree);
	return -1;
}

void eg_tree_free(struct eg_tree *tree)
{
	eg_arena_free(&tree->arena);
	*tree = (struct eg_tree){0};
}

const struct eg_node *eg_node_get(const struct eg_node *node, const char *key)
{
	if (!node || node->kind != EG_NODE_MAP)
		return NULL;
	for (const struct eg_node *child = node->child; child; child = child->next) {
		if (!strcmp(child->key, key))
			return child;
	}
	return NULL;
}

bool eg_node_is_null(const struct eg_node *node)
{
	static const char *const names[] = {"", "~", "null", "Null", "NULL"};

	if (!node || node->kind != EG_NODE_SCALAR || !node->plain)
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!strcmp(node->text, names[i]))
			return true;
	}
	return false;
}
