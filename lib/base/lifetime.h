/* How long a security association may live (RFC 4301 s4.4.2.1): past a soft limit it should be
 * replaced, past a hard one it carries nothing more. 0: no such limit.
 *
 * Packets are counted by sequence number: that is what a sender has used up, restarts included, and
 * what both ends of an SA see alike. Bytes are those of inner packets. */
#ifndef EG_BASE_LIFETIME_H
#define EG_BASE_LIFETIME_H

#include <stdint.h>

struct eg_lifetime {
	uint64_t soft_packets, hard_packets;
	uint64_t soft_bytes, hard_bytes;
	uint64_t soft_time_ns, hard_time_ns;
};

#endif
