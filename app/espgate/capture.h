/* The flows of a capture file (pcap or pcapng, by libpcap): who opened which connection to
 * whom. No policy here. Owner: the caller; eg_capture_free() ends it. */
#ifndef ESPGATE_CAPTURE_H
#define ESPGATE_CAPTURE_H

#include "base/ip.h"
#include "base/vec.h"
#include "policy/reference.h"

struct eg_capture_flow {
	struct eg_packet_key key; /* as it was opened, or as it was first seen */
	uint16_t sport;
	uint64_t packets, bytes; /* both directions */
};

struct eg_capture {
	EG_VEC(struct eg_capture_flow) flows; /* in the order of their first packets */
	uint64_t packets;
	uint64_t skipped;   /* not routable IP packets: ARP, multicast, malformed */
	uint64_t followers; /* later fragments and ICMP errors, which follow another flow */
};

/* Read a whole file. 0, or -1 with the reason on standard error. */
int eg_capture_read(const char *path, struct eg_capture *capture);
void eg_capture_free(struct eg_capture *capture);

#endif
