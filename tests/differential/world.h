/* A random gateway's configuration, which can be changed at random: its peers, SAs, static
 * neighbours, routes and policies, and the files that say so. */
#ifndef DIFFERENTIAL_WORLD_H
#define DIFFERENTIAL_WORLD_H

#include <stdbool.h>

#include "base/suite.h"
#include "common/random.h"

/* The ports, in the order of the configuration. */
enum {
	PODS, /* clear: the node's pods */
	LAN,  /* clear: hosts, and a router to more of them */
	UP,   /* encrypted */
	UP2,  /* encrypted */
	PORTS,
};

#define PEERS     6
#define LOCATIONS (3 + PEERS) /* pods, hosts of the LAN, hosts behind its router, each peer's */
#define HOSTS     6           /* per location */
#define LABELS    3

/* One configured peer. Its subnets are 10.(100 + i).0.0/24 and fd00:(100 + i)::/64, or those of the
 * peer before it, if both are a group. */
struct peer {
	bool present, transport, outer6, routed; /* routed: its address is behind the router */
	unsigned port;
	bool encap, floats, accept_plain;
	unsigned source_ports, peer_port;
	const char *df, *fragment;
	bool mss_clamp, learns_mtu;
	bool grouped, probed;
	unsigned priority, weight;
	const struct eg_suite *suite;
	bool esn;
	unsigned window;
	unsigned out, in;   /* how many SAs: 0 to 2 */
	unsigned rekeyings; /* counted in the SPIs, and a new SPI has a new key */
};

struct world {
	struct rng *rng;
	char folder[64];
	const char *kind; /* for messages */
	unsigned workers;
	bool vlans; /* LAN is a sub-port of PODS' device, and UP2 of UP's */
	unsigned mtu[PORTS];
	bool partial; /* ports may bring partial checksums without saying so */
	bool has_policy, audit, reject, keep, deny_unknown;
	bool source_check, encrypts;
	bool has_lan_route;
	unsigned static_mac; /* last byte of static neighbours' MACs, 0: none is configured */
	unsigned max_connections, per_source;
	unsigned policies;    /* how many objects */
	uint64_t policy_seed; /* what they say */
	uint64_t label_seed;
	struct peer peer[PEERS];
};

/* The port whose device it uses, and the VLAN of its frames there or 0. */
unsigned world_device(const struct world *world, unsigned port);
unsigned world_vlan(const struct world *world, unsigned port);

/* A new world, whose files are in `folder` (it exists). */
void world_make(struct world *world, struct rng *rng, const char *folder);

/* Change something that a reload may change. Returns what, for messages. */
const char *world_change(struct world *world);

/* Write gateway.yaml, the Kubernetes objects, and keys that are not there yet. */
void world_write(const struct world *world);

/* The nth SA of a peer in a direction: from the gateway, or to it. */
uint32_t world_spi(const struct world *world, unsigned peer, bool out, unsigned nth);

/* The key material behind an SPI: any suite's (EG_SUITE_KEY_MAX bytes). */
void world_material(uint32_t spi, uint8_t *material);

/* The address of a host: version 4 (4 bytes) or 6 (16 bytes), network order. */
void world_address(unsigned location, unsigned host, unsigned version, uint8_t *address);

/* Outer addresses of a peer; the version is peer->outer6's. */
void world_ends(const struct world *world, unsigned peer, uint8_t *local, uint8_t *remote);

/* The location whose addresses peer i's subnets are. */
unsigned world_location(const struct world *world, unsigned peer);

#endif
