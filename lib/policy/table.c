#include "policy/table.h"

#include <errno.h>

#define NO_RULE UINT32_MAX

/* A set of rules of one row whose peers match some classes, as a tree: the parent's rules and one
 * more. Set 0 is empty. */
struct set {
	uint32_t parent, rule;
	uint32_t with, next; /* this set and rule `with` make the set `next` */
	uint32_t cell;
	bool named; /* some rule names a port: the cell depends on the destination */
	bool have_cell;
};

struct row {
	const struct eg_table_input *in;
	struct eg_programs *programs;
	EG_VEC(struct set) sets;
	uint32_t *set_of;     /* of class i */
	bool *touched;        /* page i holds a class outside set 0 */
	struct eg_words base; /* rules for every peer: part of all sets */
	struct eg_words key;  /* scratch */
	bool base_named;
	uint32_t profile; /* of the group */
	struct eg_intern pages;
	struct eg_words pages_of_rows;
};

static int add_set(struct row *row, uint32_t parent, uint32_t rule, bool named)
{
	struct set *set = eg_vec_add(&row->sets);

	if (!set)
		return -ENOMEM;
	*set = (struct set){.parent = parent, .rule = rule, .with = NO_RULE, .named = named};
	return 0;
}

/* Move the classes of a list into the sets that have `rule` too. */
static int mark_classes(struct row *row, uint32_t rule, const uint32_t *classes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t *at = &row->set_of[classes[i]];
		struct set *set = &row->sets.v[*at];

		if (set->rule == rule) /* by another peer of the same rule */
			continue;
		if (set->with != rule) {
			bool named = set->named || row->in->named[rule];

			set->with = rule;
			set->next = (uint32_t)row->sets.n;
			if (add_set(row, *at, rule, named))
				return -ENOMEM;
			set = &row->sets.v[*at];
		}
		*at = set->next;
		row->touched[classes[i] >> EG_PAGE_BITS] = true;
	}
	return 0;
}

static int mark_rule(struct row *row, uint32_t rule)
{
	const struct eg_classes *classes = row->in->classes;
	size_t n_peers, n;
	const uint32_t *peers = eg_rules_peers(row->in->rules, rule, &n_peers);

	if (!n_peers) {
		row->base_named |= row->in->named[rule];
		return eg_words_add(&row->base, rule);
	}
	for (size_t i = 0; i < n_peers; i++) {
		const struct eg_class_lists *lists =
			peers[i] & EG_PEER_BLOCK ? &classes->of_block : &classes->of_matcher;
		const uint32_t *list = eg_class_list(lists, peers[i] & ~EG_PEER_BLOCK, &n);

		if (mark_classes(row, rule, list, n))
			return -ENOMEM;
	}
	return 0;
}

/* Ports are the destination's: for egress the other end's, for ingress the group's own. */
static uint32_t profile_at(const struct row *row, uint32_t class_id)
{
	const struct eg_table_input *in = row->in;
	uint32_t signature;

	if (in->dir == EG_INGRESS)
		return row->profile;
	signature = in->classes->v.v[class_id].signature;
	return signature == EG_NONE ? 0 : eg_kinds_profile(in->kinds, signature);
}

static int find_cell(struct row *row, uint32_t class_id, uint32_t *cell)
{
	uint32_t at = row->set_of[class_id];
	bool named = row->sets.v[at].named || row->base_named;
	int err;

	if (row->sets.v[at].have_cell) {
		*cell = row->sets.v[at].cell;
		return 0;
	}
	row->key.n = 0;
	for (uint32_t s = at; s; s = row->sets.v[s].parent)
		if (eg_words_add(&row->key, row->sets.v[s].rule))
			return -ENOMEM;
	if (eg_words_append(&row->key, row->base.v, row->base.n))
		return -ENOMEM;
	eg_words_sort(&row->key);
	if (eg_words_add(&row->key, 0))
		return -ENOMEM;
	memmove(row->key.v + 1, row->key.v, (row->key.n - 1) * sizeof(*row->key.v));
	row->key.v[0] = named ? profile_at(row, class_id) : 0;
	err = eg_programs_cell(row->programs, row->in->world, row->in->rules, row->in->kinds,
			       &row->key, cell);
	/* An ingress row has one profile: there named sets have one cell too. */
	row->sets.v[at].have_cell = !err && (!named || row->in->dir == EG_INGRESS);
	row->sets.v[at].cell = *cell;
	return err;
}

/* One page of the row; classes past the last are never asked for. */
static int add_page(struct row *row, uint32_t page)
{
	uint32_t cells[EG_PAGE_CELLS] = {0}, first = page << EG_PAGE_BITS, id;

	for (uint32_t i = 0; i < EG_PAGE_CELLS && first + i < row->in->classes->v.n; i++) {
		int err = find_cell(row, first + i, &cells[i]);

		if (err)
			return err;
	}
	id = eg_intern_add(&row->pages, cells, EG_PAGE_CELLS);
	return id == EG_INTERN_FAILED ? -ENOMEM : eg_words_add(&row->pages_of_rows, id);
}

static int add_pages(struct row *row, uint32_t n_pages)
{
	bool varies = row->in->dir == EG_EGRESS && row->base_named;
	uint32_t plain = EG_NONE;

	for (uint32_t p = 0; p < n_pages; p++) {
		bool whole = (p + 1) << EG_PAGE_BITS <= row->in->classes->v.n;
		bool same = whole && !varies && !row->touched[p];
		int err;

		if (same && plain != EG_NONE) {
			if (eg_words_add(&row->pages_of_rows, plain))
				return -ENOMEM;
			continue;
		}
		err = add_page(row, p);
		if (err)
			return err;
		if (same)
			plain = row->pages_of_rows.v[row->pages_of_rows.n - 1];
	}
	return 0;
}

static void clear_row(struct row *row, uint32_t n_pages)
{
	for (uint32_t p = 0; p < n_pages; p++) {
		if (row->touched[p])
			memset(row->set_of + ((size_t)p << EG_PAGE_BITS), 0,
			       EG_PAGE_CELLS * sizeof(*row->set_of));
		row->touched[p] = false;
	}
	row->sets.n = row->base.n = 0;
	row->base_named = false;
}

static int add_group(struct row *row, uint32_t group, uint32_t n_pages)
{
	const struct eg_table_input *in = row->in;
	size_t n;
	const uint32_t *policies = eg_groups_policies(in->groups, group, &n);
	int err;

	clear_row(row, n_pages);
	row->profile = eg_groups_profile(in->groups, group);
	err = add_set(row, 0, NO_RULE, false);
	for (size_t i = 0; !err && i < n; i++) {
		uint32_t first = in->rules->first.v[policies[i] * EG_DIRS + in->dir];
		size_t n_rules = in->world->policies.v[policies[i]].rules[in->dir].n;

		for (uint32_t r = 0; !err && r < n_rules; r++)
			err = mark_rule(row, first + r);
	}
	return err ? err : add_pages(row, n_pages);
}

/* Group 0 is isolated by nothing: a row of its own costs less than a branch in every lookup. */
static int add_open_row(struct row *row, uint32_t n_pages)
{
	uint32_t cells[EG_PAGE_CELLS], id;

	for (uint32_t i = 0; i < EG_PAGE_CELLS; i++)
		cells[i] = EG_VERDICT_OPEN;
	id = eg_intern_add(&row->pages, cells, EG_PAGE_CELLS);
	for (uint32_t p = 0; id != EG_INTERN_FAILED && p < n_pages; p++)
		if (eg_words_add(&row->pages_of_rows, id))
			return -ENOMEM;
	return id == EG_INTERN_FAILED ? -ENOMEM : 0;
}

static int check_size(const struct row *row)
{
	size_t words = row->pages.words.n + row->pages_of_rows.n;

	return words * sizeof(uint32_t) > EG_POLICY_TABLE_BYTES_MAX ? -E2BIG : 0;
}

int eg_table_build(struct eg_table *table, const struct eg_table_input *in,
		   struct eg_programs *programs)
{
	uint32_t n_pages = (uint32_t)(in->classes->v.n + EG_PAGE_CELLS - 1) >> EG_PAGE_BITS;
	size_t n_groups = eg_groups_count(in->groups);
	struct row row = {.in = in, .programs = programs};
	int err;

	row.set_of = calloc((size_t)n_pages << EG_PAGE_BITS, sizeof(*row.set_of));
	row.touched = calloc(n_pages, sizeof(*row.touched));
	err = row.set_of && row.touched ? add_open_row(&row, n_pages) : -ENOMEM;
	for (uint32_t g = 1; !err && g < n_groups; g++) {
		err = add_group(&row, g, n_pages);
		if (!err)
			err = check_size(&row);
	}
	*table = (struct eg_table){.rows = row.pages_of_rows.v,
				   .row_pages = n_pages,
				   .cells = row.pages.words.v,
				   .n_rows = n_groups,
				   .n_pages = eg_intern_count(&row.pages)};
	row.pages.words.v = NULL; /* the table's now, as are the rows */
	eg_intern_free(&row.pages);
	eg_vec_free(&row.sets);
	eg_vec_free(&row.base);
	eg_vec_free(&row.key);
	free(row.set_of);
	free(row.touched);
	return err;
}

void eg_table_free(struct eg_table *table)
{
	free(table->rows);
	free(table->cells);
	*table = (struct eg_table){0};
}
