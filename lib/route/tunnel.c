#include "route/tunnel.h"

#include <stdlib.h>

#include "net/bytes.h"
#include "net/checksum.h"

#define OUTER_TTL 64 /* RFC 4301 s5.1.2.1: constructed, not copied */

static uint8_t proto(const struct eg_tunnel *tunnel)
{
	return tunnel->encap ? EG_PROTO_UDP : EG_PROTO_ESP;
}

static void make_ip4(struct eg_tunnel *tunnel)
{
	struct eg_ip4 *ip = &tunnel->outer.ip4;

	*ip = (struct eg_ip4){.ver_ihl = 0x45, .ttl = OUTER_TTL, .proto = proto(tunnel)};
	memcpy(ip->src, tunnel->local.bytes, 4);
	memcpy(ip->dst, tunnel->remote.bytes, 4);
	tunnel->outer_sum = eg_checksum_add(0, ip, sizeof(*ip));
	tunnel->ip_len = sizeof(*ip);
}

static void make_ip6(struct eg_tunnel *tunnel)
{
	struct eg_ip6 *ip = &tunnel->outer.ip6;

	*ip = (struct eg_ip6){
		.ver_tc_flow_be = htobe32(6u << 28), .next = proto(tunnel), .hops = OUTER_TTL};
	memcpy(ip->src, tunnel->local.bytes, 16);
	memcpy(ip->dst, tunnel->remote.bytes, 16);
	tunnel->ip_len = sizeof(*ip);
}

struct eg_tunnel *eg_tunnels_new(uint32_t n)
{
	size_t bytes = ((size_t)n + 1) * sizeof(struct eg_tunnel); /* none is no failure */
	struct eg_tunnel *tunnels = aligned_alloc(64, bytes);

	return tunnels ? memset(tunnels, 0, bytes) : NULL;
}

void eg_tunnel_make_outer(struct eg_tunnel *tunnel)
{
	if (tunnel->remote.family == 4)
		make_ip4(tunnel);
	else
		make_ip6(tunnel);
	tunnel->outer_len = (uint8_t)(tunnel->ip_len + (tunnel->encap ? EG_UDP_LEN : 0));
}
