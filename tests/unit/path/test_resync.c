/* ESN after a gap of 2^32 packets and more (RFC 4303 appendix A3): resynchronized, never backwards,
 * and at a bounded cost. */
#include "path/path_tests.h"

#include <unistd.h>

static struct flow inbound = {.src = "10.2.0.9", .dst = "10.1.0.5", .payload = 64};

static struct gw *open_at(uint64_t top, struct tunnel *tunnel, struct eg_sa **sa)
{
	struct gw *gw = gw_open((struct gw_spec){.site = 1, .esn = true});

	*tunnel = tunnel_to(gw);
	gw_ready(gw);
	*sa = gw_sa_in(gw);
	(*sa)->replay.top = top;
	return gw;
}

/* Send packets from `seq` on until one is accepted; returns how many that took, at most `most`. */
static unsigned send_until_open(struct gw *gw, const struct tunnel *tunnel, uint64_t seq,
				unsigned most)
{
	for (unsigned n = 1; n <= most; n++) {
		struct frame frame = tunnel_frame(tunnel, seq + n, &inbound);

		gw_send(gw, ENCRYPTED, &frame, 1);
		if (gw_discard(gw, CLEAR))
			return n;
		if (n > EG_RESYNC_AFTER)
			usleep(3000); /* the rate limit allows the next attempt */
	}
	return UINT32_MAX;
}

static void test_gaps(void **state)
{
	static const struct {
		uint64_t top, gap;
		unsigned most;
	} rows[] = {
		{0, 1ull << 32, EG_RESYNC_AFTER + 1},
		{1000, 15ull << 32, EG_RESYNC_AFTER + 1},
		{1000, 16ull << 32, EG_RESYNC_AFTER + 2},
		{0xfffffff0, (3ull << 32) + 0x20, EG_RESYNC_AFTER + 1},
		{5ull << 32, 100ull << 32, EG_RESYNC_AFTER + 7},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct tunnel tunnel;
		struct eg_sa *sa;
		struct gw *gw = open_at(rows[i].top, &tunnel, &sa);
		uint64_t seq = rows[i].top + rows[i].gap;
		struct frame frame;
		unsigned n = send_until_open(gw, &tunnel, seq, 200);

		print_message("a gap of %llu: open after %u packets\n",
			      (unsigned long long)rows[i].gap, n);
		assert_int_equal(n, rows[i].most);
		assert_int_equal(sa->replay.top, seq + n);
		assert_int_equal(sa->replay.failed, 0);
		/* It is in sync again, and no replayed packet is accepted, neither from the search
		 * nor from before. */
		frame = tunnel_frame(&tunnel, seq + n + 1, &inbound);
		gw_expect(gw, ENCRYPTED, &frame, EG_PASS, "the next one");
		frame = tunnel_frame(&tunnel, seq + n, &inbound);
		gw_expect(gw, ENCRYPTED, &frame, EG_DROP_ESP_REPLAY_SEEN, "again");
		for (uint64_t high = 1; high <= 3 && rows[i].gap >= high << 32; high++) {
			for (unsigned k = 0; k < 2 * EG_RESYNC_AFTER; k++) {
				frame = tunnel_frame(&tunnel, seq + n + 2 + k - (high << 32),
						     &inbound);
				gw_expect(gw, ENCRYPTED, &frame, EG_DROP_ESP_AUTH, "recorded");
			}
		}
		assert_int_equal(sa->replay.top, seq + n + 1);
		gw_close(gw);
	}
}

/* Forged packets start a search, but cost the peer no packet and little time: the SA has not
 * advanced at all afterwards. */
static void test_forged(void **state)
{
	struct tunnel tunnel;
	struct eg_sa *sa;
	struct gw *gw = open_at(70, &tunnel, &sa);
	uint64_t start = rte_get_tsc_cycles(), tokens;
	struct frame frame;

	(void)state;
	for (unsigned i = 0; i < 3000; i++) {
		frame = tunnel_frame(&tunnel, 1000 + i, &inbound);
		frame.bytes[frame.n - 1] ^= 1;
		gw_expect(gw, ENCRYPTED, &frame, EG_DROP_ESP_AUTH, "forged");
	}
	assert_int_equal(sa->replay.failed, 3000);
	tokens = EG_RESYNC_BURST + 1 +
		 (rte_get_tsc_cycles() - start) * EG_RESYNC_PPS / rte_get_tsc_hz();
	assert_true(sa->replay.tried > 0);
	assert_true(sa->replay.tried <= tokens * (EG_RESYNC_TRIES - 1));
	usleep(20000);
	frame = tunnel_frame(&tunnel, 71, &inbound);
	gw_expect(gw, ENCRYPTED, &frame, EG_PASS, "the peer's");
	assert_int_equal(sa->replay.failed, 0);
	assert_int_equal(sa->replay.tried, 0);
	gw_close(gw);
}

/* After a search of the whole span, for forged packets, it starts over. */
static void test_again(void **state)
{
	struct tunnel tunnel;
	struct eg_sa *sa;
	struct gw *gw = open_at(1000, &tunnel, &sa);

	(void)state;
	sa->replay.failed = EG_RESYNC_AFTER;
	sa->replay.tried = EG_RESYNC_SPAN - 5;
	assert_in_range(send_until_open(gw, &tunnel, 1000 + (3ull << 32), 4), 2, 2);
	gw_close(gw);
}

/* Without ESN there is no search; nor beyond the last number. */
static void test_no_search(void **state)
{
	struct gw *gw = gw_open((struct gw_spec){.site = 1});
	struct tunnel tunnel = tunnel_to(gw);
	struct eg_sa *sa;
	struct frame frame;

	(void)state;
	gw_ready(gw);
	for (unsigned i = 0; i < 2 * EG_RESYNC_AFTER; i++) {
		frame = tunnel_frame(&tunnel, 1000 + i, &inbound);
		frame.bytes[frame.n - 1] ^= 1;
		gw_expect(gw, ENCRYPTED, &frame, EG_DROP_ESP_AUTH, "forged");
	}
	assert_int_equal(gw_sa_in(gw)->replay.tried, 0);
	gw_close(gw);

	gw = open_at(UINT64_MAX - 1000, &tunnel, &sa);
	for (unsigned i = 0; i < 2 * EG_RESYNC_AFTER; i++) {
		frame = tunnel_frame(&tunnel, UINT64_MAX - 900 + i, &inbound);
		frame.bytes[frame.n - 1] ^= 1;
		gw_expect(gw, ENCRYPTED, &frame, EG_DROP_ESP_AUTH, "forged");
	}
	frame = tunnel_frame(&tunnel, UINT64_MAX - 7, &inbound);
	gw_expect(gw, ENCRYPTED, &frame, EG_PASS, "near the end");
	gw_close(gw);
}

int run_resync_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gaps),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_no_search),
	};

	return cmocka_run_group_tests_name("resync", tests, NULL, NULL);
}
