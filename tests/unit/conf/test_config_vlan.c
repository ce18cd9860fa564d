/* VLAN sub-ports: values, and every message with its exact position. */
#include "config_cases.h"

#include "conf/config.h"

#define SUB(more)                                                                                  \
	V "ports:\n"                                                                               \
	  "  t: {device: d0, role: clear, mtu: 1600, promiscuous: true}\n"                         \
	  "  a: {parent: t, vlan: 100, role: encrypted}\n" more

static void test_messages(void **state)
{
	static const struct config_case cases[] = {
		{SUB(""), ""},
		{SUB("  b: {parent: t, vlan: 4094, role: clear, mtu: 1600, mac: "
		     "02:00:00:00:00:01}\n"),
		 ""},
		/* Ports may come in any order. */
		{V "ports: {b: {parent: u, vlan: 1, role: clear}, u: {device: d0, role: clear}}\n",
		 ""},
		{SUB("  b: {parent: t, vlan: 0, role: clear}\n"),
		 "t:5:24: ports.b.vlan: 0 is out of range (1-4094)\n"},
		{SUB("  b: {parent: t, vlan: 4095, role: clear}\n"),
		 "t:5:24: ports.b.vlan: 4095 is out of range (1-4094)\n"},
		{SUB("  b: {parent: t, role: clear}\n"), "t:5:3: ports.b: missing key \"vlan\"\n"},
		{SUB("  b: {vlan: 7, role: clear}\n"),
		 "t:5:3: ports.b: missing key \"device\"\n"
		 "t:5:13: ports.b.vlan: requires parent, the port whose device is shared\n"},
		{SUB("  b: {parent: tt, vlan: 7, role: clear}\n"),
		 "t:5:15: ports.b.parent: no port is named \"tt\" (did you mean \"t\"?)\n"},
		{SUB("  b: {parent: [], vlan: 7, role: clear}\n"),
		 "t:5:15: ports.b.parent: expected a value, found a list\n"},
		{SUB("  b: {parent: a, vlan: 7, role: clear}\n"),
		 "t:5:15: ports.b.parent: a is a sub-port itself\n"},
		{SUB("  b: {parent: b, vlan: 7, role: clear}\n"),
		 "t:5:15: ports.b.parent: b is a sub-port itself\n"},
		{SUB("  b: {parent: t, vlan: 100, role: clear}\n"),
		 "t:5:24: ports.b.vlan: VLAN 100 of t is already ports.a (line 4)\n"},
		{SUB("  b: {parent: t, vlan: 7, role: clear, mtu: 1601}\n"),
		 "t:5:45: ports.b.mtu: 1601 is more than its parent's 1600\n"},
		{SUB("  b: {parent: t, vlan: 7, role: clear, device: d1, rx_queues: 2, rx_buffer: "
		     "2048, promiscuous: true}\n"),
		 "t:5:48: ports.b.device: a sub-port shares this with its parent\n"
		 "t:5:63: ports.b.rx_queues: a sub-port shares this with its parent\n"
		 "t:5:77: ports.b.rx_buffer: a sub-port shares this with its parent\n"
		 "t:5:96: ports.b.promiscuous: a sub-port shares this with its parent\n"},
		{SUB("  b: {device: d1, role: clear, mac: 02:00:00:00:00:01}\n"),
		 "t:5:37: ports.b.mac: only a sub-port may have a MAC different from its "
		 "device's\n"},
		{SUB("  b: {parent: t, vlan: 7, role: clear, mac: 01:00:00:00:00:01}\n"),
		 "t:5:45: ports.b.mac: 01:00:00:00:00:01 is not a unicast MAC address\n"},
		{SUB("workers: {lcores: 1, pin: [{port: a, queue: 0, lcore: 1}]}\n"),
		 "t:5:35: workers.pin[0].port: a is a sub-port: its packets are received by its "
		 "parent\n"},
	};

	(void)state;
	run_config_cases(cases, COUNT(cases));
}

static void test_values(void **state)
{
	static const char text[] = SUB("  b: {parent: t, vlan: 4094, role: clear, mtu: 1500, mac: "
				       "02:00:00:00:00:01}\n");
	static const uint8_t mac[] = {2, 0, 0, 0, 0, 1};
	struct eg_errs errs = {0};
	struct eg_config *config = eg_config_parse(text, strlen(text), "t", &errs);
	const struct eg_conf_port *port;

	(void)state;
	assert_messages(&errs, "");
	port = config->ports.v;
	assert_int_equal(port[0].vlan, 0);
	assert_int_equal(port[1].vlan, 100);
	assert_int_equal(port[1].parent, 0);
	assert_int_equal(port[1].role, EG_ROLE_ENCRYPTED);
	assert_int_equal(port[1].mtu, 1600); /* its parent's */
	assert_true(port[1].promiscuous);
	assert_null(port[1].device);
	assert_false(port[1].has_mac);
	assert_int_equal(port[2].vlan, 4094);
	assert_int_equal(port[2].mtu, 1500);
	assert_true(port[2].has_mac);
	assert_memory_equal(port[2].mac, mac, 6);
	eg_config_free(config);
}

int run_config_vlan_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_values),
	};

	return cmocka_run_group_tests_name("config VLANs", tests, NULL, NULL);
}
