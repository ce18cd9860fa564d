/* Later fragments follow their own first fragment only. */
#include "gate/gate.h"

#define PASS    EG_PASS
#define INGRESS EG_DROP_POLICY_INGRESS
#define ORPHAN  EG_DROP_FRAGMENT_ORPHAN
#define OVERLAP EG_DROP_FRAGMENT_OVERLAP

/* c may reach two ports of s; s answers although it is isolated. */
static const char *const policies = "apiVersion: networking.k8s.io/v1\n"
				    "kind: NetworkPolicy\n"
				    "metadata: {name: server, namespace: x}\n"
				    "spec:\n"
				    "  podSelector: {matchLabels: {pod: s}}\n"
				    "  policyTypes: [Ingress, Egress]\n"
				    "  ingress:\n"
				    "    - from: [{podSelector: {matchLabels: {pod: c}}}]\n"
				    "      ports: [{port: 80}, {port: 53, protocol: UDP}]\n";

static void test_order(void **state)
{
	/* All on one worker: see below. */
	static const struct row rows[] = {
		{1, "c s udp 9 53 . id=7 off=40 mf", ORPHAN},
		{2, "c s udp 9 53 . id=7 off=0 mf", PASS},
		{3, "c s udp 9 53 . id=7 off=40 mf", PASS},
		{4, "c s udp 9 53 . id=7 off=1480", PASS},
		{5, "c s udp 9 53 . id=7 off=80 mf", PASS}, /* out of order, but after the first */
		{6, "c s udp 9 53 . id=8 off=40 mf", ORPHAN},
		{7, "o s udp 9 53 . id=7 off=40 mf", ORPHAN},
		{8, "c s tcp 9 80 S id=7 off=40 mf", ORPHAN}, /* another protocol's */
		/* Denied: nothing follows. */
		{10, "o s udp 9 53 . id=9 off=0 mf", INGRESS},
		{11, "o s udp 9 53 . id=9 off=40", ORPHAN},
		{12, "c s udp 9 54 . id=10 off=0 mf", INGRESS},
		{13, "c s udp 9 54 . id=10 off=40", ORPHAN},
		/* The reply's fragments, although s is isolated. */
		{14, "s c udp 53 9 . id=1 off=40 mf", ORPHAN},
		{15, "s c udp 53 9 . id=1 off=0 mf", PASS},
		{16, "s c udp 53 9 . id=1 off=40", PASS},
		/* IPv6: 32-bit identification, not specific to a protocol. */
		{20, "C S udp 9 53 . id=70000 off=40", ORPHAN},
		{21, "C S udp 9 53 . id=70000 off=0 mf", PASS},
		{22, "C S udp 9 53 . id=70000 off=40", PASS},
		{23, "C S udp 9 53 . id=4464 off=40", ORPHAN}, /* 70000 modulo 2^16 */
		/* Offset 0 without M: a whole packet (RFC 6946). */
		{24, "C S udp 9 53 . id=70001 off=0", PASS},
		{25, "C S udp 9 53 . id=70001 off=40", ORPHAN},
		/* Inside the first fragment's 40 bytes (RFC 1858 s3, RFC 5722 s4). */
		{30, "c s tcp 9 80 S id=20 off=0 mf", PASS},
		{31, "c s tcp 9 80 S id=20 off=8 mf", OVERLAP},
		{32, "c s tcp 9 80 S id=20 off=32 mf", OVERLAP},
		{33, "c s tcp 9 80 S id=20 off=40 mf", PASS},
		{34, "C S tcp 9 80 S id=20 off=0 mf", PASS},
		{35, "C S tcp 9 80 S id=20 off=32 mf", OVERLAP},
		{36, "C S tcp 9 80 S id=20 off=40", PASS},
		/* A repeated first fragment is decided like any other. */
		{37, "s c tcp 80 9 S id=21 off=0 mf", EG_DROP_POLICY_EGRESS},
		/* Everything is allowed between these, in any order. */
		{40, "f g udp 9 53 . id=30 off=40 mf", PASS},
		{41, "f g udp 9 53 . id=30 off=0 mf", PASS},
		{42, "F G tcp 9 53 S id=30 off=80 mf", PASS},
		{43, "s s tcp 9 53 S id=30 off=80 mf", PASS},
	};
	struct gate *gate = gate_open(1024);

	(void)state;
	gate_policies(gate, policies);
	for (size_t i = 0; i < COUNT(rows); i++) {
		enum eg_verdict got = gate_line(gate, rows[i].line);

		if (got != rows[i].want)
			fail_msg("row %d: %s, not %s", rows[i].number, eg_drop_name(got),
				 eg_drop_name(rows[i].want));
	}
	gate_close(gate);
}

/* Order of arrival also counts within a batch. */
static void test_one_batch(void **state)
{
	struct gate *gate = gate_open(1024);
	struct packet packets[] = {
		packet_of("c s udp 9 53 . id=7 off=80"),
		packet_of("c s udp 9 53 . id=7 off=0 mf"),
		packet_of("c s udp 9 53 . id=7 off=40 mf"),
		packet_of("c s udp 9 54 . id=8 off=0 mf"),
		packet_of("c s udp 9 54 . id=8 off=40 mf"),
		packet_of("s c udp 53 9 . id=9 off=0 mf"),
		packet_of("s c udp 53 9 . id=9 off=40"),
	};
	static const bool want[COUNT(packets)] = {false, true, true, false, false, true, true};
	bool passed[COUNT(packets)];

	(void)state;
	gate_policies(gate, policies);
	gate_burst(gate, 0, packets, COUNT(packets), passed);
	assert_memory_equal(passed, want, sizeof(want));
	gate_close(gate);
}

/* Audit counts the fragments that would be lost, and loses none. */
static void test_audited_orphan(void **state)
{
	struct gate *gate = gate_open(1024);
	const struct eg_stats *stats[] = {gate->path[0]->stats, gate->path[1]->stats};

	(void)state;
	gate_policies(gate, policies)->audit = true;
	assert_int_equal(gate_line(gate, "c s udp 9 53 . id=7 off=80"), PASS);
	assert_int_equal(eg_counted(&stats[0]->would_drop[EG_DROP_FRAGMENT_ORPHAN]) +
				 eg_counted(&stats[1]->would_drop[EG_DROP_FRAGMENT_ORPHAN]),
			 1);
	assert_int_equal(gate_line(gate, "c s udp 9 53 . id=7 off=0 mf"), PASS);
	assert_int_equal(gate_line(gate, "c s udp 9 53 . id=7 off=80"), PASS);
	assert_int_equal(eg_counted(&stats[0]->would_drop[EG_DROP_FRAGMENT_ORPHAN]) +
				 eg_counted(&stats[1]->would_drop[EG_DROP_FRAGMENT_ORPHAN]),
			 1);
	gate_close(gate);
}

/* A reload between first and later fragments: the connection is looked up, so only policy can drop
 * them. */
static void test_reload(void **state)
{
	struct gate *gate = gate_open(1024);

	(void)state;
	gate_policies(gate, policies);
	assert_int_equal(gate_line(gate, "c s udp 9 53 . id=7 off=0 mf"), PASS);
	assert_int_equal(gate_line(gate, "s c udp 53 9 . id=8 off=0 mf"), PASS);
	gate_policies(gate, policies);
	assert_int_equal(gate_line(gate, "s c udp 53 9 . id=8 off=40 mf"), PASS);
	assert_int_equal(gate_line(gate, "c s udp 9 53 . id=7 off=40 mf"), PASS);
	gate_policies(gate, "apiVersion: networking.k8s.io/v1\n"
			    "kind: NetworkPolicy\n"
			    "metadata: {name: none, namespace: x}\n"
			    "spec: {podSelector: {}, policyTypes: [Ingress]}\n");
	assert_int_equal(gate_line(gate, "c s udp 9 53 . id=7 off=80 mf"), ORPHAN);
	assert_int_equal(gate_line(gate, "s c udp 53 9 . id=8 off=80 mf"), ORPHAN);
	gate->snap.policy->keep_existing = true;
	assert_int_equal(gate_line(gate, "c s udp 9 53 . id=7 off=120 mf"), PASS);
	assert_int_equal(gate_line(gate, "s c udp 53 9 . id=8 off=120 mf"), PASS);
	assert_int_equal(gate_line(gate, "o s udp 9 53 . id=8 off=120 mf"), ORPHAN);
	gate_close(gate);
}

/* A ping of 2,000 bytes: its first fragment has an identifier, not ports. */
static void test_echo(void **state)
{
	static const char *const pings =
		"apiVersion: networking.k8s.io/v1\n"
		"kind: NetworkPolicy\n"
		"metadata: {name: pings, namespace: x}\n"
		"spec:\n"
		"  podSelector: {matchLabels: {pod: c}}\n"
		"  policyTypes: [Ingress, Egress]\n"
		"  egress: [{to: [{podSelector: {matchLabels: {pod: s}}}]}]\n";
	struct gate *gate = gate_open(1024);

	(void)state;
	gate_policies(gate, pings);
	assert_int_equal(gate_line(gate, "c s icmp 8 5 id=1 off=0 mf"), PASS);
	assert_int_equal(gate_line(gate, "c s icmp 8 5 id=1 off=1480"), PASS);
	assert_int_equal(gate_line(gate, "s c icmp 0 5 id=2 off=0 mf"), PASS);
	assert_int_equal(gate_line(gate, "s c icmp 0 5 id=2 off=40"), PASS);
	gate_policies(gate, pings);
	assert_int_equal(gate_line(gate, "s c icmp 0 5 id=2 off=80"), PASS);
	assert_int_equal(gate_line(gate, "s c icmp 0 5 id=3 off=80"), ORPHAN);
	assert_int_equal(gate_line(gate, "S C icmp 129 5 id=2 off=0 mf"), INGRESS);
	assert_int_equal(gate_line(gate, "C S icmp 128 5 id=2 off=0 mf"), PASS);
	assert_int_equal(gate_line(gate, "S C icmp 129 5 id=2 off=0 mf"), PASS);
	assert_int_equal(gate_line(gate, "S C icmp 129 5 id=2 off=40"), PASS);
	gate_close(gate);
}

static void test_audit(void **state)
{
	struct gate *gate = gate_open(1024);

	(void)state;
	gate_policies(gate, policies)->audit = true;
	assert_int_equal(gate_line(gate, "o s udp 9 53 . id=7 off=80 mf"), PASS);
	assert_int_equal(gate_line(gate, "o s udp 9 53 . id=7 off=0 mf"), PASS);
	gate_close(gate);
}

int run_fragment_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),          cmocka_unit_test(test_one_batch),
		cmocka_unit_test(test_audited_orphan), cmocka_unit_test(test_reload),
		cmocka_unit_test(test_echo),           cmocka_unit_test(test_audit),
	};

	return cmocka_run_group_tests_name("gate fragments", tests, NULL, NULL);
}
