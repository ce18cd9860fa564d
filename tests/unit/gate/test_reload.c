/* A new policy meets connections of the old one. */
#include "gate/gate.h"

#define PASS    EG_KEEP
#define EGRESS  EG_DROP_POLICY_EGRESS
#define INGRESS EG_DROP_POLICY_INGRESS

#define POLICY(name, pod, rest)                                                                    \
	"---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"                             \
	"metadata: {name: " name ", namespace: x}\n"                                               \
	"spec:\n  podSelector: {matchLabels: {pod: " pod "}}\n" rest

static const char *const from_c =
	POLICY("server", "s",
	       "  policyTypes: [Ingress]\n"
	       "  ingress: [{from: [{podSelector: {matchLabels: {pod: c}}}]}]\n")
		POLICY("client", "c", "  policyTypes: [Ingress]\n");
static const char *const unrelated =
	POLICY("server", "s",
	       "  policyTypes: [Ingress]\n"
	       "  ingress: [{from: [{podSelector: {matchLabels: {pod: c}}}]}]\n")
		POLICY("client", "c", "  policyTypes: [Ingress]\n")
			POLICY("more", "o", "  policyTypes: [Ingress, Egress]\n");
static const char *const from_o =
	POLICY("server", "s",
	       "  policyTypes: [Ingress]\n"
	       "  ingress: [{from: [{podSelector: {matchLabels: {pod: o}}}]}]\n");
static const char *const closed = POLICY("server", "s", "  policyTypes: [Ingress]\n");

static const struct row opening[] = {
	{1, "c s tcp 1 80 S", PASS}, {2, "s c tcp 80 1 SA", PASS}, {3, "c s tcp 1 80 A", PASS},
	{4, "c s udp 1 53", PASS},   {5, "C S tcp 1 80 S", PASS},  {6, "c s icmp 8 5", PASS},
};

static struct gate *open_gate(void)
{
	struct gate *gate = gate_open(1024);

	gate_policies(gate, from_c);
	gate_rows(gate, "opening", opening, COUNT(opening));
	return gate;
}

/* The mistake of others: replies denied after a policy change, since a reply is decided as if it
 * opened something. The client is isolated; only the connection lets them in. */
static void test_unrelated(void **state)
{
	static const struct row replies[] = {
		{10, "s c tcp 80 1 A", PASS},    {11, "s c udp 53 1", PASS},
		{12, "S C tcp 80 1 SA", PASS},   {13, "s c icmp 0 5", PASS},
		{14, "c s tcp 1 80 A", PASS},    {15, "s c udp 54 1", INGRESS},
		{16, "s c tcp 80 2 A", INGRESS},
	};
	struct gate *gate = open_gate();

	(void)state;
	gate_policies(gate, unrelated);
	gate_rows(gate, "replies", replies, COUNT(replies));
	/* Nothing was opened again: a connection counts once. */
	assert_int_equal(gate_opened(gate), 4);
	assert_int_equal(gate_allowed(gate), 0);
	gate_close(gate);
}

/* Forbidden now: the next packet of either direction is dropped, and those that follow; the server
 * (whom nobody isolates on its way out) does not open it again with its next segment. */
static void test_forbidden(void **state)
{
	static const struct row reply_first[] = {
		{20, "s c tcp 80 1 A", INGRESS}, {21, "s c tcp 80 1 A", INGRESS},
		{22, "c s tcp 1 80 A", INGRESS}, {23, "s c tcp 80 1 A", INGRESS},
		{24, "c s tcp 1 80 S", INGRESS}, {25, "s c udp 53 1", INGRESS},
		{26, "c s udp 1 53", INGRESS},   {27, "s c udp 53 1", INGRESS},
	};
	static const struct row opener_first[] = {
		{30, "c s tcp 1 80 A", INGRESS},
		{31, "s c tcp 80 1 A", INGRESS},
		{32, "c s tcp 1 80 F", INGRESS},
		{33, "s c tcp 80 1 R", INGRESS},
	};
	/* The server may open connections of its own to the client. */
	static const struct row servers_own[] = {
		{40, "s c tcp 80 1 S", PASS},
		{41, "c s tcp 1 80 SA", PASS},
		{42, "s c tcp 80 1 A", PASS},
	};
	struct gate *gate;

	(void)state;
	gate = open_gate();
	gate_policies(gate, from_o);
	gate_rows(gate, "reply first", reply_first, COUNT(reply_first));
	gate_rows(gate, "the server's own", servers_own, COUNT(servers_own));
	gate_close(gate);

	gate = open_gate();
	gate_policies(gate, closed);
	gate_rows(gate, "opener first", opener_first, COUNT(opener_first));
	/* Allowed again: it goes on. */
	gate_policies(gate, from_c);
	assert_int_equal(gate_line(gate, "s c tcp 80 1 A"), PASS);
	assert_int_equal(gate_line(gate, "c s tcp 1 80 A"), PASS);
	gate_close(gate);
}

static void test_keep(void **state)
{
	static const struct row rows[] = {
		{50, "s c tcp 80 1 A", PASS},    {51, "c s tcp 1 80 A", PASS},
		{52, "s c udp 53 1", PASS},      {53, "c s udp 1 53", PASS},
		{54, "c s tcp 2 80 S", INGRESS}, {55, "c s udp 2 53", INGRESS},
		{56, "c s tcp 1 80 F", PASS},    {57, "s c tcp 80 1 F", PASS},
		{58, "c s tcp 1 80 S", INGRESS}, /* a new one */
	};
	struct gate *gate = open_gate();

	(void)state;
	gate_policies(gate, closed)->keep_existing = true;
	gate_rows(gate, "keep", rows, COUNT(rows));
	gate_close(gate);
}

/* A worker that is a burst behind: it has the old snapshot while the other has the new one. */
static void test_late_worker(void **state)
{
	struct gate *gate = open_gate();
	struct eg_snap old = gate->snap;
	struct packet reply = packet_of("s o tcp 80 7 SA");

	(void)state;
	old.policy = gate->snap.policy;
	gate->snap.policy = NULL; /* not freed by the reload: the late worker still reads it */
	gate_policies(gate, from_o);
	gate->path[1]->snap = &old;
	assert_int_equal(gate_line(gate, "o s tcp 7 80 S"), PASS);
	/* The old policy would deny o's connection; it has no say in what the new one allowed. */
	assert_int_equal(gate_packet(gate, 1, &reply), PASS);
	assert_int_equal(gate_line(gate, "o s tcp 7 80 A"), PASS);
	eg_snap_policy_free(old.policy);
	gate_close(gate);
}

/* Labels that change are a change of policy. */
static void test_many(void **state)
{
	struct gate *gate = open_gate();

	(void)state;
	for (int n = 0; n < 100; n++) {
		bool open = n & 1;

		gate_policies(gate, open ? from_c : closed);
		assert_int_equal(gate_line(gate, "s c tcp 80 1 A"), open ? PASS : INGRESS);
		assert_int_equal(gate_line(gate, "c s tcp 1 80 A"), open ? PASS : INGRESS);
		assert_int_equal(gate_line(gate, "c s udp 1 53"), open ? PASS : INGRESS);
	}
	gate_close(gate);
}

int run_reload_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unrelated), cmocka_unit_test(test_forbidden),
		cmocka_unit_test(test_keep),      cmocka_unit_test(test_late_worker),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests_name("gate reloads", tests, NULL, NULL);
}
