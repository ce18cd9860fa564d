/* Lifetimes and state_dir: values, and every message with its exact position. */
#include "config_cases.h"

#include "base/clock.h"
#include "conf/config.h"

#define PEER(more)                                                                                 \
	VP N "peers:\n  b:\n    local: 192.0.2.1\n    remote: 192.0.2.2\n    subnets: "            \
	     "[10.1.0.0/16]\n"                                                                     \
	     "    sas: [{dir: out, spi: 256, suite: aes128gcm16, key_file: o, esn: true},\n"       \
	     "          {dir: in, spi: 256, suite: aes128gcm16, key_file: i, esn: false}]\n" more

static void test_messages(void **state)
{
	static const struct config_case cases[] = {
		{PEER("    lifetime: {}\n"), ""},
		{PEER("    rekey: {}\n"), ""},
		{PEER("    rekey: {send_delay: 5, grace: -1s, sent: 1s}\n"),
		 "t:12:40: peers.b.rekey: unknown key \"sent\"\n"
		 "t:12:25: peers.b.rekey.send_delay: expected a duration like 30s or 500ms, found "
		 "\"5\"\n"
		 "t:12:35: peers.b.rekey.grace: expected a duration like 30s or 500ms, found "
		 "\"-1s\"\n"},
		{PEER("    rekey: {send_delay: 61s}\n"),
		 "t:12:5: warning: peers.b.rekey: grace is shorter than send_delay: the peer may "
		 "still send on an SA that is no longer accepted here\n"},
		{PEER("    lifetime: []\n"),
		 "t:12:15: peers.b.lifetime: expected a map, found a list\n"},
		{PEER("    lifetime: {soft_packets: 0, hard_bytes: 0, soft_time: 0, hard_time: "
		      "5}\n"),
		 "t:12:30: peers.b.lifetime.soft_packets: 0 is out of range "
		 "(1-18446744073709551615)\n"
		 "t:12:45: peers.b.lifetime.hard_bytes: must not be 0\n"
		 "t:12:59: peers.b.lifetime.soft_time: must not be 0\n"
		 "t:12:73: peers.b.lifetime.hard_time: expected a duration like 30s or 500ms, "
		 "found "
		 "\"5\"\n"},
		{PEER("    lifetime: {soft_packets: 2^20, hard_packets: 2^20, soft_bytes: 2GiB, "
		      "hard_bytes: 1GiB, soft_time: 1h, hard_time: 2h}\n"),
		 "t:12:30: peers.b.lifetime.soft_packets: 2^20 is not below the hard limit\n"
		 "t:12:68: peers.b.lifetime.soft_bytes: 2GiB is not below the hard limit\n"},
		{PEER("    lifetime: {soft_packets: 2^31, hard_packets: 4294967295}\n"), ""},
		{PEER("    lifetime: {hard_packets: 2^32}\n"),
		 "t:12:5: warning: peers.b.lifetime: sas[1] without ESN runs out of sequence "
		 "numbers first, after 2^32 - 1 packets (RFC 4303 s2.2.1, s3.3.3: esn: true)\n"},
		{PEER("    lifetime: {hard_bytes: 6TiB}\n"),
		 "t:12:5: warning: peers.b.lifetime: sas[1] without ESN runs out of sequence "
		 "numbers first, after 2^32 - 1 packets (RFC 4303 s2.2.1, s3.3.3: esn: true)\n"},
		{PEER("    lifetime: {hard_bytes: 6TiB, hard_packets: 2^31}\n"), ""},
	};

	(void)state;
	run_config_cases(cases, COUNT(cases));
}

static void test_values(void **state)
{
	static const char text[] = PEER("    lifetime: {soft_packets: 1, hard_packets: 2, "
					"soft_bytes: 3kB, hard_bytes: 4GiB,\n"
					"               soft_time: 5s, hard_time: 6d}\n"
					"    rekey: {send_delay: 7s, grace: 8m}\n"
					"state_dir: state\n");
	struct eg_errs errs = {0};
	struct eg_config *config = eg_config_parse(text, strlen(text), "etc/t", &errs);
	const struct eg_lifetime *life;

	(void)state;
	assert_messages(&errs, "");
	assert_string_equal(config->state_dir, "etc/state");
	life = &config->peers.v[0].lifetime;
	assert_int_equal(life->soft_packets, 1);
	assert_int_equal(life->hard_packets, 2);
	assert_int_equal(life->soft_bytes, 3000);
	assert_int_equal(life->hard_bytes, 4ull << 30);
	assert_int_equal(life->soft_time_ns, 5 * EG_NS_PER_S);
	assert_int_equal(life->hard_time_ns, 6 * 86400 * EG_NS_PER_S);
	assert_int_equal(config->peers.v[0].send_delay_ns, 7 * EG_NS_PER_S);
	assert_int_equal(config->peers.v[0].grace_ns, 8 * 60 * EG_NS_PER_S);
	eg_config_free(config);
}

int run_config_lifetime_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_values),
	};

	return cmocka_run_group_tests_name("config life", tests, NULL, NULL);
}
