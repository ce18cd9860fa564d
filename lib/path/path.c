/* The whole way of a packet.
 *
 *   clear side:      rx -> parse -> verify -> flow -> policy -> route -> mss -> sa_out -> ... -> tx
 *   encrypted side:  rx -> parse -> demux -> sa_in -> esp_in -> parse(inner) -> verify -> flow ->
 * ... -> tx
 *
 *   into a tunnel:   ... -> sa_out -> esp_out -> tx; what must be cut waits in sa_out
 *                    (path/fragment.h) and comes there again
 *   said by us:      ICMP about a burst, at its end: parse -> route -> mss -> ... -> tx
 *   for the gateway itself: out of route or demux to the kernel (path/kernel.h), and back:
 *   kernel's port:   rx -> parse -> verify -> flow -> ... -> tx
 *
 * Each stage works on path->batch, keeps the survivors in order and drops the others by name. */
#include "path/path.h"

#include <rte_cycles.h>

#include "path/drop.h"
#include "path/fragment.h"
#include "path/stages.h"
#include "path/vlan.h"

/* One burst in this many is timed: reading the clock ten times a burst would cost more than some
 * stages do. */
#define TIMED_BURSTS 16

/* Charge the cycles since the last stage's end to `stage`; packets: how many entered it. */
static void charge(struct eg_path *path, enum eg_stage stage, unsigned packets)
{
	uint64_t now;

	if (path->bursts % TIMED_BURSTS)
		return;
	now = rte_get_tsc_cycles();

	eg_count(&path->stats->cycles[stage], now - path->last_cycles);
	eg_count(&path->stats->packets[stage], packets);
	path->last_cycles = now;
}

static void run(struct eg_path *path, enum eg_stage stage, void (*function)(struct eg_path *))
{
	unsigned packets = path->batch.n;

	if (!packets)
		return;
	function(path);
	charge(path, stage, packets);
}

static void leave(struct eg_path *path)
{
	run(path, EG_STAGE_ROUTE, eg_route);
	eg_mss(path); /* its cycles are sa_out's */
	do { /* again with what sa_out found to be fragmented first, and what was behind it */
		run(path, EG_STAGE_SA_OUT, eg_sa_out);
		run(path, EG_STAGE_ESP_OUT, eg_esp_out);
		run(path, EG_STAGE_TX, eg_tx);
	} while (eg_fragment_more(path));
}

/* What the burst made us say: answers and errors. They pass no policy, for it is the gateway that
 * speaks; and nothing is said about them, so this ends. */
static void speak(struct eg_path *path)
{
	struct eg_batch *batch = &path->batch;

	if (!path->local.n)
		return;
	batch->n_removed = 0;
	batch->n = path->local.n;
	path->local.n = 0;
	for (unsigned i = 0; i < batch->n; i++) {
		batch->m[i] = path->local.m[i];
		batch->meta[i] = (struct eg_meta){.port = path->local.port[i], .local = true};
	}
	run(path, EG_STAGE_PARSE, eg_parse_inner);
	leave(path);
}

/* Plain packets, verified: policy, then into a tunnel or out by a clear port. */
static void forward(struct eg_path *path)
{
	if (path->policy) {
		run(path, EG_STAGE_FLOW, eg_flow_stage);
		run(path, EG_STAGE_POLICY, eg_policy_stage);
	}
	leave(path);
}

/* Packets from the wire that may be ESP for us. */
static void decrypt(struct eg_path *path)
{
	run(path, EG_STAGE_DEMUX, eg_demux);
	run(path, EG_STAGE_SA_IN, eg_sa_in);
	run(path, EG_STAGE_ESP_IN, eg_esp_in);
	run(path, EG_STAGE_PARSE, eg_parse_inner);
	run(path, EG_STAGE_VERIFY, eg_verify);
	eg_probe_replies(path); /* its cycles are the next stage's */
	forward(path);
}

/* Packets from pods. */
static void encrypt(struct eg_path *path)
{
	run(path, EG_STAGE_VERIFY, eg_verify_plain);
	forward(path);
}

/* The burst's end, for rates over the time in which there was something to do. */
static void mark_busy(struct eg_path *path, uint64_t start_cycles)
{
	struct eg_stats *stats = path->stats;

	path->bursts++;
	if (!eg_counted(&stats->first_cycles))
		eg_count(&stats->first_cycles, start_cycles);
	atomic_store_explicit(&stats->last_cycles, rte_get_tsc_cycles(), memory_order_relaxed);
}

/* The daemon starts closed: without a snapshot nothing is known of any packet. */
static void drop_all(struct eg_path *path)
{
	for (unsigned i = 0; i < path->batch.n; i++)
		eg_drop_mbuf(path, path->batch.m[i], EG_DROP_NO_SNAPSHOT);
}

/* What one port received, to its end. */
static void carry(struct eg_path *path, unsigned port)
{
	if (!path->world) {
		drop_all(path);
		return;
	}
	run(path, EG_STAGE_PARSE, eg_parse_frames);
	if (path->port[port].encrypted)
		decrypt(path);
	else
		encrypt(path);
	speak(path);
}

unsigned eg_path_receive(struct eg_path *path, const struct eg_snap *snap, unsigned port,
			 uint16_t queue)
{
	uint64_t start = rte_get_tsc_cycles();
	unsigned received;

	path->last_cycles = start;
	eg_path_use(path, snap);
	received = eg_rx(path, port, queue);
	if (!received)
		return 0;
	charge(path, EG_STAGE_RX, received);
	eg_path_read_links(path);
	if (!path->port[port].vlans)
		carry(path, port);
	while (path->vlan.n && eg_vlan_next(path))
		carry(path, path->batch.meta[0].port);
	if (snap)
		mark_busy(path, start);
	return received;
}

static unsigned receive_kernel(struct eg_path *path, const struct eg_snap *snap, unsigned port)
{
	uint64_t start = rte_get_tsc_cycles();
	unsigned received;

	path->last_cycles = start;
	eg_kernel_rx(path, port);
	received = path->batch.n;
	if (!received)
		return 0;
	charge(path, EG_STAGE_RX, received);
	eg_path_use(path, snap);
	eg_path_read_links(path);
	if (!snap) {
		drop_all(path);
		return received;
	}
	eg_kernel_link(path);
	run(path, EG_STAGE_PARSE, eg_parse_packets);
	run(path, EG_STAGE_VERIFY, eg_kernel_verify);
	if (path->port[port].encrypted)
		leave(path); /* its allow list is its policy */
	else
		forward(path);
	speak(path);
	mark_busy(path, start);
	return received;
}

unsigned eg_path_kernels(struct eg_path *path, const struct eg_snap *snap, bool receive)
{
	unsigned n;

	if (!path->resolver.on || !path->kernel_shared.packets)
		return 0;
	n = eg_kernel_deliver(path);
	for (unsigned port = 0; receive && port < path->n_ports; port++) {
		if (path->port[port].kernel.on)
			n += receive_kernel(path, snap, port);
	}
	return n;
}

unsigned eg_path_receive_handoff(struct eg_path *path, const struct eg_snap *snap)
{
	struct eg_batch *batch = &path->batch;
	uint64_t start;
	unsigned taken;

	batch->n_removed = 0;
	batch->n = rte_ring_sc_dequeue_burst(path->handoff[path->worker], (void **)batch->m,
					     EG_BATCH_MAX, NULL);
	if (!batch->n)
		return 0;
	start = rte_get_tsc_cycles();
	path->last_cycles = start;
	eg_path_use(path, snap);
	eg_path_read_links(path);
	for (unsigned i = 0; i < batch->n; i++)
		batch->meta[i].port = (uint8_t)batch->m[i]->port; /* as eg_handoff() left it */
	taken = batch->n;
	if (!snap) {
		drop_all(path);
		return taken;
	}
	run(path, EG_STAGE_PARSE, eg_parse_packets);
	decrypt(path);
	speak(path);
	mark_busy(path, start);
	return taken;
}

unsigned eg_path_resolve(struct eg_path *path, const struct eg_snap *snap, uint64_t now_ms,
			 bool ending)
{
	unsigned n;

	if (!path->resolver.on)
		return 0;
	eg_path_use(path, snap);
	path->last_cycles = rte_get_tsc_cycles();
	n = eg_resolver_poll(path, now_ms, ending);
	speak(path);
	return n;
}
