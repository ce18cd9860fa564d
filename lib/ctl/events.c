#include "ctl/events.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

struct handler {
	eg_event_fn *changed;
	eg_events_lost_fn *lost;
	void *arg;
};

struct eg_events {
	struct eg_loop *loop;
	struct eg_event_queue *queue;
	struct eg_loop_source *wakeup, *timer;
	struct handler handler[EG_EVENT_KINDS];
};

static void dispatch_lost(struct eg_events *events)
{
	uint32_t lost = eg_event_take_lost(events->queue);

	for (uint32_t kind = 0; kind < EG_EVENT_KINDS; kind++) {
		const struct handler *handler = &events->handler[kind];

		if (lost >> kind & 1 && handler->lost)
			handler->lost(handler->arg);
	}
}

static void dispatch(struct eg_events *events)
{
	struct eg_event batch[EG_EVENTS_BATCH];
	size_t n = eg_event_take(events->queue, batch, EG_EVENTS_BATCH);

	for (size_t i = 0; i < n; i++) {
		const struct handler *handler = &events->handler[batch[i].kind % EG_EVENT_KINDS];

		if (handler->changed)
			handler->changed(handler->arg, batch[i].id);
	}
	dispatch_lost(events);
	/* At once where there may be more, so that a burst is served between other handlers. */
	eg_loop_set_timer(events->timer, n == EG_EVENTS_BATCH ? 1 : EG_EVENTS_POLL_NS, 0);
}

static void on_wakeup(void *arg, uint32_t ready)
{
	struct eg_events *events = arg;

	(void)ready;
	eg_event_queue_clear(events->queue);
	dispatch(events);
}

static void on_timer(void *arg)
{
	struct eg_events *events = arg;

	if (!eg_event_queue_arm(events->queue))
		dispatch(events);
}

struct eg_events *eg_events_new(struct eg_loop *loop, struct eg_event_queue *queue)
{
	struct eg_events *events = calloc(1, sizeof(*events));
	int err;

	if (!events)
		return NULL;
	events->loop = loop;
	events->queue = queue;
	events->timer = eg_loop_add_timer(loop, "event poll", on_timer, events);
	if (events->timer)
		events->wakeup = eg_loop_add_fd(loop, "events", eg_event_queue_fd(queue), EPOLLIN,
						on_wakeup, events);
	if (!events->wakeup) {
		err = errno;
		eg_events_free(events);
		errno = err;
		return NULL;
	}
	eg_loop_set_timer(events->timer, 1, 0); /* what came before is served, then it is armed */
	return events;
}

void eg_events_free(struct eg_events *events)
{
	if (!events)
		return;
	eg_loop_remove(events->loop, events->timer);
	eg_loop_remove(events->loop, events->wakeup);
	free(events);
}

void eg_events_handle(struct eg_events *events, uint32_t kind, eg_event_fn *changed,
		      eg_events_lost_fn *lost, void *arg)
{
	events->handler[kind] = (struct handler){changed, lost, arg};
}
