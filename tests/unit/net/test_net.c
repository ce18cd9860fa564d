/* lib/net: checksums, the parser and drop names. */
#include "net/net_tests.h"

#include <ctype.h>

static void test_drop_names(void **state)
{
	static const char *const names[] = {"keep",
#define X(symbol, name, text) #name,
					    EG_DROPS(X)
#undef X
	};

	(void)state;
	assert_int_equal(COUNT(names), EG_DROP_COUNT);
	for (enum eg_verdict a = EG_PASS; a < EG_DROP_COUNT; a++) {
		assert_string_equal(eg_drop_name(a), names[a]);
		assert_true(strlen(eg_drop_text(a)) > 8);
		for (const char *c = names[a]; *c; c++) /* a metric label needs no quoting */
			assert_true(islower((unsigned char)*c) || isdigit((unsigned char)*c) ||
				    *c == '_');
		for (enum eg_verdict b = EG_PASS; b < a; b++) {
			assert_string_not_equal(eg_drop_name(a), eg_drop_name(b));
			assert_string_not_equal(eg_drop_text(a), eg_drop_text(b));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drop_names),
	};
	int failed = cmocka_run_group_tests_name("net drop names", tests, NULL, NULL);

	return failed + run_tcp_tests() + run_partial_tests() + run_checksum_tests() +
	       run_parse_tests() + run_parse_random_tests();
}
