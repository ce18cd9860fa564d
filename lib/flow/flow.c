#include "flow/flow.h"

void eg_flow_init(struct eg_flow *flow, struct eg_flow_table *table)
{
	flow->table = table;
}

static struct eg_flow_cached *cache_slot(struct eg_flow *flow, uint64_t hash)
{
	/* Not the bits that choose the bucket: neighbours there need not be neighbours here. */
	return &flow->cache[(hash >> 32) % EG_FLOW_CACHE_SLOTS];
}

static bool cache_passes(const struct eg_flow_cached *cached, const struct eg_lookup *lookup,
			 const struct eg_flow_now *now)
{
	return lookup->event == EG_EVENT_DATA && cached->seen_s == now->s &&
	       cached->generation == now->generation &&
	       (cached->both || cached->opener == lookup->side) &&
	       eg_flow_key_equal(&cached->key, &lookup->key);
}

/* Moves to `next`, is alive now, and the cache may answer for it. */
static void advance(struct eg_flow *flow, const struct eg_lookup *lookup, enum eg_conn_state next,
		    const struct eg_flow_now *now)
{
	struct eg_conn *conn = &flow->table->conns[lookup->conn];
	struct eg_flow_cached *cached = cache_slot(flow, lookup->hash);

	/* Written only where they change: the line is shared with the other direction's worker. */
	if (atomic_load_explicit(&conn->state, memory_order_relaxed) != next)
		atomic_store_explicit(&conn->state, (uint8_t)next, memory_order_relaxed);
	if (atomic_load_explicit(&conn->seen_s, memory_order_relaxed) != now->s)
		atomic_store_explicit(&conn->seen_s, now->s, memory_order_relaxed);
	if (atomic_load_explicit(&conn->generation, memory_order_relaxed) != now->generation)
		atomic_store_explicit(&conn->generation, now->generation, memory_order_relaxed);
	if (next != EG_CONN_NEW && next != EG_CONN_ESTABLISHED)
		return; /* short-lived states are always looked up */
	*cached = (struct eg_flow_cached){
		.key = lookup->key,
		.generation = now->generation,
		.seen_s = now->s,
		.opener = atomic_load_explicit(&conn->opener, memory_order_relaxed),
		.both = next == EG_CONN_ESTABLISHED,
	};
}

/* A packet of a connection that is in the table. */
static enum eg_flow_need settle(struct eg_flow *flow, const struct eg_lookup *lookup,
				const struct eg_flow_now *now)
{
	const struct eg_conn *conn = &flow->table->conns[lookup->conn];
	enum eg_conn_state state =
		(enum eg_conn_state)atomic_load_explicit(&conn->state, memory_order_relaxed);
	bool from_opener =
		lookup->side == atomic_load_explicit(&conn->opener, memory_order_relaxed);
	enum eg_conn_state next;

	if (eg_conn_step(state, (enum eg_conn_event)lookup->event, from_opener, &next) ==
	    EG_STEP_REOPEN)
		return EG_FLOW_DECIDE;
	if (!now->keep &&
	    atomic_load_explicit(&conn->generation, memory_order_relaxed) != now->generation)
		return EG_FLOW_REDECIDE;
	advance(flow, lookup, next, now);
	return EG_FLOW_PASS;
}

/* Four passes, so that the memory which one needs is on its way while the one before runs. */
void eg_flow_find(struct eg_flow *flow, struct eg_lookup *lookups, unsigned n,
		  const struct eg_flow_now *now)
{
	uint8_t missed[256];
	unsigned misses = 0;

	for (unsigned i = 0; i < n; i++)
		__builtin_prefetch(cache_slot(flow, lookups[i].hash));
	for (unsigned i = 0; i < n; i++) {
		lookups[i].need = EG_FLOW_PASS;
		lookups[i].conn = EG_CONN_NONE;
		if (cache_passes(cache_slot(flow, lookups[i].hash), &lookups[i], now))
			continue;
		eg_conn_prefetch_bucket(flow->table, lookups[i].hash);
		missed[misses++] = (uint8_t)i;
	}
	for (unsigned k = 0; k < misses; k++)
		eg_conn_prefetch(flow->table, lookups[missed[k]].hash);
	for (unsigned k = 0; k < misses; k++) {
		struct eg_lookup *lookup = &lookups[missed[k]];

		lookup->conn = eg_conn_find(flow->table, &lookup->key, lookup->hash);
		lookup->need =
			lookup->conn == EG_CONN_NONE ? EG_FLOW_DECIDE : settle(flow, lookup, now);
	}
}

bool eg_flow_has(const struct eg_flow *flow, const struct eg_flow_tuple *tuple,
		 const struct eg_flow_now *now)
{
	struct eg_lookup lookup;
	const struct eg_conn *conn;

	eg_lookup_make(&lookup, flow, tuple, EG_EVENT_DATA);
	lookup.conn = eg_conn_find(flow->table, &lookup.key, lookup.hash);
	if (lookup.conn == EG_CONN_NONE)
		return false;
	conn = &flow->table->conns[lookup.conn];
	return atomic_load_explicit(&conn->state, memory_order_relaxed) != EG_CONN_DEAD &&
	       (now->keep ||
		atomic_load_explicit(&conn->generation, memory_order_relaxed) == now->generation);
}

struct eg_flow_tuple eg_flow_opening(const struct eg_flow *flow, const struct eg_lookup *lookup)
{
	unsigned from = lookup->side;

	if (lookup->need == EG_FLOW_REDECIDE)
		from = atomic_load_explicit(&flow->table->conns[lookup->conn].opener,
					    memory_order_relaxed) &
		       1;
	return (struct eg_flow_tuple){
		.src = (const uint8_t *)lookup->key.addr[from],
		.dst = (const uint8_t *)lookup->key.addr[!from],
		.sport = lookup->key.port[from],
		.dport = lookup->key.port[!from],
		.proto = lookup->key.proto,
		.version = lookup->key.version,
	};
}

/* Opened by this packet, whatever the record said before. */
static void open_by(struct eg_flow *flow, const struct eg_lookup *lookup,
		    const struct eg_flow_now *now)
{
	struct eg_conn *conn = &flow->table->conns[lookup->conn];

	atomic_store_explicit(&conn->opener, lookup->side, memory_order_relaxed);
	advance(flow, lookup, EG_CONN_NEW, now);
}

enum eg_flow_allowed eg_flow_allow(struct eg_flow *flow, struct eg_lookup *lookup,
				   const struct eg_flow_now *now)
{
	const struct eg_conn init = {
		.seen_s = now->s, .generation = now->generation, .opener = lookup->side};

	if (lookup->need == EG_FLOW_REDECIDE) {
		struct eg_flow_now keep = *now;

		keep.keep = true;
		settle(flow, lookup, &keep);
		return EG_FLOW_JOINED;
	}
	if (lookup->conn == EG_CONN_NONE) {
		/* An earlier packet of this very batch may have opened it. */
		lookup->conn = eg_conn_find(flow->table, &lookup->key, lookup->hash);
		if (lookup->conn != EG_CONN_NONE && settle(flow, lookup, now) == EG_FLOW_PASS)
			return EG_FLOW_JOINED;
	}
	if (lookup->conn == EG_CONN_NONE)
		lookup->conn = eg_conn_insert(flow->table, &lookup->key, lookup->hash, &init);
	if (lookup->conn == EG_CONN_NONE)
		return EG_FLOW_FULL;
	open_by(flow, lookup, now);
	return EG_FLOW_OPENED;
}

void eg_flow_deny(struct eg_flow *flow, const struct eg_lookup *lookup)
{
	if (lookup->need == EG_FLOW_REDECIDE)
		atomic_store_explicit(&flow->table->conns[lookup->conn].state, EG_CONN_DEAD,
				      memory_order_relaxed);
}
