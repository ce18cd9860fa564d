/* What an established connection's packet costs: its verdict by the worker's cache and the shared
 * table, in bursts, and a new connection's insertion. Not a test.
 *
 *   bench_flow [ROUNDS]
 *
 * Prints the least of all rounds, since other programs share the machine. */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "flow/flow.h"

#define BURST   64
#define PACKETS (1u << 20) /* a round */

struct ends {
	uint8_t src[16], dst[16];
	uint16_t sport, dport;
};

struct bench {
	struct eg_flow_table *table;
	struct eg_flow *flow;
	struct ends *flows;
	uint32_t n_flows;
	uint32_t *order; /* PACKETS of them: which flow comes next */
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

/* Pods and services as a cluster has them: a few networks, many ports. */
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

/* Insert all flows and let their other ends answer; ns a flow of the first. */
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

struct cost {
	double find_ns; /* eg_flow_find() alone */
	double all_ns;  /* key, hash and find */
	uint64_t passed;
};

/* A round over the packets. Lookups are made in bursts of bursts, so that the clock is read seldom
 * and what is made is still in the first-level cache when it is found. Headers are where parse
 * would have left them: near. */
static struct cost round_cost(struct bench *bench)
{
	static struct eg_lookup lookups[4 * BURST];
	static struct ends headers[4 * BURST];
	uint64_t making = 0, finding = 0;
	struct cost cost = {0};

	for (uint32_t at = 0; at < PACKETS; at += 4 * BURST) {
		uint64_t start, made;

		for (unsigned i = 0; i < 4 * BURST; i++)
			headers[i] = bench->flows[bench->order[at + i]];
		start = eg_mono_ns();
		for (unsigned i = 0; i < 4 * BURST; i++) {
			struct eg_flow_tuple t = tuple_of(&headers[i], bench->version, i & 1);

			eg_lookup_make(&lookups[i], bench->flow, &t, EG_EVENT_DATA);
		}
		made = eg_mono_ns();
		for (unsigned b = 0; b < 4; b++)
			eg_flow_find(bench->flow, lookups + b * BURST, BURST, &bench->now);
		finding += eg_mono_ns() - made;
		making += made - start;
		for (unsigned i = 0; i < 4 * BURST; i++)
			cost.passed += lookups[i].need == EG_FLOW_PASS;
	}
	cost.find_ns = (double)finding / PACKETS;
	cost.all_ns = (double)(finding + making) / PACKETS;
	return cost;
}

static void measure(uint32_t n_flows, unsigned version, unsigned rounds)
{
	struct bench bench = {.n_flows = n_flows, .version = version};
	struct cost best = {1e9, 1e9, 0};
	double inserted = 1e9;

	make_flows(&bench);
	for (unsigned r = 0; r < 3; r++) {
		double ns;

		if (r)
			eg_flow_table_free(bench.table), free(bench.flow);
		open_bench(&bench);
		ns = insert_ns(&bench);
		inserted = ns < inserted ? ns : inserted;
	}
	for (unsigned r = 0; r < rounds; r++) {
		struct cost cost = round_cost(&bench);

		if (cost.passed != PACKETS)
			errx(1, "%llu of %u packets pass", (unsigned long long)cost.passed,
			     PACKETS);
		best.find_ns = cost.find_ns < best.find_ns ? cost.find_ns : best.find_ns;
		best.all_ns = cost.all_ns < best.all_ns ? cost.all_ns : best.all_ns;
	}
	printf("%8u flows, IPv%u: verdict %5.1f ns, with key and hash %5.1f ns; a new one %6.1f "
	       "ns\n",
	       n_flows, version, best.find_ns, best.all_ns, inserted);
	fflush(stdout);
	close_bench(&bench);
}

int main(int argc, char **argv)
{
	static const uint32_t sizes[] = {1000, 10000, 100000, 1000000};
	unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 20;

	printf("an established flow's verdict, bursts of %u, random order, least of %u rounds\n",
	       BURST, rounds);
	for (unsigned version = 4; version <= 6; version += 2) {
		for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
			measure(sizes[i], version, rounds);
	}
	return 0;
}
