/* Bursts that mix many SAs in random order, with packets lost in every stage: the sequence numbers
 * of each SA are contiguous and in order of arrival, IVs only increase, and packets leave in the
 * order of arrival. */
#include "path/path_tests.h"

#include "common/random.h"
#include "net/bytes.h"

#define PEERS 40

/* The peers also differ in suite and ESN. 7 is coprime to the number of suites, so that neighbours
 * have different families. */
static const struct eg_suite *suite_of(unsigned tunnel)
{
	return &eg_suites[tunnel * 7 % EG_SUITE_COUNT];
}

static uint32_t spi_of(unsigned tunnel)
{
	return 0x5000 + tunnel;
}

/* Site 1 has 10.1.<peer>.0/24 and reaches 10.2.<peer>.0/24 behind 198.51.100.<peer>; site 2 acts as
 * all of these peers. */
static struct gw *open_hub(unsigned site, const uint8_t material[PEERS][EG_SUITE_KEY_MAX])
{
	struct gw *gw = gw_open((struct gw_spec){.site = site, .bare = true});
	const struct eg_hop clear = {.kind = EG_HOP_PORT, .port = CLEAR, .mac = {2, 0, 0, 0, 1, 0}};

	for (unsigned k = 0; k < PEERS; k++) {
		char far[32], near[32], end[32];
		const char *local = site == 1 ? "192.0.2.1" : end;
		const char *remote = site == 1 ? end : "192.0.2.1";
		struct eg_sa_spec spec = {
			.kind = site == 1 ? EG_SA_KIND_OUT : EG_SA_KIND_IN,
			.spi = spi_of(k),
			.suite = suite_of(k),
			.esn = k % 2,
			.replay_window = site == 1 ? 0 : 64,
		};
		unsigned tunnel;

		snprintf(end, sizeof(end), "198.51.100.%u", k + 1);
		snprintf(near, sizeof(near), "10.%u.%u.0/24", site, k);
		snprintf(far, sizeof(far), "10.%u.%u.0/24", 3 - site, k);
		tunnel = gw_peer(gw, local, remote);
		spec.local = gw_tunnel(gw, tunnel)->local;
		spec.remote = gw_tunnel(gw, tunnel)->remote;
		gw_sa(gw, tunnel, &spec, material[k]);
		gw_route(gw, near, clear);
		gw_route(gw, far, (struct eg_hop){.kind = EG_HOP_TUNNEL, .tunnel = tunnel});
	}
	gw_ready(gw);
	return gw;
}

/* Where a packet is to be lost. */
enum fate {
	ARRIVES,
	LOST_IN_PARSE,
	LOST_IN_ROUTE,
	LOST_IN_SA_IN,
	LOST_IN_ESP_IN,
	FATES,
};

struct packet {
	struct frame frame;
	unsigned tunnel;
	enum fate fate;
};

static void make_packet(struct rng *rng, struct packet *p)
{
	char src[32], dst[32];
	struct flow flow = {.src = src, .dst = dst};

	p->tunnel = (unsigned)rng_below(rng, PEERS);
	if (rng_below(rng, 4) == 0)
		p->tunnel = 0; /* runs of one SA, too */
	p->fate = rng_below(rng, 3) ? ARRIVES : (enum fate)rng_below(rng, FATES);
	snprintf(src, sizeof(src), "10.1.%u.7", p->tunnel);
	snprintf(dst, sizeof(dst), "10.2.%u.9", p->tunnel);
	flow.payload = (uint16_t)rng_below(rng, 300);
	flow.seed = (uint32_t)rng_next(rng);
	flow.ttl = p->fate == LOST_IN_ROUTE ? 1 : 64;
	p->frame = plain_frame(CLEAR, &flow);
	if (p->fate == LOST_IN_PARSE)
		p->frame.n--;
}

/* Remove the packets with these fates; returns the number left. */
static unsigned lose(struct packet *packets, unsigned n, enum fate first, enum fate last)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < n; i++) {
		if (packets[i].fate < first || packets[i].fate > last)
			packets[kept++] = packets[i];
	}
	return kept;
}

static uint64_t get64(const uint8_t *p)
{
	return (uint64_t)eg_get32(p) << 32 | eg_get32(p + 4);
}

struct sent {
	uint64_t seq, iv;
};

static void check_wire(const struct frame *frame, unsigned tunnel, struct sent *last)
{
	const uint8_t *esp = frame->bytes + 34;
	uint64_t iv = get64(esp + 8); /* if the suite has one */

	assert_int_equal(eg_get32(esp), spi_of(tunnel));
	assert_int_equal(eg_get32(esp + 4), (uint32_t)++last->seq);
	if (suite_of(tunnel)->iv == EG_IV_CLOCK)
		assert_true(iv > last->iv);
	last->iv = iv;
}

static void shuffle(struct rng *rng, struct packet *packets, struct frame *wire, unsigned n)
{
	static struct packet packet;
	static struct frame frame;

	for (unsigned i = n; i > 1; i--) {
		unsigned k = (unsigned)rng_below(rng, i);

		packet = packets[i - 1];
		packets[i - 1] = packets[k];
		packets[k] = packet;
		frame = wire[i - 1];
		wire[i - 1] = wire[k];
		wire[k] = frame;
	}
}

/* Forward to the far gateway, corrupting what is to be lost there. */
static void carry(struct frame *frame, const struct packet *packet)
{
	frame->bytes[4] = 0;
	if (packet->fate == LOST_IN_SA_IN)
		frame->bytes[34] ^= 0x80; /* SPI */
	if (packet->fate == LOST_IN_ESP_IN)
		frame->bytes[frame->n - 1] ^= 1;
}

static void send_mixed(struct rng *rng, struct gw *one, struct gw *two, struct sent *last)
{
	static struct packet packets[EG_BATCH_MAX];
	static struct frame frames[EG_BATCH_MAX];
	unsigned n = 1 + (unsigned)rng_below(rng, EG_BATCH_MAX);

	for (unsigned i = 0; i < n; i++) {
		make_packet(rng, &packets[i]);
		frames[i] = packets[i].frame;
	}
	gw_send(one, CLEAR, frames, n);
	n = lose(packets, n, LOST_IN_PARSE, LOST_IN_ROUTE);
	assert_int_equal(gw_sent(one, ENCRYPTED, frames, EG_BATCH_MAX), n);
	for (unsigned i = 0; i < n; i++) {
		check_wire(&frames[i], packets[i].tunnel, &last[packets[i].tunnel]);
		carry(&frames[i], &packets[i]);
	}
	if (rng_below(rng, 2)) /* the network may reorder, within each window */
		shuffle(rng, packets, frames, n);
	gw_send(two, ENCRYPTED, frames, n);
	n = lose(packets, n, LOST_IN_SA_IN, LOST_IN_ESP_IN);
	assert_int_equal(gw_sent(two, CLEAR, frames, EG_BATCH_MAX), n);
	for (unsigned i = 0; i < n; i++) {
		struct frame *want = &packets[i].frame;

		age(want->bytes + 14, 2);
		assert_int_equal(frames[i].n, want->n);
		assert_memory_equal(frames[i].bytes + 14, want->bytes + 14, want->n - 14);
	}
}

static void test_mixed(void **state)
{
	struct rng rng = rng_start("mixed SAs");
	uint8_t material[PEERS][EG_SUITE_KEY_MAX];
	struct sent last[PEERS] = {0};
	struct gw *one, *two;

	(void)state;
	rng_fill(&rng, material, sizeof(material));
	one = open_hub(1, material);
	two = open_hub(2, material);
	for (unsigned round = 0; round < 1000; round++)
		send_mixed(&rng, one, two, last);
	assert_int_equal(gw_drops(one, EG_DROP_BAD_IP_LENGTH) + gw_drops(one, EG_DROP_TTL_EXPIRED),
			 gw_drops_all(one));
	assert_int_equal(gw_drops(two, EG_DROP_ESP_UNKNOWN_SPI) + gw_drops(two, EG_DROP_ESP_AUTH),
			 gw_drops_all(two));
	assert_true(gw_drops_all(one) > 1000 && gw_drops_all(two) > 1000);
	gw_close(one);
	gw_close(two);
}

int run_order_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mixed),
	};

	return cmocka_run_group_tests_name("path order", tests, NULL, NULL);
}
