/* The second half of known packets (path/known.h). Worker only. */
#ifndef EG_PATH_KNOWN_OUT_H
#define EG_PATH_KNOWN_OUT_H

#include "path/path.h"

/* Room that must be in front of the IP header and behind the packet: for the headers of any tunnel,
 * and for trailer and ICV. */
#define EG_KNOWN_FRONT 88
#define EG_KNOWN_BACK  64

/* Give the packets of the batch that have an entry in path->known.seen the headers that they leave
 * with, and move them to path->known; the others stay in the batch, in order. */
void eg_known_write_headers(struct eg_path *path);

#endif
