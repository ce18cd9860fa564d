/* One tunnel to a peer gateway, as workers see it.
 *
 * Life cycle: a tunnel is added, changed and removed by id (tunnel/table.h). `struct eg_tunnel` is
 * one immutable version of it: a change publishes a new version, and the old one is freed after the
 * workers' grace period (rcu/rcu.h). `struct eg_tunnel_state` is what workers write and learn; it
 * stays the same through every change of the tunnel and is freed with it. Its SAs are in sets of
 * their own, which are replaced the same way (tunnel/table.h).
 *
 * Synchronization: workers read a version between two quiescent reports, without locks. The control
 * thread makes and retires versions. Who writes a field of the state is said there. */
#ifndef EG_TUNNEL_TUNNEL_H
#define EG_TUNNEL_TUNNEL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"
#include "net/headers.h"
#include "rcu/rcu.h"
#include "tunnel/endpoint.h"
#include "route/hop.h"
#include "tunnel/liveness.h"
#include "tunnel/pmtu.h"

#define EG_TUNNEL_NONE UINT32_MAX /* no tunnel's id */

enum eg_tunnel_protocol {
	EG_TUNNEL_ESP, /* RFC 4303 */
};

/* What makes a tunnel, for eg_tunnel_add() and eg_tunnel_change(). Plain values: any thread may
 * prepare one. `name`, `local` and `remote` are fixed for the tunnel's life. */
struct eg_tunnel_spec {
	const char *name; /* borrowed during the call */
	bool replaces;    /* to add: another tunnel of that name will be removed soon */
	struct eg_ip local, remote;
	enum eg_tunnel_protocol protocol;
	struct eg_hop hop; /* to the remote end: one that leads out by a port, or why there is none;
			    * hop.via is not used */
	struct eg_ip via;  /* EG_HOP_VIA: the router's address */
	bool transport;    /* mode */
	bool encap, accept_plain, floats;
	bool fragment_inner, fragment_outer;
	bool learns_mtu, mss_clamp;
	uint16_t n_sports, peer_port;
	uint16_t df_copied, df_set;
	struct eg_ip target, source; /* probed address, and the probes' source; family 0: none */
	struct eg_liveness_plan plan;
};

struct eg_tunnel_state;

struct eg_tunnel {
	/* What every packet into it needs: a cache line, and one for the outer header. */
	struct eg_pmtu *pmtu; /* the state's */
	struct eg_hop hop;    /* to the remote end: EG_HOP_PORT, _LINK or _VIA, or why not */
	uint32_t id;          /* in the table; the same in every version */
	uint32_t outer_sum;   /* IPv4: checksum of the template, not folded */
	uint16_t n_sports;    /* UDP source ports that flows are spread over; 1: port 4500 */
	uint16_t peer_port;   /* UDP destination port, unless the endpoint floats */
	uint16_t df_copied;   /* outer DF over IPv4: bits copied from the inner header, and bits */
	uint16_t df_set;      /* that are always set */
	uint8_t ip_len;       /* of the outer IP header */
	uint8_t outer_len;    /* with the UDP header, if there is one */
	bool transport; /* mode: the packet's own header stays in front; local is not ours then */
	bool encap;     /* ESP in UDP (RFC 3948) */
	bool accept_plain; /* with encap: bare ESP is accepted, too (RFC 7296 s2.23) */
	bool floats;       /* with encap, tunnel mode: `endpoint` says where it is now */
	/* An IPv4 packet without DF that does not fit is fragmented before sealing, or after. IPv6
	 * packets of up to 1280 bytes are always sealed, and then fragmented if they must be. */
	bool fragment_inner, fragment_outer;
	union {
		struct eg_ip4 ip4;
		struct eg_ip6 ip6;
	} outer; /* template: the same in every packet */

	struct eg_ip local, remote; /* every packet out of it is checked against these */
	bool learns_mtu;            /* authentic ICMP "too big" about its packets is believed */
	bool mss_clamp;             /* TCP through it is asked for segments that fit */
	uint8_t protocol;           /* enum eg_tunnel_protocol */

	/* For some packets only. */
	_Alignas(64) struct eg_hop into; /* EG_HOP_TUNNEL to this tunnel */
	struct eg_ip via;                /* of hop, EG_HOP_VIA: the router's address */
	struct eg_tunnel_state *state;
	struct eg_endpoint *endpoint; /* a reference; NULL: remote and peer_port are fixed */
	struct eg_liveness *liveness; /* a reference; NULL: it is not probed */
	struct eg_liveness_plan plan;
	struct eg_ip target, source; /* of the probes, in the tunnel */
	const char *name;            /* the state's */

	/* The control thread's. */
	struct eg_rcu_node rcu;
};

_Static_assert(sizeof(struct eg_tunnel) % 64 == 0, "allocated on cache lines");
_Static_assert(offsetof(struct eg_tunnel, into) == 128, "two lines for all packets");

/* Fetch what packets into it and out of it need. NULL is allowed: it is gone. Any worker. */
static inline void eg_tunnel_prefetch(const struct eg_tunnel *tunnel)
{
	__builtin_prefetch(tunnel);
	__builtin_prefetch((const void *)((uintptr_t)tunnel + 64));
}

/* The first of several source ports, one of RFC 6335 s6's dynamic ones. */
#define EG_TUNNEL_SPORT_BASE 49152

/* When the tunnel last sent, for keepalives (RFC 3948 s4). */
struct eg_keepalive_clock {
	uint64_t packets; /* that its SAs had sent by then */
	uint64_t cycles;  /* 0: not known yet, so a keepalive is due */
};

struct eg_tunnels;
struct eg_tunnel_sa; /* tunnel/rekey.h */

struct eg_tunnel_state {
	/* Any worker writes. */
	struct eg_pmtu pmtu;

	/* Written by one worker only: eg_tunnel_worker(). */
	_Alignas(64) struct eg_keepalive_clock keepalive;

	/* Fixed for the tunnel's life; the link is the control thread's to write and any worker's
	 * to follow (eg_tunnels_between()). */
	_Alignas(64) struct eg_ip local, remote;
	uint32_t id;
	_Atomic(struct eg_tunnel_state *) next_between;

	/* The control thread's. */
	struct eg_tunnels *tunnels;
	struct eg_tunnel_state *next_name;
	uint32_t name_hash;
	uint32_t n_sas;                /* in the list, whatever their use */
	struct eg_tunnel_sa *first_sa; /* in the order in which they were added */
	struct eg_tunnel_sa *last_sa;
	uint64_t next_ns;                /* when an SA's use changes; UINT64_MAX: never */
	uint32_t timer;                  /* place in the timer heap, or EG_TUNNEL_NONE */
	uint32_t keepalive_at, probe_at; /* places in the id lists, or EG_TUNNEL_NONE */
	uint32_t logged_changes;         /* of liveness: that the log knows */
	struct eg_rcu_node rcu;
	char name[];
};

/* The worker that sends the tunnel's keepalives and probes. */
static inline unsigned eg_tunnel_worker(uint32_t id, unsigned n_workers)
{
	return id % n_workers;
}

#endif
