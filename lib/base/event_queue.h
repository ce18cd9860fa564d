/* Events from workers to the control thread: {kind, id}, such as "liveness changed, tunnel 17".
 *
 * Each worker has a ring of its own, with one writer and one reader, so that no worker ever waits
 * for another. A ring that is full loses the event, but not the fact: the event's kind is marked as
 * lost, and the control thread then examines every object for that kind of change. So an event is a
 * hint where to look, never the only place where something is written down.
 *
 * The control thread sleeps on an event file descriptor. A worker writes to it only while the queue
 * is armed, that is when the control thread may sleep, and disarms the queue by that: one system
 * call per eg_event_queue_arm() at most, over all workers.
 *
 * Life cycle: new -> workers post, the control thread takes -> free when no worker posts any more.
 * Ordering: what a worker wrote before it posted is seen by the control thread after it took the
 * event, or the mark of a lost one. */
#ifndef EG_BASE_EVENT_QUEUE_H
#define EG_BASE_EVENT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Events that a worker's ring takes. */
#define EG_EVENT_RING 1024

/* Kinds are numbers below this. */
#define EG_EVENT_KINDS 32

struct eg_event {
	uint32_t kind, id;
};

struct eg_event_queue;

/* For workers 0 to n_workers - 1. NULL with errno on failure. */
struct eg_event_queue *eg_event_queue_new(unsigned n_workers);
void eg_event_queue_free(struct eg_event_queue *queue);

/* Post an event. Worker `worker` only; never blocks. */
void eg_event_post(struct eg_event_queue *queue, unsigned worker, uint32_t kind, uint32_t id);

/* Take up to `max` events, of all workers in turn; each worker's in their order. Returns how many.
 * Control thread. */
size_t eg_event_take(struct eg_event_queue *queue, struct eg_event *events, size_t max);

/* The kinds of which events were lost since the last call: bit k is kind k. Control thread. */
uint32_t eg_event_take_lost(struct eg_event_queue *queue);

/* The control thread is about to sleep: from now on, the next event makes the descriptor readable.
 * False, and not armed: there is something to take already. Control thread. */
bool eg_event_queue_arm(struct eg_event_queue *queue);

/* Becomes readable, and is made unreadable again. Control thread. */
int eg_event_queue_fd(const struct eg_event_queue *queue);
void eg_event_queue_clear(struct eg_event_queue *queue);

#endif
