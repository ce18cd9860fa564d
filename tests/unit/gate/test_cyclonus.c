/* All cyclonus probes as packets. Every step's policies and labels are a reload on one connection
 * table, so that connections allowed by the previous step are decided again; with few ports, most
 * probes meet a connection of an earlier step. */
#include "gate/gate.h"

#include "common/cyclonus.h"

#include "net/bytes.h"
#include "net/checksum.h"
#include "policy/reference.h"

struct tally {
	struct gate *gate;
	size_t probes, self, met;
};

struct probe {
	struct eg_packet_key key;
	bool self;
	enum eg_verdict want;
};

static struct packet packet_for(const struct eg_packet_key *key, unsigned number)
{
	char line[64];
	struct packet packet;

	snprintf(line, sizeof(line), "c s %s %u %u %s",
		 key->proto == 6    ? "tcp"
		 : key->proto == 17 ? "udp"
				    : "sctp",
		 30000 + number % 2, key->port,
		 key->proto == 132 ? "1"
		 : number % 3      ? "A"
				   : "S");
	packet = packet_of(line);
	memcpy(packet.bytes + 12, key->src.bytes, 4);
	memcpy(packet.bytes + 16, key->dst.bytes, 4);
	eg_put16(packet.bytes + 10, 0);
	eg_put16(packet.bytes + 10, eg_checksum_fold(eg_checksum_add(0, packet.bytes, 20)));
	return packet;
}

static bool is_true(const struct eg_node *probe, const char *field)
{
	return !strcmp(cyclonus_text(probe, field), "true");
}

static struct probe read_probe(const struct eg_node *step, const struct eg_node *node)
{
	const char *from = cyclonus_text(node, "From"), *to = cyclonus_text(node, "To");
	const char *proto = cyclonus_text(node, "Protocol");
	struct probe probe = {
		.key = {.src = cyclonus_ip(step, from),
			.dst = cyclonus_ip(step, to),
			.port = (uint16_t)atoi(cyclonus_text(node, "Port")),
			.proto = *proto == 'T'   ? 6
				 : *proto == 'U' ? 17
						 : 132},
		.self = !strcmp(from, to),
	};

	if (probe.self || is_true(node, "Allowed"))
		probe.want = EG_PASS;
	else
		probe.want =
			is_true(node, "Egress") ? EG_DROP_POLICY_INGRESS : EG_DROP_POLICY_EGRESS;
	return probe;
}

/* A SYN from the other end, or data of a connection opened from there: cyclonus probes each pair in
 * both directions with the same port, but our source ports keep them apart. */
static void check_probe(struct tally *tally, const struct eg_node *step, const struct eg_node *node)
{
	struct probe probe = read_probe(step, node);
	struct packet packet = packet_for(&probe.key, (unsigned)tally->probes);
	uint64_t opened = gate_opened(tally->gate);
	enum eg_verdict got = gate_packet(tally->gate, tally->probes & 1, &packet);

	if (got != probe.want)
		fail_msg("probe %zu, %s to %s %s %u: %s, not %s", tally->probes,
			 cyclonus_text(node, "From"), cyclonus_text(node, "To"),
			 cyclonus_text(node, "Protocol"), probe.key.port, eg_drop_name(got),
			 eg_drop_name(probe.want));
	tally->probes++;
	tally->self += probe.self;
	tally->met += got == EG_PASS && gate_opened(tally->gate) == opened;
}

static void check_step(const struct eg_node *step, void *arg)
{
	struct tally *tally = arg;
	struct eg_cluster cluster = {0};

	cyclonus_cluster(step, &cluster);
	gate_publish(tally->gate, &cluster);
	for (const struct eg_node *it = eg_node_get(step, "Probes")->child; it; it = it->next)
		check_probe(tally, step, it);
}

static void test_cyclonus(void **state)
{
	struct tally tally = {.gate = gate_open(1u << 16)};

	(void)state;
	cyclonus_steps(check_step, &tally);
	print_message("%zu probes as packets, %zu of a pod to itself, %zu met a connection that an "
		      "earlier one had opened\n",
		      tally.probes, tally.self, tally.met);
	assert_int_equal(tally.probes, CYCLONUS_PROBES);
	assert_int_equal(tally.self, CYCLONUS_SELF_PROBES);
	assert_true(tally.met > CYCLONUS_PROBES / 4);
	gate_close(tally.gate);
}

int run_cyclonus_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cyclonus),
	};

	return cmocka_run_group_tests_name("gate cyclonus", tests, NULL, NULL);
}
