/* Known packets: those that the forwarding cache has the decision for. They are found, sealed if
 * they go into a tunnel, and sent, as a batch of their own; the others stay in path->batch and take
 * the full path. Worker only.
 *
 * Packets of one connection stay in order: one of them that the cache does not know (a FIN, a far
 * sequence number) makes the entry invalid, so that those behind it take the full path too. Of a
 * packet whose header does not show the connection (a fragment, IPv4 options, IPv6 extension
 * headers), all packets behind it in the burst with the same addresses do. Connections may pass
 * each other. */
#ifndef EG_PATH_KNOWN_H
#define EG_PATH_KNOWN_H

#include <rte_mbuf.h>

#include "path/cache.h"

#define EG_KNOWN_MAX 64 /* a batch */

/* What the first look at a packet of path->batch found, so that the passes behind it need not load
 * the packet again. */
struct eg_seen {
	uint64_t hash;                /* of its key; 0: not one for the cache */
	struct eg_cache_entry *entry; /* that may be its own, then that is; NULL: none */
	uint8_t *ip;
	uint64_t addr;  /* the first word of eg_cache_entry.addr */
	uint32_t ports; /* the same fields as there */
	uint32_t input;
	uint32_t seq_end; /* TCP: the sequence number after its last byte; others: undefined */
	uint16_t len;     /* of the IP packet */
	bool v4;
	bool ordinary; /* path/known_header.h, and there is room for all headers */
};

struct eg_known {
	unsigned n;
	bool one_port;    /* all leave by the same one */
	uint64_t sealing; /* bit k: packet k goes into a tunnel */
	struct rte_mbuf *m[EG_KNOWN_MAX];
	uint8_t port[EG_KNOWN_MAX]; /* by which it leaves */
	struct eg_seen seen[EG_KNOWN_MAX];
};

#endif
