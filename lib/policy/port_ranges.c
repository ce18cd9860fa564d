#include "policy/port_ranges.h"

#include <errno.h>

static int compare_ranges(const void *va, const void *vb)
{
	const struct eg_key_range *a = va, *b = vb;

	return a->first < b->first ? -1 : a->first > b->first;
}

int eg_ports_merge(const struct eg_rule *rule, struct eg_key_ranges *ranges)
{
	size_t start = ranges->n, kept = start;

	eg_vec_foreach (port, &rule->ports) {
		bool all = port->kind == EG_PORT_ALL;
		struct eg_key_range *range;

		if (port->kind == EG_PORT_NAMED)
			continue;
		range = eg_vec_add(ranges);
		if (!range)
			return -ENOMEM;
		range->first = eg_port_key(port->proto, all ? 0 : port->first);
		range->last = eg_port_key(port->proto, all ? UINT16_MAX : port->last);
	}
	if (ranges->n == start)
		return 0;
	qsort(ranges->v + start, ranges->n - start, sizeof(*ranges->v), compare_ranges);
	for (size_t i = start + 1; i < ranges->n; i++) {
		struct eg_key_range *last = &ranges->v[kept], next = ranges->v[i];

		if (next.first > last->last + 1)
			ranges->v[++kept] = next;
		else if (next.last > last->last)
			last->last = next.last;
	}
	ranges->n = kept + 1;
	return 0;
}
