/* Header layouts in network byte order, as packed structs that are safe at any alignment, and
 * protocol numbers. No DPDK. */
#ifndef EG_NET_HEADERS_H
#define EG_NET_HEADERS_H

#include <stddef.h>
#include <stdint.h>

#define EG_ETH_LEN  14
#define EG_VLAN_LEN 4
#define EG_IP4_LEN  20
#define EG_IP6_LEN  40
#define EG_UDP_LEN  8
#define EG_ESP_LEN  8 /* SPI and sequence number */

#define EG_IP6_FRAGMENT_LEN 8    /* RFC 8200 s4.5 */
#define EG_IP6_MTU_MIN      1280 /* RFC 8200 s5 */

#define EG_UDP_PORT_IKE 500  /* RFC 7296 s2 */
#define EG_UDP_PORT_ESP 4500 /* RFC 3948 s2.1 */
#define EG_ARP_LEN      28
#define EG_ND_LEN       24 /* ICMPv6 header, flags and target: NS and NA without options */

#define EG_MAC_LOCAL 0x02 /* in the first byte: locally administered (IEEE 802) */

#define EG_ETHERTYPE_IP4  0x0800
#define EG_ETHERTYPE_ARP  0x0806
#define EG_ETHERTYPE_VLAN 0x8100
#define EG_ETHERTYPE_QINQ 0x88a8
#define EG_ETHERTYPE_IP6  0x86dd

enum {
	EG_PROTO_HOPOPTS = 0,
	EG_PROTO_ICMP = 1,
	EG_PROTO_IP4 = 4,
	EG_PROTO_TCP = 6,
	EG_PROTO_UDP = 17,
	EG_PROTO_IP6 = 41,
	EG_PROTO_ROUTING = 43,
	EG_PROTO_FRAGMENT = 44,
	EG_PROTO_ESP = 50,
	EG_PROTO_AH = 51,
	EG_PROTO_ICMP6 = 58,
	EG_PROTO_NONE = 59,
	EG_PROTO_DSTOPTS = 60,
	EG_PROTO_SCTP = 132,
};

enum {
	EG_ND_SOLICIT = 135, /* ICMPv6 types (RFC 4861 s4) */
	EG_ND_ADVERT = 136,
};

#define EG_ND_HOPS 255 /* hop limit that proves that no router forwarded it (RFC 4861 s7.1) */

struct eg_ip4 {
	uint8_t ver_ihl, tos;
	uint16_t len_be, id_be, frag_be;
	uint8_t ttl, proto;
	uint16_t check;
	uint8_t src[4], dst[4];
} __attribute__((packed));

#define EG_IP4_DF       0x4000
#define EG_IP4_MF       0x2000
#define EG_IP4_FRAGMASK 0x1fff

struct eg_ip6 {
	uint32_t ver_tc_flow_be;
	uint16_t payload_be;
	uint8_t next, hops;
	uint8_t src[16], dst[16];
} __attribute__((packed));

struct eg_udp {
	uint16_t sport_be, dport_be, len_be, check;
} __attribute__((packed));

struct eg_esp {
	uint32_t spi_be, seq_be;
} __attribute__((packed));

/* ARP for IPv4 over Ethernet (RFC 826). */
struct eg_arp {
	uint16_t htype_be, ptype_be;
	uint8_t hlen, plen;
	uint16_t op_be;
	uint8_t sender_mac[6], sender_ip[4], target_mac[6], target_ip[4];
} __attribute__((packed));

/* Neighbor solicitation and advertisement (RFC 4861 s4.3, s4.4). */
struct eg_nd {
	uint8_t type, code;
	uint16_t check_be;
	uint32_t flags_be;
	uint8_t target[16];
} __attribute__((packed));

_Static_assert(sizeof(struct eg_ip4) == EG_IP4_LEN, "RFC 791");
_Static_assert(sizeof(struct eg_ip6) == EG_IP6_LEN, "RFC 8200");
_Static_assert(sizeof(struct eg_udp) == EG_UDP_LEN, "RFC 768");
_Static_assert(sizeof(struct eg_esp) == EG_ESP_LEN, "RFC 4303");
_Static_assert(sizeof(struct eg_arp) == EG_ARP_LEN, "RFC 826");
_Static_assert(sizeof(struct eg_nd) == EG_ND_LEN, "RFC 4861");

/* The addresses of the IP packet at data: 4 or 16 bytes, in network order. The destination follows
 * the source. */
static inline const uint8_t *eg_ip_src(const uint8_t *data, unsigned version)
{
	return data + (version == 4 ? offsetof(struct eg_ip4, src) : offsetof(struct eg_ip6, src));
}

static inline const uint8_t *eg_ip_dst(const uint8_t *data, unsigned version)
{
	return data + (version == 4 ? offsetof(struct eg_ip4, dst) : offsetof(struct eg_ip6, dst));
}

#endif
