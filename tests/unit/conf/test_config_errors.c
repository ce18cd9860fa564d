/* Every message of the configuration reader, except those about peers, with its exact position. */
#include "config_cases.h"

#include "base/buf.h"
#include "conf/config.h"

/* Valid SAs. */
#define SAS                                                                                        \
	"sas: [{dir: out, spi: 0x1001, suite: aes128gcm16, key_file: o},\n"                        \
	"      {dir: in, spi: 0x2001, suite: aes128gcm16, key_file: i}]"

void run_config_cases(const struct config_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct eg_errs errs = {0};
		struct eg_buf text = {0};
		struct eg_config *config;
		bool refused;

		eg_buf_add(&text, "%s", cases[i].text);
		if (strstr(text.v, "suite:") && !strstr(text.v, "state_dir"))
			eg_buf_add(&text, "state_dir: state\n");
		config = eg_config_parse(text.v, text.n, "t", &errs);
		refused = errs.n_errors;
		assert_messages(&errs, cases[i].lines);
		assert_int_equal(!config, refused);
		eg_config_free(config);
		eg_buf_free(&text);
	}
}

static void test_top(void **state)
{
	static const struct config_case cases[] = {
		{"", "t: contains no configuration\n"},
		{"- 1\n", "t:1:1: expected a map, found a list\n"},
		{VP "---\nversion: 1\n", "t:4:1: contains more than one document\n"},
		{P, "t:1:1: missing key \"version\"\n"},
		{"version: 2\n" P, "t:1:10: version: 2 is not supported (expected 1)\n"},
		{"version: one\n" P, "t:1:10: version: expected a number, found \"one\"\n"},
		{"version:\n" P, "t:1:9: version: expected a value, found nothing\n"},
		{V, "t:1:1: missing key \"ports\"\n"},
		{V "port: {}\n" P, "t:2:1: unknown key \"port\" (did you mean \"ports\"?)\n"},
		{VP "version: 1\n", "t:3:1: duplicate key \"version\" (first on line 1)\n"},
		{VP "workers: {forwarding_cache: auto}\n",
		 "t:3:29: workers.forwarding_cache: unknown \"auto\" (one of: on, off)\n"},
		{VP "crypto: {multi_packet: on}\n",
		 "t:3:24: crypto.multi_packet: unknown \"on\" (one of: auto, off)\n"},
		{VP "control: {mode: 0666}\n", "t:3:17: control.mode: 0666 is not allowed: 0600 "
					       "(owner) or 0660 (owner and group)\n"},
		{VP "control: {mode: rw}\n",
		 "t:3:17: control.mode: expected a mode like \"0660\", found \"rw\"\n"},
		{VP "control: {sock: a}\n",
		 "t:3:11: control: unknown key \"sock\" (did you mean \"socket\"?)\n"},
		{VP "control: {socket: "
		    "/0123456789012345678901234567890123456789012345678901234567890123456789"
		    "0123456789012345678901234567890}\n",
		 "t:3:19: control.socket: "
		 "/01234567890123456789012345678901234567890123456789012345678901234567890123456789"
		 "012345678901234567890 is too long for a socket (at most 100 bytes)\n"},
		{VP "crypto: {multi: off}\n", "t:3:10: crypto: unknown key \"multi\"\n"},
		{VP "unmatched: pass\n", "t:3:12: unmatched: unknown \"pass\" (one of: drop)\n"},
		{VP "eal: {args: [1, [], \"\", ~], arg: x}\n",
		 "t:3:29: eal: unknown key \"arg\" (did you mean \"args\"?)\n"
		 "t:3:17: eal.args[1]: expected a value, found a list\n"
		 "t:3:21: eal.args[2]: must not be empty\n"
		 "t:3:25: eal.args[3]: expected a value, found nothing\n"},
		{VP "eal: []\n", "t:3:6: eal: expected a map, found a list\n"},
		{VP "eal: {args: --no-huge}\n",
		 "t:3:13: eal.args: expected a list, found a value\n"},
		{VP "\"x\\ny\": 1\n", "t:3:1: unknown key \"x?y\"\n"},
		/* Not implemented, therefore unknown. */
		{VP "state_dir: []\nmetrics: {}\nike: {}\n",
		 "t:4:1: unknown key \"metrics\"\n"
		 "t:5:1: unknown key \"ike\"\n"
		 "t:3:12: state_dir: expected a value, found a list\n"},
	};

	(void)state;
	run_config_cases(cases, COUNT(cases));
}

#define A(c, u)                                                                                    \
	V "ports: {c: {device: d0, role: clear, " c "},\n"                                         \
	  "        u: {device: d1, role: encrypted, " u "}}\n"

static void test_addresses(void **state)
{
	static const struct config_case cases[] = {
		{A("addresses: [10.1.0.1/24, \"fd00:1::1/64\", 10.1.0.2/24]",
		   "addresses: [192.0.2.1/24], gateway: [192.0.2.254]"),
		 ""},
		{A("addresses: [10.1.0.0/31, 10.1.1.7/32]", "mtu: 1500"), ""},
		{A("addresses: 10.1.0.1/24", "mtu: 1500"),
		 "t:2:49: ports.c.addresses: expected a list, found a value\n"},
		{A("addresses: [10.1.0.1, x, 10.1.0.1/0]", "mtu: 1500"),
		 "t:2:50: ports.c.addresses[0]: expected an address with a prefix length like "
		 "192.0.2.1/24, found \"10.1.0.1\"\n"
		 "t:2:60: ports.c.addresses[1]: expected an address with a prefix length like "
		 "192.0.2.1/24, found \"x\"\n"
		 "t:2:63: ports.c.addresses[2]: expected an address with a prefix length like "
		 "192.0.2.1/24, found \"10.1.0.1/0\"\n"},
		{A("addresses: [10.1.0.0/24, 10.1.0.255/24, 224.0.0.1/4, \"fd00::/64\"]",
		   "addresses: [192.0.2.127/25, 192.0.2.128/24]"),
		 "t:2:50: ports.c.addresses[0]: 10.1.0.0/24 is not a host's unicast address\n"
		 "t:2:63: ports.c.addresses[1]: 10.1.0.255/24 is not a host's unicast address\n"
		 "t:2:78: ports.c.addresses[2]: 224.0.0.1/4 is not a host's unicast address\n"
		 "t:2:91: ports.c.addresses[3]: fd00::/64 is not a host's unicast address\n"
		 "t:3:54: ports.u.addresses[0]: 192.0.2.127/25 is not a host's unicast address\n"},
		{A("addresses: [10.1.0.1/24, 10.1.0.1/16]", "mtu: 1500"),
		 "t:2:63: ports.c.addresses[1]: 10.1.0.1/16 is given twice\n"},
		{A("addresses: [10.1.0.1/24]", "addresses: [10.1.0.2/24]"),
		 "t:3:54: ports.u.addresses[0]: its network overlaps 10.1.0.1/24 of ports.c (line "
		 "2)\n"},
		{A("addresses: [10.1.0.1/24]", "addresses: [10.2.0.2/8]"),
		 "t:2:50: ports.c.addresses[0]: its network overlaps 10.2.0.2/8 of ports.u (line "
		 "3)\n"},
		{A("addresses: [10.1.0.1/24]",
		   "mtu: 1500") "neighbors: [{port: c, ip: 10.1.0.1, mac: 02:00:00:00:00:01}]\n",
		 "t:2:50: ports.c.addresses[0]: 10.1.0.1/24 is also a neighbor's (line 4)\n"},
		{A("addresses: [10.1.0.1/24], gateway: [10.2.0.1]", "mtu: 1500"),
		 "t:2:74: ports.c.gateway[0]: 10.2.0.1 is neither the ip of a neighbor nor inside "
		 "a network of this port\n"},
		{A("addresses: [10.1.0.1/24]", "addresses: [192.0.2.1/24], gateway: [10.1.0.2]"),
		 "t:3:79: ports.u.gateway[0]: 10.1.0.2 is neither the ip of a neighbor nor inside "
		 "a network of this port\n"},
		{A("addresses: [10.1.0.1/24], gateway: [10.1.0.2]",
		   "addresses: [192.0.2.1/24], gateway: [192.0.2.2]"),
		 "t:2:74: ports.c.gateway[0]: 10.1.0.2 is a second default gateway of its family "
		 "(the other is on line 3)\n"},
		{A("addresses: [10.1.0.1/24], gateway: [10.1.0.2]",
		   "mtu: 1500") "routes: [{to: 0.0.0.0/0, via: 10.1.0.3}]\n",
		 "t:2:74: ports.c.gateway[0]: 10.1.0.2 is a second default gateway of its family "
		 "(the other is on line 4)\n"},
		{A("addresses: [10.1.0.1/24]",
		   "mtu: 1500") "routes: [{to: 10.7.0.0/16, via: 10.1.0.3}, {to: 10.8.0.0/16, via: "
				"10.7.0.3},\n"
				"         {to: 10.1.0.0/25, port: c}, {to: 10.9.0.0/16, via: "
				"10.1.0.4}]\n",
		 "t:4:67: routes[1].via: 10.7.0.3 is neither the ip of a neighbor nor inside a "
		 "port's network\n"},
		/* A remote can be reachable through a connected network or a gateway, but only on
		 * an encrypted port. */
		{A("addresses: [10.1.0.1/24]",
		   "addresses: [192.0.2.1/24], gateway: [192.0.2.254]") "peers:\n"
									"  b: {local: 192.0.2.1, "
									"remote: 192.0.2.2, "
									"subnets: "
									"[10.2.0.0/16],\n" SAS "}\n"
									"  c: {local: 192.0.2.1, "
									"remote: 203.0.113.2, "
									"subnets: [10.3.0.0/16]}\n"
									"  d: {local: 192.0.2.1, "
									"remote: 10.1.0.2, "
									"subnets: [10.4.0.0/16]}\n",
		 "t:8:3: warning: peers.c: no SA of dir out: packets to its subnets will be "
		 "dropped\n"
		 "t:8:3: warning: peers.c: no SA of dir in: packets from it will be dropped\n"
		 "t:9:3: warning: peers.d: no SA of dir out: packets to its subnets will be "
		 "dropped\n"
		 "t:9:3: warning: peers.d: no SA of dir in: packets from it will be dropped\n"
		 "t:9:33: peers.d.remote: 10.1.0.2 is reached through ports.c (line 2), whose role "
		 "is not encrypted\n"},
		{A("addresses: [10.2.0.1/24]",
		   "addresses: [192.0.2.1/24, 192.0.2.2/24]") "peers:\n"
							      "  b: {local: 192.0.2.1, remote: "
							      "192.0.2.2, subnets: "
							      "[10.2.0.0/16],\n" SAS "}\n",
		 "t:2:50: ports.c.addresses[0]: 10.2.0.1/24 lies inside 10.2.0.0/16 of peers.b "
		 "(line 5): packets to it must go through the tunnel\n"
		 "t:3:68: ports.u.addresses[1]: 192.0.2.2/24 is also the remote of peers.b\n"},
	};

	(void)state;
	run_config_cases(cases, COUNT(cases));
}

static void test_ports(void **state)
{
	static const struct config_case cases[] = {
		{V "ports: {}\n", "t:2:8: ports: at least one port is needed\n"},
		{V "ports:\n", "t:2:7: ports: expected a map, found nothing\n"},
		{V "ports: [a]\n", "t:2:8: ports: expected a map, found a list\n"},
		{V "ports: {a: x}\n", "t:2:12: ports.a: expected a map, found a value\n"},
		{V "ports: {a: {}}\n", "t:2:9: ports.a: missing key \"device\"\n"
				       "t:2:9: ports.a: missing key \"role\"\n"},
		{V "ports: {\"up link\": {device: d, role: clear}}\n",
		 "t:2:9: ports.up link: not a valid name (1-63 of A-Z a-z 0-9 _ . -, starting with "
		 "a letter or digit)\n"},
		{V "ports: {-a: {device: d, role: clear}}\n",
		 "t:2:9: ports.-a: not a valid name (1-63 of A-Z a-z 0-9 _ . -, starting with a "
		 "letter or digit)\n"},
		{V "ports: {a234567890123456789012345678901234567890123456789012345678901234: "
		   "{device: d, role: clear}}\n",
		 "t:2:9: ports.a234567890123456789012345678901234567890123456789012345678901234: "
		 "not a valid name (1-63 of A-Z a-z 0-9 _ . -, starting with a letter or digit)\n"},
		{V "ports: {a: {device: \"\", role: clear}}\n",
		 "t:2:21: ports.a.device: must not be empty\n"},
		{V "ports: {a: {device: d, role: plain}}\n",
		 "t:2:30: ports.a.role: unknown \"plain\" (one of: clear, encrypted)\n"},
		{V "ports: {a: {device: d, role: Clear}}\n",
		 "t:2:30: ports.a.role: unknown \"Clear\" (did you mean \"clear\"?)\n"},
		{V "ports: {a: {device: d, role: [clear]}}\n",
		 "t:2:30: ports.a.role: expected a value, found a list\n"},
		{V "ports: {a: {device: d, role: clear, mtu: 1279}}\n",
		 "t:2:42: ports.a.mtu: 1279 is out of range (1280-9600)\n"},
		{V "ports: {a: {device: d, role: clear, mtu: 9601}}\n",
		 "t:2:42: ports.a.mtu: 9601 is out of range (1280-9600)\n"},
		{V "ports: {a: {device: d, role: clear, mtu: 01500}}\n",
		 "t:2:42: ports.a.mtu: expected a number, found \"01500\"\n"},
		{V "ports: {a: {device: d, role: clear, mtu: 1500B}}\n",
		 "t:2:42: ports.a.mtu: expected a number, found \"1500B\"\n"},
		{V "ports: {a: {device: d, role: clear, mtu: 2^64}}\n",
		 "t:2:42: ports.a.mtu: 2^64 is out of range (1280-9600)\n"},
		{V "ports: {a: {device: d, role: clear, rx_queues: 0}}\n",
		 "t:2:48: ports.a.rx_queues: 0 is out of range (1-64)\n"},
		{V "ports: {a: {device: d, role: clear, rx_buffer: 1024}}\n",
		 "t:2:48: ports.a.rx_buffer: 1024 is out of range (2048-9600)\n"},
		{V "ports: {a: {device: d, role: clear, rx_queues: 65}}\n",
		 "t:2:48: ports.a.rx_queues: 65 is out of range (1-64)\n"},
		{V "ports: {a: {device: d, role: clear, rx_queues: many}}\n",
		 "t:2:48: ports.a.rx_queues: expected auto or 1-64, found \"many\"\n"},
		{V "ports: {a: {device: d, role: clear, promiscuous: yes}}\n",
		 "t:2:50: ports.a.promiscuous: expected true or false, found \"yes\"\n"},
		{V "ports:\n"
		   "  a: {device: \"net_null0,size=64\", role: clear}\n"
		   "  b: {device: net_null0, role: clear}\n",
		 "t:4:15: ports.b.device: \"net_null0\" is already the device of ports.a (line "
		 "3)\n"},
	};

	(void)state;
	run_config_cases(cases, COUNT(cases));
}

static void test_too_many_ports(void **state)
{
	struct eg_buf text = {0};
	struct config_case c = {.lines = "t:2:8: ports: more than 32 ports\n"};

	(void)state;
	eg_buf_add(&text, V "ports: {");
	for (int i = 0; i < 33; i++)
		eg_buf_add(&text, "p%d: {device: d%d, role: clear},", i, i);
	eg_buf_add(&text, "}\n");
	c.text = text.v;
	run_config_cases(&c, 1);
	eg_buf_free(&text);
}

static void test_workers(void **state)
{
	static const struct config_case cases[] = {
		{VP "workers: {lcores: a}\n",
		 "t:3:19: workers.lcores: expected lcores like 4, 2-5 or \"1,3-5\", found \"a\"\n"},
		{VP "workers: {lcores: 1-}\n", "t:3:19: workers.lcores: expected lcores like 4, "
					       "2-5 or \"1,3-5\", found \"1-\"\n"},
		{VP "workers: {lcores: \"1,\"}\n", "t:3:19: workers.lcores: expected lcores like "
						   "4, 2-5 or \"1,3-5\", found \"1,\"\n"},
		{VP "workers: {lcores: -1}\n", "t:3:19: workers.lcores: expected lcores like 4, "
					       "2-5 or \"1,3-5\", found \"-1\"\n"},
		{VP "workers: {lcores: 5-2}\n",
		 "t:3:19: workers.lcores: 5-2 is out of range (0-127, low to high)\n"},
		{VP "workers: {lcores: 128}\n",
		 "t:3:19: workers.lcores: 128 is out of range (0-127, low to high)\n"},
		{VP "workers: {lcores: 99999999999999999999}\n",
		 "t:3:19: workers.lcores: 99999999999999999999 is out of range (0-127, low to "
		 "high)\n"},
		{VP "workers: {lcores: [1-3, 2]}\n",
		 "t:3:25: workers.lcores[1]: lcore 2 is given twice\n"},
		{VP "workers: {lcores: {}}\n",
		 "t:3:19: workers.lcores: expected a value, found a map\n"},
		{VP "workers: {pin: [{port: x, queue: 0, lcore: 1}]}\n",
		 "t:3:24: workers.pin[0].port: no port is named \"x\"\n"},
		{VP "workers: {pin: [{port: u, queue: 4, lcore: 1}]}\n",
		 "t:3:34: workers.pin[0].queue: 4 is out of range (0-3)\n"},
		{VP "workers: {pin: [{port: c, queue: 64, lcore: 1}]}\n",
		 "t:3:34: workers.pin[0].queue: 64 is out of range (0-63)\n"},
		{VP "workers: {pin: [{port: c, queue: 0, lcore: 128}]}\n",
		 "t:3:44: workers.pin[0].lcore: 128 is out of range (0-127)\n"},
		{VP "workers: {pin: [{port: c, queue: 0, lcore: 4}], lcores: 1-3}\n",
		 "t:3:44: workers.pin[0].lcore: lcore 4 is not one of workers.lcores\n"},
		{VP "workers: {pin: [{port: c, queue: 0}, {lcore: 1, port: c}, {}]}\n",
		 "t:3:17: workers.pin[0]: missing key \"lcore\"\n"
		 "t:3:38: workers.pin[1]: missing key \"queue\"\n"
		 "t:3:59: workers.pin[2]: missing key \"port\"\n"
		 "t:3:59: workers.pin[2]: missing key \"queue\"\n"
		 "t:3:59: workers.pin[2]: missing key \"lcore\"\n"},
		{VP "workers: {pin: [{port: c, queue: 1, lcore: 1},\n"
		    " {port: c, queue: 1, lcore: 2}]}\n",
		 "t:4:2: workers.pin[1]: queue 1 of c is given twice (first on line 3)\n"},
		{VP "workers: {pins: []}\n",
		 "t:3:11: workers: unknown key \"pins\" (did you mean \"pin\"?)\n"},
	};

	(void)state;
	run_config_cases(cases, COUNT(cases));
}

static void test_routes(void **state)
{
	static const struct config_case cases[] = {
		{VP "neighbors: {}\n", "t:3:12: neighbors: expected a list, found a map\n"},
		{VP "neighbors: [{}]\n", "t:3:13: neighbors[0]: missing key \"port\"\n"
					 "t:3:13: neighbors[0]: missing key \"ip\"\n"
					 "t:3:13: neighbors[0]: missing key \"mac\"\n"},
		{VP "neighbors: [{port: c, ip: 224.0.0.1, mac: 02:00:00:00:00:01}]\n",
		 "t:3:27: neighbors[0].ip: 224.0.0.1 is not a host's unicast address\n"},
		{VP "neighbors: [{port: c, ip: 255.255.255.255, mac: 02:00:00:00:00:01}]\n",
		 "t:3:27: neighbors[0].ip: 255.255.255.255 is not a host's unicast address\n"},
		{VP "neighbors: [{port: c, ip: 0.0.0.0, mac: 02:00:00:00:00:01}]\n",
		 "t:3:27: neighbors[0].ip: 0.0.0.0 is not a host's unicast address\n"},
		{VP "neighbors: [{port: c, ip: 127.0.0.1, mac: 02:00:00:00:00:01}]\n",
		 "t:3:27: neighbors[0].ip: 127.0.0.1 is not a host's unicast address\n"},
		{VP "neighbors: [{port: c, ip: \"::\", mac: 02:00:00:00:00:01}]\n",
		 "t:3:27: neighbors[0].ip: :: is not a host's unicast address\n"},
		{VP "neighbors: [{port: c, ip: \"::1\", mac: 02:00:00:00:00:01}]\n",
		 "t:3:27: neighbors[0].ip: ::1 is not a host's unicast address\n"},
		{VP "neighbors: [{port: c, ip: \"ff02::1\", mac: 02:00:00:00:00:01}]\n",
		 "t:3:27: neighbors[0].ip: ff02::1 is not a host's unicast address\n"},
		{VP "neighbors: [{port: c, ip: \"::ffff:10.0.0.1\", mac: 02:00:00:00:00:01}]\n",
		 "t:3:27: neighbors[0].ip: ::ffff:10.0.0.1 is not a host's unicast address\n"},
		{VP "neighbors: [{port: c, ip: 10.0.0.1/8, mac: 02:00:00:00:00}]\n",
		 "t:3:27: neighbors[0].ip: expected an IP address, found \"10.0.0.1/8\"\n"
		 "t:3:44: neighbors[0].mac: expected a MAC address like 02:00:00:00:00:01, found "
		 "\"02:00:00:00:00\"\n"},
		{VP "neighbors: [{port: c, ip: 10.0.0.1, mac: 00:00:00:00:00:00}]\n",
		 "t:3:42: neighbors[0].mac: 00:00:00:00:00:00 is not a unicast MAC address\n"},
		{VP "neighbors: [{port: c, ip: 10.0.0.1, mac: ff:ff:ff:ff:ff:ff}]\n",
		 "t:3:42: neighbors[0].mac: ff:ff:ff:ff:ff:ff is not a unicast MAC address\n"},
		{VP "neighbors:\n"
		    "- {port: c, ip: \"fe80::1\", mac: 02:00:00:00:00:01}\n"
		    "- {port: u, ip: \"fe80:0::1\", mac: 02:00:00:00:00:02}\n",
		 "t:5:17: neighbors[1].ip: fe80:0::1 is given twice (first on line 4)\n"},
		{VP "routes: [{port: c}]\n", "t:3:10: routes[0]: missing key \"to\"\n"},
		{VP "routes: [x]\n", "t:3:10: routes[0]: expected a map, found a value\n"},
		{VP "routes: [{to: 10.0.0.0, port: c}]\n",
		 "t:3:15: routes[0].to: expected a prefix like 10.0.0.0/8, found \"10.0.0.0\"\n"},
		{VP "routes: [{to: 10.0.0.1/8, port: c}]\n",
		 "t:3:15: routes[0].to: 10.0.0.1/8 has host bits set (did you mean 10.0.0.0/8?)\n"},
		{VP "routes: [{to: 10.0.0.0/8}]\n",
		 "t:3:10: routes[0]: exactly one of port and via is needed\n"},
		{VP N "routes: [{to: 10.0.0.0/8, port: c, via: 10.9.0.2}]\n",
		 "t:5:10: routes[0]: exactly one of port and via is needed\n"},
		{VP "routes: [{to: 10.0.0.0/8, port: x}]\n",
		 "t:3:33: routes[0].port: no port is named \"x\"\n"},
		{VP N "routes: [{to: 10.0.0.0/8, via: 10.9.0.3}]\n",
		 "t:5:32: routes[0].via: 10.9.0.3 is neither the ip of a neighbor nor inside a "
		 "port's network\n"},
		{VP N "routes: [{to: 10.0.0.0/8, via: 10.9.0.3}, {to: 10.9.0.3/32, port: c}]\n",
		 "t:5:32: routes[0].via: 10.9.0.3 is neither the ip of a neighbor nor inside a "
		 "port's network\n"},
		{VP N "routes: [{to: \"fd00::/8\", via: 10.9.0.2}]\n",
		 "t:5:32: routes[0].via: 10.9.0.2 and to have different address families\n"},
		{VP N "routes: [{to: 10.0.0.0/8, via: 0.0.0.0}]\n",
		 "t:5:32: routes[0].via: 0.0.0.0 is not a host's unicast address\n"},
		{VP "routes:\n"
		    "- {to: 10.0.0.0/8, port: c}\n"
		    "- {to: 10.0.0.0/9, port: c}\n"
		    "- {to: 10.0.0.0/8, port: u}\n",
		 "t:6:8: routes[2].to: 10.0.0.0/8 is given twice (first on line 4)\n"},
	};

	(void)state;
	run_config_cases(cases, COUNT(cases));
}

static void test_rest(void **state)
{
	static const struct config_case cases[] = {
		{VP "stats: {period: 5}\n",
		 "t:3:17: stats.period: expected a duration like 30s or 500ms, found \"5\"\n"},
		{VP "stats: {period: 999999999d}\n",
		 "t:3:17: stats.period: 999999999d is out of range\n"},
		{VP "stats: {interval: 5s}\n", "t:3:9: stats: unknown key \"interval\"\n"},
		{VP "log: {target: }\n", "t:3:15: log.target: expected a value, found nothing\n"},
		{VP "log: {target: []}\n", "t:3:15: log.target: expected a value, found a list\n"},
		{VP "log: {level: inf}\n",
		 "t:3:14: log.level: unknown \"inf\" (did you mean \"info\"?)\n"},
		{VP "log: {level: loud}\n",
		 "t:3:14: log.level: unknown \"loud\" (one of: error, warning, info, debug)\n"},
		{VP "log: {modules: {core: x, ports: info, esp: debug}}\n",
		 "t:3:26: log.modules: unknown key \"ports\" (did you mean \"port\"?)\n"
		 "t:3:23: log.modules.core: unknown \"x\" (one of: error, warning, info, debug)\n"},
		{VP "log: {drop_sample: 10}\n",
		 "t:3:20: log.drop_sample: expected a rate like 10/s, or 0, found \"10\"\n"},
		{VP "log: {drop_sample: 10/m}\n",
		 "t:3:20: log.drop_sample: expected a rate like 10/s, or 0, found \"10/m\"\n"},
		{VP "log: {drop_sample: /s}\n",
		 "t:3:20: log.drop_sample: expected a rate like 10/s, or 0, found \"/s\"\n"},
		{VP "log: {drop_sample: 4294967296/s}\n",
		 "t:3:20: log.drop_sample: expected a rate like 10/s, or 0, found "
		 "\"4294967296/s\"\n"},
		{VP "log: {drop_sample: 0}\n", ""},
		{VP "log: {drop_sample: 0/s}\n", ""},
	};

	(void)state;
	run_config_cases(cases, COUNT(cases));
}

static void test_policy_section(void **state)
{
	static const struct config_case cases[] = {
		{VP "policy: {mode: off}\n", ""},
		{VP "policy: {dirs: [p], inventory: [i]}\n", ""},
		{VP "policy: {}\n",
		 "t:3:1: policy: inventory is missing: without pods no selector matches anything\n"
		 "t:3:1: policy: dirs is missing: where are the NetworkPolicies?\n"},
		{VP "policy: {mode: enforced, dirs: [p], inventory: [i]}\n",
		 "t:3:16: policy.mode: unknown \"enforced\" (did you mean \"enforce\"?)\n"},
		{VP "policy: {dirs: [p], inventory: [i], reject: true}\n", ""},
		{VP "policy: {dirs: [p], inventory: [i], reject: maybe}\n",
		 "t:3:45: policy.reject: expected true or false, found \"maybe\"\n"},
		{VP "policy: {dirs: [p], inventory: [i], on_error: quarantine, default_namespace: "
		    "shop-1}\n",
		 ""},
		{VP "policy: {dirs: [p], inventory: [i], on_error: refuse, default_namespace: "
		    "null}\n",
		 ""},
		{VP "policy: {dirs: [p], inventory: [i], on_error: ignore}\n",
		 "t:3:47: policy.on_error: unknown \"ignore\" (one of: quarantine, refuse)\n"},
		{VP "policy: {dirs: [p], inventory: [i], default_namespace: Shop}\n",
		 "t:3:56: policy.default_namespace: \"Shop\" is not a valid namespace (a-z, 0-9 "
		 "and -)\n"},
		{VP "policy: {dirs: [p], inventory: [i], default_namespace: "
		    "a23456789-123456789-123456789-123456789-123456789-123456789-123}\n",
		 ""},
		{VP "policy: {dirs: [p], inventory: [i], default_namespace: "
		    "a23456789-123456789-123456789-123456789-123456789-123456789-1234}\n",
		 "t:3:56: policy.default_namespace: "
		 "\"a23456789-123456789-123456789-123456789-123456789-123456789-1234\" is not a "
		 "valid namespace (a-z, 0-9 and -)\n"},
		{VP "policy: {dirs: [p], inventory: [i], default_namespace: a-}\n",
		 "t:3:56: policy.default_namespace: \"a-\" is not a valid namespace (a-z, 0-9 and "
		 "-)\n"},
		{VP "policy: {dirs: [p], inventory: [i], default_namespace: []}\n",
		 "t:3:56: policy.default_namespace: expected a value, found a list\n"},
		{VP "policy: {dirs: [p], inventory: [i], existing_connections: drop}\n",
		 "t:3:59: policy.existing_connections: unknown \"drop\" (one of: reevaluate, "
		 "keep)\n"},
		{VP "policy: {dirs: [p], inventory: [i], unknown_pods: allow,\n"
		    "  pod_networks: [10.0.0.0/8, \"fd00::/8\"], node_addresses: [10.0.0.1]}\n",
		 ""},
		{VP "policy: {dirs: [p], inventory: [i], unknown_pods: drop}\n",
		 "t:3:51: policy.unknown_pods: unknown \"drop\" (one of: deny, allow)\n"},
		{VP "policy: {dirs: [p], inventory: [i], pod_networks: [10.0.0.1/8]}\n",
		 "t:3:52: policy.pod_networks[0]: 10.0.0.1/8 has host bits set (did you mean "
		 "10.0.0.0/8?)\n"},
		{VP "policy: {dirs: [p], inventory: [i], node_addresses: [127.0.0.1]}\n",
		 "t:3:54: policy.node_addresses[0]: 127.0.0.1 is not a host's unicast address\n"},
		{VP "policy: {dirs: [p], inventory: [i], max_rules: 0}\n",
		 "t:3:48: policy.max_rules: 0 is out of range (1-10000000)\n"},
		{VP "policy: {dirs: [p], inventory: [i], max_connections: 2^24}\n",
		 "t:3:54: policy.max_connections: 2^24 is out of range (1024-8388608)\n"},
		{VP "policy: {dirs: [p], inventory: [i], max_shrink: 50}\n",
		 "t:3:49: policy.max_shrink: expected a percentage from 0% to 100%, found "
		 "\"50\"\n"},
		{VP "policy: {dirs: [p], inventory: [i], max_shrink: \"101%\"}\n",
		 "t:3:49: policy.max_shrink: expected a percentage from 0% to 100%, found "
		 "\"101%\"\n"},
		{VP "policy: {dirs: [p], inventory: [i], max_shrink: \"%\"}\n",
		 "t:3:49: policy.max_shrink: expected a percentage from 0% to 100%, found \"%\"\n"},
		{VP "policy: {dirs: [p], inventory: [i], max_shrink: 000100%}\n",
		 "t:3:49: policy.max_shrink: expected a percentage from 0% to 100%, found "
		 "\"000100%\"\n"},
		{VP "policy: {dirs: [p], inventory: [i], max_shrink: -1%}\n",
		 "t:3:49: policy.max_shrink: expected a percentage from 0% to 100%, found "
		 "\"-1%\"\n"},
		{VP "policy: {dirs: [p], inventory: [i], max_connections_per_source: 0}\n",
		 "t:3:65: policy.max_connections_per_source: 0 is out of range (1-8388608)\n"},
		{VP "policy: {dirs: [p], inventory: [i], max_connections_per_source: some}\n",
		 "t:3:65: policy.max_connections_per_source: expected a number, found \"some\"\n"},
	};

	(void)state;
	run_config_cases(cases, COUNT(cases));
}

int run_config_error_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_top),       cmocka_unit_test(test_ports),
		cmocka_unit_test(test_addresses), cmocka_unit_test(test_too_many_ports),
		cmocka_unit_test(test_workers),   cmocka_unit_test(test_routes),
		cmocka_unit_test(test_rest),      cmocka_unit_test(test_policy_section),
	};

	return cmocka_run_group_tests_name("conf errors", tests, NULL, NULL);
}
