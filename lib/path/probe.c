/* Do the peers live? They are asked by ICMP echo, each through its own tunnel and by one worker;
 * the verdicts are route's (route/alive.h). The far gateway answers as it answers anybody, by the
 * tunnel that the question came out of (route.c). */
#include "base/clock.h"
#include "net/bytes.h"
#include "path/drop.h"
#include "path/icmp.h"
#include "path/related.h"
#include "path/stages.h"

#define LOOKS_TURN 16 /* no turn gets longer than by so many peers */
#define LOOK_NS    EG_NS_PER_MS
#define ECHO_LEN   8 /* a header, no data */

/* RFC 792, RFC 4443 s4.1. Its checksum is eg_icmp_wrap()'s. */
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
	struct eg_batch *batch = &path->batch;
	uint8_t *out;

	if (!m) /* one that is not answered: so will the next be sent */
		return;
	out = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(head + ECHO_LEN));
	put_echo(out + head, v4 ? EG_ICMP_ECHO : EG_ICMP6_ECHO, tunnel->liveness);
	eg_icmp_wrap(out, (uint16_t)(head + ECHO_LEN), &tunnel->source, &tunnel->target);
	batch->m[batch->n] = m;
	/* Through the peer's own tunnel, whatever route leads to the target. */
	batch->meta[batch->n] =
		(struct eg_meta){.port = tunnel->hop.port, .hop = &tunnel->into, .local = true};
	batch->n++;
	eg_count(&path->stats->local[EG_LOCAL_ECHO_REQUEST], 1);
}

/* A look at one peer. */
static void look(struct eg_path *path, const struct eg_tunnel *tunnel, uint64_t now_ns)
{
	struct eg_liveness *liveness = tunnel->liveness;

	if (liveness->worker != path->worker)
		return;
	if (eg_hop_is_port(&tunnel->hop) && eg_link_is_down(path, tunnel->hop.port))
		eg_liveness_link_down(liveness, now_ns);
	if (eg_liveness_poll(liveness, &tunnel->plan, now_ns))
		make(path, tunnel);
}

unsigned eg_path_send_probes(struct eg_path *path, const struct eg_snap *snap, uint64_t now_ns)
{
	unsigned made;

	if (!snap->n_probes || now_ns < path->probe.next_ns)
		return 0;
	eg_path_use(path, snap);
	path->batch.n = path->batch.n_removed = 0;
	eg_path_read_links(path);
	for (unsigned i = 0; i < LOOKS_TURN && path->probe.next < snap->n_probes; i++)
		look(path, &snap->tunnels[snap->probes[path->probe.next++]], now_ns);
	if (path->probe.next >= snap->n_probes) {
		path->probe.next = 0;
		path->probe.next_ns = now_ns + LOOK_NS;
	}
	made = path->batch.n;
	if (made) {
		eg_parse_inner(path);
		eg_sa_out(path);
		eg_esp_out(path);
		eg_tx(path);
	}
	return made;
}

/* An echo reply from the target of the very peer by whose SA it came, to our question. */
static struct eg_liveness *answers(const struct eg_path *path, unsigned i)
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

	if (!path->snap->n_probes)
		return;
	for (unsigned i = 0; i < batch->n; i++) {
		struct eg_liveness *liveness = answers(path, i);

		if (!liveness)
			continue;
		eg_liveness_reply(liveness, eg_get16(eg_batch_data(batch, i) +
						     batch->meta[i].pkt.l4_off + 6));
		eg_batch_remove(batch, i, eg_consume(path, batch->m[i]));
	}
	eg_batch_sweep(path);
}
