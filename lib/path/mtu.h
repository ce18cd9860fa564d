/* How long a packet may be to go into its tunnel. The arithmetic is path/overhead.h's. */
#ifndef EG_PATH_MTU_H
#define EG_PATH_MTU_H

#include "net/transport.h"
#include "path/path.h"
#include "path/overhead.h"

/* The path MTU to a tunnel's remote end: the MTU of its port, or what path MTU discovery found. */
static inline unsigned eg_mtu_outer(const struct eg_path *path, const struct eg_tunnel *tunnel)
{
	unsigned mtu = path->port[tunnel->hop.port].mtu, learned = eg_pmtu_get(tunnel->pmtu);

	return learned < mtu ? learned : mtu;
}

/* With several outbound SAs, each worker sends on a different one (the idea of RFC 9611). There is
 * at least one. */
static inline struct eg_sa *eg_sa_of(const struct eg_path *path, const struct eg_out_set *out)
{
	return out->sa[out->n == 1 ? 0 : path->worker % out->n];
}

/* The tunnel's overhead with this SA, which has its suite's sizes at hand. kept: as for
 * eg_tunnel_overhead(). */
static inline struct eg_overhead eg_sa_overhead(const struct eg_tunnel *tunnel,
						const struct eg_sa *sa, unsigned kept)
{
	const struct eg_suite_sizes sizes = {sa->iv_bytes, sa->icv_bytes, sa->align_bytes};

	return eg_tunnel_overhead(tunnel, sizes, kept);
}

/* The effective MTU of the tunnel with this SA. */
static inline unsigned eg_mtu_inner(const struct eg_path *path, const struct eg_tunnel *tunnel,
				    const struct eg_sa *sa, unsigned kept)
{
	const struct eg_overhead overhead = eg_sa_overhead(tunnel, sa, kept);

	return eg_effective_mtu(&overhead, eg_mtu_outer(path, tunnel));
}

/* The same for a packet to which sa_out has assigned tunnel and SA. */
static inline unsigned eg_mtu_for_packet(const struct eg_path *path, const struct eg_meta *meta,
					 const uint8_t *data)
{
	unsigned kept = meta->tunnel->transport ? eg_transport_seal_point(data, &meta->pkt).off : 0;

	return eg_mtu_inner(path, meta->tunnel, meta->sa, kept);
}

/* The MTU to report in "too big". No host sends less than 1280 bytes of IPv6 (RFC 8200 s5): a
 * tunnel accepts that much in any case, and fragments the sealed packet (RFC 2473 s7.1). */
static inline unsigned eg_mtu_to_report(const struct eg_path *path, const struct eg_meta *meta,
					const uint8_t *data)
{
	unsigned mtu = eg_mtu_for_packet(path, meta, data);

	return meta->pkt.version == 6 && mtu < EG_IP6_MTU_MIN ? EG_IP6_MTU_MIN : mtu;
}

#endif
