#include "net/parse.h"

#include "net/bytes.h"
#include "net/checksum.h"

enum eg_verdict eg_parse_link(const uint8_t *frame, uint32_t len, uint16_t *l3_off)
{
	uint16_t off = EG_ETH_LEN, type;

	if (len < EG_ETH_LEN)
		return EG_DROP_SHORT_FRAME;
	type = eg_get16(frame + 12);
	for (int tags = 0; tags < 2 && (type == EG_ETHERTYPE_VLAN || type == EG_ETHERTYPE_QINQ);
	     tags++) {
		if (len < off + (uint32_t)EG_VLAN_LEN)
			return EG_DROP_SHORT_FRAME;
		type = eg_get16(frame + off + 2);
		off += EG_VLAN_LEN;
	}
	if (type != EG_ETHERTYPE_IP4 && type != EG_ETHERTYPE_IP6)
		return EG_DROP_NOT_IP;
	if (len <= off)
		return EG_DROP_BAD_IP_LENGTH;
	/* EtherType and IP version disagree: a forgery or a bug, so do not guess. */
	if (frame[off] >> 4 != (type == EG_ETHERTYPE_IP4 ? 4 : 6))
		return EG_DROP_BAD_IP_HEADER;
	*l3_off = off;
	return EG_PASS;
}

/* Ports (or ICMP type, code and echo identifier) of a whole packet or first fragment. */
static enum eg_verdict parse_l4(const uint8_t *data, struct eg_pkt *pkt)
{
	uint32_t left = (uint32_t)pkt->len - pkt->l4_off;
	const uint8_t *l4 = data + pkt->l4_off;

	switch (pkt->proto) {
	case EG_PROTO_TCP:
		if (left < 20)
			return EG_DROP_SHORT_L4;
		break;
	case EG_PROTO_UDP:
		if (left < 8)
			return EG_DROP_SHORT_L4;
		break;
	case EG_PROTO_SCTP:
		if (left < 12)
			return EG_DROP_SHORT_L4;
		break;
	case EG_PROTO_ICMP:
	case EG_PROTO_ICMP6:
		if (left < 8)
			return EG_DROP_SHORT_L4;
		pkt->sport = eg_get16(l4 + 4);
		pkt->dport = eg_get16(l4);
		return EG_PASS;
	default:
		return EG_PASS;
	}
	pkt->sport = eg_get16(l4);
	pkt->dport = eg_get16(l4 + 2);
	return EG_PASS;
}

enum {
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_LSRR = 131, /* loose and strict source route (RFC 791 s3.1) */
	OPTION_SSRR = 137,
};

/* A source-routed packet goes where its sender says, whatever was decided about its destination.
 * Other stacks may continue after an option of impossible length, where this parser would stop:
 * from there on, any byte that equals a source route's type is refused. */
static enum eg_verdict check_options(const uint8_t *data, unsigned ihl)
{
	bool broken = false;

	for (unsigned at = EG_IP4_LEN; at < ihl && (broken || data[at] != OPTION_END);) {
		unsigned left = ihl - at;

		if (data[at] == OPTION_NOP) {
			at++;
			continue;
		}
		if (data[at] == OPTION_LSRR || data[at] == OPTION_SSRR)
			return EG_DROP_IP4_SOURCE_ROUTE;
		broken = broken || left < 2 || data[at + 1] < 2 || data[at + 1] > left;
		at += broken ? 1 : data[at + 1];
	}
	return EG_PASS;
}

static enum eg_verdict parse_ip4(const uint8_t *data, uint32_t len, bool summed, struct eg_pkt *pkt)
{
	const struct eg_ip4 *ip = (const struct eg_ip4 *)data;
	enum eg_verdict drop;
	uint16_t frag;
	unsigned ihl;

	if (len < EG_IP4_LEN)
		return EG_DROP_BAD_IP_LENGTH;
	ihl = (ip->ver_ihl & 15u) * 4;
	pkt->len = be16toh(ip->len_be);
	if (ihl < EG_IP4_LEN || pkt->len < ihl)
		return EG_DROP_BAD_IP_HEADER;
	if (len < pkt->len)
		return EG_DROP_BAD_IP_LENGTH;
	if (!summed && !eg_ip4_checksum_ok(data, ihl))
		return EG_DROP_BAD_IP_CHECKSUM;
	drop = ihl > EG_IP4_LEN ? check_options(data, ihl) : EG_PASS;
	if (drop)
		return drop;
	frag = be16toh(ip->frag_be);
	/* A receiver that reassembles modulo 64 KiB would overwrite the ports that policy has seen.
	 */
	if ((frag & EG_IP4_FRAGMASK) * 8u + pkt->len > UINT16_MAX)
		return EG_DROP_FRAGMENT_OVERSIZE;
	pkt->l4_off = (uint16_t)ihl;
	pkt->proto = ip->proto;
	pkt->tos = ip->tos;
	if (frag & EG_IP4_FRAGMASK)
		pkt->frag = EG_FRAG_LATER;
	else if (frag & EG_IP4_MF)
		pkt->frag = EG_FRAG_FIRST;
	if (pkt->frag)
		pkt->frag_id = be16toh(ip->id_be);
	return pkt->frag == EG_FRAG_LATER ? EG_PASS : parse_l4(data, pkt);
}

/* Skip one extension header (RFC 8200 s4). The fragment header has a fixed size; AH counts in units
 * of 4 bytes (RFC 4302 s2.2). */
static enum eg_verdict step_extension(const uint8_t *data, struct eg_pkt *pkt)
{
	const uint8_t *ext = data + pkt->l4_off;
	uint32_t left = (uint32_t)pkt->len - pkt->l4_off, size;

	if (left < 8)
		return EG_DROP_BAD_IP6_EXTENSION;
	size = pkt->proto == EG_PROTO_FRAGMENT ? 8
	       : pkt->proto == EG_PROTO_AH     ? (ext[1] + 2u) * 4
					       : (ext[1] + 1u) * 8;
	if (left < size)
		return EG_DROP_BAD_IP6_EXTENSION;
	if (pkt->proto == EG_PROTO_ROUTING && ext[2] == 0)
		return EG_DROP_IP6_ROUTING_0;
	if (pkt->proto == EG_PROTO_FRAGMENT) {
		uint16_t frag = eg_get16(ext + 2);

		/* Payload length of the reassembled packet (RFC 8200 s4.5). */
		if ((frag & 0xfff8u) + pkt->len - EG_IP6_LEN - EG_IP6_FRAGMENT_LEN > UINT16_MAX)
			return EG_DROP_FRAGMENT_OVERSIZE;
		if (frag & 0xfff8)
			pkt->frag = EG_FRAG_LATER;
		else if (frag & 1)
			pkt->frag = EG_FRAG_FIRST;
		if (pkt->frag)
			pkt->frag_id = eg_get32(ext + 4);
		/* Offset 0 without M: an atomic fragment is a whole packet (RFC 6946). */
	}
	pkt->proto = ext[0];
	pkt->l4_off = (uint16_t)(pkt->l4_off + size);
	return EG_PASS;
}

static bool is_extension(uint8_t proto)
{
	return proto == EG_PROTO_HOPOPTS || proto == EG_PROTO_ROUTING ||
	       proto == EG_PROTO_FRAGMENT || proto == EG_PROTO_AH || proto == EG_PROTO_DSTOPTS;
}

static enum eg_verdict parse_ip6(const uint8_t *data, uint32_t len, struct eg_pkt *pkt)
{
	const struct eg_ip6 *ip = (const struct eg_ip6 *)data;
	uint32_t whole;

	if (len < EG_IP6_LEN)
		return EG_DROP_BAD_IP_LENGTH;
	whole = EG_IP6_LEN + (uint32_t)be16toh(ip->payload_be);
	if (whole > UINT16_MAX)
		return EG_DROP_BAD_IP_HEADER;
	if (len < whole)
		return EG_DROP_BAD_IP_LENGTH;
	pkt->len = (uint16_t)whole;
	pkt->l4_off = EG_IP6_LEN;
	pkt->proto = ip->next;
	pkt->tos = (uint8_t)(be32toh(ip->ver_tc_flow_be) >> 20);
	for (int n = 0; is_extension(pkt->proto) && pkt->frag != EG_FRAG_LATER; n++) {
		enum eg_verdict drop = n < EG_IP6_EXTENSIONS_MAX ? step_extension(data, pkt)
								 : EG_DROP_BAD_IP6_EXTENSION;
		if (drop)
			return drop;
	}
	return pkt->frag == EG_FRAG_LATER ? EG_PASS : parse_l4(data, pkt);
}

static enum eg_verdict parse(const uint8_t *data, uint32_t len, bool summed, struct eg_pkt *pkt)
{
	*pkt = (struct eg_pkt){0};
	if (!len)
		return EG_DROP_BAD_IP_LENGTH;
	pkt->version = data[0] >> 4;
	if (pkt->version == 4)
		return parse_ip4(data, len, summed, pkt);
	if (pkt->version == 6)
		return parse_ip6(data, len, pkt);
	return EG_DROP_BAD_IP_HEADER;
}

enum eg_verdict eg_parse_ip(const uint8_t *data, uint32_t len, struct eg_pkt *pkt)
{
	return parse(data, len, false, pkt);
}

enum eg_verdict eg_parse_ip_no_checksum(const uint8_t *data, uint32_t len, struct eg_pkt *pkt)
{
	return parse(data, len, true, pkt);
}

static enum eg_verdict check_ip4(const struct eg_ip4 *ip)
{
	if (ip->dst[0] >= 224) /* multicast, reserved (RFC 1112 s4) and limited broadcast */
		return EG_DROP_MULTICAST;
	if (ip->src[0] == 0 || ip->src[0] == 127 || ip->src[0] >= 224 || ip->dst[0] == 0 ||
	    ip->dst[0] == 127)
		return EG_DROP_MARTIAN;
	if ((ip->src[0] == 169 && ip->src[1] == 254) || (ip->dst[0] == 169 && ip->dst[1] == 254))
		return EG_DROP_LINK_LOCAL;
	return EG_PASS;
}

/* ::, ::1 and IPv4-mapped addresses may not appear on a wire (RFC 4291 s2.5.2, 2.5.3; RFC 4942
 * s2.2). */
static bool martian6(const uint8_t a[16])
{
	static const uint8_t zero[10];

	if (memcmp(a, zero, sizeof(zero)))
		return false;
	return (a[10] == 0xff && a[11] == 0xff) || (!eg_get32(a + 10) && !a[14] && a[15] <= 1);
}

static enum eg_verdict check_ip6(const struct eg_ip6 *ip)
{
	if (ip->dst[0] == 0xff)
		return EG_DROP_MULTICAST;
	if (ip->src[0] == 0xff || martian6(ip->src) || martian6(ip->dst))
		return EG_DROP_MARTIAN;
	if ((ip->src[0] == 0xfe && (ip->src[1] & 0xc0) == 0x80) ||
	    (ip->dst[0] == 0xfe && (ip->dst[1] & 0xc0) == 0x80))
		return EG_DROP_LINK_LOCAL;
	return EG_PASS;
}

enum eg_verdict eg_parse_addresses(const uint8_t *data, const struct eg_pkt *pkt)
{
	return pkt->version == 4 ? check_ip4((const struct eg_ip4 *)data)
				 : check_ip6((const struct eg_ip6 *)data);
}
