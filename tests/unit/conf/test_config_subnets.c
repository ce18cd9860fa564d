/* Subnets shared by several peers, and dead peer detection: every message. */
#include "config_cases.h"

#include "base/buf.h"
#include "conf/config.h"

/* A clear port with addresses of both families, and one that reaches every 192.0.2.x. */
#define HEAD                                                                                       \
	"version: 1\n"                                                                             \
	"ports: {c: {device: d0, role: clear, addresses: [10.9.0.1/24, \"fd00:9::1/64\"]},\n"      \
	"        u: {device: d1, role: encrypted, addresses: [192.0.2.1/24]}}\n"                   \
	"peers:\n"

/* One line per peer; its SAs are missing, which causes two warnings at its name (WARN). */
#define PEER(name, n, subnets, more)                                                               \
	name ": {local: 192.0.2.1, remote: 192.0.2." n ", subnets: [" subnets "], sas: [\n"        \
	     "    {dir: out, spi: 30" n ", suite: aes128gcm16, key_file: o" n "},\n"               \
	     "    {dir: in, spi: 30" n ", suite: aes128gcm16, key_file: i" n "}],\n"               \
	     "    " more "}\n"

#define LIVES  "alive: {target: 10.1.0.1}"
#define LIVES2 "alive: {target: 10.1.0.2}"

static void test_sharing(void **state)
{
	static const struct config_case cases[] = {
		{HEAD PEER(" b", "2", "10.1.0.0/16", "priority: 1, " LIVES)
			 PEER(" d", "3", "10.1.0.0/16", "priority: 1, " LIVES2),
		 ""},
		{HEAD PEER(" b", "2", "10.1.0.0/16, 10.1.1.0/24", "priority: 1, " LIVES)
			 PEER(" d", "3", "10.1.0.0/16, 10.1.1.0/24", "priority: 1, " LIVES2),
		 ""},
		/* One host cannot reply for two gateways; warned once. */
		{HEAD PEER(" b", "2", "10.1.0.0/16, 10.2.0.0/16", "priority: 1, " LIVES)
			 PEER(" d", "3", "10.1.0.0/16, 10.2.0.0/16", "priority: 1, " LIVES),
		 "t:9:2: warning: peers.d.alive: peers.b has the same target, which replies to "
		 "both through only one of them: use an address of each gateway\n"},
		/* The peer with the last priority needs no probes. */
		{HEAD PEER(" b", "2", "10.1.0.0/16", "priority: 1, " LIVES)
			 PEER(" d", "3", "10.1.0.0/16", "priority: 2"),
		 ""},
		{HEAD PEER(" b", "2", "10.1.0.0/16", "priority: 2")
			 PEER(" d", "3", "10.1.0.0/16", "priority: 1, " LIVES2),
		 ""},
		{HEAD PEER(" b", "2", "10.1.0.0/16", "priority: 1")
			 PEER(" d", "3", "10.1.0.0/16", "priority: 1, " LIVES2),
		 "t:5:2: warning: peers.b: without alive its failure is never detected, and the "
		 "peers that share its subnets are never used\n"},
		/* Warned once per peer. */
		{HEAD PEER(" b", "2", "10.1.0.0/16, 10.2.0.0/16", "priority: 1")
			 PEER(" d", "3", "10.1.0.0/16, 10.2.0.0/16", "priority: 2"),
		 "t:5:2: warning: peers.b: without alive its failure is never detected, and the "
		 "peers that share its subnets are never used\n"},
		{HEAD PEER(" b", "2", "10.1.0.0/16, 10.2.0.0/16", "priority: 1, " LIVES)
			 PEER(" d", "3", "10.1.0.0/16", "priority: 2"),
		 "t:5:66: warning: peers.b.subnets[1]: no other peer has 10.2.0.0/16: priority has "
		 "no effect on it\n"},
		/* Both need a priority. */
		{HEAD PEER(" b", "2", "10.1.0.0/16", "df: copy")
			 PEER(" d", "3", "10.1.0.0/16", "priority: 1"),
		 "t:9:53: peers.d.subnets[0]: 10.1.0.0/16 overlaps 10.1.0.0/16 of peers.b (line "
		 "5): "
		 "to share it, give each of them a priority\n"},
		{HEAD PEER(" b", "2", "10.1.0.0/16", "priority: 1")
			 PEER(" d", "3", "10.1.0.0/16", "df: copy")
				 PEER(" e", "4", "10.1.0.0/16", "priority: 1"),
		 "t:9:53: peers.d.subnets[0]: 10.1.0.0/16 overlaps 10.1.0.0/16 of peers.b (line "
		 "5): "
		 "to share it, give each of them a priority\n"},
		{HEAD PEER(" b", "2", "10.1.0.0/16, 10.1.0.0/16", "priority: 1"),
		 "t:5:66: peers.b.subnets[1]: 10.1.0.0/16 is given twice (first on line 5)\n"},
		/* Only identical prefixes can be shared. */
		{HEAD PEER(" b", "2", "10.1.0.0/16", "priority: 1, " LIVES)
			 PEER(" d", "3", "10.1.1.0/24", "priority: 1"),
		 "t:5:53: warning: peers.b.subnets[0]: no other peer has 10.1.0.0/16: priority has "
		 "no effect on it\n"
		 "t:9:53: peers.d.subnets[0]: 10.1.1.0/24 overlaps 10.1.0.0/16 of peers.b (line "
		 "5)\n"},
		/* A longer or shorter prefix of only one of the two. */
		{HEAD PEER(" b", "2", "10.1.0.0/16, 10.1.1.0/24", "priority: 1, " LIVES)
			 PEER(" d", "3", "10.1.0.0/16", "priority: 1, " LIVES2),
		 "t:9:53: peers.d.subnets[0]: 10.1.0.0/16 overlaps 10.1.1.0/24 of peers.b (line 5)"
		 "\n"},
		{HEAD PEER(" b", "2", "10.0.0.0/14, 10.1.0.0/16", "priority: 1, " LIVES)
			 PEER(" d", "3", "10.1.0.0/16", "priority: 1, " LIVES2),
		 "t:5:53: warning: peers.b.subnets[0]: no other peer has 10.0.0.0/14: priority has "
		 "no effect on it\n"
		 "t:9:53: peers.d.subnets[0]: 10.1.0.0/16 overlaps 10.0.0.0/14 of peers.b (line "
		 "5)\n"},
		/* Transport mode has no subnets to share. */
		{HEAD " b: {local: 10.9.0.2, remote: 192.0.2.2, mode: transport, sas: [\n"
		      "    {dir: out, spi: 302, suite: aes128gcm16, key_file: o2},\n"
		      "    {dir: in, spi: 302, suite: aes128gcm16, key_file: i2}],\n"
		      "    priority: 1, weight: 1, alive: {target: 192.0.2.2}}\n",
		 "t:8:29: peers.b.alive: only valid in mode tunnel: transport mode has no subnets\n"
		 "t:8:5: peers.b.priority: only valid in mode tunnel: transport mode has no "
		 "subnets\n"},
		/* Invalid values. */
		{HEAD PEER(" b", "2", "10.1.0.0/16", "weight: 2"),
		 "t:8:5: peers.b.weight: requires priority\n"},
		{HEAD PEER(" b", "2", "10.1.0.0/16", "priority: 65536, weight: 0"),
		 "t:8:15: peers.b.priority: 65536 is out of range (0-65535)\n"
		 "t:8:30: peers.b.weight: 0 is out of range (1-100)\n"
		 "t:5:53: warning: peers.b.subnets[0]: no other peer has 10.1.0.0/16: priority has "
		 "no effect on it\n"},
	};

	(void)state;
	run_config_cases(cases, COUNT(cases));
}

/* The maximum number of peers share a subnet and a longer prefix inside it without an error; both
 * must have the same peers. */
static void test_maximum(void **state)
{
	static const struct {
		unsigned outer, inner; /* number of peers with 10.1.0.0/16 and with 10.1.1.0/24 */
		const char *error;     /* first message, or NULL */
	} rows[] = {
		{EG_CONF_SHARE_MAX, 0, NULL},
		{EG_CONF_SHARE_MAX, EG_CONF_SHARE_MAX, NULL},
		{EG_CONF_SHARE_MAX - 1, EG_CONF_SHARE_MAX - 1, NULL},
		{EG_CONF_SHARE_MAX, EG_CONF_SHARE_MAX - 1,
		 "t:6:56: peers.p1.subnets[0]: 10.1.0.0/16 overlaps 10.1.1.0/24 of peers.p0 "
		 "(line 5)"},
		{EG_CONF_SHARE_MAX - 1, EG_CONF_SHARE_MAX,
		 "t:6:56: peers.p1.subnets[0]: 10.1.0.0/16 overlaps 10.1.1.0/24 of peers.p0 "
		 "(line 5)"},
	};

	(void)state;
	for (unsigned r = 0; r < COUNT(rows); r++) {
		struct eg_errs errs = {0};
		struct eg_buf text = {0};
		struct eg_config *config;
		const char *error = NULL;

		eg_buf_add(&text, "%s", HEAD);
		for (unsigned i = 0; i < EG_CONF_SHARE_MAX; i++)
			eg_buf_add(&text,
				   "  p%u: {local: 192.0.2.1, remote: 192.0.2.%u, subnets: "
				   "[%s%s10.3.%u.0/24], priority: 3}\n",
				   i, i + 10, i < rows[r].outer ? "10.1.0.0/16, " : "",
				   i < rows[r].inner ? "10.1.1.0/24, " : "", i);
		config = eg_config_parse(text.v, text.n, "t", &errs);
		eg_vec_foreach (msg, &errs.msgs) {
			if (msg->severity == EG_ERROR && !error)
				error = msg->text;
		}
		if (rows[r].error)
			assert_string_equal(error, rows[r].error);
		else if (error)
			fail_msg("row %u: %s", r, error);
		assert_int_equal(!config, rows[r].error != NULL);
		eg_config_free(config);
		eg_errs_free(&errs);
		eg_buf_free(&text);
	}
}

static void test_too_many(void **state)
{
	struct eg_errs errs = {0};
	struct eg_buf text = {0};

	(void)state;
	eg_buf_add(&text, "%s", HEAD);
	for (unsigned i = 0; i < EG_CONF_SHARE_MAX + 1; i++)
		eg_buf_add(&text,
			   "  p%u: {local: 192.0.2.1, remote: 192.0.2.%u, subnets: [10.1.0.0/16], "
			   "priority: 3, alive: {target: 10.1.0.1}}\n",
			   i, i + 10);
	assert_null(eg_config_parse(text.v, text.n, "t", &errs));
	assert_int_equal(errs.n_errors, 1);
	eg_vec_foreach (msg, &errs.msgs) {
		if (msg->severity == EG_ERROR)
			assert_string_equal(msg->text, "t:21:57: peers.p16.subnets[0]: more than "
						       "16 peers have 10.1.0.0/16");
	}
	eg_errs_free(&errs);
	eg_buf_free(&text);
}

static void test_liveness(void **state)
{
	static const struct config_case cases[] = {
		{HEAD PEER(" b", "2", "10.1.0.0/16", LIVES), ""},
		{HEAD PEER(" b", "2", "10.1.0.0/16",
			   "alive: {target: 10.1.0.1, source: 10.9.0.1, "
			   "interval: 10ms, threshold: 255}"),
		 ""},
		{HEAD PEER(" b", "2", "10.1.0.0/16", "alive: {}"),
		 "t:8:5: peers.b.alive: missing key \"target\"\n"},
		{HEAD PEER(" b", "2", "10.1.0.0/16", "alive: {target: 10.2.0.1}"),
		 "t:8:21: peers.b.alive.target: 10.2.0.1 is not inside the peer's subnets, so its "
		 "replies would be dropped\n"},
		{HEAD PEER(" b", "2", "10.1.0.0/16", "alive: {target: 10.1.0.1, source: 10.9.0.2}"),
		 "t:8:39: peers.b.alive.source: 10.9.0.2 is not a local address of a clear port\n"},
		{HEAD PEER(" b", "2", "10.1.0.0/16",
			   "alive: {target: 10.1.0.1, source: 192.0.2.1}"),
		 "t:8:39: peers.b.alive.source: 192.0.2.1 is not a local address of a clear "
		 "port\n"},
		{HEAD PEER(" b", "2", "10.1.0.0/16",
			   "alive: {target: 10.1.0.1, source: \"fd00:9::1\"}"),
		 "t:8:39: peers.b.alive.source: fd00:9::1 and target have different address "
		 "families\n"},
		{HEAD PEER(" b", "2", "10.1.0.0/16",
			   "alive: {target: 10.1.0.1, interval: 1h, threshold: 1}"),
		 "t:8:56: warning: peers.b.alive.threshold: a single lost or late reply marks the "
		 "peer as down\n"
		 "t:8:5: warning: peers.b.alive: interval * threshold is 3600 s: packets to a peer "
		 "that is down are lost for that long\n"},
		{HEAD PEER(" b", "2", "10.1.0.0/16",
			   "alive: {target: 10.1.0.1, interval: 3601s, threshold: 256}"),
		 "t:8:41: peers.b.alive.interval: 3601s is out of range (10ms-1h)\n"
		 "t:8:59: peers.b.alive.threshold: 256 is out of range (1-255)\n"},
		{HEAD PEER(" b", "2", "10.1.0.0/16",
			   "alive: {target: 10.1.0.1, interval: 30s, threshold: 2}"),
		 ""},
		{HEAD PEER(" b", "2", "10.1.0.0/16",
			   "alive: {target: 10.1.0.1, interval: 20001ms, threshold: 3}"),
		 "t:8:5: warning: peers.b.alive: interval * threshold is 60 s: packets to a peer "
		 "that is down are lost for that long\n"},
		{HEAD PEER(" b", "2", "10.1.0.0/16", "priority: 0, weight: 1"),
		 "t:5:53: warning: peers.b.subnets[0]: no other peer has 10.1.0.0/16: priority has "
		 "no effect on it\n"},
		{HEAD PEER(" b", "2", "10.1.0.0/16", "priority: 65535, weight: 101"),
		 "t:8:30: peers.b.weight: 101 is out of range (1-100)\n"
		 "t:5:53: warning: peers.b.subnets[0]: no other peer has 10.1.0.0/16: priority has "
		 "no effect on it\n"},
		{HEAD PEER(" b", "2", "10.1.0.0/16",
			   "alive: {target: 10.1.0.1, interval: 9ms, threshold: 0}"),
		 "t:8:41: peers.b.alive.interval: 9ms is out of range (10ms-1h)\n"
		 "t:8:57: peers.b.alive.threshold: 0 is out of range (1-255)\n"},
		{HEAD PEER(" b", "2", "10.1.0.0/16", "alive: {target: 10.1.0.1, threshold: 1}"),
		 "t:8:42: warning: peers.b.alive.threshold: a single lost or late reply marks the "
		 "peer as down\n"},
		{HEAD PEER(" b", "2", "10.1.0.0/16",
			   "alive: {target: 10.1.0.1, interval: 60s, threshold: 2}"),
		 "t:8:5: warning: peers.b.alive: interval * threshold is 120 s: packets to a peer "
		 "that is down are lost for that long\n"},
		{VP N "peers:\n" PEER(" b", "2", "10.1.0.0/16", LIVES),
		 "t:9:5: peers.b.alive: no clear port has an IPv4 address to send probes from "
		 "(ports.NAME.addresses)\n"},
	};

	(void)state;
	run_config_cases(cases, COUNT(cases));
}

/* The default source: the first address of the family. */
static void test_values(void **state)
{
	static const char text[] = "state_dir: state\n" HEAD PEER(
		" b", "2", "10.1.0.0/16", "priority: 7, weight: 100, alive: {target: 10.1.0.1}")
		PEER(" d", "3", "\"fd00:1::/64\"",
		     "alive: {target: \"fd00:1::7\", interval: 20ms}");
	struct eg_errs errs = {0};
	struct eg_config *config = eg_config_parse(text, sizeof(text) - 1, "t", &errs);
	const struct eg_conf_peer *peers;
	char ip[EG_IP_TEXT];

	(void)state;
	assert_non_null(config);
	peers = config->peers.v;
	assert_true(peers[0].shares && !peers[1].shares);
	assert_int_equal(peers[0].priority, 7);
	assert_int_equal(peers[0].weight, 100);
	assert_int_equal(peers[1].weight, 1);
	assert_string_equal(eg_ip_print(&peers[0].liveness.source, ip), "10.9.0.1");
	assert_string_equal(eg_ip_print(&peers[1].liveness.source, ip), "fd00:9::1");
	assert_string_equal(eg_ip_print(&peers[1].liveness.target, ip), "fd00:1::7");
	assert_int_equal(peers[0].liveness.interval_ns, 1000000000);
	assert_int_equal(peers[1].liveness.interval_ns, 20000000);
	assert_int_equal(peers[0].liveness.threshold, 3);
	eg_errs_free(&errs);
	eg_config_free(config);
}

int run_config_subnet_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sharing),  cmocka_unit_test(test_maximum),
		cmocka_unit_test(test_too_many), cmocka_unit_test(test_liveness),
		cmocka_unit_test(test_values),
	};

	return cmocka_run_group_tests_name("config shares", tests, NULL, NULL);
}
