/* Keys that need a restart: each change is reported with its position and the running value, which
 * is kept; changes of keys that affect the meaning of others are refused. */
#include "conf/conf_tests.h"

#include "conf/config.h"
#include "conf/restart_keys.h"

/* One key per line, so that a row's text replaces one line. */
#define LINES 22
static const char *const base[LINES] = {
	"version: 1\n",                                                 /* 1 */
	"eal: {args: [\"--no-huge\", \"-m512\"]}\n",                    /* 2 */
	"ports:\n",                                                     /* 3 */
	"  up:\n",                                                      /* 4 */
	"    device: net_null0\n",                                      /* 5 */
	"    role: encrypted\n",                                        /* 6 */
	"    mtu: 9000\n",                                              /* 7 */
	"    rx_queues: 2\n",                                           /* 8 */
	"    rx_buffer: 2048\n",                                        /* 9 */
	"    addresses: [192.0.2.1/24]\n",                              /* 10 */
	"    kernel: {device: \"net_tap0,iface=gw\", allow: [ike]}\n",  /* 11 */
	"  v:\n",                                                       /* 12 */
	"    parent: up\n",                                             /* 13 */
	"    vlan: 7\n",                                                /* 14 */
	"    mac: \"02:00:00:00:00:07\"\n",                             /* 15 */
	"    role: clear\n",                                            /* 16 */
	"  dn: {device: net_null1, role: clear, promiscuous: true}\n",  /* 17 */
	"workers:\n",                                                   /* 18 */
	"  lcores: \"2,3\"\n",                                          /* 19 */
	"  pin: [{port: up, queue: 1, lcore: 3}]\n",                    /* 20 */
	"state_dir: /s\n",                                              /* 21 */
	"policy: {dirs: [p], inventory: [i], max_connections: 4096}\n", /* 22 */
};

static const struct {
	unsigned line;
	const char *text, *messages;
	bool refused;
} rows[] = {
	{1, "version: 1\n", "", false},
	{2, "eal: {args: [\"--no-huge\"]}\n",
	 "t:2:7: warning: eal.args: needs a restart (running with --no-huge -m512)\n", false},
	{2, "", "t: warning: eal.args: needs a restart (running with --no-huge -m512)\n", false},
	{5, "    device: \"net_null0,size=100\"\n",
	 "t:5:5: warning: ports.up.device: needs a restart (running with net_null0)\n", false},
	{7, "    mtu: 1500\n", /* also for a sub-port, which uses its parent's */
	 "t:7:5: warning: ports.up.mtu: needs a restart (running with 9000)\n"
	 "t:12:3: warning: ports.v.mtu: needs a restart (running with 9000)\n",
	 false},
	{7, "\n",
	 "t:4:3: warning: ports.up.mtu: needs a restart (running with 9000)\n"
	 "t:12:3: warning: ports.v.mtu: needs a restart (running with 9000)\n",
	 false},
	{8, "    rx_queues: auto\n",
	 "t:8:5: warning: ports.up.rx_queues: needs a restart (running with 2)\n", false},
	{9, "    rx_buffer: 4096\n",
	 "t:9:5: warning: ports.up.rx_buffer: needs a restart (running with 2048)\n", false},
	{10, "    addresses: [192.0.2.1/24, 192.0.2.9/24]\n", "", false}, /* applies */
	{11, "    kernel: {device: \"net_tap0,iface=other\", allow: [ike]}\n",
	 "t:11:5: warning: ports.up.kernel: needs a restart (running with net_tap0,iface=gw)\n",
	 false},
	{11, "\n",
	 "t:4:3: warning: ports.up.kernel: needs a restart (running with net_tap0,iface=gw)\n",
	 false},
	{11, "    kernel: {device: \"net_tap0,iface=gw\", allow: [ike, bgp]}\n", "",
	 false}, /* applies */
	{13, "    parent: dn\n", "t:13:5: ports.v.parent: needs a restart (running with up)\n",
	 true},
	{14, "    vlan: 8\n", "t:14:5: ports.v.vlan: needs a restart (running with 7)\n", true},
	{15, "    mac: \"02:00:00:00:00:08\"\n",
	 "t:15:5: warning: ports.v.mac: needs a restart (running with 02:00:00:00:00:07)\n", false},
	{15, "\n",
	 "t:12:3: warning: ports.v.mac: needs a restart (running with 02:00:00:00:00:07)\n", false},
	{16, "    role: encrypted\n",
	 "t:16:5: ports.v.role: needs a restart (running with clear)\n", true},
	{17, "  dn: {device: net_null1, role: clear}\n",
	 "t:17:3: warning: ports.dn.promiscuous: needs a restart (running with true)\n", false},
	{17, "  dm: {device: net_null1, role: clear, promiscuous: true}\n",
	 "t:3:1: ports: needs a restart (running with up, v, dn)\n", true},
	{17, "", "t:3:1: ports: needs a restart (running with up, v, dn)\n", true},
	{17, "  dn: {device: net_null1, role: clear, promiscuous: true, mtu: 1400}\n",
	 "t:17:59: warning: ports.dn.mtu: needs a restart (running with 1500)\n", false},
	{17, "  dn: {device: net_null1, role: clear, promiscuous: true, rx_queues: 4}\n",
	 "t:17:59: warning: ports.dn.rx_queues: needs a restart (running with auto)\n", false},
	{17, "  dn: {device: net_null1, role: clear, promiscuous: true, rx_buffer: 2048}\n",
	 "t:17:59: warning: ports.dn.rx_buffer: needs a restart (running with the size of the "
	 "longest frame)\n",
	 false},
	{17,
	 "  dn: {device: net_null1, role: clear, promiscuous: true, addresses: [10.9.9.1/24], "
	 "kernel: {device: \"net_tap1,iface=dn\"}}\n",
	 "t:17:85: warning: ports.dn.kernel: needs a restart (running with none)\n", false},
	{19, "  lcores: \"3,4\"\n",
	 "t:19:3: warning: workers.lcores: needs a restart (running with 2,3)\n", false},
	{20, "  pin: [{port: up, queue: 0, lcore: 3}]\n",
	 "t:20:3: warning: workers.pin: needs a restart (running with queue 1 of up on lcore 3)\n",
	 false},
	{20, "",
	 "t: warning: workers.pin: needs a restart (running with queue 1 of up on lcore 3)\n",
	 false},
	{21, "state_dir: /r\n", "t:21:1: state_dir: needs a restart (running with /s)\n", true},
	{21, "", "t: state_dir: needs a restart (running with /s)\n", true},
	{21, "state_dir: /s\ncrypto: {multi_packet: off}\n",
	 "t:22:24: warning: crypto.multi_packet: needs a restart (running with auto)\n", false},
	{21, "state_dir: /s\ncrypto: {multi_packet: auto}\n", "", false},
	{20, "  pin: [{port: up, queue: 1, lcore: 3}]\n  forwarding_cache: off\n",
	 "t:21:21: warning: workers.forwarding_cache: needs a restart (running with on)\n", false},
	{21, "state_dir: /s\ncontrol: {socket: /x}\n",
	 "t:22:11: warning: control.socket: needs a restart (running with none)\n", false},
	{22, "policy: {dirs: [p], inventory: [i]}\n",
	 "t: warning: policy.max_connections: needs a restart (running with 4096)\n", false},
	{22, "policy: {dirs: [p], inventory: [i], max_connections: 8192}\n",
	 "t:22:37: warning: policy.max_connections: needs a restart (running with 4096)\n", false},
	{22, "policy: {dirs: [q], inventory: [i], max_connections: 4096, reject: true}\n", "",
	 false},
};

static struct eg_config *config_with(unsigned line, const char *text)
{
	struct eg_errs errs = {0};
	struct eg_config *config;
	char all[4096] = "";

	for (unsigned i = 0; i < LINES; i++)
		strcat(all, line == i + 1 ? text : base[i]);
	config = eg_config_parse(all, strlen(all), "t", &errs);
	eg_errs_print(&errs, stderr);
	assert_non_null(config);
	eg_errs_free(&errs);
	return config;
}

static void test_rows(void **state)
{
	struct eg_config *running = config_with(0, NULL);

	(void)state;
	for (size_t r = 0; r < COUNT(rows); r++) {
		struct eg_config *wanted = config_with(rows[r].line, rows[r].text);
		struct eg_errs errs = {0};
		int ret = eg_config_retain_restart_keys(wanted, running, &errs);

		print_message("row %zu\n", r);
		assert_messages(&errs, rows[r].messages);
		assert_int_equal(ret, rows[r].refused ? -1 : 0);
		if (!rows[r].refused) {
			/* the running value is kept */
			for (size_t p = 0; p < running->ports.n; p++) {
				const struct eg_conf_port *w = &wanted->ports.v[p];
				const struct eg_conf_port *was = &running->ports.v[p];

				assert_int_equal(w->mtu, was->mtu);
				assert_int_equal(w->rx_queues, was->rx_queues);
				assert_int_equal(w->rx_buffer_bytes, was->rx_buffer_bytes);
				assert_int_equal(w->promiscuous, was->promiscuous);
				assert_memory_equal(w->mac, was->mac, 6);
				assert_int_equal(!w->device, !was->device);
				assert_true(!w->device || !strcmp(w->device, was->device));
				assert_int_equal(!w->kernel.device, !was->kernel.device);
				assert_true(!w->kernel.device ||
					    !strcmp(w->kernel.device, was->kernel.device));
			}
		}
		eg_config_free(wanted);
	}
	eg_config_free(running);
}

/* Without a kernel device nothing is allowed. */
static void test_no_device(void **state)
{
	struct eg_config *running = config_with(11, "\n"), *wanted = config_with(0, NULL);
	const struct eg_conf_port *port = &wanted->ports.v[0];
	static const struct eg_allow nothing;
	struct eg_errs errs = {0};

	(void)state;
	assert_memory_not_equal(&port->kernel.allow, &nothing, sizeof(nothing));
	assert_int_equal(eg_config_retain_restart_keys(wanted, running, &errs), 0);
	assert_messages(&errs,
			"t:11:5: warning: ports.up.kernel: needs a restart (running with none)\n");
	assert_null(port->kernel.device);
	assert_memory_equal(&port->kernel.allow, &nothing, sizeof(nothing));
	eg_config_free(wanted);
	eg_config_free(running);
}

/* The socket, its mode and its group: each is reported where it is written, and kept. */
static void test_control(void **state)
{
	static const char before[] = "version: 1\n"
				     "ports: {a: {device: net_null0, role: clear}}\n"
				     "control: {socket: /a, mode: 0600, group: ops}\n";
	static const struct {
		const char *line, *messages;
	} control_rows[] = {
		{"control: {group: ops, mode: \"600\", socket: /a}\n", ""},
		{"control: {socket: /b, mode: 0600, group: ops}\n",
		 "t:3:11: warning: control.socket: needs a restart (running with /a)\n"},
		{"control: {socket: /a}\n",
		 "t:3:1: warning: control.mode: needs a restart (running with 0600)\n"
		 "t:3:1: warning: control.group: needs a restart (running with ops)\n"},
		{"\n", "t: warning: control.socket: needs a restart (running with /a)\n"},
	};
	struct eg_errs errs = {0};
	struct eg_config *running = eg_config_parse(before, strlen(before), "t", &errs);

	(void)state;
	assert_non_null(running);
	for (size_t r = 0; r < COUNT(control_rows); r++) {
		struct eg_config *wanted;
		char text[512];

		snprintf(text, sizeof(text), "%.*s%s", (int)(strstr(before, "control") - before),
			 before, control_rows[r].line);
		wanted = eg_config_parse(text, strlen(text), "t", &errs);
		assert_non_null(wanted);
		assert_int_equal(eg_config_retain_restart_keys(wanted, running, &errs), 0);
		assert_messages(&errs, control_rows[r].messages);
		assert_string_equal(wanted->control.socket, "/a");
		assert_string_equal(wanted->control.group, "ops");
		assert_int_equal(wanted->control.mode, 0600);
		eg_config_free(wanted);
	}
	eg_config_free(running);
}

/* All differences are reported, not only the first. */
static void test_all_at_once(void **state)
{
	struct eg_config *running = config_with(0, NULL),
			 *wanted = config_with(7, "    mtu: 1500\n");
	struct eg_errs errs = {0};

	(void)state;
	wanted->ports.v[2].promiscuous = false;
	wanted->policy.max_connections = 1024;
	assert_int_equal(eg_config_retain_restart_keys(wanted, running, &errs), 0);
	assert_int_equal(errs.n_warnings, 4);
	eg_errs_free(&errs);
	eg_config_free(wanted);
	eg_config_free(running);
}

int run_restart_key_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_no_device),
		cmocka_unit_test(test_control),
		cmocka_unit_test(test_all_at_once),
	};

	return cmocka_run_group_tests_name("conf fixed", tests, NULL, NULL);
}
