/* Anti-replay in the path: checked before the crypto, moved only after a correct ICV, and correct
 * for copies in one burst. */
#include "path/path_tests.h"

static struct flow inbound = {.src = "10.2.0.9", .dst = "10.1.0.5", .payload = 64};

/* Steps on one SA; a forged packet has a wrong ICV. */
static const struct step {
	unsigned row;
	uint64_t seq;
	bool forged;
	enum eg_verdict want;
} steps[] = {
	{1, 0, false, EG_DROP_ESP_REPLAY_SEEN},
	{2, 1, false, EG_PASS},
	{3, 1, false, EG_DROP_ESP_REPLAY_SEEN},
	{4, 1, true, EG_DROP_ESP_REPLAY_SEEN}, /* detected before the crypto */
	{5, 1000000, true, EG_DROP_ESP_AUTH},  /* moves nothing: */
	{6, 2, false, EG_PASS},
	{7, 65, false, EG_PASS},
	{8, 64, true, EG_DROP_ESP_AUTH}, /* marks nothing: */
	{9, 64, false, EG_PASS},
	{10, 2, false, EG_DROP_ESP_REPLAY_SEEN}, /* left edge */
	{11, 1, false, EG_DROP_ESP_REPLAY_OLD},
	{12, 3, false, EG_PASS},
	{13, 1000, false, EG_PASS},
	{14, 936, false, EG_DROP_ESP_REPLAY_OLD},
	{15, 937, false, EG_PASS},
	{16, UINT32_MAX, false, EG_PASS},
	{17, UINT32_MAX, false, EG_DROP_ESP_REPLAY_SEEN},
};

/* The same with extended sequence numbers, around the border of two subspaces. */
static const struct step esn_steps[] = {
	{1, 0xfffffff0, false, EG_PASS},
	{2, 0x100000005, false, EG_PASS},
	{3, 0xfffffff1, false, EG_PASS}, /* late, in the previous subspace */
	{4, 0xfffffff1, false, EG_DROP_ESP_REPLAY_SEEN},
	{5, 0xffffffc6, false, EG_PASS}, /* left edge */
	{6, 0x100000005, false, EG_DROP_ESP_REPLAY_SEEN},
	{7, 0xffffffc5, false, EG_DROP_ESP_AUTH},  /* left of it: taken for the next subspace */
	{8, 0x1ffffffff, false, EG_DROP_ESP_AUTH}, /* too far: taken for the previous one */
	{9, 0x180000000, false, EG_PASS},
	{10, 0x1ffffffff, false, EG_PASS},
	{11, 0x200000000, false, EG_PASS},
	{12, 0x1ffffffff, false, EG_DROP_ESP_REPLAY_SEEN},
	{13, 0x1fffffffe, true, EG_DROP_ESP_AUTH},
	{14, 0x1fffffffe, false, EG_PASS},
	{15, 0x100000005, false, EG_DROP_ESP_AUTH}, /* 2^32 packets old: another subspace's */
	{16, 0x200000001, false, EG_PASS},
};

static void walk(const struct step *table, size_t n, bool esn)
{
	struct gw *gw = gw_open((struct gw_spec){.site = 1, .esn = esn});
	struct tunnel tunnel = tunnel_to(gw);

	gw_ready(gw);
	for (size_t i = 0; i < n; i++) {
		struct frame frame = tunnel_frame(&tunnel, table[i].seq, &inbound);
		char what[32];

		assert_int_equal(table[i].row, i + 1);
		snprintf(what, sizeof(what), "row %u", table[i].row);
		if (table[i].forged)
			frame.bytes[frame.n - 1] ^= 1;
		gw_expect(gw, ENCRYPTED, &frame, table[i].want, what);
	}
	gw_close(gw);
}

static void test_table(void **state)
{
	(void)state;
	walk(steps, COUNT(steps), false);
	walk(esn_steps, COUNT(esn_steps), true);
}

/* Copies in one burst all pass the check before the crypto; the commit accepts one of each. */
static void test_one_burst(void **state)
{
	enum {
		COPIES = 4,
		NUMBERS = EG_BATCH_MAX / COPIES
	};
	static struct frame frames[EG_BATCH_MAX];
	struct gw *gw = gw_open((struct gw_spec){.site = 1});
	struct tunnel tunnel = tunnel_to(gw);

	(void)state;
	gw_ready(gw);
	for (unsigned i = 0; i < EG_BATCH_MAX; i++) {
		inbound.seed = i % NUMBERS;
		frames[i] = tunnel_frame(&tunnel, 1 + i % NUMBERS, &inbound);
	}
	gw_send(gw, ENCRYPTED, frames, EG_BATCH_MAX);
	assert_int_equal(gw_drops(gw, EG_DROP_ESP_REPLAY_SEEN), EG_BATCH_MAX - NUMBERS);
	assert_int_equal(gw_drops_all(gw), EG_BATCH_MAX - NUMBERS);
	assert_int_equal(gw_sent(gw, CLEAR, frames, EG_BATCH_MAX), NUMBERS);
	for (unsigned i = 0; i < NUMBERS; i++) {
		struct frame want = {0};

		inbound.seed = i;
		add_packet(&want, &inbound);
		age(want.bytes, 1);
		assert_memory_equal(frames[i].bytes + 14, want.bytes, want.n);
	}
	gw_close(gw);
}

/* A burst that moves the window past its own late packets: they are too old by then. */
static void test_overtaken_in_burst(void **state)
{
	static struct frame frames[3];
	static const uint64_t seqs[] = {1, 1000, 2};
	struct gw *gw = gw_open((struct gw_spec){.site = 1});
	struct tunnel tunnel = tunnel_to(gw);

	(void)state;
	gw_ready(gw);
	for (unsigned i = 0; i < 3; i++)
		frames[i] = tunnel_frame(&tunnel, seqs[i], &inbound);
	gw_send(gw, ENCRYPTED, frames, 3);
	assert_int_equal(gw_discard(gw, CLEAR), 2);
	assert_int_equal(gw_drops(gw, EG_DROP_ESP_REPLAY_OLD), 1);
	assert_int_equal(gw_sa_in(gw)->replay.top, 1000);
	/* The control thread's record does not go back either. */
	assert_int_equal(atomic_load(&gw_sa_in(gw)->seq), 1000);
	gw_close(gw);
}

int run_replay_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_one_burst),
		cmocka_unit_test(test_overtaken_in_burst),
	};

	return cmocka_run_group_tests_name("path replay", tests, NULL, NULL);
}
