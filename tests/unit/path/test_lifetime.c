/* Packets at the limits of an SA: reservations and lifetimes, both directions. */
#include "path/path_tests.h"

#define V4 .src = "10.1.0.5", .dst = "10.2.0.9"

/* Two numbers reserved, three packets; then the next block. */
static void test_reservation(void **state)
{
	static struct frame frames[3];
	struct gw *gw = gw_open((struct gw_spec){.site = 1});
	struct tunnel tunnel = tunnel_from(gw);

	(void)state;
	gw_ready(gw);
	atomic_store(&gw_sa_out(gw)->seq_limit, 2);
	for (unsigned i = 0; i < 3; i++)
		frames[i] = plain_frame(CLEAR, &(struct flow){V4, .seed = i});
	gw_send(gw, CLEAR, frames, 3);
	assert_int_equal(gw_drops(gw, EG_DROP_SEQ_RESERVATION), 1);
	assert_int_equal(gw_sent(gw, ENCRYPTED, frames, 3), 2);
	open_frame(&tunnel, &frames[1], 2);
	frames[0] = plain_frame(CLEAR, &(struct flow){V4});
	gw_expect(gw, CLEAR, &frames[0], EG_DROP_SEQ_RESERVATION, "behind the mark");
	atomic_store(&gw_sa_out(gw)->seq_limit, 3);
	gw_expect(gw, CLEAR, &frames[0], EG_PASS, "the next block");
	assert_int_equal(atomic_load(&gw_sa_out(gw)->seq), 3);
	gw_close(gw);
}

static void test_expired_out(void **state)
{
	struct gw *gw = gw_open((struct gw_spec){.site = 1});
	struct frame frame = plain_frame(CLEAR, &(struct flow){V4, .payload = 80});
	struct eg_sa *sa;

	(void)state;
	gw_ready(gw);
	sa = gw_sa_out(gw);
	atomic_store(&sa->seq_limit, 1);
	atomic_store(&sa->seq_end, 1);
	gw_expect(gw, CLEAR, &frame, EG_PASS, "the last packet");
	gw_expect(gw, CLEAR, &frame, EG_DROP_SA_EXPIRED, "packets");
	atomic_store(&sa->seq_limit, UINT32_MAX);
	atomic_store(&sa->seq_end, UINT32_MAX);
	atomic_store(&sa->byte_limit, 101);
	gw_expect(gw, CLEAR, &frame, EG_PASS, "100 of 101 bytes");
	gw_expect(gw, CLEAR, &frame, EG_DROP_SA_EXPIRED, "200 of 101 bytes");
	assert_int_equal(atomic_load(&sa->seq), 2);
	assert_int_equal(atomic_load(&sa->bytes), 200);
	gw_close(gw);
}

static void test_expired_in(void **state)
{
	static const struct flow flow = {.src = "10.2.0.9", .dst = "10.1.0.5", .payload = 80};
	struct gw *gw = gw_open((struct gw_spec){.site = 1});
	struct tunnel tunnel;
	struct frame frame;
	struct eg_sa *sa;

	(void)state;
	gw_ready(gw);
	tunnel = tunnel_to(gw);
	sa = gw_sa_in(gw);
	atomic_store(&sa->seq_limit, 100);
	frame = tunnel_frame(&tunnel, 101, &flow);
	gw_expect(gw, ENCRYPTED, &frame, EG_DROP_SA_EXPIRED, "packet 101 of 100");
	assert_int_equal(sa->replay.top, 0);
	frame = tunnel_frame(&tunnel, 100, &flow);
	gw_expect(gw, ENCRYPTED, &frame, EG_PASS, "packet 100 of 100");
	atomic_store(&sa->byte_limit, 100);
	frame = tunnel_frame(&tunnel, 99, &flow);
	gw_expect(gw, ENCRYPTED, &frame, EG_DROP_SA_EXPIRED, "bytes");
	gw_close(gw);
}

int run_lifetime_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reservation),
		cmocka_unit_test(test_expired_out),
		cmocka_unit_test(test_expired_in),
	};

	return cmocka_run_group_tests_name("path life", tests, NULL, NULL);
}
