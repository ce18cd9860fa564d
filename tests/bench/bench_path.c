/* Measures the packet path alone, with rings as devices: through one gateway into its tunnels and
 * through another out of them, in one thread, so that no sequence number repeats and decryption
 * runs with its anti-replay window.
 *
 *   bench_path SEAL.yaml OPEN.yaml CAPTURE.pcap ROUNDS [--changes PER_SECOND] [EAL arguments]
 *
 * The configurations are the two ends of the same tunnels, port 0 clear and port 1 encrypted; their
 * devices are not opened. Prints the median of the rounds, in ns per packet: sealed, opened. A
 * round is 512 packets, which stay in the cache, as in a gateway whose devices write to it.
 *
 * With --changes, a control thread on another CPU rekeys the sealing gateway's tunnels at that
 * rate, and the time of single bursts of 64 is printed too, in us: median, p99, p99.9 and maximum,
 * of rounds without changes and of rounds with them, in turns. */
#include <pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>

#include "base/clock.h"
#include "changes.h"
#include "conf/config.h"
#include "path/path.h"
#include "sa/store.h"
#include "snap/apply.h"

#define BURST     64
#define ROUND     (8 * BURST)
#define PACKETS   16384
#define BUF_BYTES (RTE_PKTMBUF_HEADROOM + 2048)
#define WARM      200

enum {
	CLEAR,
	ENCRYPTED
};

struct gateway {
	struct eg_config *config;
	struct eg_sa_store *sas;
	struct eg_rcu rcu;
	struct eg_tunnels tunnels;
	struct eg_publisher publisher;
	const struct eg_snap *snap;
	struct eg_path path;
	struct eg_stats stats;
};

struct packets {
	unsigned n;
	struct {
		uint16_t len;
		uint8_t bytes[2000];
	} v[PACKETS];
};

static struct rte_mempool *pool;

static void die(const char *what)
{
	fprintf(stderr, "bench_path: %s\n", what);
	exit(1);
}

static void *zeroed(size_t size)
{
	void *p = aligned_alloc(64, (size + 63) & ~63ul);

	if (!p)
		die("out of memory");
	return memset(p, 0, size);
}

static void start_port(uint16_t id)
{
	const struct rte_eth_conf conf = {0};

	if (rte_eth_dev_configure(id, 1, 1, &conf) ||
	    rte_eth_rx_queue_setup(id, 0, 1024, SOCKET_ID_ANY, NULL, pool) ||
	    rte_eth_tx_queue_setup(id, 0, 1024, SOCKET_ID_ANY, NULL) || rte_eth_dev_start(id))
		die("net_ring");
}

/* Our arguments, then the caller's. */
static void start_dpdk(char **more, int n_more)
{
	static const char *const ours[] = {
		"bench_path",       "--no-pci",         "--no-telemetry",   "--lcores=0",
		"--vdev=net_ring0", "--vdev=net_ring1", "--vdev=net_ring2", "--vdev=net_ring3"};
	enum {
		N = sizeof(ours) / sizeof(*ours)
	};
	char **args = zeroed((N + (size_t)n_more + 1) * sizeof(*args));

	for (int i = 0; i < N + n_more; i++)
		args[i] = strdup(i < N ? ours[i] : more[i - N]);
	if (rte_eal_init(N + n_more, args) < 0 || rte_eth_dev_count_avail() != 4)
		die("DPDK does not start");
	pool = rte_pktmbuf_pool_create("bench", 8191, 256, 0, BUF_BYTES, SOCKET_ID_ANY);
	if (!pool)
		die("out of memory");
	for (uint16_t id = 0; id < 4; id++)
		start_port(id);
}

/* Ports 0 and 1 are the first gateway's, 2 and 3 the second's. */
static struct gateway *open_gateway(const char *file, unsigned nth)
{
	struct gateway *gateway = zeroed(sizeof(*gateway));
	struct eg_path_parts parts = {0};
	const struct eg_candidate_options options = {0};
	struct eg_installed installed = {&gateway->tunnels, &gateway->publisher, NULL, 0};
	struct eg_candidate *candidate = NULL;
	struct eg_errs errs = {0};

	gateway->config = eg_config_load(file, &errs);
	gateway->sas = eg_sa_store_new(1);
	if (gateway->config && gateway->sas)
		candidate = eg_candidate_build(gateway->config, gateway->sas, &options, &errs);
	eg_errs_print(&errs, stderr);
	if (!candidate || eg_rcu_init(&gateway->rcu, 1) ||
	    eg_tunnels_init(&gateway->tunnels, &gateway->rcu, gateway->sas, 1) ||
	    eg_sa_store_reserve(gateway->sas, &(struct eg_now){eg_wall_ns(), eg_mono_ns()},
				UINT64_MAX))
		die(file);
	eg_publisher_init(&gateway->publisher, &gateway->rcu);
	if (eg_apply_all(&installed, candidate, eg_mono_ns(), &errs))
		die(file);
	gateway->snap = eg_publisher_read(&gateway->publisher);
	parts.tunnels = &gateway->tunnels;
	parts.stats = &gateway->stats;
	parts.crypto = eg_crypto_new();
	parts.n_workers = 1;
	parts.pool = pool;
	parts.n_ports = 2;
	for (unsigned port = CLEAR; port <= ENCRYPTED; port++) {
		parts.port[port] = (struct eg_path_port_parts){
			.dpdk_id = (uint16_t)(2 * nth + port),
			.mtu = gateway->config->ports.v[port].mtu,
			.encrypted = port == ENCRYPTED,
			.promiscuous = true,
		};
	}
	if (!parts.crypto || eg_path_init(&gateway->path, &parts))
		die("no crypto");
	return gateway;
}

static struct packets *read_capture(const char *file)
{
	struct packets *packets = zeroed(sizeof(*packets));
	char why[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline(file, why);
	const uint8_t *bytes;
	struct pcap_pkthdr head;

	if (!pcap)
		die(why);
	while (packets->n < PACKETS && (bytes = pcap_next(pcap, &head))) {
		if (head.caplen > sizeof(packets->v->bytes))
			die("a packet is too long");
		packets->v[packets->n].len = (uint16_t)head.caplen;
		memcpy(packets->v[packets->n++].bytes, bytes, head.caplen);
	}
	pcap_close(pcap);
	if (!packets->n)
		die("an empty capture");
	return packets;
}

static void feed(const struct packets *packets, unsigned *at)
{
	for (unsigned i = 0; i < ROUND; i++, *at = (*at + 1) % packets->n) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
		uint16_t len = packets->v[*at].len;

		if (!m)
			die("no buffer");
		memcpy(rte_pktmbuf_append(m, len), packets->v[*at].bytes, len);
		if (rte_eth_tx_burst(0, 0, &m, 1) != 1)
			die("the ring is full");
	}
}

/* Move all packets queued at `from` to `to`, or free them if `to` is negative. */
static void carry(uint16_t from, int to)
{
	struct rte_mbuf *m[BURST];
	unsigned n, sum = 0;

	while ((n = rte_eth_rx_burst(from, 0, m, BURST))) {
		if (to >= 0 && rte_eth_tx_burst((uint16_t)to, 0, m, (uint16_t)n) != n)
			die("the ring is full");
		if (to < 0)
			rte_pktmbuf_free_bulk(m, n);
		sum += n;
	}
	if (sum != ROUND)
		die("packets were dropped");
}

static double ns_of(uint64_t cycles)
{
	return (double)cycles * 1e9 / (double)rte_get_tsc_hz();
}

/* ns per packet. */
static double run(struct gateway *gateway, unsigned port)
{
	uint64_t start = rte_rdtsc_precise();

	while (eg_path_receive(&gateway->path, gateway->snap, port, 0))
		eg_rcu_quiescent(&gateway->rcu, 0);
	return ns_of(rte_rdtsc_precise() - start) / ROUND;
}

/* The time of each burst, in ns. */
struct bursts {
	unsigned n;
	double *ns;
};

static void run_bursts(struct gateway *gateway, unsigned port, struct bursts *bursts)
{
	for (;;) {
		uint64_t start = rte_rdtsc_precise();
		unsigned n = eg_path_receive(&gateway->path, gateway->snap, port, 0);

		if (!n)
			return;
		eg_rcu_quiescent(&gateway->rcu, 0);
		bursts->ns[bursts->n++] = ns_of(rte_rdtsc_precise() - start);
	}
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *v, unsigned n)
{
	qsort(v, n, sizeof(*v), by_size);
	return v[n / 2];
}

static void print_bursts(const char *label, struct bursts *bursts)
{
	qsort(bursts->ns, bursts->n, sizeof(*bursts->ns), by_size);
	printf("%-16s %8.2f %8.2f %8.2f %8.2f\n", label, bursts->ns[bursts->n / 2] / 1e3,
	       bursts->ns[bursts->n * 99ull / 100] / 1e3,
	       bursts->ns[bursts->n * 999ull / 1000] / 1e3, bursts->ns[bursts->n - 1] / 1e3);
}

/* A few hundred rounds without changes, as many with them, and so on. */
#define TURN 256

static void measure_changes(struct gateway *a, struct gateway *b, const struct packets *packets,
			    unsigned rounds, unsigned per_s)
{
	struct changes changes = {
		.tunnels = &a->tunnels, .sas = a->sas, .rcu = &a->rcu, .per_s = per_s};
	struct bursts bursts[2];
	unsigned at = 0;

	for (unsigned on = 0; on < 2; on++)
		bursts[on] = (struct bursts){0, zeroed((rounds + 1) * 8ull * sizeof(double))};
	if (!changes_start(&changes))
		die("no tunnels to change");
	for (unsigned round = 0; round < rounds; round++) {
		bool on = round / TURN % 2;

		atomic_store(&changes.on, on);
		feed(packets, &at);
		run_bursts(a, CLEAR, &bursts[on]);
		carry(1, 3);
		run(b, ENCRYPTED);
		carry(2, -1);
	}
	changes_stop(&changes);
	if (!changes.done)
		die("nothing was changed: more rounds");
	print_bursts("without changes", &bursts[0]);
	print_bursts("with changes", &bursts[1]);
	printf("%llu changes, the longest took %.1f us\n", (unsigned long long)changes.done,
	       (double)changes.longest_ns / 1e3);
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 4 ? (unsigned)atoi(argv[4]) : 0, at = 0;
	double *sealed = zeroed((rounds + 1) * sizeof(double));
	double *opened = zeroed((rounds + 1) * sizeof(double));
	bool change = argc > 6 && !strcmp(argv[5], "--changes");
	unsigned per_s = change ? (unsigned)atoi(argv[6]) : 0;
	struct gateway *a, *b;
	struct packets *packets;

	if (!rounds || (change && !per_s))
		die("SEAL.yaml OPEN.yaml CAPTURE.pcap ROUNDS [--changes PER_SECOND] [EAL "
		    "arguments]");
	packets = read_capture(argv[3]);
	start_dpdk(argv + (change ? 7 : 5), argc - (change ? 7 : 5));
	a = open_gateway(argv[1], 0);
	b = open_gateway(argv[2], 1);
	eg_rcu_online(&a->rcu, 0);
	eg_rcu_online(&b->rcu, 0);
	for (unsigned round = 0; round < WARM + rounds; round++) {
		unsigned slot = round < WARM ? 0 : round - WARM;

		feed(packets, &at);
		sealed[slot] = run(a, CLEAR);
		carry(1, 3);
		opened[slot] = run(b, ENCRYPTED);
		carry(2, -1);
	}
	printf("%.1f %.1f\n", median(sealed, rounds), median(opened, rounds));
	if (change)
		measure_changes(a, b, packets, rounds, per_s);
	/* The rest is freed on exit. */
	return 0;
}
