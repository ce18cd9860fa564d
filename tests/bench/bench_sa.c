/* Measures the SA's cost per packet without crypto. Outbound: reserve sequence numbers and IVs with
 * all limits. Inbound: infer the number (ESN), check the lifetime, check and commit the window,
 * count. One core, everything in the cache.
 *
 *   bench_sa
 *
 * Prints ns per packet; the goal is less than 3 in each direction. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sa/sa.h"

#define BURST  32
#define ROUNDS 4000 /* half a millisecond: some runs are undisturbed */
#define TRIES  400

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void open_limits(struct eg_sa *sa)
{
	atomic_store(&sa->seq_limit, UINT64_MAX);
	atomic_store(&sa->seq_end, UINT64_MAX);
	atomic_store(&sa->iv_limit, UINT64_MAX);
	atomic_store(&sa->byte_limit, UINT64_MAX);
}

/* Keeps the compiler from removing the result. */
static void use(uint64_t value)
{
	__asm__ volatile("" : : "r"(value));
}

static double send_side(bool shared)
{
	struct eg_sa sa = {.esn = true, .shared = shared};
	double start;

	open_limits(&sa);
	start = now_ns();
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct eg_sa_grant grant = eg_sa_reserve(&sa, BURST, 1000 + i);

		for (unsigned k = 0; k < grant.n; k++) {
			use(grant.seq + k);
			use(grant.iv + k);
		}
		eg_sa_count(&sa, grant.n, 64 * BURST);
	}
	return (now_ns() - start) / ROUNDS / BURST;
}

/* Checks a whole burst, then commits it, like sa_in and esp_in. `stride` is odd: any other than 1
 * puts the numbers of a burst out of order. */
static double receive_side(uint32_t window, unsigned stride)
{
	uint64_t *bits = calloc(1, eg_replay_bytes(window) + 1);
	struct eg_sa sa = {.esn = true, .kind = EG_SA_KIND_IN};
	uint64_t seqs[BURST], next = 1, taken = 0;
	double start;

	if (!bits)
		exit(1);
	open_limits(&sa);
	eg_replay_init(&sa.replay, window, bits);
	start = now_ns();
	for (unsigned i = 0; i < ROUNDS; i++, next += BURST) {
		for (unsigned k = 0; k < BURST; k++) {
			uint32_t low = (uint32_t)(next + k * stride % BURST);

			seqs[k] = eg_replay_infer(&sa.replay, low);
			use(eg_sa_may_receive(&sa, seqs[k]));
			use(eg_replay_check(&sa.replay, seqs[k]));
		}
		for (unsigned k = 0; k < BURST; k++) {
			if (eg_replay_commit(&sa.replay, seqs[k]))
				continue;
			eg_sa_count(&sa, 1, 64);
			taken++;
		}
	}
	start = (now_ns() - start) / ROUNDS / BURST;
	if (window && taken != (uint64_t)ROUNDS * BURST)
		printf("only %llu taken\n", (unsigned long long)taken);
	free(bits);
	return start;
}

static double least(double a, double b)
{
	return a < b ? a : b;
}

int main(void)
{
	static const uint32_t windows[] = {64, 1024, 4096};
	double local = 1e9, shared = 1e9;

	for (int i = 0; i < TRIES; i++) {
		local = least(local, send_side(false));
		shared = least(shared, send_side(true));
	}
	printf("send, bursts of %d: %.2f ns per packet, on an SA that workers share %.2f\n", BURST,
	       local, shared);
	for (size_t w = 0; w < sizeof(windows) / sizeof(*windows); w++) {
		double ordered = 1e9, disordered = 1e9;

		for (int i = 0; i < TRIES; i++) {
			ordered = least(ordered, receive_side(windows[w], 1));
			disordered = least(disordered, receive_side(windows[w], 7));
		}
		printf("receive, window %4u: %.2f ns per packet in order, %.2f out of order\n",
		       windows[w], ordered, disordered);
	}
	return 0;
}
