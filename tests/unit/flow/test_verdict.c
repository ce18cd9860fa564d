/* Verdicts for the packets of a connection; the test plays the policy. */
#include "flow_tests.h"

#include "net/bytes.h"

#define CLIENT 0
#define SERVER 1

struct fixture {
	struct eg_flow_table *table;
	struct eg_flow *worker[2];
	struct eg_flow_now now;
};

static void setup(struct fixture *f)
{
	*f = (struct fixture){.table = eg_flow_table_new(1024),
			      .now = {.generation = 1, .s = 1000}};
	for (unsigned w = 0; w < 2; w++) {
		f->worker[w] = aligned_alloc(64, sizeof(struct eg_flow));
		memset(f->worker[w], 0, sizeof(struct eg_flow));
		eg_flow_init(f->worker[w], f->table);
	}
}

static void teardown(struct fixture *f)
{
	free(f->worker[0]);
	free(f->worker[1]);
	eg_flow_table_free(f->table);
}

static struct eg_lookup find(struct fixture *f, unsigned w, unsigned from, enum eg_conn_event event)
{
	static const uint8_t client[4] = {10, 0, 0, 9}, server[4] = {10, 0, 0, 1};
	const struct eg_flow_tuple there = {client, server, 40000, 80, 6, 4},
				   back = {server, client, 80, 40000, 6, 4};
	struct eg_lookup lookup;

	eg_lookup_make(&lookup, f->worker[w], from == CLIENT ? &there : &back, event);
	eg_flow_find(f->worker[w], &lookup, 1, &f->now);
	return lookup;
}

static void assert_need(struct fixture *f, unsigned w, unsigned from, enum eg_conn_event event,
			enum eg_flow_need need)
{
	assert_int_equal(find(f, w, from, event).need, need);
}

static enum eg_flow_allowed allow(struct fixture *f, unsigned w, unsigned from,
				  enum eg_conn_event event)
{
	struct eg_lookup lookup = find(f, w, from, event);

	return eg_flow_allow(f->worker[w], &lookup, &f->now);
}

static void deny(struct fixture *f, unsigned w, unsigned from, enum eg_conn_event event)
{
	struct eg_lookup lookup = find(f, w, from, event);

	eg_flow_deny(f->worker[w], &lookup, &f->now);
}

static enum eg_conn_state state_of(const struct fixture *f)
{
	static const uint8_t client[4] = {10, 0, 0, 9}, server[4] = {10, 0, 0, 1};
	const struct eg_flow_tuple there = {client, server, 40000, 80, 6, 4};
	struct eg_flow_key key;
	uint32_t conn;

	eg_flow_key_make(&key, &there);
	conn = eg_conn_find(f->table, &key, eg_flow_hash(&key, &f->table->seed));
	return conn == EG_CONN_NONE
		       ? EG_CONN_DEAD
		       : (enum eg_conn_state)eg_conn_standing(&f->table->conns[conn]).state;
}

/* A segment with sequence numbers; it must pass. */
static void segment(struct fixture *f, unsigned w, unsigned from, enum eg_conn_event event,
		    uint32_t end, uint32_t ack)
{
	static const uint8_t client[4] = {10, 0, 0, 9}, server[4] = {10, 0, 0, 1};
	const struct eg_flow_tuple there = {client, server, 40000, 80, 6, 4},
				   back = {server, client, 80, 40000, 6, 4};
	struct eg_lookup lookup;

	eg_lookup_make(&lookup, f->worker[w], from == CLIENT ? &there : &back, event);
	lookup.segment = (struct eg_segment){end, ack};
	eg_flow_find(f->worker[w], &lookup, 1, &f->now);
	if (lookup.need == EG_FLOW_DECIDE)
		eg_flow_allow(f->worker[w], &lookup, &f->now);
	else
		assert_int_equal(lookup.need, EG_FLOW_PASS);
}

#define NEW    EG_CONN_NEW
#define ANSW   EG_CONN_ANSWERED
#define EST    EG_CONN_ESTABLISHED
#define REFIN  EG_CONN_RESPONDER_FIN
#define CLOSED EG_CONN_CLOSED
#define DATA   EG_EVENT_DATA
#define OPEN   EG_EVENT_OPEN
#define FIN    EG_EVENT_FIN
#define RESET  EG_EVENT_RESET

/* What a blind attacker cannot do to a connection, and what its ends can (RFC 9293 s3.5.2, s3.10.7,
 * RFC 5961 s3). The client's initial sequence number is 1000, the server's 0x50000000. */
static void test_window(void **state)
{
	static const struct {
		int number;
		unsigned from;
		enum eg_conn_event event;
		uint32_t end, ack;
		enum eg_conn_state then;
	} rows[] = {
		{1, CLIENT, OPEN, 1001, 0, NEW},
		{2, SERVER, RESET, 5, 0, NEW}, /* a refusal acknowledges the SYN */
		{3, SERVER, RESET, 0, 0x70000000, NEW},
		{4, SERVER, FIN, 6, 0x70000000, NEW},
		{5, SERVER, DATA, 0x60000000, 0x70000000, NEW},
		{6, CLIENT, OPEN, 1001, 0, NEW},
		{7, SERVER, DATA, 0x50000001, 1001, ANSW},
		{8, CLIENT, DATA, 1001, 0x12345678, ANSW}, /* has not seen the answer */
		{9, CLIENT, DATA, 1001, 0, ANSW},
		{10, CLIENT, OPEN, 1001, 0, ANSW},
		{11, SERVER, DATA, 0x50000001, 1001, ANSW},
		{12, CLIENT, DATA, 1001, 0x50000001, EST},
		{13, SERVER, RESET, 0x60000000, 0, EST},
		{14, SERVER, RESET, 0x50000001 + EG_TCP_AHEAD, 0, EST},
		{15, SERVER, RESET, 0x50000000 - EG_TCP_BACK, 0, EST},
		{16, SERVER, RESET, 0, 1001, EST}, /* its number is known by now */
		{17, CLIENT, RESET, 0x80000000, 0, EST},
		{18, CLIENT, FIN, 1001 + EG_TCP_AHEAD, 0x50000001, EST},
		/* Data far outside does not move the window either. */
		{19, CLIENT, DATA, 0x40000000, 0x70000000, EST},
		{20, CLIENT, RESET, 0x40000000, 0, EST},
		{21, CLIENT, OPEN, 0x40000000, 0, EST},
		{22, CLIENT, RESET, 0x40000000, 0, EST},
		/* Data that both ends agree on does: the gateway has missed some of it. */
		{23, SERVER, DATA, 0x58000000, 1001, EST},
		{24, SERVER, RESET, 0x50000001, 0, EST},
		{25, SERVER, FIN, 0x58000065, 1001, REFIN},
		{26, CLIENT, DATA, 1001, 0x58000065, REFIN},
		{27, CLIENT, RESET, 0x80000000, 0, REFIN},
		{28, CLIENT, FIN, 1002, 0x58000065, CLOSED},
		/* The ports are reused. */
		{29, CLIENT, OPEN, 0x90000001, 0, NEW},
		{30, CLIENT, OPEN, 0xa0000001, 0, NEW}, /* and again: no answer yet */
		{31, SERVER, RESET, 0, 0x90000001, NEW},
		{32, SERVER, RESET, 0, 0xa0000001, CLOSED},
		/* Picked up mid-connection. */
		{33, CLIENT, OPEN, 0xffffff00, 0, NEW},
		{34, SERVER, DATA, 0xfffffff0, 0xffffff00, ANSW},
		{35, CLIENT, DATA, 0x00000100, 0xfffffff0, EST}, /* numbers wrap */
		{36, SERVER, RESET, 0x00000010, 0, CLOSED},
	};
	struct fixture b;

	(void)state;
	for (unsigned w = 0; w < 2; w++) { /* both ends on one worker, or one each */
		setup(&b);
		for (size_t i = 0; i < COUNT(rows); i++) {
			segment(&b, w * (i % 2), rows[i].from, rows[i].event, rows[i].end,
				rows[i].ack);
			if (state_of(&b) != rows[i].then)
				fail_msg("row %d: state %d", rows[i].number, state_of(&b));
		}
		teardown(&b);
	}
}

/* Sequence space of a segment (RFC 9293 s3.4): SYN and FIN count as one, padding after the packet
 * does not count, and neither does a header longer than the packet. */
static void test_segment(void **state)
{
	static const struct {
		int number;
		uint8_t offset, flags;
		uint32_t len, seq, ack, end, ack_then;
	} rows[] = {
		{1, 0x50, 0x02, 20, 1000, 7, 1001, 0},
		{2, 0x50, 0x12, 20, 1000, 7, 1001, 7},
		{3, 0x50, 0x10, 20, 1000, 7, 1000, 7},
		{4, 0x50, 0x18, 520, 1000, 7, 1500, 7},
		{5, 0x80, 0x11, 132, 1000, 7, 1101, 7},
		{6, 0x50, 0x04, 20, 1000, 7, 1000, 0},
		{7, 0xf0, 0x10, 40, 1000, 7, 1000, 7},
		{8, 0x50, 0x10, 1480, 0xffffff00, 7, 1204, 7},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint8_t l4[20] = {[12] = rows[i].offset, [13] = rows[i].flags};
		struct eg_segment got;

		eg_put32(l4 + 4, rows[i].seq);
		eg_put32(l4 + 8, rows[i].ack);
		got = eg_tcp_segment(l4, rows[i].len);
		if (got.end != rows[i].end || got.ack != rows[i].ack_then)
			fail_msg("row %d: %u, %u", rows[i].number, got.end, got.ack);
	}
}

/* Picked up mid-connection: the first segment gives the position of both ends. */
static void test_window_mid_connection(void **state)
{
	struct fixture b;

	(void)state;
	setup(&b);
	segment(&b, 0, CLIENT, DATA, 5000, 0x50000000);
	segment(&b, 0, SERVER, RESET, 0x60000000, 0);
	assert_int_equal(state_of(&b), NEW);
	segment(&b, 0, SERVER, RESET, 0x50000000, 0); /* its socket is gone */
	assert_int_equal(state_of(&b), CLOSED);
	teardown(&b);
}

/* Old segments, real or forged, do not move the window back step by step until a reset is accepted
 * that would not be otherwise. */
static void test_window_backwards(void **state)
{
	const uint32_t client = 0x30000000;
	struct fixture b;

	(void)state;
	setup(&b);
	segment(&b, 0, CLIENT, OPEN, client, 0);
	segment(&b, 0, SERVER, DATA, 0x50000001, client);
	segment(&b, 0, CLIENT, DATA, client, 0x50000001);
	for (uint32_t back = 100000; back <= 1000000; back += 100000) {
		b.now.s++;
		segment(&b, 0, CLIENT, DATA, client - back, 0); /* forged */
	}
	segment(&b, 0, CLIENT, RESET, client - 1000000, 0);
	assert_int_equal(state_of(&b), EST);
	segment(&b, 0, CLIENT, RESET, client, 0);
	assert_int_equal(state_of(&b), CLOSED);
	teardown(&b);
}

/* The first opener stays charged until the connection ends, even if the other end reopens it.
 * Otherwise counts would wrap, and that end could not open anything any more. */
static void test_charged_once(void **state)
{
	struct fixture b;

	(void)state;
	setup(&b);
	segment(&b, 0, CLIENT, OPEN, 1001, 0);
	segment(&b, 0, SERVER, RESET, 0, 1001);
	assert_int_equal(state_of(&b), CLOSED);
	segment(&b, 0, SERVER, OPEN, 7001, 0);
	assert_int_equal(state_of(&b), NEW);
	eg_flow_sweep(b.table, b.table->bucket_mask + 1, b.now.s + 100000);
	for (unsigned i = 0; i < 2 * EG_SOURCE_CELLS; i++)
		assert_int_equal(atomic_load(&b.table->sources->cell[0][0] + i), 0);
	teardown(&b);
}

/* Gigabytes within a second: the FIN is still seen, and a blind reset is
 * not accepted anywhere on the way. */
static void test_window_bulk(void **state)
{
	uint32_t client = 1001, server = 0xff000001, acked = server;
	struct fixture b;

	(void)state;
	setup(&b);
	segment(&b, 0, CLIENT, OPEN, client, 0);
	segment(&b, 1, SERVER, DATA, server, client);
	segment(&b, 0, CLIENT, DATA, client, server);
	for (unsigned n = 0; n < 100000; n++) {
		server += n % 3 ? 1460 : 9000;
		segment(&b, 1, SERVER, DATA, server, client);
		if (n % 8 == 0) {
			acked = server - 60000; /* in flight */
			segment(&b, 0, CLIENT, DATA, client, acked);
		}
		if (n % 1000 == 0) {
			segment(&b, 1, SERVER, RESET, server + (1u << 30), 0);
			segment(&b, 1, SERVER, FIN, server - (1u << 30), client);
		}
		b.now.s += n % 20000 == 19999;
	}
	assert_int_equal(state_of(&b), EST);
	segment(&b, 1, SERVER, FIN, server + 1, client);
	assert_int_equal(state_of(&b), REFIN);
	teardown(&b);
}

#undef NEW
#undef ANSW
#undef EST
#undef REFIN
#undef CLOSED
#undef DATA
#undef OPEN
#undef FIN
#undef RESET

/* Answered within the second in which it was opened, by the same worker or by another: the answer
 * must not be lost. The same for the opener's next packet. */
static void test_answered_at_once(void **state)
{
	struct fixture b;

	(void)state;
	for (unsigned w = 0; w < 2; w++) {
		setup(&b);
		allow(&b, 0, CLIENT, EG_EVENT_OPEN);
		assert_need(&b, 0, CLIENT, EG_EVENT_DATA, EG_FLOW_PASS);
		assert_int_equal(state_of(&b), EG_CONN_NEW);
		assert_need(&b, w, SERVER, EG_EVENT_DATA, EG_FLOW_PASS);
		assert_int_equal(state_of(&b), EG_CONN_ANSWERED);
		assert_need(&b, w, SERVER, EG_EVENT_DATA, EG_FLOW_PASS);
		assert_int_equal(state_of(&b), EG_CONN_ANSWERED);
		assert_need(&b, w, CLIENT, EG_EVENT_DATA, EG_FLOW_PASS);
		assert_int_equal(state_of(&b), EG_CONN_ESTABLISHED);
		teardown(&b);
	}
}

/* A source at its limit opens nothing but keeps its connections. */
static void test_limited(void **state)
{
	struct fixture b;

	(void)state;
	setup(&b);
	eg_flow_limit_source(b.table, 0);
	assert_int_equal(allow(&b, 0, CLIENT, EG_EVENT_OPEN), EG_FLOW_LIMITED);
	assert_int_equal(eg_flow_in_use(b.table), 0);
	eg_flow_limit_source(b.table, 1);
	assert_int_equal(allow(&b, 0, CLIENT, EG_EVENT_OPEN), EG_FLOW_OPENED);
	eg_flow_limit_source(b.table, 0);
	assert_need(&b, 0, SERVER, EG_EVENT_DATA, EG_FLOW_PASS);
	assert_need(&b, 0, CLIENT, EG_EVENT_RESET, EG_FLOW_PASS);
	/* Reusing its ports is not another connection. */
	assert_int_equal(allow(&b, 0, CLIENT, EG_EVENT_OPEN), EG_FLOW_OPENED);
	teardown(&b);
}

static void test_two_workers(void **state)
{
	struct fixture b;

	(void)state;
	setup(&b);
	assert_need(&b, 0, CLIENT, EG_EVENT_OPEN, EG_FLOW_DECIDE);
	assert_need(&b, 1, SERVER, EG_EVENT_DATA, EG_FLOW_DECIDE);
	assert_int_equal(allow(&b, 0, CLIENT, EG_EVENT_OPEN), EG_FLOW_OPENED);
	for (int round = 0; round < 3; round++) {
		assert_need(&b, 1, SERVER, EG_EVENT_DATA, EG_FLOW_PASS);
		assert_need(&b, 0, CLIENT, EG_EVENT_DATA, EG_FLOW_PASS);
		assert_need(&b, 0, SERVER, EG_EVENT_DATA, EG_FLOW_PASS);
		assert_need(&b, 1, CLIENT, EG_EVENT_DATA, EG_FLOW_PASS);
		b.now.s++;
	}
	assert_need(&b, 0, CLIENT, EG_EVENT_OPEN, EG_FLOW_PASS);
	assert_need(&b, 0, SERVER, EG_EVENT_OPEN, EG_FLOW_DECIDE);
	assert_int_equal(eg_flow_in_use(b.table), 1);
	teardown(&b);
}

/* A batch with the opening packet and its reply: the lookups precede any decision. */
static void test_one_batch(void **state)
{
	struct fixture b;
	struct eg_lookup syn, ack, stranger;

	(void)state;
	setup(&b);
	syn = find(&b, 0, CLIENT, EG_EVENT_OPEN);
	ack = find(&b, 0, SERVER, EG_EVENT_DATA);
	stranger = ack;
	assert_false(eg_flow_join(b.worker[0], &stranger, &b.now));
	assert_int_equal(eg_flow_allow(b.worker[0], &syn, &b.now), EG_FLOW_OPENED);
	assert_true(eg_flow_join(b.worker[0], &ack, &b.now));
	/* The server's own SYN is not a reply. */
	ack = find(&b, 0, SERVER, EG_EVENT_OPEN);
	assert_false(eg_flow_join(b.worker[0], &ack, &b.now));
	teardown(&b);
}

/* After a reload, either direction causes one new decision, in the opener's direction. */
static void test_generations(void **state)
{
	struct fixture b;
	struct eg_lookup lookup;
	struct eg_flow_tuple opening;

	(void)state;
	for (unsigned first = CLIENT; first <= SERVER; first++) {
		setup(&b);
		allow(&b, 0, CLIENT, EG_EVENT_OPEN);
		assert_need(&b, 1, SERVER, EG_EVENT_DATA, EG_FLOW_PASS);
		b.now.generation = 2;
		lookup = find(&b, 0, first, EG_EVENT_DATA);
		assert_int_equal(lookup.need, EG_FLOW_REDECIDE);
		opening = eg_flow_opening(b.worker[0], &lookup);
		assert_int_equal(opening.dport, 80);
		assert_int_equal(opening.src[3], 9);
		assert_need(&b, 1, !first, EG_EVENT_DATA, EG_FLOW_REDECIDE);
		assert_int_equal(eg_flow_allow(b.worker[0], &lookup, &b.now), EG_FLOW_JOINED);
		assert_need(&b, 0, first, EG_EVENT_DATA, EG_FLOW_PASS);
		assert_need(&b, 1, !first, EG_EVENT_DATA, EG_FLOW_PASS);
		/* A worker still on the old snapshot does not decide again. */
		b.now.generation = 1;
		assert_need(&b, 1, SERVER, EG_EVENT_DATA, EG_FLOW_PASS);
		b.now.generation = 2;
		assert_need(&b, 1, SERVER, EG_EVENT_DATA, EG_FLOW_PASS);
		teardown(&b);
	}
}

static void test_keep_existing(void **state)
{
	struct fixture b;

	(void)state;
	setup(&b);
	b.now.keep_existing = true;
	allow(&b, 0, CLIENT, EG_EVENT_OPEN);
	b.now.generation = 2;
	assert_need(&b, 0, SERVER, EG_EVENT_DATA, EG_FLOW_PASS);
	assert_need(&b, 0, CLIENT, EG_EVENT_DATA, EG_FLOW_PASS);
	assert_need(&b, 0, SERVER, EG_EVENT_OPEN, EG_FLOW_DECIDE); /* not an existing connection */
	teardown(&b);
}

/* Forbidden by a new policy: no packet of the connection opens it in the other direction, until
 * policy changes again. */
static void test_denied(void **state)
{
	struct fixture b;

	(void)state;
	setup(&b);
	allow(&b, 0, CLIENT, EG_EVENT_OPEN);
	assert_need(&b, 0, SERVER, EG_EVENT_DATA, EG_FLOW_PASS);
	b.now.generation = 2;
	deny(&b, 0, SERVER, EG_EVENT_DATA);
	for (unsigned w = 0; w < 2; w++) {
		assert_need(&b, w, SERVER, EG_EVENT_DATA, EG_FLOW_REDECIDE);
		assert_need(&b, w, CLIENT, EG_EVENT_DATA, EG_FLOW_REDECIDE);
		assert_need(&b, w, CLIENT, EG_EVENT_FIN, EG_FLOW_REDECIDE);
		assert_need(&b, w, SERVER, EG_EVENT_RESET, EG_FLOW_REDECIDE);
		assert_need(&b, w, CLIENT, EG_EVENT_OPEN, EG_FLOW_DECIDE);
		assert_need(&b, w, SERVER, EG_EVENT_OPEN, EG_FLOW_DECIDE);
	}
	/* keep_existing keeps allowed connections, not denied ones. */
	b.now.keep_existing = true;
	assert_need(&b, 0, SERVER, EG_EVENT_DATA, EG_FLOW_REDECIDE);
	b.now.keep_existing = false;
	/* A worker on the old snapshot may pass its packet, and no more. */
	b.now.generation = 1;
	assert_int_equal(allow(&b, 1, SERVER, EG_EVENT_DATA), EG_FLOW_JOINED);
	b.now.generation = 2;
	assert_need(&b, 1, SERVER, EG_EVENT_DATA, EG_FLOW_REDECIDE);
	b.now.generation = 3;
	assert_int_equal(allow(&b, 1, SERVER, EG_EVENT_DATA), EG_FLOW_JOINED);
	assert_need(&b, 0, CLIENT, EG_EVENT_DATA, EG_FLOW_PASS);
	assert_need(&b, 0, SERVER, EG_EVENT_DATA, EG_FLOW_PASS);
	teardown(&b);
}

/* A worker on the older snapshot does not end a connection that a newer one allowed. */
static void test_denied_late(void **state)
{
	struct fixture b;
	struct eg_lookup late;

	(void)state;
	setup(&b);
	allow(&b, 0, CLIENT, EG_EVENT_OPEN);
	b.now.generation = 2;
	late = find(&b, 1, CLIENT, EG_EVENT_DATA);
	assert_int_equal(late.need, EG_FLOW_REDECIDE);
	b.now.generation = 3;
	allow(&b, 0, CLIENT, EG_EVENT_DATA);
	b.now.generation = 2;
	eg_flow_deny(b.worker[1], &late, &b.now);
	b.now.generation = 3;
	assert_need(&b, 0, SERVER, EG_EVENT_DATA, EG_FLOW_PASS);
	/* But a new opening under the old one is decided again under the new one. */
	b.now.generation = 2;
	assert_int_equal(allow(&b, 1, SERVER, EG_EVENT_OPEN), EG_FLOW_OPENED);
	b.now.generation = 3;
	assert_need(&b, 0, SERVER, EG_EVENT_DATA, EG_FLOW_REDECIDE);
	teardown(&b);
}

static void test_close_and_reopen(void **state)
{
	struct fixture b;

	(void)state;
	setup(&b);
	allow(&b, 0, CLIENT, EG_EVENT_OPEN);
	assert_need(&b, 0, SERVER, EG_EVENT_DATA, EG_FLOW_PASS);
	assert_need(&b, 0, CLIENT, EG_EVENT_FIN, EG_FLOW_PASS);
	assert_need(&b, 1, CLIENT, EG_EVENT_FIN, EG_FLOW_PASS); /* retransmitted */
	b.now.s += 200; /* half closed, the server still sends */
	assert_int_equal(eg_flow_sweep(b.table, b.table->bucket_mask + 1, b.now.s), 0);
	assert_need(&b, 1, SERVER, EG_EVENT_DATA, EG_FLOW_PASS);
	assert_need(&b, 1, SERVER, EG_EVENT_FIN, EG_FLOW_PASS);
	assert_need(&b, 0, CLIENT, EG_EVENT_DATA, EG_FLOW_PASS);
	assert_need(&b, 0, CLIENT, EG_EVENT_OPEN, EG_FLOW_DECIDE);
	assert_int_equal(allow(&b, 0, CLIENT, EG_EVENT_OPEN), EG_FLOW_OPENED);
	assert_int_equal(eg_flow_in_use(b.table), 1);
	assert_need(&b, 1, SERVER, EG_EVENT_DATA, EG_FLOW_PASS);
	assert_need(&b, 1, SERVER, EG_EVENT_RESET, EG_FLOW_PASS);
	b.now.s += 10;
	assert_int_equal(eg_flow_sweep(b.table, b.table->bucket_mask + 1, b.now.s), 1);
	assert_need(&b, 1, SERVER, EG_EVENT_DATA, EG_FLOW_DECIDE);
	teardown(&b);
}

/* The sweep is faster than the packet that reopens it: DEAD is final, the next packet inserts. */
static void test_reopen_dead(void **state)
{
	struct fixture b;
	struct eg_lookup late;

	(void)state;
	setup(&b);
	allow(&b, 0, CLIENT, EG_EVENT_OPEN);
	assert_need(&b, 0, CLIENT, EG_EVENT_RESET, EG_FLOW_PASS);
	late = find(&b, 0, CLIENT, EG_EVENT_OPEN);
	assert_int_equal(late.need, EG_FLOW_DECIDE);
	assert_int_equal(eg_flow_sweep(b.table, b.table->bucket_mask + 1, b.now.s + 10), 1);
	assert_int_equal(eg_flow_allow(b.worker[0], &late, &b.now), EG_FLOW_OPENED);
	assert_int_equal(eg_flow_in_use(b.table), 0);
	assert_int_equal(allow(&b, 0, CLIENT, EG_EVENT_OPEN), EG_FLOW_OPENED);
	assert_need(&b, 0, SERVER, EG_EVENT_DATA, EG_FLOW_PASS);
	teardown(&b);
}

/* Traffic keeps a connection alive, from either end. */
static void test_traffic_refreshes(void **state)
{
	struct fixture b;

	(void)state;
	setup(&b);
	allow(&b, 0, CLIENT, EG_EVENT_OPEN);
	for (int n = 0; n < 100; n++) {
		b.now.s += 29;
		assert_int_equal(eg_flow_sweep(b.table, b.table->bucket_mask + 1, b.now.s), 0);
		assert_need(&b, n & 1, CLIENT, EG_EVENT_DATA, EG_FLOW_PASS);
		assert_need(&b, n & 1, CLIENT, EG_EVENT_DATA, EG_FLOW_PASS);
	}
	b.now.s += 30;
	assert_int_equal(eg_flow_sweep(b.table, b.table->bucket_mask + 1, b.now.s), 1);
	teardown(&b);
}

/* Audit: a denied connection is remembered, and decided in its own direction forever. */
static void test_audit(void **state)
{
	struct fixture b;
	struct eg_lookup lookup;

	(void)state;
	setup(&b);
	lookup = find(&b, 0, CLIENT, EG_EVENT_OPEN);
	assert_true(eg_flow_audit(b.worker[0], &lookup, &b.now));
	assert_int_equal(eg_flow_in_use(b.table), 1);
	lookup = find(&b, 1, SERVER, EG_EVENT_DATA);
	assert_int_equal(lookup.need, EG_FLOW_REDECIDE);
	assert_int_equal(eg_flow_opening(b.worker[1], &lookup).dport, 80);
	assert_false(eg_flow_audit(b.worker[1], &lookup, &b.now));
	assert_need(&b, 0, CLIENT, EG_EVENT_DATA, EG_FLOW_REDECIDE);

	/* Attempts by the responder do not affect an allowed connection in any state. */
	assert_int_equal(allow(&b, 0, CLIENT, EG_EVENT_OPEN), EG_FLOW_OPENED);
	for (unsigned n = 0; n < 3; n++) {
		enum eg_conn_state before = state_of(&b);

		assert_int_equal(before, EG_CONN_NEW + n);
		lookup = find(&b, 0, SERVER, EG_EVENT_OPEN);
		assert_int_equal(lookup.need, EG_FLOW_DECIDE);
		eg_flow_audit(b.worker[0], &lookup, &b.now);
		assert_int_equal(state_of(&b), before);
		assert_need(&b, 1, n ? CLIENT : SERVER, EG_EVENT_DATA, EG_FLOW_PASS);
	}
	teardown(&b);
}

/* eg_flow_peek() steps and refreshes nothing. */
static void test_peek(void **state)
{
	static const uint8_t client[4] = {10, 0, 0, 9}, server[4] = {10, 0, 0, 1};
	const struct eg_flow_tuple back = {server, client, 80, 40000, 6, 4};
	struct fixture b;
	struct eg_lookup lookup;

	(void)state;
	setup(&b);
	eg_flow_peek(b.worker[0], &back, &b.now, &lookup);
	assert_int_equal(lookup.need, EG_FLOW_DECIDE);
	allow(&b, 0, CLIENT, EG_EVENT_OPEN);
	b.now.s += 20;
	eg_flow_peek(b.worker[0], &back, &b.now, &lookup);
	assert_int_equal(lookup.need, EG_FLOW_PASS);
	assert_int_equal(eg_conn_standing(&b.table->conns[lookup.conn]).state, EG_CONN_NEW);
	assert_int_equal(atomic_load(&b.table->conns[lookup.conn].seen_s), b.now.s - 20);
	b.now.generation = 2;
	eg_flow_peek(b.worker[0], &back, &b.now, &lookup);
	assert_int_equal(lookup.need, EG_FLOW_REDECIDE);
	b.now.keep_existing = true;
	eg_flow_peek(b.worker[0], &back, &b.now, &lookup);
	assert_int_equal(lookup.need, EG_FLOW_PASS);
	teardown(&b);
}

/* Connection n, seen from either end. */
static void make_nth(struct fixture *b, uint32_t n, bool reply, struct eg_lookup *lookup)
{
	const uint8_t client[4] = {10, 1, (uint8_t)(n >> 8), (uint8_t)n}, server[4] = {10, 0, 0, 1};
	const struct eg_flow_tuple there = {client, server, 4, 80, 6, 4},
				   back = {server, client, 80, 4, 6, 4};

	eg_lookup_make(lookup, b->worker[0], reply ? &back : &there, EG_EVENT_DATA);
}

/* Full bursts over seconds and reloads. */
static void test_full_bursts(void **state)
{
	enum {
		FLOWS = 768
	};
	static struct eg_lookup lookups[64];
	static uint32_t flows[64], decided[FLOWS];
	struct rng rng = rng_start("full bursts");
	struct fixture b;

	(void)state;
	setup(&b);
	for (unsigned burst = 0; burst < 20000; burst++) {
		b.now.s += burst % 1000 == 499;
		b.now.generation += burst % 1000 == 999;
		for (unsigned i = 0; i < 64; i++) {
			flows[i] = (uint32_t)rng_below(&rng, FLOWS);
			make_nth(&b, flows[i], decided[flows[i]] && rng_below(&rng, 2),
				 &lookups[i]);
		}
		eg_flow_find(b.worker[0], lookups, 64, &b.now);
		for (unsigned i = 0; i < 64; i++)
			assert_int_equal(lookups[i].need, !decided[flows[i]] ? EG_FLOW_DECIDE
							  : decided[flows[i]] != b.now.generation
								  ? EG_FLOW_REDECIDE
								  : EG_FLOW_PASS);
		for (unsigned i = 0; i < 64; i++) {
			if (lookups[i].need != EG_FLOW_PASS)
				eg_flow_allow(b.worker[0], &lookups[i], &b.now);
			decided[flows[i]] = b.now.generation;
		}
	}
	assert_int_equal(eg_flow_in_use(b.table), FLOWS);
	teardown(&b);
}

int run_verdict_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_segment),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_window_mid_connection),
		cmocka_unit_test(test_window_bulk),
		cmocka_unit_test(test_window_backwards),
		cmocka_unit_test(test_charged_once),
		cmocka_unit_test(test_answered_at_once),
		cmocka_unit_test(test_limited),
		cmocka_unit_test(test_two_workers),
		cmocka_unit_test(test_one_batch),
		cmocka_unit_test(test_generations),
		cmocka_unit_test(test_keep_existing),
		cmocka_unit_test(test_denied),
		cmocka_unit_test(test_denied_late),
		cmocka_unit_test(test_close_and_reopen),
		cmocka_unit_test(test_reopen_dead),
		cmocka_unit_test(test_traffic_refreshes),
		cmocka_unit_test(test_audit),
		cmocka_unit_test(test_peek),
		cmocka_unit_test(test_full_bursts),
	};

	return cmocka_run_group_tests_name("flow verdicts", tests, NULL, NULL);
}
