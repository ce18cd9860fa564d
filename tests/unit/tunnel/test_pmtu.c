/* The learned path MTU: what lowers it, what renews it, and when it is forgotten. */
#include "tunnel/harness.h"

/* clang-format off */
static const struct {
	uint32_t at_s;
	uint16_t learned; /* 0: only time passes */
	unsigned now;
} script[] = {
	{0, 0, EG_PMTU_NONE},
	{10, 1400, 1400},
	{20, 1450, 1400},   /* a larger one changes nothing, nor its time */
	{30, 1300, 1300},
	{100, 1300, 1300},  /* renewed */
	{30 + EG_PMTU_AGE_S, 0, 1300},
	{99 + EG_PMTU_AGE_S, 0, 1300},
	{100 + EG_PMTU_AGE_S, 0, EG_PMTU_NONE},
	{101 + EG_PMTU_AGE_S, 1450, 1450},
};
/* clang-format on */

static void test_script(void **state)
{
	/* A clock that wraps in the middle must not matter. */
	static const uint32_t begins[] = {1000, UINT32_MAX - 50, UINT32_MAX - EG_PMTU_AGE_S};

	(void)state;
	for (size_t b = 0; b < COUNT(begins); b++) {
		struct eg_pmtu pmtu;

		eg_pmtu_init(&pmtu);
		for (size_t i = 0; i < COUNT(script); i++) {
			uint32_t now_s = begins[b] + script[i].at_s;
			unsigned known;
			bool news = script[i].learned && (script[i].learned <= eg_pmtu_get(&pmtu));

			assert_int_equal(eg_pmtu_age(&pmtu, now_s),
					 !script[i].learned && script[i].now == EG_PMTU_NONE && i);
			known = eg_pmtu_get(&pmtu);
			if (script[i].learned) {
				assert_int_equal(eg_pmtu_is_news(&pmtu, script[i].learned, now_s),
						 news);
				assert_int_equal(eg_pmtu_learn(&pmtu, script[i].learned, now_s),
						 script[i].learned < known);
				assert_false(eg_pmtu_is_news(&pmtu, script[i].learned, now_s));
			}
			assert_int_equal(eg_pmtu_get(&pmtu), script[i].now);
		}
		assert_true(eg_pmtu_forget(&pmtu));
		assert_false(eg_pmtu_forget(&pmtu));
		assert_int_equal(eg_pmtu_get(&pmtu), EG_PMTU_NONE);
	}
}

/* RFC 1191 s7's table, from both sides of each line. */
static void test_plateau(void **state)
{
	(void)state;
	assert_int_equal(eg_pmtu_plateau(65535), 32000);
	assert_int_equal(eg_pmtu_plateau(1500), 1492);
	assert_int_equal(eg_pmtu_plateau(1492), 1006);
	assert_int_equal(eg_pmtu_plateau(297), 296);
	assert_int_equal(eg_pmtu_plateau(296), 68);
	assert_int_equal(eg_pmtu_plateau(0), 68);
}

int run_pmtu_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_script),
		cmocka_unit_test(test_plateau),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
