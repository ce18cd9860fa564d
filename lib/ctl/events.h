/* The control thread's end of the workers' events (base/event_queue.h): a source of the loop that
 * hands each event to the handler of its kind.
 *
 * A flood of events costs workers little: after a wake-up the queue is polled every
 * EG_EVENTS_POLL_NS until a poll finds it empty, and is armed only then. So workers make at most
 * one system call per EG_EVENTS_POLL_NS together.
 *
 * Control thread. Life cycle: new -> eg_events_handle() for each kind -> free before the loop and
 * the queue, which are the caller's. */
#ifndef EG_CTL_EVENTS_H
#define EG_CTL_EVENTS_H

#include "base/event_queue.h"
#include "ctl/loop.h"

#define EG_EVENTS_POLL_NS EG_NS_PER_MS

/* Events per call of the handlers, so that they stay far below the loop's limit. */
#define EG_EVENTS_BATCH 64

struct eg_events;

/* `loop` and `queue` are borrowed. NULL with errno on failure. */
struct eg_events *eg_events_new(struct eg_loop *loop, struct eg_event_queue *queue);
void eg_events_free(struct eg_events *events);

/* Object `id` has changed. */
typedef void eg_event_fn(void *arg, uint32_t id);

/* Events were lost: examine every object, in slices where there are many. */
typedef void eg_events_lost_fn(void *arg);

/* Set a kind's handlers. Events of a kind without handlers are ignored. */
void eg_events_handle(struct eg_events *events, uint32_t kind, eg_event_fn *changed,
		      eg_events_lost_fn *lost, void *arg);

#endif
