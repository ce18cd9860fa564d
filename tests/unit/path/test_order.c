/* Bursts that mix many SAs in random order: sequence numbers of each SA without gaps and in the
 * order of arrival, IVs that only grow, and packets that leave in the order in which they came. */
#include "path/path_tests.h"

#include "common/random.h"
#include "net/bytes.h"

#define PEERS 40

/* The peers differ in suite and ESN, too. */
static const struct eg_suite *suite_of(unsigned peer)
{
	return &eg_suites[peer % EG_SUITE_COUNT];
}

static uint32_t spi_of(unsigned peer)
{
	return 0x5000 + peer;
}

/* Site 1 has 10.1.<peer>.0/24 and reaches 10.2.<peer>.0/24 behind 198.51.100.<peer>; site 2 plays
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
		unsigned peer;

		snprintf(end, sizeof(end), "198.51.100.%u", k + 1);
		snprintf(near, sizeof(near), "10.%u.%u.0/24", site, k);
		snprintf(far, sizeof(far), "10.%u.%u.0/24", 3 - site, k);
		peer = gw_peer(gw, local, remote);
		spec.local = gw->peers.v[peer].local;
		spec.remote = gw->peers.v[peer].remote;
		gw_sa(gw, peer, &spec, material[k]);
		gw_route(gw, near, clear);
		gw_route(gw, far, (struct eg_hop){.kind = EG_HOP_PEER, .peer = peer});
	}
	gw_ready(gw);
	return gw;
}

static struct frame random_frame(struct rng *rng, unsigned *peer)
{
	char src[32], dst[32];
	struct flow flow = {.src = src, .dst = dst};

	*peer = (unsigned)rng_below(rng, PEERS);
	if (rng_below(rng, 4) == 0)
		*peer = 0; /* runs of one SA, too */
	snprintf(src, sizeof(src), "10.1.%u.7", *peer);
	snprintf(dst, sizeof(dst), "10.2.%u.9", *peer);
	flow.payload = (uint16_t)rng_below(rng, 300);
	flow.seed = (uint32_t)rng_next(rng);
	return plain_frame(CLEAR, &flow);
}

static uint64_t get64(const uint8_t *p)
{
	return (uint64_t)eg_get32(p) << 32 | eg_get32(p + 4);
}

struct sent {
	uint64_t seq, iv;
};

static void check_wire(const struct frame *frame, unsigned peer, struct sent *last)
{
	const uint8_t *esp = frame->bytes + 34;
	uint64_t iv = get64(esp + 8);

	assert_int_equal(eg_get32(esp), spi_of(peer));
	assert_int_equal(eg_get32(esp + 4), (uint32_t)++last->seq);
	assert_true(iv > last->iv);
	last->iv = iv;
}

static void shuffle(struct rng *rng, struct frame *a, struct frame *b, unsigned n)
{
	static struct frame spare;

	for (unsigned i = n - 1; i > 0; i--) {
		unsigned k = (unsigned)rng_below(rng, i + 1);

		spare = a[i];
		a[i] = a[k];
		a[k] = spare;
		spare = b[i];
		b[i] = b[k];
		b[k] = spare;
	}
}

static void test_mixed(void **state)
{
	static struct frame in[EG_BATCH_MAX], wire[EG_BATCH_MAX], out[EG_BATCH_MAX];
	struct rng rng = rng_start("mixed SAs");
	uint8_t material[PEERS][EG_SUITE_KEY_MAX];
	struct sent last[PEERS] = {0};
	struct gw *one, *two;

	(void)state;
	rng_fill(&rng, material, sizeof(material));
	one = open_hub(1, material);
	two = open_hub(2, material);
	for (unsigned round = 0; round < 1000; round++) {
		unsigned n = 1 + (unsigned)rng_below(&rng, EG_BATCH_MAX), peer[EG_BATCH_MAX];

		for (unsigned i = 0; i < n; i++)
			in[i] = random_frame(&rng, &peer[i]);
		gw_send(one, CLEAR, in, n);
		assert_int_equal(gw_sent(one, ENCRYPTED, wire, EG_BATCH_MAX), n);
		for (unsigned i = 0; i < n; i++) {
			check_wire(&wire[i], peer[i], &last[peer[i]]);
			wire[i].bytes[4] = 0; /* to site 2's MAC */
		}
		if (round % 2) /* the network may reorder: still within each window */
			shuffle(&rng, wire, in, n);
		gw_send(two, ENCRYPTED, wire, n);
		assert_int_equal(gw_sent(two, CLEAR, out, EG_BATCH_MAX), n);
		for (unsigned i = 0; i < n; i++) {
			age(in[i].bytes + 14, 2);
			assert_int_equal(out[i].n, in[i].n);
			assert_memory_equal(out[i].bytes + 14, in[i].bytes + 14, in[i].n - 14);
		}
	}
	assert_int_equal(gw_drops_all(one) + gw_drops_all(two), 0);
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
