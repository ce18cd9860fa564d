#include "worker/worker.h"

#include <stdlib.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>

#include "base/clock.h"
#include "base/hash.h"
#include "worker/tsan.h"

struct eg_buffer_needs eg_worker_buffer_needs(void)
{
	return (struct eg_buffer_needs){
		.per_worker = 4 * EG_BATCH_MAX + EG_REASSEMBLY_MAX + EG_WORKER_RING,
		.tailroom = EG_TAILROOM,
		.large_per_worker = EG_LARGE_BUFFERS,
		.large_bytes = EG_LARGE_BYTES,
	};
}

_Static_assert(EG_PORT_VLANS == EG_VLANS && EG_PORT_NONE == EG_NO_PORT, "one table of VLANs");

#define DRAIN_STEP_NS (5 * EG_NS_PER_S)

/* EAL threads that share a CPU (a test, or a small machine) must yield to each other. */
static bool shares_cpu(unsigned lcore)
{
	rte_cpuset_t mine = rte_lcore_cpuset(lcore), both;
	unsigned other;

	RTE_LCORE_FOREACH(other)
	{
		rte_cpuset_t theirs = rte_lcore_cpuset(other);

		RTE_CPU_AND(&both, &mine, &theirs);
		if (other != lcore && CPU_COUNT(&both))
			return true;
	}
	return false;
}

static uint64_t sample_cycles(uint32_t per_s)
{
	return per_s ? rte_get_tsc_hz() / per_s : 0;
}

/* With a seed of its own. */
static struct eg_cache *make_cache(const struct eg_workers *workers, unsigned index)
{
	struct eg_flow_seed seed;

	for (unsigned i = 0; i < 4; i++)
		seed.word[i] = eg_hash_u64(workers->flows->seed.word[i] + index + 1);
	return eg_cache_new(EG_CACHE_MAX, &seed);
}

static struct eg_worker *make_worker(struct eg_workers *workers, unsigned index, unsigned lcore)
{
	int socket = (int)rte_lcore_to_socket_id(lcore);
	struct eg_worker *worker = rte_zmalloc_socket("eg_worker", sizeof(*worker), 64, socket);
	struct eg_stats *stats = rte_zmalloc_socket("eg_stats", sizeof(*stats), 64, socket);

	if (!worker || !stats) {
		rte_free(worker);
		rte_free(stats);
		return NULL;
	}
	workers->stats[index] = stats;
	worker->workers = workers;
	worker->lcore = lcore;
	worker->yields = shares_cpu(lcore);
	worker->parts = (struct eg_path_parts){
		.worker = index,
		.stats = stats,
		.crypto = eg_crypto_new(),
		.handoff = workers->handoff,
		.tunnels = workers->tunnels,
		.flow = rte_zmalloc_socket("eg_flow", sizeof(struct eg_flow), 64, socket),
		.cache = workers->config->forwarding_cache ? make_cache(workers, index) : NULL,
		.seed = eg_hash_u64(workers->flows->seed.word[1]),
		.resolves = index == 0,
		.resolver_shared = workers->resolver_shared,
		.links_down = &workers->ports->links_down,
		.sample_cycles = sample_cycles(workers->config->log.drop_sample_per_s),
	};
	if (!worker->parts.crypto || !worker->parts.flow ||
	    (workers->config->forwarding_cache && !worker->parts.cache)) {
		eg_crypto_free(worker->parts.crypto);
		eg_cache_free(worker->parts.cache);
		rte_free(worker->parts.flow);
		rte_free(worker);
		return NULL;
	}
	eg_crypto_set_multi_packet(worker->parts.crypto, workers->multi_packet);
	eg_flow_init(worker->parts.flow, workers->flows);
	return worker;
}

static struct rte_ring *make_ring(const char *kind, unsigned a, unsigned b)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "eg_%s_%u_%u", kind, a, b);
	return rte_ring_create(name, EG_WORKER_RING, SOCKET_ID_ANY, RING_F_SC_DEQ);
}

static int make_resolver_shared(struct eg_workers *workers)
{
	workers->resolver_shared = (struct eg_resolver_shared){
		.neighs = eg_neighs_new(),
		.messages = make_ring("messages", 0, 0),
		.packets = make_ring("packets", 0, 0),
	};
	return workers->resolver_shared.neighs && workers->resolver_shared.messages &&
			       workers->resolver_shared.packets
		       ? 0
		       : -1;
}

int eg_workers_make(struct eg_workers *workers, struct eg_errs *errs)
{
	unsigned lcore;

	if (make_resolver_shared(workers)) {
		eg_error(errs, NULL, "workers", "no memory for neighbors: %s",
			 rte_strerror(rte_errno));
		return -1;
	}
	if (workers->config->multi_packet)
		workers->multi_packet = eg_crypto_measure_multi_packet();
	RTE_LCORE_FOREACH_WORKER(lcore)
	{
		unsigned w = workers->n;

		if (w == EG_WORKERS_MAX)
			break;
		workers->worker[w] = make_worker(workers, w, lcore);
		workers->handoff[w] = make_ring("handoff", w, 0);
		workers->n++;
		if (!workers->worker[w] || !workers->handoff[w]) {
			eg_error(errs, NULL, "workers", "no memory for worker %u: %s", w,
				 rte_strerror(rte_errno));
			return -1;
		}
	}
	if (!workers->n) {
		eg_error(errs, NULL, "workers", "no lcore besides the control thread's");
		return -1;
	}
	return 0;
}

static int add_queue(struct eg_worker *worker, bool rx, struct eg_queue queue)
{
	struct eg_queue *slot = rx ? eg_vec_add(&worker->rx) : eg_vec_add(&worker->tx);

	if (slot)
		*slot = queue;
	return slot ? 0 : -1;
}

static struct eg_worker *pinned(const struct eg_workers *workers, unsigned port, unsigned queue)
{
	eg_vec_foreach (pin, &workers->config->pins) {
		if (pin->port != port || pin->queue != queue)
			continue;
		for (unsigned w = 0; w < workers->n; w++) {
			if (workers->worker[w]->lcore == pin->lcore)
				return workers->worker[w];
		}
	}
	return NULL;
}

static int check_pins(const struct eg_workers *workers, struct eg_errs *errs)
{
	size_t before = errs->n_errors;

	eg_vec_foreach (pin, &workers->config->pins) {
		const struct eg_port_dev *port = &workers->ports->port[pin->port];

		if (pin->queue >= port->n_rx)
			eg_error(errs, &pin->pos, "workers.pin", "%s has %u receive queues here",
				 workers->config->ports.v[pin->port].name, port->n_rx);
		if (!rte_lcore_is_enabled(pin->lcore) || pin->lcore == rte_get_main_lcore())
			eg_error(errs, &pin->pos, "workers.pin", "lcore %u is not a worker",
				 pin->lcore);
	}
	return errs->n_errors == before ? 0 : -1;
}

/* Distribute the receive queues of all ports round-robin over the workers, except pinned ones. */
static int spread_rx(struct eg_workers *workers)
{
	unsigned next = 0;

	for (unsigned p = 0; p < workers->ports->n; p++) {
		for (uint16_t q = 0; q < workers->ports->port[p].n_rx; q++) {
			struct eg_worker *worker = pinned(workers, p, q);

			if (!worker)
				worker = workers->worker[next++ % workers->n];
			if (add_queue(worker, true, (struct eg_queue){.port = p, .queue = q}))
				return -1;
		}
	}
	return 0;
}

/* A transmit queue has one writer. Where a port has fewer queues than there are workers, worker w
 * owns queue w, and those without one reach an owner through a ring. */
static int wire_tx(struct eg_workers *workers, unsigned p)
{
	struct eg_port_dev *port = &workers->ports->port[p];
	bool shared = port->n_tx < workers->n;

	for (uint16_t q = 0; shared && q < port->n_tx; q++) {
		port->tx_ring[q] = make_ring("tx", p, q);
		if (!port->tx_ring[q] ||
		    add_queue(workers->worker[q], false,
			      (struct eg_queue){.port = p, .queue = q, .ring = port->tx_ring[q]}))
			return -1;
	}
	for (unsigned w = 0; w < workers->n; w++) {
		struct eg_path_port_parts *out = &workers->worker[w]->parts.port[p];

		out->tx_queue = (uint16_t)(w % port->n_tx);
		out->ring = w < port->n_tx ? NULL : port->tx_ring[out->tx_queue];
	}
	return 0;
}

static void describe_port(struct eg_workers *workers, unsigned p)
{
	const struct eg_conf_port *conf = &workers->config->ports.v[p];
	const struct eg_port_dev *port = &workers->ports->port[p];

	for (unsigned w = 0; w < workers->n; w++) {
		struct eg_path_parts *parts = &workers->worker[w]->parts;
		struct eg_path_port_parts *out = &parts->port[p];

		parts->n_ports = workers->ports->n;
		parts->n_workers = workers->n;
		parts->pool = workers->ports->pool;
		parts->large = workers->ports->large;
		out->dpdk_id = port->dpdk_id;
		out->mtu = port->mtu;
		out->encrypted = conf->role == EG_ROLE_ENCRYPTED;
		out->promiscuous = conf->promiscuous;
		out->small_buffers = port->pool != NULL;
		out->partial = port->partial_sums;
		out->vlan = conf->vlan;
		out->vlans = port->vlans;
		memcpy(out->mac, port->mac, sizeof(out->mac));
	}
}

static void describe_kernels(struct eg_workers *workers)
{
	const struct eg_ports *ports = workers->ports;

	for (unsigned w = 0; w < workers->n; w++) {
		struct eg_path_parts *parts = &workers->worker[w]->parts;

		parts->to_kernel = ports->to_kernel;
		for (unsigned p = 0; p < ports->n; p++) {
			parts->port[p].kernel = ports->kernel[p].on;
			parts->port[p].kernel_mtu = ports->kernel[p].mtu;
			parts->port[p].kernel_dpdk_id = ports->kernel[p].dpdk_id;
		}
	}
}

int eg_workers_wire(struct eg_workers *workers, struct eg_errs *errs)
{
	int failed = check_pins(workers, errs);

	for (unsigned p = 0; !failed && p < workers->ports->n; p++) {
		describe_port(workers, p);
		failed = wire_tx(workers, p);
	}
	describe_kernels(workers);
	if (!failed)
		failed = spread_rx(workers);
	if (failed && !errs->n_errors)
		eg_error(errs, NULL, "workers", "out of memory");
	return failed;
}

int eg_workers_launch(struct eg_workers *workers, struct eg_errs *errs)
{
	for (unsigned w = 0; w < workers->n; w++) {
		struct eg_worker *worker = workers->worker[w];
		int err;

		worker->parts.events = workers->events;
		err = eg_path_init(&worker->path, &worker->parts);

		eg_tsan_release(worker);
		if (!err)
			err = rte_eal_remote_launch(eg_worker_main, worker, worker->lcore);
		if (err) {
			eg_error(errs, NULL, "workers", "lcore %u: %s", worker->lcore,
				 rte_strerror(-err));
			return -1;
		}
	}
	return 0;
}

void eg_workers_sample(struct eg_workers *workers, uint32_t per_s)
{
	for (unsigned w = 0; w < workers->n; w++)
		atomic_store_explicit(&workers->worker[w]->path.sample_cycles, sample_cycles(per_s),
				      memory_order_relaxed);
}

/* Begin a phase and wait until every worker has completed an empty iteration in it. */
static bool step(struct eg_workers *workers, enum eg_phase phase)
{
	uint64_t deadline = eg_mono_ns() + DRAIN_STEP_NS;

	/* Release: everything that workers acknowledged in the previous phase happens before what
	 * any worker does in this one. */
	atomic_store_explicit(&workers->phase, phase, memory_order_release);
	for (unsigned w = 0; w < workers->n; w++) {
		while (atomic_load_explicit(&workers->worker[w]->acked, memory_order_acquire) !=
		       phase) {
			if (eg_mono_ns() > deadline)
				return false;
			usleep(100);
		}
	}
	return true;
}

bool eg_workers_end(struct eg_workers *workers)
{
	bool drained = step(workers, EG_PHASE_NO_RX) && step(workers, EG_PHASE_NO_HANDOFF) &&
		       step(workers, EG_PHASE_NO_RESOLVE) && step(workers, EG_PHASE_NO_TX_RING);

	atomic_store_explicit(&workers->phase, EG_PHASE_END, memory_order_release);
	rte_eal_mp_wait_lcore();
	for (unsigned w = 0; w < workers->n; w++)
		eg_tsan_acquire(workers->worker[w]);
	return drained;
}

void eg_workers_free(struct eg_workers *workers)
{
	for (unsigned w = 0; w < workers->n; w++) {
		struct eg_worker *worker = workers->worker[w];

		if (worker) {
			eg_crypto_free(worker->parts.crypto);
			eg_cache_free(worker->parts.cache);
			rte_free(worker->parts.flow);
			eg_vec_free(&worker->rx);
			eg_vec_free(&worker->tx);
			rte_free(worker);
		}
		rte_ring_free(workers->handoff[w]);
		rte_free(workers->stats[w]);
	}
	for (unsigned p = 0; p < workers->ports->n; p++) {
		for (unsigned q = 0; q < workers->ports->port[p].n_tx; q++)
			rte_ring_free(workers->ports->port[p].tx_ring[q]);
	}
	rte_ring_free(workers->resolver_shared.messages);
	rte_ring_free(workers->resolver_shared.packets);
	eg_neighs_free(workers->resolver_shared.neighs);
	workers->n = 0;
}
