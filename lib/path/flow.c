/* Find the connection of each packet. Packets of an allowed connection pass without another policy
 * evaluation; the rest are marked for the policy stage.
 *
 * Connections exist for TCP, UDP, SCTP, ICMP echo, and, by addresses alone, any other protocol.
 * Policy evaluates every other ICMP message, and every echo reply without a request, on its own.
 * The policy stage handles packets that are related to a connection (ICMP errors, later fragments):
 * path/related.h. */
#include "path/stages.h"

#include "path/drop.h"
#include "path/related.h"

/* Prepare the lookup, if the packet can belong to a connection. */
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

/* An echo reply never opens a connection. In its lookup the port of its sender is 0
 * (eg_echo_ports()). */
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
		/* Later fragments get no verdict of their own: they follow their first one. */
		meta->need = meta->pkt.frag == EG_FRAG_LATER ? EG_FLOW_PASS : EG_NEED_ALONE;
		if (start(path, i, &path->lookups.v[n])) {
			meta->lookup = (uint8_t)n;
			path->lookups.packet[n++] = (uint8_t)i;
		}
	}
	path->lookups.n = n;
	eg_flow_find(path->flow, path->lookups.v, n, &path->lookups.now);
	for (unsigned k = 0; k < n; k++) {
		struct eg_meta *meta = &batch->meta[path->lookups.packet[k]];
		bool opens = path->lookups.v[k].need == EG_FLOW_DECIDE;

		meta->need = opens && is_echo_reply(&meta->pkt) ? EG_NEED_ALONE
								: path->lookups.v[k].need;
	}
}
