#include "path/related.h"

#include "net/bytes.h"
#include "path/audit.h"

bool eg_echo_ports(struct eg_flow_tuple *tuple, const uint8_t *icmp)
{
	bool v4 = tuple->proto == EG_PROTO_ICMP;
	uint16_t id = eg_get16(icmp + 4);

	if (icmp[0] == (v4 ? EG_ICMP_ECHO : EG_ICMP6_ECHO)) {
		tuple->sport = id;
		tuple->dport = 0;
		return true;
	}
	tuple->sport = 0;
	tuple->dport = id;
	return icmp[0] == (v4 ? EG_ICMP_ECHO_REPLY : EG_ICMP6_ECHO_REPLY);
}

/* Is the connection allowed now? If none of its own packets has been evaluated since policy
 * changed, evaluate policy here, without recording the verdict: its next packet will. */
static bool is_allowed(const struct eg_path *path, const struct eg_flow_tuple *tuple)
{
	struct eg_policy_packet packet;
	struct eg_flow_tuple opening;
	struct eg_policy_verdict verdict;
	struct eg_lookup lookup;

	eg_flow_peek(path->flow, tuple, &path->lookups.now, &lookup);
	if (lookup.need != EG_FLOW_REDECIDE)
		return lookup.need == EG_FLOW_PASS;
	opening = eg_flow_opening(path->flow, &lookup);
	packet = eg_policy_packet_of(&opening);
	eg_policy_evaluate(path->policy->compiled, &packet, &verdict, 1);
	return eg_policy_passes(&verdict);
}

static bool is_icmp_error(const struct eg_pkt *pkt)
{
	unsigned type = pkt->dport >> 8;

	if (pkt->version == 4)
		return pkt->proto == EG_PROTO_ICMP &&
		       (type == EG_ICMP_UNREACHABLE || type == EG_ICMP_TIME_EXCEEDED ||
			type == EG_ICMP_PARAMETER);
	return pkt->proto == EG_PROTO_ICMP6 && type < EG_ICMP6_ECHO;
}

/* The layer 4 header of a quoted packet, with at least 8 bytes of it, and its protocol. NULL if the
 * quote ends before that, or is a later fragment. A quote may be truncated after those 8 bytes (RFC
 * 792; RFC 4443 s2.4), so it cannot be parsed like a whole packet. */
static const uint8_t *quoted_l4(const uint8_t *quote, uint32_t left, unsigned version,
				uint8_t *proto)
{
	uint32_t head = EG_IP6_LEN;

	if (left < (version == 4 ? EG_IP4_LEN : EG_IP6_LEN) || quote[0] >> 4 != version)
		return NULL;
	if (version == 4) {
		const struct eg_ip4 *ip = (const struct eg_ip4 *)quote;

		head = (quote[0] & 15u) * 4;
		*proto = ip->proto;
		if (head < EG_IP4_LEN || be16toh(ip->frag_be) & EG_IP4_FRAGMASK)
			return NULL;
	} else {
		*proto = ((const struct eg_ip6 *)quote)->next;
		if (*proto == EG_PROTO_FRAGMENT && left >= head + 8) {
			if (eg_get16(quote + head + 2) & 0xfff8)
				return NULL;
			*proto = quote[head];
			head += 8;
		}
	}
	return left < head + 8 ? NULL : quote + head;
}

bool eg_is_related_error(const struct eg_path *path, unsigned i)
{
	const struct eg_pkt *pkt = &path->batch.meta[i].pkt;
	const uint8_t *data = eg_batch_data(&path->batch, i), *quote, *l4;
	struct eg_flow_tuple tuple, outer;
	uint8_t proto;

	if (pkt->frag == EG_FRAG_LATER || !is_icmp_error(pkt))
		return false;
	quote = data + pkt->l4_off + 8;
	l4 = quoted_l4(quote, (uint32_t)pkt->len - pkt->l4_off - 8, pkt->version, &proto);
	if (!l4)
		return false;
	outer = eg_packet_ends(data, pkt->version, pkt->proto);
	tuple = eg_packet_ends(quote, pkt->version, proto);
	/* An error is sent to the source of the quoted packet. */
	if (memcmp(tuple.src, outer.dst, pkt->version == 4 ? 4 : 16))
		return false;
	if (proto == EG_PROTO_ICMP || proto == EG_PROTO_ICMP6) {
		if (!eg_echo_ports(&tuple, l4))
			return false;
	} else if (eg_proto_has_ports(proto)) {
		tuple.sport = eg_get16(l4);
		tuple.dport = eg_get16(l4 + 2);
	}
	return is_allowed(path, &tuple);
}

/* Where the fragmentable part begins (RFC 8200 s4.5): fragment offsets count from there. Parse has
 * checked the header chain. */
static uint16_t fragmentable(const uint8_t *data, const struct eg_pkt *pkt)
{
	uint8_t next = ((const struct eg_ip6 *)data)->next;
	uint32_t at = EG_IP6_LEN;

	if (pkt->version == 4)
		return (uint16_t)((data[0] & 15u) * 4);
	while (next != EG_PROTO_FRAGMENT && at < pkt->l4_off) {
		at += next == EG_PROTO_AH ? (data[at + 1] + 2u) * 4 : (data[at + 1] + 1u) * 8;
		next = data[at];
	}
	return (uint16_t)(at + 8);
}

static uint16_t fragment_offset(const uint8_t *data, const struct eg_pkt *pkt)
{
	if (pkt->version == 4)
		return (uint16_t)((be16toh(((const struct eg_ip4 *)data)->frag_be) &
				   EG_IP4_FRAGMASK) *
				  8);
	return eg_get16(data + pkt->l4_off - 8 + 2) &
	       0xfff8; /* l4_off is just after the fragment header */
}

/* The IPv6 key of a packet does not include its protocol, which only the first fragment has (RFC
 * 8200 s4.5). */
static struct eg_flow_tuple fragment_ends(const struct eg_path *path, unsigned i)
{
	const struct eg_pkt *pkt = &path->batch.meta[i].pkt;

	return eg_packet_ends(eg_batch_data(&path->batch, i), pkt->version,
			      pkt->version == 4 ? pkt->proto : 0);
}

static void remember_first(struct eg_path *path, unsigned i)
{
	const struct eg_meta *meta = &path->batch.meta[i];
	struct eg_flow_tuple ends = fragment_ends(path, i);
	struct eg_frag_entry *first;

	if (meta->lookup != EG_NO_LOOKUP) {
		const struct eg_lookup *lookup = &path->lookups.v[meta->lookup];

		ends.sport = lookup->key.port[lookup->side];
		ends.dport = lookup->key.port[!lookup->side];
	}
	first = eg_frag_put(&path->flow->frags, &ends, meta->pkt.frag_id, path->lookups.now.s);
	first->generation = path->lookups.now.generation;
	first->l4_proto = meta->lookup != EG_NO_LOOKUP ? meta->pkt.proto : EG_PROTO_NONE;
	first->end = (uint16_t)(meta->pkt.len -
				fragmentable(eg_batch_data(&path->batch, i), &meta->pkt));
}

/* The first fragment passed, and policy still allows it. */
static bool first_is_allowed(const struct eg_path *path, struct eg_frag_entry *first,
			     struct eg_flow_tuple ends)
{
	if (first->generation != path->lookups.now.generation && !path->lookups.now.keep_existing) {
		ends.proto = first->l4_proto;
		ends.sport = first->sport;
		ends.dport = first->dport;
		if (first->l4_proto == EG_PROTO_NONE || !is_allowed(path, &ends))
			return false;
		first->generation = path->lookups.now.generation;
	}
	return true;
}

/* Does policy allow every port of every protocol between these endpoints? Then it allows a fragment
 * whose ports are unknown. */
static bool all_ports_allowed(const struct eg_path *path, struct eg_flow_tuple ends)
{
	struct eg_policy_packet packet;
	struct eg_policy_verdict verdict;

	ends.proto = EG_PROTO_NONE;
	packet = eg_policy_packet_of(&ends);
	eg_policy_evaluate(path->policy->compiled, &packet, &verdict, 1);
	return eg_policy_passes(&verdict);
}

/* A fragment that overlaps the first one could overwrite the header that policy has evaluated (RFC
 * 1858 s3; RFC 5722 s4 forbids overlaps in IPv6). */
static enum eg_verdict follow(struct eg_path *path, unsigned i)
{
	const struct eg_pkt *pkt = &path->batch.meta[i].pkt;
	struct eg_flow_tuple ends = fragment_ends(path, i);
	struct eg_frag_entry *first =
		eg_frag_get(&path->flow->frags, &ends, pkt->frag_id, path->lookups.now.s);

	if (first && fragment_offset(eg_batch_data(&path->batch, i), pkt) < first->end)
		return EG_DROP_FRAGMENT_OVERLAP;
	if ((first && first_is_allowed(path, first, ends)) || all_ports_allowed(path, ends))
		return EG_PASS;
	return EG_DROP_FRAGMENT_ORPHAN;
}

void eg_follow_fragments(struct eg_path *path)
{
	struct eg_batch *batch = &path->batch;

	for (unsigned i = 0; i < batch->n; i++) {
		struct eg_meta *meta = &batch->meta[i];
		enum eg_verdict verdict = EG_PASS;

		if (meta->verdict)
			continue;
		if (meta->pkt.frag == EG_FRAG_FIRST)
			remember_first(path, i);
		else if (meta->pkt.frag == EG_FRAG_LATER)
			verdict = follow(path, i);
		if (verdict)
			eg_remove_or_audit(path, i, verdict);
	}
}
