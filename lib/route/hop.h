/* Next hop: the result of a route lookup. Built with the snapshot, read-only for workers. */
#ifndef EG_ROUTE_HOP_H
#define EG_ROUTE_HOP_H

#include <stdbool.h>
#include <stdint.h>

enum eg_hop_kind {
	EG_HOP_NONE,        /* neither peer nor route */
	EG_HOP_NO_NEIGHBOR, /* a route, but no station with a known MAC */
	EG_HOP_LOCAL,       /* the gateway itself */
	EG_HOP_BROADCAST,   /* the broadcast address of a port's network */
	EG_HOP_PORT,        /* through a port, to a configured MAC */
	EG_HOP_LINK,        /* through a port, to the destination itself (on-link) */
	EG_HOP_VIA,         /* through a port, to a router whose address is resolved */
	EG_HOP_TUNNEL,      /* into a peer's tunnel */
	EG_HOP_GROUP,       /* into the tunnel of one of several peers (route/group.h) */
};

#define EG_HOP_NO_PORT 0xff

struct eg_hop {
	uint8_t kind;
	uint8_t port;   /* EG_HOP_PORT, EG_HOP_LINK, EG_HOP_VIA; EG_HOP_NO_NEIGHBOR: where it would
			 * be, or EG_HOP_NO_PORT */
	uint8_t mac[6]; /* EG_HOP_PORT */
	union {
		uint32_t tunnel; /* EG_HOP_TUNNEL: index in the snapshot */
		uint32_t via;    /* EG_HOP_VIA: the same, of the router's address */
		uint32_t group;  /* EG_HOP_GROUP: the same */
	};
};

/* Does it lead out of a port? */
static inline bool eg_hop_is_port(const struct eg_hop *hop)
{
	return hop->kind >= EG_HOP_PORT && hop->kind <= EG_HOP_VIA;
}

/* Is the destination behind that port, whether reachable or not? */
static inline bool eg_hop_behind(const struct eg_hop *hop, unsigned port)
{
	return hop->port == port && hop->kind >= EG_HOP_NO_NEIGHBOR && hop->kind <= EG_HOP_VIA &&
	       hop->kind != EG_HOP_LOCAL && hop->kind != EG_HOP_BROADCAST;
}

/* Does it lead into a tunnel? */
static inline bool eg_hop_is_tunnel(const struct eg_hop *hop)
{
	return hop->kind == EG_HOP_TUNNEL || hop->kind == EG_HOP_GROUP;
}

#endif
