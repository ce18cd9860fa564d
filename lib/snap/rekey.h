/* Private to lib/snap: how SAs come and go over snapshots without a lost packet.
 *
 * The configuration lists the SAs that are wanted; a reload is the difference to those in force.
 * Both ends of a tunnel load at their own time, so for a while they differ:
 *
 *	inbound, new      accepted at once: the other end may already send on it
 *	outbound, new     waits for peers.NAME.rekey.send_delay: until the other end accepts it,
 *too; at once where nothing was sent to the peer before outbound, gone    sends until the first new
 *one does; at once where none is new inbound, gone     accepted for peers.NAME.rekey.grace: what is
 *under way, or the other end has not loaded yet
 *
 * This has nothing to do with several outbound SAs side by side in one configuration: those are
 * equal, and each worker sends on its own (the idea of RFC 9611). A peer is the same one where its
 * name and both its addresses are; SAs of a peer that went, go at once.
 *
 * A snapshot does not change: when a time is over, eg_snap_step() makes the next one. */
#ifndef EG_SNAP_REKEY_H
#define EG_SNAP_REKEY_H

#include "conf/config.h"
#include "snap/snap.h"

/* Decide how the SAs of `snap`, all just acquired from `config`, are used, and add those of the
 * snapshot in force that stay for a while. 0 or -1 (out of memory). */
int eg_rekey_inherit(struct eg_snap *snap, const struct eg_config *config,
		     const struct eg_snap_options *options, struct eg_errs *errs);

/* Make what workers look up from snap->sas: each peer's outbound list and the SAD. 0 or -1. */
int eg_rekey_derive(struct eg_snap *snap);

#endif
