#include "tunnel/ids.h"

#include <stdlib.h>

#include "tunnel/map.h"

struct eg_ids *eg_ids_new(uint32_t max)
{
	struct eg_ids *ids = calloc(1, sizeof(*ids));

	if (!ids)
		return NULL;
	ids->max = max;
	ids->next = eg_map_zeroed(max * sizeof(*ids->next));
	if (ids->next)
		return ids;
	free(ids);
	return NULL;
}

void eg_ids_free(struct eg_ids *ids)
{
	if (!ids)
		return;
	eg_unmap(ids->next, ids->max * sizeof(*ids->next));
	free(ids);
}

static void add(struct eg_ids *ids, struct eg_id_queue *queue, uint32_t id)
{
	if (queue->n++)
		ids->next[queue->last] = id;
	else
		queue->first = id;
	queue->last = id;
}

/* Append all of `from`. */
static void move(struct eg_ids *ids, struct eg_id_queue *to, struct eg_id_queue *from)
{
	if (!from->n)
		return;
	if (to->n)
		ids->next[to->last] = from->first;
	else
		to->first = from->first;
	to->last = from->last;
	to->n += from->n;
	from->n = 0;
}

static void settle(struct eg_ids *ids, struct eg_rcu *rcu)
{
	if (ids->grace.n && eg_rcu_passed(rcu, ids->token))
		move(ids, &ids->unused, &ids->grace);
	if (!ids->grace.n && ids->unnamed.n) {
		move(ids, &ids->grace, &ids->unnamed);
		ids->token = eg_rcu_token(rcu);
	}
}

uint32_t eg_ids_get(struct eg_ids *ids, struct eg_rcu *rcu)
{
	uint32_t id;

	settle(ids, rcu);
	if (!ids->unused.n)
		return ids->end < ids->max ? ids->end++ : UINT32_MAX;
	id = ids->unused.first;
	ids->unused.first = ids->next[id];
	ids->unused.n--;
	return id;
}

void eg_ids_unget(struct eg_ids *ids, uint32_t id)
{
	add(ids, &ids->unused, id);
}

void eg_ids_retire(struct eg_ids *ids, uint32_t id)
{
	add(ids, &ids->limbo, id);
}

void eg_ids_recycle(struct eg_ids *ids, struct eg_rcu *rcu)
{
	move(ids, &ids->unnamed, &ids->limbo);
	settle(ids, rcu);
}
