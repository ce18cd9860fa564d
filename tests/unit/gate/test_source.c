/* Source validation of a clear port: each kind of source_check against sources behind the port,
 * behind another port, and behind none; and nodes, whose addresses are only accepted from the port
 * that they are behind. */
#include "gate/gate.h"

#include "base/source_check.h"

#define PASS  EG_PASS
#define STRAY EG_DROP_SOURCE_CHECK
#define PEER  EG_DROP_PLAIN_FROM_PEER
#define OWN   EG_DROP_OWN_SOURCE

/* Hosts by letter: hops[i] leads to places[i]. */
static const char places[] = "cdhjklmqe";
static struct eg_hop hops[] = {
	{.kind = EG_HOP_PORT, .port = 0},                     /* c: behind the port */
	{.kind = EG_HOP_LINK, .port = 1},                     /* d: a node behind another port */
	{.kind = EG_HOP_NONE},                                /* h: unreachable */
	{.kind = EG_HOP_BROADCAST},                           /* j: broadcast */
	{.kind = EG_HOP_LOCAL},                               /* k: the gateway */
	{.kind = EG_HOP_TUNNEL},                              /* l: behind a tunnel */
	{.kind = EG_HOP_NO_NEIGHBOR, .port = 0},              /* m: behind the port, unresolved */
	{.kind = EG_HOP_NO_NEIGHBOR, .port = EG_HOP_NO_PORT}, /* q: behind an unresolved router */
	{.kind = EG_HOP_VIA, .port = 1},                      /* e: a pod behind another port */
};

#define NODE                                                                                       \
	"{apiVersion: v1, kind: Node, metadata: {name: d}, status: {addresses: [{type: "           \
	"InternalIP, address: 10.0.0.100}, {type: ExternalIP, address: \"fd00::64\"}]}}\n"

static struct gate *open_gate(uint8_t *mode)
{
	struct eg_lpm_entry entries[2 * COUNT(hops)];
	struct gate *gate = gate_open(1024);

	for (size_t i = 0; i < COUNT(hops); i++) {
		char text[64];

		snprintf(text, sizeof(text), "10.0.0.%d/32", places[i]);
		assert_int_equal(eg_prefix_parse(text, &entries[2 * i].prefix), 0);
		snprintf(text, sizeof(text), "fd00::%x/128", places[i]);
		assert_int_equal(eg_prefix_parse(text, &entries[2 * i + 1].prefix), 0);
		entries[2 * i].value = entries[2 * i + 1].value = (uint32_t)i;
	}
	gate->world.routes = eg_lpm_build(entries, COUNT(entries), 2);
	assert_non_null(gate->world.routes);
	gate->world.hops = hops;
	gate->world.source_check = mode;
	gate->verify = true;
	gate_policies(gate, NODE);
	return gate;
}

static void close_gate(struct gate *gate)
{
	eg_lpm_free(gate->world.routes);
	gate_close(gate);
}

static void test_modes(void **state)
{
	static const struct {
		char from;
		enum eg_verdict want[3]; /* strict, loose, off */
	} rows[] = {
		{'c', {PASS, PASS, PASS}},    {'e', {STRAY, PASS, PASS}},
		{'d', {STRAY, STRAY, STRAY}}, {'h', {STRAY, STRAY, PASS}},
		{'j', {STRAY, STRAY, PASS}},  {'k', {OWN, OWN, OWN}},
		{'l', {PEER, PEER, PEER}},    {'m', {PASS, PASS, PASS}},
		{'q', {STRAY, PASS, PASS}},   {'y', {STRAY, STRAY, PASS}},
	};

	(void)state;
	for (uint8_t mode = EG_SOURCE_STRICT; mode <= EG_SOURCE_OFF; mode++) {
		uint8_t check = mode;
		struct gate *gate = open_gate(&check);

		for (size_t i = 0; i < 2 * COUNT(rows); i++) {
			char from = rows[i / 2].from, line[32];
			bool v6 = i % 2;
			enum eg_verdict got;

			if (v6)
				from = (char)(from - 32);
			snprintf(line, sizeof(line), "%c %c udp 1 53", from, v6 ? 'S' : 's');
			got = gate_line(gate, line);
			if (got != rows[i / 2].want[mode])
				fail_msg("mode %u, %s: %s", mode, line, eg_drop_name(got));
		}
		close_gate(gate);
	}
}

int run_source_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modes),
	};

	return cmocka_run_group_tests_name("gate source", tests, NULL, NULL);
}
