/* Where a packet goes next: what the route lookup's value stands for.
 * Built with the snapshot, read-only for workers. */
#ifndef EG_ROUTE_HOP_H
#define EG_ROUTE_HOP_H

#include <stdint.h>

enum eg_hop_kind {
	EG_HOP_NONE,        /* neither peer nor route */
	EG_HOP_NO_NEIGHBOR, /* a route, but nobody there whose MAC is known */
	EG_HOP_LOCAL,       /* the gateway itself */
	EG_HOP_PORT,        /* out by a port, to a MAC */
	EG_HOP_PEER,        /* into a peer's tunnel */
};

struct eg_hop {
	uint8_t kind;
	uint8_t port;   /* EG_HOP_PORT */
	uint8_t mac[6]; /* EG_HOP_PORT */
	uint32_t peer;  /* EG_HOP_PEER: index in the snapshot */
};

#endif
