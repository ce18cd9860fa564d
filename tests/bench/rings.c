#include "rings.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>

#include "figures.h"

#define BURST     64
#define BUF_BYTES (RTE_PKTMBUF_HEADROOM + 2048)

static uint16_t (*ring_rx)(void *, struct rte_mbuf **, uint16_t);
static uint16_t burst_max = BURST;

static uint16_t limited_rx(void *queue, struct rte_mbuf **m, uint16_t n)
{
	return ring_rx(queue, m, n < burst_max ? n : burst_max);
}

void rings_limit_bursts(uint16_t n)
{
	burst_max = n;
	if (ring_rx)
		return;
	ring_rx = rte_eth_fp_ops[0].rx_pkt_burst;
	for (unsigned id = 0; id < RINGS; id++)
		rte_eth_fp_ops[id].rx_pkt_burst = limited_rx;
}

static void start_device(uint16_t id, struct rte_mempool *pool)
{
	const struct rte_eth_conf conf = {0};

	if (rte_eth_dev_configure(id, 1, 1, &conf) ||
	    rte_eth_rx_queue_setup(id, 0, 1024, SOCKET_ID_ANY, NULL, pool) ||
	    rte_eth_tx_queue_setup(id, 0, 1024, SOCKET_ID_ANY, NULL) || rte_eth_dev_start(id))
		errx(1, "net_ring");
}

struct rte_mempool *rings_start(char **more, int n_more)
{
	static const char *const ours[] = {
		"bench_path",       "--no-pci",         "--no-telemetry",   "--lcores=0",
		"--vdev=net_ring0", "--vdev=net_ring1", "--vdev=net_ring2", "--vdev=net_ring3"};
	enum {
		N = sizeof(ours) / sizeof(*ours)
	};
	char **args = calloc(N + (size_t)n_more + 1, sizeof(*args));
	struct rte_mempool *pool;

	for (int i = 0; args && i < N + n_more; i++)
		args[i] = strdup(i < N ? ours[i] : more[i - N]);
	if (!args || rte_eal_init(N + n_more, args) < 0 || rte_eth_dev_count_avail() != RINGS)
		errx(1, "DPDK does not start");
	pool = rte_pktmbuf_pool_create("bench", 8191, 256, 0, BUF_BYTES, SOCKET_ID_ANY);
	if (!pool)
		errx(1, "out of memory");
	for (uint16_t id = 0; id < RINGS; id++)
		start_device(id, pool);
	return pool;
}

struct rte_mbuf *rings_buffer(struct rte_mempool *pool, uint16_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	if (!m || !rte_pktmbuf_append(m, len))
		errx(1, "no buffer");
	return m;
}

void rings_put(uint16_t device, struct rte_mbuf *m)
{
	if (rte_eth_tx_burst(device, 0, &m, 1) != 1)
		errx(1, "the ring is full");
}

unsigned rings_move(uint16_t from, uint16_t to)
{
	struct rte_mbuf *m[BURST];
	unsigned n, sum = 0;

	while ((n = rte_eth_rx_burst(from, 0, m, BURST))) {
		if (rte_eth_tx_burst(to, 0, m, (uint16_t)n) != n)
			errx(1, "the ring is full");
		sum += n;
	}
	return sum;
}

unsigned rings_drain(uint16_t from)
{
	struct rte_mbuf *m[BURST];
	unsigned n, sum = 0;

	while ((n = rte_eth_rx_burst(from, 0, m, BURST))) {
		rte_pktmbuf_free_bulk(m, n);
		sum += n;
	}
	return sum;
}

double rings_ns(uint64_t cycles)
{
	return (double)cycles * 1e9 / (double)rte_get_tsc_hz();
}

double rings_cost_ns(struct rte_mempool *pool, unsigned rounds)
{
	struct figures figures = {0};
	double median;

	for (unsigned round = 0; round < rounds; round++) {
		uint64_t start;

		for (unsigned i = 0; i < RING_ROUND; i++)
			rings_put(0, rings_buffer(pool, 60));
		start = rte_rdtsc_precise();
		rings_move(0, 1);
		figures_add(&figures, rings_ns(rte_rdtsc_precise() - start) / RING_ROUND);
		rings_drain(1);
	}
	median = figures_at(&figures, 0.5);
	free(figures.v);
	return median;
}
