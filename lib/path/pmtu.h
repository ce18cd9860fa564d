/* ICMP "too big" about our sealed packets. One worker's, as the rest of path. */
#ifndef EG_PATH_PMTU_H
#define EG_PATH_PMTU_H

#include "net/parse.h"
#include "path/path.h"

/* Heard a second by a worker, of those that are true and news: a burst of packets that were too big
 * says one thing. */
#define EG_PMTU_PPS   100
#define EG_PMTU_BURST 64

bool eg_pmtu_is_message(const struct eg_pkt *pkt);

/* Packet i of an encrypted port is such a message. EG_CONSUMED: it was believed, and has served.
 * Else why it is lost: `verdict` where it is about none of our tunnels. */
enum eg_verdict eg_pmtu_message(struct eg_path *path, unsigned i, enum eg_verdict verdict);

#endif
