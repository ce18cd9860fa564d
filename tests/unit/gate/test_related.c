/* ICMP errors: those that quote an allowed connection pass, others are decided like any packet. */
#include "gate/gate.h"

#define PASS    EG_PASS
#define EGRESS  EG_DROP_POLICY_EGRESS
#define INGRESS EG_DROP_POLICY_INGRESS

/* Everyone is isolated in both directions; c may reach any port and protocol of s. */
static const char *const policies =
	"apiVersion: networking.k8s.io/v1\n"
	"kind: NetworkPolicy\n"
	"metadata: {name: all, namespace: x}\n"
	"spec:\n"
	"  podSelector: {}\n"
	"  policyTypes: [Ingress, Egress]\n"
	"  ingress: [{from: [{podSelector: {matchLabels: {pod: c}}}]}]\n"
	"  egress: [{to: [{podSelector: {matchLabels: {pod: s}}}]}]\n";

static struct gate *open_gate(void)
{
	struct gate *gate = gate_open(1024);

	gate_policies(gate, policies);
	return gate;
}

static enum eg_verdict send_error(struct gate *gate, const char *from_to, unsigned type,
				  const char *about)
{
	struct packet quoted = packet_of(about);
	struct packet error = error_about(from_to, type, &quoted, quoted.n);

	return gate_packet(gate, 1, &error);
}

static void test_quotes(void **state)
{
	static const struct {
		int number;
		const char *from_to;
		unsigned type;
		const char *about;
		enum eg_verdict want;
	} rows[] = {
		/* From the server, about what the client sent it. */
		{1, "s c", 3, "c s tcp 40000 80 A", PASS},
		{2, "s c", 11, "c s tcp 40000 80 A", PASS},
		{3, "s c", 12, "c s tcp 40000 80 A", PASS},
		{4, "s c", 3, "c s udp 40000 53", PASS},
		{5, "s c", 3, "c s sctp 5000 7 0", PASS},
		{6, "s c", 3, "c s icmp 8 77", PASS},
		{7, "s c", 3, "c s 47", PASS},
		/* From a router on the path, also to the server about its replies. */
		{8, "e c", 3, "c s tcp 40000 80 A", PASS},
		{9, "e s", 3, "s c tcp 80 40000 A", PASS},
		{10, "e s", 3, "s c icmp 0 77", PASS},
		/* About nothing known. */
		{20, "s c", 3, "c s tcp 40001 80 A", INGRESS},
		{21, "s c", 3, "c s udp 40000 80", INGRESS},
		{22, "s c", 3, "c s icmp 8 78", INGRESS},
		{23, "s c", 3, "c s icmp 13 77", INGRESS},
		{24, "s c", 3, "c s icmp 3 77", INGRESS},
		{25, "e c", 3, "c o tcp 40000 80 A", INGRESS},
		/* Known, but not sent by the receiver. */
		{30, "s c", 3, "s c tcp 80 40000 A", INGRESS},
		{31, "s o", 3, "c s tcp 40000 80 A", INGRESS},
		/* Redirect and source quench also quote, but are not errors about the packet. */
		{32, "s c", 5, "c s tcp 40000 80 A", INGRESS},
		{33, "s c", 4, "c s tcp 40000 80 A", INGRESS},
		{34, "s c", 13, "c s tcp 40000 80 A", INGRESS},
		/* A quoted later fragment has no ports; the first one has. */
		{35, "s c", 3, "c s tcp 40000 80 A id=5 off=80 mf", INGRESS},
		{36, "s c", 3, "c s tcp 40000 80 A id=5 off=0 mf", PASS},
		/* RFC 4443 s3: 1 unreachable, 2 too big, 3 time exceeded, 4 parameter problem */
		{40, "S C", 1, "C S tcp 40000 80 A", PASS},
		{41, "S C", 2, "C S tcp 40000 80 A", PASS},
		{42, "E C", 2, "C S tcp 40000 80 A id=5 off=0 mf", PASS},
		{43, "E C", 2, "C S tcp 40000 80 A id=5 off=80 mf", INGRESS},
		{44, "E C", 2, "C S icmp 128 77", PASS},
		{45, "E C", 2, "C S icmp 129 77", INGRESS},
		{46, "E C", 135, "C S tcp 40000 80 A", INGRESS},
		{47, "E C", 2, "C S udp 40000 80", INGRESS},
		/* IP version and quoted packet disagree. */
		{48, "S C", 1, "c s tcp 40000 80 A", INGRESS},
	};
	static const struct row opens[] = {
		{1, "c s tcp 40000 80 S", PASS},
		{2, "c s udp 40000 53", PASS},
		{3, "c s sctp 5000 7 1", PASS},
		{4, "c s icmp 8 77", PASS},
		{5, "c s 47", PASS},
		{6, "C S tcp 40000 80 S", PASS},
		{7, "C S icmp 128 77", PASS},
	};
	struct gate *gate = open_gate();
	uint32_t before;

	(void)state;
	gate_rows(gate, "opening", opens, COUNT(opens));
	before = eg_flow_in_use(gate->table);
	for (size_t i = 0; i < COUNT(rows); i++) {
		enum eg_verdict want = rows[i].want, got;

		/* The server's own egress is evaluated first. */
		if (want == INGRESS && (rows[i].from_to[0] | 0x20) == 's')
			want = EGRESS;
		got = send_error(gate, rows[i].from_to, rows[i].type, rows[i].about);
		if (got != want)
			fail_msg("row %d: %s, not %s", rows[i].number, eg_drop_name(got),
				 eg_drop_name(want));
	}
	assert_int_equal(eg_flow_in_use(gate->table), before);
	gate_close(gate);
}

/* Truncated anywhere: never read past the end, and recognized if the ports are present. */
static void test_truncated(void **state)
{
	static const struct {
		const char *open, *from_to, *about;
		unsigned type, enough;
	} rows[] = {
		{"c s tcp 40000 80 S", "e c", "c s tcp 40000 80 A", 3, 20 + 8},
		{"C S tcp 40000 80 S", "E C", "C S tcp 40000 80 A", 1, 40 + 8},
		{"C S udp 1 2", "E C", "C S udp 1 2 id=9 off=0 mf", 2, 40 + 8 + 8},
		{"c s icmp 8 77", "e c", "c s icmp 8 77", 11, 20 + 8},
	};

	(void)state;
	for (size_t r = 0; r < COUNT(rows); r++) {
		struct gate *gate = open_gate();
		struct packet about = packet_of(rows[r].about);

		assert_int_equal(gate_line(gate, rows[r].open), PASS);
		for (unsigned n = 0; n <= about.n; n++) {
			struct packet error = error_about(rows[r].from_to, rows[r].type, &about, n);
			enum eg_verdict got = gate_packet(gate, 0, &error);

			if (got != (n >= rows[r].enough ? PASS : INGRESS))
				fail_msg("row %zu, %u bytes quoted: %s", r, n, eg_drop_name(got));
		}
		gate_close(gate);
	}
}

/* A quoted header with options, or with a wrong length. */
static void test_options(void **state)
{
	struct gate *gate = open_gate();
	struct packet about = packet_of("c s tcp 40000 80 A"), error;

	(void)state;
	assert_int_equal(gate_line(gate, "c s tcp 40000 80 S"), PASS);
	memmove(about.bytes + 32, about.bytes + 20, 28);
	memset(about.bytes + 20, 1, 12);
	about.bytes[0] = 0x48;
	error = error_about("e c", 3, &about, 40);
	assert_int_equal(gate_packet(gate, 0, &error), PASS);
	error = error_about("e c", 3, &about, 39);
	assert_int_equal(gate_packet(gate, 0, &error), INGRESS);
	for (unsigned ihl = 0; ihl < 5; ihl++) {
		about.bytes[0] = (uint8_t)(0x40 | ihl);
		error = error_about("e c", 3, &about, 48);
		assert_int_equal(gate_packet(gate, 0, &error), INGRESS);
	}
	gate_close(gate);
}

/* If the connection is gone or forbidden, so are errors about it. Right after a reload they are
 * decided with it, even before any of its own packets. */
static void test_with_the_connection(void **state)
{
	struct gate *gate = open_gate();

	(void)state;
	assert_int_equal(gate_line(gate, "c s tcp 40000 80 S"), PASS);
	assert_int_equal(send_error(gate, "e c", 3, "c s tcp 40000 80 A"), PASS);
	gate_policies(gate, policies);
	assert_int_equal(send_error(gate, "e c", 3, "c s tcp 40000 80 A"), PASS);
	gate_policies(gate, "apiVersion: networking.k8s.io/v1\n"
			    "kind: NetworkPolicy\n"
			    "metadata: {name: none, namespace: x}\n"
			    "spec: {podSelector: {}, policyTypes: [Ingress]}\n");
	assert_int_equal(send_error(gate, "e c", 3, "c s tcp 40000 80 A"), INGRESS);
	assert_int_equal(gate_line(gate, "s c tcp 80 40000 A"), INGRESS);
	assert_int_equal(send_error(gate, "e c", 3, "c s tcp 40000 80 A"), INGRESS);
	gate_policies(gate, policies);
	assert_int_equal(send_error(gate, "e c", 3, "c s tcp 40000 80 A"), PASS);
	eg_flow_sweep(gate->table, gate->table->bucket_mask + 1,
		      gate->path[0]->lookups.now.s + 100000);
	assert_int_equal(send_error(gate, "e c", 3, "c s tcp 40000 80 A"), INGRESS);
	gate_close(gate);
}

/* An error in the same batch as the opening that it is about. */
static void test_one_batch(void **state)
{
	struct gate *gate = open_gate();
	struct packet open = packet_of("c s udp 1 2"), error = error_about("s c", 3, &open, 28);
	struct packet packets[3] = {error, open, error};
	bool passed[3];

	(void)state;
	gate_burst(gate, 0, packets, 3, passed);
	assert_false(passed[0]);
	assert_true(passed[1]);
	assert_true(passed[2]);
	gate_close(gate);
}

int run_related_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quotes),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_one_batch),
		cmocka_unit_test(test_with_the_connection),
	};

	return cmocka_run_group_tests_name("gate ICMP errors", tests, NULL, NULL);
}
