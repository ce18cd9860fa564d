/* Source address selection. */
#include "route/route_tests.h"

#include "route/local.h"

static void test_towards(void **state)
{
	static const struct {
		unsigned port;
		const char *address;
	} addresses[] = {
		{0, "10.1.0.1/16"},  {0, "10.2.0.1/16"},  {0, "10.3.0.1/24"},
		{0, "fd00:1::1/64"}, {0, "fd00:2::1/64"}, {1, "192.0.2.1/24"},
	};
	static const struct {
		unsigned port;
		const char *to, *as; /* NULL: none */
	} rows[] = {
		{0, "10.1.0.9", "10.1.0.1"},   {0, "10.2.0.9", "10.2.0.1"},
		{0, "10.3.0.9", "10.3.0.1"},   {0, "10.3.1.9", "10.1.0.1"},
		{0, "172.16.0.1", "10.1.0.1"}, {0, "fd00:1::9", "fd00:1::1"},
		{0, "fd00:2::9", "fd00:2::1"}, {0, "2001:db8::1", "fd00:1::1"},
		{1, "10.2.0.9", "192.0.2.1"},  {1, "192.0.2.9", "192.0.2.1"},
		{1, "fd00:1::9", NULL},        {2, "10.1.0.9", NULL},
		{0, "192.0.2.9", "10.1.0.1"},
	};
	struct eg_local v[COUNT(addresses)];
	const struct eg_locals locals = {v, COUNT(addresses)};

	(void)state;
	for (size_t i = 0; i < COUNT(addresses); i++) {
		v[i].port = (uint8_t)addresses[i].port;
		assert_int_equal(eg_prefix_parse(addresses[i].address, &v[i].address), 0);
	}
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct eg_local *local;
		char text[EG_IP_TEXT];
		struct eg_ip to;

		assert_int_equal(eg_ip_parse(rows[i].to, &to), 0);
		local = eg_local_towards(&locals, rows[i].port, &to);
		if (!local != !rows[i].as)
			fail_msg("row %zu", i);
		if (local)
			assert_string_equal(eg_ip_print(&local->address.ip, text), rows[i].as);
	}
}

int run_local_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_towards),
	};

	return cmocka_run_group_tests_name("own addresses", tests, NULL, NULL);
}
