/* A new policy applied to connections of the old one. */
#include "gate/gate.h"

#include "snap/publish.h"

#define PASS    EG_PASS
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

/* A known mistake of other implementations: after a policy change replies are denied, because a
 * reply is decided as if it opened a connection. The client is isolated; only the connection lets
 * them in. */
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

/* Now forbidden: the next packet in either direction is dropped, and so are those after it. The
 * server, whose egress is not isolated, does not reopen it with its next segment. */
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
	/* The server may open its own connections to the client. */
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
	/* Allowed again: it continues. */
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

/* A connection denied by a new policy is remembered as denied: `keep` keeps allowed ones, and a
 * denied one is not revived by a later policy that would not have affected it. */
static void test_denied_is_remembered(void **state)
{
	static const struct row denied[] = {
		{60, "c s tcp 1 80 A", INGRESS},
		{61, "s c udp 53 1", INGRESS},
		{62, "c s icmp 8 5", INGRESS},
	};
	static const struct row kept[] = {
		{63, "c s tcp 1 80 A", INGRESS}, {64, "s c tcp 80 1 A", INGRESS},
		{65, "s c udp 53 1", INGRESS},   {66, "c s udp 1 53", INGRESS},
		{67, "c s icmp 8 5", INGRESS},   {68, "C S tcp 1 80 A", PASS}, /* never denied */
	};
	struct gate *gate = open_gate();

	(void)state;
	gate_policies(gate, closed);
	gate_rows(gate, "denied", denied, COUNT(denied));
	gate_policies(gate, closed)->keep_existing = true;
	gate_rows(gate, "kept", kept, COUNT(kept));
	gate_close(gate);
}

static uint64_t allowed_by(const struct gate *gate, const char *name, uint32_t rule)
{
	const struct eg_snap_policy *policy = gate->snap.policy;
	struct eg_policy_totals totals;
	uint64_t count = UINT64_MAX;

	assert_int_equal(eg_snap_policy_totals(policy, &totals), 0);
	for (uint32_t p = 0; p < policy->cluster.policies.n; p++) {
		uint32_t number = eg_policy_rule_number(policy->compiled, p, EG_INGRESS, rule);

		if (number != EG_NONE &&
		    !strcmp(eg_sym_text(&policy->cluster.syms, policy->cluster.policies.v[p].name),
			    name))
			count = totals.allowed[number];
	}
	eg_policy_totals_free(&totals);
	return count;
}

static uint64_t denied_under(const struct gate *gate, const char *name)
{
	const struct eg_snap_policy *policy = gate->snap.policy;
	struct eg_policy_totals totals;
	uint64_t count = UINT64_MAX;

	assert_int_equal(eg_snap_policy_totals(policy, &totals), 0);
	for (uint32_t p = 0; p < policy->cluster.policies.n; p++)
		if (!strcmp(eg_sym_text(&policy->cluster.syms, policy->cluster.policies.v[p].name),
			    name))
			count = totals.denied[EG_INGRESS][p];
	eg_policy_totals_free(&totals);
	return count;
}

/* Counters carry over to the same rule of the same policy, wherever the policy is in the new order.
 */
static void test_counters_survive(void **state)
{
	static const char *const moved = POLICY("before", "o", "  policyTypes: [Ingress]\n")
		POLICY("client", "c", "  ingress: [{ports: [{port: 9}]}]\n")
			POLICY("server", "s",
			       "  ingress:\n"
			       "  - from: [{podSelector: {matchLabels: {pod: c}}}]\n"
			       "  - from: [{podSelector: {matchLabels: {pod: o}}}]\n");
	struct gate *gate = open_gate();

	(void)state;
	assert_int_equal(gate_line(gate, "o s tcp 9 80 S"), INGRESS);
	assert_int_equal(gate_line(gate, "o s tcp 9 80 S"), INGRESS);
	assert_int_equal(allowed_by(gate, "server", 0), 4);
	assert_int_equal(denied_under(gate, "server"), 2);
	for (int n = 0; n < 3; n++) {
		gate_policies(gate, moved);
		assert_int_equal(allowed_by(gate, "server", 0), 4);
		assert_int_equal(allowed_by(gate, "server", 1), n);
		assert_int_equal(allowed_by(gate, "client", 0), 0);
		assert_int_equal(denied_under(gate, "server"), 2);
		assert_int_equal(denied_under(gate, "before"), 0);
		assert_int_equal(denied_under(gate, "client"), n);
		assert_int_equal(gate_line(gate, n == 0   ? "o s tcp 10 80 S"
						 : n == 1 ? "o s tcp 11 80 S"
							  : "o s tcp 12 80 S"),
				 PASS);
		assert_int_equal(gate_line(gate, "o c tcp 9 80 S"), INGRESS);
	}
	/* Removed and added again: it starts over. */
	gate_policies(gate, from_o);
	gate_policies(gate, moved);
	assert_int_equal(denied_under(gate, "client"), 0);
	assert_int_equal(denied_under(gate, "server"), 2);
	gate_close(gate);
}

/* A policy of the same name in another namespace is a different policy. */
static void test_counters_of_namespaces(void **state)
{
	static const char *const both =
		"---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
		"metadata: {name: server, namespace: y}\nspec: {podSelector: {}}\n" POLICY(
			"server", "s", "  policyTypes: [Ingress]\n");
	struct gate *gate = gate_open(1024);

	(void)state;
	gate_policies(gate, both);
	assert_int_equal(gate_line(gate, "c s tcp 9 80 S"), INGRESS);
	assert_int_equal(gate_line(gate, "c s tcp 9 80 S"), INGRESS);
	for (int n = 0; n < 2; n++) {
		const struct eg_cluster *cluster;
		struct eg_policy_totals totals;

		gate_policies(gate, both);
		cluster = &gate->snap.policy->cluster;
		assert_int_equal(cluster->policies.n, 2);
		assert_int_equal(eg_snap_policy_totals(gate->snap.policy, &totals), 0);
		for (uint32_t p = 0; p < 2; p++)
			assert_int_equal(
				totals.denied[EG_INGRESS][p],
				strcmp(eg_sym_text(&cluster->syms,
						   cluster->namespaces.v[cluster->policies.v[p].ns]
							   .name),
				       "x")
					? 0
					: 2);
		eg_policy_totals_free(&totals);
	}
	gate_close(gate);
}

/* One worker is a burst behind: it uses the old snapshot while the other uses the new one. */
static void test_late_worker(void **state)
{
	struct gate *gate = open_gate();
	struct eg_snap old = gate->snap;
	struct packet reply = packet_of("s o tcp 80 7 SA");

	(void)state;
	old.policy = gate->snap.policy;
	gate->snap.policy = NULL; /* not freed by the reload: the late worker still reads it */
	gate_policies(gate, from_o);
	gate->seen[1] = &old;
	assert_int_equal(gate_line(gate, "o s tcp 7 80 S"), PASS);
	/* The old policy would deny o's connection, but must not override what the new one allowed.
	 */
	assert_int_equal(gate_packet(gate, 1, &reply), PASS);
	assert_int_equal(gate_line(gate, "o s tcp 7 80 A"), PASS);
	eg_snap_policy_release(old.policy);
	gate_close(gate);
}

/* The gate's workers use what a publisher has published. */
static void read_published(struct gate *gate, const struct eg_publisher *publisher)
{
	for (unsigned w = 0; w < GATE_WORKERS; w++)
		gate->seen[w] = eg_publisher_read(publisher);
}

static void publish(struct eg_publisher *publisher, struct eg_snap_policy *policy)
{
	struct eg_snap *snap = eg_snap_new(eg_snap_world_new(1), eg_snap_policy_retain(policy));

	assert_non_null(snap);
	eg_publish(publisher, snap);
}

/* The gate's next policy, not put in force here. */
static struct eg_snap_policy *next_policy(struct gate *gate, const char *yaml)
{
	struct eg_snap_policy *policy = gate_policies(gate, yaml);

	gate->snap.policy = NULL;
	return policy;
}

/* A new world does not cause new decisions, even if the policy would now decide otherwise. */
static void test_world_alone(void **state)
{
	struct gate *gate = gate_open(1024);
	struct eg_snap_policy *policy = next_policy(gate, from_c);
	struct eg_snap_policy *other = next_policy(gate, closed);
	struct eg_policy *compiled = policy->compiled;
	struct eg_publisher publisher;
	struct eg_rcu rcu;

	(void)state;
	assert_int_equal(eg_rcu_init(&rcu, GATE_WORKERS), 0);
	eg_publisher_init(&publisher, &rcu);
	publish(&publisher, policy);
	read_published(gate, &publisher);
	gate_rows(gate, "opening", opening, COUNT(opening));
	assert_int_equal(gate_opened(gate), 4);
	policy->compiled = other->compiled;
	for (int n = 0; n < 3; n++) {
		publish(&publisher, policy);
		read_published(gate, &publisher);
		assert_int_equal(gate_line(gate, "c s tcp 1 80 A"), PASS);
		assert_int_equal(gate_line(gate, "s c udp 53 1"), PASS);
		assert_int_equal(gate_line(gate, "c s icmp 8 5"), PASS);
		assert_int_equal(gate_line(gate, "c s tcp 2 80 S"), INGRESS);
	}
	policy->compiled = compiled;
	publish(&publisher, other);
	read_published(gate, &publisher);
	assert_int_equal(gate_line(gate, "c s tcp 1 80 A"), INGRESS);
	assert_int_equal(gate_line(gate, "s c udp 53 1"), INGRESS);
	eg_rcu_fini(&rcu);
	eg_publisher_fini(&publisher);
	eg_snap_policy_release(policy);
	eg_snap_policy_release(other);
	gate_close(gate);
}

static uint64_t denied_of_server(struct gate *gate, struct eg_snap_policy *policy)
{
	uint64_t denied;

	gate->snap.policy = policy;
	denied = denied_under(gate, "server");
	gate->snap.policy = NULL;
	return denied;
}

/* Counters never go backwards during a reload, and what a late worker counts in the old policy is
 * not lost. */
static void test_counters_in_grace(void **state)
{
	struct gate *gate = gate_open(1024);
	struct packet denied = packet_of("o s tcp 9 80 S");
	struct eg_snap_policy *policy[3];
	struct eg_publisher publisher;
	struct eg_rcu rcu;

	(void)state;
	assert_int_equal(eg_rcu_init(&rcu, GATE_WORKERS), 0);
	eg_publisher_init(&publisher, &rcu);
	eg_rcu_online(&rcu, 1);
	for (unsigned i = 0; i < 3; i++) {
		policy[i] = next_policy(gate, i == 1 ? unrelated : from_c);
		publish(&publisher, policy[i]);
		assert_int_equal(denied_of_server(gate, policy[i]), i);
		if (!i)
			read_published(gate, &publisher);
		/* Worker 1 stays on the first one and counts there. */
		assert_int_equal(gate_packet(gate, 1, &denied), INGRESS);
		assert_int_equal(denied_of_server(gate, policy[i]), i + 1);
		eg_rcu_poll(&rcu);
	}
	assert_ptr_equal(policy[2]->before, policy[1]);
	assert_ptr_equal(policy[1]->before, policy[0]);
	read_published(gate, &publisher);
	assert_int_equal(gate_packet(gate, 1, &denied), INGRESS);
	for (int i = 0; i < 3; i++) {
		eg_rcu_quiescent(&rcu, 1);
		eg_rcu_poll(&rcu);
		assert_int_equal(denied_of_server(gate, policy[2]), 4);
	}
	assert_int_equal(eg_rcu_pending(&rcu), 0);
	assert_null(policy[2]->before);
	eg_rcu_offline(&rcu, 1);
	eg_rcu_fini(&rcu);
	eg_publisher_fini(&publisher);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(atomic_load(&policy[i]->refs), 1);
		eg_snap_policy_release(policy[i]);
	}
	gate_close(gate);
}

/* Changed labels change the policy. */
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
		cmocka_unit_test(test_unrelated),
		cmocka_unit_test(test_forbidden),
		cmocka_unit_test(test_keep),
		cmocka_unit_test(test_late_worker),
		cmocka_unit_test(test_world_alone),
		cmocka_unit_test(test_counters_in_grace),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_denied_is_remembered),
		cmocka_unit_test(test_counters_survive),
		cmocka_unit_test(test_counters_of_namespaces),
	};

	return cmocka_run_group_tests_name("gate reloads", tests, NULL, NULL);
}
