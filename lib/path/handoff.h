/* Packets for another worker: the owner of an inbound SA, or of a reassembly. */
#ifndef EG_PATH_HANDOFF_H
#define EG_PATH_HANDOFF_H

#include "path/path.h"

/* Give packet i to another worker, which parses it and begins again at demux. EG_CONSUMED, or why
 * it is dropped. The data start at the outer IP header, as they came. */
enum eg_verdict eg_handoff(struct eg_path *path, unsigned i, unsigned worker);

#endif
