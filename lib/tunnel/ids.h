/* Private to lib/tunnel: which ids are free. An id that was given back is not given out again until
 * eg_ids_recycle() was called and a grace period has passed since (tunnel/table.h says why).
 *
 * Four lists, each id in at most one of them; every step moves a whole list, in constant time.
 * Control thread. */
#ifndef EG_TUNNEL_IDS_H
#define EG_TUNNEL_IDS_H

#include <stdint.h>

#include "rcu/rcu.h"

struct eg_id_queue {
	uint32_t first, last, n; /* first and last mean nothing where n is 0 */
};

struct eg_ids {
	uint32_t *next; /* by id: the next one in its list; mapped */
	uint32_t max;
	uint32_t end;               /* ids from here on were never used */
	struct eg_id_queue limbo;   /* given back */
	struct eg_id_queue unnamed; /* no published world names them any more */
	struct eg_id_queue grace;   /* until `token` has passed */
	struct eg_id_queue unused;
	uint64_t token;
};

/* For ids 0 .. max - 1. NULL: out of memory. */
struct eg_ids *eg_ids_new(uint32_t max);
void eg_ids_free(struct eg_ids *ids);

/* An id, or UINT32_MAX: all are used or wait. */
uint32_t eg_ids_get(struct eg_ids *ids, struct eg_rcu *rcu);

/* Give one back that was never published: it is free at once. */
void eg_ids_unget(struct eg_ids *ids, uint32_t id);

void eg_ids_retire(struct eg_ids *ids, uint32_t id);
void eg_ids_recycle(struct eg_ids *ids, struct eg_rcu *rcu);

#endif
