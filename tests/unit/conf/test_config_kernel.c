/* Kernel devices and their allow lists: values, and every message with its exact position. */
#include "config_cases.h"

#include "conf/config.h"

/* Line 4 is the clear port's, line 6 the encrypted port's. */
#define PORTS(clear, encrypted)                                                                    \
	V "ports:\n  c: {device: d0, role: clear, addresses: [10.9.0.1/24],\n" clear "}\n"         \
	  "  u: {device: \"d1,iface=wire\", role: encrypted, addresses: "                          \
	  "[192.0.2.1/24],\n" encrypted "}\n"
#define TAP "device: \"net_tap0,iface=k0\""

static void test_messages(void **state)
{
	static const struct config_case cases[] = {
		{PORTS(" kernel: {" TAP "}", " kernel: {device: \"net_tap1,iface=k1\"}"), ""},
		{PORTS("", " kernel: {}"), "t:6:2: ports.u.kernel: missing key \"device\"\n"},
		{PORTS("", " kernel: net_tap0"),
		 "t:6:10: ports.u.kernel: expected a map, found a value\n"},
		{PORTS("", " kernel: {" TAP ", alow: [ike]}"),
		 "t:6:40: ports.u.kernel: unknown key \"alow\" (did you mean \"allow\"?)\n"},
		{PORTS("", " kernel: {device: \"0000:01:00.0\"}"),
		 "t:6:19: ports.u.kernel.device: a PCI device is not a kernel interface (use "
		 "net_tap0,iface=NAME or virtio_user0,path=/dev/vhost-net,iface=NAME)\n"
		 "t:6:19: ports.u.kernel.device: its interface needs a name of 1-15 characters "
		 "(net_tap0,iface=NAME)\n"},
		{PORTS("", " kernel: {device: \"net_tap0,iface=abcdefghijklmnop\"}"),
		 "t:6:19: ports.u.kernel.device: its interface needs a name of 1-15 characters "
		 "(net_tap0,iface=NAME)\n"},
		{PORTS("", " kernel: {device: \"net_tap0,iface=k0,mac=02:00:00:00:00:01\"}"),
		 "t:6:19: ports.u.kernel.device: it uses the MAC of the port: remove mac=\n"},
		{V "ports: {c: {device: d0, role: clear, kernel: {" TAP "}}}\n",
		 "t:2:38: ports.c.kernel: the port has no addresses, so no packet would be "
		 "delivered to the kernel\n"},
		{PORTS(" kernel: {" TAP ", allow: [ike]}", ""),
		 "t:4:40: ports.c.kernel: allow is only valid for encrypted ports: a clear port "
		 "forwards whatever policy allows\n"},
		{PORTS("", " kernel: {" TAP ", allow: ike}"),
		 "t:6:47: ports.u.kernel.allow: expected a list, found a value\n"},
		{PORTS("", " kernel: {" TAP ", allow: [ike, icpm, bgp, {tcp: 0}, {udp: 70000}, "
			   "{sctp: 1}, []]}"),
		 "t:6:53: ports.u.kernel.allow[1]: unknown \"icpm\" (did you mean \"icmp\"?)\n"
		 "t:6:70: ports.u.kernel.allow[3].tcp: 0 is out of range (1-65535)\n"
		 "t:6:80: ports.u.kernel.allow[4].udp: 70000 is out of range (1-65535)\n"
		 "t:6:89: ports.u.kernel.allow[5]: unknown key \"sctp\" (did you mean \"tcp\"?)\n"
		 "t:6:99: ports.u.kernel.allow[6]: expected a value, found a list\n"},
		{PORTS("", " kernel: {" TAP ", allow: [ike, bgp, {tcp: 179}, ike, {udp: 4500}]}"),
		 "t:6:64: ports.u.kernel.allow[2].tcp: is given twice\n"
		 "t:6:70: ports.u.kernel.allow[3]: is given twice\n"
		 "t:6:81: ports.u.kernel.allow[4].udp: is IKE: use ike\n"},
		{PORTS("", " kernel: {" TAP ", allow: [{tcp: 1}, {tcp: 2}, {tcp: 3}, {tcp: 4}, "
			   "{tcp: 5}, {tcp: 6}, {tcp: 7}, {tcp: 8}, {tcp: 9}, {tcp: 10}, "
			   "{tcp: 11}, {tcp: 12}, {tcp: 13}, {tcp: 14}, {tcp: 15}, {tcp: 16}, "
			   "{tcp: 17}]}"),
		 "t:6:221: ports.u.kernel.allow[16].tcp: more than 16 ports\n"},
		/* A device or interface used twice. */
		{PORTS(" kernel: {" TAP "}", " kernel: {device: \"net_tap0,iface=k1\"}"),
		 "t:6:19: ports.u.kernel.device: \"net_tap0,iface=k1\" uses the device or "
		 "interface of ports.c (line 3)\n"},
		{PORTS(" kernel: {" TAP "}", " kernel: {device: \"net_tap1,iface=k0\"}"),
		 "t:6:19: ports.u.kernel.device: \"net_tap1,iface=k0\" uses the device or "
		 "interface of ports.c (line 3)\n"},
		{PORTS(" kernel: {device: \"d1,iface=k0\"}", ""),
		 "t:4:19: ports.c.kernel.device: \"d1,iface=k0\" uses the device or interface of "
		 "ports.u (line 5)\n"},
		{PORTS("", " kernel: {device: \"net_tap0,iface=wire\"}"),
		 "t:6:19: ports.u.kernel.device: \"net_tap0,iface=wire\" uses the device or "
		 "interface of ports.u (line 5)\n"},
	};

	(void)state;
	run_config_cases(cases, COUNT(cases));
}

static struct eg_allow allow_of(const char *list, size_t port)
{
	struct eg_errs errs = {0};
	struct eg_allow allow;
	struct eg_config *config;
	char text[600];

	snprintf(text, sizeof(text),
		 PORTS(" kernel: {device: \"net_tap1,iface=k1\"}", " kernel: {" TAP "%s}"), list);
	config = eg_config_parse(text, strlen(text), "t", &errs);
	assert_messages(&errs, "");
	assert_string_equal(config->ports.v[1].kernel.device, "net_tap0,iface=k0");
	allow = config->ports.v[port].kernel.allow;
	eg_config_free(config);
	return allow;
}

static void test_values(void **state)
{
	struct eg_allow allow = allow_of("", 1);

	(void)state;
	assert_true(allow.ike && !allow.icmp && !allow.n); /* the default */
	allow = allow_of("", 0);
	assert_true(!allow.ike && !allow.icmp && !allow.n); /* not used by a clear port */
	allow = allow_of(", allow: []", 1);
	assert_true(!allow.ike && !allow.icmp && !allow.n);
	allow = allow_of(", allow: [icmp, bgp, {tcp: 443, udp: 3784}, ssh]", 1);
	assert_true(!allow.ike && allow.icmp);
	assert_int_equal(allow.n, 4);
	for (unsigned i = 0; i < 4; i++) {
		static const struct eg_allow_port want[] = {
			{6, 179}, {6, 443}, {17, 3784}, {6, 22}};

		assert_int_equal(allow.port[i].proto, want[i].proto);
		assert_int_equal(allow.port[i].port, want[i].port);
	}
}

int run_config_kernel_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_values),
	};

	return cmocka_run_group_tests_name("config kernel", tests, NULL, NULL);
}
