/* Which connection each packet belongs to. What an allowed connection carries passes here without
 * asking policy again; the rest is marked for the next stage.
 *
 * What has a connection: TCP, UDP, SCTP, ICMP echo, and any other protocol by its addresses alone.
 * Other ICMP messages, and replies to an echo that nobody sent, are decided each by itself. What
 * belongs to a connection without being of it (ICMP errors, fragments) is for the policy stage:
 * path/related.h. */
#include "path/stages.h"

#include "path/drop.h"
#include "path/related.h"

/* Start a lookup where the packet has the shape of a connection's. */
static bool start(struct eg_path *path, unsigned i, struct eg_lookup *lookup)
{
	const struct eg_pkt *pkt = &path->batch.meta[i].pkt;
	const uint8_t *data = eg_batch_data(&path->batch, i);
	struct eg_flow_tuple tuple = eg_packet_ends(data, pkt->version, pkt->proto);

	if (pkt->frag == EG_FRAG_LATER)
		return false;
	tuple.sport = pkt->sport;
	tuple.dport = pkt->dport;
	if ((pkt->proto == EG_PROTO_ICMP || pkt->proto == EG_PROTO_ICMP6) &&
	    !eg_echo_ports(&tuple, data + pkt->l4_off))
		return false;
	eg_lookup_make(
		lookup, path->flow, &tuple,
		eg_conn_event(pkt->proto, data + pkt->l4_off, (uint32_t)pkt->len - pkt->l4_off));
	if (pkt->proto == EG_PROTO_TCP)
		lookup->segment =
			eg_tcp_segment(data + pkt->l4_off, (uint32_t)pkt->len - pkt->l4_off);
	return true;
}

/* An echo reply opens nothing. Its lookup has 0 for its own end's port (eg_echo_ports()). */
static bool is_echo_reply(const struct eg_pkt *pkt)
{
	unsigned type = pkt->dport >> 8;

	return (pkt->proto == EG_PROTO_ICMP && type == EG_ICMP_ECHO_REPLY) ||
	       (pkt->proto == EG_PROTO_ICMP6 && type == EG_ICMP6_ECHO_REPLY);
}

void eg_flow_stage(struct eg_path *path)
{
	struct eg_batch *batch = &path->batch;
	unsigned n = 0;

	path->lookups.now = (struct eg_flow_now){
		.generation = (uint32_t)path->policy->generation,
		.s = (uint32_t)(path->now.cycles / path->cycles_per_s),
		.keep_existing = path->policy->keep_existing,
	};
	for (unsigned i = 0; i < batch->n; i++) {
		struct eg_meta *meta = &batch->meta[i];

		meta->lookup = EG_NO_LOOKUP;
		/* Fragments behind the first are not decided: they follow. */
		meta->need = meta->pkt.frag == EG_FRAG_LATER ? EG_FLOW_PASS : EG_NEED_ALONE;
		if (start(path, i, &path->lookups.v[n])) {
			meta->lookup = (uint8_t)n;
			path->lookups.packet[n++] = (uint8_t)i;
		}
	}
	eg_flow_find(path->flow, path->lookups.v, n, &path->lookups.now);
	for (unsigned k = 0; k < n; k++) {
		struct eg_meta *meta = &batch->meta[path->lookups.packet[k]];
		bool opens = path->lookups.v[k].need == EG_FLOW_DECIDE;

		meta->need = opens && is_echo_reply(&meta->pkt) ? EG_NEED_ALONE
								: path->lookups.v[k].need;
	}
}
