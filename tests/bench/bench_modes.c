/* What bench_path measures on demand: latency, a scan, changes of tunnels. */
#include <err.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench_path.h"
#include "changes.h"

#define LATENCY_PACKETS 1000000u

/* Packets of a scan per second of the gateway's time, and the least share of established packets
 * beside it: one burst in so many. */
#define SCAN_PER_S   5e6
#define SCAN_MOST    16
#define SCAN_SECONDS 0.25

/* Rounds without changes of tunnels, as many with them, and so on. */
#define TURN 256

static double exponential(uint64_t *random, double mean)
{
	*random = *random * 6364136223846793005ull + 1442695040888963407ull;
	return -mean * log((double)(*random >> 11) / (double)(1ull << 53) + 1e-18);
}

/* Packets arrive at random times (a Poisson process) and wait in the receive queue. Time is
 * simulated, except for the time that a burst takes, which is measured: so feeding costs nothing,
 * and interrupts count. */
void bench_latency(struct bench *bench)
{
	double mean_ns = bench->sealed_ns * 100 / bench->options.load, now = 0, next = 0;
	struct figures latency = {0};
	uint64_t random = 1;

	while (latency.n < LATENCY_PACKETS) {
		double arrived[64];
		unsigned n = 0;

		now = now < next ? next : now;
		while (n < bench->options.burst && next <= now) {
			rings_put(bench->a->device[CLEAR],
				  traffic_next(bench->traffic, bench->pool));
			arrived[n++] = next;
			next += exponential(&random, mean_ns);
		}
		now += rings_ns(gateway_run(bench->a, CLEAR, NULL));
		if (rings_drain(bench->a->device[ENCRYPTED]) != n)
			gateway_lost(bench->a, "sealing");
		for (unsigned i = 0; i < n; i++)
			figures_add(&latency, now - arrived[i]);
	}
	printf("latency %.2f %.2f %.2f %.2f us: median, p99, p99.9, maximum\n",
	       figures_at(&latency, 0.5) / 1e3, figures_at(&latency, 0.99) / 1e3,
	       figures_at(&latency, 0.999) / 1e3, figures_at(&latency, 1) / 1e3);
	free(latency.v);
}

/* One burst of established or new connections. Returns ns per packet. */
static double scan_burst(struct bench *bench, bool scan)
{
	unsigned n = bench->options.burst;
	bool allowed = bench->options.scan == SCAN_ALLOWED;
	uint64_t cycles;

	for (unsigned i = 0; i < n; i++)
		rings_put(bench->a->device[CLEAR],
			  scan ? traffic_scan(bench->traffic, allowed, bench->pool)
			       : traffic_next(bench->traffic, bench->pool));
	cycles = gateway_run(bench->a, CLEAR, NULL);
	if (rings_drain(bench->a->device[ENCRYPTED]) != n && !scan)
		gateway_lost(bench->a, "sealing");
	return rings_ns(cycles) / n;
}

/* ns per established packet, while new connections arrive at a rate per ns. */
static double beside(struct bench *bench, double rate, struct figures *scan)
{
	struct figures established = {0};
	double now = 0, due = 0, median;
	unsigned in_a_row = 0, burst = bench->options.burst;

	while (now < SCAN_SECONDS * 1e9) {
		bool scans = now * rate > due && in_a_row < SCAN_MOST;
		double ns = scan_burst(bench, scans);

		in_a_row = scans ? in_a_row + 1 : 0;
		due += scans ? burst : 0;
		now += ns * burst;
		figures_add(scans ? scan : &established, ns);
	}
	median = figures_at(&established, 0.5);
	free(established.v);
	return median;
}

void bench_scan(struct bench *bench)
{
	struct figures scan = {0};
	double alone = beside(bench, 0, &scan), with = beside(bench, SCAN_PER_S / 1e9, &scan);

	printf("scan %.2f %.2f %.2f %.2f: ns per established packet alone and beside the scan, ns "
	       "per packet of the scan, millions of them per second\n",
	       alone, with, figures_at(&scan, 0.5),
	       scan.n * bench->options.burst / SCAN_SECONDS / 1e6);
	free(scan.v);
}

static void print_bursts(const char *label, struct figures *bursts)
{
	printf("%-16s %8.2f %8.2f %8.2f %8.2f\n", label, figures_at(bursts, 0.5) / 1e3,
	       figures_at(bursts, 0.99) / 1e3, figures_at(bursts, 0.999) / 1e3,
	       figures_at(bursts, 1) / 1e3);
	free(bursts->v);
}

/* The time of single bursts, in us: median, p99, p99.9 and maximum, of rounds without changes and
 * of rounds with them. */
void bench_changes(struct bench *bench)
{
	struct changes changes = {.tunnels = &bench->a->tunnels,
				  .sas = bench->a->sas,
				  .rcu = &bench->a->rcu,
				  .per_s = bench->options.changes};
	struct figures bursts[2] = {0};

	if (!changes_start(&changes))
		errx(1, "no tunnels to change");
	for (unsigned round = 0; round < bench->options.rounds; round++) {
		bool on = round / TURN % 2;

		atomic_store(&changes.on, on);
		bench_seal_round(bench, &bursts[on]);
		rings_drain(bench->a->device[ENCRYPTED]);
	}
	changes_stop(&changes);
	if (!changes.done)
		errx(1, "nothing was changed: more rounds");
	print_bursts("without changes", &bursts[0]);
	print_bursts("with changes", &bursts[1]);
	printf("%llu changes, the longest took %.1f us\n", (unsigned long long)changes.done,
	       (double)changes.longest_ns / 1e3);
}
