#include "neigh/neigh.h"

enum kind {
	ANSWER_SAME, /* the MAC that we have */
	ANSWER_OTHER,
	CLAIM_SAME,
	CLAIM_OTHER,
	KINDS,
};

/* What a message does to an entry (cf. RFC 4861 appendix C, and RFC 826's merge). */
struct told {
	uint8_t next;
	bool take; /* the MAC */
	bool ask;  /* the station that the entry has then */
};

static const struct told told[EG_NEIGH_STATES][KINDS] =
	{
		[EG_NEIGH_INCOMPLETE] =
			{
				/* Has no MAC that could be the same. A claim will do, but is asked
				   about at once. */
				[ANSWER_OTHER] = {EG_NEIGH_REACHABLE, true, false},
				[CLAIM_OTHER] = {EG_NEIGH_PROBE, true, true},
			},
		[EG_NEIGH_REACHABLE] =
			{
				[ANSWER_SAME] = {EG_NEIGH_REACHABLE, false, false},
				[CLAIM_SAME] = {EG_NEIGH_REACHABLE, false, false},
				/* Nobody was asked: whoever says so, the station that answered
				   lately is asked. */
				[ANSWER_OTHER] = {EG_NEIGH_PROBE, false, true},
				[CLAIM_OTHER] = {EG_NEIGH_PROBE, false, true},
			},
		[EG_NEIGH_STALE] =
			{
				[ANSWER_SAME] = {EG_NEIGH_STALE, false, false},
				[CLAIM_SAME] = {EG_NEIGH_STALE, false, false},
				[ANSWER_OTHER] = {EG_NEIGH_PROBE, true, true},
				[CLAIM_OTHER] = {EG_NEIGH_PROBE, true, true},
			},
		[EG_NEIGH_PROBE] =
			{
				[ANSWER_SAME] = {EG_NEIGH_REACHABLE, false, false},
				[CLAIM_SAME] = {EG_NEIGH_PROBE, false, false},
				/* The one that was asked has three seconds; then all are. */
				[ANSWER_OTHER] = {EG_NEIGH_PROBE, false, false},
				[CLAIM_OTHER] = {EG_NEIGH_PROBE, false, false},
			},
};

static bool has_mac(const struct eg_neigh *neigh, const uint8_t mac[6])
{
	uint64_t value = 0;

	memcpy(&value, mac, 6);
	return atomic_load_explicit(&neigh->mac, memory_order_relaxed) == value;
}

static void enter(struct eg_neighs *neighs, struct eg_neigh *neigh, enum eg_neigh_state state,
		  uint64_t now_ms)
{
	eg_neigh_set_state(neighs, neigh, state);
	neigh->since_ms = now_ms;
	neigh->tries = 0;
}

enum eg_neigh_do eg_neigh_update(struct eg_neighs *neighs, struct eg_neigh *neigh,
				 const struct eg_neigh_message *message, bool answer,
				 uint64_t now_ms, bool *refused)
{
	bool waited = neigh->state == EG_NEIGH_INCOMPLETE;
	/* An advertisement may leave out the MAC that it was asked by (RFC 4861 s4.4). */
	bool same = message->has_mac ? has_mac(neigh, message->mac) : !waited;
	const struct told *t = &told[neigh->state][answer ? (same ? ANSWER_SAME : ANSWER_OTHER)
							  : (same ? CLAIM_SAME : CLAIM_OTHER)];

	*refused = false;
	if (waited && !message->has_mac)
		return EG_NEIGH_NOTHING;
	/* Without O an advertisement replaces nothing (RFC 4861 s7.2.5). */
	if (!same && !waited && !message->over) {
		*refused = true;
		return EG_NEIGH_NOTHING;
	}
	*refused = !same && !t->take;
	if (t->take)
		eg_neigh_set_mac(neigh, message->mac);
	/* An entry that stays where it is keeps its clock: chatter is no sign of life. */
	if (t->next != neigh->state)
		enter(neighs, neigh, (enum eg_neigh_state)t->next, now_ms);
	if (waited)
		return EG_NEIGH_SEND_HELD;
	return t->ask ? EG_NEIGH_REQUEST_STATION : EG_NEIGH_NOTHING;
}

static bool take_used(struct eg_neigh *neigh)
{
	bool used = atomic_load_explicit(&neigh->used, memory_order_relaxed);

	if (used)
		atomic_store_explicit(&neigh->used, false, memory_order_relaxed);
	return used;
}

/* A question's second is over: ask again, or nobody is there. */
static enum eg_neigh_do ask_again(const struct eg_neigh *neigh, uint64_t now_ms,
				  enum eg_neigh_do question)
{
	if (neigh->tries && now_ms - neigh->since_ms < EG_NEIGH_RETRY_MS)
		return EG_NEIGH_NOTHING;
	return neigh->tries < EG_NEIGH_TRIES ? question : EG_NEIGH_GIVE_UP;
}

enum eg_neigh_do eg_neigh_step(struct eg_neighs *neighs, struct eg_neigh *neigh, uint64_t now_ms)
{
	switch ((enum eg_neigh_state)neigh->state) {
	case EG_NEIGH_INCOMPLETE:
		return ask_again(neigh, now_ms, EG_NEIGH_REQUEST_ALL);
	case EG_NEIGH_REACHABLE:
		if (now_ms - neigh->since_ms < EG_NEIGH_REACHABLE_MS)
			return EG_NEIGH_NOTHING;
		take_used(neigh); /* what counts is a packet from now on */
		enter(neighs, neigh, EG_NEIGH_STALE, now_ms);
		return EG_NEIGH_NOTHING;
	case EG_NEIGH_STALE:
		if (take_used(neigh)) {
			enter(neighs, neigh, EG_NEIGH_PROBE, now_ms);
			return EG_NEIGH_REQUEST_STATION;
		}
		return now_ms - neigh->since_ms < EG_NEIGH_STALE_MS ? EG_NEIGH_NOTHING
								    : EG_NEIGH_GIVE_UP;
	case EG_NEIGH_PROBE:
		return ask_again(neigh, now_ms, EG_NEIGH_REQUEST_STATION);
	case EG_NEIGH_FREE:
	case EG_NEIGH_STATES:
		break;
	}
	return EG_NEIGH_NOTHING;
}

bool eg_neigh_hold(struct eg_neighs *neighs, struct eg_neigh *neigh, void *packet)
{
	if (neigh->n_held == EG_NEIGH_HELD_MAX || neighs->n_held == EG_NEIGH_HELD_ALL)
		return false;
	neigh->held[neigh->n_held++] = packet;
	neighs->n_held++;
	return true;
}

unsigned eg_neigh_release(struct eg_neighs *neighs, struct eg_neigh *neigh,
			  void *out[EG_NEIGH_HELD_MAX])
{
	unsigned n = neigh->n_held;

	memcpy(out, neigh->held, n * sizeof(*out));
	neighs->n_held -= n;
	neigh->n_held = 0;
	return n;
}
