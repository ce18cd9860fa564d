/* VLAN sub-ports (IEEE 802.1Q): ports that share a device with their parent and differ by tag. Each
 * has its own role, addresses, MTU, neighbours and counters. One worker's, as the rest of path. */
#ifndef EG_PATH_VLAN_H
#define EG_PATH_VLAN_H

#include "path/path.h"

/* Part of rx where the device has sub-ports: take the batch apart. Untagged frames are the device's
 * own port's. Frames of VLANs that nobody configured, and those with two tags, are dropped by name.
 * Counts what each port received; the batch is empty then. */
void eg_vlan_sort(struct eg_path *path, unsigned device);

/* Fill the batch with what came for the next port, in order; false where nothing is left. */
bool eg_vlan_next(struct eg_path *path);

/* Put a tag into an untagged frame; false where its buffer has no room. */
bool eg_vlan_put_tag(struct rte_mbuf *m, uint16_t vlan);

#endif
