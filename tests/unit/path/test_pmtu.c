/* ICMP "too big" about sealed packets: which ones are believed and their effect, and forged ones.
 */
#include "path/path_tests.h"

#include "net/bytes.h"
#include "path/pmtu.h"

#define ETH    14
#define PLAIN  EG_DROP_PLAIN_ON_ENCRYPTED
#define FORGED EG_DROP_PATH_MTU_FORGED
#define BAD    EG_DROP_PATH_MTU_BAD

static struct gw *open_way(unsigned outer, bool encap)
{
	struct gw *gw = gw_open((struct gw_spec){.site = 1, .outer = outer, .encap = encap});

	gw_ready(gw);
	gw->path[0]->port[ENCRYPTED].mtu = 1500;
	atomic_store(&gw_sa_out(gw)->seq, 1000);
	return gw;
}

/* The outer packet for a pod's packet of len bytes. */
static struct frame sealed(struct gw *gw, unsigned len)
{
	struct frame frame =
		plain_frame(CLEAR, &(struct flow){V4, .df = true, .payload = (uint16_t)(len - 20)});

	gw_send(gw, CLEAR, &frame, 1);
	assert_int_equal(gw_sent(gw, ENCRYPTED, &frame, 1), 1);
	return frame;
}

static uint16_t icmp_sum(const uint8_t *p, size_t n)
{
	static uint8_t all[FRAME_MAX];
	size_t head = p[0] >> 4 == 4 ? 20 : 40, at = 0;

	memset(all, 0, 40);
	if (head == 40) {
		memcpy(all, p + 8, 32);
		eg_put32(all + 32, (uint32_t)(n - head));
		all[39] = 58;
		at = 40;
	}
	memcpy(all + at, p + head, n - head);
	return naive_checksum(all, at + n - head);
}

/* A router's message about it, quoting n bytes. */
static struct frame message(const struct frame *about, uint32_t mtu, unsigned n)
{
	const uint8_t *quote = about->bytes + ETH;
	bool v4 = quote[0] >> 4 == 4;
	struct eg_ip local = eg_ip_from(v4 ? 4 : 6, quote + (v4 ? 12 : 8));
	char to[EG_IP_TEXT];
	struct flow flow = {.src = v4 ? "198.51.100.1" : "2001:db8:ffff::1",
			    .dst = eg_ip_print(&local, to),
			    .proto = v4 ? 1 : 58};
	struct frame frame;
	uint8_t *icmp;

	n = n < about->n - 14u ? n : about->n - 14u;
	flow.payload = (uint16_t)(8 + n);
	frame = plain_frame(ENCRYPTED, &flow);
	icmp = frame.bytes + ETH + (v4 ? 20 : 40);
	memset(icmp, 0, 8);
	icmp[0] = v4 ? 3 : 2;
	icmp[1] = v4 ? 4 : 0;
	eg_put32(icmp + 4, mtu);
	memcpy(icmp + 8, quote, n);
	eg_put16(icmp + 2, icmp_sum(frame.bytes + ETH, frame.n - ETH));
	return frame;
}

/* Fix the checksum after a change. */
static void mend(struct frame *frame)
{
	uint8_t *icmp = frame->bytes + ETH + (frame->bytes[ETH] >> 4 == 4 ? 20 : 40);

	eg_put16(icmp + 2, 0);
	eg_put16(icmp + 2, icmp_sum(frame->bytes + ETH, frame->n - ETH));
}

static unsigned path_mtu(const struct gw *gw)
{
	return eg_pmtu_get(gw_tunnel(gw, 0)->pmtu);
}

static void hear(struct gw *gw, const struct frame *frame, enum eg_verdict want, const char *what)
{
	uint64_t before = gw_drops(gw, want), all = gw_drops_all(gw);

	gw_send(gw, ENCRYPTED, frame, 1);
	if (gw_drops(gw, want) - before != (want != EG_PASS) ||
	    gw_drops_all(gw) - all != (want != EG_PASS))
		fail_msg("%s: not %s", what, eg_drop_name(want));
	assert_int_equal(gw_discard(gw, CLEAR) + gw_discard(gw, ENCRYPTED), 0);
}

/* From then on nothing longer leaves: one more byte from a pod is too big, and its sender is told
 * the MTU; TCP's MSS is clamped. */
static void test_lowers(void **state)
{
	(void)state;
	for (unsigned way = 0; way < 4; way++) {
		struct gw *gw = open_way(way & 1 ? 6 : 4, way & 2);
		struct frame about = sealed(gw, 1400), frame = message(&about, 1300, 1232), out;
		unsigned room = 0, around = (way & 1 ? 40 : 20) + (way & 2 ? 8 : 0);
		uint32_t generation = eg_tunnel_generation(&gw->tunnels, 0);

		hear(gw, &frame, EG_PASS, "a true one");
		assert_int_equal(eg_tunnel_generation(&gw->tunnels, 0), generation + 1);
		hear(gw, &frame, EG_PASS, "the same again");
		assert_int_equal(eg_tunnel_generation(&gw->tunnels, 0), generation + 1);
		assert_int_equal(path_mtu(gw), 1300);
		assert_int_equal(eg_counted(&gw->stats[0]->path_mtus), 1);
		for (unsigned len = 1150; len < 1301; len++) {
			frame = plain_frame(CLEAR, &(struct flow){V4, .df = true,
								  .payload = (uint16_t)(len - 20)});
			gw_send(gw, CLEAR, &frame, 1);
			if (!gw_sent(gw, ENCRYPTED, &out, 1))
				continue;
			assert_int_equal(room, len == 1150 ? 0 : len - 1);
			room = len;
			assert_true(out.n - ETH <= 1300);
		}
		/* ESP, IV, ICV, trailer; text in multiples of 4. */
		assert_int_equal(room, ((1300 - around - 32) & ~3u) - 2);
		gw_close(gw);
	}
}

/* RFC 792's minimal quote is enough for ESP. */
static void test_short_quote(void **state)
{
	struct gw *gw = open_way(4, false);
	struct frame about = sealed(gw, 1400), frame = message(&about, 1400, 28);

	(void)state;
	hear(gw, &frame, EG_PASS, "28 bytes");
	assert_int_equal(path_mtu(gw), 1400);
	frame = message(&about, 1300, 27);
	hear(gw, &frame, PLAIN, "27 bytes"); /* unknown */
	gw_close(gw);

	gw = open_way(6, true);
	about = sealed(gw, 1400);
	frame = message(&about, 1400, 56);
	hear(gw, &frame, EG_PASS, "56 bytes");
	frame = message(&about, 1300, 55);
	hear(gw, &frame, FORGED, "UDP without ESP");
	frame = message(&about, 1300, 47);
	hear(gw, &frame, PLAIN, "47 bytes");
	assert_int_equal(path_mtu(gw), 1400);
	gw_close(gw);
}

/* A quote of UDP matches the peer's packet only if it was sent to the peer's port: the configured
 * one, or that of a floating peer's endpoint. */
static void test_peer_port(void **state)
{
	(void)state;
	for (unsigned floats = 0; floats < 2; floats++) {
		struct gw *gw = open_way(4, true);
		struct eg_tunnel *tunnel = gw_tunnel(gw, 0);
		struct eg_endpoint_at at = {.port = 14500};
		struct frame about, frame;

		tunnel->peer_port = 14500;
		if (floats) {
			tunnel->peer_port = 4500;
			tunnel->floats = true;
			tunnel->endpoint = eg_endpoint_new(&tunnel->remote, 4500);
			memcpy(at.address, tunnel->remote.bytes, 16);
			assert_true(eg_endpoint_follow(tunnel->endpoint, &at));
		}
		about = sealed(gw, 1400);
		assert_int_equal(eg_get16(about.bytes + ETH + 22), 14500);
		eg_put16(about.bytes + ETH + 22, 4500);
		frame = message(&about, 1300, 1232);
		hear(gw, &frame, PLAIN, "to port 4500");
		eg_put16(about.bytes + ETH + 22, 14500);
		frame = message(&about, 1300, 1232);
		hear(gw, &frame, EG_PASS, "to the peer's port");
		assert_int_equal(path_mtu(gw), 1300);
		gw_close(gw);
	}
}

static void test_forged(void **state)
{
	enum part {
		ICMP,
		QUOTE,
		PACKET
	};
	static const struct {
		const char *what;
		unsigned outer;
		enum part part;
		unsigned at, bytes; /* overwrite so many bytes there ... */
		uint32_t value;     /* ... with this value */
		enum eg_verdict want;
	} rows[] = {
		{"another SPI", 4, QUOTE, 20, 4, 0x1002, FORGED},
		{"a number that is yet to come", 4, QUOTE, 24, 4, 1002, FORGED},
		{"number 0", 4, QUOTE, 24, 4, 0, FORGED},
		{"a number of long ago", 4, QUOTE, 24, 4, 0xff000000, FORGED},
		{"what fits", 4, QUOTE, 2, 2, 1300, FORGED},
		{"a packet that may be fragmented", 4, QUOTE, 6, 2, 0, FORGED},
		{"a later fragment", 4, QUOTE, 6, 2, 0x4001, PLAIN},
		{"another protocol", 4, QUOTE, 9, 1, 6, PLAIN},
		{"UDP, which this peer has not", 4, QUOTE, 9, 1, 17, PLAIN},
		{"another peer", 4, QUOTE, 16, 4, 0xc0000209, PLAIN},
		{"as from another", 4, QUOTE, 12, 4, 0xc0000209, PLAIN},
		{"IPv6 inside", 4, QUOTE, 0, 1, 0x65, PLAIN},
		{"a short header", 4, QUOTE, 0, 1, 0x44, PLAIN},
		{"a long header", 4, QUOTE, 0, 1, 0x4f, FORGED},
		{"to another address of ours", 4, PACKET, 16, 4, 0xc0000201 + 4, FORGED},
		{"a wrong checksum", 4, ICMP, 2, 2, 0x1234, BAD},
		{"another SPI, 6", 6, QUOTE, 40, 4, 0x1002, FORGED},
		{"a number that is yet to come, 6", 6, QUOTE, 44, 4, 1002, FORGED},
		{"what fits, 6", 6, QUOTE, 4, 2, 1260, FORGED},
		{"too little, 6", 6, ICMP, 4, 4, 1279, BAD},
		{"too much, 6", 6, ICMP, 4, 4, 65536, BAD},
		{"a wrong checksum, 6", 6, ICMP, 2, 2, 0x1234, BAD},
		{"a later fragment, 6", 6, QUOTE, 6, 1, 44, PLAIN},
		{"another protocol, 6", 6, QUOTE, 6, 1, 6, PLAIN},
		{"the least, 6", 6, ICMP, 4, 4, 1280, EG_PASS},
	};

	(void)state;
	for (unsigned i = 0; i < COUNT(rows); i++) {
		struct gw *gw = open_way(rows[i].outer, false);
		struct frame about = sealed(gw, 1400), frame = message(&about, 1300, 600);
		uint8_t *p = frame.bytes + ETH, *icmp = p + (rows[i].outer == 4 ? 20 : 40);
		uint8_t *at = rows[i].part == PACKET ? p : rows[i].part == ICMP ? icmp : icmp + 8;

		at += rows[i].at;
		if (rows[i].bytes == 1)
			*at = (uint8_t)rows[i].value;
		else if (rows[i].bytes == 2)
			eg_put16(at, (uint16_t)rows[i].value);
		else
			eg_put32(at, rows[i].value);
		if (rows[i].part != ICMP || rows[i].at != 2)
			mend(&frame);
		fix_checksum(p);
		hear(gw, &frame, rows[i].want, rows[i].what);
		assert_int_equal(path_mtu(gw), rows[i].want ? EG_PMTU_NONE : 1280);
		gw_close(gw);
	}
}

/* Small MTUs of IPv4: none given, and implausible ones. */
static void test_floor(void **state)
{
	static const struct {
		unsigned len, mtu, want; /* 0: nothing is learned */
	} rows[] = {
		{1400, 576, 576}, {1400, 575, 576}, {1400, 68, 576}, {1400, 1, 576},
		{520, 400, 0},    {1440, 0, 1492},  {1400, 0, 1006}, {800, 0, 576},
	};

	(void)state;
	for (unsigned i = 0; i < COUNT(rows); i++) {
		struct gw *gw = open_way(4, false);
		struct frame about = sealed(gw, rows[i].len);
		struct frame frame = message(&about, rows[i].mtu, 600);

		hear(gw, &frame, rows[i].want ? EG_PASS : BAD, "a small number");
		assert_int_equal(path_mtu(gw), rows[i].want ? rows[i].want : EG_PMTU_NONE);
		gw_close(gw);
	}
	assert_int_equal(eg_pmtu_plateau(1500), 1492);
	assert_int_equal(eg_pmtu_plateau(1492), 1006);
	assert_int_equal(eg_pmtu_plateau(65535), 32000);
	assert_int_equal(eg_pmtu_plateau(100), 68);
}

/* Ignored by configuration; and the rate limit. */
static void test_ignored_and_rate(void **state)
{
	struct gw *gw = open_way(4, false);
	struct frame about = sealed(gw, 1400), frame = message(&about, 1300, 600);

	(void)state;
	gw_tunnel(gw, 0)->learns_mtu = false;
	hear(gw, &frame, EG_DROP_PATH_MTU_IGNORED, "ignored");
	gw_tunnel(gw, 0)->learns_mtu = true;
	gw->path[0]->cycles_per_s *= 1000; /* so that no second passes under a sanitizer */
	for (unsigned i = 0; i < EG_PMTU_BURST; i++) {
		frame = message(&about, 1300 - i, 600);
		hear(gw, &frame, EG_PASS, "the first ones");
		hear(gw, &frame, EG_PASS, "a copy, which is no news");
	}
	assert_int_equal(eg_counted(&gw->stats[0]->path_mtus), EG_PMTU_BURST);
	frame = message(&about, 1200, 600);
	hear(gw, &frame, EG_DROP_PATH_MTU_RATE, "one more");
	gw_close(gw);
}

/* A path with less than 1280 inside: IPv6 packets of 1280 leave as fragments of the outer packet.
 */
static void test_least(void **state)
{
	static struct frame sent[4];
	struct gw *gw = open_way(6, false);
	struct frame about = sealed(gw, 1400), frame = message(&about, 1280, 1232);

	(void)state;
	gw_tunnel(gw, 0)->fragment_outer = true;
	hear(gw, &frame, EG_PASS, "1280");
	frame = plain_frame(
		CLEAR, &(struct flow){.src = "fd00:1::5", .dst = "fd00:2::9", .payload = 1240});
	gw_send(gw, CLEAR, &frame, 1);
	assert_int_equal(gw_sent(gw, ENCRYPTED, sent, 4), 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(sent[i].n - ETH <= 1280);
		assert_int_equal(sent[i].bytes[ETH + 6], 44);
	}
	/* A router may report the first of them. */
	frame = message(&sent[0], 1280, 1232);
	eg_put16(frame.bytes + ETH + 40 + 8 + 4, 1300);
	mend(&frame);
	hear(gw, &frame, EG_PASS, "about a fragment");
	gw_close(gw);
}

static void test_age(void **state)
{
	struct eg_pmtu learned, *pmtu = &learned;

	(void)state;
	eg_pmtu_init(pmtu);
	assert_int_equal(eg_pmtu_get(pmtu), EG_PMTU_NONE);
	eg_pmtu_learn(pmtu, 1400, 1000);
	eg_pmtu_learn(pmtu, 1450, 1300); /* larger: ignored */
	assert_int_equal(eg_pmtu_get(pmtu), 1400);
	eg_pmtu_age(pmtu, 1599);
	assert_int_equal(eg_pmtu_get(pmtu), 1400);
	eg_pmtu_learn(pmtu, 1400, 1599); /* again: its timeout restarts */
	eg_pmtu_age(pmtu, 1600);
	eg_pmtu_age(pmtu, 2198);
	assert_int_equal(eg_pmtu_get(pmtu), 1400);
	eg_pmtu_learn(pmtu, 1300, 2198);
	assert_int_equal(eg_pmtu_get(pmtu), 1300);
	eg_pmtu_age(pmtu, 2797);
	assert_int_equal(eg_pmtu_get(pmtu), 1300);
	eg_pmtu_age(pmtu, 2798);
	assert_int_equal(eg_pmtu_get(pmtu), EG_PMTU_NONE);
	eg_pmtu_age(pmtu, 9999);
	eg_pmtu_learn(pmtu, 1300, UINT32_MAX - 10); /* the clock's seconds wrap */
	eg_pmtu_age(pmtu, 500);
	assert_int_equal(eg_pmtu_get(pmtu), 1300);
	eg_pmtu_age(pmtu, 600);
	assert_int_equal(eg_pmtu_get(pmtu), EG_PMTU_NONE);
}

/* Sequence numbers of an SA that has been sending, and was checked, for a while. */
static void age_sent(struct gw *gw, unsigned looks)
{
	while (looks--)
		eg_sa_note_sent(gw_sa_out(gw));
}

static struct frame quoting(const struct frame *about, uint32_t seq, unsigned n)
{
	struct frame frame = message(about, 1300, n);

	eg_put32(frame.bytes + ETH + 20 + 8 + 20 + 4, seq);
	mend(&frame);
	return frame;
}

/* Recent: sent since the last but one check, whatever the rate. On an idle SA nothing is recent,
 * and never more than 2^20 packets. */
static void test_recent(void **state)
{
	static const struct {
		const char *what;
		uint64_t before, last;
		uint32_t quoted;
		enum eg_verdict want;
	} rows[] = {
		{"the first number, long ago", 100000, 100010, 1, FORGED},
		{"the last one before", 100000, 100010, 100000, FORGED},
		{"the first one since", 100000, 100010, 100001, EG_PASS},
		{"the last one", 100000, 100010, 100010, EG_PASS},
		{"the next one", 100000, 100010, 100011, FORGED},
		{"nothing was sent since", 100000, 100000, 100000, FORGED},
		{"a flood of packets", 0, 5000000, 5000000 - EG_SA_SENT_MOST, FORGED},
		{"the last of a flood", 0, 5000000, 5000001 - EG_SA_SENT_MOST, EG_PASS},
	};

	(void)state;
	for (unsigned i = 0; i < COUNT(rows); i++) {
		struct gw *gw = open_way(4, false);
		struct frame about = sealed(gw, 1400), frame;

		atomic_store(&gw_sa_out(gw)->seq, rows[i].before);
		age_sent(gw, 2);
		atomic_store(&gw_sa_out(gw)->seq, rows[i].last);
		frame = quoting(&about, rows[i].quoted, 28);
		hear(gw, &frame, rows[i].want, rows[i].what);
		gw_close(gw);
	}
}

/* A quote that includes the IV must have the one sent with its sequence number. */
static void test_quoted_iv(void **state)
{
	static const struct {
		const char *what;
		int64_t iv;   /* relative to the packet's own */
		unsigned len; /* of the quote */
		enum eg_verdict want;
	} rows[] = {
		{"its own", 0, 36, EG_PASS},
		{"one later", 1, 36, FORGED},
		{"as of a second before", -1000000000, 36, FORGED},
		{"zero", INT64_MIN, 36, FORGED},
		{"not all of it", 1, 35, EG_PASS},
		{"none", 0, 28, EG_PASS},
	};

	(void)state;
	for (unsigned i = 0; i < COUNT(rows); i++) {
		struct gw *gw = open_way(4, false);
		struct frame about, frame;
		uint8_t *iv;

		about = sealed(gw, 100);
		age_sent(gw, 2);
		about = sealed(gw, 1400);
		iv = about.bytes + ETH + 20 + 8;
		eg_put64(iv, rows[i].iv == INT64_MIN ? 0 : eg_get64(iv) + (uint64_t)rows[i].iv);
		frame = message(&about, 1300, rows[i].len);
		hear(gw, &frame, rows[i].want, rows[i].what);
		gw_close(gw);
	}
	/* Packets sent before the last check have an earlier IV. */
	for (unsigned swap = 0; swap < 3; swap++) {
		struct gw *gw = open_way(4, false);
		struct frame before, after, frame;

		sealed(gw, 100);
		age_sent(gw, 1);
		before = sealed(gw, 1400);
		age_sent(gw, 1);
		after = sealed(gw, 1400);
		if (swap == 1)
			memcpy(before.bytes + ETH + 28, after.bytes + ETH + 28, 8);
		else if (swap) /* no one's */
			eg_put64(before.bytes + ETH + 28, 1);
		frame = message(&before, 1300, 36);
		hear(gw, &frame, swap ? FORGED : EG_PASS, "an IV of another packet");
		gw_close(gw);
	}
}

/* An attacker that guesses is soon ignored for that peer, right or wrong; a second later one
 * attempt is allowed again. */
static void test_guessing(void **state)
{
	struct gw *gw = open_way(4, false);
	struct frame about = sealed(gw, 1400), right = message(&about, 1300, 28), wrong;

	(void)state;
	gw->path[0]->cycles_per_s *= 1000; /* no second passes, even under a sanitizer */
	for (unsigned i = 0; i < EG_PMTU_FORGED_BURST; i++) {
		wrong = quoting(&about, 0x40000000 + i, 28);
		hear(gw, &wrong, FORGED, "guessed");
	}
	hear(gw, &wrong, EG_DROP_PATH_MTU_RATE, "one more");
	hear(gw, &right, EG_DROP_PATH_MTU_RATE, "a true one");
	assert_int_equal(path_mtu(gw), EG_PMTU_NONE);
	memset(gw->path[0]->icmp.forged, 0, sizeof(gw->path[0]->icmp.forged)); /* time passes */
	hear(gw, &right, EG_PASS, "later");
	for (unsigned i = 0; i < 3 * EG_PMTU_FORGED_BURST; i++)
		hear(gw, &right, EG_PASS, "true ones cost nothing");
	gw_close(gw);
}

int run_pmtu_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lowers),
		cmocka_unit_test(test_short_quote),
		cmocka_unit_test(test_peer_port),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_floor),
		cmocka_unit_test(test_least),
		cmocka_unit_test(test_ignored_and_rate),
		cmocka_unit_test(test_age),
		cmocka_unit_test(test_recent),
		cmocka_unit_test(test_quoted_iv),
		cmocka_unit_test(test_guessing),
	};

	return cmocka_run_group_tests_name("path MTU", tests, NULL, NULL);
}
