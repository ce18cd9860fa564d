#include "conf/tree_build.h"

#include <stdlib.h>
#include <string.h>

#include "conf/tree_sanitize.h"

static struct eg_pos at(const struct eg_tree_builder *b, yaml_mark_t mark)
{
	return (struct eg_pos){b->file, (unsigned)mark.line + 1, (unsigned)mark.column + 1};
}

/* Report an error that ends parsing. */
#define fail(b, mark, ...)                                                                         \
	({                                                                                         \
		struct eg_pos fail_pos = at(b, mark);                                              \
                                                                                                   \
		eg_error((b)->errs, &fail_pos, NULL, __VA_ARGS__);                                 \
		-1;                                                                                \
	})

static struct eg_tree_frame *top(struct eg_tree_builder *b)
{
	return &b->stack.v[b->stack.n - 1];
}

static bool expects_key(struct eg_tree_builder *b)
{
	return top(b)->node->kind == EG_NODE_MAP && !top(b)->key;
}

static void note_height(struct eg_tree_frame *frame, unsigned height)
{
	if (frame->height < height)
		frame->height = height;
}

static int count(struct eg_tree_builder *b, size_t weight, yaml_mark_t mark)
{
	if (weight > b->limits->nodes - b->n_nodes)
		return fail(b, mark, "more than %zu values", b->limits->nodes);
	b->n_nodes += weight;
	return 0;
}

/* A new node for the top frame, not linked yet; NULL after an error. */
static struct eg_node *new_node(struct eg_tree_builder *b, enum eg_node_kind kind, yaml_mark_t mark)
{
	struct eg_node *node;

	if (count(b, 1, mark))
		return NULL;
	node = eg_arena_alloc(b->arena, sizeof(*node));
	if (!node) {
		(void)fail(b, mark, "out of memory");
		return NULL;
	}
	node->kind = kind;
	node->pos = at(b, mark);
	return node;
}

static void link_node(struct eg_tree_builder *b, struct eg_node *node)
{
	struct eg_tree_frame *frame = top(b);

	node->key = frame->key;
	node->key_pos = frame->key_pos;
	frame->key = NULL;
	frame->key_pos = (struct eg_pos){0};
	*frame->tail = node;
	frame->tail = &node->next;
	frame->node->n_children++;
}

/* Record an anchor; *index is 1 + its index, 0 for none. */
static int add_anchor(struct eg_tree_builder *b, const yaml_char_t *name,
		      const struct eg_node *node, size_t *index)
{
	struct eg_tree_anchor *anchor;
	const char *copy;

	*index = 0;
	if (!name || !b->limits->aliases)
		return 0;
	copy = eg_arena_text(b->arena, (const char *)name, strlen((const char *)name));
	anchor = copy ? eg_vec_add(&b->anchors) : NULL;
	if (!anchor) {
		eg_error(b->errs, &node->pos, NULL, "out of memory");
		return -1;
	}
	*anchor = (struct eg_tree_anchor){.name = copy, .node = node, .weight = 1};
	*index = b->anchors.n;
	return 0;
}

static const struct eg_tree_anchor *find_anchor(const struct eg_tree_builder *b, const char *name)
{
	for (size_t i = b->anchors.n; i; i--) {
		if (!strcmp(b->anchors.v[i - 1].name, name))
			return &b->anchors.v[i - 1];
	}
	return NULL;
}

/* Tags would override the types that readers expect: accept only those that change nothing. */
static int check_tag(struct eg_tree_builder *b, const yaml_char_t *tag, const char *core,
		     yaml_mark_t mark)
{
	if (tag && strcmp((const char *)tag, core))
		return fail(b, mark, "tag \"%s\" is not supported", (const char *)tag);
	return 0;
}

/* The text with EG_TREE_REPLACEMENT for each NUL; NULL if out of memory. */
static const char *replace_nul(struct eg_tree_builder *b, const char *value, size_t len)
{
	size_t n = strlen(EG_TREE_REPLACEMENT), size = len;
	char *text, *at;

	for (size_t i = 0; i < len; i++)
		size += value[i] ? 0 : n - 1;
	at = text = eg_arena_alloc(b->arena, size + 1);
	for (size_t i = 0; text && i < len; i++) {
		memcpy(at, value[i] ? value + i : EG_TREE_REPLACEMENT, value[i] ? 1 : n);
		at += value[i] ? 1 : n;
	}
	if (text)
		*at = '\0';
	return text;
}

/* The text of a scalar; NULL if out of memory. A NUL is replaced if the limits allow any text;
 * otherwise it ends the text and is reported. */
static const char *scalar_text(struct eg_tree_builder *b, const yaml_event_t *event)
{
	const char *value = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;
	bool nul = memchr(value, '\0', len);
	const char *text = nul && b->limits->any_text ? replace_nul(b, value, len)
						      : eg_arena_text(b->arena, value, len);

	if (!text)
		(void)fail(b, event->start_mark, "out of memory");
	else if (nul && !b->limits->any_text)
		(void)fail(b, event->start_mark, "NUL byte in text");
	return text;
}

/* "!!str 80" is a string, like "80" in quotes. */
static bool is_plain(const yaml_event_t *event)
{
	return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       event->data.scalar.plain_implicit;
}

static int on_key(struct eg_tree_builder *b, const yaml_event_t *event)
{
	struct eg_tree_frame *frame = top(b);
	const char *text = scalar_text(b, event);

	if (!text)
		return -1;
	frame->key = text;
	frame->key_pos = at(b, event->start_mark);
	if (!is_plain(event))
		return 0;
	if (eg_node_is_null(&(struct eg_node){.plain = true, .text = text}))
		return fail(b, event->start_mark, "expected a key, found nothing");
	if (!strcmp(text, "<<"))
		(void)fail(b, event->start_mark,
			   "merge key << is not supported: write the keys out");
	return 0;
}

static int on_scalar(struct eg_tree_builder *b, const yaml_event_t *event)
{
	struct eg_node *node;
	size_t anchor;

	if (check_tag(b, event->data.scalar.tag, YAML_STR_TAG, event->start_mark))
		return -1;
	if (expects_key(b)) {
		if (event->data.scalar.anchor)
			return fail(b, event->start_mark, "anchors on keys are not supported");
		return on_key(b, event);
	}
	node = new_node(b, EG_NODE_SCALAR, event->start_mark);
	if (!node)
		return -1;
	node->plain = is_plain(event);
	node->text = scalar_text(b, event);
	if (!node->text || add_anchor(b, event->data.scalar.anchor, node, &anchor))
		return -1;
	if (b->stack.n > 1 || !eg_node_is_null(node))
		link_node(b, node);
	return 0;
}

static int on_open(struct eg_tree_builder *b, enum eg_node_kind kind, const yaml_char_t *anchor,
		   yaml_mark_t mark)
{
	struct eg_node *node;
	struct eg_tree_frame *frame;
	size_t index;

	if (expects_key(b))
		return fail(b, mark, "expected a key, found a %s",
			    kind == EG_NODE_MAP ? "map" : "list");
	/* The stack includes the frame of the stream. */
	if (b->stack.n > b->limits->depth)
		return fail(b, mark, "nested deeper than %u levels", b->limits->depth);
	node = new_node(b, kind, mark);
	if (!node || add_anchor(b, anchor, node, &index))
		return -1;
	if (index)
		b->anchors.v[index - 1].open = true;
	link_node(b, node);
	frame = eg_vec_add(&b->stack);
	if (!frame)
		return fail(b, mark, "out of memory");
	*frame = (struct eg_tree_frame){
		.node = node, .tail = &node->child, .n_before = b->n_nodes - 1, .anchor = index};
	return 0;
}

static int compare_keys(const void *a, const void *b)
{
	const struct eg_node *x = *(const struct eg_node *const *)a;
	const struct eg_node *y = *(const struct eg_node *const *)b;
	int order = strcmp(x->key, y->key);

	if (order)
		return order;
	if (x->key_pos.line != y->key_pos.line)
		return x->key_pos.line < y->key_pos.line ? -1 : 1;
	return x->key_pos.column < y->key_pos.column ? -1 : 1;
}

/* Sorts first: a hostile map costs n log n. */
static int check_duplicates(struct eg_tree_builder *b, const struct eg_node *map)
{
	const struct eg_node *first = NULL;

	b->by_key.n = 0;
	for (const struct eg_node *node = map->child; node; node = node->next) {
		const struct eg_node **slot = eg_vec_add(&b->by_key);

		if (!slot) {
			eg_error(b->errs, &map->pos, NULL, "out of memory");
			return -1;
		}
		*slot = node;
	}
	if (b->by_key.n > 1)
		qsort(b->by_key.v, b->by_key.n, sizeof(*b->by_key.v), compare_keys);
	eg_vec_foreach (slot, &b->by_key) {
		/* Keys that contain a replacement may have been different. */
		if (b->limits->any_text && strstr((*slot)->key, EG_TREE_REPLACEMENT))
			continue;
		if (first && !strcmp(first->key, (*slot)->key))
			eg_error(b->errs, &(*slot)->key_pos, NULL,
				 "duplicate key \"%s\" (first on line %u)", first->key,
				 first->key_pos.line);
		else
			first = *slot;
	}
	return 0;
}

static int on_close(struct eg_tree_builder *b)
{
	struct eg_tree_frame frame = *top(b);

	b->stack.n--;
	note_height(top(b), frame.height + 1);
	if (frame.anchor) {
		struct eg_tree_anchor *anchor = &b->anchors.v[frame.anchor - 1];

		anchor->open = false;
		anchor->weight = b->n_nodes - frame.n_before;
		anchor->height = frame.height + 1;
	}
	return frame.node->kind == EG_NODE_MAP ? check_duplicates(b, frame.node) : 0;
}

/* Adds one node, which shares its children with the anchor. */
static int on_alias(struct eg_tree_builder *b, const yaml_event_t *event)
{
	const char *name = (const char *)event->data.alias.anchor;
	yaml_mark_t mark = event->start_mark;
	const struct eg_tree_anchor *anchor;
	struct eg_node *node;

	if (expects_key(b))
		return fail(b, mark, "expected a key, found an alias");
	if (b->n_aliases++ == b->limits->aliases)
		return fail(b, mark, "more than %u aliases", b->limits->aliases);
	anchor = find_anchor(b, name);
	if (!anchor)
		return fail(b, mark, "unknown alias *%s", name);
	if (anchor->open)
		return fail(b, mark, "alias *%s refers to a value that contains it", name);
	if (b->stack.n - 1 + anchor->height > b->limits->depth)
		return fail(b, mark, "nested deeper than %u levels", b->limits->depth);
	if (count(b, anchor->weight - 1, mark))
		return -1;
	node = new_node(b, anchor->node->kind, mark);
	if (!node)
		return -1;
	node->plain = anchor->node->plain;
	node->text = anchor->node->text;
	node->child = anchor->node->child;
	node->n_children = anchor->node->n_children;
	note_height(top(b), anchor->height);
	if (b->stack.n > 1 || !eg_node_is_null(node))
		link_node(b, node);
	return 0;
}

int eg_tree_builder_event(struct eg_tree_builder *b, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		b->anchors.n = 0;
		return 0;
	case YAML_SCALAR_EVENT:
		return on_scalar(b, event);
	case YAML_SEQUENCE_START_EVENT:
		if (check_tag(b, event->data.sequence_start.tag, YAML_SEQ_TAG, event->start_mark))
			return -1;
		return on_open(b, EG_NODE_SEQ, event->data.sequence_start.anchor,
			       event->start_mark);
	case YAML_MAPPING_START_EVENT:
		if (check_tag(b, event->data.mapping_start.tag, YAML_MAP_TAG, event->start_mark))
			return -1;
		return on_open(b, EG_NODE_MAP, event->data.mapping_start.anchor, event->start_mark);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return on_close(b);
	case YAML_ALIAS_EVENT:
		return on_alias(b, event);
	default:
		return 0;
	}
}

int eg_tree_builder_init(struct eg_tree_builder *b)
{
	struct eg_tree_frame *bottom = eg_vec_add(&b->stack);

	if (!bottom)
		return -1;
	b->stream.kind = EG_NODE_SEQ;
	*bottom = (struct eg_tree_frame){.node = &b->stream, .tail = &b->stream.child};
	return 0;
}

void eg_tree_builder_free(struct eg_tree_builder *b)
{
	eg_vec_free(&b->stack);
	eg_vec_free(&b->anchors);
	eg_vec_free(&b->by_key);
}
