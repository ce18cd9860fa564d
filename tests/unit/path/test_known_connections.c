/* The forwarding cache and connections: which packets it must not pass, what the connection table
 * sees of them, and that a connection's packets stay in order. And a peer that moves. */
#include "path/cached.h"

#include "net/bytes.h"

#define ETH 14

enum {
	FIN = 0x01,
	SYN = 0x02,
	RST = 0x04,
	PSH = 0x08,
	ACK = 0x10,
};

#define BYTES 40 /* of each segment */

/* A TCP connection from 10.1.0.5 to 10.2.0.9, which is behind tunnel 0. */
struct tcp {
	struct cached *cached;
	uint16_t port;      /* of the client */
	uint32_t seq[2];    /* next: the client's, the server's */
	struct frame frame; /* the last one */
};

static struct frame segment(const struct tcp *tcp, unsigned from, unsigned flags, uint32_t seq,
			    uint32_t ack)
{
	const struct flow flow = {.src = from ? "10.2.0.9" : "10.1.0.5",
				  .dst = from ? "10.1.0.5" : "10.2.0.9",
				  .proto = 6,
				  .df = true,
				  .payload = 20 + BYTES};
	struct tunnel tunnel = tunnel_to(tcp->cached->gw);
	struct frame packet = {0}, frame;
	uint8_t *at = packet.bytes + 20;

	add_packet(&packet, &flow);
	eg_put16(at, from ? 80 : tcp->port);
	eg_put16(at + 2, from ? tcp->port : 80);
	eg_put32(at + 4, seq);
	eg_put32(at + 8, ack);
	at[12] = 0x50;
	at[13] = (uint8_t)flags;
	if (from)
		return tunnel_packet(&tunnel, ++tcp->cached->seq, packet.bytes, packet.n);
	start_frame(&frame, CLEAR, 4);
	memcpy(frame.bytes + frame.n, packet.bytes, packet.n);
	frame.n = (uint16_t)(frame.n + packet.n);
	return frame;
}

/* The next segment of this end passes. Did the cache know it? */
static bool step(struct tcp *tcp, unsigned from, unsigned flags)
{
	struct frame frame = segment(tcp, from, flags, tcp->seq[from], tcp->seq[!from]);
	bool known = cached_send(tcp->cached, from ? ENCRYPTED : CLEAR, &frame);

	tcp->seq[from] += BYTES + !!(flags & (SYN | FIN));
	assert_int_equal(gw_discard(tcp->cached->gw, from ? CLEAR : ENCRYPTED), 1);
	assert_int_equal(gw_discard(tcp->cached->gw, from ? ENCRYPTED : CLEAR), 0);
	return known;
}

static struct eg_conn *conn_of(const struct tcp *tcp)
{
	const uint8_t client[4] = {10, 1, 0, 5}, server[4] = {10, 2, 0, 9};
	const struct eg_flow_tuple tuple = {client, server, tcp->port, 80, 6, 4};
	struct eg_flow_table *table = tcp->cached->table;
	struct eg_flow_key key;
	uint32_t conn;

	eg_flow_key_make(&key, &tuple);
	conn = eg_conn_find(table, &key, eg_flow_hash(&key, &table->seed));
	assert_int_not_equal(conn, EG_CONN_NONE);
	return &table->conns[conn];
}

static unsigned state_of(const struct tcp *tcp)
{
	return eg_conn_standing(conn_of(tcp)).state;
}

/* Established, and known in both directions. */
static struct tcp established(struct cached *cached, uint16_t port)
{
	struct tcp tcp = {.cached = cached, .port = port, .seq = {1000, 0xfffffff0}};

	assert_false(step(&tcp, 0, SYN));
	assert_int_equal(state_of(&tcp), EG_CONN_NEW);
	assert_false(step(&tcp, 0, SYN)); /* again: not a plain packet */
	assert_false(step(&tcp, 1, SYN | ACK));
	assert_int_equal(state_of(&tcp), EG_CONN_ANSWERED);
	assert_false(step(&tcp, 0, ACK));
	assert_int_equal(state_of(&tcp), EG_CONN_ESTABLISHED);
	assert_true(step(&tcp, 0, PSH | ACK));
	step(&tcp, 1, ACK);
	assert_true(step(&tcp, 1, ACK));
	return tcp;
}

/* What ends or reopens a connection reaches the table, and nothing of that end is known after it
 * but by the rules of the new state. */
static void test_closed(void **state)
{
	static const struct {
		unsigned from, flags, then;
	} rows[] = {
		{0, FIN | ACK, EG_CONN_OPENER_FIN}, {1, FIN | ACK, EG_CONN_RESPONDER_FIN},
		{0, RST | ACK, EG_CONN_CLOSED},     {1, RST | ACK, EG_CONN_CLOSED},
		{0, RST, EG_CONN_CLOSED},
	};
	struct cached cached;

	(void)state;
	cached_open(&cached, false);
	for (unsigned i = 0; i < COUNT(rows); i++) {
		struct tcp tcp = established(&cached, (uint16_t)(1000 + i));
		struct tcp beside = established(&cached, (uint16_t)(2000 + i));

		assert_false(step(&tcp, rows[i].from, rows[i].flags));
		assert_int_equal(state_of(&tcp), rows[i].then);
		for (unsigned k = 0; k < 3; k++)
			assert_false(step(&tcp, rows[i].from, ACK));
		assert_int_equal(state_of(&tcp), rows[i].then);
		/* The other end's packets: known for the rest of this second, not in the next. */
		step(&tcp, !rows[i].from, ACK);
		assert_true(step(&beside, 0, ACK));
		assert_true(step(&beside, 1, ACK));
		cached.clock += CACHED_SECOND;
		for (unsigned k = 0; k < 3; k++)
			assert_false(step(&tcp, !rows[i].from, ACK));
		assert_int_equal(state_of(&tcp), rows[i].then);
	}
	cached_expect(&cached, BIT(FLOWS) - 1, "seconds have passed");
	cached_close(&cached);
}

/* SYNs. The same ports again: it opens another connection, whose handshake the cache does not
 * hide. */
static void test_reopened(void **state)
{
	struct cached cached;
	struct tcp tcp;

	(void)state;
	cached_open(&cached, false);
	tcp = established(&cached, 1000);
	assert_false(step(&tcp, 0, SYN)); /* a late copy, as far as one can tell */
	assert_int_equal(state_of(&tcp), EG_CONN_ESTABLISHED);
	assert_false(step(&tcp, 0, RST));
	tcp.seq[0] += 0x40000000;
	assert_false(step(&tcp, 0, SYN));
	assert_int_equal(state_of(&tcp), EG_CONN_NEW);
	assert_false(step(&tcp, 0, ACK));
	assert_int_equal(state_of(&tcp), EG_CONN_NEW);
	tcp = established(&cached, 1001);
	assert_true(step(&tcp, 0, ACK | 0x20)); /* urgent data */
	cached_close(&cached);
}

/* The table follows a fast connection, in steps. A stray segment passes and changes nothing. */
static void test_numbers(void **state)
{
	struct cached cached;
	struct frame frame;
	struct tcp tcp;
	uint32_t next, stray;

	(void)state;
	cached_open(&cached, false);
	tcp = established(&cached, 1000);
	for (unsigned i = 0; i < 5; i++) {
		const struct eg_conn *conn = conn_of(&tcp);
		bool client = conn->key.port[0] == 1000;

		tcp.seq[0] += EG_TCP_STEP - BYTES - 500;
		assert_true(step(&tcp, 0, ACK));
		tcp.seq[0] += 1000;
		assert_false(step(&tcp, 0, ACK));
		assert_int_equal(atomic_load(&conn->next_seq[!client]), tcp.seq[0]);
		assert_true(step(&tcp, 0, ACK));
	}
	next = tcp.seq[0];
	stray = next + 0x40000000;
	frame = segment(&tcp, 0, ACK, stray, tcp.seq[1] + 0x40000000);
	assert_false(cached_send(&cached, CLEAR, &frame));
	assert_int_equal(gw_discard(cached.gw, ENCRYPTED), 1);
	assert_true(step(&tcp, 0, ACK)); /* stored again, with the right number */
	frame = segment(&tcp, 0, RST, stray, 0);
	assert_false(cached_send(&cached, CLEAR, &frame));
	assert_int_equal(gw_discard(cached.gw, ENCRYPTED), 1);
	assert_int_equal(state_of(&tcp), EG_CONN_ESTABLISHED);
	cached_close(&cached);
}

/* Of an ESP packet over IPv4. */
static uint32_t seq_of(const struct frame *frame)
{
	return eg_get32(frame->bytes + ETH + 24);
}

/* A burst of one connection, of which the cache must not pass one in the middle: those behind it
 * stay behind it. Those of another flow may be anywhere. */
static void test_order(void **state)
{
	static struct frame frames[6], out[6];
	static const unsigned flags[6] = {ACK, ACK, FIN | ACK, ACK, ACK, ACK};
	struct tunnel tunnel;
	struct cached cached;
	uint32_t last = 0;
	unsigned n = 0;
	struct tcp tcp;

	(void)state;
	cached_open(&cached, false);
	tunnel = tunnel_from(cached.gw);
	tcp = established(&cached, 1000);
	for (unsigned i = 0; i < 6; i++) {
		frames[i] = segment(&tcp, 0, flags[i], tcp.seq[0], tcp.seq[1]);
		tcp.seq[0] += BYTES;
	}
	frames[4] = cached_frame(&cached, OTHER, 60);
	gw_send(cached.gw, CLEAR, frames, 6);
	assert_int_equal(gw_sent(cached.gw, ENCRYPTED, out, 6), 6);
	assert_int_equal(state_of(&tcp), EG_CONN_OPENER_FIN);
	for (unsigned i = 0; i < 6; i++) {
		struct frame inner;
		uint32_t seq;

		if (out[i].bytes[ETH + 19] == 7)
			continue;
		inner = open_frame(&tunnel, &out[i], seq_of(&out[i]));
		seq = eg_get32(inner.bytes + 24);
		assert_true(!n++ || seq > last);
		last = seq;
	}
	assert_int_equal(n, 5);
	cached_close(&cached);
}

/* The same behind a packet that must be fragmented before it is sealed, and behind a fragment,
 * which does not show its connection: they leave in the order of their identifications. */
static void test_order_of_fragments(void **state)
{
	static struct frame frames[5], out[8];
	struct tunnel tunnel;
	struct cached cached;

	(void)state;
	cached_open(&cached, false);
	tunnel = tunnel_from(cached.gw);
	cached.gw->specs.v[0].fragment_inner = true;
	assert_int_equal(eg_tunnel_change(&cached.gw->tunnels, 0, &cached.gw->specs.v[0]), 0);
	for (unsigned fragment = 0; fragment < 2; fragment++) {
		unsigned last = 0, n;

		cached_pass(&cached, PEER, NULL);
		assert_true(cached_pass(&cached, PEER, NULL));
		for (unsigned i = 0; i < COUNT(frames); i++) {
			bool special = i == 2;
			bool is_long = special && !fragment;

			frames[i] = cached_frame(&cached, PEER, is_long ? 1470 : 60);
			eg_put16(frames[i].bytes + ETH + 4, (uint16_t)(1 + i));
			if (special && fragment) /* a later one, without ports */
				eg_put32(frames[i].bytes + ETH + 20, 0x12345678);
			if (special)
				eg_put16(frames[i].bytes + ETH + 6, fragment ? 5 : 0);
			fix_checksum(frames[i].bytes + ETH);
		}
		gw_send(cached.gw, CLEAR, frames, COUNT(frames));
		n = gw_sent(cached.gw, ENCRYPTED, out, COUNT(out));
		assert_int_equal(n, COUNT(frames) + !fragment);
		for (unsigned i = 0; i < n; i++) {
			struct frame inner = open_frame(&tunnel, &out[i], seq_of(&out[i]));
			unsigned id = eg_get16(inner.bytes + 4);

			assert_true(id >= last);
			last = id;
		}
		assert_int_equal(last, COUNT(frames));
	}
	cached_close(&cached);
}

/* Packets of a known connection that something is wrong or special with: as by the full path. */
static void test_special(void **state)
{
	static const struct {
		const char *what;
		unsigned at, bytes;
		uint32_t value;
		bool mend; /* its checksum is right */
		enum eg_verdict want;
	} rows[] = {
		{"the last hop", 8, 1, 1, true, EG_DROP_TTL_EXPIRED},
		{"no hop left", 8, 1, 0, true, EG_DROP_TTL_EXPIRED},
		{"a wrong checksum", 10, 2, 0x1234, false, EG_DROP_BAD_IP_CHECKSUM},
		{"longer than the frame", 2, 2, 81, true, EG_DROP_BAD_IP_LENGTH},
		{"shorter than its header", 2, 2, 19, true, EG_DROP_BAD_IP_HEADER},
		{"shorter than UDP", 2, 2, 27, true, EG_DROP_SHORT_L4},
		{"a later fragment", 6, 2, 0x4005, true, EG_PASS},
		{"another version", 0, 1, 0x65, true, EG_DROP_BAD_IP_HEADER},
		{"a header of 16 bytes", 0, 1, 0x44, true, EG_DROP_BAD_IP_HEADER},
		{"from nobody", 12, 1, 0, true, EG_DROP_MARTIAN},
	};
	struct cached cached;

	(void)state;
	cached_open(&cached, false);
	for (unsigned i = 0; i < COUNT(rows); i++) {
		struct frame frame = cached_frame(&cached, PEER, 60);
		uint8_t *at = frame.bytes + ETH + rows[i].at;
		uint64_t before = gw_drops_all(cached.gw),
			 reason = gw_drops(cached.gw, rows[i].want);
		bool drops = rows[i].want != EG_PASS;

		if (rows[i].bytes == 1)
			*at = (uint8_t)rows[i].value;
		else
			eg_put16(at, (uint16_t)rows[i].value);
		if (rows[i].mend)
			fix_checksum(frame.bytes + ETH);
		assert_false(cached_send(&cached, CLEAR, &frame));
		if (drops && gw_drops(cached.gw, rows[i].want) != reason + 1)
			fail_msg("%s: not %s", rows[i].what, eg_drop_name(rows[i].want));
		assert_int_equal(gw_drops_all(cached.gw), before + drops);
		assert_int_equal(gw_discard(cached.gw, ENCRYPTED), !drops);
		gw_discard(cached.gw, CLEAR);
		cached_pass(&cached, PEER, NULL);
		assert_true(cached_pass(&cached, PEER, NULL));
		cached_expect(&cached, 0, rows[i].what);
	}
	cached_close(&cached);
}

/* The same connection by another way in: the cache does not know it, and its source is wrong
 * there. */
static void test_inputs(void **state)
{
	static const uint8_t material[EG_SUITE_KEY_MAX] = "of packets from the other peer, salt";
	struct eg_sa_spec spec = {.kind = EG_SA_KIND_IN,
				  .spi = 0x7101,
				  .suite = eg_suite_find("aes128gcm16"),
				  .replay_window = 64};
	struct tunnel tunnel, other;
	struct frame frame, copy;
	struct cached cached;

	(void)state;
	cached_open(&cached, false);
	spec.local = cached.gw->specs.v[1].local;
	spec.remote = cached.gw->specs.v[1].remote;
	gw_sa(cached.gw, 1, &spec, material);
	tunnel = other = tunnel_to(cached.gw);
	other.src = "192.0.2.7";
	other.spi = 0x7101;
	other.material = material;

	/* PEER's packet out of the tunnel. */
	frame = cached_frame(&cached, PEER, 60);
	copy = tunnel_packet(&tunnel, ++cached.seq, frame.bytes + ETH, frame.n - ETH);
	gw_expect(cached.gw, ENCRYPTED, &copy, EG_DROP_INNER_SOURCE, "out of tunnel 0");
	/* POD's packet out of the other tunnel, and plain by the clear port. */
	frame = cached_frame(&cached, POD, 60);
	gw_send(cached.gw, ENCRYPTED, &frame, 1);
	assert_int_equal(gw_sent(cached.gw, CLEAR, &copy, 1), 1);
	frame = tunnel_packet(&other, 1, copy.bytes + ETH, copy.n - ETH);
	gw_expect(cached.gw, ENCRYPTED, &frame, EG_DROP_INNER_SOURCE, "out of tunnel 1");
	start_frame(&frame, CLEAR, 4);
	memcpy(frame.bytes + ETH, copy.bytes + ETH, copy.n - ETH);
	frame.n = copy.n;
	gw_expect(cached.gw, CLEAR, &frame, EG_DROP_PLAIN_FROM_PEER, "plain");
	cached_expect(&cached, 0, "other inputs");
	cached_close(&cached);
}

/* Where the cache looks for this frame, which came by CLEAR over IPv4. */
static struct eg_cache_entry *place_of(const struct cached *cached, const struct frame *frame)
{
	const struct eg_cache *cache = cached->gw->path[0]->cache;
	uint32_t ports;
	uint64_t addr;

	memcpy(&addr, frame->bytes + ETH + 12, sizeof(addr));
	memcpy(&ports, frame->bytes + ETH + 20, sizeof(ports));
	return eg_cache_find(cache,
			     eg_cache_hash4(cache, addr, ports,
					    eg_cache_input(frame->bytes[ETH + 9], 4, CLEAR)));
}

/* Make it the first one of its set, where look-ups of other tags end. */
static void move_to_front(const struct cached *cached, const struct frame *frame)
{
	struct eg_cache *cache = cached->gw->path[0]->cache;
	struct eg_cache_entry *entry = place_of(cached, frame);
	size_t at = (size_t)(entry - cache->entry), way = at % EG_CACHE_WAYS;
	uint64_t *tags = &cache->tags[at / EG_CACHE_WAYS];

	if (!way)
		return;
	cache->entry[at - way] = *entry;
	*tags = *tags >> 16 * way & 0xffff;
}

/* Other connections for which the cache finds the same entry: it is not theirs. */
static void test_exact(void **state)
{
	struct cached cached;

	(void)state;
	cached_open(&cached, false);
	for (unsigned field = 0; field < 3; field++) { /* the last host's number, both ports */
		struct frame known = cached_frame(&cached, PEER, 60), frame = known;
		uint8_t *at = frame.bytes + ETH + (field ? 18 + 2 * field : 18);
		unsigned tried = 0;

		move_to_front(&cached, &known);
		for (unsigned value = 256; value < 65536 && tried < 3; value++) {
			eg_put16(at, (uint16_t)value);
			if (!memcmp(frame.bytes, known.bytes, known.n) ||
			    place_of(&cached, &frame) != place_of(&cached, &known))
				continue;
			fix_checksum(frame.bytes + ETH);
			assert_false(cached_send(&cached, CLEAR, &frame));
			assert_int_equal(gw_discard(cached.gw, ENCRYPTED), 1);
			known = cached_frame(&cached, PEER, 60);
			tried++;
		}
		assert_true(tried > 0);
		cached_expect(&cached, 0, "others in its place");
	}
	cached_close(&cached);
}

/* Without a cache, everything takes the full path. */
static void test_no_cache(void **state)
{
	struct cached cached;
	struct eg_cache *cache;

	(void)state;
	cached_open(&cached, false);
	cache = cached.gw->path[0]->cache;
	cached.gw->path[0]->cache = NULL;
	for (unsigned i = 0; i < 3u * FLOWS; i++)
		assert_false(cached_pass(&cached, i % FLOWS, NULL));
	cached.gw->path[0]->cache = cache;
	cached_expect(&cached, 0, "the same second");
	cached_close(&cached);
}

int run_known_connection_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_closed),
		cmocka_unit_test(test_reopened),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_order_of_fragments),
		cmocka_unit_test(test_special),
		cmocka_unit_test(test_inputs),
		cmocka_unit_test(test_exact),
		cmocka_unit_test(test_no_cache),
	};

	return cmocka_run_group_tests_name("path: connections that the cache knows", tests, NULL,
					   NULL);
}
