/* Every suite through the real stages: every padding, sizes on the wire, IVs, the exact MTU, and
 * any byte of ESP changed. */
#include "path/ends.h"

#include "common/peer.h"
#include "net/bytes.h"

#define ETH 14

static struct flow flow_of(unsigned outer, unsigned seed)
{
	struct flow flow = {.src = "10.1.0.5", .dst = "10.2.0.9", .df = true, .seed = seed};

	if (outer == 6) {
		flow.src = "fd00:1::5";
		flow.dst = "fd00:2::9";
	}
	return flow;
}

/* RFC 4303 s2: size of ESP for an inner packet of n bytes. */
static size_t esp_bytes(const struct eg_suite *suite, size_t n)
{
	size_t align = suite->align_bytes, text = (n + 2 + align - 1) / align * align;

	return 8 + suite->iv_bytes + text + suite->icv_bytes;
}

/* Both directions of one tunnel: the far gateway and OpenSSL open what was sealed. With ESN across
 * 2^32. */
static void both_ends(const struct eg_suite *suite, unsigned outer, bool esn)
{
	static struct frame in[EG_BATCH_MAX], wire[EG_BATCH_MAX];
	struct ends ends = ends_open((struct gw_spec){.outer = outer, .esn = esn, .suite = suite});
	size_t header = outer == 4 ? 20 : 40;

	for (unsigned i = 0; i < EG_BATCH_MAX; i++) {
		struct flow flow = flow_of(outer, i);

		flow.payload = (uint16_t)(i < 48 ? i : i * 137);
		in[i] = plain_frame(CLEAR, &flow);
	}
	ends_cross(&ends, in, wire);
	for (unsigned i = 0; i < EG_BATCH_MAX; i++)
		assert_int_equal(wire[i].n, ETH + header + esp_bytes(suite, in[i].n - ETH));
	ends_close(&ends);
}

static void test_both_ends(void **state)
{
	(void)state;
	for (unsigned i = 0; i < EG_SUITE_COUNT; i++) {
		for (unsigned outer = 4; outer <= 6; outer += 2) {
			both_ends(&eg_suites[i], outer, false);
			both_ends(&eg_suites[i], outer, true);
		}
	}
}

/* In two bursts of 64 packets no IV repeats. Clock IVs increase by one within a burst; CBC's are
 * unrelated: any two share about half of their bits. */
static void check_ivs(const struct eg_suite *suite)
{
	static struct frame in[EG_BATCH_MAX], wire[2 * EG_BATCH_MAX];
	struct gw *gw = gw_open((struct gw_spec){.site = 1, .suite = suite});
	unsigned n = 0, alike = 0;

	gw_ready(gw);
	for (unsigned i = 0; i < EG_BATCH_MAX; i++) {
		struct flow flow = flow_of(4, i);

		in[i] = plain_frame(CLEAR, &flow);
	}
	for (unsigned burst = 0; burst < 2; burst++) {
		gw_send(gw, CLEAR, in, EG_BATCH_MAX);
		n += gw_sent(gw, ENCRYPTED, wire + n, EG_BATCH_MAX);
	}
	for (unsigned i = 1; i < n; i++) {
		const uint8_t *iv = wire[i].bytes + ETH + 28, *last = wire[i - 1].bytes + ETH + 28;

		if (suite->iv == EG_IV_CLOCK && i % EG_BATCH_MAX)
			assert_int_equal(eg_get32(iv + 4), eg_get32(last + 4) + 1);
		for (unsigned k = 0; k < i; k++)
			assert_memory_not_equal(iv, wire[k].bytes + ETH + 28, suite->iv_bytes);
		for (unsigned bit = 0; bit < 8u * suite->iv_bytes; bit++)
			alike += ((iv[bit / 8] ^ last[bit / 8]) >> bit % 8 & 1) == 0;
	}
	if (suite->iv == EG_IV_RANDOM) /* 127 pairs of 128 bits; 8 standard deviations */
		assert_in_range(alike, 127 * 64 - 510, 127 * 64 + 510);
	gw_close(gw);
}

static void test_ivs(void **state)
{
	(void)state;
	for (unsigned i = 0; i < EG_SUITE_COUNT; i++) {
		if (eg_suites[i].iv_bytes)
			check_ivs(&eg_suites[i]);
	}
}

/* The largest packet that fits leaves; one byte more is too big. */
static void test_mtu(void **state)
{
	(void)state;
	for (unsigned i = 0; i < EG_SUITE_COUNT; i++) {
		const struct eg_suite *suite = &eg_suites[i];
		struct gw *gw = gw_open((struct gw_spec){.site = 1, .suite = suite});
		struct flow flow = flow_of(4, i);
		struct frame frame;
		size_t n = GW_MTU;

		gw_ready(gw);
		while (20 + esp_bytes(suite, n) > GW_MTU)
			n--;
		flow.payload = (uint16_t)(n - 20);
		frame = plain_frame(CLEAR, &flow);
		gw_expect(gw, CLEAR, &frame, EG_PASS, suite->name);
		flow.payload++;
		frame = plain_frame(CLEAR, &flow);
		gw_expect(gw, CLEAR, &frame, EG_DROP_TOO_BIG, suite->name);
		gw_close(gw);
	}
}

struct mark {
	uint64_t top, bits[2];
};

static struct mark mark_of(struct gw *gw)
{
	struct eg_replay *replay = &gw_sa_in(gw)->replay;
	struct mark mark = {.top = replay->top};

	assert_int_equal(replay->words, COUNT(mark.bits));
	memcpy(mark.bits, replay->bits, sizeof(mark.bits));
	return mark;
}

/* Change each byte of ESP after the SPI in turn: the ICV detects it, nothing leaves, the window
 * stays. The sequence number is changed to unseen ones. */
static void corrupt(const struct eg_suite *suite, bool esn)
{
	struct gw *gw = gw_open((struct gw_spec){.site = 1, .esn = esn, .suite = suite});
	struct tunnel tunnel = tunnel_to(gw);
	struct flow flow = {.src = "10.2.0.9", .dst = "10.1.0.5", .payload = 31};
	struct frame frame = tunnel_frame(&tunnel, 1000, &flow);
	struct mark before, after;
	unsigned seq = ETH + 20 + 4;
	uint64_t auth;

	gw_ready(gw);
	gw_expect(gw, ENCRYPTED, &frame, EG_PASS, suite->name);
	frame = tunnel_frame(&tunnel, 1001, &flow);
	before = mark_of(gw);
	for (unsigned at = seq; at < frame.n; at++) {
		struct frame bad = frame;

		bad.bytes[at] ^= at == seq + 2 ? 4 : at == seq + 3 ? 2 : 1;
		auth = gw_drops(gw, EG_DROP_ESP_AUTH);
		gw_send(gw, ENCRYPTED, &bad, 1);
		assert_int_equal(gw_discard(gw, CLEAR) + gw_discard(gw, ENCRYPTED), 0);
		if (gw_drops(gw, EG_DROP_ESP_AUTH) != auth + 1)
			fail_msg("%s: byte %u of ESP", suite->name, at - ETH - 20);
		after = mark_of(gw);
		assert_memory_equal(&after, &before, sizeof(after));
	}
	gw_expect(gw, ENCRYPTED, &frame, EG_PASS, suite->name);
	gw_close(gw);
}

static void test_corrupt(void **state)
{
	(void)state;
	for (unsigned i = 0; i < EG_SUITE_COUNT; i++) {
		corrupt(&eg_suites[i], false);
		corrupt(&eg_suites[i], true);
	}
}

/* Bursts with corrupted packets are tested in test_order and in the crypto tests. Here: cut down to
 * no text by a forger who fixes the lengths. */
static void test_short(void **state)
{
	(void)state;
	for (unsigned i = 0; i < EG_SUITE_COUNT; i++) {
		const struct eg_suite *suite = &eg_suites[i];
		struct gw *gw = gw_open((struct gw_spec){.site = 1, .suite = suite});
		struct tunnel tunnel = tunnel_to(gw);
		struct flow flow = {.src = "10.2.0.9", .dst = "10.1.0.5", .payload = 64};
		struct frame frame = tunnel_frame(&tunnel, 1, &flow);
		size_t least = 8u + suite->iv_bytes + suite->align_bytes + suite->icv_bytes;

		gw_ready(gw);
		for (size_t n = 8; n <= least; n++) {
			frame.n = (uint16_t)(ETH + 20 + n);
			eg_put16(frame.bytes + ETH + 2, (uint16_t)(20 + n));
			fix_checksum(frame.bytes + ETH);
			gw_expect(gw, ENCRYPTED, &frame,
				  n < least ? EG_DROP_ESP_SHORT : EG_DROP_ESP_AUTH, suite->name);
		}
		gw_close(gw);
	}
}

/* Known mistakes of other implementations: each produces a plausible packet that must be refused.
 */
static void check_mistake(const char *name, uint8_t material[EG_SUITE_KEY_MAX], const char *what)
{
	const struct eg_suite *suite = eg_suite_find(name);
	struct gw *gw = gw_open((struct gw_spec){.site = 1, .suite = suite});
	struct tunnel tunnel = tunnel_to(gw);
	struct flow flow = {.src = "10.2.0.9", .dst = "10.1.0.5", .payload = 40};
	struct frame frame;

	gw_ready(gw);
	tunnel.material = material;
	frame = tunnel_frame(&tunnel, 1, &flow);
	gw_expect(gw, ENCRYPTED, &frame, EG_DROP_ESP_AUTH, what);
	gw_close(gw);
}

static void test_salt_order(void **state)
{
	static const char *const names[] = {"aes256gcm16", "aes256ccm16", "chacha20poly1305",
					    "aes256gmac"};

	(void)state;
	for (unsigned i = 0; i < COUNT(names); i++) {
		const struct eg_suite *suite = eg_suite_find(names[i]);
		uint8_t material[EG_SUITE_KEY_MAX], *salt = material + suite->key_bytes;

		memcpy(material, site_material(2), sizeof(material));
		for (unsigned k = 0; k < suite->salt_bytes; k++)
			salt[k] = site_material(2)[suite->key_bytes + suite->salt_bytes - 1 - k];
		check_mistake(names[i], material, "salt in the other byte order");
	}
}

int run_suite_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ends), cmocka_unit_test(test_ivs),
		cmocka_unit_test(test_mtu),       cmocka_unit_test(test_corrupt),
		cmocka_unit_test(test_short),     cmocka_unit_test(test_salt_order),
	};

	return cmocka_run_group_tests_name("path suites", tests, NULL, NULL);
}
