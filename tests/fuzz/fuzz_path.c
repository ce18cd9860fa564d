/* Fragments of sealed packets, in any order, overlapping, again, under other identifications, with
 * time between them; and ICMP "too big" about what was sent. An input is a list of steps: one byte
 * says what, and what follows is as step() reads it.
 *
 * Whatever comes: nothing leaves by CLEAR but what was sealed, whole; no more buffers are held than
 * the table has places, and none behind the end; every frame ends somewhere; no path is believed to
 * carry less than the floor. Seeds: make_seeds.py. */
#include <sanitizer/lsan_interface.h>

#include "net/bytes.h"
#include "path/packets.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ETH    14
#define SEALED 4
#define STEPS  256

/* A gateway with its tunnel over IPv4, and one over IPv6. */
static struct way {
	struct gw *gw;
	struct frame sealed[SEALED], inner[SEALED];
	struct frame sent; /* what the gateway itself sent */
} ways[2];

static void require(int truth)
{
	if (!truth)
		abort();
}

static void make_way(struct way *way, unsigned site)
{
	struct gw *gw = way->gw =
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

		way->sealed[i] = tunnel_frame(&tunnel, i + 1, &flow);
		way->inner[i].n = 0;
		add_packet(&way->inner[i], &flow);
		age(way->inner[i].bytes, 1);
	}
	frame = plain_frame(CLEAR, &(struct flow){.src = site == 1 ? "10.1.0.5" : "10.2.0.5",
						  .dst = site == 1 ? "10.2.0.9" : "10.1.0.9",
						  .df = true,
						  .payload = 1300});
	gw_send(gw, CLEAR, &frame, 1);
	require(gw_sent(gw, ENCRYPTED, &way->sent, 1) == 1);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	/* Made once for the program's life, and held from secret memory, which is mapped: no leak
	 * checker looks for pointers there. */
	__lsan_disable();
	bench_open();
	make_way(&ways[0], 1);
	make_way(&ways[1], 2);
	__lsan_enable();
	return 0;
}

/* Put in as one fragment; from and to count behind the IP header, which gets `options` bytes of no
 * operation over IPv4. */
static void send_piece(struct way *way, const struct frame *whole, unsigned from, unsigned to,
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
	gw_send(way->gw, ENCRYPTED, &piece, 1);
}

/* Which packet, from where, how long, its flags: 1 the other "more follow", 2 another place, 4 one
 * that may be far behind (so that it takes a large buffer), and its upper half IPv4 options. */
static void step_piece(struct way *way, const uint8_t *data)
{
	const struct frame *whole = &way->sealed[data[0] % SEALED];
	unsigned all = (unsigned)whole->n - ETH - (whole->bytes[ETH] >> 4 == 4 ? 20 : 40);
	unsigned from = eg_get16(data + 1) % all & ~7u, to = from + eg_get16(data + 3) % all;

	to = to > all ? all : to;
	send_piece(way, whole, from, to,
		   data[5] & 4   ? data[6] * 256u
		   : data[5] & 2 ? from + data[6] * 8u
				 : from,
		   (to < all) != (data[5] & 1), data[0], RTE_MIN(data[5] >> 4, 10) * 4u);
}

/* The checksum of an ICMP message behind an IP header without options. */
static void mend(uint8_t *p, size_t n)
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

/* The number told, how much is quoted, one place in the message that is overwritten and by what. */
static void step_too_big(struct way *way, const uint8_t *data)
{
	const uint8_t *quote = way->sent.bytes + ETH;
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
	mend(frame.bytes + ETH, frame.n - ETH);
	gw_send(way->gw, ENCRYPTED, &frame, 1);
}

static void step_time(struct way *way, unsigned odd)
{
	struct eg_reassembly *table = &way->gw->path[0]->reassembly;

	for (unsigned i = 0; i < EG_REASSEMBLY_MAX; i++) {
		if (table->tag[i] && i % 2 == odd % 2)
			table->entry[i].until_cycles = 1;
	}
	table->next_cycles = 0;
	eg_path_expire(way->gw->path[0], false);
}

/* Fields of eight bytes, the first of which says what. */
static void step(const uint8_t *data)
{
	struct way *way = &ways[data[0] & 1];

	switch (data[0] >> 1 & 7) {
	case 6:
		step_too_big(way, data + 1);
		break;
	case 7:
		step_time(way, data[1]);
		break;
	default:
		step_piece(way, data + 1);
	}
}

static void check_way(struct way *way)
{
	static struct frame out;
	struct gw *gw = way->gw;
	struct eg_drop_record record;
	unsigned mtu = eg_pmtu_get(gw->tunnels.v[0].pmtu);

	require(gw->path[0]->reassembly.n <= EG_REASSEMBLY_MAX);
	require(mtu >= (gw->spec.outer == 6 ? 1280 : 576));
	require(gw_discard(gw, ENCRYPTED) == 0);
	while (gw_sent(gw, CLEAR, &out, 1)) {
		bool known = false;

		for (unsigned i = 0; i < SEALED; i++)
			known |= out.n - ETH == way->inner[i].n &&
				 !memcmp(out.bytes + ETH, way->inner[i].bytes, way->inner[i].n);
		require(known);
	}
	while (eg_drop_ring_take(&gw->stats[0]->dropped, &record))
		require(record.reason > EG_PASS && record.reason < EG_DROP_COUNT);
}

/* Each input meets the same gateways: its packets were not received before, no path is known. */
static void start(struct way *way)
{
	struct gw *gw = way->gw;
	struct eg_replay *replay = &gw_sa_in(gw)->replay;

	replay->top = 0;
	memset(replay->bits, 0, eg_replay_bytes(replay->size));
	atomic_store(&gw->tunnels.v[0].pmtu->word, EG_PMTU_NONE);
	gw->path[0]->icmp = (struct eg_icmp_limits){0};
	gw->path[0]->reassembly.closed = false;
}

/* Everything that came in went out, was of use, or has a name. */
static void finish(struct way *way)
{
	const struct eg_stats *stats = way->gw->stats[0];
	uint64_t in = 0, out;

	eg_path_expire(way->gw->path[0], true);
	out = eg_counted(&stats->taken) + gw_drops_all(way->gw);
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
	start(&ways[0]);
	start(&ways[1]);
	for (unsigned i = 0; i < STEPS && size >= 8; i++, data += 8, size -= 8) {
		step(data);
		check_way(&ways[data[0] & 1]);
	}
	finish(&ways[0]);
	finish(&ways[1]);
	require(bench_in_use() == 0 && rte_mempool_in_use_count(bench_large()) == 0);
	return 0;
}
