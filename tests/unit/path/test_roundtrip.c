/* From one gateway's clear port to the other's: every size, both families in both families, with
 * and without ESN; unchanged except for the TTL. On the wire OpenSSL opens what was sealed. */
#include "path/path_tests.h"

#include "net/bytes.h"

#define SIZE_MAX_INNER 9000

static struct flow flow_of(unsigned version)
{
	return version == 4 ? (struct flow){.src = "10.1.0.5", .dst = "10.2.0.9", .df = true}
			    : (struct flow){.src = "fd00:1::5", .dst = "fd00:2::9"};
}

/* Frames that differ from their inputs by so many hops only. */
static void assert_aged(const struct frame *got, const struct frame *input, unsigned hops)
{
	struct frame want = *input;
	size_t n_got, n_want;
	const uint8_t *p = frame_packet(got, &n_got);

	age(want.bytes + 14, hops);
	assert_int_equal(got->n, input->n);
	assert_memory_equal(p, frame_packet(&want, &n_want), n_got);
}

static void roundtrip(unsigned inner, unsigned outer, bool esn, const struct eg_suite *suite)
{
	static struct frame in[EG_BATCH_MAX], wire[EG_BATCH_MAX], out[EG_BATCH_MAX];
	struct gw *one = gw_open(
			  (struct gw_spec){.site = 1, .outer = outer, .esn = esn, .suite = suite}),
		  *two = gw_open(
			  (struct gw_spec){.site = 2, .outer = outer, .esn = esn, .suite = suite});
	struct tunnel tunnel = tunnel_from(one);
	struct flow flow = flow_of(inner);
	uint64_t seq = esn ? (1ull << 32) - 5000 : 0, packets = 0, bytes = 0;

	gw_ready(one);
	gw_ready(two);
	atomic_store(&gw_sa_out(one)->seq, seq); /* ESN: across the border in the middle */
	gw_sa_in(two)->replay.top = seq;
	for (unsigned size = 0; size <= SIZE_MAX_INNER;) {
		unsigned n = 0;

		for (; n < EG_BATCH_MAX && size <= SIZE_MAX_INNER; n++, size++) {
			flow.payload = (uint16_t)size;
			flow.seed = size;
			in[n] = plain_frame(CLEAR, &flow);
			bytes += in[n].n - 14u;
		}
		gw_send(one, CLEAR, in, n);
		assert_int_equal(gw_forward(one, two, wire), n);
		assert_int_equal(gw_sent(two, CLEAR, out, EG_BATCH_MAX), n);
		for (unsigned i = 0; i < n; i++) {
			struct frame opened;

			assert_aged(&out[i], &in[i], 2);
			seq++;
			packets++;
			if (i % 8) /* OpenSSL is slow */
				continue;
			opened = open_frame(&tunnel, &wire[i], seq);
			age(in[i].bytes + 14, 1);
			assert_int_equal(opened.n, in[i].n - 14);
			assert_memory_equal(opened.bytes, in[i].bytes + 14, opened.n);
		}
	}
	assert_int_equal(packets, SIZE_MAX_INNER + 1);
	assert_int_equal(atomic_load(&gw_sa_out(one)->packets), packets);
	assert_int_equal(atomic_load(&gw_sa_out(one)->bytes), bytes);
	assert_int_equal(atomic_load(&gw_sa_in(two)->packets), packets);
	assert_int_equal(atomic_load(&gw_sa_in(two)->bytes), bytes);
	assert_int_equal(gw_sa_in(two)->replay.top, seq);
	assert_int_equal(eg_counted(&one->stats[0]->port[CLEAR].rx_bytes), bytes + 14 * packets);
	assert_int_equal(eg_counted(&two->stats[0]->port[CLEAR].tx_bytes), bytes + 14 * packets);
	assert_int_equal(eg_counted(&one->stats[0]->port[ENCRYPTED].tx_bytes),
			 eg_counted(&two->stats[0]->port[ENCRYPTED].rx_bytes));
	assert_int_equal(gw_drops_all(one) + gw_drops_all(two), 0);
	gw_close(one);
	gw_close(two);
}

static void test_sizes(void **state)
{
	static const char *const suites[] = {
		"aes128gcm16",      "aes256-sha256", "aes192gcm12", "chacha20poly1305",
		"aes128ctr-sha384", "aes256ccm8",    "null-sha1",   "aes128gmac",
	};
	unsigned suite = 0;

	(void)state;
	for (unsigned inner = 4; inner <= 6; inner += 2) {
		for (unsigned outer = 4; outer <= 6; outer += 2) {
			for (int esn = 0; esn < 2; esn++)
				roundtrip(inner, outer, esn, eg_suite_find(suites[suite++]));
		}
	}
}

/* Outer header fields copied from the inner one: DSCP and ECN (RFC 6040 s4.1), and DF by the peer's
 * policy (RFC 4301 s8.1), which IPv6 always has. */
static void check_outer_fields(struct gw *gw, unsigned inner, uint8_t tos, bool df)
{
	const struct eg_tunnel *tunnel = gw_tunnel(gw, 0);
	unsigned copied = inner == 6 || df ? 0x4000 : 0;
	struct flow flow = flow_of(inner);
	struct frame frame;
	size_t n;
	const uint8_t *p;

	flow.tos = tos;
	flow.df = df;
	frame = plain_frame(CLEAR, &flow);
	gw_send(gw, CLEAR, &frame, 1);
	assert_int_equal(gw_sent(gw, ENCRYPTED, &frame, 1), 1);
	p = frame_packet(&frame, &n);
	assert_int_equal(get_tos(p), tos);
	if (p[0] >> 4 == 4)
		assert_int_equal(eg_get16(p + 6), tunnel->df_set      ? 0x4000
						  : tunnel->df_copied ? copied
								      : 0);
}

static void test_outer_fields(void **state)
{
	(void)state;
	for (unsigned outer = 4; outer <= 6; outer += 2) {
		struct gw *gw = gw_open((struct gw_spec){.site = 1, .outer = outer});

		gw_ready(gw);
		for (unsigned tos = 0; tos < 256; tos++) {
			check_outer_fields(gw, 4, (uint8_t)tos, false);
			check_outer_fields(gw, 4, (uint8_t)tos, true);
			check_outer_fields(gw, 6, (uint8_t)tos, false);
			gw_tunnel(gw, 0)->df_copied = tos % 3 ? 0 : 0x4000;
			gw_tunnel(gw, 0)->df_set = tos % 3 == 1 ? 0x4000 : 0;
		}
		gw_close(gw);
	}
}

/* Packets that may be fragmented get different identifications (RFC 6864 s4). */
static void test_outer_id(void **state)
{
	static struct frame frames[EG_BATCH_MAX];
	struct gw *gw = gw_open((struct gw_spec){.site = 1});
	struct flow flow = {.src = "10.1.0.5", .dst = "10.2.0.9", .payload = 100};

	(void)state;
	gw_ready(gw);
	for (unsigned i = 0; i < EG_BATCH_MAX; i++)
		frames[i] = plain_frame(CLEAR, &flow);
	gw_send(gw, CLEAR, frames, EG_BATCH_MAX);
	assert_int_equal(gw_sent(gw, ENCRYPTED, frames, EG_BATCH_MAX), EG_BATCH_MAX);
	for (unsigned i = 0; i < EG_BATCH_MAX; i++) {
		for (unsigned k = 0; k < i; k++)
			assert_int_not_equal(eg_get16(frames[i].bytes + 18),
					     eg_get16(frames[k].bytes + 18));
	}
	gw_close(gw);
}

int run_roundtrip_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_outer_fields),
		cmocka_unit_test(test_outer_id),
	};

	return cmocka_run_group_tests_name("path round trip", tests, NULL, NULL);
}
