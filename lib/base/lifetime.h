/* SA lifetime (RFC 4301 s4.4.2.1): past a soft limit the SA should be rekeyed, past a hard limit it
 * must not be used. 0: no limit.
 *
 * Packets are counted by sequence number: it includes what was used before a restart, and both ends
 * of an SA agree on it. Bytes are those of inner packets. */
#ifndef EG_BASE_LIFETIME_H
#define EG_BASE_LIFETIME_H

#include <stdint.h>

struct eg_lifetime {
	uint64_t soft_packets, hard_packets;
	uint64_t soft_bytes, hard_bytes;
	uint64_t soft_time_ns, hard_time_ns;
};

#endif
