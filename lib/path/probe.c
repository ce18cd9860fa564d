/* Probes are ICMP echo requests, each through its own tunnel and from one worker. The far gateway
 * replies as to any echo request, through the tunnel that the request came out of (route.c). */
#include "path/probe.h"

#include "base/clock.h"
#include "net/bytes.h"
#include "path/drop.h"
#include "path/icmp.h"
#include "path/related.h"
#include "path/stages.h"

#define TUNNELS_PER_POLL 16 /* bounds the cost of a poll */
#define PASS_NS          EG_NS_PER_MS
#define ECHO_LEN         8 /* a header, no data */

_Static_assert(TUNNELS_PER_POLL <= EG_BATCH_MAX, "a poll's probes are one batch");

/* RFC 792, RFC 4443 s4.1. eg_icmp_put_header() writes the checksum. */
static void put_echo(uint8_t *icmp, uint8_t type, const struct eg_liveness *liveness)
{
	icmp[0] = type;
	memset(icmp + 1, 0, 3);
	eg_put16(icmp + 4, liveness->id);
	eg_put16(icmp + 6, eg_liveness_sequence(liveness));
}

static void make(struct eg_path *path, const struct eg_tunnel *tunnel)
{
	bool v4 = tunnel->target.family == 4;
	unsigned head = v4 ? EG_IP4_LEN : EG_IP6_LEN;
	struct rte_mbuf *m = rte_pktmbuf_alloc(path->pool);
	uint8_t *out;

	if (!m) /* counts as unanswered; the next one is sent on schedule */
		return;
	out = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(head + ECHO_LEN));
	put_echo(out + head, v4 ? EG_ICMP_ECHO : EG_ICMP6_ECHO, tunnel->liveness);
	eg_icmp_put_header(out, (uint16_t)(head + ECHO_LEN), &tunnel->source, &tunnel->target);
	/* Through this tunnel, whatever the route to the target is. */
	eg_batch_add(
		&path->batch, m,
		(struct eg_meta){.port = tunnel->hop.port, .hop = &tunnel->into, .local = true});
	eg_count(&path->stats->local[EG_LOCAL_ECHO_REQUEST], 1);
}

static void check(struct eg_path *path, uint32_t id, uint64_t now_ns)
{
	const struct eg_tunnel *tunnel = eg_tunnel_get(path->tunnels, id);
	struct eg_liveness *liveness = tunnel ? tunnel->liveness : NULL;
	uint32_t changes;

	if (!liveness || liveness->worker != path->worker)
		return;
	changes = atomic_load_explicit(&liveness->changes, memory_order_relaxed);
	if (eg_hop_is_port(&tunnel->hop) && eg_link_is_down(path, tunnel->hop.port))
		eg_liveness_link_down(liveness, now_ns);
	if (eg_liveness_poll(liveness, &tunnel->plan, now_ns))
		make(path, tunnel);
	eg_tunnel_note_liveness(path->tunnels, tunnel);
	if (atomic_load_explicit(&liveness->changes, memory_order_relaxed) != changes)
		eg_path_report(path, EG_TUNNEL_EVENT_LIVENESS, id);
}

unsigned eg_probe_fill(struct eg_path *path, uint64_t now_ns)
{
	const struct eg_id_list *list = &path->tunnels->probes;
	struct eg_probe *pass = &path->probe;
	uint32_t n = eg_id_list_n(list);

	for (unsigned i = 0; i < TUNNELS_PER_POLL && pass->next < n; i++)
		check(path, eg_id_list_at(list, pass->next++), now_ns);
	if (pass->next >= n) {
		pass->next = 0;
		pass->next_ns = now_ns + PASS_NS;
	}
	return path->batch.n;
}

/* The liveness of the tunnel that packet i came out of, if the packet is a reply from that tunnel's
 * target to a probe; else NULL. */
static struct eg_liveness *find_probe(const struct eg_path *path, unsigned i)
{
	const struct eg_meta *meta = &path->batch.meta[i];
	const struct eg_pkt *pkt = &meta->pkt;
	bool v4 = pkt->version == 4;
	const struct eg_tunnel *tunnel;
	struct eg_flow_tuple ends;

	if (pkt->proto != (v4 ? EG_PROTO_ICMP : EG_PROTO_ICMP6) ||
	    pkt->dport >> 8 != (v4 ? EG_ICMP_ECHO_REPLY : EG_ICMP6_ECHO_REPLY) || pkt->frag)
		return NULL;
	tunnel = meta->from_tunnel;
	if (!tunnel->liveness || pkt->sport != tunnel->liveness->id ||
	    pkt->version != tunnel->target.family)
		return NULL;
	ends = eg_packet_ends(eg_batch_data(&path->batch, i), pkt->version, pkt->proto);
	return !memcmp(ends.src, tunnel->target.bytes, v4 ? 4 : 16) &&
			       !memcmp(ends.dst, tunnel->source.bytes, v4 ? 4 : 16)
		       ? tunnel->liveness
		       : NULL;
}

void eg_probe_replies(struct eg_path *path)
{
	struct eg_batch *batch = &path->batch;

	if (!eg_id_list_n(&path->tunnels->probes))
		return;
	for (unsigned i = 0; i < batch->n; i++) {
		struct eg_liveness *liveness = find_probe(path, i);

		if (!liveness)
			continue;
		eg_liveness_reply(liveness, eg_get16(eg_batch_data(batch, i) +
						     batch->meta[i].pkt.l4_off + 6));
		eg_batch_remove(batch, i, eg_consume(path, batch->m[i]));
	}
	eg_batch_sweep(path);
}
