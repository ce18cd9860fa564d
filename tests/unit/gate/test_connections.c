/* Replies pass even if policy isolates their direction; nothing else does. In most rows the two
 * directions reach different workers: gate_rows() alternates. */
#include "gate/gate.h"

#include "net/bytes.h"
#include "net/checksum.h"

#define PASS    EG_PASS
#define EGRESS  EG_DROP_POLICY_EGRESS
#define INGRESS EG_DROP_POLICY_INGRESS

/* Client and server are isolated in both directions; the client may reach and ping three ports of
 * the server. */
static const char *const web =
	"apiVersion: networking.k8s.io/v1\n"
	"kind: NetworkPolicy\n"
	"metadata: {name: server, namespace: x}\n"
	"spec:\n"
	"  podSelector: {matchLabels: {pod: s}}\n"
	"  policyTypes: [Ingress, Egress]\n"
	"  ingress:\n"
	"    - from: [{podSelector: {matchLabels: {pod: c}}}]\n"
	"      ports: [{port: 80}, {port: 53, protocol: UDP}, {port: 7, protocol: SCTP}]\n"
	"---\n"
	"apiVersion: networking.k8s.io/v1\n"
	"kind: NetworkPolicy\n"
	"metadata: {name: client, namespace: x}\n"
	"spec:\n"
	"  podSelector: {matchLabels: {pod: c}}\n"
	"  policyTypes: [Ingress, Egress]\n"
	"  egress: [{to: [{podSelector: {matchLabels: {pod: s}}}]}]\n";

/* Everything between client and server that is not named by a port. */
static const char *const any = "apiVersion: networking.k8s.io/v1\n"
			       "kind: NetworkPolicy\n"
			       "metadata: {name: all, namespace: x}\n"
			       "spec:\n"
			       "  podSelector: {}\n"
			       "  policyTypes: [Ingress, Egress]\n"
			       "  ingress: [{from: [{podSelector: {matchLabels: {pod: c}}}]}]\n"
			       "  egress: [{to: [{podSelector: {matchLabels: {pod: s}}}]}]\n";

static struct gate *open_with(const char *yaml)
{
	struct gate *gate = gate_open(1024);

	gate_policies(gate, yaml);
	return gate;
}

static void test_tcp(void **state)
{
	static const struct row rows[] = {
		/* Replies before there is anything to reply to. */
		{1, "s c tcp 80 40000 SA", EGRESS},
		{2, "s c tcp 80 40000 A", EGRESS},
		{3, "c s tcp 40000 80 S", PASS},
		{4, "s c tcp 80 40000 SA", PASS},
		{5, "c s tcp 40000 80 A", PASS},
		{6, "c s tcp 40000 80 PA", PASS},
		{7, "s c tcp 80 40000 PA", PASS},
		/* Other ports are other connections. */
		{8, "s c tcp 80 40001 A", EGRESS},
		{9, "s c tcp 81 40000 A", EGRESS},
		{10, "c s tcp 40000 81 S", INGRESS},
		{11, "o s tcp 40000 80 S", INGRESS},
		{12, "s o tcp 80 40000 SA", EGRESS},
		{13, "s c udp 80 40000", EGRESS},
		/* The server's own connection attempt, from the very same ports. */
		{14, "s c tcp 80 40000 S", EGRESS},
		{15, "s c tcp 80 40000 PA", PASS},
		/* FIN, retransmitted; the server still sends (RFC 9293 s3.6). */
		{16, "c s tcp 40000 80 FA", PASS},
		{17, "c s tcp 40000 80 FA", PASS},
		{18, "s c tcp 80 40000 PA", PASS},
		{19, "s c tcp 80 40000 FA", PASS},
		{20, "c s tcp 40000 80 A", PASS},
		{21, "s c tcp 80 40000 S", EGRESS},
		/* The same ports are reused. */
		{22, "c s tcp 40000 80 S", PASS},
		{23, "s c tcp 80 40000 SA", PASS},
		{24, "c s tcp 40000 80 R", PASS},
		{25, "s c tcp 80 40000 A", PASS}, /* crossed the FIN on the wire */
		{26, "s c tcp 80 40000 S", EGRESS},
		/* IPv6 is a separate connection. */
		{27, "S C tcp 80 40000 SA", EGRESS},
		{28, "C S tcp 40000 80 S", PASS},
		{29, "S C tcp 80 40000 SA", PASS},
	};
	struct gate *gate = open_with(web);

	(void)state;
	gate_rows(gate, "TCP", rows, COUNT(rows));
	/* Rows 3, 22 and 28 opened connections; each counts once for the ingress rule and once for
	 * egress. */
	assert_int_equal(gate_opened(gate), 3);
	assert_int_equal(gate_allowed(gate), 6);
	gate_close(gate);
}

static void test_udp_sctp(void **state)
{
	static const struct row rows[] = {
		{1, "s c udp 53 40000", EGRESS},
		{2, "c s udp 40000 53", PASS},
		{3, "s c udp 53 40000", PASS},
		{4, "c s udp 40000 54", INGRESS},
		{5, "s c udp 54 40000", EGRESS},
		{6, "C S udp 40000 53", PASS},
		{7, "S C udp 53 40000", PASS},
		/* RFC 9260 s5: INIT 1, INIT ACK 2, COOKIE ECHO 10, COOKIE ACK 11, DATA 0 */
		{10, "s c sctp 7 5000 2", EGRESS},
		{11, "c s sctp 5000 7 1", PASS},
		{12, "s c sctp 7 5000 2", PASS},
		{13, "c s sctp 5000 7 10", PASS},
		{14, "s c sctp 7 5000 11", PASS},
		{15, "s c sctp 7 5000 0", PASS},
		{16, "s c sctp 7 5000 1", EGRESS},
		/* SHUTDOWN 7, SHUTDOWN ACK 8, SHUTDOWN COMPLETE 14 (RFC 9260 s9.2) */
		{17, "c s sctp 5000 7 7", PASS},
		{18, "s c sctp 7 5000 8", PASS},
		{19, "c s sctp 5000 7 14", PASS},
		{20, "s c sctp 7 5000 1", EGRESS},
		{21, "c s sctp 5000 7 1", PASS},
		{22, "s c sctp 7 5000 6", PASS}, /* ABORT */
		{23, "c s sctp 5000 8 1", INGRESS},
	};
	struct gate *gate = open_with(web);

	(void)state;
	gate_rows(gate, "UDP and SCTP", rows, COUNT(rows));
	gate_close(gate);
}

/* Rules with ports do not cover ICMP, rules without ports do (lib/policy/reference.h). */
static void test_echo(void **state)
{
	static const struct row with_ports[] = {
		{1, "c s icmp 8 77", INGRESS},
		{2, "s c icmp 0 77", EGRESS},
		{3, "c s 47", INGRESS},
		{4, "C S icmp 128 77", INGRESS},
	};
	static const struct row without[] = {
		{10, "s c icmp 0 77", EGRESS},
		{11, "c s icmp 8 77", PASS},
		{12, "s c icmp 0 77", PASS},
		{13, "c s icmp 8 77", PASS},
		{14, "s c icmp 0 78", EGRESS},
		/* The server's own ping with the very same identifier. */
		{15, "s c icmp 8 77", EGRESS},
		{16, "c s icmp 8 0", PASS},
		{17, "s c icmp 0 0", PASS},
		{18, "s c icmp 8 0", EGRESS},
		{19, "C S icmp 128 77", PASS},
		{20, "S C icmp 129 77", PASS},
		{21, "S C icmp 128 77", EGRESS},
		/* Timestamp (13) and its reply (14) are not tracked. */
		{22, "c s icmp 13 77", PASS},
		{23, "s c icmp 14 77", EGRESS},
		/* Other protocols: one connection per pair of addresses. */
		{24, "s c 47", EGRESS},
		{25, "c s 47", PASS},
		{26, "s c 47", PASS},
		{27, "s c 50", EGRESS},
		{28, "C S 47", PASS},
		{29, "S C 47", PASS},
	};
	struct gate *gate = open_with(web);

	(void)state;
	gate_rows(gate, "rules with ports", with_ports, COUNT(with_ports));
	gate_policies(gate, any);
	gate_rows(gate, "rules without ports", without, COUNT(without));
	gate_close(gate);
}

/* If both may ping, each ping is a connection of its own, counted once. */
static void test_both_ping(void **state)
{
	static const struct row rows[] = {
		{1, "f g icmp 8 5", PASS}, {2, "g f icmp 8 5", PASS}, {3, "f g icmp 0 5", PASS},
		{4, "g f icmp 0 5", PASS}, {5, "f g icmp 8 5", PASS}, {6, "g f icmp 8 5", PASS},
	};
	struct gate *gate = open_with(web);

	(void)state;
	gate_rows(gate, "pings", rows, COUNT(rows));
	assert_int_equal(gate_opened(gate), 2);
	gate_close(gate);
}

/* A pod and itself; pods that are not isolated; an address that belongs to no pod. */
static void test_unisolated(void **state)
{
	static const struct row rows[] = {
		{1, "s s tcp 5000 9999 S", PASS},  {2, "s s tcp 9999 5000 SA", PASS},
		{3, "s s tcp 5000 5000 S", PASS},  {4, "f g tcp 5000 9999 S", PASS},
		{5, "g f tcp 9999 5000 SA", PASS}, {6, "g f tcp 9999 5000 S", PASS},
		{7, "e f udp 1 2", PASS},          {8, "f e udp 2 1", PASS},
		{9, "e s tcp 5000 80 S", INGRESS}, {10, "s e tcp 80 5000 SA", EGRESS},
	};
	struct gate *gate = open_with(web);

	(void)state;
	gate_rows(gate, "free", rows, COUNT(rows));
	gate_close(gate);
}

/* A connection's opening and its replies in one batch, as when a capture is replayed. */
static void test_one_batch(void **state)
{
	static const struct {
		const char *line;
		bool passes;
	} rows[] = {
		{"s c tcp 80 40000 SA", false}, {"c s tcp 40000 80 S", true},
		{"s c tcp 80 40000 SA", true},  {"c s tcp 40000 80 A", true},
		{"s c tcp 80 40000 S", false},  {"s c udp 53 9", false},
		{"c s udp 9 53", true},         {"c s udp 9 53", true},
		{"s c udp 53 9", true},         {"c s tcp 40000 80 FA", true},
		{"s c tcp 80 40000 FA", true},  {"c s tcp 40000 80 S", true},
		{"s c tcp 80 40000 SA", true},
	};
	struct gate *gate = open_with(web);
	struct packet packets[COUNT(rows)];
	bool passed[COUNT(rows)];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		packets[i] = packet_of(rows[i].line);
	gate_burst(gate, 0, packets, COUNT(rows), passed);
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (passed[i] != rows[i].passes)
			fail_msg("packet %zu, %s", i, rows[i].line);
	}
	assert_int_equal(eg_flow_in_use(gate->table), 2);
	gate_close(gate);
}

static void test_one_batch_echo(void **state)
{
	struct gate *gate = open_with(any);
	struct packet packets[3] = {packet_of("s c icmp 0 5"), packet_of("c s icmp 8 5"),
				    packet_of("s c icmp 0 5")};
	bool passed[3];

	(void)state;
	gate_burst(gate, 1, packets, 3, passed);
	assert_false(passed[0]);
	assert_true(passed[1]);
	assert_true(passed[2]);
	gate_close(gate);
}

static uint64_t would_drop(const struct gate *gate, enum eg_verdict reason)
{
	return eg_counted(&gate->path[0]->stats->would_drop[reason]) +
	       eg_counted(&gate->path[1]->stats->would_drop[reason]);
}

/* The records that the control thread gets. */
static unsigned audit_records(struct gate *gate)
{
	struct eg_drop_record record;
	unsigned n = 0;

	for (unsigned w = 0; w < 2; w++) {
		while (eg_drop_ring_take(&gate->path[w]->stats->dropped, &record)) {
			assert_true(record.audited);
			assert_true(record.src.family && record.dst.family);
			n++;
		}
	}
	return n;
}

/* Audit: everything passes; what would be dropped is counted, including later packets of a
 * connection, and nothing that passed in audit mode may pass because of it once the policy is
 * enforced. */
static void test_audit(void **state)
{
	static const struct row audited[] = {
		{1, "o s tcp 40000 80 S", PASS},  {2, "s o tcp 80 40000 SA", PASS},
		{3, "o s tcp 40000 80 A", PASS},  {4, "c s tcp 40000 80 S", PASS},
		{5, "s c tcp 80 40000 SA", PASS}, {6, "s o udp 1 2", PASS},
	};
	static const struct row enforced[] = {
		{10, "s o tcp 80 40000 A", INGRESS},
		{11, "o s tcp 40000 80 A", INGRESS},
		{12, "s c tcp 80 40000 A", PASS},
		{13, "c s tcp 40000 80 A", PASS},
	};
	struct gate *gate = gate_open(1024);

	(void)state;
	gate_policies(gate, web)->audit = true;
	gate_rows(gate, "audit", audited, COUNT(audited));
	assert_int_equal(eg_counted(&gate->path[0]->stats->audited[EG_INGRESS]) +
				 eg_counted(&gate->path[1]->stats->audited[EG_INGRESS]),
			 3);
	assert_int_equal(eg_counted(&gate->path[0]->stats->audited[EG_EGRESS]) +
				 eg_counted(&gate->path[1]->stats->audited[EG_EGRESS]),
			 1);
	assert_int_equal(gate_denied(gate), 4);
	assert_int_equal(gate_allowed(gate), 2);
	/* Per connection: one that ingress denies, whatever its packets, and one that egress
	 * denies. */
	assert_int_equal(would_drop(gate, EG_DROP_POLICY_INGRESS), 1);
	assert_int_equal(would_drop(gate, EG_DROP_POLICY_EGRESS), 1);
	assert_int_equal(audit_records(gate), 2);
	gate_policies(gate, web);
	gate_rows(gate, "enforced", enforced, COUNT(enforced));
	gate_close(gate);
}

/* If both ends deny, egress is named; every policy that isolates the pod counts. */
static void test_counters(void **state)
{
	struct gate *gate = open_with(web);
	const struct eg_snap_policy *policy = gate->snap.policy;

	(void)state;
	assert_int_equal(gate_line(gate, "c o tcp 1 80 S"), EGRESS);
	assert_int_equal(gate_denied(gate), 1);
	assert_int_equal(gate_line(gate, "s c tcp 1 80 S"), EGRESS); /* and c's ingress */
	assert_int_equal(gate_denied(gate), 3);
	assert_int_equal(gate_line(gate, "o s tcp 1 80 S"), INGRESS);
	assert_int_equal(gate_denied(gate), 4);
	for (int i = 0; i < 5; i++)
		assert_int_equal(gate_line(gate, "c s tcp 1 80 S"), PASS);
	assert_int_equal(gate_allowed(gate), 2); /* one connection: an egress and an ingress rule */
	assert_int_equal(eg_counted(&policy->counts[1].allowed[0]), 0);
	gate_close(gate);
}

/* However many policies isolate a pod, a denied packet touches one counter; reports show it under
 * each of them. */
static void test_many_policies(void **state)
{
	struct eg_buf text = {0};
	const struct eg_snap_policy *policy;
	uint64_t raw = 0;
	struct gate *gate;

	(void)state;
	for (int i = 0; i < 500; i++)
		eg_buf_add(&text,
			   "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
			   "metadata: {name: p%d, namespace: x}\n"
			   "spec: {podSelector: {matchLabels: {pod: s}}}\n",
			   i);
	gate = open_with(text.v);
	policy = gate->snap.policy;
	for (int i = 0; i < 3; i++)
		assert_int_equal(gate_line(gate, "c s tcp 1 80 S"), INGRESS);
	for (size_t g = 0; g < eg_policy_stats(policy->compiled)->n_groups[EG_INGRESS]; g++)
		for (unsigned w = 0; w < GATE_WORKERS; w++)
			raw += eg_counted(&policy->counts[w].denied[EG_INGRESS][g]);
	assert_int_equal(eg_policy_stats(policy->compiled)->n_groups[EG_INGRESS], 2);
	assert_int_equal(raw, 3);
	assert_int_equal(gate_denied(gate), 3 * 500);
	gate_close(gate);
	eg_buf_free(&text);
}

/* An unsolicited echo reply passes if policy allows it but opens nothing: otherwise requests could
 * pass in the other direction. */
static void test_reply_opens_nothing(void **state)
{
	static const char *const replies[] = {"c s icmp 0 7", "C S icmp 129 7"};
	struct gate *gate = open_with("");

	(void)state;
	for (size_t i = 0; i < COUNT(replies); i++) {
		assert_int_equal(gate_line(gate, replies[i]), PASS);
		assert_int_equal(eg_flow_in_use(gate->table), 0);
	}
	assert_int_equal(gate_line(gate, "c s icmp 8 7"), PASS);
	assert_int_equal(gate_line(gate, "s c icmp 0 7"), PASS);
	assert_int_equal(eg_flow_in_use(gate->table), 1);
	gate_close(gate);
}

static struct packet numbered(const char *line, uint32_t seq, uint32_t ack)
{
	struct packet packet = packet_of(line);

	packet.n = 40;
	eg_put16(packet.bytes + 2, 40);
	eg_put16(packet.bytes + 10, 0);
	eg_put16(packet.bytes + 10, eg_checksum_fold(eg_checksum_add(0, packet.bytes, 20)));
	eg_put32(packet.bytes + 24, seq);
	eg_put32(packet.bytes + 28, ack);
	return packet;
}

/* Resets outside the window are forwarded, but the connection stays; half-open ones expire after a
 * minute. */
static void test_resets(void **state)
{
	static const struct {
		const char *line;
		uint32_t seq, ack;
		uint32_t lives_s; /* expires after so many seconds, and not earlier */
	} rows[] = {
		{"c s tcp 40000 80 S", 1000, 0, 30},
		{"s c tcp 80 40000 SA", 0x50000000, 1001, 60},
		{"c s tcp 40000 80 A", 1001, 0x50000001, 7440},
		{"s c tcp 80 40000 R", 0x70000000, 0, 7440},
		{"c s tcp 40000 80 RA", 0x70000000, 0x50000001, 7440},
		{"c s tcp 40000 80 FA", 0x70000000, 0x50000001, 7440},
		{"c s tcp 40000 80 FA", 1001, 0x50000001, 240},
		{"s c tcp 80 40000 R", 0x50000001, 0, 10},
	};

	(void)state;
	for (size_t last = 0; last < COUNT(rows); last++) {
		struct gate *gate = open_with(web);
		uint32_t seen_s;

		for (size_t i = 0; i <= last; i++) {
			struct packet packet = numbered(rows[i].line, rows[i].seq, rows[i].ack);

			assert_int_equal(gate_packet(gate, i & 1, &packet), PASS);
		}
		seen_s = gate->path[last & 1]->lookups.now.s;
		eg_flow_sweep(gate->table, gate->table->bucket_mask + 1,
			      seen_s + rows[last].lives_s - 1);
		if (eg_flow_in_use(gate->table) != 1)
			fail_msg("row %zu: not %u s", last, rows[last].lives_s);
		eg_flow_sweep(gate->table, gate->table->bucket_mask + 1,
			      seen_s + rows[last].lives_s);
		if (eg_flow_in_use(gate->table) != 0)
			fail_msg("row %zu: more than %u s", last, rows[last].lives_s);
		gate_close(gate);
	}
}

/* An unsolicited echo reply opens no connection, even between pods that are not isolated: a flood
 * would fill the table. A solicited one belongs to the request's connection. */
static void test_echo_reply_opens_nothing(void **state)
{
	static const struct row unasked[] = {
		{1, "f g icmp 0 7", PASS}, {2, "F G icmp 129 7", PASS}, {3, "f g icmp 0 8", PASS},
		{4, "f g icmp 0 8", PASS}, {5, "s c icmp 0 7", PASS},   {6, "c e icmp 0 7", EGRESS},
	};
	static const struct row asked[] = {
		{1, "g f icmp 8 7", PASS},
		{2, "f g icmp 0 7", PASS},
		{3, "G F icmp 128 7", PASS},
		{4, "F G icmp 129 7", PASS},
	};
	struct gate *gate = open_with("");

	(void)state;
	gate_rows(gate, "unasked", unasked, COUNT(unasked) - 1);
	assert_int_equal(gate_opened(gate), 0);
	assert_int_equal(eg_flow_in_use(gate->table), 0);
	gate_rows(gate, "asked", asked, COUNT(asked));
	assert_int_equal(gate_opened(gate), 2);
	assert_int_equal(eg_flow_in_use(gate->table), 2);
	gate_policies(gate, any);
	gate_rows(gate, "isolated", &unasked[COUNT(unasked) - 1], 1);
	assert_int_equal(gate_opened(gate), 2);
	gate_close(gate);
}

int run_connection_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_echo_reply_opens_nothing),
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_udp_sctp),
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_both_ping),
		cmocka_unit_test(test_unisolated),
		cmocka_unit_test(test_one_batch),
		cmocka_unit_test(test_one_batch_echo),
		cmocka_unit_test(test_audit),
		cmocka_unit_test(test_counters),
		cmocka_unit_test(test_many_policies),
		cmocka_unit_test(test_resets),
		cmocka_unit_test(test_reply_opens_nothing),
	};

	return cmocka_run_group_tests_name("gate connections", tests, NULL, NULL);
}
