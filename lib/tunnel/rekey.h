/* How SAs come and go without a lost packet.
 *
 * A configuration lists a tunnel's SAs; a reload is the difference to those in use. Both ends of a
 * tunnel load at their own time, so for a while they differ, and the table below says what happens.
 * It has nothing to do with several outbound SAs side by side in one configuration: those are
 * equal, and each worker sends on its own (the idea of RFC 9611).
 *
 * Life cycle: eg_tunnel_set_sas() and eg_tunnel_replace_sa() set the times; eg_tunnels_rekey() acts
 * on them, from one heap of timers with an entry per tunnel. All of it is the control thread's. */

/* clang-format off */
/*
 *	new, inbound      accepted at once: the other end may already send on it
 *	new, outbound     pending for send_delay, until the other end accepts it, too; used at once
 *	                  if nothing was sent to the peer before
 *	gone, outbound    sends until the first pending one does; removed at once if none is pending
 *	gone, inbound     accepted for `grace`: packets are on their way, or the other end has not
 *	                  loaded yet; removed at once if a new one has its SPI
 */
/* clang-format on */
#ifndef EG_TUNNEL_REKEY_H
#define EG_TUNNEL_REKEY_H

#include "rcu/rcu.h"
#include "sa/sa.h"

struct eg_tunnels;

/* How an SA is used. */
enum eg_tunnel_sa_use {
	EG_TUNNEL_SA_IN_USE,
	EG_TUNNEL_SA_PENDING,  /* outbound: sends from at_ns on */
	EG_TUNNEL_SA_RETIRING, /* sends or is accepted until at_ns */
};

/* A tunnel's SA, and a reference to it. Read it in the control thread only:
 * for (held = eg_tunnel_first_sa(tunnels, id); held; held = held->next). */
struct eg_tunnel_sa {
	struct eg_tunnel_sa *next, *prev; /* of the tunnel */
	struct eg_tunnel_sa *next_holder; /* of the SA: an older one, or NULL */
	struct eg_sa *sa;
	struct eg_tunnels *tunnels;
	uint32_t tunnel; /* id */
	enum eg_tunnel_sa_use use;
	uint64_t at_ns; /* monotonic */
	bool wanted;    /* scratch of eg_tunnel_set_sas() */
	struct eg_rcu_node rcu;
};

const struct eg_tunnel_sa *eg_tunnel_first_sa(const struct eg_tunnels *tunnels, uint32_t id);

struct eg_rekey_times {
	uint64_t send_delay_ns; /* until a new outbound SA sends */
	uint64_t grace_ns;      /* for which an inbound SA that is gone is accepted */
};

/* What became of a tunnel's SAs. */
struct eg_rekey_result {
	uint32_t n_new, n_pending, n_retiring, n_removed;
	uint32_t reused_spi; /* host order, 0: none. An inbound SPI has a new key: what the other
				end still seals under the old one is lost (RFC 4303 s2.1) */
};

/* From now on the tunnel has these SAs, by the rules above: the caller's n references are taken
 * over, also of those that it has already (they are released then). 0; -ENOMEM, or -EINVAL: a
 * negotiated SA is for another wire format than the tunnel's. Then everything is as before, and the
 * references are the caller's. `result` may be NULL. */
int eg_tunnel_set_sas(struct eg_tunnels *tunnels, uint32_t id, struct eg_sa *const *sas, size_t n,
		      const struct eg_rekey_times *times, uint64_t now_ns,
		      struct eg_rekey_result *result);

/* One tunnel whose SAs changed because of their times. */
struct eg_rekey_event {
	uint32_t tunnel;
	uint32_t sending_spi; /* host order: the SA that now sends; 0: none began */
	uint32_t n_sas;       /* that the tunnel has now */
};

typedef void eg_rekey_event_fn(void *arg, const struct eg_rekey_event *event);

/* Begin and end SAs whose time has come, of at most `max` tunnels; report may be NULL. Returns when
 * to call again: a time in the past or now means at once, UINT64_MAX that no SA waits. */
uint64_t eg_tunnels_rekey(struct eg_tunnels *tunnels, uint64_t now_ns, unsigned max,
			  eg_rekey_event_fn *report, void *arg);

#endif
