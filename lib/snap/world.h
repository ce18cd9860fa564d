/* The world: ports, routes, static neighbours and allow lists, as workers look them up. One of the
 * two immutable parts of a snapshot (snap/snap.h).
 *
 * Life cycle: eg_snap_world_build() from a checked configuration -> published in a snapshot
 * (snap/publish.h) -> workers read -> its last reference is released after the workers' grace
 * period. Nothing in it changes once it is published. It points to nothing outside itself: hops
 * and groups name tunnels by number. */
#ifndef EG_SNAP_WORLD_H
#define EG_SNAP_WORLD_H

#include <stdatomic.h>

#include "base/allow.h"
#include "base/err.h"
#include "route/group.h"
#include "route/hop.h"
#include "route/local.h"
#include "route/lpm.h"

struct eg_config;

struct eg_snap_world {
	struct eg_lpm *routes;  /* address -> index into hops */
	struct eg_hop *hops;    /* the first one is EG_HOP_NONE */
	struct eg_lpm *encrypt; /* address -> 1: it must not leave in clear; NULL: every one may */
	struct eg_ip *vias;     /* routers that hops name */
	struct eg_lpm_entry *prefixes; /* of `routes`, sorted, each once: for listings */
	struct eg_locals locals;       /* the ports' addresses */
	struct eg_allow *allow;   /* by port: what passes in clear to and from its kernel device */
	uint8_t *source_check;    /* by port: enum eg_source_check */
	struct eg_group **groups; /* that hops name */

	/* By port: the generation of the first world that gave it the addresses it has now. Set
	 * when the world is published; what differs is announced to neighbours. */
	uint64_t *addresses_since;
	unsigned n_ports;
	uint32_t n_hops, n_groups, n_prefixes;

	uint64_t generation; /* counts up with each published world; set by the publisher */
	_Atomic unsigned refs;
};

/* An empty world (every look-up ends in no route) for n_ports ports, with one reference. NULL if
 * out of memory. Any thread. */
struct eg_snap_world *eg_snap_world_new(unsigned n_ports);

/* One more reference, and one less; the last release frees it. No worker may read it then. Any
 * thread; NULL is allowed. */
struct eg_snap_world *eg_snap_world_retain(struct eg_snap_world *world);
void eg_snap_world_release(struct eg_snap_world *world);

/* It is published after `before` (NULL: none): set its generation, and since when each port has its
 * addresses. Control thread, before any worker sees it. */
void eg_snap_world_follow(struct eg_snap_world *world, const struct eg_snap_world *before,
			  uint64_t generation);

/* The hop of an address's (network order, 4 or 6) longest prefix. Any thread that may read the
 * world. */
static inline const struct eg_hop *eg_snap_route(const struct eg_snap_world *world,
						 unsigned version, const uint8_t *address)
{
	return &world->hops[version == 4 ? eg_lpm_lookup4(world->routes, address)
					 : eg_lpm_lookup6(world->routes, address)];
}

/* Must a packet to that address (network order, 4 or 6) be sealed or dropped? Any thread that may
 * read the world. */
static inline bool eg_snap_must_encrypt(const struct eg_snap_world *world, unsigned version,
					const uint8_t *dst)
{
	if (__builtin_expect(!world->encrypt, 1))
		return false;
	return version == 4 ? eg_lpm_lookup4(world->encrypt, dst)
			    : eg_lpm_lookup6(world->encrypt, dst);
}

#endif
