/* The parts of bench_path (bench_path.c): options, state, and what each mode measures. */
#ifndef BENCH_PATH_H
#define BENCH_PATH_H

#include <rte_ethdev.h>

#include "figures.h"
#include "gateway.h"
#include "rings.h"
#include "traffic.h"

#define STORE_BYTES (64u << 20)

enum scan {
	SCAN_NONE,
	SCAN_DENIED,
	SCAN_ALLOWED,
};

struct options {
	unsigned rounds, connections, burst;
	unsigned load;    /* percent */
	unsigned changes; /* per second */
	enum scan scan;
	bool seal, aged;
};

struct stored {
	uint32_t at; /* in the store */
	uint16_t len;
};

struct bench {
	struct options options;
	struct traffic *traffic;
	struct rte_mempool *pool;
	struct gateway *a, *b; /* seals, opens */
	double sealed_ns;      /* per packet */

	uint8_t *store; /* frames between the gateways */
	struct stored *stored;
	unsigned n_stored;
	uint32_t stored_bytes;
};

/* Seal one round, which then waits at the encrypted device. Returns ns per packet. `bursts`, unless
 * NULL: gets the time of each burst. */
double bench_seal_round(struct bench *bench, struct figures *bursts);

/* Each prints what bench_path.c describes. */
void bench_latency(struct bench *bench);
void bench_scan(struct bench *bench);
void bench_changes(struct bench *bench);

#endif
