#include "tunnel/rekey.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "sa/store.h"
#include "tunnel/sas.h"
#include "tunnel/timers.h"

/* When memory was short, it is tried again after so long. */
#define RETRY_NS (EG_NS_PER_S / 10)

/* New entries, before they are in a list. */
struct fresh {
	struct eg_tunnel_sa *first, *last;
};

static void free_fresh(struct fresh *fresh)
{
	while (fresh->first) {
		struct eg_tunnel_sa *next = fresh->first->next;

		free(fresh->first);
		fresh->first = next;
	}
}

/* One for each SA that the tunnel does not have yet. 0 or -ENOMEM. */
static int make_fresh(struct eg_tunnels *tunnels, uint32_t id, struct eg_sa *const *sas, size_t n,
		      struct fresh *fresh)
{
	for (size_t i = 0; i < n; i++) {
		struct eg_tunnel_sa *held;

		if (eg_tunnel_sa_find(id, sas[i]))
			continue;
		held = eg_tunnel_sa_new(tunnels, id, sas[i]);
		if (!held)
			return -ENOMEM;
		*(fresh->last ? &fresh->last->next : &fresh->first) = held;
		fresh->last = held;
	}
	return 0;
}

static struct eg_tunnel_sa *take_fresh(struct fresh *fresh)
{
	struct eg_tunnel_sa *held = fresh->first;

	fresh->first = held->next;
	held->next = NULL;
	return held;
}

static bool sends_now(const struct eg_tunnel_state *state)
{
	const struct eg_tunnel_sa *held = state->first_sa;

	while (held && !eg_tunnel_sa_sends(held))
		held = held->next;
	return held;
}

/* What a change of a tunnel's SAs goes by. */
struct change {
	struct eg_tunnels *tunnels;
	struct eg_tunnel_state *state;
	const struct eg_rekey_times *times;
	uint64_t now_ns;
	bool sends;          /* something was sent to the peer before */
	uint64_t pending_ns; /* when the first pending SA begins; 0: none is pending */
	struct eg_rekey_result result;
};

static void add_new(struct change *change, struct eg_tunnel_sa *held)
{
	held->wanted = true;
	if (held->sa->kind == EG_SA_KIND_OUT && change->sends && change->times->send_delay_ns) {
		held->use = EG_TUNNEL_SA_PENDING;
		held->at_ns = change->now_ns + change->times->send_delay_ns;
	}
	eg_tunnel_sa_attach(change->state, held, NULL);
	change->result.n_new++;
}

/* It is wanted still, or again. The caller's reference is one too many. */
static void stay(struct change *change, struct eg_tunnel_sa *held)
{
	eg_sa_release(change->tunnels->store, held->sa);
	if (held->wanted)
		return;
	held->wanted = true;
	if (held->use == EG_TUNNEL_SA_RETIRING)
		held->use = EG_TUNNEL_SA_IN_USE;
	eg_tunnel_sa_to_end(change->state, held);
}

static void note_pending(struct change *change, const struct eg_tunnel_sa *held)
{
	if (held->use != EG_TUNNEL_SA_PENDING)
		return;
	change->result.n_pending++;
	if (!change->pending_ns || held->at_ns < change->pending_ns)
		change->pending_ns = held->at_ns;
}

/* Until when an SA that is not wanted stays; 0: not at all. */
static uint64_t stays_until(struct change *change, const struct eg_tunnel_sa *held)
{
	if (held->sa->kind == EG_SA_KIND_OUT)
		return held->use == EG_TUNNEL_SA_PENDING ? 0 : change->pending_ns;
	if (eg_sad_find(&change->tunnels->sad, held->sa->spi_be) != held->sa) {
		change->result.reused_spi = be32toh(held->sa->spi_be);
		return 0;
	}
	if (held->use == EG_TUNNEL_SA_RETIRING)
		return held->at_ns;
	return change->times->grace_ns ? change->now_ns + change->times->grace_ns : 0;
}

static void retire(struct change *change, struct eg_tunnel_sa *held)
{
	uint64_t until_ns = stays_until(change, held);

	if (!until_ns) {
		change->result.n_removed++;
		eg_tunnel_sa_detach(change->state, held);
		return;
	}
	held->use = EG_TUNNEL_SA_RETIRING;
	held->at_ns = until_ns;
	change->result.n_retiring++;
	eg_tunnel_sa_to_end(change->state, held);
}

/* The wanted ones in the caller's order, then those that retire, in their order. */
static void apply(struct change *change, struct eg_sa *const *sas, size_t n, struct fresh *fresh)
{
	struct eg_tunnel_state *state = change->state;
	uint32_t n_before = state->n_sas;
	struct eg_tunnel_sa *held = state->first_sa, *next;

	change->sends = sends_now(state);
	for (struct eg_tunnel_sa *at = held; at; at = at->next)
		at->wanted = false;
	for (size_t i = 0; i < n; i++) {
		struct eg_tunnel_sa *has = eg_tunnel_sa_find(state->id, sas[i]);

		if (has)
			stay(change, has);
		else
			add_new(change, take_fresh(fresh));
	}
	for (held = state->first_sa; held; held = held->next)
		note_pending(change, held);
	held = state->first_sa;
	for (uint32_t i = 0; i < n_before && held && !held->wanted; i++, held = next) {
		next = held->next;
		retire(change, held);
	}
}

int eg_tunnel_set_sas(struct eg_tunnels *tunnels, uint32_t id, struct eg_sa *const *sas, size_t n,
		      const struct eg_rekey_times *times, uint64_t now_ns,
		      struct eg_rekey_result *result)
{
	struct change change = {
		.tunnels = tunnels,
		.state = eg_tunnel_state_of(tunnels, id),
		.times = times,
		.now_ns = now_ns,
	};
	struct fresh fresh = {NULL, NULL};
	struct eg_out_set *set;

	for (size_t i = 0; i < n; i++) {
		if (!eg_tunnel_sa_fits(eg_tunnel_get(tunnels, id), sas[i]))
			return -EINVAL;
	}
	set = eg_out_set_new(change.state->n_sas + (uint32_t)n);
	if (!set || make_fresh(tunnels, id, sas, n, &fresh)) {
		free(set);
		free_fresh(&fresh);
		return -ENOMEM;
	}
	apply(&change, sas, n, &fresh);
	free_fresh(&fresh); /* of an SA that was listed twice */
	eg_tunnel_sas_publish(tunnels, change.state, set);
	if (result)
		*result = change.result;
	return 0;
}

int eg_tunnel_replace_sa(struct eg_tunnels *tunnels, uint32_t id, struct eg_sa *old,
			 struct eg_sa *sa, const struct eg_rekey_times *times, uint64_t now_ns)
{
	static const struct eg_rekey_times at_once;
	struct eg_tunnel_sa *had = eg_tunnel_sa_find(id, old), *held;
	struct change change = {
		.tunnels = tunnels,
		.state = eg_tunnel_state_of(tunnels, id),
		.times = times ? times : &at_once,
		.now_ns = now_ns,
	};
	struct eg_out_set *set;

	if (!had || old->kind != sa->kind || eg_tunnel_sa_find(id, sa) ||
	    !eg_tunnel_sa_fits(eg_tunnel_get(tunnels, id), sa))
		return -EINVAL;
	held = eg_tunnel_sa_new(tunnels, id, sa);
	set = eg_out_set_new(change.state->n_sas + 1);
	if (!held || !set) {
		free(held);
		free(set);
		return -ENOMEM;
	}
	change.sends = eg_tunnel_sa_sends(had);
	add_new(&change, held);
	note_pending(&change, held);
	retire(&change, had);
	eg_tunnel_sas_publish(tunnels, change.state, set);
	return 0;
}

/* Begin and end what is due; the SPI of the last one that began. */
static uint32_t act(struct eg_tunnel_state *state, uint64_t now_ns)
{
	uint32_t sending_spi = 0;
	struct eg_tunnel_sa *held = state->first_sa, *next;

	for (; held; held = next) {
		next = held->next;
		if (held->use == EG_TUNNEL_SA_IN_USE || held->at_ns > now_ns)
			continue;
		if (held->use == EG_TUNNEL_SA_RETIRING) {
			eg_tunnel_sa_detach(state, held);
		} else {
			held->use = EG_TUNNEL_SA_IN_USE;
			sending_spi = be32toh(held->sa->spi_be);
		}
	}
	return sending_spi;
}

uint64_t eg_tunnels_rekey(struct eg_tunnels *tunnels, uint64_t now_ns, unsigned max,
			  eg_rekey_event_fn *report, void *arg)
{
	struct eg_tunnel_state *state;

	while ((state = eg_timers_first(tunnels->timers)) && state->next_ns <= now_ns && max--) {
		struct eg_out_set *set = eg_out_set_new(state->n_sas);
		struct eg_rekey_event event = {.tunnel = state->id};

		if (!set) {
			eg_timers_set(tunnels->timers, state, now_ns + RETRY_NS);
			continue;
		}
		event.sending_spi = act(state, now_ns);
		eg_tunnel_sas_publish(tunnels, state, set);
		event.n_sas = state->n_sas;
		if (report)
			report(arg, &event);
	}
	return state ? state->next_ns : UINT64_MAX;
}
