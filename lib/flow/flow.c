#include "flow/flow.h"

#include "net/headers.h"

/* Bursts for which a cache that knew too little of a burst is left alone, and how many packets say
 * enough about it. */
#define CACHE_RESTS 31
#define ENOUGH      16

void eg_flow_init(struct eg_flow *flow, struct eg_flow_table *table)
{
	flow->table = table;
	flow->frags.seed = table->seed.word[0];
}

static struct eg_flow_cached *cache_slot(struct eg_flow *flow, uint64_t hash)
{
	/* Not the bits that choose the bucket: neighbours there need not be neighbours here. */
	return &flow->cache[(hash >> 32) % EG_FLOW_CACHE_SLOTS];
}

/* One branch for all: which of the reasons it is does not matter. */
static bool cache_passes(const struct eg_flow_cached *cached, const struct eg_lookup *lookup,
			 const struct eg_flow_now *now)
{
	/* Without branches: all of it is in two cache lines that are there by now. */
	unsigned passes = lookup->event == EG_EVENT_DATA;

	passes &= cached->seen_s == now->s;
	passes &= cached->generation == now->generation;
	passes &= cached->both | (cached->side == lookup->side);
	passes &= eg_tcp_near(lookup->segment.end, cached->next_seq[lookup->side], EG_TCP_STEP);
	return passes && eg_flow_key_equal(&cached->key, &lookup->key);
}

static bool is_older(uint32_t generation, uint32_t than)
{
	return (int32_t)(generation - than) < 0;
}

/* Written only where it changes: the line is shared with the other direction's worker. */
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

/* 0 is no number: it fits where none is known, in other protocols always. */
static bool is_near(uint32_t at, uint32_t next)
{
	return at && next ? eg_tcp_near(at, next, EG_TCP_AHEAD) : at == next;
}

/* The packet's event, or EG_EVENT_STRAY where it is out of the connection's window. */
static enum eg_conn_event believe(const struct eg_conn *conn, const struct eg_lookup *lookup,
				  struct eg_standing standing)
{
	uint32_t mine = next_seq(conn, lookup->side);
	bool seq_near = is_near(lookup->segment.end, mine);
	bool ack_near = is_near(lookup->segment.ack, next_seq(conn, !lookup->side));
	bool believed = true;

	switch ((enum eg_conn_event)lookup->event) {
	case EG_EVENT_OPEN: /* policy, or the opener's own business */
	case EG_EVENT_STRAY:
	case EG_EVENTS:
		break;
	case EG_EVENT_FIN:
	case EG_EVENT_RESET:
		/* Who refuses a SYN has no number yet, but acknowledges it (RFC 9293 s3.5.2). */
		believed = mine ? seq_near : ack_near;
		break;
	case EG_EVENT_DATA:
		/* A handshake is finished by who has seen the answer's number. */
		believed = standing.state == EG_CONN_ANSWERED ? ack_near : seq_near | ack_near;
		break;
	}
	return believed ? (enum eg_conn_event)lookup->event : EG_EVENT_STRAY;
}

/* Move the sender's number on; lazily, since the line is shared (window.h). */
static void follow(struct eg_conn *conn, const struct eg_lookup *lookup, enum eg_conn_event event,
		   struct eg_standing was, bool touched)
{
	uint32_t mine = next_seq(conn, lookup->side), end = lookup->segment.end;
	bool near = is_near(end, mine);

	if (end == mine || event == EG_EVENT_STRAY || event == EG_EVENT_RESET)
		return;
	if (event == EG_EVENT_OPEN && !near) {
		/* The ports are used again before anybody has answered. */
		if (was.state != EG_CONN_NEW)
			return;
		set_next_seq(conn, !lookup->side, 0);
	} else if (near && ((int32_t)(end - mine) < 0 || (!touched && end - mine < EG_TCP_STEP))) {
		return;
	}
	set_next_seq(conn, lookup->side, end);
}

/* False where another worker (or the sweep) was quicker; *was is then what it made of it. Release:
 * who sees this standing sees the time of touch() too. */
static bool change(struct eg_conn *conn, struct eg_standing *was, struct eg_standing is)
{
	if (was->generation == is.generation && was->state == is.state && was->opener == is.opener)
		return true;
	return atomic_compare_exchange_weak_explicit(&conn->standing, was, is, memory_order_release,
						     memory_order_relaxed);
}

/* May the cache answer for it? Not in short-lived states; and not for who opens by a handshake: the
 * answer may come by another worker, and what finishes the handshake would be missed. */
static bool is_lasting(const struct eg_lookup *lookup, struct eg_standing standing)
{
	bool handshake = lookup->key.proto == EG_PROTO_TCP || lookup->key.proto == EG_PROTO_SCTP;

	return standing.state >= (handshake ? EG_CONN_ANSWERED : EG_CONN_NEW) &&
	       standing.state <= EG_CONN_ESTABLISHED;
}

/* The cache may answer for it. A place that somebody else
 * has used in this second stays theirs: where there are more connections than places, each would
 * else throw the other out before it is met again. */
static void remember(struct eg_flow *flow, const struct eg_lookup *lookup,
		     struct eg_standing standing, const struct eg_flow_now *now)
{
	struct eg_flow_cached *cached = cache_slot(flow, lookup->hash);
	const struct eg_conn *conn = &flow->table->conns[lookup->conn];

	if (flow->cache_rests || !is_lasting(lookup, standing))
		return;
	if (cached->seen_s == now->s && cached->generation == now->generation &&
	    !eg_flow_key_equal(&cached->key, &lookup->key))
		return;
	*cached = (struct eg_flow_cached){
		.key = lookup->key,
		.generation = now->generation,
		.seen_s = now->s,
		.next_seq = {next_seq(conn, 0), next_seq(conn, 1)},
		/* The opener's next words change an answered one, the other end's a new one. */
		.side = standing.opener ^ (standing.state == EG_CONN_ANSWERED),
		.both = standing.state == EG_CONN_ESTABLISHED,
	};
}

static bool is_stale(struct eg_standing standing, const struct eg_flow_now *now)
{
	return !now->keep && is_older(standing.generation, now->generation);
}

/* A packet of a connection that is in the table; `allowed`: policy has just said so. */
static enum eg_flow_need settle(struct eg_flow *flow, struct eg_lookup *lookup,
				const struct eg_flow_now *now, bool allowed)
{
	struct eg_conn *conn = &flow->table->conns[lookup->conn];
	struct eg_standing was = eg_conn_standing(conn), is;
	enum eg_conn_event event;
	bool touched = false;

	/* Again where another worker changed it meanwhile: its FIN or RST must not be lost. */
	do {
		enum eg_conn_state next;
		enum eg_conn_step step;

		event = believe(conn, lookup, was);
		step = eg_conn_step((enum eg_conn_state)was.state, event,
				    lookup->side == was.opener, &next);
		if (was.state == EG_CONN_DEAD)
			lookup->conn = EG_CONN_NONE;
		if (step == EG_STEP_REOPEN)
			return EG_FLOW_DECIDE;
		if (!allowed && (step == EG_STEP_ASK || is_stale(was, now)))
			return EG_FLOW_REDECIDE;
		/* A newer snapshot has denied it: this one allows the packet and no more. */
		if (step == EG_STEP_ASK && is_older(now->generation, was.generation))
			return EG_FLOW_PASS;
		is = was;
		is.state = (uint8_t)next;
		if (is_older(was.generation, now->generation))
			is.generation = now->generation;
		touched |= touch(conn, now);
	} while (!change(conn, &was, is));
	follow(conn, lookup, event, was, touched);
	remember(flow, lookup, is, now);
	return EG_FLOW_PASS;
}

/* What the cache does not know, into `missed`; returns how many. Nothing is fetched ahead: its
 * lines are near, and the core looks at several at once. */
static unsigned ask_cache(struct eg_flow *flow, struct eg_lookup *lookups, unsigned n,
			  const struct eg_flow_now *now, uint8_t *missed)
{
	unsigned misses = 0;

	for (unsigned i = 0; i < n; i++) {
		lookups[i].need = EG_FLOW_PASS;
		lookups[i].conn = EG_CONN_NONE;
		if (cache_passes(cache_slot(flow, lookups[i].hash), &lookups[i], now))
			continue;
		eg_conn_prefetch(flow->table, lookups[i].hash);
		missed[misses++] = (uint8_t)i;
	}
	return misses;
}

static unsigned miss_all(const struct eg_flow *flow, const struct eg_lookup *lookups, unsigned n,
			 uint8_t *missed)
{
	for (unsigned i = 0; i < n; i++) {
		eg_conn_prefetch(flow->table, lookups[i].hash);
		missed[i] = (uint8_t)i;
	}
	return n;
}

/* Passes over the burst, so that the memory which one needs is on its way while the one before
 * runs. A cache that knows few of a burst's packets costs more than it saves: it is left alone for
 * some bursts then. */
void eg_flow_find(struct eg_flow *flow, struct eg_lookup *lookups, unsigned n,
		  const struct eg_flow_now *now)
{
	uint8_t missed[EG_FLOW_BURST_MAX];
	unsigned misses, rests = 0;

	if (flow->cache_rests) {
		rests = flow->cache_rests - 1;
		misses = miss_all(flow, lookups, n, missed);
	} else {
		misses = ask_cache(flow, lookups, n, now, missed);
		if (n >= ENOUGH && misses > n / 2)
			rests = CACHE_RESTS;
	}
	for (unsigned k = 0; k < misses; k++)
		lookups[missed[k]].conn = eg_conn_candidate(flow->table, lookups[missed[k]].hash);
	for (unsigned k = 0; k < misses; k++) {
		struct eg_lookup *lookup = &lookups[missed[k]];

		lookup->conn =
			eg_conn_confirm(flow->table, &lookup->key, lookup->hash, lookup->conn);
		lookup->need = lookup->conn == EG_CONN_NONE ? EG_FLOW_DECIDE
							    : settle(flow, lookup, now, false);
	}
	/* Now, not before: a burst that asked is remembered, or the cache would never learn. */
	flow->cache_rests = rests;
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

/* Open a connection by a packet for which none was found, or that opens one anew. */
static enum eg_flow_allowed open_by(struct eg_flow *flow, struct eg_lookup *lookup,
				    enum eg_conn_state state, const struct eg_flow_now *now)
{
	struct eg_standing is = {.generation = now->generation,
				 .state = (uint8_t)state,
				 .opener = lookup->side,
				 .charged = lookup->side};
	struct eg_standing was;
	struct eg_conn *conn;
	bool fresh = false; /* also where it was found before */

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
		/* The sweep has it: the packet passes, the next one opens it. */
		if (was.state == EG_CONN_DEAD)
			return EG_FLOW_OPENED;
		is.charged = was.charged;
	} while (!change(conn, &was, is));
	/* A segment in the middle of its connection tells where the other end is, too. */
	set_next_seq(conn, lookup->side, lookup->segment.end);
	set_next_seq(conn, !lookup->side, lookup->segment.ack);
	remember(flow, lookup, is, now);
	return EG_FLOW_OPENED;
}

bool eg_flow_join(struct eg_flow *flow, struct eg_lookup *lookup, const struct eg_flow_now *now)
{
	if (lookup->need != EG_FLOW_DECIDE || lookup->conn != EG_CONN_NONE)
		return false;
	lookup->conn = eg_conn_find(flow->table, &lookup->key, lookup->hash);
	return lookup->conn != EG_CONN_NONE && settle(flow, lookup, now, false) == EG_FLOW_PASS;
}

enum eg_flow_allowed eg_flow_allow(struct eg_flow *flow, struct eg_lookup *lookup,
				   const struct eg_flow_now *now)
{
	if (lookup->need == EG_FLOW_REDECIDE) {
		settle(flow, lookup, now, true);
		return EG_FLOW_JOINED;
	}
	return eg_flow_join(flow, lookup, now) ? EG_FLOW_JOINED
					       : open_by(flow, lookup, EG_CONN_NEW, now);
}

void eg_flow_deny(struct eg_flow *flow, const struct eg_lookup *lookup,
		  const struct eg_flow_now *now)
{
	struct eg_standing was, is;
	struct eg_conn *conn;

	if (lookup->need != EG_FLOW_REDECIDE)
		return;
	conn = &flow->table->conns[lookup->conn];
	was = eg_conn_standing(conn);
	touch(conn, now);
	do {
		/* For good, or a newer snapshot has decided otherwise. */
		if (was.state == EG_CONN_DEAD || is_older(now->generation, was.generation))
			return;
		is = was;
		is.state = EG_CONN_DENIED;
		is.generation = now->generation;
	} while (!change(conn, &was, is));
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
	/* The other end's own attempt is no matter of the connection that lives. */
	if (state < EG_CONN_NEW || state > EG_CONN_ESTABLISHED)
		open_by(flow, lookup, EG_CONN_DENIED, now);
	return state != EG_CONN_DENIED;
}
