/* VLAN sub-ports (IEEE 802.1Q): ports that share a device with their parent and differ by tag. Each
 * has its own role, addresses, MTU, neighbours and counters. Worker only. */
#ifndef EG_PATH_VLAN_H
#define EG_PATH_VLAN_H

#include "path/batch.h"

struct eg_path;

/* A burst of a device with sub-ports: the packets of ports that are not processed yet. */
struct eg_vlan_burst {
	unsigned n;
	struct rte_mbuf *m[EG_BATCH_MAX];
	uint8_t port[EG_BATCH_MAX];
};

/* Part of rx on a device with sub-ports: sort the batch by port. Untagged frames belong to the
 * device's own port. Frames of VLANs that are not configured, and frames with two tags, are
 * dropped, each for its reason. Counts what each port received; leaves the batch empty. */
void eg_vlan_sort(struct eg_path *path, unsigned device);

/* Fill the batch with the packets of the next port, in order; false if none are left. */
bool eg_vlan_next(struct eg_path *path);

/* Insert a tag into an untagged frame. False without enough headroom. */
bool eg_vlan_put_tag(struct rte_mbuf *m, uint16_t vlan);

#endif
