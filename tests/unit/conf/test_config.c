/* Complete configurations: every key with its value, defaults, several mistakes at once. */
#include "conf_tests.h"

#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "conf/config.h"

/* Every key; tests/unit/conf has no other list of them. */
static const char full[] =
	"version: 1\n"
	"eal: {args: [\"--file-prefix=gw0\", --no-huge]}\n"
	"ports:\n"
	"  uplink: {device: \"0000:8a:00.0\", role: encrypted, mtu: 9000, rx_queues: 2, rx_buffer: "
	"2048}\n"
	"  pods:   {device: \"net_pcap0,rx_pcap=in.pcap\", role: clear, rx_queues: auto,\n"
	"           promiscuous: true}\n"
	"workers:\n"
	"  lcores: \"1,3-5\"\n"
	"  pin: [{port: uplink, queue: 0, lcore: 3}, {port: pods, queue: 63, lcore: 1}]\n"
	"neighbors:\n"
	"  - {port: pods, ip: 10.244.1.2, mac: \"02:00:00:00:00:02\"}\n"
	"  - {port: uplink, ip: 192.0.2.254, mac: 02:00:00:00:00:fe}\n"
	"  - {port: uplink, ip: \"2001:db8::2\", mac: 02:00:00:00:00:06}\n"
	"routes:\n"
	"  - {to: 10.244.1.0/24, port: pods}\n"
	"  - {to: 0.0.0.0/0, via: 192.0.2.254}\n"
	"peers:\n"
	"  node-b:\n"
	"    local: 192.0.2.1\n"
	"    remote: 192.0.2.2\n"
	"    subnets: [10.244.2.0/24, \"fd00:2::/64\"]\n"
	"    udp_encap: {source_ports: 16}\n"
	"    sas:\n"
	"      - {dir: out, spi: 0x1001, suite: aes256gcm16, key_file: keys/b-out.key, esn: true}\n"
	"      - {dir: in, spi: 0x2001, suite: aes128gcm16, key_file: /k/b-in.key, esn: true,\n"
	"         replay_window: 1024}\n"
	"  node.c_1:\n"
	"    local: 2001:db8::1\n"
	"    remote: 2001:db8::2\n"
	"    subnets: [10.244.3.0/24, 10.244.3.128/25]\n"
	"    udp_encap: true\n"
	"    sas:\n"
	"      - {dir: out, spi: 0x1001, suite: aes192gcm16, key_file: keys/c-out.key}\n"
	"      - {dir: in, spi: 4294967295, suite: aes192gcm16, key_file: keys/c-in.key}\n"
	"state_dir: state\n"
	"unmatched: drop\n"
	"stats: {period: 5s}\n"
	"log: {modules: {esp: debug}, target: /var/log/gw, level: warning, drop_sample: 20/s}\n";

static struct eg_config *parse_as(const char *name, const char *text, const char *lines)
{
	struct eg_errs errs = {0};
	struct eg_config *config = eg_config_parse(text, strlen(text), name, &errs);

	assert_messages(&errs, lines);
	return config;
}

static struct eg_config *parse(const char *text, const char *lines)
{
	return parse_as("etc/gw.yaml", text, lines);
}

static void assert_ip(const struct eg_ip *ip, const char *expected)
{
	char text[EG_IP_TEXT];

	assert_string_equal(eg_ip_print(ip, text), expected);
}

static void assert_prefix(const struct eg_prefix *prefix, const char *expected)
{
	char text[EG_PREFIX_TEXT];

	assert_string_equal(eg_prefix_print(prefix, text), expected);
}

static void check_ports(const struct eg_config *c)
{
	const struct eg_conf_port *uplink = &c->ports.v[0], *pods = &c->ports.v[1];

	assert_int_equal(c->ports.n, 2);
	assert_string_equal(uplink->name, "uplink");
	assert_string_equal(uplink->device, "0000:8a:00.0");
	assert_int_equal(uplink->role, EG_ROLE_ENCRYPTED);
	assert_int_equal(uplink->mtu, 9000);
	assert_int_equal(uplink->rx_queues, 2);
	assert_int_equal(uplink->rx_buffer_bytes, 2048);
	assert_false(uplink->promiscuous);
	assert_string_equal(uplink->pos.file, "etc/gw.yaml");
	assert_int_equal(uplink->pos.line, 4);
	assert_int_equal(uplink->pos.column, 3);
	assert_string_equal(pods->device, "net_pcap0,rx_pcap=in.pcap");
	assert_int_equal(pods->role, EG_ROLE_CLEAR);
	assert_int_equal(pods->mtu, 1500);
	assert_int_equal(pods->rx_queues, 0);
	assert_int_equal(pods->rx_buffer_bytes, 0);
	assert_true(pods->promiscuous);
}

static void check_workers(const struct eg_config *c)
{
	static const unsigned lcores[] = {1, 3, 4, 5};

	assert_int_equal(c->lcores.n, 4);
	assert_memory_equal(c->lcores.v, lcores, sizeof(lcores));
	assert_int_equal(c->pins.n, 2);
	assert_int_equal(c->pins.v[0].port, 0);
	assert_int_equal(c->pins.v[0].queue, 0);
	assert_int_equal(c->pins.v[0].lcore, 3);
	assert_int_equal(c->pins.v[1].port, 1);
	assert_int_equal(c->pins.v[1].queue, 63);
	assert_int_equal(c->pins.v[1].pos.line, 9);
}

static void check_routes(const struct eg_config *c)
{
	assert_int_equal(c->neighbors.n, 3);
	assert_int_equal(c->neighbors.v[0].port, 1);
	assert_ip(&c->neighbors.v[1].ip, "192.0.2.254");
	assert_int_equal(c->neighbors.v[1].mac[5], 0xfe);
	assert_int_equal(c->routes.n, 2);
	assert_prefix(&c->routes.v[0].to, "10.244.1.0/24");
	assert_int_equal(c->routes.v[0].port, 1);
	assert_int_equal(c->routes.v[0].via.family, 0);
	assert_prefix(&c->routes.v[1].to, "0.0.0.0/0");
	assert_int_equal(c->routes.v[1].port, -1);
	assert_ip(&c->routes.v[1].via, "192.0.2.254");
}

static void check_peers(const struct eg_config *c)
{
	const struct eg_conf_peer *b = &c->peers.v[0], *o = &c->peers.v[1];

	assert_int_equal(c->peers.n, 2);
	assert_string_equal(b->name, "node-b");
	assert_ip(&b->local, "192.0.2.1");
	assert_ip(&b->remote, "192.0.2.2");
	assert_int_equal(b->subnets.n, 2);
	assert_prefix(&b->subnets.v[1], "fd00:2::/64");
	assert_int_equal(b->sas.n, 2);
	assert_int_equal(b->sas.v[0].dir, EG_SA_OUT);
	assert_int_equal(b->sas.v[0].spi, 0x1001);
	assert_ptr_equal(b->sas.v[0].suite, eg_suite_find("aes256gcm16"));
	assert_string_equal(b->sas.v[0].key_file, "etc/keys/b-out.key");
	assert_int_equal(b->sas.v[0].replay_window, 0);
	assert_true(b->sas.v[0].esn);
	assert_int_equal(b->sas.v[1].dir, EG_SA_IN);
	assert_string_equal(b->sas.v[1].key_file, "/k/b-in.key");
	assert_int_equal(b->sas.v[1].replay_window, 1024);
	assert_int_equal(b->sas.v[1].pos.line, 25);
	assert_true(b->udp_encap);
	assert_int_equal(b->source_ports, 16);
	assert_string_equal(o->name, "node.c_1");
	assert_ip(&o->remote, "2001:db8::2");
	assert_int_equal(o->sas.v[1].spi, UINT32_MAX);
	assert_int_equal(o->sas.v[1].replay_window, 64);
	assert_false(o->sas.v[1].esn);
	assert_true(o->udp_encap);
	assert_int_equal(o->source_ports, 1);
}

static void test_full(void **state)
{
	struct eg_config *c = parse(full, "");

	(void)state;
	assert_non_null(c);
	assert_string_equal(c->file, "etc/gw.yaml");
	assert_int_equal(c->eal_args.n, 2);
	assert_string_equal(c->eal_args.v[1], "--no-huge");
	check_ports(c);
	check_workers(c);
	check_routes(c);
	check_peers(c);
	assert_int_equal(c->stats_period_ns, 5 * EG_NS_PER_S);
	assert_string_equal(c->log.target, "/var/log/gw");
	assert_int_equal(c->log.level[EG_LOG_CORE], EG_LOG_WARNING);
	assert_int_equal(c->log.level[EG_LOG_ESP], EG_LOG_DEBUG);
	assert_int_equal(c->log.drop_sample_per_s, 20);
	eg_config_free(c);
	eg_config_free(NULL);
}

static void test_defaults(void **state)
{
	struct eg_config *c =
		parse("{\"version\": 1, \"ports\": {\"a\": {\"device\": \"net_null0\", \"role\": "
		      "\"clear\"}}}",
		      "");

	(void)state;
	assert_non_null(c);
	assert_int_equal(c->ports.v[0].mtu, 1500);
	assert_int_equal(c->ports.v[0].rx_queues, 0);
	assert_int_equal(c->eal_args.n + c->lcores.n + c->pins.n, 0);
	assert_int_equal(c->neighbors.n + c->routes.n + c->peers.n, 0);
	assert_int_equal(c->policy.max_connections_per_source, EG_CONF_CONNECTIONS_DEFAULT / 4);
	assert_int_equal(c->stats_period_ns, 0);
	assert_string_equal(c->log.target, "stderr");
	for (size_t i = 0; i < EG_LOG_MODULES; i++)
		assert_int_equal(c->log.level[i], EG_LOG_INFO);
	assert_int_equal(c->log.drop_sample_per_s, 10);
	assert_true(c->multi_packet);
	assert_true(c->forwarding_cache);
	eg_config_free(c);
}

/* The values of all policy keys. */
static void test_policy(void **state)
{
	struct eg_config *c = parse(
		"version: 1\n"
		"ports: {c: {device: d0, role: clear}}\n"
		"policy: {dirs: [p, q], inventory: [i], mode: audit, existing_connections: keep,\n"
		"  reject: true, unknown_pods: allow, pod_networks: [10.0.0.0/8], node_addresses:\n"
		"  [192.0.2.1], on_error: refuse, default_namespace: shop, max_shrink: 7%}\n",
		"");
	const struct eg_conf_policy *policy = &c->policy;

	(void)state;
	assert_int_equal(policy->mode, EG_POLICY_AUDIT);
	assert_int_equal(policy->dirs.n, 2);
	assert_int_equal(policy->inventory.n, 1);
	assert_true(policy->keep_existing);
	assert_true(policy->reject);
	assert_true(policy->allow_unknown);
	assert_true(policy->refuse_invalid);
	assert_int_equal(policy->pod_networks.n, 1);
	assert_prefix(&policy->pod_networks.v[0], "10.0.0.0/8");
	assert_int_equal(policy->node_addresses.n, 1);
	assert_ip(&policy->node_addresses.v[0], "192.0.2.1");
	assert_string_equal(policy->default_namespace, "shop");
	assert_int_equal(policy->max_shrink, 7);
	eg_config_free(c);
	c = parse("version: 1\n"
		  "ports: {c: {device: d0, role: clear}}\n"
		  "policy: {dirs: [p], inventory: [i], existing_connections: reevaluate,\n"
		  "  unknown_pods: deny, on_error: quarantine}\n",
		  "");
	policy = &c->policy;
	assert_int_equal(policy->mode, EG_POLICY_ENFORCE);
	assert_false(policy->keep_existing);
	assert_false(policy->reject);
	assert_false(policy->allow_unknown);
	assert_false(policy->refuse_invalid);
	assert_null(policy->default_namespace);
	assert_int_equal(policy->max_shrink, 50);
	assert_int_equal(c->ports.v[0].source_check, EG_SOURCE_STRICT);
	eg_config_free(c);
}

static void test_lcores(void **state)
{
	static const struct {
		const char *text;
		size_t n;
		unsigned first, last;
	} cases[] = {
		{"7", 1, 7, 7},        {"2-5", 4, 2, 5},          {"\"1,3-5\"", 4, 1, 5},
		{"[2, 4-6]", 4, 2, 6}, {"[\"1,3\", 9]", 3, 1, 9}, {"0-127", 128, 0, 127},
		{"\"9,1\"", 2, 9, 1},  {"5-5", 1, 5, 5},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct eg_buf text = {0};
		struct eg_config *c;

		eg_buf_add(
			&text,
			"version: 1\nports: {a: {device: d, role: clear}}\nworkers: {lcores: %s}\n",
			cases[i].text);
		c = parse(text.v, "");
		assert_non_null(c);
		assert_int_equal(c->lcores.n, cases[i].n);
		assert_int_equal(c->lcores.v[0], cases[i].first);
		assert_int_equal(c->lcores.v[c->lcores.n - 1], cases[i].last);
		eg_config_free(c);
		eg_buf_free(&text);
	}
}

/* Without a limit each number would be a separate error. */
static void test_hostile_lcores(void **state)
{
	struct eg_buf text = {0};

	(void)state;
	eg_buf_add(&text, "version: 1\nports: {a: {device: d, role: clear}}\nworkers: {lcores: \"");
	for (int i = 0; i < 1000000; i++)
		eg_buf_add(&text, "0-127,");
	eg_buf_add(&text, "\"}\n");
	assert_null(parse(text.v, "etc/gw.yaml:3:19: workers.lcores: lcore 0 is given twice\n"));
	eg_buf_free(&text);
}

static void test_many_errors(void **state)
{
	(void)state;
	assert_null(parse_as(
		"g",
		"version: 1\n"
		"ports:\n"
		"  uplink: {device: net_null0, role: encripted, mtu: 100}\n"
		"  pods: {device: net_null1, role: clear, speed: 10}\n"
		"neighbors:\n"
		"  - {port: pod, ip: 10.0.0.1, mac: 01:00:00:00:00:01}\n"
		"routes: [{to: 10.0.0.1/32, port: pods}]\n"
		"peers:\n"
		"  b:\n"
		"    local: 192.0.2.1\n"
		"    remote: 192.0.2.300\n"
		"    subnets: [10.0.0.1/24, 10.0.0.0/8]\n"
		"    sas:\n"
		"      - {dir: out, spi: 1, suite: aes-gcm-256}\n"
		"polcy: {}\n",
		"g:15:1: unknown key \"polcy\" (did you mean \"policy\"?)\n"
		"g:3:37: ports.uplink.role: unknown \"encripted\" (did you mean \"encrypted\"?)\n"
		"g:3:53: ports.uplink.mtu: 100 is out of range (1280-9600)\n"
		"g:4:42: ports.pods: unknown key \"speed\"\n"
		"g:6:12: neighbors[0].port: no port is named \"pod\" (did you mean \"pods\"?)\n"
		"g:6:36: neighbors[0].mac: 01:00:00:00:00:01 is not a unicast MAC address\n"
		"g:11:13: peers.b.remote: expected an IP address, found \"192.0.2.300\"\n"
		"g:12:15: peers.b.subnets[0]: 10.0.0.1/24 has host bits set (did you mean "
		"10.0.0.0/24?)\n"
		"g:14:25: peers.b.sas[0].spi: 1 is out of range (256-0xffffffff, RFC 4303 s2.1)\n"
		"g:14:35: peers.b.sas[0].suite: unknown \"aes-gcm-256\" (did you mean "
		"\"aes256gcm16\"?)\n"
		"g:14:9: peers.b.sas[0]: missing key \"key_file\"\n"
		"g:6:21: neighbors[0].ip: 10.0.0.1 lies inside 10.0.0.0/8 of peers.b (line 12): "
		"packets to it must go through the tunnel\n"
		"g:7:15: routes[0].to: 10.0.0.1/32 lies inside 10.0.0.0/8 of peers.b (line 12): "
		"its packets would leave in clear\n"));
}

static void test_load(void **state)
{
	char path[] = "/tmp/eg-test-config-XXXXXX";
	struct eg_errs errs = {0};
	struct eg_config *c;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, full, strlen(full)), strlen(full));
	close(fd);
	c = eg_config_load(path, &errs);
	unlink(path);
	assert_messages(&errs, "");
	assert_non_null(c);
	assert_string_equal(c->file, path);
	assert_string_equal(c->peers.v[0].sas.v[0].key_file, "/tmp/keys/b-out.key");
	eg_config_free(c);

	assert_null(eg_config_load("/nowhere", &errs));
	assert_messages(&errs, "/nowhere: cannot open: No such file or directory\n");
	c = eg_config_parse(full, strlen(full), "gw.yaml", &errs);
	assert_string_equal(c->peers.v[0].sas.v[0].key_file, "keys/b-out.key");
	eg_config_free(c);
}

/* The largest configuration that config.h allows, and one in which everything is wrong. */
static void test_many_peers(void **state)
{
	struct eg_buf text = {0};
	struct eg_errs errs = {0};
	struct eg_config *c;
	uint64_t start;

	(void)state;
	eg_buf_add(&text,
		   "version: 1\nstate_dir: state\nports: {u: {device: d, role: encrypted}}\n"
		   "neighbors: [{port: u, ip: 192.0.2.2, mac: 02:00:00:00:00:02}]\npeers:\n");
	for (unsigned i = 0; i < EG_CONF_PEERS_MAX; i++)
		eg_buf_add(&text,
			   "  node-%u:\n    local: 192.0.2.1\n    remote: 192.0.2.2\n"
			   "    subnets: [10.%u.%u.%u/32, \"fd00:%x:%x::/64\"]\n    sas:\n"
			   "      - {dir: out, spi: %u, suite: aes256gcm16, key_file: keys/%u.out, "
			   "esn: true}\n"
			   "      - {dir: in, spi: %u, suite: aes256gcm16, key_file: keys/%u.in, "
			   "esn: true}\n",
			   i, i >> 16, i >> 8 & 255, i & 255, i >> 16, i & 0xffff, 1000 + i, i,
			   1000 + i, i);
	start = eg_mono_ns();
	c = eg_config_parse(text.v, text.n, "gw.yaml", &errs);
	print_message("%d peers, %zu bytes: %.1f ms\n", EG_CONF_PEERS_MAX, text.n,
		      (double)(eg_mono_ns() - start) / 1e6);
	assert_messages(&errs, "");
	assert_non_null(c);
	assert_int_equal(c->peers.n, EG_CONF_PEERS_MAX);
	eg_config_free(c);

	eg_buf_cut(&text, 0);
	eg_buf_add(&text, "version: 1\nports: {u: {device: d, role: encrypted}}\npeers:\n");
	for (unsigned i = 0; i < EG_CONF_PEERS_MAX; i++)
		eg_buf_add(&text,
			   "  n%u: {local: 10.0.0.1, remote: 10.0.0.2, subnets: [10.0.0.0/8], "
			   "ports: 1,"
			   " sas: [{dir: in, spi: 300, suite: aes256gcm16, key_file: k}]}\n",
			   i);
	start = eg_mono_ns();
	assert_null(eg_config_parse(text.v, text.n, "gw.yaml", &errs));
	print_message("all of them wrong: %zu errors, %.1f ms\n", errs.n_errors,
		      (double)(eg_mono_ns() - start) / 1e6);
	assert_true(errs.n_errors > 6 * (size_t)EG_CONF_PEERS_MAX - 10);
	eg_errs_free(&errs);
	eg_buf_free(&text);
}

static void test_per_source(void **state)
{
	static const char *const text =
		"{\"version\": 1, \"ports\": {\"a\": {\"device\": \"net_null0\", \"role\": "
		"\"clear\"}}, \"policy\": {\"dirs\": [p], \"inventory\": [i], "
		"\"max_connections\": 4096%s}}";
	char whole[512];
	struct eg_config *c;

	(void)state;
	for (unsigned given = 0; given < 2; given++) {
		snprintf(whole, sizeof(whole), text,
			 given ? ", \"max_connections_per_source\": 77" : "");
		c = parse(whole, "");
		assert_non_null(c);
		assert_int_equal(c->policy.max_connections_per_source, given ? 77 : 1024);
		eg_config_free(c);
	}
}

int run_config_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full),        cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_per_source),  cmocka_unit_test(test_lcores),
		cmocka_unit_test(test_many_errors), cmocka_unit_test(test_hostile_lcores),
		cmocka_unit_test(test_load),        cmocka_unit_test(test_many_peers),
		cmocka_unit_test(test_policy),
	};

	return cmocka_run_group_tests_name("conf config", tests, NULL, NULL);
}
