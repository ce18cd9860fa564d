/* Extended sequence numbers after a long gap (RFC 4303 appendix A3): only the low 32 bits are sent,
 * and a receiver that missed 2^32 packets or more infers the wrong high half, so that no ICV
 * matches any more.
 *
 * After EG_RESYNC_AFTER failures in a row on an SA, copies of its next packets are opened with the
 * inferred high half and with higher ones: EG_RESYNC_TRIES per packet, continuing where the
 * previous packet stopped, up to EG_RESYNC_SPAN, then from the beginning again. A match only
 * replaces the packet's inferred number: the packet is then opened and moves the window like any
 * other, which ends the search. Lower high halves are never tried, so a recorded packet is never
 * accepted.
 *
 * Forged packets can start a search and take part in it. The cost per worker is limited to
 * EG_RESYNC_PPS packets per second, however many SAs search. SAs that receive well are not
 * affected.
 */
#ifndef EG_PATH_RESYNC_H
#define EG_PATH_RESYNC_H

#include <stdint.h>

#include "base/tokens.h"

struct eg_path;

#define EG_RESYNC_AFTER 64
#define EG_RESYNC_TRIES 16
#define EG_RESYNC_SPAN  65536
#define EG_RESYNC_PPS   500
#define EG_RESYNC_BURST 8
#define EG_RESYNC_BYTES 10240 /* longer texts are not tried: shorter ones will come */

/* One worker's. */
struct eg_resync {
	struct eg_tokens tokens;
	uint8_t text[EG_RESYNC_BYTES]; /* the copy that is opened, with its ICV */
};

/* Packet i's operation is prepared, and its SA has failed EG_RESYNC_AFTER times in a row: search
 * for the high half, and write it to meta.seq and the operation's associated data if it is found.
 */
void eg_resync(struct eg_path *path, unsigned i);

#endif
