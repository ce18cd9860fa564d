/* The immutable compiled world: all that workers look up while they handle a burst.
 *
 * Life cycle: eg_snap_build() from a checked configuration -> publish (snap/publish.h) -> workers
 * read -> retire after their grace period -> eg_snap_free(). Built and freed by the control thread;
 * nothing in it changes in between, but for the SAs' hot state, which it only borrows and which
 * outlives it (sa/store.h). */
#ifndef EG_SNAP_SNAP_H
#define EG_SNAP_SNAP_H

#include "base/allow.h"
#include "base/err.h"
#include "base/vec.h"
#include "route/ends.h"
#include "route/group.h"
#include "route/hop.h"
#include "route/lpm.h"
#include "route/local.h"
#include "route/tunnel.h"
#include "sa/sad_table.h"
#include "sa/store.h"
#include "snap/policy.h"

/* How an SA is used (snap/rekey.h says why). */
enum eg_sa_use {
	EG_SA_IN_USE,
	EG_SA_PENDING,  /* outbound: sends from at_ns on */
	EG_SA_RETIRING, /* no longer configured: sends or is accepted until at_ns */
};

/* An SA acquired from the store, and whose it is. */
struct eg_snap_sa {
	struct eg_sa *sa;
	uint32_t tunnel;
	enum eg_sa_use use;
	uint64_t at_ns; /* monotonic */
	struct eg_lifetime lifetime;
};

/* A peer that keepalives may go to, and when something last went there. Of the worker whose index
 * is this one's in the list, modulo the number of workers: not read by others. */
struct eg_snap_idle {
	uint32_t tunnel;
	uint64_t packets; /* that its SAs had sent by then */
	uint64_t cycles;  /* 0: not known: a new snapshot begins with a keepalive */
};

struct eg_config;

struct eg_snap {
	uint64_t generation;   /* counts up with each published snapshot */
	struct eg_lpm *routes; /* address -> index into hops */
	struct eg_hop *hops;
	struct eg_lpm *encrypt;  /* address -> 1: it must not leave in clear; NULL: every one may */
	struct eg_ip *vias;      /* routers that hops name */
	struct eg_locals locals; /* the ports' addresses */
	struct eg_allow *allow;  /* by port: what passes in clear to and from its kernel device */
	uint8_t *source_check;   /* by port: enum eg_source_check */
	struct eg_tunnel *tunnels;
	struct eg_sad_table sad;
	struct eg_ends ends;        /* of peers */
	struct eg_snap_idle *idles; /* the peers with udp_encap */
	uint32_t n_idles;
	uint32_t *probes; /* the peers that are asked whether they live */
	uint32_t n_probes;
	struct eg_group **groups;      /* that hops name */
	struct eg_snap_policy *policy; /* NULL: no policy is enforced, nothing is tracked */

	/* The control thread's. */
	uint32_t n_hops, n_tunnels, n_groups;
	EG_VEC(struct eg_snap_sa)
	sas;                   /* in the configuration's order, peer by peer; those that
				  leave behind them */
	uint64_t next_step_ns; /* when the first SA begins or ends; UINT64_MAX: none does */
	bool lent; /* routes, encrypt, hops, vias, owns, allow, source_check, groups and policy are
		      the next snapshot's now (eg_snap_step()) */
	struct eg_sa_store *store;
};

struct eg_snap_options {
	uint64_t prove_ns; /* how long the proof of the policy may take; 0: prove everything */
	const struct eg_snap *before; /* in force, or NULL */
	uint64_t now_ns;              /* monotonic */
	enum eg_snap_tolerance tolerance;
	bool offline; /* no keys, so no SAs: for verbs that only look (explain, replay) */
};

/* Compile a configuration. Reads key files and Kubernetes objects, acquires SAs, resolves routes,
 * compiles and proves the policy. The store is not needed offline. Keeps nothing of `config`. NULL
 * where anything was reported to errs. */
struct eg_snap *eg_snap_build(const struct eg_config *config, struct eg_sa_store *store,
			      const struct eg_snap_options *options, struct eg_errs *errs);

/* The next snapshot where the time of an SA's begin or end has come: the same world, with other
 * SAs. It takes over routes and policy, so it must be published in place of `before`. NULL where
 * nothing is due, or memory is short (then ask again). */
struct eg_snap *eg_snap_step(struct eg_snap *before, uint64_t now_ns);

/* Release the SAs and free all. No worker may still read it. NULL is allowed. */
void eg_snap_free(struct eg_snap *snap);

/* The hop of an address's longest prefix. Any thread that may read the snapshot. */
static inline const struct eg_hop *eg_snap_route4(const struct eg_snap *snap, const uint8_t dst[4])
{
	return &snap->hops[eg_lpm_lookup4(snap->routes, dst)];
}

static inline const struct eg_hop *eg_snap_route6(const struct eg_snap *snap, const uint8_t dst[16])
{
	return &snap->hops[eg_lpm_lookup6(snap->routes, dst)];
}

/* Must a packet to that address (network order, 4 or 6) be sealed or dropped? Any thread that may
 * read the snapshot. */
static inline bool eg_snap_must_encrypt(const struct eg_snap *snap, unsigned version,
					const uint8_t *dst)
{
	if (__builtin_expect(!snap->encrypt, 1))
		return false;
	return version == 4 ? eg_lpm_lookup4(snap->encrypt, dst)
			    : eg_lpm_lookup6(snap->encrypt, dst);
}

#endif
