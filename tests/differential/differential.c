/* The forwarding cache decides nothing: two gateways, one with it and one without, get the same
 * packets, reloads and events, and must do the same with each packet.
 *
 *   differential     EG_SEED: of the random worlds; EG_PACKETS: how many packets
 *
 * Per world: a random configuration (peers, SAs, suites, policies), loaded as the program loads it,
 * then bursts of random packets and random events. After each burst are compared
 *   - the frames that left each port, byte for byte and in order within a flow; sealed ones are
 *     opened first
 *   - the identity of each dropped packet, with its reason
 *   - every counter
 * and now and then the state behind them: SAs with their anti-replay windows, tunnels, neighbours,
 * connections, and the counts of policies.
 *
 * What may differ, and why (path/cache.h says what the cache promises):
 *   - Sequence number, IV and ICV of a sealed packet, and the identification of an outer IPv4
 * header and of outer fragments: known packets of a burst are sealed before the others. Numbers
 * that were reserved for known packets and not used are skipped.
 *   - The order of packets of different connections, and of those that are no connection's. Packets
 *     of a connection stay in order.
 *   - The order of what a burst causes: ICMP errors, samples of drops. Where a rate limit would
 * make it count, the limit is reset before the burst.
 *   - Within a burst, a connection here has one direction and one way, because a packet of the
 * other end that is not known is processed behind those that are; and what other ESP there is
 * beside ordinary ESP comes without jumps of the sequence number and without floating endpoints
 *     (traffic.c).
 *   - What another worker does to a connection is seen up to a second later, and what eviction
 * does: worlds with two workers track no connections, and no table is full.
 *   - Whether a neighbour counts as used by a packet that is dropped at the very end.
 *   - Cycles and packets of each stage: known packets pass few of them. Wall clock times. */
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compare.h"
#include "events.h"
#include "require.h"

#define WORLD_PACKETS 40000
#define STATES_EVERY  64
#define DEFAULT_TOTAL 120000

static char folder[64];
static struct burst last;

static void print_burst(const struct burst *burst);

static void make_folder(void)
{
	static const char *const inside[] = {"keys", "policies", "inventory", "state"};
	char path[96];

	strcpy(folder,
	       access("/dev/shm", W_OK) ? "/tmp/eg-diff-XXXXXX" : "/dev/shm/eg-diff-XXXXXX");
	require(mkdtemp(folder), "a folder");
	for (unsigned i = 0; i < sizeof(inside) / sizeof(*inside); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, inside[i]);
		require(!mkdir(path, 0700), "a folder");
	}
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static void remove_folder(void)
{
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void compare(struct pair *pair)
{
	for (unsigned g = 0; g < 2; g++)
		outputs_collect(&pair->outputs[g], pair->gateway[g], pair->esp);
	if (!outputs_equal(&pair->outputs[0], &pair->outputs[1])) {
		counters_equal(pair->gateway[0], pair->gateway[1]);
		print_burst(&last);
		require(false, "frames and drops are the same");
	}
	require(counters_equal(pair->gateway[0], pair->gateway[1]), "counters are the same");
	equalize_uses(pair->gateway[0], pair->gateway[1]);
	events_note(pair);
}

static void receive(struct pair *pair, unsigned port, unsigned n)
{
	unsigned worker = (unsigned)rng_below(&pair->rng, pair->world.workers);

	port = world_device(&pair->world, port);
	for (unsigned g = 0; g < 2; g++)
		gateway_receive(pair->gateway[g], worker, port, n);
	compare(pair);
}

static void inject_frame(struct gateway *gateway, unsigned port, const struct frame *frame)
{
	gateway_inject(gateway, port, frame->bytes, frame->n, frame->flags);
}

static void print_burst(const struct burst *burst)
{
	printf("burst of port %u:\n", burst->port);
	for (unsigned i = 0; i < burst->n; i++) {
		const struct frame *frame = &burst->frame[i];

		printf("  %llx: ports %08x %08x inner %u, outer %u, peer %u, spi %x, seq %llx, "
		       "flags %llx%s\n",
		       (unsigned long long)frame->note.serial, frame->note.ports,
		       frame->note.tcp_seq, frame->note.inner, frame->note.outer, frame->note.peer,
		       frame->note.spi, (unsigned long long)frame->note.seq,
		       (unsigned long long)frame->flags, frame->aside ? ", aside" : "");
	}
}

static void inject(struct pair *pair, const struct burst *burst)
{
	/* Rate limits make the order of errors and reports count. */
	for (unsigned g = 0; g < 2 && burst->port >= UP; g++)
		gateway_refill(pair->gateway[g]);
	for (unsigned g = 0; g < 2; g++) {
		for (unsigned i = 0; i < burst->n; i++)
			inject_frame(pair->gateway[g], burst->port, &burst->frame[i]);
	}
}

/* A burst for one port, or for several of one device. Returns its length. */
static unsigned send_burst(struct pair *pair)
{
	static struct burst burst;
	unsigned n, first;

	traffic_burst(&pair->traffic, &burst, PORTS, BURST_MAX);
	n = burst.n;
	first = burst.port;
	inject(pair, &burst);
	last = burst;
	for (unsigned port = 0; pair->world.vlans && port < PORTS && n < BURST_MAX; port++) {
		if (port == first ||
		    world_device(&pair->world, port) != world_device(&pair->world, first))
			continue;
		traffic_burst(&pair->traffic, &burst, port, BURST_MAX - n);
		inject(pair, &burst);
		n += burst.n;
	}
	receive(pair, first, n);
	return n;
}

static void send_answers(struct pair *pair)
{
	static struct frame frame[2];
	unsigned port;

	while (events_answer(pair, &port, frame)) {
		for (unsigned g = 0; g < 2; g++)
			gateway_inject(pair->gateway[g], port, frame[g].bytes, frame[g].n, 0);
		receive(pair, port, 1);
	}
}

static void open_pair(struct pair *pair)
{
	world_make(&pair->world, &pair->rng, folder);
	world_write(&pair->world);
	pair->esp = esp_open_end();
	pair->clock = 1000 * TICKS_PER_S + rng_below(&pair->rng, TICKS_PER_S);
	traffic_start(&pair->traffic, &pair->rng, &pair->world, pair->esp);
	for (unsigned g = 0; g < 2; g++)
		pair->gateway[g] = gateway_open(g, &pair->world, &pair->clock,
						g ? pair->gateway[0] : NULL, g == 1);
	events_load(pair);
}

static void close_pair(struct pair *pair)
{
	require(states_equal(pair->gateway[0], pair->gateway[1]), "states are the same");
	for (unsigned g = 0; g < 2; g++)
		gateway_close(pair->gateway[g]);
	gateways_check_buffers();
	esp_close_end(pair->esp);
}

/* Kinds of worlds: the cache must be used in each, or the test proves nothing. A run is long enough
 * to say so if it has KIND_WORLDS of a kind. */
#define KINDS         8
#define KIND_WORLDS   5
#define KNOWN_PERCENT 8

/* Counted over all worlds. */
struct totals {
	uint64_t packets, worlds, sent;
	struct kind {
		const char *name;
		uint64_t worlds;
		struct sampled sampled;
	} kind[KINDS];
	uint64_t opened, failover, endpoints, path_mtus, audited;
	uint64_t drop[EG_DROP_COUNT];
};

static void count(struct totals *totals, const struct gateway *gateway)
{
	for (unsigned w = 0; w < gateway->workers; w++) {
		const struct eg_stats *stats = &gateway->stats[w];

		totals->opened += eg_counted(&stats->opened);
		totals->failover += eg_counted(&stats->failover);
		totals->endpoints += eg_counted(&stats->endpoints);
		totals->path_mtus += eg_counted(&stats->path_mtus);
		totals->audited += eg_counted(&stats->audited[0]) + eg_counted(&stats->audited[1]);
		for (unsigned port = 0; port < PORTS; port++)
			totals->sent += eg_counted(&stats->port[port].tx_packets);
		for (unsigned reason = 0; reason < EG_DROP_COUNT; reason++)
			totals->drop[reason] += eg_counted(&stats->drop[reason]);
	}
}

static void count_kind(struct totals *totals, const struct pair *pair)
{
	struct sampled sampled = gateway_sampled(pair->gateway[1]);
	struct kind *kind = totals->kind;

	while (kind->name && strcmp(kind->name, pair->world.kind))
		kind++;
	kind->name = pair->world.kind;
	kind->worlds++;
	kind->sampled.received += sampled.received;
	kind->sampled.known += sampled.known;
}

static void check_kinds(const struct totals *totals)
{
	for (const struct kind *kind = totals->kind; kind->name; kind++) {
		double known = 100.0 * (double)kind->sampled.known / (double)kind->sampled.received;

		printf("  %s: %llu worlds, %.0f %% of the packets were known\n", kind->name,
		       (unsigned long long)kind->worlds, known);
		require_at(kind->name);
		require(kind->worlds < KIND_WORLDS || known >= KNOWN_PERCENT, "the cache is used");
	}
}

static void print_totals(const struct totals *totals)
{
	printf("%llu packets in %llu worlds: %llu sent\n"
	       "  %llu connections, %llu rerouted, %llu endpoints moved, %llu path MTUs learned, "
	       "%llu "
	       "audited\n",
	       (unsigned long long)totals->packets, (unsigned long long)totals->worlds,
	       (unsigned long long)totals->sent, (unsigned long long)totals->opened,
	       (unsigned long long)totals->failover, (unsigned long long)totals->endpoints,
	       (unsigned long long)totals->path_mtus, (unsigned long long)totals->audited);
	for (unsigned reason = 1; reason < EG_DROP_COUNT; reason++) {
		if (totals->drop[reason])
			printf("  %-24s %llu\n", eg_drop_name((enum eg_verdict)reason),
			       (unsigned long long)totals->drop[reason]);
	}
}

static void run_world(struct pair *pair, struct totals *totals)
{
	uint64_t packets = 0;
	unsigned bursts = 0;
	char where[128];

	for (; packets < WORLD_PACKETS; bursts++) {
		const char *what = events_happen(pair);

		snprintf(where, sizeof(where), "world %llu, %s, burst %u, last event: %s",
			 (unsigned long long)totals->worlds, pair->world.kind, bursts,
			 what ? what : "none");
		require_at(where);
		events_step(pair);
		compare(pair);
		send_answers(pair);
		packets += send_burst(pair);
		if (bursts % STATES_EVERY == 0)
			if (!states_equal(pair->gateway[0], pair->gateway[1])) {
				print_burst(&last);
				require(false, "states are the same");
			}
	}
	totals->packets += packets;
}

int main(void)
{
	static struct pair pair;
	const char *given = getenv("EG_PACKETS");
	uint64_t total = given ? strtoull(given, NULL, 0) : DEFAULT_TOTAL;
	struct totals totals = {0};
	struct rng rng = rng_start("differential");

	gateways_start();
	make_folder();
	atexit(remove_folder);
	for (unsigned g = 0; g < 2; g++)
		outputs_init(&pair.outputs[g]);
	for (; totals.packets < total; totals.worlds++) {
		pair.rng = (struct rng){rng_next(&rng)};
		open_pair(&pair);
		run_world(&pair, &totals);
		count(&totals, pair.gateway[0]);
		count_kind(&totals, &pair);
		close_pair(&pair);
	}
	print_totals(&totals);
	check_kinds(&totals);
	for (unsigned g = 0; g < 2; g++)
		outputs_free(&pair.outputs[g]);
	gateways_stop();
	return 0;
}
