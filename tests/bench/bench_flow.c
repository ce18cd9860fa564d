/* Measures the cost per packet of an established connection, whose verdict comes from the shared
 * table, in bursts, and the cost of inserting a new connection. Not a test.
 *
 *   bench_flow [ROUNDS]
 *
 * Prints the tenth percentile over groups of 256 packets and all rounds: other programs use the
 * machine, and a mean would include their effect. */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "flow/flow.h"

#define BURST   64
#define PACKETS (1u << 20) /* per round */
#define PIECE   (4 * BURST)

struct ends {
	uint8_t src[16], dst[16];
	uint16_t sport, dport;
};

struct bench {
	struct eg_flow_table *table;
	struct eg_flow *flow;
	struct ends *flows;
	uint32_t n_flows;
	uint32_t *order; /* the flow of each packet, PACKETS entries */
	unsigned version;
	struct eg_flow_now now;
};

static struct eg_flow_tuple tuple_of(const struct ends *e, unsigned version, bool reply)
{
	return reply ? (struct eg_flow_tuple){e->dst,   e->src, e->dport,
					      e->sport, 6,      (uint8_t)version}
		     : (struct eg_flow_tuple){e->src,   e->dst, e->sport,
					      e->dport, 6,      (uint8_t)version};
}

/* Addresses of pods and services: a few networks, many ports. */
static void make_flows(struct bench *bench)
{
	bench->flows = calloc(bench->n_flows, sizeof(*bench->flows));
	bench->order = malloc(PACKETS * sizeof(*bench->order));
	if (!bench->flows || !bench->order)
		errx(1, "no memory");
	for (uint32_t n = 0; n < bench->n_flows; n++) {
		uint64_t random = eg_hash_u64(n + 1);

		bench->flows[n] = (struct ends){
			.src = {10, 244, (uint8_t)(random >> 8), (uint8_t)random},
			.dst = {10, 245, (uint8_t)(random >> 24), (uint8_t)(random >> 16)},
			.sport = (uint16_t)(32768 + n % 28000),
			.dport = 443,
		};
	}
	for (uint32_t i = 0; i < PACKETS; i++)
		bench->order[i] = (uint32_t)(eg_hash_u64(i + 77) % bench->n_flows);
}

static void open_bench(struct bench *bench)
{
	bench->table = eg_flow_table_new(EG_FLOW_DEFAULT);
	bench->flow = aligned_alloc(64, sizeof(*bench->flow));
	if (!bench->table || !bench->flow)
		errx(1, "no memory");
	memset(bench->flow, 0, sizeof(*bench->flow));
	eg_flow_init(bench->flow, bench->table);
	bench->now = (struct eg_flow_now){.generation = 1, .s = 1};
}

static void close_bench(struct bench *bench)
{
	eg_flow_table_free(bench->table);
	free(bench->flow);
	free(bench->flows);
	free(bench->order);
}

/* Insert all flows with a reply for each; returns ns per first packet. */
static double insert_ns(struct bench *bench)
{
	struct eg_lookup lookups[BURST];
	uint64_t start = eg_mono_ns(), took;

	for (uint32_t at = 0; at < bench->n_flows; at += BURST) {
		unsigned n = bench->n_flows - at < BURST ? bench->n_flows - at : BURST;

		for (unsigned i = 0; i < n; i++) {
			struct eg_flow_tuple t =
				tuple_of(&bench->flows[at + i], bench->version, false);

			eg_lookup_make(&lookups[i], bench->flow, &t, EG_EVENT_OPEN);
		}
		eg_flow_find(bench->flow, lookups, n, &bench->now);
		for (unsigned i = 0; i < n; i++)
			eg_flow_allow(bench->flow, &lookups[i], &bench->now);
	}
	took = eg_mono_ns() - start;
	for (uint32_t at = 0; at < bench->n_flows; at++) {
		struct eg_flow_tuple t = tuple_of(&bench->flows[at], bench->version, true);

		eg_lookup_make(&lookups[0], bench->flow, &t, EG_EVENT_DATA);
		eg_flow_find(bench->flow, lookups, 1, &bench->now);
	}
	return (double)took / bench->n_flows;
}

/* Empty the table and advance the clock. */
static void forget_all(struct bench *bench)
{
	bench->now.s += 100000;
	eg_flow_sweep(bench->table, bench->table->bucket_mask + 1, bench->now.s);
	while (eg_flow_reclaim_begin(bench->table))
		eg_flow_reclaim_finish(bench->table);
}

/* Time per group. */
struct costs {
	uint32_t *make_ns, *find_ns; /* key and hash; eg_flow_find() */
	size_t n;
};

/* One round over the packets. Lookups are prepared one group at a time, so that the clock is read
 * rarely and their results are still in the L1 cache. Headers are where parse would have left them:
 * in the cache. */
static void play_round(struct bench *bench, struct costs *costs)
{
	static struct eg_lookup lookups[PIECE];
	static struct ends headers[PIECE];

	for (uint32_t at = 0; at < PACKETS; at += PIECE) {
		uint64_t start, made;

		for (unsigned i = 0; i < PIECE; i++)
			headers[i] = bench->flows[bench->order[at + i]];
		start = eg_mono_ns();
		for (unsigned i = 0; i < PIECE; i++) {
			struct eg_flow_tuple t = tuple_of(&headers[i], bench->version, i & 1);

			eg_lookup_make(&lookups[i], bench->flow, &t, EG_EVENT_DATA);
		}
		made = eg_mono_ns();
		for (unsigned b = 0; b < PIECE; b += BURST)
			eg_flow_find(bench->flow, lookups + b, BURST, &bench->now);
		costs->find_ns[costs->n] = (uint32_t)(eg_mono_ns() - made);
		costs->make_ns[costs->n++] = (uint32_t)(made - start);
		for (unsigned i = 0; i < PIECE; i++) {
			if (lookups[i].need != EG_FLOW_PASS)
				errx(1, "a packet does not pass");
		}
	}
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static double tenth(uint32_t *ns, size_t n)
{
	qsort(ns, n, sizeof(*ns), compare);
	return (double)ns[n / 10] / PIECE;
}

static void measure(uint32_t n_flows, unsigned version, unsigned rounds)
{
	struct bench bench = {.n_flows = n_flows, .version = version};
	struct costs costs = {0};
	double inserted = 1e9, find, make;

	costs.make_ns = malloc(rounds * (PACKETS / PIECE) * sizeof(uint32_t));
	costs.find_ns = malloc(rounds * (PACKETS / PIECE) * sizeof(uint32_t));
	if (!costs.make_ns || !costs.find_ns)
		errx(1, "no memory");
	make_flows(&bench);
	open_bench(&bench);
	for (unsigned r = 0; r < 4; r++) {
		double ns = insert_ns(&bench);

		/* The first run touches unmapped memory. */
		inserted = r && ns < inserted ? ns : inserted;
		if (r < 3)
			forget_all(&bench);
	}
	for (unsigned r = 0; r < rounds; r++) {
		bench.now.s++; /* a connection's first packet in a second writes to its entry */
		play_round(&bench, &costs);
	}
	find = tenth(costs.find_ns, costs.n);
	make = tenth(costs.make_ns, costs.n);
	printf("%8u flows, IPv%u: verdict %5.1f ns, with key and hash %5.1f ns; a new one %6.1f "
	       "ns\n",
	       n_flows, version, find, find + make, inserted);
	fflush(stdout);
	free(costs.make_ns);
	free(costs.find_ns);
	close_bench(&bench);
}

int main(int argc, char **argv)
{
	static const uint32_t sizes[] = {1000, 10000, 100000, 1000000};
	unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 20;

	printf("an established flow's verdict, bursts of %u, random order, %u rounds\n", BURST,
	       rounds);
	for (unsigned version = 4; version <= 6; version += 2) {
		for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
			measure(sizes[i], version, rounds);
	}
	return 0;
}
