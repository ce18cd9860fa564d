/* Read-copy-update by quiescent states (rte_rcu_qsbr): workers read shared objects without locks,
 * and what the control thread takes out of use is freed when no worker can still see it.
 *
 * Life cycle: eg_rcu_init() -> each worker online -> any number of eg_rcu_defer() and
 * eg_rcu_poll() -> each worker offline -> eg_rcu_fini(), which frees what is left.
 *
 * Synchronization: a worker reports quiescence between two polls of its ports; a pointer that it
 * loaded is valid until its next report. Everything else is the control thread's. No call on either
 * side waits for the other, except eg_rcu_synchronize().
 *
 * To take an object out of use: unpublish it (store the pointer to its successor, or NULL) and
 * defer its free, in either order, before the next eg_rcu_poll(). Deferred objects form batches:
 * one collects, one waits for its grace period, one is being freed. So a grace period is started
 * once per batch, however many objects it has, and a worker that stops reporting costs memory,
 * never time of the control thread. */
#ifndef EG_RCU_RCU_H
#define EG_RCU_RCU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rte_rcu_qsbr;

/* Part of an object that is freed through RCU; nothing else uses it until eg_rcu_defer(). */
struct eg_rcu_node {
	struct eg_rcu_node *next;
	void (*free)(struct eg_rcu_node *node);
};

/* The object that contains a node. */
#define eg_rcu_container(node, type, member) ((type *)((char *)(node)-offsetof(type, member)))

struct eg_rcu_batch {
	struct eg_rcu_node *first, **end; /* oldest first; end: where the next one is linked */
	size_t n;
};

struct eg_rcu {
	struct rte_rcu_qsbr *qsbr;
	unsigned n_workers;

	/* The control thread's. */
	struct eg_rcu_batch open;    /* collects */
	struct eg_rcu_batch waiting; /* until `token` has passed */
	struct eg_rcu_batch passed;  /* no worker sees them: freed a few per poll */
	uint64_t token;
	uint64_t n_deferred, n_freed; /* so far */
};

/* For workers 0 .. n_workers - 1, all offline. 0 or -ENOMEM. */
int eg_rcu_init(struct eg_rcu *rcu, unsigned n_workers);

/* Free everything that is deferred. All workers are offline. Zeroed memory is allowed. */
void eg_rcu_fini(struct eg_rcu *rcu);

/* Worker w begins to read, stops reading, or has just dropped every pointer that it had loaded.
 * An offline worker delays nothing and must not read. That worker only. */
void eg_rcu_online(struct eg_rcu *rcu, unsigned w);
void eg_rcu_offline(struct eg_rcu *rcu, unsigned w);
void eg_rcu_quiescent(struct eg_rcu *rcu, unsigned w);

/* Call free(node) when every worker has reported quiescence or is offline, since the next
 * eg_rcu_poll(): until then the caller has unpublished the object. Never blocks, allocates or frees
 * at once. `free` runs in the control thread and may defer other objects. Control thread. */
void eg_rcu_defer(struct eg_rcu *rcu, struct eg_rcu_node *node,
		  void (*free)(struct eg_rcu_node *node));

/* Objects freed per call, so that a call stays far below a millisecond. */
#define EG_RCU_FREE_MAX 256

/* Free up to EG_RCU_FREE_MAX objects whose grace period has passed, and start the next grace
 * period. Never blocks. True: more can be freed at once, so call again soon. Control thread. */
bool eg_rcu_poll(struct eg_rcu *rcu);

/* Objects that were deferred and are not yet freed. Control thread. */
static inline uint64_t eg_rcu_pending(const struct eg_rcu *rcu)
{
	return rcu->n_deferred - rcu->n_freed;
}

/* A grace period for objects that are freed by other means: take a token after they were
 * unpublished; once eg_rcu_passed() is true for it, no worker sees them. Control thread. */
uint64_t eg_rcu_token(struct eg_rcu *rcu);
bool eg_rcu_passed(struct eg_rcu *rcu, uint64_t token);

/* Wait for all workers and free everything that is deferred. For start and stop, and for tests:
 * blocks for up to a worker's longest poll. Control thread. */
void eg_rcu_synchronize(struct eg_rcu *rcu);

#endif
