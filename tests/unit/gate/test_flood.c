/* A million SYNs against a full table: each is dropped by name, nobody who is there suffers. */
#include "gate/gate.h"

#include "net/bytes.h"
#include "net/checksum.h"

#define CONNECTIONS 4096
#define ESTABLISHED 1000
#define FLOOD       1000000

static void set_source(struct packet *packet, uint32_t n)
{
	eg_put32(packet->bytes + 12, 0x0b000000 + (n >> 8));
	eg_put16(packet->bytes + 20, (uint16_t)(1024 + (n & 255)));
	eg_put16(packet->bytes + 10, 0);
	eg_put16(packet->bytes + 10, eg_checksum_fold(eg_checksum_add(0, packet->bytes, 20)));
}

static struct packet established(uint32_t n, bool reply)
{
	char line[64];

	snprintf(line, sizeof(line), reply ? "g f tcp 80 %u A" : "f g tcp %u 80 %s", 2000 + n, "S");
	return packet_of(line);
}

static void send_established(struct gate *gate)
{
	for (uint32_t n = 0; n < ESTABLISHED; n++) {
		struct packet packet = established(n, true);

		assert_int_equal(gate_packet(gate, n & 1, &packet), EG_KEEP);
	}
}

/* One batch of the flood, with packets of established connections among them. */
static unsigned flood(struct gate *gate, struct packet *syns, uint32_t *n)
{
	bool passed[EG_BATCH_MAX];
	unsigned kept = 0;

	for (unsigned i = 0; i < EG_BATCH_MAX - 1; i++)
		set_source(&syns[i], (*n)++);
	syns[EG_BATCH_MAX - 1] = established(*n % ESTABLISHED, true);
	gate_burst(gate, *n & 1, syns, EG_BATCH_MAX, passed);
	assert_true(passed[EG_BATCH_MAX - 1]);
	for (unsigned i = 0; i < EG_BATCH_MAX - 1; i++)
		kept += passed[i];
	return kept;
}

static void test_flood(void **state)
{
	struct gate *gate = gate_open(CONNECTIONS);
	static struct packet syns[EG_BATCH_MAX];
	uint32_t sent = 0, kept = 0, last;
	uint64_t full;

	(void)state;
	gate_policies(gate, "");
	for (uint32_t n = 0; n < ESTABLISHED; n++) {
		struct packet packet = established(n, false);

		assert_int_equal(gate_packet(gate, 0, &packet), EG_KEEP);
	}
	send_established(gate);
	for (unsigned i = 0; i < EG_BATCH_MAX; i++)
		syns[i] = packet_of("e f tcp 1 80 S");
	while (sent < FLOOD)
		kept += flood(gate, syns, &sent);
	full = gate_drops(gate, EG_DROP_FLOW_TABLE_FULL);
	print_message("%u SYNs: %u connections, %llu dropped by name\n", sent, kept,
		      (unsigned long long)full);
	assert_int_equal(kept, CONNECTIONS - ESTABLISHED);
	assert_int_equal(kept + full, sent);
	assert_int_equal(gate_opened(gate), CONNECTIONS);
	send_established(gate);

	/* The flood idles out, and there is room again. */
	last = gate->path[0]->now.s;
	assert_true(eg_flow_sweep(gate->table, gate->table->bucket_mask + 1, last + 31) >=
		    kept - 64);
	assert_true(eg_flow_reclaim_begin(gate->table));
	eg_flow_reclaim_finish(gate->table);
	send_established(gate);
	assert_int_equal(gate_line(gate, "e f tcp 1 80 S"), EG_KEEP);
	gate_close(gate);
}

/* Audit forwards also what it has no room to remember. */
static void test_full_audit(void **state)
{
	struct gate *gate = gate_open(1024);
	struct packet syn = packet_of("e f tcp 1 80 S");

	(void)state;
	gate_policies(gate, "")->audit = true;
	for (uint32_t n = 0; n < 3000; n++) {
		set_source(&syn, n);
		assert_int_equal(gate_packet(gate, 0, &syn), EG_KEEP);
	}
	gate_close(gate);
}

int run_flood_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_full_audit),
	};

	return cmocka_run_group_tests_name("gate floods", tests, NULL, NULL);
}
