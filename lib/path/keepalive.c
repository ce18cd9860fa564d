/* Keepalives of UDP encapsulation (RFC 3948 s4): a NAT between the gateways forgets a mapping that
 * nobody uses. Each worker looks after its share of the peers with udp_encap, a few at a turn, and
 * once a second at all of them. */
#include <rte_cycles.h>

#include "path/drop.h"
#include "path/outer.h"
#include "path/stages.h"

#define IDLE_S     20 /* RFC 3948 s4: the default */
#define LOOKS_TURN 16 /* no turn gets longer than by so many peers */

static uint64_t packets_sent(const struct eg_tunnel *tunnel)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < tunnel->n_out; i++)
		sum += atomic_load_explicit(&tunnel->out[i]->packets, memory_order_relaxed);
	return sum;
}

/* Was nothing sent for so long? Then a keepalive is sent now. */
static bool is_due(struct eg_snap_idle *idle, const struct eg_tunnel *tunnel, uint64_t now,
		   uint64_t limit_cycles)
{
	uint64_t packets = packets_sent(tunnel);
	bool busy = packets != idle->packets, known = idle->cycles;

	if (known && !busy && now - idle->cycles < limit_cycles)
		return false;
	idle->packets = packets;
	idle->cycles = now;
	return !known || !busy;
}

/* From port 4500, or the first of several: one mapping stays open. */
static void make(struct eg_path *path, const struct eg_tunnel *tunnel)
{
	const struct eg_outer outer = {.len = (uint16_t)(tunnel->outer_len + 1), .df = EG_IP4_DF};
	struct rte_mbuf *m = rte_pktmbuf_alloc(path->pool);
	struct eg_batch *batch = &path->batch;
	uint8_t *at = m ? (uint8_t *)rte_pktmbuf_append(m, outer.len) : NULL;

	if (!at) { /* others need the buffers more; the next one comes in time */
		rte_pktmbuf_free(m);
		return;
	}
	eg_outer_write_ip(at, tunnel, &outer);
	eg_outer_write_udp(at + tunnel->ip_len,
			   tunnel->n_sports > 1 ? EG_TUNNEL_SPORT_BASE : EG_UDP_PORT_ESP,
			   eg_outer_set_endpoint(at, tunnel), EG_UDP_LEN + 1);
	at[tunnel->outer_len] = 0xff;
	if (tunnel->ip_len == EG_IP6_LEN)
		eg_outer_sum_udp6(at, EG_IP6_LEN, outer.len);
	batch->m[batch->n] = m;
	batch->meta[batch->n] =
		(struct eg_meta){.port = tunnel->hop.port, .tunnel = tunnel, .sealed = true};
	batch->n++;
	eg_count(&path->stats->local[EG_LOCAL_KEEPALIVE], 1);
}

unsigned eg_path_send_keepalives(struct eg_path *path, const struct eg_snap *snap)
{
	uint64_t now;
	unsigned made;

	if (!snap->n_idles)
		return 0;
	now = rte_get_tsc_cycles();
	if (now < path->keepalive.next_cycles)
		return 0;
	eg_path_use(path, snap);
	eg_path_read_links(path);
	path->batch.n = path->batch.n_removed = 0;
	for (unsigned i = 0; i < LOOKS_TURN && path->keepalive.next < snap->n_idles; i++) {
		struct eg_snap_idle *idle = &snap->idles[path->keepalive.next];
		const struct eg_tunnel *tunnel = &snap->tunnels[idle->tunnel];

		if (path->keepalive.next % path->n_workers == path->worker &&
		    eg_hop_is_port(&tunnel->hop) && !eg_link_is_down(path, tunnel->hop.port) &&
		    is_due(idle, tunnel, now, IDLE_S * path->cycles_per_s))
			make(path, tunnel);
		path->keepalive.next++;
	}
	if (path->keepalive.next >= snap->n_idles) {
		path->keepalive.next = 0;
		path->keepalive.next_cycles = now + path->cycles_per_s;
	}
	made = path->batch.n;
	if (made)
		eg_tx(path);
	return made;
}
