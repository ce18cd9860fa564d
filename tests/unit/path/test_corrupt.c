/* An ESP packet with any byte changed, or truncated anywhere, is never forwarded and leaves the
 * SA's window unchanged; afterwards the original is accepted. */
#include "path/path_tests.h"

#include "net/bytes.h"

#define WINDOW_WORDS 2 /* of the default window of 64 */

struct mark {
	uint64_t top, bits[WINDOW_WORDS];
};

static struct mark mark_of(struct gw *gw)
{
	struct eg_replay *replay = &gw_sa_in(gw)->replay;
	struct mark mark = {.top = replay->top};

	assert_int_equal(replay->words, WINDOW_WORDS);
	memcpy(mark.bits, replay->bits, sizeof(mark.bits));
	return mark;
}

static void assert_refused(struct gw *gw, const struct frame *frame, const struct mark *before)
{
	struct mark after;
	uint64_t drops = gw_drops_all(gw);

	gw_send(gw, ENCRYPTED, frame, 1);
	assert_int_equal(gw_drops_all(gw), drops + 1);
	assert_int_equal(gw_discard(gw, CLEAR) + gw_discard(gw, ENCRYPTED), 0);
	after = mark_of(gw);
	assert_memory_equal(&after, before, sizeof(after));
}

struct bench {
	struct gw *gw;
	struct frame frame;
	struct mark before;
	unsigned esp; /* offset of the ESP header in the frame */
};

static struct bench open_at(unsigned outer, bool esn)
{
	struct bench b = {.gw = gw_open((struct gw_spec){.site = 1, .outer = outer, .esn = esn})};
	struct tunnel tunnel = tunnel_to(b.gw);
	struct flow flow = {.src = "10.2.0.9", .dst = "10.1.0.5", .payload = 61};

	gw_ready(b.gw);
	b.frame = tunnel_frame(&tunnel, 1000, &flow);
	gw_expect(b.gw, ENCRYPTED, &b.frame, EG_PASS, "a first packet");
	b.frame = tunnel_frame(&tunnel, 1010, &flow);
	b.before = mark_of(b.gw);
	b.esp = outer == 4 ? 34 : 54;
	return b;
}

static void close_after(struct bench *b)
{
	gw_expect(b->gw, ENCRYPTED, &b->frame, EG_PASS, "the packet itself");
	gw_expect(b->gw, ENCRYPTED, &b->frame, EG_DROP_ESP_REPLAY_SEEN, "and its copy");
	gw_close(b->gw);
}

/* May this byte of the frame change undetected? The sender's MAC; in IPv6 outside ESP the fields
 * that no checksum covers: traffic class, flow label, hop limit. */
static bool unprotected(const struct bench *b, unsigned at)
{
	if (at >= 6 && at < 12)
		return true;
	return b->esp == 54 && ((at >= 14 && at < 18) || at == 21);
}

static void test_bytes(void **state)
{
	static const uint8_t masks[] = {0x01, 0x80, 0xff};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct bench b = open_at(i & 1 ? 6 : 4, i & 2);

		for (unsigned at = 0; at < b.frame.n; at++) {
			for (unsigned m = 0; m < COUNT(masks) && !unprotected(&b, at); m++) {
				struct frame bad = b.frame;

				bad.bytes[at] ^= masks[m];
				assert_refused(b.gw, &bad, &b.before);
			}
		}
		/* Everything after the ESP header is detected by the ICV. */
		assert_true(gw_drops(b.gw, EG_DROP_ESP_AUTH) >=
			    COUNT(masks) * (b.frame.n - b.esp - 8));
		close_after(&b);
	}
}

/* Truncated on the wire: detected by the IP length. */
static void test_cut(void **state)
{
	(void)state;
	for (unsigned outer = 4; outer <= 6; outer += 2) {
		struct bench b = open_at(outer, false);

		for (unsigned n = 0; n < b.frame.n; n++) {
			struct frame bad = b.frame;

			bad.n = (uint16_t)n;
			assert_refused(b.gw, &bad, &b.before);
		}
		close_after(&b);
	}
}

/* Truncated by a forger who adjusts the lengths: too short or misaligned has its own reason,
 * otherwise the ICV is wrong. */
static void test_cut_forged(void **state)
{
	(void)state;
	for (unsigned outer = 4; outer <= 6; outer += 2) {
		struct bench b = open_at(outer, false);

		for (unsigned n = b.esp; n < b.frame.n; n++) {
			struct frame bad = b.frame;
			unsigned left = n - b.esp;
			bool sized = left >= 36 && (left - 32) % 4 == 0;
			uint64_t before =
				gw_drops(b.gw, sized ? EG_DROP_ESP_AUTH : EG_DROP_ESP_SHORT);

			bad.n = (uint16_t)n;
			if (outer == 4)
				eg_put16(bad.bytes + 16, (uint16_t)(n - 14));
			else
				eg_put16(bad.bytes + 18, (uint16_t)(n - 54));
			fix_checksum(bad.bytes + 14);
			assert_refused(b.gw, &bad, &b.before);
			assert_int_equal(
				gw_drops(b.gw, sized ? EG_DROP_ESP_AUTH : EG_DROP_ESP_SHORT),
				before + 1);
		}
		close_after(&b);
	}
}

/* In a full burst only the corrupted ones are lost. */
static void test_burst(void **state)
{
	static struct frame frames[EG_BATCH_MAX];
	struct gw *gw = gw_open((struct gw_spec){.site = 1});
	struct tunnel tunnel = tunnel_to(gw);
	struct flow flow = {.src = "10.2.0.9", .dst = "10.1.0.5", .payload = 8};
	unsigned n;

	(void)state;
	gw_ready(gw);
	for (unsigned i = 0; i < EG_BATCH_MAX; i++) {
		flow.seed = i;
		frames[i] = tunnel_frame(&tunnel, i + 1, &flow);
		if (i % 3 == 1)
			frames[i].bytes[frames[i].n - 1] ^= 1;
	}
	gw_send(gw, ENCRYPTED, frames, EG_BATCH_MAX);
	n = gw_sent(gw, CLEAR, frames, EG_BATCH_MAX);
	assert_int_equal(gw_drops(gw, EG_DROP_ESP_AUTH), EG_BATCH_MAX / 3);
	assert_int_equal(n, EG_BATCH_MAX - EG_BATCH_MAX / 3);
	for (unsigned i = 0, seed = 0; i < n; i++, seed++) {
		seed += seed % 3 == 1;
		assert_int_equal(eg_get16(frames[i].bytes + 18), seed); /* IPv4 identification */
	}
	gw_close(gw);
}

int run_corrupt_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_cut_forged),
		cmocka_unit_test(test_burst),
	};

	return cmocka_run_group_tests_name("path corruption", tests, NULL, NULL);
}
