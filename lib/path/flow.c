/* Which connection each packet belongs to. What an allowed connection carries passes here without
 * asking policy again; the rest is marked for the next stage.
 *
 * What has a connection: TCP, UDP, SCTP, ICMP echo, and any other protocol by its addresses alone.
 * An ICMP error belongs to the connection whose packet it quotes. Other ICMP messages, and replies
 * to an echo that nobody sent, are decided each by itself. Fragments behind the first have no
 * ports: the policy stage lets them follow. */
#include "path/stages.h"

#include <rte_cycles.h>

#include "net/bytes.h"
#include "path/drop.h"

enum {
	ICMP_ECHO_REPLY = 0,
	ICMP_ECHO = 8,
	ICMP6_ECHO = 128,
	ICMP6_ECHO_REPLY = 129,
};

static struct eg_flow_tuple addresses(const uint8_t *data, const struct eg_pkt *pkt)
{
	bool v4 = pkt->version == 4;

	return (struct eg_flow_tuple){
		.src = data + (v4 ? offsetof(struct eg_ip4, src) : offsetof(struct eg_ip6, src)),
		.dst = data + (v4 ? offsetof(struct eg_ip4, dst) : offsetof(struct eg_ip6, dst)),
		.proto = pkt->proto,
		.version = pkt->version,
	};
}

/* Destination unreachable, time exceeded, parameter problem; ICMPv6 errors are those below 128. */
static bool is_icmp_error(const struct eg_pkt *pkt)
{
	unsigned type = pkt->dport >> 8;

	if (pkt->proto == EG_PROTO_ICMP)
		return type == 3 || type == 11 || type == 12;
	return pkt->proto == EG_PROTO_ICMP6 && type < 128;
}

/* Does the packet that an ICMP error quotes belong to a connection, and was it the receiver's? The
 * quoted packet may be cut off behind its ports (RFC 792; RFC 4443 s2.4), so it cannot be parsed
 * like a whole one. */
static bool quotes_connection(const struct eg_path *path, const uint8_t *data,
			      const struct eg_pkt *pkt)
{
	const uint8_t *quote = data + pkt->l4_off + 8;
	uint32_t left = (uint32_t)pkt->len - pkt->l4_off - 8, head;
	struct eg_pkt quoted = {.version = pkt->version};
	struct eg_flow_tuple tuple, outer = addresses(data, pkt);

	if (left < (pkt->version == 4 ? EG_IP4_LEN : EG_IP6_LEN) || quote[0] >> 4 != pkt->version)
		return false;
	head = pkt->version == 4 ? (quote[0] & 15u) * 4 : EG_IP6_LEN;
	if (head < EG_IP4_LEN || left < head + 8)
		return false;
	quoted.proto = pkt->version == 4 ? ((const struct eg_ip4 *)quote)->proto
					 : ((const struct eg_ip6 *)quote)->next;
	tuple = addresses(quote, &quoted);
	if (memcmp(tuple.src, outer.dst, pkt->version == 4 ? 4 : 16))
		return false;
	switch (quoted.proto) {
	case EG_PROTO_TCP:
	case EG_PROTO_UDP:
	case EG_PROTO_SCTP:
		tuple.sport = eg_get16(quote + head);
		tuple.dport = eg_get16(quote + head + 2);
		break;
	case EG_PROTO_ICMP:
	case EG_PROTO_ICMP6:
		tuple.sport = tuple.dport = eg_get16(quote + head + 4);
		break;
	default:
		break;
	}
	return eg_flow_has(path->flow, &tuple, &path->now);
}

/* Start a lookup where the packet has the shape of a connection's. */
static bool start(struct eg_path *path, unsigned i, struct eg_lookup *lookup)
{
	const struct eg_pkt *pkt = &path->batch.meta[i].pkt;
	const uint8_t *data = eg_batch_data(&path->batch, i);
	struct eg_flow_tuple tuple = addresses(data, pkt);
	unsigned type = pkt->dport >> 8;

	if (pkt->frag == EG_FRAG_LATER)
		return false;
	tuple.sport = pkt->sport;
	tuple.dport = pkt->dport;
	if (pkt->proto == EG_PROTO_ICMP || pkt->proto == EG_PROTO_ICMP6) {
		bool echo = pkt->proto == EG_PROTO_ICMP
				    ? type == ICMP_ECHO || type == ICMP_ECHO_REPLY
				    : type == ICMP6_ECHO || type == ICMP6_ECHO_REPLY;

		if (!echo)
			return false;
		tuple.dport = pkt->sport;
	}
	eg_lookup_make(
		lookup, path->flow, &tuple,
		eg_conn_event(pkt->proto, data + pkt->l4_off, (uint32_t)pkt->len - pkt->l4_off));
	return true;
}

static bool is_echo_reply(const struct eg_pkt *pkt)
{
	unsigned type = pkt->dport >> 8;

	return (pkt->proto == EG_PROTO_ICMP && type == ICMP_ECHO_REPLY) ||
	       (pkt->proto == EG_PROTO_ICMP6 && type == ICMP6_ECHO_REPLY);
}

void eg_flow_stage(struct eg_path *path)
{
	struct eg_batch *batch = &path->batch;
	unsigned n = 0;

	path->now = (struct eg_flow_now){
		.generation = (uint32_t)path->snap->generation,
		.s = (uint32_t)(rte_get_tsc_cycles() / path->cycles_per_s),
		.keep = path->snap->policy->keep_existing,
	};
	for (unsigned i = 0; i < batch->n; i++) {
		struct eg_meta *meta = &batch->meta[i];

		meta->need = EG_NEED_ALONE;
		if (start(path, i, &path->lookups[n])) {
			meta->lookup = (uint8_t)n;
			path->lookup_packet[n++] = (uint8_t)i;
		} else if (meta->pkt.frag == EG_FRAG_LATER ||
			   (is_icmp_error(&meta->pkt) &&
			    quotes_connection(path, eg_batch_data(batch, i), &meta->pkt))) {
			meta->need = EG_FLOW_PASS;
		}
	}
	eg_flow_find(path->flow, path->lookups, n, &path->now);
	for (unsigned k = 0; k < n; k++) {
		struct eg_meta *meta = &batch->meta[path->lookup_packet[k]];
		bool opens = path->lookups[k].need == EG_FLOW_DECIDE;

		meta->need =
			opens && is_echo_reply(&meta->pkt) ? EG_NEED_ALONE : path->lookups[k].need;
	}
}
