#include "neigh/state.h"

enum message_kind {
	REPLY_SAME, /* the MAC that the entry has */
	REPLY_OTHER,
	CLAIM_SAME,
	CLAIM_OTHER,
	KINDS,
};

/* What a message does to an entry (cf. RFC 4861 appendix C, and RFC 826's merge). */
struct transition {
	uint8_t next;
	bool take_mac;
	bool probe; /* the station that the entry has afterwards */
};

/* clang-format off */
static const struct transition transitions[EG_NEIGH_STATES][KINDS] = {
	/* There is no MAC to be the same. A claim is used, but probed at once. */
	[EG_NEIGH_INCOMPLETE] = {
		[REPLY_OTHER] = {.next = EG_NEIGH_REACHABLE, .take_mac = true},
		[CLAIM_OTHER] = {.next = EG_NEIGH_PROBE, .take_mac = true, .probe = true},
	},
	/* No request is outstanding, so a different MAC is not believed: probe the station that
	 * answered last. */
	[EG_NEIGH_REACHABLE] = {
		[REPLY_SAME]  = {.next = EG_NEIGH_REACHABLE},
		[CLAIM_SAME]  = {.next = EG_NEIGH_REACHABLE},
		[REPLY_OTHER] = {.next = EG_NEIGH_PROBE, .probe = true},
		[CLAIM_OTHER] = {.next = EG_NEIGH_PROBE, .probe = true},
	},
	[EG_NEIGH_STALE] = {
		[REPLY_SAME]  = {.next = EG_NEIGH_STALE},
		[CLAIM_SAME]  = {.next = EG_NEIGH_STALE},
		[REPLY_OTHER] = {.next = EG_NEIGH_PROBE, .take_mac = true, .probe = true},
		[CLAIM_OTHER] = {.next = EG_NEIGH_PROBE, .take_mac = true, .probe = true},
	},
	/* The probed station has three seconds to answer; then everyone is asked. */
	[EG_NEIGH_PROBE] = {
		[REPLY_SAME]  = {.next = EG_NEIGH_REACHABLE},
		[CLAIM_SAME]  = {.next = EG_NEIGH_PROBE},
		[REPLY_OTHER] = {.next = EG_NEIGH_PROBE},
		[CLAIM_OTHER] = {.next = EG_NEIGH_PROBE},
	},
};
/* clang-format on */

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

enum eg_neigh_action eg_neigh_update(struct eg_neighs *neighs, struct eg_neigh *neigh,
				     const struct eg_neigh_message *message, bool answer,
				     uint64_t now_ms, bool *refused)
{
	bool waited = neigh->state == EG_NEIGH_INCOMPLETE;
	/* An advertisement may omit the MAC to which the solicitation was sent (RFC 4861 s4.4). */
	bool same = message->has_mac ? has_mac(neigh, message->mac) : !waited;
	const struct transition *t =
		&transitions[neigh->state][answer ? (same ? REPLY_SAME : REPLY_OTHER)
						  : (same ? CLAIM_SAME : CLAIM_OTHER)];

	*refused = false;
	if (waited && !message->has_mac)
		return EG_NEIGH_NOTHING;
	/* Without O an advertisement must not replace a MAC (RFC 4861 s7.2.5). */
	if (!same && !waited && !message->override) {
		*refused = true;
		return EG_NEIGH_NOTHING;
	}
	*refused = !same && !t->take_mac;
	if (t->take_mac)
		eg_neigh_set_mac(neigh, message->mac);
	/* Only a change of state restarts the clock: repeated messages do not prove reachability.
	 */
	if (t->next != neigh->state)
		enter(neighs, neigh, (enum eg_neigh_state)t->next, now_ms);
	if (waited)
		return EG_NEIGH_SEND_HELD;
	return t->probe ? EG_NEIGH_REQUEST_STATION : EG_NEIGH_NOTHING;
}

static bool take_used(struct eg_neigh *neigh)
{
	bool used = atomic_load_explicit(&neigh->used, memory_order_relaxed);

	if (used)
		atomic_store_explicit(&neigh->used, false, memory_order_relaxed);
	return used;
}

/* Retransmit once per EG_NEIGH_RETRY_MS, EG_NEIGH_TRIES times, then give up. */
static enum eg_neigh_action retry(const struct eg_neigh *neigh, uint64_t now_ms,
				  enum eg_neigh_action request)
{
	if (neigh->tries && now_ms - neigh->since_ms < EG_NEIGH_RETRY_MS)
		return EG_NEIGH_NOTHING;
	return neigh->tries < EG_NEIGH_TRIES ? request : EG_NEIGH_GIVE_UP;
}

enum eg_neigh_action eg_neigh_tick(struct eg_neighs *neighs, struct eg_neigh *neigh,
				   uint64_t now_ms)
{
	switch ((enum eg_neigh_state)neigh->state) {
	case EG_NEIGH_INCOMPLETE:
		return retry(neigh, now_ms, EG_NEIGH_REQUEST_ALL);
	case EG_NEIGH_REACHABLE:
		if (now_ms - neigh->since_ms < EG_NEIGH_REACHABLE_MS)
			return EG_NEIGH_NOTHING;
		take_used(neigh); /* only packets from now on count */
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
		return retry(neigh, now_ms, EG_NEIGH_REQUEST_STATION);
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
