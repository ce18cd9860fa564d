/* Measures the packet path alone, with rings as devices: through one gateway into its tunnels and
 * through another out of them, in one thread, so that no sequence number repeats and decryption
 * runs with its anti-replay window.
 *
 *   bench_path SEAL.yaml OPEN.yaml CAPTURE.pcap ROUNDS [OPTION]... [EAL arguments]
 *
 * The configurations are the two ends of the same tunnels, port 0 clear and port 1 encrypted; their
 * devices are not opened. A round is 256 packets, which stay in the cache, as in a gateway whose
 * devices write to it. Prints ns per packet, sealed and opened: the median of the rounds; then
 * their mean without the slowest hundredth; then what the rings alone cost, which is included.
 *
 *   --connections N   establish N connections first, both ends sending, and send their packets in
 *                     random order; without it the capture is played as it is
 *   --burst N         receive at most N packets at once (64)
 *   --only seal       measure the first gateway only; the other figure is 0
 *   --load PERCENT    then: latency through the first gateway at that share of what it can forward
 *   --aged on         the clock advances by a second before each round, so that with 8,192
 *                     connections no packet finds a forwarding cache entry that is still valid
 *   --scan denied|allowed  then: established connections beside 5 million new ones per second, to
 *                     pods that policy forbids or allows
 *   --changes N       then: the time of single bursts while a control thread on another CPU rekeys
 *                     the first gateway's tunnels N times per second
 *
 * The paths' clock passes only while they run: a second has as many packets as it would have in a
 * gateway that is fully loaded. */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "bench_path.h"

/* Rounds in a row through one gateway, because the other one's state drives its own from the CPU's
 * cache. The first quarter is not counted. */
#define PHASE 128

/* With more connections than this, tables grow once per second (path/cache.h). */
#define CONNECTIONS_FEW 32768
#define GROWTH_SECONDS  8

static void feed(struct bench *bench)
{
	for (unsigned i = 0; i < RING_ROUND; i++)
		rings_put(bench->a->device[CLEAR], traffic_next(bench->traffic, bench->pool));
}

double bench_seal_round(struct bench *bench, struct figures *bursts)
{
	uint64_t cycles;

	feed(bench);
	if (bench->options.aged)
		bench->a->clock += rte_get_tsc_hz();
	cycles = gateway_run(bench->a, CLEAR, bursts);
	return rings_ns(cycles) / RING_ROUND;
}

/* Copies of the frames that the first gateway has sealed. */
static void store(struct bench *bench)
{
	struct rte_mbuf *m;

	while (rte_eth_rx_burst(bench->a->device[ENCRYPTED], 0, &m, 1)) {
		struct stored *stored = &bench->stored[bench->n_stored++];

		if (bench->n_stored > PHASE * RING_ROUND)
			errx(1, "more packets than were sent");
		stored->len = rte_pktmbuf_data_len(m);
		stored->at = bench->stored_bytes;
		bench->stored_bytes += (stored->len + 63u) & ~63u;
		if (bench->stored_bytes > STORE_BYTES)
			errx(1, "packets too long");
		memcpy(bench->store + stored->at, rte_pktmbuf_mtod(m, void *), stored->len);
		rte_pktmbuf_free(m);
	}
}

/* The stored frames of one round, to the second gateway. They are read past the L2 cache, as far as
 * the CPU allows it: they must not displace its tables. */
static void feed_stored(struct bench *bench, unsigned round)
{
	const struct stored *stored = &bench->stored[round * RING_ROUND];

	for (unsigned i = 0; i < RING_ROUND; i++, stored++) {
		const uint8_t *bytes = bench->store + stored->at;
		struct rte_mbuf *m = rings_buffer(bench->pool, stored->len);

		for (unsigned line = 0; line < stored->len; line += 64)
			__builtin_prefetch(bytes + line, 0, 0);
		memcpy(rte_pktmbuf_mtod(m, void *), bytes, stored->len);
		rings_put(bench->b->device[ENCRYPTED], m);
	}
}

static void seal_phase(struct bench *bench, struct figures *figures)
{
	for (unsigned round = 0; round < PHASE; round++) {
		double ns = bench_seal_round(bench, NULL);

		if (rings_drain(bench->a->device[ENCRYPTED]) != RING_ROUND)
			gateway_lost(bench->a, "sealing");
		if (round >= PHASE / 4)
			figures_add(figures, ns);
	}
}

static void open_phase(struct bench *bench, struct figures *figures)
{
	bench->n_stored = bench->stored_bytes = 0;
	for (unsigned round = 0; round < PHASE; round++) {
		bench_seal_round(bench, NULL);
		store(bench);
		if (bench->n_stored != (round + 1) * RING_ROUND)
			gateway_lost(bench->a, "sealing");
	}
	for (unsigned round = 0; round < PHASE; round++) {
		uint64_t cycles;

		feed_stored(bench, round);
		cycles = gateway_run(bench->b, ENCRYPTED, NULL);
		if (rings_drain(bench->b->device[CLEAR]) != RING_ROUND)
			gateway_lost(bench->b, "opening");
		if (round >= PHASE / 4)
			figures_add(figures, rings_ns(cycles) / RING_ROUND);
	}
}

/* Packets of connections [from, to), through both gateways, from `x` to `y`. */
static void cross(struct bench *bench, struct gateway *x, struct gateway *y, uint32_t from,
		  uint32_t to, enum traffic_step step)
{
	for (uint32_t i = from; i < to; i++)
		rings_put(x->device[CLEAR], traffic_make(bench->traffic, i, step, bench->pool));
	gateway_run(x, CLEAR, NULL);
	if (rings_move(x->device[ENCRYPTED], y->device[ENCRYPTED]) != to - from)
		gateway_lost(x, "connecting");
	gateway_run(y, ENCRYPTED, NULL);
	if (rings_drain(y->device[CLEAR]) != to - from)
		gateway_lost(y, "connecting");
}

static void connect_all(struct bench *bench, uint32_t n)
{
	traffic_connect(bench->traffic, n);
	for (uint32_t from = 0; from < n; from += RING_ROUND) {
		uint32_t to = n - from < RING_ROUND ? n : from + RING_ROUND;

		cross(bench, bench->a, bench->b, from, to, TRAFFIC_OPEN);
		cross(bench, bench->b, bench->a, from, to, TRAFFIC_ANSWER);
		cross(bench, bench->a, bench->b, from, to, TRAFFIC_DATA);
	}
}

static void warm_up(struct bench *bench)
{
	uint32_t n = bench->options.connections;
	struct figures none = {0};
	unsigned seconds = n > CONNECTIONS_FEW ? GROWTH_SECONDS : 0;
	unsigned phases = n > CONNECTIONS_FEW ? n / (PHASE * RING_ROUND) + 1 : 2;

	for (unsigned second = 0; second <= seconds; second++) {
		for (unsigned phase = 0; phase < phases; phase++) {
			seal_phase(bench, &none);
			if (!bench->options.seal)
				open_phase(bench, &none);
		}
		if (second < seconds) {
			bench->a->clock += rte_get_tsc_hz();
			bench->b->clock += rte_get_tsc_hz();
		}
	}
	free(none.v);
}

static void measure(struct bench *bench)
{
	struct figures sealed = {0}, opened = {0};

	while (sealed.n < bench->options.rounds) {
		seal_phase(bench, &sealed);
		if (!bench->options.seal)
			open_phase(bench, &opened);
	}
	bench->sealed_ns = figures_at(&sealed, 0.5);
	printf("%.2f %.2f\n", bench->sealed_ns, figures_at(&opened, 0.5));
	printf("mean %.2f %.2f\n", figures_mean(&sealed), figures_mean(&opened));
	printf("rings %.2f\n", rings_cost_ns(bench->pool, 1000));
	free(sealed.v);
	free(opened.v);
}

/* A number from 1 to max; exits if it is none. */
static unsigned number(const char *name, const char *text, unsigned max)
{
	char *end;
	unsigned long n = text ? strtoul(text, &end, 10) : 0;

	if (!n || *end || n > max)
		errx(2, "%s: a number from 1 to %u", name, max);
	return (unsigned)n;
}

/* 0 or 1: which of the two; exits if it is neither. */
static unsigned choice(const char *name, const char *text, const char *first, const char *second)
{
	if (text && !strcmp(text, first))
		return 0;
	if (text && !strcmp(text, second))
		return 1;
	errx(2, "%s %s|%s", name, first, second);
}

/* Our options, each with a value; the first argument that is none of them, and the rest, are EAL's.
 * Returns how many arguments are ours. */
static int read_options(struct options *options, char **argv)
{
	char **at = argv;

	for (; *at; at += 2) {
		const char *name = at[0], *value = at[1];

		if (!strcmp(name, "--connections"))
			options->connections = number(name, value, 8000000);
		else if (!strcmp(name, "--burst"))
			options->burst = number(name, value, 64);
		else if (!strcmp(name, "--only"))
			options->seal = !choice(name, value, "seal", "both");
		else if (!strcmp(name, "--aged"))
			options->aged = !choice(name, value, "on", "off");
		else if (!strcmp(name, "--load"))
			options->load = number(name, value, 99);
		else if (!strcmp(name, "--scan"))
			options->scan = choice(name, value, "denied", "allowed") ? SCAN_ALLOWED
										 : SCAN_DENIED;
		else if (!strcmp(name, "--changes"))
			options->changes = number(name, value, 1000000);
		else
			break;
	}
	return (int)(at - argv);
}

int main(int argc, char **argv)
{
	static struct bench bench = {.options = {.burst = 64}};
	int used;

	if (argc < 5)
		errx(2, "SEAL.yaml OPEN.yaml CAPTURE.pcap ROUNDS [OPTION]... [EAL arguments]");
	bench.options.rounds = number("ROUNDS", argv[4], 10000000);
	used = 5 + read_options(&bench.options, argv + 5);
	bench.traffic = traffic_read(argv[3]);
	bench.store = malloc(STORE_BYTES);
	bench.stored = malloc(PHASE * RING_ROUND * sizeof(*bench.stored));
	if (!bench.store || !bench.stored)
		err(1, "store");
	bench.pool = rings_start(argv + used, argc - used);
	bench.a = gateway_open(argv[1], 0, bench.pool);
	bench.b = gateway_open(argv[2], 2, bench.pool);
	if (bench.options.connections)
		connect_all(&bench, bench.options.connections);
	rings_limit_bursts((uint16_t)bench.options.burst);
	warm_up(&bench);
	measure(&bench);
	if (bench.options.load)
		bench_latency(&bench);
	if (bench.options.scan)
		bench_scan(&bench);
	if (bench.options.changes)
		bench_changes(&bench);
	/* The rest is freed on exit. */
	return 0;
}
