/* A peer gateway as workers see it: its SAs and the ready outer header.
 * Built with the snapshot, read-only for workers; the SAs are borrowed from the SA store. */
#ifndef EG_ROUTE_TUNNEL_H
#define EG_ROUTE_TUNNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"
#include "net/headers.h"
#include "route/liveness.h"
#include "route/endpoint.h"
#include "route/hop.h"
#include "route/pmtu.h"

struct eg_sa;

struct eg_tunnel {
	/* What every packet into it needs: a cache line, and one for the outer header. */
	struct eg_sa **out;
	struct eg_pmtu *pmtu; /* a reference */
	struct eg_hop hop;    /* to the remote end: EG_HOP_PORT, or why not */
	uint32_t n_out;
	uint32_t outer_sum; /* IPv4: checksum of the template, not folded */
	uint16_t n_sports;  /* of UDP: 1: port 4500; more: flows are spread over so many */
	uint16_t peer_port; /* of UDP: the destination port, where no endpoint is followed */
	uint16_t df_copied; /* outer DF over IPv4: which bits of the inner one's, and which
			       anyway */
	uint16_t df_set;
	uint8_t ip_len;    /* of the outer IP header */
	uint8_t outer_len; /* with UDP's, where there is one */
	bool transport; /* mode: the packet's own header stays in front; local is not ours then */
	bool encap;     /* ESP in UDP (RFC 3948) */
	bool accept_plain; /* with encap: bare ESP is accepted, too (RFC 7296 s2.23) */
	bool floats;       /* with encap, tunnel mode: `endpoint` is where it is now */
	/* IPv4 without DF that does not fit: fragmented before sealing; or after. IPv6 packets up
	 * to 1280 bytes ask neither: they are always sealed, and fragmented where they must be. */
	bool fragment_inner, fragment_outer;
	union {
		struct eg_ip4 ip4;
		struct eg_ip6 ip6;
	} outer; /* all that is the same in every packet */

	struct eg_ip local, remote; /* what every packet out of it is held against */

	struct eg_hop into;           /* EG_HOP_TUNNEL, this one */
	struct eg_endpoint *endpoint; /* a reference; NULL: remote and peer_port are fixed */
	bool learns_mtu; /* ICMP about its outer packets is believed where it is true */
	bool mss_clamp;  /* TCP through it asks for segments that fit */
	char *name;      /* owned by the snapshot */
	struct eg_liveness *liveness; /* a reference; NULL: it is not asked whether it lives */
	struct eg_liveness_plan plan;
	struct eg_ip target, source; /* whom it asks for an echo there, as whom */
	uint8_t unused[24];
};

_Static_assert(sizeof(struct eg_tunnel) % 64 == 0, "each begins on a line, as the first does");
_Static_assert(offsetof(struct eg_tunnel, into) <= 128, "two lines for all packets");

/* n of them, all zero, on cache lines; for free(). NULL where memory is short. */
struct eg_tunnel *eg_tunnels_new(uint32_t n);

/* What packets into it and out of it need is fetched. Any worker. */
static inline void eg_tunnel_prefetch(const struct eg_tunnel *tunnel)
{
	__builtin_prefetch(tunnel);
	__builtin_prefetch((const char *)tunnel + 64);
}

/* The first of several source ports, out of RFC 6335 s6's dynamic ones. */
#define EG_TUNNEL_SPORT_BASE 49152

/* Fill the outer header template from local, remote and encap (RFC 4301 s5.1.2). */
void eg_tunnel_make_outer(struct eg_tunnel *tunnel);

#endif
