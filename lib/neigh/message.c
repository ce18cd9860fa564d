#include "neigh/message.h"

#include "net/bytes.h"
#include "net/checksum.h"
#include "net/headers.h"

#define ARP_REQUEST 1
#define ARP_REPLY   2
#define ETHER_LEAST 60 /* minimum frame length without FCS */

#define NA_ROUTER    0x80000000u
#define NA_SOLICITED 0x40000000u
#define NA_OVERRIDE  0x20000000u

enum {
	OPTION_SOURCE = 1, /* RFC 4861 s4.6.1 */
	OPTION_TARGET = 2,
	OPTION_LEN = 8, /* on Ethernet, both */
};

static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
static const uint8_t all_nodes[16] = {0xff, 0x02, [15] = 1};

/* ff02::1:ff00:0/104 and the last three bytes (RFC 4291 s2.7.1). */
static void solicited_node(const uint8_t target[16], uint8_t out[16])
{
	static const uint8_t prefix[13] = {0xff, 0x02, [11] = 1, [12] = 0xff};

	memcpy(out, prefix, 13);
	memcpy(out + 13, target + 13, 3);
}

/* RFC 2464 s7. */
static void group_mac(const uint8_t group[16], uint8_t out[6])
{
	out[0] = out[1] = 0x33;
	memcpy(out + 2, group + 12, 4);
}

struct eg_ip eg_neigh_link_local(const uint8_t mac[6])
{
	struct eg_ip ip = {.bytes = {0xfe, 0x80}, .family = 6};

	memcpy(ip.bytes + 8, mac, 3);
	ip.bytes[8] ^= 2;
	ip.bytes[11] = 0xff;
	ip.bytes[12] = 0xfe;
	memcpy(ip.bytes + 13, mac + 3, 3);
	return ip;
}

static bool is_station(const uint8_t mac[6])
{
	static const uint8_t zero[6];

	return !(mac[0] & 1) && memcmp(mac, zero, 6);
}

static bool is_zero(const uint8_t *p, unsigned n)
{
	uint8_t any = 0;

	for (unsigned i = 0; i < n; i++)
		any |= p[i];
	return !any;
}

static bool is_host4(const uint8_t ip[4])
{
	return ip[0] && ip[0] != 127 && ip[0] < 224;
}

static bool parse_arp(const uint8_t *frame, uint32_t len, struct eg_neigh_message *out)
{
	struct eg_arp arp;
	unsigned op;

	if (len < EG_ETH_LEN + EG_ARP_LEN)
		return false;
	memcpy(&arp, frame + EG_ETH_LEN, sizeof(arp));
	op = be16toh(arp.op_be);
	if (be16toh(arp.htype_be) != 1 || be16toh(arp.ptype_be) != EG_ETHERTYPE_IP4 ||
	    arp.hlen != 6 || arp.plen != 4 || (op != ARP_REQUEST && op != ARP_REPLY))
		return false;
	if (!is_station(arp.sender_mac) || !is_host4(arp.target_ip))
		return false;
	out->request = op == ARP_REQUEST;
	out->probe = is_zero(arp.sender_ip, 4);
	if (out->probe ? !out->request : !is_host4(arp.sender_ip))
		return false;
	/* An announcement requests its own sender: not a request to answer. */
	if (!memcmp(arp.sender_ip, arp.target_ip, 4))
		out->request = false;
	/* A reply in a multicast or broadcast frame answers no request. */
	out->reply = op == ARP_REPLY && !(frame[0] & 1) &&
		     memcmp(arp.sender_ip, arp.target_ip, 4) && !memcmp(arp.target_mac, frame, 6);
	if (out->request)
		out->target = eg_ip_from(4, arp.target_ip);
	if (!out->probe) {
		out->owner = out->reply_to = eg_ip_from(4, arp.sender_ip);
		out->has_mac = out->override = true;
	}
	memcpy(out->mac, arp.sender_mac, 6);
	return true;
}

/* Find the link-layer address option of this type. False if any option is malformed (RFC 4861 s4.6:
 * length 0, or beyond the end). */
static bool find_option(const uint8_t *options, uint32_t len, unsigned type, const uint8_t **mac)
{
	*mac = NULL;
	while (len) {
		uint32_t size = len >= 2 ? options[1] * 8u : 0;

		if (!size || size > len)
			return false;
		if (options[0] == type && size == OPTION_LEN)
			*mac = options + 2;
		options += size;
		len -= size;
	}
	return true;
}

static bool valid_solicit(const struct eg_ip6 *ip, const struct eg_nd *nd, const uint8_t *mac,
			  struct eg_neigh_message *out)
{
	uint8_t group[16];

	solicited_node(nd->target, group);
	out->request = true;
	out->probe = is_zero(ip->src, 16);
	out->target = eg_ip_from(6, nd->target);
	/* RFC 4861 s7.1.1: from ::, it must go to the group and have no link-layer address. */
	if (out->probe)
		return !mac && !memcmp(ip->dst, group, 16);
	if (ip->src[0] == 0xff)
		return false;
	out->reply_to = eg_ip_from(6, ip->src);
	if (mac)
		out->owner = out->reply_to;
	out->override = true;
	return true;
}

static bool valid_advert(const struct eg_ip6 *ip, const struct eg_nd *nd,
			 struct eg_neigh_message *out)
{
	uint32_t flags = be32toh(nd->flags_be);

	out->reply = flags & NA_SOLICITED;
	out->override = flags & NA_OVERRIDE;
	out->owner = eg_ip_from(6, nd->target);
	/* RFC 4861 s7.1.2: a multicast advertisement is never solicited. */
	return ip->src[0] != 0xff && !is_zero(ip->src, 16) && !(out->reply && ip->dst[0] == 0xff);
}

static bool parse_nd(const uint8_t *frame, uint32_t len, struct eg_neigh_message *out)
{
	const uint8_t *body = frame + EG_ETH_LEN + EG_IP6_LEN, *mac;
	struct eg_ip6 ip;
	struct eg_nd nd;
	uint32_t size;
	bool valid;

	if (len < EG_ETH_LEN + EG_IP6_LEN + EG_ND_LEN)
		return false;
	memcpy(&ip, frame + EG_ETH_LEN, sizeof(ip));
	memcpy(&nd, body, sizeof(nd));
	size = be16toh(ip.payload_be);
	if (size < EG_ND_LEN || size > len - EG_ETH_LEN - EG_IP6_LEN || ip.next != EG_PROTO_ICMP6 ||
	    ip.hops != EG_ND_HOPS || !eg_neigh_is_nd(nd.type) || nd.code || nd.target[0] == 0xff ||
	    is_zero(nd.target, 16))
		return false;
	if (eg_checksum_fold(eg_checksum_add6(&ip, EG_PROTO_ICMP6, body, size)))
		return false;
	if (!find_option(body + EG_ND_LEN, size - EG_ND_LEN,
			 nd.type == EG_ND_SOLICIT ? OPTION_SOURCE : OPTION_TARGET, &mac))
		return false;
	if (mac && !is_station(mac))
		return false;
	valid = nd.type == EG_ND_SOLICIT ? valid_solicit(&ip, &nd, mac, out)
					 : valid_advert(&ip, &nd, out);
	out->has_mac = mac;
	if (mac)
		memcpy(out->mac, mac, 6);
	return valid;
}

bool eg_neigh_parse(const uint8_t *frame, uint32_t len, struct eg_neigh_message *out)
{
	*out = (struct eg_neigh_message){0};
	if (len < EG_ETH_LEN || !is_station(frame + 6))
		return false;
	memcpy(out->from, frame + 6, 6);
	switch (eg_get16(frame + 12)) {
	case EG_ETHERTYPE_ARP:
		return parse_arp(frame, len, out);
	case EG_ETHERTYPE_IP6:
		return parse_nd(frame, len, out);
	default:
		return false;
	}
}

static void put_link(uint8_t *frame, const uint8_t *to, const uint8_t *from, uint16_t type)
{
	memcpy(frame, to, 6);
	memcpy(frame + 6, from, 6);
	eg_put16(frame + 12, type);
}

static uint32_t put_arp(uint8_t *frame, const struct eg_neigh_self *self, uint16_t op,
			const uint8_t *to, const struct eg_ip *target)
{
	struct eg_arp arp = {
		.htype_be = htobe16(1),
		.ptype_be = htobe16(EG_ETHERTYPE_IP4),
		.hlen = 6,
		.plen = 4,
		.op_be = htobe16(op),
	};

	put_link(frame, to, self->mac, EG_ETHERTYPE_ARP);
	memcpy(arp.sender_mac, self->mac, 6);
	memcpy(arp.sender_ip, self->ip.bytes, 4);
	memcpy(arp.target_ip, target->bytes, 4);
	if (op == ARP_REPLY)
		memcpy(arp.target_mac, to, 6);
	memset(frame + EG_ETH_LEN, 0, ETHER_LEAST - EG_ETH_LEN);
	memcpy(frame + EG_ETH_LEN, &arp, sizeof(arp));
	return ETHER_LEAST;
}

/* NS or NA with an option that holds our MAC. */
static uint32_t put_nd(uint8_t *frame, const struct eg_neigh_self *self, const uint8_t *to,
		       const uint8_t dst[16], const struct eg_nd *nd)
{
	struct eg_ip6 ip = {
		.ver_tc_flow_be = htobe32(6u << 28),
		.payload_be = htobe16(EG_ND_LEN + OPTION_LEN),
		.next = EG_PROTO_ICMP6,
		.hops = EG_ND_HOPS,
	};
	uint8_t *body = frame + EG_ETH_LEN + EG_IP6_LEN;

	put_link(frame, to, self->mac, EG_ETHERTYPE_IP6);
	memcpy(ip.src, self->ip.bytes, 16);
	memcpy(ip.dst, dst, 16);
	memcpy(frame + EG_ETH_LEN, &ip, sizeof(ip));
	memcpy(body, nd, sizeof(*nd));
	body[EG_ND_LEN] = nd->type == EG_ND_SOLICIT ? OPTION_SOURCE : OPTION_TARGET;
	body[EG_ND_LEN + 1] = 1;
	memcpy(body + EG_ND_LEN + 2, self->mac, 6);
	eg_put16(body + 2, eg_checksum_fold(eg_checksum_add6(&ip, EG_PROTO_ICMP6, body,
							     EG_ND_LEN + OPTION_LEN)));
	return EG_ETH_LEN + EG_IP6_LEN + EG_ND_LEN + OPTION_LEN;
}

uint32_t eg_neigh_request(uint8_t *frame, const struct eg_neigh_self *self,
			  const struct eg_ip *target, const uint8_t *station)
{
	struct eg_nd nd = {.type = EG_ND_SOLICIT};
	uint8_t group[16], mac[6];

	if (target->family == 4)
		return put_arp(frame, self, ARP_REQUEST, station ? station : broadcast, target);
	memcpy(nd.target, target->bytes, 16);
	if (station)
		return put_nd(frame, self, station, target->bytes, &nd);
	solicited_node(target->bytes, group);
	group_mac(group, mac);
	return put_nd(frame, self, mac, group, &nd);
}

static uint32_t advertise(uint8_t *frame, const struct eg_neigh_self *self, const uint8_t *to,
			  const uint8_t dst[16], uint32_t flags)
{
	struct eg_nd nd = {.type = EG_ND_ADVERT, .flags_be = htobe32(flags)};

	memcpy(nd.target, self->ip.bytes, 16);
	return put_nd(frame, self, to, dst, &nd);
}

uint32_t eg_neigh_answer(uint8_t *frame, const struct eg_neigh_self *self,
			 const struct eg_neigh_message *question)
{
	const uint8_t *to = question->has_mac ? question->mac : question->from;

	if (self->ip.family == 4)
		/* The sender of a probe has no address yet: the reply names 0.0.0.0 (RFC 5227
		 * s2.1.1). */
		return put_arp(frame, self, ARP_REPLY, question->probe ? question->from : to,
			       &question->reply_to);
	if (question->probe)
		return eg_neigh_announce(frame, self);
	return advertise(frame, self, to, question->reply_to.bytes,
			 NA_ROUTER | NA_SOLICITED | NA_OVERRIDE);
}

uint32_t eg_neigh_announce(uint8_t *frame, const struct eg_neigh_self *self)
{
	uint8_t mac[6];

	if (self->ip.family == 4)
		return put_arp(frame, self, ARP_REQUEST, broadcast, &self->ip);
	group_mac(all_nodes, mac);
	return advertise(frame, self, mac, all_nodes, NA_ROUTER | NA_OVERRIDE);
}
