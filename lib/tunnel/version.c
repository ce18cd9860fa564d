#include "tunnel/version.h"

#include <stdlib.h>
#include <string.h>

#include "net/bytes.h"
#include "net/checksum.h"
#include "tunnel/table.h"

#define OUTER_TTL 64 /* RFC 4301 s5.1.2.1: constructed, not copied */

static void make_ip4(struct eg_tunnel *tunnel, uint8_t proto)
{
	struct eg_ip4 *ip = &tunnel->outer.ip4;

	*ip = (struct eg_ip4){.ver_ihl = 0x45, .ttl = OUTER_TTL, .proto = proto};
	memcpy(ip->src, tunnel->local.bytes, 4);
	memcpy(ip->dst, tunnel->remote.bytes, 4);
	tunnel->outer_sum = eg_checksum_add(0, ip, sizeof(*ip));
	tunnel->ip_len = sizeof(*ip);
}

static void make_ip6(struct eg_tunnel *tunnel, uint8_t proto)
{
	struct eg_ip6 *ip = &tunnel->outer.ip6;

	*ip = (struct eg_ip6){
		.ver_tc_flow_be = htobe32(6u << 28), .next = proto, .hops = OUTER_TTL};
	memcpy(ip->src, tunnel->local.bytes, 16);
	memcpy(ip->dst, tunnel->remote.bytes, 16);
	tunnel->ip_len = sizeof(*ip);
}

/* The outer header's template (RFC 4301 s5.1.2). */
static void make_outer(struct eg_tunnel *tunnel)
{
	uint8_t proto = tunnel->encap ? EG_PROTO_UDP : EG_PROTO_ESP;

	if (tunnel->remote.family == 4)
		make_ip4(tunnel, proto);
	else
		make_ip6(tunnel, proto);
	tunnel->outer_len = (uint8_t)(tunnel->ip_len + (tunnel->encap ? EG_UDP_LEN : 0));
}

static void copy_spec(struct eg_tunnel *tunnel, const struct eg_tunnel_spec *spec)
{
	tunnel->local = spec->local;
	tunnel->remote = spec->remote;
	tunnel->protocol = (uint8_t)spec->protocol;
	tunnel->hop = spec->hop;
	tunnel->via = spec->via;
	tunnel->transport = spec->transport;
	tunnel->encap = spec->encap;
	tunnel->accept_plain = spec->accept_plain;
	tunnel->floats = spec->floats;
	tunnel->fragment_inner = spec->fragment_inner;
	tunnel->fragment_outer = spec->fragment_outer;
	tunnel->learns_mtu = spec->learns_mtu;
	tunnel->mss_clamp = spec->mss_clamp;
	tunnel->n_sports = spec->n_sports;
	tunnel->peer_port = spec->peer_port;
	tunnel->df_copied = spec->df_copied;
	tunnel->df_set = spec->df_set;
	tunnel->target = spec->target;
	tunnel->source = spec->source;
	tunnel->plan = spec->plan;
}

/* What was learned stays with a tunnel that is only changed. 0 or -1. */
static int add_learned(const struct eg_tunnels *tunnels, struct eg_tunnel *tunnel,
		       const struct eg_tunnel *before)
{
	bool same_port = before && before->endpoint && before->peer_port == tunnel->peer_port;

	if (tunnel->floats)
		tunnel->endpoint = same_port ? eg_endpoint_retain(before->endpoint)
					     : eg_endpoint_new(&tunnel->remote, tunnel->peer_port);
	if (tunnel->target.family)
		tunnel->liveness =
			before && before->liveness
				? eg_liveness_retain(before->liveness)
				: eg_liveness_new(eg_tunnel_worker(tunnel->id, tunnels->n_workers),
						  tunnels->n_workers);
	return (tunnel->floats && !tunnel->endpoint) || (tunnel->target.family && !tunnel->liveness)
		       ? -1
		       : 0;
}

struct eg_tunnel *eg_tunnel_version_new(const struct eg_tunnels *tunnels,
					const struct eg_tunnel_spec *spec,
					struct eg_tunnel_state *state,
					const struct eg_tunnel *before)
{
	struct eg_tunnel *tunnel = aligned_alloc(64, sizeof(*tunnel));

	if (!tunnel)
		return NULL;
	memset(tunnel, 0, sizeof(*tunnel));
	tunnel->id = state->id;
	tunnel->state = state;
	tunnel->pmtu = &state->pmtu;
	tunnel->name = state->name;
	tunnel->into = (struct eg_hop){.kind = EG_HOP_TUNNEL, .tunnel = state->id};
	copy_spec(tunnel, spec);
	make_outer(tunnel);
	if (!add_learned(tunnels, tunnel, before))
		return tunnel;
	eg_tunnel_version_free(tunnel);
	return NULL;
}

void eg_tunnel_version_free(struct eg_tunnel *tunnel)
{
	eg_endpoint_release(tunnel->endpoint);
	eg_liveness_release(tunnel->liveness);
	free(tunnel);
}

static bool same_hop(const struct eg_tunnel *tunnel, const struct eg_tunnel_spec *spec)
{
	return tunnel->hop.kind == spec->hop.kind && tunnel->hop.port == spec->hop.port &&
	       !memcmp(tunnel->hop.mac, spec->hop.mac, sizeof(spec->hop.mac)) &&
	       (spec->hop.kind != EG_HOP_VIA || eg_ip_equal(&tunnel->via, &spec->via));
}

static bool same_probes(const struct eg_tunnel *tunnel, const struct eg_tunnel_spec *spec)
{
	return eg_ip_equal(&tunnel->target, &spec->target) &&
	       eg_ip_equal(&tunnel->source, &spec->source) &&
	       tunnel->plan.interval_ns == spec->plan.interval_ns &&
	       tunnel->plan.threshold == spec->plan.threshold;
}

bool eg_tunnel_version_is(const struct eg_tunnel *tunnel, const struct eg_tunnel_spec *spec)
{
	return same_hop(tunnel, spec) && same_probes(tunnel, spec) &&
	       tunnel->transport == spec->transport && tunnel->encap == spec->encap &&
	       tunnel->accept_plain == spec->accept_plain && tunnel->floats == spec->floats &&
	       tunnel->fragment_inner == spec->fragment_inner &&
	       tunnel->fragment_outer == spec->fragment_outer &&
	       tunnel->learns_mtu == spec->learns_mtu && tunnel->mss_clamp == spec->mss_clamp &&
	       tunnel->n_sports == spec->n_sports && tunnel->peer_port == spec->peer_port &&
	       tunnel->df_copied == spec->df_copied && tunnel->df_set == spec->df_set;
}
