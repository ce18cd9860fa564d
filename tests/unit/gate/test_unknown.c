/* Addresses in a pod network that belong to no pod: denied in both directions with their own
 * reason, logged once, and decided again when the inventory gets the pod. In the gate's network "e"
 * is unknown; c and s are pods. */
#include "gate/gate.h"

#define PASS    EG_PASS
#define UNKNOWN EG_DROP_UNKNOWN_POD

#define EVERYONE                                                                                   \
	"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"                                  \
	"metadata: {name: all, namespace: x}\n"                                                    \
	"spec: {podSelector: {}, policyTypes: [Ingress, Egress],\n"                                \
	"       ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}, {ipBlock: {cidr: \"::/0\"}}]}],\n" \
	"       egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}, {ipBlock: {cidr: \"::/0\"}}]}]}\n"
#define POD_E                                                                                      \
	"---\n{apiVersion: v1, kind: Pod, metadata: {name: e, namespace: x}, spec: "               \
	"{containers: [{name: m}]}, status: {podIPs: [{ip: 10.0.0.101}, {ip: \"fd00::65\"}]}}\n"

static unsigned records(struct gate *gate, struct eg_drop_record *last)
{
	struct eg_drop_record record;
	unsigned n = 0;

	for (unsigned w = 0; w < GATE_WORKERS; w++) {
		while (eg_drop_ring_take(&gate->path[w]->stats->dropped, &record)) {
			*last = record;
			n += record.unknown.family != 0;
		}
	}
	return n;
}

static struct gate *open_gate(const char *policies)
{
	struct gate *gate = gate_open(1024);

	gate->networks = true;
	gate_policies(gate, policies);
	return gate;
}

/* Neither pods that are not isolated nor an ipBlock of everything allow it. */
static void test_denied(void **state)
{
	static const struct row rows[] = {
		{1, "e c tcp 1 80 S", UNKNOWN}, {2, "c e tcp 1 80 S", UNKNOWN},
		{3, "e f tcp 1 80 S", UNKNOWN}, {4, "f e udp 1 53", UNKNOWN},
		{5, "E S udp 1 53", UNKNOWN},   {6, "S E icmp 128 5", UNKNOWN},
		{7, "e e tcp 1 80 S", UNKNOWN}, {8, "e d tcp 1 80 S", UNKNOWN},
		{9, "c s tcp 1 80 S", PASS},    {10, "f g tcp 1 80 S", PASS},
	};
	struct gate *gate = open_gate(EVERYONE);

	(void)state;
	gate_rows(gate, "unknown", rows, COUNT(rows));
	assert_int_equal(gate_denied(gate), 0); /* no policy is charged */
	gate_close(gate);

	/* Outside pod networks an address needs no pod. */
	gate = gate_open(1024);
	gate_policies(gate, EVERYONE);
	assert_int_equal(gate_line(gate, "e c tcp 1 80 S"), PASS);
	gate_close(gate);
}

static void test_logged_once(void **state)
{
	struct gate *gate = open_gate(EVERYONE);
	struct eg_drop_record record = {0};
	struct eg_ip e, d;

	(void)state;
	eg_ip_parse("10.0.0.101", &e);
	eg_ip_parse("10.0.0.100", &d);
	for (int i = 0; i < 100; i++)
		assert_int_equal(gate_line(gate, "e c tcp 1 80 S"), UNKNOWN);
	assert_int_equal(records(gate, &record), 1);
	assert_true(eg_ip_equal(&record.unknown, &e) && eg_ip_equal(&record.src, &e));
	assert_int_equal(record.reason, UNKNOWN);
	assert_false(record.audited);
	assert_int_equal(gate_line(gate, "c d tcp 1 80 S"), UNKNOWN);
	assert_int_equal(records(gate, &record), 1);
	assert_true(eg_ip_equal(&record.unknown, &d));
	/* Again after a minute. */
	gate->later_cycles += 61 * gate->path[0]->cycles_per_s;
	assert_int_equal(gate_line(gate, "c e tcp 1 80 S"), UNKNOWN);
	assert_int_equal(records(gate, &record), 1);
	assert_true(eg_ip_equal(&record.unknown, &e));
	gate_close(gate);
}

/* A scan of the network is logged at a bounded rate, and every packet is dropped. */
static void test_scan(void **state)
{
	struct gate *gate = open_gate("");
	struct eg_drop_record record = {0};
	char line[32] = "c ! tcp 1 80 S";
	unsigned told = 0, n = 0;

	(void)state;
	for (char to = '!'; to < 'A'; to++, n++) {
		line[2] = to;
		assert_int_equal(gate_line(gate, line), UNKNOWN);
		told += records(gate, &record);
	}
	assert_true(n > EG_UNKNOWN_POD_BURST);
	assert_int_equal(told, EG_UNKNOWN_POD_BURST);
	assert_int_equal(gate_drops(gate, UNKNOWN), n);
	gate_close(gate);
}

static void test_audit(void **state)
{
	struct gate *gate = open_gate("");
	struct eg_drop_record record = {0};

	(void)state;
	gate->snap.policy->audit = true;
	assert_int_equal(gate_line(gate, "e c tcp 1 80 S"), PASS);
	assert_int_equal(gate_line(gate, "c e udp 1 80"), PASS);
	assert_int_equal(eg_counted(&gate->path[0]->stats->audited[EG_EGRESS]), 1);
	assert_int_equal(eg_counted(&gate->path[0]->stats->audited[EG_INGRESS]), 1);
	assert_int_equal(records(gate, &record), 1);
	assert_true(record.audited);
	gate_close(gate);
}

/* The next inventory has the pod; the one after it does not: its connections are decided again. */
static void test_reload(void **state)
{
	static const struct row open[] = {
		{1, "e c tcp 1 80 S", PASS},
		{2, "c e tcp 80 1 SA", PASS},
		{3, "e c tcp 1 80 A", PASS},
	};
	static const struct row gone[] = {
		{4, "c e tcp 80 1 A", UNKNOWN},
		{5, "e c tcp 1 80 A", UNKNOWN},
	};
	struct gate *gate = open_gate("");

	(void)state;
	assert_int_equal(gate_line(gate, "e c tcp 1 80 S"), UNKNOWN);
	gate_policies(gate, POD_E);
	gate_rows(gate, "known", open, COUNT(open));
	gate_policies(gate, "");
	gate_rows(gate, "gone", gone, COUNT(gone));
	gate_close(gate);
}

int run_unknown_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_denied), cmocka_unit_test(test_logged_once),
		cmocka_unit_test(test_scan),   cmocka_unit_test(test_audit),
		cmocka_unit_test(test_reload),
	};

	return cmocka_run_group_tests_name("gate unknown", tests, NULL, NULL);
}
