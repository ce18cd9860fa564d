/* source_check of ports, and `encrypt`. */
#include "config_cases.h"

#include "base/buf.h"
#include "conf/config.h"

#define ROUTER                                                                                     \
	"neighbors: [{port: u, ip: 192.0.2.2, mac: 02:00:00:00:00:02},\n"                          \
	"            {port: c, ip: 10.9.0.2, mac: 02:00:00:00:00:09}]\n"
#define PEER(suite)                                                                                \
	"peers:\n"                                                                                 \
	"  b: {local: 192.0.2.1, remote: 192.0.2.2, subnets: [10.2.0.0/16], sas: [\n"              \
	"      {dir: out, spi: 0x1001, suite: " suite ", key_file: o},\n"                          \
	"      {dir: in, spi: 0x2001, suite: " suite ", key_file: i}]}\n"

static void test_source_check(void **state)
{
	static const struct config_case cases[] = {
		{V "ports: {c: {device: d, role: clear, source_check: loose}}\n", ""},
		{V "ports: {c: {device: d, role: clear, source_check: \"off\"}}\n", ""},
		{V "ports: {c: {device: d, role: clear, source_check: lose}}\n",
		 "t:2:51: ports.c.source_check: unknown \"lose\" (did you mean \"loose\"?)\n"},
		{V "ports: {c: {source_check: strict, device: d, role: encrypted}}\n",
		 "t:2:13: ports.c.source_check: only valid for clear ports: packets from a tunnel "
		 "are always checked against the peer's subnets\n"},
	};

	(void)state;
	run_config_cases(cases, COUNT(cases));
}

static void test_encrypt(void **state)
{
	static const struct config_case cases[] = {
		{VP "encrypt: [10.0.0.0/8, \"fd00::/8\"]\n", ""},
		{VP "encrypt: 10.0.0.0/8\n", "t:3:10: encrypt: expected a list, found a value\n"},
		{VP "encrypt: [10.0.0.1/8]\n",
		 "t:3:11: encrypt[0]: 10.0.0.1/8 has host bits set (did you mean 10.0.0.0/8?)\n"},
		/* Traffic behind a router on a clear port would be in clear; wider routes do not
		 * matter. */
		{VP ROUTER
		 "routes: [{to: 10.3.0.0/16, via: 10.9.0.2}, {to: 0.0.0.0/0, via: 10.9.0.2},\n"
		 "         {to: 10.4.0.0/16, port: c}, {to: 10.5.0.0/16, via: 192.0.2.2},\n"
		 "         {to: 10.0.0.0/7, via: 10.9.0.2}]\n"
		 "encrypt: [10.0.0.0/8]\n",
		 "t:5:15: routes[0].to: 10.3.0.0/16 lies inside 10.0.0.0/8 of encrypt: its packets "
		 "would leave in clear through a router on ports.c\n"},
		/* Suites without encryption. */
		{VP ROUTER "encrypt: [10.2.128.0/17]\n" PEER("null-sha256"),
		 "t:8:38: peers.b.sas[0].suite: null-sha256 does not encrypt, and the peer "
		 "overlaps "
		 "10.2.128.0/17 of encrypt\n"
		 "t:9:37: peers.b.sas[1].suite: null-sha256 does not encrypt, and the peer "
		 "overlaps "
		 "10.2.128.0/17 of encrypt\n"},
		{VP ROUTER "encrypt: [10.0.0.0/8]\n" PEER("aes256gmac") "state_dir: s\n",
		 "t:8:38: peers.b.sas[0].suite: aes256gmac does not encrypt, and the peer overlaps "
		 "10.0.0.0/8 of encrypt\n"
		 "t:9:37: peers.b.sas[1].suite: aes256gmac does not encrypt, and the peer overlaps "
		 "10.0.0.0/8 of encrypt\n"},
		{VP ROUTER "encrypt: [10.3.0.0/16]\n" PEER("aes256gmac") "state_dir: s\n",
		 "t:8:38: warning: peers.b.sas[0].suite: aes256gmac does not encrypt: packets to "
		 "this peer are readable on the wire\n"},
		{VP ROUTER "encrypt: [10.0.0.0/8]\n" PEER("aes256gcm16") "state_dir: s\n", ""},
		/* A transport mode peer protects its own address. */
		{VP ROUTER
		 "routes: [{to: 192.0.2.1/32, port: c}]\n"
		 "encrypt: [192.0.2.0/24]\n"
		 "peers: {b: {mode: transport, local: 192.0.2.1, remote: 192.0.2.2, sas: [\n"
		 "  {dir: in, spi: 0x2001, suite: aes256gcm16, key_file: i},\n"
		 "  {dir: out, spi: 0x1001, suite: null-sha256, key_file: o}]}}\n",
		 "t:9:34: peers.b.sas[1].suite: null-sha256 does not encrypt, and the peer "
		 "overlaps 192.0.2.0/24 of encrypt\n"},
	};

	(void)state;
	run_config_cases(cases, COUNT(cases));
}

static void test_limit(void **state)
{
	(void)state;
	for (int n = EG_CONF_ENCRYPT_MAX; n <= EG_CONF_ENCRYPT_MAX + 1; n++) {
		bool fits = n == EG_CONF_ENCRYPT_MAX;
		struct eg_errs errs = {0};
		struct eg_buf text = {0};
		struct eg_config *config;

		eg_buf_add(&text, "%s", VP "encrypt: [");
		for (int i = 0; i < n; i++)
			eg_buf_add(&text, "%s10.%d.%d.0/24", i ? ", " : "", i / 256, i % 256);
		eg_buf_add(&text, "]\n");
		config = eg_config_parse(text.v, text.n, "t", &errs);
		assert_int_equal(config != NULL, fits);
		assert_messages(&errs, fits ? "" : "t:3:10: encrypt: more than 1024 networks\n");
		eg_config_free(config);
		eg_buf_free(&text);
	}
}

int run_config_encrypt_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_source_check),
		cmocka_unit_test(test_encrypt),
		cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests_name("conf encrypt", tests, NULL, NULL);
}
