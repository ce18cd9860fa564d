/* Changes of tunnels that workers report: each is examined when its event comes. If events were
 * lost, all tunnels are examined, a slice at a time. */
#include "ctl/tunnel_events.h"

#include "tunnel/event.h"

/* Tunnels per slice. */
#define SLICE 1024

typedef void examine_fn(struct eg_ctl *ctl, const struct eg_tunnel *tunnel);

static examine_fn *const examine[EG_TUNNEL_EVENTS] = {
	[EG_TUNNEL_EVENT_LIVENESS] = eg_ctl_examine_liveness,
	[EG_TUNNEL_EVENT_PATH_MTU] = eg_ctl_examine_path_mtu,
	[EG_TUNNEL_EVENT_ENDPOINT] = eg_ctl_examine_endpoint,
};

static void examine_id(struct eg_ctl *ctl, enum eg_tunnel_event kind, uint32_t id)
{
	const struct eg_tunnel *tunnel = eg_tunnel_get(ctl->tunnels, id);

	if (tunnel) /* else it was removed meanwhile */
		examine[kind](ctl, tunnel);
}

static void on_liveness(void *arg, uint32_t id)
{
	examine_id(arg, EG_TUNNEL_EVENT_LIVENESS, id);
}

static void on_path_mtu(void *arg, uint32_t id)
{
	examine_id(arg, EG_TUNNEL_EVENT_PATH_MTU, id);
}

static void on_endpoint(void *arg, uint32_t id)
{
	examine_id(arg, EG_TUNNEL_EVENT_ENDPOINT, id);
}

/* Examine the next tunnels for every kind of change. False: all were. */
static bool examine_slice(void *arg)
{
	struct eg_ctl *ctl = arg;
	uint32_t id = ctl->tunnel_events.next;

	for (unsigned n = 0; n < SLICE; n++, id++) {
		id = eg_tunnels_next(ctl->tunnels, id);
		if (id == EG_TUNNEL_NONE) {
			ctl->tunnel_events.examining = false;
			return false;
		}
		for (int kind = 0; kind < EG_TUNNEL_EVENTS; kind++)
			examine_id(ctl, (enum eg_tunnel_event)kind, id);
	}
	ctl->tunnel_events.next = id;
	return true;
}

void eg_ctl_examine_all(struct eg_ctl *ctl)
{
	ctl->tunnel_events.next = 0; /* from the start, if it was under way */
	if (ctl->tunnel_events.examining)
		return;
	ctl->tunnel_events.examining = true;
	if (!eg_loop_add_job(ctl->loop, "lost events", examine_slice, ctl))
		eg_ctl_examine_now(ctl); /* no memory for a job */
}

void eg_ctl_examine_now(struct eg_ctl *ctl)
{
	ctl->tunnel_events.next = 0;
	while (examine_slice(ctl))
		;
}

static void on_lost(void *arg)
{
	eg_ctl_examine_all(arg);
}

int eg_ctl_follow_tunnels(struct eg_ctl *ctl)
{
	struct eg_events *events = eg_events_new(ctl->loop, ctl->event_queue);

	if (!events)
		return -1;
	eg_events_handle(events, EG_TUNNEL_EVENT_LIVENESS, on_liveness, on_lost, ctl);
	eg_events_handle(events, EG_TUNNEL_EVENT_PATH_MTU, on_path_mtu, on_lost, ctl);
	eg_events_handle(events, EG_TUNNEL_EVENT_ENDPOINT, on_endpoint, on_lost, ctl);
	ctl->tunnel_events.events = events;
	return 0;
}

void eg_ctl_unfollow_tunnels(struct eg_ctl *ctl)
{
	eg_events_free(ctl->tunnel_events.events);
	ctl->tunnel_events.events = NULL;
	ctl->tunnel_events.examining = false; /* the job ends with its loop */
}
