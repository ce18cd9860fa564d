#include "flow/flow.h"

#include "net/headers.h"

void eg_flow_init(struct eg_flow *flow, struct eg_flow_table *table)
{
	flow->table = table;
	flow->frags.seed = table->seed.word[0];
}

static bool is_older(uint32_t generation, uint32_t than)
{
	return (int32_t)(generation - than) < 0;
}

/* Write only on change: the cache line is shared with the other direction's worker. */
static bool touch(struct eg_conn *conn, const struct eg_flow_now *now)
{
	if (atomic_load_explicit(&conn->seen_s, memory_order_relaxed) == now->s)
		return false;
	atomic_store_explicit(&conn->seen_s, now->s, memory_order_relaxed);
	return true;
}

static uint32_t next_seq(const struct eg_conn *conn, unsigned side)
{
	return atomic_load_explicit(&conn->next_seq[side], memory_order_relaxed);
}

static void set_next_seq(struct eg_conn *conn, unsigned side, uint32_t to)
{
	atomic_store_explicit(&conn->next_seq[side], to, memory_order_relaxed);
}

/* 0 means unknown: it only matches 0. Other protocols always have 0. */
static bool is_near(uint32_t at, uint32_t next)
{
	return at && next ? eg_tcp_near(at, next, EG_TCP_AHEAD) : at == next;
}

/* The packet's event, or EG_EVENT_STRAY if it is outside the connection's window. */
static enum eg_conn_event check_window(const struct eg_conn *conn, const struct eg_lookup *lookup,
				       struct eg_standing standing)
{
	uint32_t mine = next_seq(conn, lookup->side);
	bool seq_near = is_near(lookup->segment.end, mine);
	bool ack_near = is_near(lookup->segment.ack, next_seq(conn, !lookup->side));
	bool valid = true;

	switch ((enum eg_conn_event)lookup->event) {
	case EG_EVENT_OPEN: /* left to policy, or a retransmission by the opener */
	case EG_EVENT_STRAY:
	case EG_EVENTS:
		break;
	case EG_EVENT_FIN:
	case EG_EVENT_RESET:
		/* The refusal of a SYN comes before any number is known, but acknowledges it (RFC
		 * 9293 s3.5.2). */
		valid = mine ? seq_near : ack_near;
		break;
	case EG_EVENT_DATA:
		/* Only a sender that has seen the answer's number can finish the handshake. */
		valid = standing.state == EG_CONN_ANSWERED ? ack_near : seq_near | ack_near;
		break;
	}
	return valid ? (enum eg_conn_event)lookup->event : EG_EVENT_STRAY;
}

/* Advance the sender's number; lazily, because the cache line is shared (window.h). */
static void track_seq(struct eg_conn *conn, struct eg_lookup *lookup, enum eg_conn_event event,
		      struct eg_standing was, bool touched)
{
	uint32_t mine = next_seq(conn, lookup->side), end = lookup->segment.end;
	bool near = is_near(end, mine);

	if (end == mine || event == EG_EVENT_STRAY || event == EG_EVENT_RESET)
		return;
	if (event == EG_EVENT_OPEN && !near) {
		/* The ports are reused before any answer. */
		if (was.state != EG_CONN_NEW)
			return;
		set_next_seq(conn, !lookup->side, 0);
	} else if (near && ((int32_t)(end - mine) < 0 || (!touched && end - mine < EG_TCP_STEP))) {
		return;
	}
	lookup->narrowed |= !near;
	set_next_seq(conn, lookup->side, end);
}

/* False if another worker or the sweep changed it first; *was is then the new value. Release: a
 * thread that sees this standing also sees the time written by touch(). */
static bool try_update(struct eg_conn *conn, struct eg_standing *was, struct eg_standing is)
{
	if (was->generation == is.generation && was->state == is.state && was->opener == is.opener)
		return true;
	return atomic_compare_exchange_weak_explicit(&conn->standing, was, is, memory_order_release,
						     memory_order_relaxed);
}

/* May a cache answer for this connection? Not in short-lived states. Not for the opener of a
 * handshake either: the answer may pass through another worker, and the cache would hide the packet
 * that completes the handshake. */
static bool is_cacheable(const struct eg_lookup *lookup, struct eg_standing standing)
{
	bool handshake = lookup->key.proto == EG_PROTO_TCP || lookup->key.proto == EG_PROTO_SCTP;

	return standing.state >= (handshake ? EG_CONN_ANSWERED : EG_CONN_NEW) &&
	       standing.state <= EG_CONN_ESTABLISHED;
}

/* The connection changes. Only to be established takes no packets from a cache. */
static void note_change(struct eg_lookup *lookup, struct eg_standing was, struct eg_standing is)
{
	lookup->narrowed |= is_cacheable(lookup, was) && is.state != EG_CONN_ESTABLISHED &&
			    (is.state != was.state || is.opener != was.opener);
}

static bool is_stale(struct eg_standing standing, const struct eg_flow_now *now)
{
	return !now->keep_existing && is_older(standing.generation, now->generation);
}

/* The end whose plain packets do not change the state, where one does: the opener's next packet
 * changes an answered connection, the responder's a new one. */
static unsigned cacheable_side(struct eg_standing standing)
{
	return standing.opener ^ (standing.state == EG_CONN_ANSWERED);
}

bool eg_flow_may_cache(const struct eg_flow *flow, const struct eg_lookup *lookup,
		       const struct eg_flow_now *now, uint32_t *next)
{
	const struct eg_conn *conn;
	struct eg_standing standing;

	if (lookup->need != EG_FLOW_PASS || lookup->conn == EG_CONN_NONE)
		return false;
	conn = &flow->table->conns[lookup->conn];
	standing = eg_conn_standing(conn);
	*next = next_seq(conn, lookup->side);
	return is_cacheable(lookup, standing) && !is_stale(standing, now) &&
	       (standing.state == EG_CONN_ESTABLISHED || lookup->side == cacheable_side(standing));
}

/* Apply a packet to a connection in the table; `allowed`: policy has just allowed it. */
static enum eg_flow_need apply_packet(struct eg_flow *flow, struct eg_lookup *lookup,
				      const struct eg_flow_now *now, bool allowed)
{
	struct eg_conn *conn = &flow->table->conns[lookup->conn];
	struct eg_standing was = eg_conn_standing(conn), is;
	enum eg_conn_event event;
	bool touched = false;

	/* Retry if another worker changed it meanwhile: its FIN or RST must not be lost. */
	do {
		enum eg_conn_state next;
		enum eg_conn_step step;

		event = check_window(conn, lookup, was);
		step = eg_conn_step((enum eg_conn_state)was.state, event,
				    lookup->side == was.opener, &next);
		if (was.state == EG_CONN_DEAD)
			lookup->conn = EG_CONN_NONE;
		if (step == EG_STEP_REOPEN)
			return EG_FLOW_DECIDE;
		if (!allowed && (step == EG_STEP_REDECIDE || is_stale(was, now)))
			return EG_FLOW_REDECIDE;
		/* A newer snapshot has denied it: the older one allows this packet only. */
		if (step == EG_STEP_REDECIDE && is_older(now->generation, was.generation))
			return EG_FLOW_PASS;
		is = was;
		is.state = (uint8_t)next;
		if (is_older(was.generation, now->generation))
			is.generation = now->generation;
		touched |= touch(conn, now);
	} while (!try_update(conn, &was, is));
	note_change(lookup, was, is);
	track_seq(conn, lookup, event, was, touched);
	return EG_FLOW_PASS;
}

/* Process the burst in passes, so that memory for one pass is prefetched during the one before. */
void eg_flow_find(struct eg_flow *flow, struct eg_lookup *lookups, unsigned n,
		  const struct eg_flow_now *now)
{
	for (unsigned i = 0; i < n; i++)
		eg_conn_prefetch(flow->table, lookups[i].hash);
	for (unsigned i = 0; i < n; i++)
		lookups[i].conn = eg_conn_candidate(flow->table, lookups[i].hash);
	for (unsigned i = 0; i < n; i++) {
		struct eg_lookup *lookup = &lookups[i];

		lookup->conn =
			eg_conn_confirm(flow->table, &lookup->key, lookup->hash, lookup->conn);
		lookup->need = lookup->conn == EG_CONN_NONE
				       ? EG_FLOW_DECIDE
				       : apply_packet(flow, lookup, now, false);
	}
}

void eg_flow_peek(const struct eg_flow *flow, const struct eg_flow_tuple *tuple,
		  const struct eg_flow_now *now, struct eg_lookup *lookup)
{
	struct eg_standing standing;

	eg_lookup_make(lookup, flow, tuple, EG_EVENT_DATA);
	lookup->conn = eg_conn_find(flow->table, &lookup->key, lookup->hash);
	lookup->need = EG_FLOW_DECIDE;
	if (lookup->conn == EG_CONN_NONE)
		return;
	standing = eg_conn_standing(&flow->table->conns[lookup->conn]);
	if (standing.state == EG_CONN_DENIED || is_stale(standing, now))
		lookup->need = EG_FLOW_REDECIDE;
	else
		lookup->need = EG_FLOW_PASS;
}

struct eg_flow_tuple eg_flow_opening(const struct eg_flow *flow, const struct eg_lookup *lookup)
{
	unsigned from = lookup->side;

	if (lookup->need == EG_FLOW_REDECIDE)
		from = eg_conn_standing(&flow->table->conns[lookup->conn]).opener;
	return (struct eg_flow_tuple){
		.src = (const uint8_t *)lookup->key.addr[from],
		.dst = (const uint8_t *)lookup->key.addr[!from],
		.sport = lookup->key.port[from],
		.dport = lookup->key.port[!from],
		.proto = lookup->key.proto,
		.version = lookup->key.version,
	};
}

/* Open a connection with a packet that found none, or that reopens one. */
static enum eg_flow_allowed open_conn(struct eg_flow *flow, struct eg_lookup *lookup,
				      enum eg_conn_state state, const struct eg_flow_now *now)
{
	struct eg_standing is = {.generation = now->generation,
				 .state = (uint8_t)state,
				 .opener = lookup->side,
				 .charged = lookup->side};
	struct eg_standing was;
	struct eg_conn *conn;
	bool fresh = false; /* otherwise it existed already */

	if (lookup->conn == EG_CONN_NONE)
		lookup->conn =
			eg_conn_insert(flow->table, &lookup->key, lookup->hash, is, now->s, &fresh);
	if (lookup->conn == EG_CONN_LIMITED) {
		lookup->conn = EG_CONN_NONE;
		return EG_FLOW_LIMITED;
	}
	if (lookup->conn == EG_CONN_NONE)
		return EG_FLOW_FULL;
	conn = &flow->table->conns[lookup->conn];
	was = fresh ? is : eg_conn_standing(conn);
	touch(conn, now);
	do {
		/* The sweep has marked it dead: pass this packet, the next one inserts it again. */
		if (was.state == EG_CONN_DEAD)
			return EG_FLOW_OPENED;
		is.charged = was.charged;
	} while (!try_update(conn, &was, is));
	note_change(lookup, was, is);
	/* A mid-connection segment also gives the other end's position. */
	set_next_seq(conn, lookup->side, lookup->segment.end);
	set_next_seq(conn, !lookup->side, lookup->segment.ack);
	return EG_FLOW_OPENED;
}

bool eg_flow_join(struct eg_flow *flow, struct eg_lookup *lookup, const struct eg_flow_now *now)
{
	if (lookup->need != EG_FLOW_DECIDE || lookup->conn != EG_CONN_NONE)
		return false;
	lookup->conn = eg_conn_find(flow->table, &lookup->key, lookup->hash);
	return lookup->conn != EG_CONN_NONE &&
	       apply_packet(flow, lookup, now, false) == EG_FLOW_PASS;
}

enum eg_flow_allowed eg_flow_allow(struct eg_flow *flow, struct eg_lookup *lookup,
				   const struct eg_flow_now *now)
{
	if (lookup->need == EG_FLOW_REDECIDE) {
		apply_packet(flow, lookup, now, true);
		return EG_FLOW_JOINED;
	}
	return eg_flow_join(flow, lookup, now) ? EG_FLOW_JOINED
					       : open_conn(flow, lookup, EG_CONN_NEW, now);
}

void eg_flow_deny(struct eg_flow *flow, struct eg_lookup *lookup, const struct eg_flow_now *now)
{
	struct eg_standing was, is;
	struct eg_conn *conn;

	if (lookup->need != EG_FLOW_REDECIDE)
		return;
	conn = &flow->table->conns[lookup->conn];
	was = eg_conn_standing(conn);
	touch(conn, now);
	do {
		/* DEAD is final, and a newer snapshot overrides this decision. */
		if (was.state == EG_CONN_DEAD || is_older(now->generation, was.generation))
			return;
		is = was;
		is.state = EG_CONN_DENIED;
		is.generation = now->generation;
	} while (!try_update(conn, &was, is));
	note_change(lookup, was, is);
}

bool eg_flow_audit(struct eg_flow *flow, struct eg_lookup *lookup, const struct eg_flow_now *now)
{
	enum eg_conn_state state = EG_CONN_DEAD;

	if (lookup->conn != EG_CONN_NONE)
		state = (enum eg_conn_state)eg_conn_standing(&flow->table->conns[lookup->conn])
				.state;
	if (lookup->need == EG_FLOW_REDECIDE) {
		eg_flow_deny(flow, lookup, now);
		return state != EG_CONN_DENIED;
	}
	/* An attempt by the responder does not affect an existing live connection. */
	if (state < EG_CONN_NEW || state > EG_CONN_ESTABLISHED)
		open_conn(flow, lookup, EG_CONN_DENIED, now);
	return state != EG_CONN_DENIED;
}
