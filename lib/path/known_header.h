/* Reads and writes headers of known packets. "Ordinary" packets are those that the forwarding cache
 * may know: whole TCP or UDP packets without IPv4 options or IPv6 extension headers, with hops
 * left, and no SYN, FIN or RST. What parse, policy and route check of other packets, they pass. */
#ifndef EG_PATH_KNOWN_HEADER_H
#define EG_PATH_KNOWN_HEADER_H

#include "base/hash.h"
#include "flow/window.h"
#include "net/bytes.h"
#include "net/checksum.h"
#include "path/path.h"

#define EG_KNOWN_TCP_LEN   20   /* of its header without options */
#define EG_KNOWN_TCP_FLAGS 0x07 /* FIN, SYN, RST */

/* Long enough to be looked at? */
static inline bool eg_known_is_readable(const struct rte_mbuf *m)
{
	return m->data_len >= EG_IP4_LEN + EG_UDP_LEN && !eg_mbuf_is_large(m);
}

/* A frame to this port with an IP header right behind its Ethernet header? */
static inline bool eg_known_is_frame_for(const struct eg_path_port *port, const struct rte_mbuf *m)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	uint64_t dst, mac = 0;
	uint16_t type;

	if (m->data_len < EG_ETH_LEN + EG_IP4_LEN + EG_UDP_LEN)
		return false;
	memcpy(&dst, frame, sizeof(dst));
	memcpy(&mac, port->mac, sizeof(port->mac));
	type = eg_get16(frame + 12);
	if (port->promiscuous ? frame[0] & 1 : (le64toh(dst ^ mac) & 0xffffffffffff) != 0)
		return false;
	return frame[EG_ETH_LEN] >> 4 == (type == EG_ETHERTYPE_IP4   ? 4
					  : type == EG_ETHERTYPE_IP6 ? 6
								     : 0);
}

static inline uint32_t eg_known_ports(const uint8_t *l4)
{
	uint32_t ports;

	memcpy(&ports, l4, sizeof(ports));
	return ports;
}

static inline bool eg_known_has_ports(unsigned proto)
{
	return proto == EG_PROTO_TCP || proto == EG_PROTO_UDP;
}

/* A TCP header at l4, of which `room` bytes are there; a blank one for a UDP packet that is shorter
 * than that. NULL: too short. */
static inline const uint8_t *eg_known_tcp(const uint8_t *l4, unsigned proto, uint32_t room)
{
	static const uint8_t blank[EG_KNOWN_TCP_LEN];

	if (__builtin_expect(room >= EG_KNOWN_TCP_LEN, 1))
		return l4;
	return proto == EG_PROTO_UDP && room >= EG_UDP_LEN ? blank : NULL;
}

/* len: of layer 4. Without branches, because TCP and UDP mix at random. */
static inline bool eg_known_is_ordinary_l4(const uint8_t *tcp, unsigned proto, uint32_t len)
{
	unsigned udp = proto == EG_PROTO_UDP, least = udp ? EG_UDP_LEN : EG_KNOWN_TCP_LEN;

	return (len >= least) & (udp | !(tcp[13] & EG_KNOWN_TCP_FLAGS));
}

/* A fragment, or a packet with IPv4 options or IPv6 extension headers: its header does not show its
 * connection. */
static inline bool eg_known_hides_ports(const uint8_t *ip)
{
	if (ip[0] >> 4 == 4)
		return ip[0] != 0x45 || eg_get16(ip + offsetof(struct eg_ip4, frag_be)) &
						(EG_IP4_MF | EG_IP4_FRAGMASK);
	switch (ip[6]) {
	case EG_PROTO_HOPOPTS:
	case EG_PROTO_ROUTING:
	case EG_PROTO_FRAGMENT:
	case EG_PROTO_AH:
	case EG_PROTO_DSTOPTS:
		return true;
	default:
		return false;
	}
}

/* One of 64 bits for the packet's addresses. */
static inline uint64_t eg_known_pair_bit(const uint8_t *ip)
{
	uint64_t word[4] = {0};

	if (ip[0] >> 4 == 4)
		memcpy(word, ip + offsetof(struct eg_ip4, src), 8);
	else
		memcpy(word, ip + offsetof(struct eg_ip6, src), 32);
	return 1ull << (eg_hash_u64(word[0] ^ word[1] ^ word[2] ^ word[3]) & 63);
}

/* ip: version 4 with a header of 20 bytes, not a fragment, TCP or UDP; tcp: of eg_known_tcp(); len:
 * bytes from ip on. summed: its checksum has been verified. */
static inline bool eg_known_is_ordinary4(const uint8_t *ip, const uint8_t *tcp, uint32_t len,
					 bool summed)
{
	uint32_t ip_len = eg_get16(ip + offsetof(struct eg_ip4, len_be));

	return (ip_len <= len) & (ip_len >= EG_IP4_LEN) & (ip[8] > 1) &
		       eg_known_is_ordinary_l4(tcp, ip[9], ip_len - EG_IP4_LEN) &&
	       (summed || eg_ip4_checksum_ok(ip, EG_IP4_LEN));
}

/* The same for version 6. */
static inline bool eg_known_is_ordinary6(const uint8_t *ip, const uint8_t *tcp, uint32_t len)
{
	uint32_t payload = eg_get16(ip + offsetof(struct eg_ip6, payload_be));

	return (EG_IP6_LEN + payload <= len) & (ip[7] > 1) &
	       eg_known_is_ordinary_l4(tcp, ip[6], payload);
}

static inline uint16_t eg_known_len(const uint8_t *ip)
{
	return ip[0] >> 4 == 4 ? eg_get16(ip + offsetof(struct eg_ip4, len_be))
			       : (uint16_t)(EG_IP6_LEN +
					    eg_get16(ip + offsetof(struct eg_ip6, payload_be)));
}

static inline uint8_t eg_known_tos(const uint8_t *ip)
{
	return ip[0] >> 4 == 4 ? ip[1] : (uint8_t)(ip[0] << 4 | ip[1] >> 4);
}

/* An ordinary packet as parse describes it. */
static inline struct eg_pkt eg_known_flow(const uint8_t *ip)
{
	bool v4 = ip[0] >> 4 == 4;
	unsigned off = v4 ? EG_IP4_LEN : EG_IP6_LEN;

	return (struct eg_pkt){
		.len = eg_known_len(ip),
		.l4_off = (uint16_t)off,
		.version = v4 ? 4 : 6,
		.proto = v4 ? ip[9] : ip[6],
		.tos = eg_known_tos(ip),
		.sport = eg_get16(ip + off),
		.dport = eg_get16(ip + off + 2),
	};
}

/* The sequence number after the last byte of a TCP segment without SYN and FIN; len: of the
 * segment. */
static inline uint32_t eg_known_seq_end(const uint8_t *tcp, uint32_t len)
{
	uint32_t head = (tcp[12] >> 4) * 4u;

	return eg_get32(tcp + 4) + (head < len ? len - head : 0);
}

/* Does decapsulation leave the inner ECN as it is (RFC 6040 figure 4)? */
static inline bool eg_known_keeps_ecn(uint8_t inner_tos, uint8_t outer_tos)
{
	/* Bit 4 * inner + outer: [Not-ECT] all but CE, [ECT(1)] all but CE, [ECT(0)] Not-ECT and
	 * ECT(0), [CE] all. */
	enum {
		KEEPS = 0x7 << 0 | 0x7 << 4 | 0x5 << 8 | 0xf << 12
	};

	return KEEPS >> (4 * (inner_tos & 3) + (outer_tos & 3)) & 1;
}

/* Complete an outer header that was copied from the tunnel's template. sum: of that header. */
static inline void eg_known_patch4(uint8_t *ip, uint32_t sum, uint8_t tos, uint32_t len,
				   uint16_t id, uint16_t df)
{
	uint64_t head =
		0x45ull << 56 | (uint64_t)tos << 48 | (uint64_t)len << 32 | (uint64_t)id << 16 | df;

	eg_put64(ip, head);
	eg_put16(ip + offsetof(struct eg_ip4, check), eg_checksum_fold(sum + tos + len + id + df));
}

static inline void eg_known_patch6(uint8_t *ip, uint8_t tos, uint32_t len)
{
	eg_put32(ip, 6u << 28 | (uint32_t)tos << 20);
	eg_put16(ip + offsetof(struct eg_ip6, payload_be), (uint16_t)(len - EG_IP6_LEN));
}

#endif
