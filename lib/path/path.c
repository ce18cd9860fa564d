/* clang-format off */
/* The packet path: every stage, in order. Each works on path->batch, keeps the survivors in order
 * and drops the others by name.
 *
 *   clear port      rx - cache - parse - verify -----------------------------------------------+
 *   encrypted port  rx - front - sa_in - esp_in - cache - parse(inner) - verify - probe -------+
 *                                          flow - policy - route - mss - sa_out - learn - esp_out - tx
 *
 * The forwarding cache (cache.h) has the whole decision about packets of established connections:
 * these leave the batch at `cache`, with their headers written (known.c, known_out.c), and take
 * only seal (if they go into a tunnel) and tx. The others take the full path, which teaches the
 * cache at `learn`. front recognizes ordinary ESP; other frames go rx - parse - demux - sa_in ...
 *
 * Packets that enter elsewhere:
 *   other workers   handoff ring - parse - demux ...
 *   kernel device   rx - kernel - parse - verify - flow ...    of an encrypted port: - route ...
 *   this gateway    ICMP errors, echo replies  parse - route ...
 *                   probes                     probe - parse - sa_out ...
 *                   keepalives                 keepalive - tx
 *                   ARP, ND, packets whose     resolve - tx
 *                   neighbour has answered
 * Packets that leave before tx:
 *   parse           ARP and ND: to the resolver
 *   demux, sa_in    fragments and ESP of another worker: to that worker; fragments: wait here
 *   demux, route    packets for the gateway: to the kernel device, or answered
 *   probe           replies to probes
 *   tx              packets whose next hop's MAC is not known: to the resolver
 * sa_out stops at a packet that must be fragmented before it is sealed: that one and the rest of
 * the batch wait, and enter sa_out again.
 */
/* clang-format on */
#include "path/path.h"

#include <rte_cycles.h>

#include "path/drop.h"
#include "path/ring.h"
#include "path/stages.h"

/* One burst in this many is timed: reading the clock ten times per burst would cost more than some
 * stages do. */
#define TIMED_BURSTS 16

/* Charge the cycles since the end of the last stage to `stage`; packets: how many entered it. */
static void charge(struct eg_path *path, enum eg_stage stage, unsigned packets)
{
	uint64_t now;

	if (path->bursts % TIMED_BURSTS)
		return;
	now = rte_get_tsc_cycles();
	eg_count(&path->stats->cycles[stage], now - path->stage_end_cycles);
	eg_count(&path->stats->packets[stage], packets);
	path->stage_end_cycles = now;
}

static void run(struct eg_path *path, enum eg_stage stage, void (*function)(struct eg_path *))
{
	unsigned packets = path->batch.n;

	if (!packets)
		return;
	function(path);
	charge(path, stage, packets);
}

/* A burst or poll starts: its time, its snapshot, its links, and an empty batch. */
static void begin(struct eg_path *path, const struct eg_snap *snap)
{
	path->now = (struct eg_path_time){.cycles = eg_path_cycles(path)};
	path->stage_end_cycles = path->now.cycles;
	eg_path_use(path, snap);
	eg_path_read_links(path);
	path->batch.n = path->batch.n_removed = 0;
}

/* A burst of received packets ends: for rates over the time in which there was work. */
static void end(struct eg_path *path, unsigned packets)
{
	struct eg_stats *stats = path->stats;
	uint64_t now = rte_get_tsc_cycles();

	path->bursts++;
	eg_count(&stats->bursts, 1);
	eg_count(&stats->burst_packets, packets);
	eg_count(&stats->busy_cycles, now - path->now.cycles);
	if (!eg_counted(&stats->first_cycles))
		eg_count(&stats->first_cycles, path->now.cycles);
	atomic_store_explicit(&stats->last_cycles, now, memory_order_relaxed);
}

/* Packets that the forwarding cache knows: their headers are written. */
static void send_known(struct eg_path *path)
{
	unsigned n = path->known.n;

	if (!n)
		return;
	eg_known_seal(path);
	charge(path, EG_STAGE_SEAL, n);
	eg_tx_known(path);
	charge(path, EG_STAGE_TX, n);
}

/* The hop is known: into its tunnel, or out by a clear port. */
static void send_out(struct eg_path *path)
{
	do { /* again while packets wait because they must be fragmented first */
		run(path, EG_STAGE_SA_OUT, eg_sa_out);
		if (path->cache)
			run(path, EG_STAGE_LEARN, eg_learn);
		run(path, EG_STAGE_ESP_OUT, eg_esp_out);
		run(path, EG_STAGE_TX, eg_tx);
	} while (__builtin_expect(path->waiting.n != 0, 0) && eg_fragment_next(path));
}

static void route(struct eg_path *path)
{
	run(path, EG_STAGE_ROUTE, eg_route);
	run(path, EG_STAGE_MSS, eg_mss);
	send_out(path);
}

/* Plain packets whose source was verified. */
static void forward(struct eg_path *path)
{
	if (path->policy) {
		run(path, EG_STAGE_FLOW, eg_flow_stage);
		run(path, EG_STAGE_POLICY, eg_policy_stage);
		if (path->cache)
			eg_forget(path);
	}
	route(path);
}

/* Frames from a clear port. */
static void encrypt(struct eg_path *path, unsigned port)
{
	unsigned n = path->batch.n;

	if (path->cache) {
		eg_known_plain(path, port);
		charge(path, EG_STAGE_CACHE, n);
		send_known(path);
	}
	run(path, EG_STAGE_PARSE, eg_parse_frames);
	run(path, EG_STAGE_VERIFY, eg_verify_plain);
	forward(path);
}

/* ESP: parsed packets that demux has found to be that. */
static void decrypt(struct eg_path *path)
{
	unsigned n;

	run(path, EG_STAGE_SA_IN, eg_sa_in);
	run(path, EG_STAGE_ESP_IN, eg_esp_in);
	n = path->batch.n;
	if (path->cache && n) {
		eg_known_opened(path);
		charge(path, EG_STAGE_CACHE, n);
		send_known(path);
	}
	run(path, EG_STAGE_PARSE, eg_parse_inner);
	run(path, EG_STAGE_VERIFY, eg_verify);
	run(path, EG_STAGE_PROBE, eg_probe_replies);
	forward(path);
}

/* Frames from an encrypted port. */
static void receive_encrypted(struct eg_path *path, unsigned port)
{
	if (path->cache) {
		run(path, EG_STAGE_FRONT, eg_front);
		decrypt(path);
		eg_take_aside(path, port);
	}
	run(path, EG_STAGE_PARSE, eg_parse_frames);
	run(path, EG_STAGE_DEMUX, eg_demux);
	decrypt(path);
}

/* Send the ICMP errors and echo replies that a burst caused. Policy does not apply to locally
 * originated packets, and no errors are made about them, so this terminates. */
static void send_local(struct eg_path *path)
{
	if (!path->local.n)
		return;
	path->batch.n_removed = 0;
	path->batch.n = path->local.n;
	path->local.n = 0;
	memcpy(path->batch.m, path->local.m, path->batch.n * sizeof(*path->batch.m));
	memcpy(path->batch.meta, path->local.meta, path->batch.n * sizeof(*path->batch.meta));
	run(path, EG_STAGE_PARSE, eg_parse_inner);
	route(path);
}

/* The daemon starts closed: without a snapshot nothing is known about any packet. */
static void drop_all(struct eg_path *path)
{
	for (unsigned i = 0; i < path->batch.n; i++)
		eg_drop_mbuf(path, path->batch.m[i], EG_DROP_NO_SNAPSHOT);
	path->batch.n = 0;
}

/* Frames received by one port. */
static void receive(struct eg_path *path, unsigned port)
{
	if (!path->world) {
		drop_all(path);
		return;
	}
	if (path->port[port].encrypted)
		receive_encrypted(path, port);
	else
		encrypt(path, port);
	send_local(path);
}

unsigned eg_path_receive(struct eg_path *path, const struct eg_snap *snap, unsigned port,
			 uint16_t queue)
{
	unsigned received;

	begin(path, snap);
	received = eg_rx(path, port, queue);
	if (!received)
		return 0;
	charge(path, EG_STAGE_RX, received);
	if (!path->port[port].vlans)
		receive(path, port);
	while (path->vlan.n && eg_vlan_next(path))
		receive(path, path->batch.meta[0].port);
	if (snap)
		end(path, received);
	return received;
}

unsigned eg_path_receive_handoff(struct eg_path *path, const struct eg_snap *snap)
{
	struct eg_batch *batch = &path->batch;
	unsigned received;

	received = rte_ring_sc_dequeue_burst(path->handoff[path->worker], (void **)batch->m,
					     EG_BATCH_MAX, NULL);
	if (!received)
		return 0;
	begin(path, snap);
	batch->n = received;
	for (unsigned i = 0; i < received; i++)
		batch->meta[i].port = (uint8_t)batch->m[i]->port; /* as eg_handoff() left it */
	if (!snap) {
		drop_all(path);
		return received;
	}
	run(path, EG_STAGE_PARSE, eg_parse_packets);
	run(path, EG_STAGE_DEMUX, eg_demux);
	decrypt(path);
	send_local(path);
	end(path, received);
	return received;
}

static unsigned receive_kernel(struct eg_path *path, const struct eg_snap *snap, unsigned port)
{
	unsigned received;

	begin(path, snap);
	received = eg_kernel_rx(path, port);
	if (!received)
		return 0;
	charge(path, EG_STAGE_RX, received);
	if (!snap) {
		drop_all(path);
		return received;
	}
	run(path, EG_STAGE_KERNEL, eg_kernel_link);
	run(path, EG_STAGE_PARSE, eg_parse_packets);
	run(path, EG_STAGE_VERIFY, eg_kernel_verify);
	if (path->port[port].encrypted)
		route(path); /* its allow list is its policy */
	else
		forward(path);
	send_local(path);
	end(path, received);
	return received;
}

unsigned eg_path_kernels(struct eg_path *path, const struct eg_snap *snap, bool receive_too)
{
	unsigned n;

	if (!path->resolver.on || !path->kernel_shared.packets)
		return 0;
	n = eg_kernel_deliver(path);
	for (unsigned port = 0; receive_too && port < path->n_ports; port++) {
		if (path->port[port].kernel.on)
			n += receive_kernel(path, snap, port);
	}
	return n;
}

unsigned eg_path_resolve(struct eg_path *path, const struct eg_snap *snap, uint64_t now_ms,
			 bool ending)
{
	if (!path->resolver.on)
		return 0;
	begin(path, snap);
	eg_resolver_begin(path, now_ms, ending);
	while (eg_resolver_fill(path)) {
		charge(path, EG_STAGE_RESOLVE, path->batch.n);
		run(path, EG_STAGE_TX, eg_tx_frames);
	}
	send_local(path);
	return path->resolver.taken;
}

unsigned eg_path_send_keepalives(struct eg_path *path, const struct eg_snap *snap)
{
	unsigned made;

	if (!eg_id_list_n(&path->tunnels->keepalives)) {
		path->keepalive.next = 0; /* the last ones were removed during a pass */
		return 0;
	}
	begin(path, snap);
	made = eg_keepalive_fill(path);
	if (made)
		charge(path, EG_STAGE_KEEPALIVE, made);
	run(path, EG_STAGE_TX, eg_tx);
	return made;
}

unsigned eg_path_send_probes(struct eg_path *path, const struct eg_snap *snap, uint64_t now_ns)
{
	unsigned made;

	if (!eg_id_list_n(&path->tunnels->probes)) {
		path->probe.next = 0; /* as above */
		return 0;
	}
	if (now_ns < path->probe.next_ns)
		return 0;
	begin(path, snap);
	made = eg_probe_fill(path, now_ns);
	if (made)
		charge(path, EG_STAGE_PROBE, made);
	run(path, EG_STAGE_PARSE, eg_parse_inner);
	send_out(path);
	return made;
}

bool eg_path_has_work(const struct eg_path *path)
{
	const struct rte_ring *to_kernel = path->kernel_shared.packets;

	if (path->keepalive.next || path->probe.next)
		return true;
	return path->resolver.on && (eg_ring_has_some(path->resolver_shared.packets) ||
				     eg_ring_has_some(path->resolver_shared.messages) ||
				     (to_kernel && eg_ring_has_some(to_kernel)));
}

unsigned eg_path_transmit(struct eg_path *path, unsigned port, struct rte_ring *ring,
			  uint16_t queue)
{
	return eg_tx_ring(path, port, ring, queue);
}
