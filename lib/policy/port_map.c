#include "policy/port_map.h"

#include <errno.h>

static int add_span(struct eg_port_maps *port_maps, uint32_t first, uint32_t last, uint32_t verdict)
{
	struct eg_span *span = eg_vec_add(&port_maps->spans);

	if (!span)
		return -ENOMEM;
	*span = (struct eg_span){first, last, verdict};
	return 0;
}

/* All ports of that name at the destination, possibly none. */
static int add_named(struct eg_port_maps *port_maps, const struct eg_port *port,
		     const struct eg_pod_classes *pod_classes, uint32_t profile, uint32_t verdict)
{
	size_t n;
	const uint32_t *triple = eg_intern_get(&pod_classes->profiles, profile, &n);

	for (size_t i = 0; i + 2 < n; i += 3) {
		uint32_t key = eg_port_key(port->proto, (uint16_t)triple[i + 2]);

		if (triple[i] == port->name && triple[i + 1] == port->proto &&
		    add_span(port_maps, key, key, verdict))
			return -ENOMEM;
	}
	return 0;
}

/* The keys that one rule covers at a destination with this profile; an undefined name covers
 * nothing. */
static int add_rule(struct eg_port_maps *port_maps, const struct eg_cluster *cluster,
		    const struct eg_rules *rules, const struct eg_pod_classes *pod_classes,
		    uint32_t profile, uint32_t index)
{
	const struct eg_rule *rule = eg_rule_of(cluster, &rules->refs.v[index]);
	uint32_t verdict = EG_POLICY_RULE + index;
	size_t n;
	const struct eg_key_range *ranges = eg_rules_ports(rules, index, &n);

	if (!rule->ports.n)
		return add_span(port_maps, 0, EG_PORT_KEYS - 1, verdict);
	for (size_t i = 0; i < n; i++)
		if (add_span(port_maps, ranges[i].first, ranges[i].last, verdict))
			return -ENOMEM;
	eg_vec_foreach (port, &rule->ports)
		if (port->kind == EG_PORT_NAMED &&
		    add_named(port_maps, port, pod_classes, profile, verdict))
			return -ENOMEM;
	return 0;
}

/* All keys between two adjacent cuts get the same verdict: a piece. */
static int find_cuts(struct eg_port_maps *port_maps)
{
	struct eg_words *cuts = &port_maps->cuts;

	cuts->n = 0;
	if (eg_words_add(cuts, 0))
		return -ENOMEM;
	eg_vec_foreach (span, &port_maps->spans)
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

/* The first piece from `at` on without a verdict; compresses the path for later searches. */
static uint32_t next_unassigned(struct eg_words *next_free, uint32_t at)
{
	while (next_free->v[at] != at) {
		next_free->v[at] = next_free->v[next_free->v[at]];
		at = next_free->v[at];
	}
	return at;
}

/* Give every piece the verdict of the first span that covers it. Each piece is assigned once, so
 * the longest rule list that max_rules allows stays cheap. */
static int assign_verdicts(struct eg_port_maps *port_maps)
{
	const struct eg_words *cuts = &port_maps->cuts;

	port_maps->n_assigned += port_maps->spans.n + cuts->n;
	port_maps->verdicts.n = port_maps->next_free.n = 0;
	for (uint32_t i = 0; i < cuts->n; i++)
		if (eg_words_add(&port_maps->verdicts, EG_POLICY_DENY) ||
		    eg_words_add(&port_maps->next_free, i))
			return -ENOMEM;
	eg_vec_foreach (span, &port_maps->spans) {
		uint32_t at =
			next_unassigned(&port_maps->next_free, (uint32_t)cut_at(cuts, span->first));

		while (cuts->v[at] <= span->last) {
			port_maps->verdicts.v[at] = span->verdict;
			port_maps->next_free.v[at] = at + 1;
			at = next_unassigned(&port_maps->next_free, at);
		}
	}
	return 0;
}

/* Join adjacent pieces with the same verdict and store the map. */
static int add_map(struct eg_port_maps *port_maps, uint32_t *cell)
{
	const uint32_t *cuts = port_maps->cuts.v, *verdicts = port_maps->verdicts.v;
	struct eg_words map = {0};
	uint32_t n = 0, id;
	int err = eg_words_add(&map, 0);

	for (size_t i = 0; !err && i + 1 < port_maps->cuts.n; i++)
		if (!i || verdicts[i] != verdicts[i - 1]) {
			err = eg_words_add(&map, cuts[i]);
			n++;
		}
	for (size_t i = 0; !err && i + 1 < port_maps->cuts.n; i++)
		if (!i || verdicts[i] != verdicts[i - 1])
			err = eg_words_add(&map, verdicts[i]);
	if (!err && n == 1) {
		*cell = verdicts[0];
	} else if (!err) {
		map.v[0] = n;
		id = eg_intern_add(&port_maps->maps, map.v, map.n);
		err = id == EG_INTERN_FAILED ? -ENOMEM : 0;
		if (!err)
			*cell = EG_CELL_PORT_MAP | (uint32_t)(port_maps->maps.ends.v[id] - map.n);
		if (!err && port_maps->maps.words.n >= EG_CELL_PORT_MAP)
			err = -E2BIG;
	}
	eg_vec_free(&map);
	return err;
}

int eg_port_maps_cell(struct eg_port_maps *port_maps, const struct eg_cluster *cluster,
		      const struct eg_rules *rules, const struct eg_pod_classes *pod_classes,
		      const struct eg_words *key, uint32_t *cell)
{
	uint32_t id = eg_intern_add(&port_maps->cache, key->v, key->n);
	int err = 0;

	if (id == EG_INTERN_FAILED)
		return -ENOMEM;
	if (id < port_maps->cells.n) {
		*cell = port_maps->cells.v[id];
		return 0;
	}
	port_maps->spans.n = 0;
	for (size_t i = 1; !err && i < key->n; i++)
		err = add_rule(port_maps, cluster, rules, pod_classes, key->v[0], key->v[i]);
	if (!err)
		err = find_cuts(port_maps);
	if (!err)
		err = assign_verdicts(port_maps);
	if (!err)
		err = add_map(port_maps, cell);
	return err ? err : eg_words_add(&port_maps->cells, *cell);
}

void eg_port_maps_free(struct eg_port_maps *port_maps)
{
	eg_intern_free(&port_maps->maps);
	eg_intern_free(&port_maps->cache);
	eg_vec_free(&port_maps->cells);
	eg_vec_free(&port_maps->spans);
	eg_vec_free(&port_maps->cuts);
	eg_vec_free(&port_maps->verdicts);
	eg_vec_free(&port_maps->next_free);
}
