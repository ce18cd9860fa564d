/* Each worker checks its share of the tunnels with udp_encap, a few per poll, and all of them once
 * per second. */
#include "path/keepalive.h"

#include "path/outer.h"
#include "path/path.h"

#define IDLE_S         20 /* RFC 3948 s4: the default */
#define TUNNELS_A_POLL 16 /* bounds what a poll costs */

_Static_assert(TUNNELS_A_POLL <= EG_BATCH_MAX, "a poll's keepalives are one batch");

static uint64_t packets_sent(const struct eg_out_set *out)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; out && i < out->n; i++)
		sum += atomic_load_explicit(&out->sa[i]->packets, memory_order_relaxed);
	return sum;
}

/* Was nothing sent for that long? Then a keepalive is due now. */
static bool is_due(struct eg_keepalive_clock *clock, const struct eg_out_set *out, uint64_t now,
		   uint64_t limit_cycles)
{
	uint64_t packets = packets_sent(out);
	bool busy = packets != clock->packets, known = clock->cycles;

	if (known && !busy && now - clock->cycles < limit_cycles)
		return false;
	clock->packets = packets;
	clock->cycles = now;
	return !known || !busy;
}

/* From port 4500, or the first of several source ports: one mapping stays open. */
static void make(struct eg_path *path, const struct eg_tunnel *tunnel)
{
	const struct eg_outer outer = {.len = (uint16_t)(tunnel->outer_len + 1), .df = EG_IP4_DF};
	struct rte_mbuf *m = rte_pktmbuf_alloc(path->pool);
	uint8_t *at = m ? (uint8_t *)rte_pktmbuf_append(m, outer.len) : NULL;

	if (!at) { /* packets need the buffers more; the next one comes in time */
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
	eg_batch_add(&path->batch, m,
		     (struct eg_meta){.port = tunnel->hop.port, .tunnel = tunnel, .sealed = true});
	eg_count(&path->stats->local[EG_LOCAL_KEEPALIVE], 1);
}

static void check(struct eg_path *path, uint32_t id)
{
	const struct eg_tunnel *tunnel = eg_tunnel_get(path->tunnels, id);

	if (tunnel && tunnel->encap && eg_tunnel_worker(id, path->n_workers) == path->worker &&
	    eg_hop_is_port(&tunnel->hop) && !eg_link_is_down(path, tunnel->hop.port) &&
	    is_due(&tunnel->state->keepalive, eg_tunnel_out(path->tunnels, id), path->now.cycles,
		   IDLE_S * path->cycles_per_s))
		make(path, tunnel);
}

unsigned eg_keepalive_fill(struct eg_path *path)
{
	const struct eg_id_list *list = &path->tunnels->keepalives;
	struct eg_keepalive *pass = &path->keepalive;
	uint32_t n = eg_id_list_n(list);

	if (path->now.cycles < pass->next_cycles)
		return 0;
	for (unsigned i = 0; i < TUNNELS_A_POLL && pass->next < n; i++)
		check(path, eg_id_list_at(list, pass->next++));
	if (pass->next >= n) {
		pass->next = 0;
		pass->next_cycles = path->now.cycles + path->cycles_per_s;
	}
	return path->batch.n;
}
