#include "policy/program.h"

#include <errno.h>

static int add_span(struct eg_programs *programs, uint32_t first, uint32_t last, uint32_t verdict)
{
	struct eg_span *span = eg_vec_add(&programs->spans);

	if (!span)
		return -ENOMEM;
	*span = (struct eg_span){first, last, verdict};
	return 0;
}

/* All ports that the destination gives the name; none is possible. */
static int add_named(struct eg_programs *programs, const struct eg_port *port,
		     const struct eg_kinds *kinds, uint32_t profile, uint32_t verdict)
{
	size_t n;
	const uint32_t *triple = eg_intern_get(&kinds->profiles, profile, &n);

	for (size_t i = 0; i + 2 < n; i += 3) {
		uint32_t key = eg_port_key(port->proto, (uint16_t)triple[i + 2]);

		if (triple[i] == port->name && triple[i + 1] == port->proto &&
		    add_span(programs, key, key, verdict))
			return -ENOMEM;
	}
	return 0;
}

/* What one rule covers at a destination of the profile; a name that it lacks covers nothing. */
static int add_rule(struct eg_programs *programs, const struct eg_world *world,
		    const struct eg_rules *rules, const struct eg_kinds *kinds, uint32_t profile,
		    uint32_t index)
{
	const struct eg_rule *rule = eg_rule_of(world, &rules->refs.v[index]);
	uint32_t verdict = EG_VERDICT_RULE + index;
	size_t n;
	const struct eg_key_range *ranges = eg_rules_ports(rules, index, &n);

	if (!rule->ports.n)
		return add_span(programs, 0, EG_PORT_KEYS - 1, verdict);
	for (size_t i = 0; i < n; i++)
		if (add_span(programs, ranges[i].first, ranges[i].last, verdict))
			return -ENOMEM;
	eg_vec_foreach (port, &rule->ports)
		if (port->kind == EG_PORT_NAMED &&
		    add_named(programs, port, kinds, profile, verdict))
			return -ENOMEM;
	return 0;
}

/* Keys between two neighbouring cuts all get the same verdict. */
static int find_cuts(struct eg_programs *programs)
{
	struct eg_words *cuts = &programs->cuts;

	cuts->n = 0;
	if (eg_words_add(cuts, 0))
		return -ENOMEM;
	eg_vec_foreach (span, &programs->spans)
		if (eg_words_add(cuts, span->first) || eg_words_add(cuts, span->last + 1))
			return -ENOMEM;
	eg_words_sort(cuts);
	if (cuts->v[cuts->n - 1] != EG_PORT_KEYS)
		return eg_words_add(cuts, EG_PORT_KEYS);
	return 0;
}

static size_t cut_at(const struct eg_words *cuts, uint32_t key)
{
	size_t low = 0, high = cuts->n - 1;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (cuts->v[middle] < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The first piece from `at` on that has no paint; what we passed is shortened for the next time. */
static uint32_t bare_from(struct eg_words *skip, uint32_t at)
{
	while (skip->v[at] != at) {
		skip->v[at] = skip->v[skip->v[at]];
		at = skip->v[at];
	}
	return at;
}

/* Give every piece the verdict of the first span that covers it. Each piece is painted once, so a
 * rule list as long as max_rules allows stays cheap. */
static int paint(struct eg_programs *programs)
{
	const struct eg_words *cuts = &programs->cuts;

	programs->painted += programs->spans.n + cuts->n;
	programs->paint.n = programs->skip.n = 0;
	for (uint32_t i = 0; i < cuts->n; i++)
		if (eg_words_add(&programs->paint, EG_VERDICT_DENY) ||
		    eg_words_add(&programs->skip, i))
			return -ENOMEM;
	eg_vec_foreach (span, &programs->spans) {
		uint32_t at = bare_from(&programs->skip, (uint32_t)cut_at(cuts, span->first));

		while (cuts->v[at] <= span->last) {
			programs->paint.v[at] = span->verdict;
			programs->skip.v[at] = at + 1;
			at = bare_from(&programs->skip, at);
		}
	}
	return 0;
}

/* Join neighbours of one verdict and keep the program. */
static int encode(struct eg_programs *programs, uint32_t *cell)
{
	const uint32_t *cuts = programs->cuts.v, *verdicts = programs->paint.v;
	struct eg_words code = {0};
	uint32_t n = 0, id;
	int err = eg_words_add(&code, 0);

	for (size_t i = 0; !err && i + 1 < programs->cuts.n; i++)
		if (!i || verdicts[i] != verdicts[i - 1]) {
			err = eg_words_add(&code, cuts[i]);
			n++;
		}
	for (size_t i = 0; !err && i + 1 < programs->cuts.n; i++)
		if (!i || verdicts[i] != verdicts[i - 1])
			err = eg_words_add(&code, verdicts[i]);
	if (!err && n == 1) {
		*cell = verdicts[0];
	} else if (!err) {
		code.v[0] = n;
		id = eg_intern_add(&programs->code, code.v, code.n);
		err = id == EG_INTERN_FAILED ? -ENOMEM : 0;
		if (!err)
			*cell = EG_CELL_PROGRAM | (uint32_t)(programs->code.ends.v[id] - code.n);
		if (!err && programs->code.words.n >= EG_CELL_PROGRAM)
			err = -E2BIG;
	}
	eg_vec_free(&code);
	return err;
}

int eg_programs_cell(struct eg_programs *programs, const struct eg_world *world,
		     const struct eg_rules *rules, const struct eg_kinds *kinds,
		     const struct eg_words *key, uint32_t *cell)
{
	uint32_t id = eg_intern_add(&programs->memo, key->v, key->n);
	int err = 0;

	if (id == EG_INTERN_FAILED)
		return -ENOMEM;
	if (id < programs->cells.n) {
		*cell = programs->cells.v[id];
		return 0;
	}
	programs->spans.n = 0;
	for (size_t i = 1; !err && i < key->n; i++)
		err = add_rule(programs, world, rules, kinds, key->v[0], key->v[i]);
	if (!err)
		err = find_cuts(programs);
	if (!err)
		err = paint(programs);
	if (!err)
		err = encode(programs, cell);
	return err ? err : eg_words_add(&programs->cells, *cell);
}

void eg_programs_free(struct eg_programs *programs)
{
	eg_intern_free(&programs->code);
	eg_intern_free(&programs->memo);
	eg_vec_free(&programs->cells);
	eg_vec_free(&programs->spans);
	eg_vec_free(&programs->cuts);
	eg_vec_free(&programs->paint);
	eg_vec_free(&programs->skip);
}
