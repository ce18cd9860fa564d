#include "route/tunnel.h"

#include <stdlib.h>

#include "net/bytes.h"
#include "net/checksum.h"

#define OUTER_TTL 64 /* RFC 4301 s5.1.2.1: constructed, not copied */

static uint8_t proto(const struct eg_tunnel *peer)
{
	return peer->encap ? EG_PROTO_UDP : EG_PROTO_ESP;
}

static void make_ip4(struct eg_tunnel *peer)
{
	struct eg_ip4 *ip = &peer->outer.ip4;

	*ip = (struct eg_ip4){.ver_ihl = 0x45, .ttl = OUTER_TTL, .proto = proto(peer)};
	memcpy(ip->src, peer->local.bytes, 4);
	memcpy(ip->dst, peer->remote.bytes, 4);
	peer->outer_sum = eg_checksum_add(0, ip, sizeof(*ip));
	peer->ip_len = sizeof(*ip);
}

static void make_ip6(struct eg_tunnel *peer)
{
	struct eg_ip6 *ip = &peer->outer.ip6;

	*ip = (struct eg_ip6){
		.ver_tc_flow_be = htobe32(6u << 28), .next = proto(peer), .hops = OUTER_TTL};
	memcpy(ip->src, peer->local.bytes, 16);
	memcpy(ip->dst, peer->remote.bytes, 16);
	peer->ip_len = sizeof(*ip);
}

struct eg_tunnel *eg_tunnels_new(uint32_t n)
{
	size_t bytes = ((size_t)n + 1) * sizeof(struct eg_tunnel); /* none is no failure */
	struct eg_tunnel *tunnels = aligned_alloc(64, bytes);

	return tunnels ? memset(tunnels, 0, bytes) : NULL;
}

void eg_tunnel_make_outer(struct eg_tunnel *peer)
{
	if (peer->remote.family == 4)
		make_ip4(peer);
	else
		make_ip6(peer);
	peer->outer_len = (uint8_t)(peer->ip_len + (peer->encap ? EG_UDP_LEN : 0));
}
