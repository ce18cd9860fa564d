/* Floods against the connection table: existing connections are not affected, and new ones still
 * succeed. */
#include "gate/gate.h"

#include "net/bytes.h"
#include "net/checksum.h"

#define CONNECTIONS 4096
#define ESTABLISHED 1000
#define FLOOD       300000
#define OTHERS      400

/* A packet of a flood: from many addresses, or from many ports of one. */
static void set_source(struct packet *packet, uint32_t n, bool one)
{
	if (!one)
		eg_put32(packet->bytes + 12, 0x0b000000 + (n >> 8));
	eg_put16(packet->bytes + 20, (uint16_t)(one ? n : 1024 + (n & 255)));
	if (one)
		eg_put16(packet->bytes + 22, (uint16_t)(n >> 16));
	eg_put16(packet->bytes + 10, 0);
	eg_put16(packet->bytes + 10, eg_checksum_fold(eg_checksum_add(0, packet->bytes, 20)));
}

/* Its answer: SYN-ACK. */
static struct packet answer_to(const struct packet *syn)
{
	struct packet packet = *syn;

	memcpy(packet.bytes + 12, syn->bytes + 16, 4);
	memcpy(packet.bytes + 16, syn->bytes + 12, 4);
	memcpy(packet.bytes + 20, syn->bytes + 22, 2);
	memcpy(packet.bytes + 22, syn->bytes + 20, 2);
	packet.bytes[33] = 0x12;
	eg_put32(packet.bytes + 28, 1);
	return packet;
}

static struct packet segment(uint32_t n, const char *ends, const char *flags, bool reply)
{
	char line[64];
	struct packet packet;

	snprintf(line, sizeof(line), reply ? "%c %c tcp 80 %u %s" : "%c %c tcp %u 80 %s",
		 ends[reply], ends[!reply], reply ? 2000 + n : 2000 + n, flags);
	packet = packet_of(line);
	eg_put32(packet.bytes + 24, reply ? 900 : 5000);
	eg_put32(packet.bytes + 28, reply ? 5001 : 901);
	return packet;
}

static enum eg_verdict send_segment(struct gate *gate, uint32_t n, const char *ends,
				    const char *flags, bool reply)
{
	struct packet packet = segment(n, ends, flags, reply);

	return gate_packet(gate, n & 1, &packet);
}

static void establish(struct gate *gate)
{
	for (uint32_t n = 0; n < ESTABLISHED; n++) {
		assert_int_equal(send_segment(gate, n, "fg", "S", false), EG_PASS);
		assert_int_equal(send_segment(gate, n, "fg", "SA", true), EG_PASS);
		assert_int_equal(send_segment(gate, n, "fg", "A", false), EG_PASS);
	}
}

/* All of them are still in the table. */
static void check_established(struct gate *gate)
{
	for (uint32_t n = 0; n < ESTABLISHED; n++) {
		static const uint8_t f[4] = {10, 0, 0, 'f'}, g[4] = {10, 0, 0, 'g'};
		const struct eg_flow_tuple tuple = {g, f, 80, (uint16_t)(2000 + n), 6, 4};
		struct eg_lookup lookup;

		eg_flow_peek(gate->path[0]->flow, &tuple, &gate->path[0]->lookups.now, &lookup);
		assert_int_equal(lookup.need, EG_FLOW_PASS);
		assert_int_equal(send_segment(gate, n, "fg", "A", true), EG_PASS);
	}
}

/* What the control thread does every 20 ms. */
static void reclaim(struct gate *gate)
{
	eg_flow_sweep(gate->table, gate->table->bucket_mask / 50 + 1, gate->path[0]->lookups.now.s);
	if (eg_flow_reclaim_begin(gate->table))
		eg_flow_reclaim_finish(gate->table);
}

struct flood {
	const char *line;
	bool one;      /* a single source */
	bool answered; /* the flood's targets answer */
};

/* A batch of the flood, and the answers to it. */
static void flood_batch(struct gate *gate, const struct flood *flood, uint32_t *n)
{
	static struct packet packets[EG_BATCH_MAX];
	bool passed[EG_BATCH_MAX];

	for (unsigned i = 0; i < EG_BATCH_MAX; i++) {
		packets[i] = packet_of(flood->line);
		set_source(&packets[i], (*n)++, flood->one);
	}
	gate_burst(gate, 0, packets, EG_BATCH_MAX, passed);
	for (unsigned i = 0; flood->answered && i < EG_BATCH_MAX; i++) {
		struct packet answer = answer_to(&packets[i]);

		if (passed[i])
			gate_packet(gate, 1, &answer);
	}
}

/* During the flood established connections stay, and other hosts' handshakes, with a batch of the
 * flood between every two of their packets, succeed: all of them if one source floods, nearly all
 * if the flood cannot be told from them. */
static void run_flood(const struct flood *flood)
{
	struct gate *gate = gate_open(CONNECTIONS);
	uint32_t n = 0, opened = 0, before = 0;

	gate_policies(gate, "");
	/* The established connections have used up their source's share. */
	eg_flow_limit_source(gate->table, ESTABLISHED);
	establish(gate);
	while (n < FLOOD / 2)
		flood_batch(gate, flood, &n);
	reclaim(gate);
	check_established(gate);
	for (uint32_t k = 0; k < OTHERS; k++) {
		bool in = send_segment(gate, k, "og", "S", false) == EG_PASS;

		flood_batch(gate, flood, &n);
		in &= send_segment(gate, k, "og", "SA", true) == EG_PASS;
		flood_batch(gate, flood, &n);
		in &= send_segment(gate, k, "og", "A", false) == EG_PASS;
		flood_batch(gate, flood, &n);
		reclaim(gate);
		opened += in;
	}
	print_message("%s: %u packets, %u of %u others got in, %llu gave way\n", flood->line, n,
		      opened, OTHERS, (unsigned long long)eg_flow_evicted(gate->table));
	assert_true(opened >= (flood->one ? OTHERS : OTHERS * 8 / 10));
	if (flood->one) {
		assert_true(gate_drops(gate, EG_DROP_FLOW_SOURCE_LIMIT) > n / 2);
		assert_int_equal(eg_flow_evicted(gate->table), 0);
	}
	check_established(gate);
	before = eg_flow_in_use(gate->table);
	assert_true(before <= CONNECTIONS);
	/* The flood expires within a minute, although half of it was answered. */
	eg_flow_sweep(gate->table, gate->table->bucket_mask + 1, gate->path[0]->lookups.now.s + 61);
	assert_true(eg_flow_in_use(gate->table) <= ESTABLISHED + OTHERS);
	gate_close(gate);
}

static void test_floods(void **state)
{
	static const struct flood floods[] = {
		{"e g tcp 1 80 S", false, false}, {"e g tcp 1 80 S", true, false},
		{"e g tcp 1 80 S", false, true},  {"e g tcp 1 80 S", true, true},
		{"e g udp 1 53", false, false},   {"e g udp 1 53", true, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(floods); i++)
		run_flood(&floods[i]);
}

/* If all connections have been answered, nothing is evicted: new ones are dropped with a named
 * reason. */
static void test_full(void **state)
{
	struct gate *gate = gate_open(1024);
	struct packet syn = packet_of("e f tcp 1 80 S");
	uint32_t passed = 0;

	(void)state;
	gate_policies(gate, "");
	eg_flow_limit_source(gate->table, 1024);
	for (uint32_t n = 0; n < 1024; n++) {
		assert_int_equal(send_segment(gate, n, "fg", "S", false), EG_PASS);
		assert_int_equal(send_segment(gate, n, "fg", "SA", true), EG_PASS);
		assert_int_equal(send_segment(gate, n, "fg", "A", false), EG_PASS);
	}
	for (uint32_t n = 0; n < 3000; n++) {
		set_source(&syn, n, false);
		passed += gate_packet(gate, 0, &syn) == EG_PASS;
	}
	assert_int_equal(passed, 0);
	assert_int_equal(gate_drops(gate, EG_DROP_FLOW_TABLE_FULL), 3000);
	gate_close(gate);
}

/* In audit mode, packets that cannot be recorded are also forwarded. */
static void test_full_audit(void **state)
{
	struct gate *gate = gate_open(1024);
	struct packet syn = packet_of("e f tcp 1 80 S");

	(void)state;
	gate_policies(gate, "")->audit = true;
	for (uint32_t n = 0; n < 3000; n++) {
		set_source(&syn, n, n & 1);
		assert_int_equal(gate_packet(gate, 0, &syn), EG_PASS);
	}
	eg_flow_limit_source(gate->table, 0);
	set_source(&syn, 1234567, false);
	assert_int_equal(gate_packet(gate, 0, &syn), EG_PASS);
	gate_close(gate);
}

int run_flood_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_floods),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_full_audit),
	};

	return cmocka_run_group_tests_name("gate floods", tests, NULL, NULL);
}
