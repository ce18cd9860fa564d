/* Fragments of sealed packets, in any order, overlapping, repeated, with different identifications
 * and delays; and ICMP "too big" about packets that were sent. An input is a list of steps: one
 * byte selects the step, and step() reads its arguments.
 *
 * In every case: only complete packets that were sealed leave on CLEAR; no more buffers are held
 * than the table has entries, and none in the end; every frame is accounted for; no path MTU falls
 * below the minimum. Seeds: make_seeds.py. */
#include <sanitizer/lsan_interface.h>

#include "net/bytes.h"
#include "path/packets.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ETH    14
#define SEALED 4
#define STEPS  256

/* Two gateways: one with a tunnel over IPv4, one over IPv6. */
static struct setup {
	struct gw *gw;
	struct frame sealed[SEALED], inner[SEALED];
	struct frame sent; /* packets sent by the gateway */
} setups[2];

static void require(int truth)
{
	if (!truth)
		abort();
}

static void make_setup(struct setup *setup, unsigned site)
{
	struct gw *gw = setup->gw =
		gw_open((struct gw_spec){.site = site, .outer = site == 1 ? 4 : 6, .window = 64});
	struct tunnel tunnel = tunnel_to(gw);
	struct frame frame;

	gw_ready(gw);
	gw->path[0]->sample_cycles = 1;
	gw->path[0]->port[ENCRYPTED].mtu = 1500;
	gw->path[0]->port[ENCRYPTED].partial = true;
	for (unsigned i = 0; i < SEALED; i++) {
		struct flow flow = {.src = site == 1 ? "10.2.0.9" : "10.1.0.9",
				    .dst = site == 1 ? "10.1.0.5" : "10.2.0.5",
				    .seed = i,
				    .payload = (uint16_t)(1000 + 900 * i)};

		setup->sealed[i] = tunnel_frame(&tunnel, i + 1, &flow);
		setup->inner[i].n = 0;
		add_packet(&setup->inner[i], &flow);
		age(setup->inner[i].bytes, 1);
	}
	frame = plain_frame(CLEAR, &(struct flow){.src = site == 1 ? "10.1.0.5" : "10.2.0.5",
						  .dst = site == 1 ? "10.2.0.9" : "10.1.0.9",
						  .df = true,
						  .payload = 1300});
	gw_send(gw, CLEAR, &frame, 1);
	require(gw_sent(gw, ENCRYPTED, &setup->sent, 1) == 1);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	/* Created once and referenced from secret memory, which is mmap'd: leak checkers do not
	 * search it for pointers. */
	__lsan_disable();
	bench_open();
	make_setup(&setups[0], 1);
	make_setup(&setups[1], 2);
	__lsan_enable();
	return 0;
}

/* Send one fragment. from and to count after the IP header, which gets `options` bytes of
 * no-operation options over IPv4. */
static void send_piece(struct setup *setup, const struct frame *whole, unsigned from, unsigned to,
		       unsigned at, bool more, uint8_t id, unsigned options)
{
	static struct frame piece;
	const uint8_t *p = whole->bytes + ETH;
	bool v4 = p[0] >> 4 == 4;
	unsigned head = v4 ? 20 : 40, added = v4 ? options : 8;
	uint8_t *q = piece.bytes + ETH;

	memcpy(piece.bytes, whole->bytes, ETH + head);
	memset(q + head, 1, added);
	memcpy(q + head + added, p + head + from, to - from);
	piece.n = (uint16_t)(ETH + head + added + to - from);
	if (v4) {
		q[0] = (uint8_t)(0x45 + options / 4);
		eg_put16(q + 2, (uint16_t)(piece.n - ETH));
		eg_put16(q + 4, id);
		eg_put16(q + 6, (uint16_t)((at / 8 & 0x1fff) | (more ? 0x2000 : 0)));
		fix_checksum(q);
	} else {
		eg_put16(q + 4, (uint16_t)(piece.n - ETH - 40));
		q[40] = q[6];
		q[41] = 0;
		q[6] = 44;
		eg_put16(q + 42, (uint16_t)((at & 0xfff8) | more));
		eg_put32(q + 44, id);
	}
	gw_send(setup->gw, ENCRYPTED, &piece, 1);
}

/* Arguments: packet, start, length, flags. Flags: 1 inverts "more fragments", 2 uses another
 * offset, 4 an offset that may be far away (which needs a large buffer); the upper half is the
 * length of IPv4 options. */
static void step_piece(struct setup *setup, const uint8_t *data)
{
	const struct frame *whole = &setup->sealed[data[0] % SEALED];
	unsigned all = (unsigned)whole->n - ETH - (whole->bytes[ETH] >> 4 == 4 ? 20 : 40);
	unsigned from = eg_get16(data + 1) % all & ~7u, to = from + eg_get16(data + 3) % all;

	to = to > all ? all : to;
	send_piece(setup, whole, from, to,
		   data[5] & 4   ? data[6] * 256u
		   : data[5] & 2 ? from + data[6] * 8u
				 : from,
		   (to < all) != (data[5] & 1), data[0], RTE_MIN(data[5] >> 4, 10) * 4u);
}

/* Set the checksum of an ICMP message after an IP header without options. */
static void fix_icmp_checksum(uint8_t *p, size_t n)
{
	static uint8_t all[FRAME_MAX + 40];
	size_t head = p[0] >> 4 == 4 ? 20 : 40, at = 0;

	eg_put16(p + head + 2, 0);
	memset(all, 0, 40);
	if (head == 40) {
		memcpy(all, p + 8, 32);
		eg_put32(all + 32, (uint32_t)(n - head));
		all[39] = 58;
		at = 40;
	}
	memcpy(all + at, p + head, n - head);
	eg_put16(p + head + 2, naive_checksum(all, at + n - head));
}

/* Arguments: the reported MTU, the length of the quote, and one byte of the message to
 * overwrite. */
static void step_too_big(struct setup *setup, const uint8_t *data)
{
	const uint8_t *quote = setup->sent.bytes + ETH;
	bool v4 = quote[0] >> 4 == 4;
	struct eg_ip to = eg_ip_from(v4 ? 4 : 6, quote + (v4 ? 12 : 8));
	unsigned n = data[2] % 100u;
	struct flow flow = {.src = v4 ? "198.51.100.1" : "2001:db8:ffff::1",
			    .proto = v4 ? 1 : 58,
			    .payload = (uint16_t)(8 + n)};
	static struct frame frame;
	char text[EG_IP_TEXT];
	uint8_t *icmp;

	flow.dst = eg_ip_print(&to, text);
	frame = plain_frame(ENCRYPTED, &flow);
	icmp = frame.bytes + ETH + (v4 ? 20 : 40);
	memset(icmp, 0, 8);
	icmp[0] = v4 ? 3 : 2;
	icmp[1] = v4 ? 4 : 0;
	eg_put32(icmp + 4, eg_get16(data));
	memcpy(icmp + 8, quote, n);
	if (data[3] < 8 + n && data[3] > 3)
		icmp[data[3]] ^= data[4];
	fix_icmp_checksum(frame.bytes + ETH, frame.n - ETH);
	gw_send(setup->gw, ENCRYPTED, &frame, 1);
}

static void step_time(struct setup *setup, unsigned odd)
{
	struct eg_reassembly *table = &setup->gw->path[0]->reassembly;

	for (unsigned i = 0; i < EG_REASSEMBLY_MAX; i++) {
		if (table->tag[i] && i % 2 == odd % 2)
			table->entry[i].until_cycles = 1;
	}
	table->next_cycles = 0;
	eg_path_expire(setup->gw->path[0], false);
}

/* A step is eight bytes, the first of which selects it. */
static void step(const uint8_t *data)
{
	struct setup *setup = &setups[data[0] & 1];

	switch (data[0] >> 1 & 7) {
	case 6:
		step_too_big(setup, data + 1);
		break;
	case 7:
		step_time(setup, data[1]);
		break;
	default:
		step_piece(setup, data + 1);
	}
}

static void check_setup(struct setup *setup)
{
	static struct frame out;
	struct gw *gw = setup->gw;
	struct eg_drop_record record;
	unsigned mtu = eg_pmtu_get(gw_tunnel(gw, 0)->pmtu);

	require(gw->path[0]->reassembly.n <= EG_REASSEMBLY_MAX);
	require(mtu >= (gw->spec.outer == 6 ? 1280 : 576));
	require(gw_discard(gw, ENCRYPTED) == 0);
	while (gw_sent(gw, CLEAR, &out, 1)) {
		bool known = false;

		for (unsigned i = 0; i < SEALED; i++)
			known |= out.n - ETH == setup->inner[i].n &&
				 !memcmp(out.bytes + ETH, setup->inner[i].bytes, setup->inner[i].n);
		require(known);
	}
	while (eg_drop_ring_take(&gw->stats[0]->dropped, &record))
		require(record.reason > EG_PASS && record.reason < EG_DROP_COUNT);
}

/* Start every input with the same gateways: none of its packets were received before, and no path
 * MTU is known. */
static void start(struct setup *setup)
{
	struct gw *gw = setup->gw;
	struct eg_replay *replay = &gw_sa_in(gw)->replay;

	replay->top = 0;
	memset(replay->bits, 0, eg_replay_bytes(replay->size));
	atomic_store(&gw_tunnel(gw, 0)->pmtu->word, EG_PMTU_NONE);
	gw->path[0]->icmp = (struct eg_icmp_limits){0};
	gw->path[0]->reassembly.closed = false;
}

/* Every packet received was sent, consumed or dropped with a reason. */
static void finish(struct setup *setup)
{
	const struct eg_stats *stats = setup->gw->stats[0];
	uint64_t in = 0, out;

	eg_path_expire(setup->gw->path[0], true);
	out = eg_counted(&stats->consumed) + gw_drops_all(setup->gw);
	for (unsigned i = 0; i < EG_LOCAL_COUNT; i++)
		in += eg_counted(&stats->local[i]);
	for (unsigned port = 0; port < 2; port++) {
		in += eg_counted(&stats->port[port].rx_packets);
		out += eg_counted(&stats->port[port].tx_packets);
	}
	require(in == out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	start(&setups[0]);
	start(&setups[1]);
	for (unsigned i = 0; i < STEPS && size >= 8; i++, data += 8, size -= 8) {
		step(data);
		check_setup(&setups[data[0] & 1]);
	}
	finish(&setups[0]);
	finish(&setups[1]);
	require(bench_in_use() == 0 && rte_mempool_in_use_count(bench_large()) == 0);
	return 0;
}
