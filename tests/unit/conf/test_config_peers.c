/* Every message about peers and their SAs, with its exact position. */
#include "config_cases.h"

#include "base/buf.h"
#include "conf/config.h"

/* A peer; the last argument distinguishes its SAs. */
#define PEER(name, local, remote, subnets, n)                                                      \
	"  " name ": {local: " local ", remote: " remote ", subnets: [" subnets "], sas: [\n"      \
	"    {dir: out, spi: 30" n ", suite: aes128gcm16, key_file: o" n "},\n"                    \
	"    {dir: in, spi: 30" n ", suite: aes128gcm16, key_file: i" n "}]}\n"

static void test_peers(void **state)
{
	static const struct config_case cases[] = {
		{VP "peers: []\n", "t:3:8: peers: expected a map, found a list\n"},
		{VP "peers: {b: {}}\n", "t:3:9: peers.b: missing key \"local\"\n"
					"t:3:9: peers.b: missing key \"remote\"\n"
					"t:3:9: peers.b: missing key \"subnets\"\n"},
		{VP N "peers:\n" PEER("b c", "192.0.2.1", "192.0.2.2", "10.1.0.0/16", "10"),
		 "t:6:3: peers.b c: not a valid name (1-63 of A-Z a-z 0-9 _ . -, starting with a "
		 "letter or digit)\n"},
		{VP N "peers:\n" PEER("b", "192.0.2.2", "192.0.2.2", "10.1.0.0/16", "10"),
		 "t:6:33: peers.b.remote: 192.0.2.2 is also local\n"},
		{VP N "peers:\n" PEER("b", "2001:db8::1", "192.0.2.2", "10.1.0.0/16", "10"),
		 "t:6:35: peers.b.remote: 192.0.2.2 and local have different address families\n"},
		{VP N "peers:\n" PEER("b", "224.0.0.1", "127.0.0.1", "10.1.0.0/16", "10"),
		 "t:6:14: peers.b.local: 224.0.0.1 is not a host's unicast address\n"
		 "t:6:33: peers.b.remote: 127.0.0.1 is not a host's unicast address\n"},
		{VP N "peers:\n" PEER("b", "192.0.2.1", "192.0.2.2", "", "10"),
		 "t:6:53: peers.b.subnets: at least one subnet is needed\n"},
		{VP N "peers:\n" PEER("b", "192.0.2.1", "192.0.2.2", "10.1.0.1/16", "10"),
		 "t:6:54: peers.b.subnets[0]: 10.1.0.1/16 has host bits set (did you mean "
		 "10.1.0.0/16?)\n"},
		{VP N
		 "peers:\n" PEER("b", "192.0.2.1", "192.0.2.2", "10.1.0.0/16, 10.1.0.0/16", "10"),
		 "t:6:67: peers.b.subnets[1]: 10.1.0.0/16 is given twice (first on line 6)\n"},
		{VP N
		 "peers:\n" PEER("b", "192.0.2.1", "192.0.2.2", "10.1.0.0/16, 10.1.1.0/24", "10"),
		 ""},
		{VP N "peers:\n" PEER("b", "192.0.2.1", "192.0.2.2", "10.1.0.0/16", "10")
			 PEER("d", "192.0.2.1", "192.0.2.2", "10.1.2.0/24", "11"),
		 "t:9:54: peers.d.subnets[0]: 10.1.2.0/24 overlaps 10.1.0.0/16 of peers.b (line "
		 "6)\n"},
		{VP N "peers:\n" PEER("b", "192.0.2.1", "192.0.2.2", "10.1.2.0/24", "10")
			 PEER("d", "192.0.2.1", "192.0.2.2", "10.1.0.0/16, 10.0.0.0/8", "11"),
		 "t:4:27: neighbors[1].ip: 10.9.0.2 lies inside 10.0.0.0/8 of peers.d (line 9): "
		 "packets to it must go through the tunnel\n"
		 "t:9:54: peers.d.subnets[0]: 10.1.0.0/16 overlaps 10.1.2.0/24 of peers.b (line "
		 "6)\n"},
		{VP N "peers:\n" PEER("b", "192.0.2.1", "192.0.2.2", "10.1.2.0/24", "10")
			 PEER("d", "192.0.2.1", "192.0.2.2", "10.1.2.0/24", "11"),
		 "t:9:54: peers.d.subnets[0]: 10.1.2.0/24 overlaps 10.1.2.0/24 of peers.b (line "
		 "6): to share it, give each of them a priority\n"},
		/* A tunnel through itself. */
		{VP N "peers:\n" PEER("b", "192.0.2.1", "192.0.2.2", "192.0.0.0/16", "10"),
		 "t:3:27: neighbors[0].ip: 192.0.2.2 lies inside 192.0.0.0/16 of peers.b (line 6): "
		 "packets to it must go through the tunnel\n"
		 "t:6:14: peers.b.local: 192.0.2.1 lies inside 192.0.0.0/16 of peers.b (line 6): "
		 "its tunnel would be routed through another tunnel\n"
		 "t:6:33: peers.b.remote: 192.0.2.2 lies inside 192.0.0.0/16 of peers.b (line 6): "
		 "its tunnel would be routed through another tunnel\n"},
		{VP N "peers:\n" PEER("b", "192.0.2.1", "192.0.2.2", "10.1.0.0/16", "10")
			 PEER("d", "192.0.3.1", "192.0.2.2", "192.0.3.0/24", "11"),
		 "t:9:14: peers.d.local: 192.0.3.1 lies inside 192.0.3.0/24 of peers.d (line 9): "
		 "its tunnel would be routed through another tunnel\n"},
		/* Routes that bypass the tunnel. */
		{VP N "routes: [{to: 10.1.0.0/16, port: c}, {to: 10.1.2.0/24, port: c}, {to: "
		      "10.0.0.0/8, port: c}]\n"
		      "peers:\n" PEER("b", "192.0.2.1", "192.0.2.2", "10.1.0.0/16", "10"),
		 "t:5:15: routes[0].to: 10.1.0.0/16 lies inside 10.1.0.0/16 of peers.b (line 7): "
		 "its packets would leave in clear\n"
		 "t:5:43: routes[1].to: 10.1.2.0/24 lies inside 10.1.0.0/16 of peers.b (line 7): "
		 "its packets would leave in clear\n"},
		{VP N "routes: [{to: 10.0.0.0/8, via: 10.9.0.2}]\n"
		      "peers:\n" PEER("b", "192.0.2.1", "192.0.2.2", "10.9.0.0/16", "10"),
		 "t:4:27: neighbors[1].ip: 10.9.0.2 lies inside 10.9.0.0/16 of peers.b (line 7): "
		 "packets to it must go through the tunnel\n"
		 "t:5:32: routes[0].via: 10.9.0.2 lies inside 10.9.0.0/16 of peers.b (line 7): a "
		 "router must be reachable without a tunnel\n"},
		/* Unreachable remotes. */
		{VP N "peers:\n" PEER("b", "192.0.2.1", "192.0.2.3", "10.1.0.0/16", "10"),
		 "t:6:33: peers.b.remote: no route or neighbor covers 192.0.2.3\n"},
		{VP N "peers:\n" PEER("b", "192.0.2.1", "10.9.0.2", "10.1.0.0/16", "10"),
		 "t:6:33: peers.b.remote: 10.9.0.2 is reached through ports.c (line 2), whose role "
		 "is not encrypted\n"},
		{VP N "routes: [{to: 0.0.0.0/0, via: 10.9.0.2}]\n"
		      "peers:\n" PEER("b", "192.0.2.1", "192.0.2.3", "10.1.0.0/16", "10"),
		 "t:7:33: peers.b.remote: 192.0.2.3 is reached through ports.c (line 2), whose "
		 "role is not encrypted\n"},
		{VP N
		 "routes: [{to: 0.0.0.0/0, via: 10.9.0.2}, {to: 192.0.2.0/24, via: 192.0.2.2}]\n"
		 "peers:\n" PEER("b", "192.0.2.1", "192.0.2.3", "10.1.0.0/16", "10"),
		 ""},
		{VP N "routes: [{to: 192.0.2.0/24, port: u}, {to: 192.0.2.3/32, port: c}]\n"
		      "peers:\n" PEER("b", "192.0.2.1", "192.0.2.3", "10.1.0.0/16", "10"),
		 "t:7:33: peers.b.remote: 192.0.2.3 is reached through ports.c (line 2), whose "
		 "role is not encrypted\n"},
		{VP N "routes: [{to: 192.0.2.0/24, port: u}]\n"
		      "peers:\n" PEER("b", "192.0.2.1", "192.0.2.3", "10.1.0.0/16", "10"),
		 "t:7:33: warning: peers.b.remote: 192.0.2.3 has no entry in neighbors: packets to "
		 "it will be dropped\n"},
		/* One mistake, one message: reachability is not checked with invalid routes. */
		{VP N "routes: [{to: 0.0.0.0/0, via: 192.0.2.9}]\n"
		      "peers:\n" PEER("b", "192.0.2.1", "192.0.2.3", "10.1.0.0/16", "10"),
		 "t:5:31: routes[0].via: 192.0.2.9 is neither the ip of a neighbor nor inside a "
		 "port's network\n"},
		{VP N "routes: [{to: 0.0.0.0/33, via: 192.0.2.2}]\n"
		      "peers:\n" PEER("b", "192.0.2.1", "192.0.2.3", "10.1.0.0/16", "10"),
		 "t:5:15: routes[0].to: expected a prefix like 10.0.0.0/8, found \"0.0.0.0/33\"\n"},
	};

	(void)state;
	run_config_cases(cases, COUNT(cases));
}

#define SA_HEAD                                                                                    \
	VP N "peers:\n  b: {local: 192.0.2.1, remote: 192.0.2.2, subnets: [10.1.0.0/16], sas: [\n"
#define OUT        "{dir: out, spi: 256, suite: aes128gcm16, key_file: o},\n"
#define IN         "{dir: in, spi: 256, suite: aes128gcm16, key_file: i}"
#define SA(fields) SA_HEAD "{" fields ", suite: aes128gcm16, key_file: k},\n" OUT IN "]}\n"

static void test_sas(void **state)
{
	static const struct config_case cases[] = {
		{SA_HEAD "]}\n",
		 "t:6:3: warning: peers.b: no SA of dir out: packets to its subnets will be "
		 "dropped\n"
		 "t:6:3: warning: peers.b: no SA of dir in: packets from it will be dropped\n"},
		{SA_HEAD OUT "]}\n",
		 "t:6:3: warning: peers.b: no SA of dir in: packets from it will be dropped\n"},
		{SA_HEAD IN "]}\n", "t:6:3: warning: peers.b: no SA of dir out: packets to its "
				    "subnets will be dropped\n"},
		{SA_HEAD OUT IN ", {}]}\n", "t:8:55: peers.b.sas[2]: missing key \"dir\"\n"
					    "t:8:55: peers.b.sas[2]: missing key \"spi\"\n"
					    "t:8:55: peers.b.sas[2]: missing key \"suite\"\n"
					    "t:8:55: peers.b.sas[2]: missing key \"key_file\"\n"},
		{SA_HEAD OUT IN ", x]}\n",
		 "t:8:55: peers.b.sas[2]: expected a map, found a value\n"},
		{SA_HEAD OUT IN "], sa: []}\n",
		 "t:8:56: peers.b: unknown key \"sa\" (did you mean \"sas\"?)\n"},
		{SA("dir: outt, spi: 300"),
		 "t:7:7: peers.b.sas[0].dir: unknown \"outt\" (did you mean \"out\"?)\n"},
		{SA("dir: inward, spi: 300"),
		 "t:7:7: peers.b.sas[0].dir: unknown \"inward\" (one of: out, in)\n"},
		{SA("dir: in, spi: 0"),
		 "t:7:16: peers.b.sas[0].spi: 0 is out of range (256-0xffffffff, RFC 4303 s2.1)\n"},
		{SA("dir: in, spi: 255"),
		 "t:7:16: peers.b.sas[0].spi: 255 is out of range (256-0xffffffff, RFC 4303 "
		 "s2.1)\n"},
		{SA("dir: in, spi: 2^32"),
		 "t:7:16: peers.b.sas[0].spi: 2^32 is out of range (256-0xffffffff, RFC 4303 "
		 "s2.1)\n"},
		{SA("dir: in, spi: x"),
		 "t:7:16: peers.b.sas[0].spi: expected a number, found \"x\"\n"},
		{SA("dir: in, spi: 300, esn: 1"),
		 "t:7:26: peers.b.sas[0].esn: expected true or false, found \"1\"\n"},
		{SA("dir: in, spi: 300, replay_window: 0"),
		 "t:7:36: warning: peers.b.sas[0].replay_window: 0 disables anti-replay (RFC 4303 "
		 "s3.4.3)\n"},
		{SA("dir: in, spi: 300, replay_window: 31"),
		 "t:7:36: peers.b.sas[0].replay_window: 31 is out of range (0 or 32-8192)\n"},
		{SA("dir: in, spi: 300, replay_window: 8193"),
		 "t:7:36: peers.b.sas[0].replay_window: 8193 is out of range (0 or 32-8192)\n"},
		{SA("dir: in, spi: 300, replay_window: -1"),
		 "t:7:36: peers.b.sas[0].replay_window: expected a number, found \"-1\"\n"},
		{SA("dir: in, spi: 300, replay_window: 32"), ""},
		{SA("dir: in, spi: 300, replay_window: 8192"), ""},
		{SA("dir: out, spi: 300, replay_window: 64"),
		 "t:7:22: peers.b.sas[0].replay_window: only valid for SAs of dir in\n"},
		{SA_HEAD OUT IN ", {dir: in, spi: 300, suite: aes128-gcm, key_file: k}]}\n",
		 "t:8:82: peers.b.sas[2].suite: unknown \"aes128-gcm\" (did you mean "
		 "\"aes128gcm16\"?)\n"},
		{SA_HEAD OUT IN ", {dir: in, spi: 300, suite: rot13, key_file: k}]}\n",
		 "t:8:82: peers.b.sas[2].suite: unknown \"rot13\" (espgate keygen lists "
		 "the suites)\n"},
		{SA_HEAD OUT IN ", {dir: in, spi: 300, suite: aes128, key_file: k}]}\n",
		 "t:8:82: peers.b.sas[2].suite: \"aes128\" is not allowed: encryption without "
		 "authentication (RFC 8221 s4: MUST NOT)\n"},
		{SA_HEAD OUT IN ", {dir: in, spi: 300, suite: aes128gcm16, key_file: \"\"}]}\n",
		 "t:8:105: peers.b.sas[2].key_file: must not be empty\n"},
		/* SPIs and key files must be unique. */
		{SA("dir: in, spi: 0x100"),
		 "t:9:16: peers.b.sas[2].spi: 256 is already used by peers.b.sas[0] (line 7): "
		 "inbound SPIs must be unique\n"},
		{SA("dir: out, spi: 0x100"),
		 "t:8:17: peers.b.sas[1].spi: 256 is already used by peers.b.sas[0] (line 7) for "
		 "the same remote\n"},
		{SA_HEAD OUT "{dir: in, spi: 300, suite: aes128gcm16, key_file: o}]}\n",
		 "t:8:51: peers.b.sas[1].key_file: o is already used by peers.b.sas[0] (line 7): "
		 "two SAs with the same key repeat nonces (RFC 4106 s3.1)\n"},
		{VP N "peers:\n" PEER("b", "192.0.2.1", "192.0.2.2", "10.1.0.0/16", "10")
			 PEER("d", "192.0.2.1", "192.0.2.2", "10.2.0.0/16", "10"),
		 "t:10:21: peers.d.sas[0].spi: 3010 is already used by peers.b.sas[0] (line 7) for "
		 "the same remote\n"
		 "t:11:20: peers.d.sas[1].spi: 3010 is already used by peers.b.sas[1] (line 8): "
		 "inbound SPIs must be unique\n"
		 "t:11:56: peers.d.sas[1].key_file: i10 is already used by peers.b.sas[1] (line "
		 "8): two SAs with the same key repeat nonces (RFC 4106 s3.1)\n"
		 "t:10:57: peers.d.sas[0].key_file: o10 is already used by peers.b.sas[0] (line "
		 "7): two SAs with the same key repeat nonces (RFC 4106 s3.1)\n"},
		{VP N "routes: [{to: 192.0.2.3/32, via: 192.0.2.2}]\n"
		      "peers:\n" PEER("b", "192.0.2.1", "192.0.2.2", "10.1.0.0/16", "10")
			      PEER("d", "192.0.2.1", "192.0.2.3", "10.2.0.0/16", "10"),
		 "t:12:20: peers.d.sas[1].spi: 3010 is already used by peers.b.sas[1] (line 9): "
		 "inbound SPIs must be unique\n"
		 "t:12:56: peers.d.sas[1].key_file: i10 is already used by peers.b.sas[1] (line "
		 "9): two SAs with the same key repeat nonces (RFC 4106 s3.1)\n"
		 "t:11:57: peers.d.sas[0].key_file: o10 is already used by peers.b.sas[0] (line "
		 "8): two SAs with the same key repeat nonces (RFC 4106 s3.1)\n"},
	};

	(void)state;
	run_config_cases(cases, COUNT(cases));
}

#define PEER_WITH(field)                                                                           \
	VP N "peers:\n  b: {local: 192.0.2.1, remote: 192.0.2.2, subnets: [10.1.0.0/16], sas: "    \
	     "[\n" OUT IN "],\n" field "}\n"

static void test_peer_options(void **state)
{
	static const struct config_case cases[] = {
		{PEER_WITH("df: copy"), ""},
		{PEER_WITH("df: set"), ""},
		{PEER_WITH("df: clear"), ""},
		{PEER_WITH("df: no"),
		 "t:9:5: peers.b.df: unknown \"no\" (one of: copy, set, clear)\n"},
		{VP N
		 "peers:\n  b: {local: \"2001:db8::1\", remote: \"2001:db8::2\", df: set, subnets: "
		 "[10.1.0.0/16], sas: [\n" OUT IN "]}\n",
		 "t:6:52: peers.b.df: only valid for tunnels over IPv4\n"
		 "t:6:37: peers.b.remote: no route or neighbor covers 2001:db8::2\n"},
		{PEER_WITH("udp_encap: true"), ""},
		{PEER_WITH("udp_encap: false"), ""},
		{PEER_WITH("udp_encap: {source_ports: 1}"), ""},
		{PEER_WITH("udp_encap: {source_ports: 16384}"), ""},
		{PEER_WITH("udp_encap: 4500"),
		 "t:9:12: peers.b.udp_encap: expected true, false or auto, found \"4500\"\n"},
		{PEER_WITH("udp_encap: auto"), ""},
		{PEER_WITH("udp_encap: {peer_port: 1}"), ""},
		{PEER_WITH("udp_encap: {peer_port: 65535, float: true}"), ""},
		{PEER_WITH("udp_encap: {float: true, accept_plain: true, source_ports: 1}"), ""},
		{PEER_WITH("udp_encap: {float: false, source_ports: 2}"), ""},
		{PEER_WITH("udp_encap: {peer_port: 0}"),
		 "t:9:24: peers.b.udp_encap.peer_port: 0 is out of range (1-65535)\n"},
		{PEER_WITH("udp_encap: {peer_port: 65536}"),
		 "t:9:24: peers.b.udp_encap.peer_port: 65536 is out of range (1-65535)\n"},
		{PEER_WITH("udp_encap: {float: maybe}"),
		 "t:9:20: peers.b.udp_encap.float: expected true or false, found \"maybe\"\n"},
		{PEER_WITH("udp_encap: {accept_plain: 1}"),
		 "t:9:27: peers.b.udp_encap.accept_plain: expected true or false, found \"1\"\n"},
		{PEER_WITH("udp_encap: {float: true, source_ports: 2}"),
		 "t:9:20: peers.b.udp_encap.float: conflicts with source_ports: a NAT maps each "
		 "source port separately\n"},
		{PEER_WITH("udp_encap: [true]"),
		 "t:9:12: peers.b.udp_encap: expected a value, found a list\n"},
		{PEER_WITH("udp_encap: {}"),
		 "t:9:12: peers.b.udp_encap: is empty: expected true, false, auto, or some of "
		 "source_ports, peer_port, float, accept_plain\n"},
		{PEER_WITH("udp_encap: {source_ports: 0}"),
		 "t:9:27: peers.b.udp_encap.source_ports: 0 is out of range (1-16384)\n"},
		{PEER_WITH("udp_encap: {source_ports: 16385}"),
		 "t:9:27: peers.b.udp_encap.source_ports: 16385 is out of range (1-16384)\n"},
		{PEER_WITH("udp_encap: {source_ports: 2, port: 500}"),
		 "t:9:30: peers.b.udp_encap: unknown key \"port\"\n"},
	};

	(void)state;
	run_config_cases(cases, COUNT(cases));
}

/* 10.9.0.9, behind clear port c, talks to 192.0.2.2; 192.0.2.3 is routed. */
#define TRANSPORT(name, local, remote, spi, more)                                                  \
	"  " name ": {mode: transport, local: " local ", remote: " remote ", sas: [\n"             \
	"    {dir: out, spi: 30" spi ", suite: aes128gcm16, key_file: o" spi "},\n"                \
	"    {dir: in, spi: 30" spi ", suite: aes128gcm16, key_file: i" spi "}]" more "}\n"
#define NT                                                                                         \
	N "routes: [{to: 10.9.0.0/24, via: 10.9.0.2}, {to: 192.0.2.3/32, via: 192.0.2.2}]\n"       \
	  "peers:\n"

static void test_transport(void **state)
{
	static const struct config_case cases[] = {
		{VP NT TRANSPORT("b", "10.9.0.9", "192.0.2.2", "10", ""), ""},
		{VP NT TRANSPORT("b", "10.9.0.9", "192.0.2.2", "10", "")
			 TRANSPORT("d", "10.9.0.9", "192.0.2.3", "11", ""),
		 ""},
		{VP NT TRANSPORT("b", "10.9.0.9", "192.0.2.2", "10", ", udp_encap: true"), ""},
		{VP NT TRANSPORT("b", "10.9.0.9", "192.0.2.2", "10",
				 ", udp_encap: {peer_port: 4501, accept_plain: true}"),
		 ""},
		{VP NT TRANSPORT("b", "10.9.0.9", "192.0.2.2", "10", ", udp_encap: {float: true}"),
		 "t:9:82: peers.b.udp_encap.float: only valid in mode tunnel: in transport mode "
		 "the outer source is the packet's own\n"},
		{VP N "peers:\n  b: {mode: tunel, local: 10.9.0.9, remote: 192.0.2.2}\n",
		 "t:6:13: peers.b.mode: unknown \"tunel\" (did you mean \"tunnel\"?)\n"
		 "t:6:3: peers.b: missing key \"subnets\"\n"},
		{VP NT TRANSPORT("b", "10.9.0.9", "192.0.2.2", "10", ", subnets: [10.1.0.0/16]"),
		 "t:9:63: peers.b.subnets: only valid in mode tunnel: transport mode protects "
		 "traffic between local and remote\n"},
		{VP NT TRANSPORT("b", "10.9.0.9", "192.0.2.2", "10", ", df: set"),
		 "t:9:63: peers.b.df: only valid in mode tunnel: transport mode keeps the packet's "
		 "DF\n"},
		/* Both ends must be reachable, each on its side. */
		{VP NT TRANSPORT("b", "10.8.0.9", "192.0.2.2", "10", ""),
		 "t:7:31: peers.b.local: no route or neighbor covers 10.8.0.9, to which mode "
		 "transport forwards\n"},
		{VP NT TRANSPORT("b", "192.0.2.3", "192.0.2.2", "10", ""),
		 "t:7:31: peers.b.local: 192.0.2.3 is reached through ports.u (line 2), whose role "
		 "is not clear, but mode transport forwards to it\n"},
		{V "ports: {c: {device: d0, role: clear, addresses: [10.9.0.9/24]}, u: {device: "
		   "d1, role: encrypted}}\n" NT TRANSPORT("b", "10.9.0.9", "192.0.2.2", "10", ""),
		 "t:7:31: peers.b.local: 10.9.0.9 is an address of the gateway (ports.c, line 2): "
		 "mode transport protects a host behind it\n"},
		{VP NT TRANSPORT("b", "10.9.0.9", "10.9.0.8", "10", ""),
		 "t:7:49: peers.b.remote: 10.9.0.8 is reached through ports.c (line 2), whose role "
		 "is not encrypted\n"},
		/* Ambiguous owner of a packet. */
		{VP NT TRANSPORT("b", "10.9.0.9", "192.0.2.2", "10", "")
			 TRANSPORT("d", "10.9.0.8", "192.0.2.2", "11", ""),
		 "t:7:49: peers.b.remote: 192.0.2.2 is also remote of peers.d, whose mode is "
		 "transport\n"},
		{VP NT TRANSPORT("b", "10.9.0.9", "192.0.2.2", "10", "")
			 PEER("d", "10.9.0.9", "192.0.2.3", "10.1.0.0/16", "11"),
		 "t:10:14: peers.d.local: 10.9.0.9 is also local of peers.b, whose mode is "
		 "transport\n"},
	};

	(void)state;
	run_config_cases(cases, COUNT(cases));
}

#define REPEATS_IVS                                                                                \
	" requires state_dir: if the clock steps back, a restart repeats its IVs, and two "        \
	"packets with the same IV reveal plaintext and key (RFC 4106 s3.1, RFC 3686 s2.1)\n"
#define REPEATS_SEQ                                                                                \
	" requires state_dir: its IV is the sequence number, which must not repeat "               \
	"after a restart (RFC 8750 s4, RFC 4303 s3.3.3)\n"

/* Nonces must not repeat, even after a restart: each kind of IV, each direction. */
static void test_nonces(void **state)
{
	static const struct {
		const char *dir, *suite, *lines;
	} rows[] = {
		{"out", "aes256gcm16", REPEATS_IVS},
		{"out", "aes128gmac", REPEATS_IVS},
		{"out", "aes128ccm16", REPEATS_IVS},
		{"out", "chacha20poly1305", REPEATS_IVS},
		{"out", "aes128ctr-sha256", REPEATS_IVS},
		{"out", "aes128gcm16-iiv", REPEATS_SEQ},
		{"out", "chacha20poly1305-iiv", REPEATS_SEQ},
		{"out", "aes256-sha256", NULL}, /* CBC uses random IVs */
		{"out", "null-sha256", NULL},
		{"in", "aes256gcm16", NULL}, /* inbound SAs generate no nonces */
		{"in", "aes128gcm16-iiv", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct eg_buf text = {0}, lines = {0}, with = {0}, weak = {0};
		struct eg_errs errs = {0};
		struct eg_config *config;

		/* The SAs of the common part: one that needs no state, and an inbound one. */
		eg_buf_add(&text,
			   SA_HEAD "{dir: out, spi: 299, suite: aes256-sha256, key_file: o},\n" IN
				   ",\n{dir: %s, spi: 300, suite: %s, key_file: k}]}\n",
			   rows[i].dir, rows[i].suite);
		eg_buf_add(&lines, "%s", "");
		if (strstr(rows[i].suite, "gmac") || strstr(rows[i].suite, "null"))
			eg_buf_add(&lines,
				   "t:9:%zu: warning: peers.b.sas[2].suite: %s does not encrypt: "
				   "packets to this peer are readable on the wire\n",
				   strlen("{dir: , spi: 300, suite: ") + strlen(rows[i].dir) + 1,
				   rows[i].suite);
		eg_buf_add(&weak, "%s", lines.v);
		if (rows[i].lines)
			eg_buf_add(&lines, "t:9:%zu: peers.b.sas[2].suite: %s%s",
				   strlen("{dir: , spi: 300, suite: ") + strlen(rows[i].dir) + 1,
				   rows[i].suite, rows[i].lines);
		config = eg_config_parse(text.v, text.n, "t", &errs);
		assert_int_equal(!config, !!rows[i].lines);
		assert_messages(&errs, lines.v);
		eg_config_free(config);
		eg_buf_add(&with, "%sstate_dir: state\n", text.v);
		run_config_cases(&(struct config_case){with.v, weak.v}, 1);
		eg_buf_free(&weak);
		eg_buf_free(&text);
		eg_buf_free(&lines);
		eg_buf_free(&with);
	}
}

static void test_too_many_peers(void **state)
{
	struct config_case c = {.lines = "t:3:8: peers: more than 100000 peers\n"};
	struct eg_buf text = {0};

	(void)state;
	eg_buf_add(&text, VP "peers: {");
	for (int i = 0; i <= EG_CONF_PEERS_MAX; i++)
		eg_buf_add(&text, "p%d: , ", i);
	eg_buf_add(&text, "}\n");
	c.text = text.v;
	run_config_cases(&c, 1);
	eg_buf_free(&text);
}

/* Defaults to on. */
static void test_mss_clamp(void **state)
{
	static const char *const keys[] = {"", ", mss_clamp: true", ", mss_clamp: false"};

	(void)state;
	for (size_t i = 0; i < COUNT(keys); i++) {
		struct eg_errs errs = {0};
		char text[1024];
		struct eg_config *config;

		snprintf(text, sizeof(text),
			 VP N "peers: {b: {local: 192.0.2.1, remote: 192.0.2.2, "
			      "subnets: [10.2.0.0/16]%s}}\n",
			 keys[i]);
		config = eg_config_parse(text, strlen(text), "t", &errs);
		assert_non_null(config);
		assert_int_equal(config->peers.v[0].mss_clamp, i < 2);
		eg_config_free(config);
		eg_errs_free(&errs);
	}
}

static void test_fragment(void **state)
{
	static const struct {
		const char *key;
		enum eg_fragment want;
		enum eg_path_mtu path_mtu;
	} good[] = {
		{"", EG_FRAGMENT_BEFORE, EG_PATH_MTU_LEARN},
		{", fragment: before, df: set, path_mtu: learn", EG_FRAGMENT_BEFORE,
		 EG_PATH_MTU_LEARN},
		{", fragment: after, df: clear", EG_FRAGMENT_AFTER, EG_PATH_MTU_LEARN},
		{", fragment: drop, path_mtu: ignore", EG_FRAGMENT_DROP, EG_PATH_MTU_IGNORE},
	};
	static const struct config_case bad[] = {
		{PEER_WITH("fragment: afer"),
		 "t:9:11: peers.b.fragment: unknown \"afer\" (did you mean \"after\"?)\n"},
		{PEER_WITH("path_mtu: lern"), "t:9:11: peers.b.path_mtu: unknown \"lern\" (did you "
					      "mean \"learn\"?)\n"},
		{PEER_WITH("fragment: after, df: set"),
		 "t:9:11: peers.b.fragment: df: set forbids fragmenting the outer packet (RFC 791 "
		 "s2.3); use before or drop\n"},
		{VP NT TRANSPORT("b", "10.9.0.9", "192.0.2.2", "10", ", fragment: after"), ""},
		{VP NT TRANSPORT("b", "10.9.0.9", "192.0.2.2", "10", ", fragment: before"),
		 "t:9:73: peers.b.fragment: only valid in mode tunnel: transport mode does not "
		 "seal fragments (RFC 4303 s3.1.1)\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		struct eg_errs errs = {0};
		char text[1024];
		struct eg_config *config;

		snprintf(text, sizeof(text),
			 VP N "peers: {b: {local: 192.0.2.1, remote: 192.0.2.2, "
			      "subnets: [10.2.0.0/16]%s}}\n",
			 good[i].key);
		config = eg_config_parse(text, strlen(text), "t", &errs);
		assert_non_null(config);
		assert_int_equal(config->peers.v[0].fragment, good[i].want);
		assert_int_equal(config->peers.v[0].path_mtu, good[i].path_mtu);
		eg_config_free(config);
		eg_errs_free(&errs);
	}
	run_config_cases(bad, COUNT(bad));
}

int run_config_peer_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mss_clamp), cmocka_unit_test(test_peers),
		cmocka_unit_test(test_sas),       cmocka_unit_test(test_peer_options),
		cmocka_unit_test(test_transport), cmocka_unit_test(test_too_many_peers),
		cmocka_unit_test(test_nonces),    cmocka_unit_test(test_fragment),
	};

	return cmocka_run_group_tests_name("conf peer errors", tests, NULL, NULL);
}
