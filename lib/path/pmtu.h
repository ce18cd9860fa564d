/* ICMP "too big" about sealed packets: path MTU discovery of tunnels. One worker's, as the rest of
 * path. */
#ifndef EG_PATH_PMTU_H
#define EG_PATH_PMTU_H

#include "net/parse.h"
#include "path/path.h"

/* Rate limit per worker for authentic messages that change something: a burst of packets that were
 * too big brings the same message many times. */
#define EG_PMTU_PPS   100
#define EG_PMTU_BURST 64

bool eg_pmtu_is_message(const struct eg_pkt *pkt);

/* Packet i of an encrypted port is such a message. EG_CONSUMED: it was believed. Otherwise the
 * reason to drop it, which is `verdict` if it is not about a tunnel of the gateway. */
enum eg_verdict eg_pmtu_message(struct eg_path *path, unsigned i, enum eg_verdict verdict);

#endif
