/* The headers in front of ESP in tunnel mode: outer IP, and UDP if the tunnel has udp_encap (RFC
 * 3948). For esp_out and keepalives; worker only. */
#ifndef EG_PATH_OUTER_H
#define EG_PATH_OUTER_H

#include "net/bytes.h"
#include "net/checksum.h"
#include "path/batch.h"
#include "path/packet_hash.h"

/* The fields that vary from packet to packet. */
struct eg_outer {
	uint16_t len; /* of the whole packet */
	uint16_t id;  /* IPv4: differs among packets that may be fragmented (RFC 6864 s4) */
	uint16_t df;  /* IPv4: EG_IP4_DF or 0 */
	uint8_t tos;
};

/* The IP header, from the tunnel's template. */
static inline void eg_outer_write_ip(uint8_t *at, const struct eg_tunnel *tunnel,
				     const struct eg_outer *outer)
{
	if (tunnel->ip_len == EG_IP4_LEN) {
		struct eg_ip4 *ip = (struct eg_ip4 *)at;

		*ip = tunnel->outer.ip4;
		ip->tos = outer->tos;
		ip->len_be = htobe16(outer->len);
		ip->id_be = htobe16(outer->id);
		ip->frag_be = htobe16(outer->df);
		ip->check = htobe16(eg_checksum_fold(tunnel->outer_sum + outer->tos + outer->len +
						     outer->id + outer->df));
	} else {
		struct eg_ip6 *ip = (struct eg_ip6 *)at;

		*ip = tunnel->outer.ip6;
		ip->ver_tc_flow_be |= htobe32((uint32_t)outer->tos << 20);
		ip->payload_be = htobe16((uint16_t)(outer->len - EG_IP6_LEN));
	}
}

/* len: UDP header and what follows. The checksum is zero over IPv4 (RFC 3948 s2.1); over IPv6
 * eg_outer_sum_udp6() writes it. */
static inline void eg_outer_write_udp(uint8_t *at, uint16_t sport, uint16_t dport, uint16_t len)
{
	const struct eg_udp udp = {
		.sport_be = htobe16(sport),
		.dport_be = htobe16(dport),
		.len_be = htobe16(len),
	};

	memcpy(at, &udp, sizeof(udp));
}

/* The UDP destination port for the IP header at `at`. If the tunnel follows the peer's endpoint,
 * also writes the endpoint's address into that header. Tunnel mode. */
static inline uint16_t eg_outer_set_endpoint(uint8_t *at, const struct eg_tunnel *tunnel)
{
	struct eg_endpoint_at to;

	if (__builtin_expect(!tunnel->floats, 1))
		return tunnel->peer_port;
	to = eg_endpoint_get(tunnel->endpoint);
	if (tunnel->ip_len == EG_IP4_LEN) {
		struct eg_ip4 *ip = (struct eg_ip4 *)at;

		memcpy(ip->dst, to.address, 4);
		ip->check = 0;
		ip->check = htobe16(eg_checksum_fold(eg_checksum_add(0, ip, sizeof(*ip))));
	} else {
		memcpy(((struct eg_ip6 *)at)->dst, to.address, 16);
	}
	return to.port;
}

/* Write the checksum of the UDP header at `off` in a packet whose bytes are final. Over IPv6 it is
 * not zero: receivers accept zero only if they are configured to (RFC 6935 s5, RFC 8200 s8.1),
 * which Linux is not by default. */
static inline void eg_outer_sum_udp6(uint8_t *packet, uint16_t off, uint16_t len)
{
	uint8_t *udp = packet + off;
	uint32_t udp_len = (uint32_t)len - off, sum = EG_PROTO_UDP + udp_len;
	uint16_t check;

	eg_put16(udp + offsetof(struct eg_udp, check), 0);
	sum = eg_checksum_add(sum, packet + offsetof(struct eg_ip6, src), 32);
	check = eg_checksum_fold(eg_checksum_add(sum, udp, udp_len));
	eg_put16(udp + offsetof(struct eg_udp, check), check ? check : 0xffff);
}

/* One source port per flow, so that its packets stay in one of the receiver's queues, in order.
 * n_sports: as in struct eg_tunnel. */
static inline uint16_t eg_outer_sport(uint16_t n_sports, const struct eg_pkt *pkt,
				      const uint8_t *inner)
{
	if (n_sports <= 1)
		return EG_UDP_PORT_ESP;
	return (uint16_t)(EG_TUNNEL_SPORT_BASE +
			  ((eg_packet_hash(pkt, inner) >> 32) * n_sports >> 32));
}

#endif
