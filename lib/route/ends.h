/* Which peers a packet between two outer addresses may belong to: for what has no SPI to be found
 * by (fragments, ICMP about our packets). Built with the snapshot, read-only for workers. */
#ifndef EG_ROUTE_ENDS_H
#define EG_ROUTE_ENDS_H

#include "base/hash.h"
#include "route/tunnel.h"

struct eg_ends {
	uint32_t *slots; /* a peer's index + 1; 0: free; open addressing, at most half full */
	uint32_t mask;
};

static inline uint32_t eg_ends_hash(const struct eg_ip *local, const struct eg_ip *remote)
{
	uint64_t l[2], r[2];

	memcpy(l, local->bytes, sizeof(l));
	memcpy(r, remote->bytes, sizeof(r));
	return (uint32_t)eg_hash_u64(l[0] ^
				     eg_hash_u64(l[1] ^ eg_hash_u64(r[0] ^ eg_hash_u64(r[1]))));
}

/* 0 or -ENOMEM. */
int eg_ends_build(struct eg_ends *ends, const struct eg_tunnel *tunnels, uint32_t n);
void eg_ends_free(struct eg_ends *ends);

/* A peer between these ends: the first for *at = 0, and then the next one; NULL: no more. */
const struct eg_tunnel *eg_ends_next(const struct eg_ends *ends, const struct eg_tunnel *tunnels,
				     const struct eg_ip *local, const struct eg_ip *remote,
				     uint32_t *at);

#endif
