#include "rcu/rcu.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_rcu_qsbr.h>

static void batch_clear(struct eg_rcu_batch *batch)
{
	*batch = (struct eg_rcu_batch){.end = &batch->first};
}

static void batch_add(struct eg_rcu_batch *batch, struct eg_rcu_node *node)
{
	node->next = NULL;
	*batch->end = node;
	batch->end = &node->next;
	batch->n++;
}

/* Append all of `from`. */
static void batch_move(struct eg_rcu_batch *to, struct eg_rcu_batch *from)
{
	if (!from->n)
		return;
	*to->end = from->first;
	to->end = from->end;
	to->n += from->n;
	batch_clear(from);
}

int eg_rcu_init(struct eg_rcu *rcu, unsigned n_workers)
{
	/* Not from DPDK's heap: nobody else maps it, and tests need no EAL. */
	size_t bytes = rte_rcu_qsbr_get_memsize(n_workers);

	*rcu = (struct eg_rcu){.n_workers = n_workers};
	batch_clear(&rcu->open);
	batch_clear(&rcu->waiting);
	batch_clear(&rcu->passed);
	bytes = (bytes + RTE_CACHE_LINE_SIZE - 1) & ~(size_t)(RTE_CACHE_LINE_SIZE - 1);
	rcu->qsbr = aligned_alloc(RTE_CACHE_LINE_SIZE, bytes);
	if (!rcu->qsbr || rte_rcu_qsbr_init(rcu->qsbr, n_workers)) {
		free(rcu->qsbr);
		rcu->qsbr = NULL;
		return -ENOMEM;
	}
	for (unsigned w = 0; w < n_workers; w++)
		rte_rcu_qsbr_thread_register(rcu->qsbr, w);
	return 0;
}

void eg_rcu_fini(struct eg_rcu *rcu)
{
	if (!rcu->qsbr)
		return;
	eg_rcu_synchronize(rcu);
	for (unsigned w = 0; w < rcu->n_workers; w++)
		rte_rcu_qsbr_thread_unregister(rcu->qsbr, w);
	free(rcu->qsbr);
	*rcu = (struct eg_rcu){.qsbr = NULL};
}

void eg_rcu_online(struct eg_rcu *rcu, unsigned w)
{
	rte_rcu_qsbr_thread_online(rcu->qsbr, w);
}

void eg_rcu_offline(struct eg_rcu *rcu, unsigned w)
{
	rte_rcu_qsbr_thread_offline(rcu->qsbr, w);
}

void eg_rcu_quiescent(struct eg_rcu *rcu, unsigned w)
{
	rte_rcu_qsbr_quiescent(rcu->qsbr, w);
}

void eg_rcu_defer(struct eg_rcu *rcu, struct eg_rcu_node *node,
		  void (*free_object)(struct eg_rcu_node *node))
{
	node->free = free_object;
	batch_add(&rcu->open, node);
	rcu->n_deferred++;
}

static void free_passed(struct eg_rcu *rcu, size_t max)
{
	struct eg_rcu_batch *batch = &rcu->passed;

	while (batch->n && max--) {
		struct eg_rcu_node *node = batch->first;

		/* Unlinked first: its memory is gone after the call. */
		batch->first = node->next;
		if (!--batch->n)
			batch_clear(batch);
		rcu->n_freed++;
		node->free(node);
	}
}

bool eg_rcu_poll(struct eg_rcu *rcu)
{
	if (!rcu->passed.n && rcu->waiting.n && eg_rcu_passed(rcu, rcu->token))
		batch_move(&rcu->passed, &rcu->waiting);
	if (!rcu->waiting.n && rcu->open.n) {
		batch_move(&rcu->waiting, &rcu->open);
		rcu->token = eg_rcu_token(rcu);
	}
	free_passed(rcu, EG_RCU_FREE_MAX);
	return rcu->passed.n > 0;
}

uint64_t eg_rcu_token(struct eg_rcu *rcu)
{
	return rte_rcu_qsbr_start(rcu->qsbr);
}

bool eg_rcu_passed(struct eg_rcu *rcu, uint64_t token)
{
	return rte_rcu_qsbr_check(rcu->qsbr, token, false) == 1;
}

void eg_rcu_synchronize(struct eg_rcu *rcu)
{
	/* Repeated, because freeing an object may defer others. */
	do {
		batch_move(&rcu->passed, &rcu->waiting);
		batch_move(&rcu->passed, &rcu->open);
		rte_rcu_qsbr_check(rcu->qsbr, eg_rcu_token(rcu), true);
		free_passed(rcu, SIZE_MAX);
	} while (rcu->open.n);
}
