/* A hash that is equal for all packets of a flow, to distribute flows by. Pure; any thread. */
#ifndef EG_PATH_PACKET_HASH_H
#define EG_PATH_PACKET_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/hash.h"
#include "net/headers.h"
#include "net/parse.h"

/* Hash of the IP packet at data. Equal on every gateway and after every restart. Later fragments
 * have no ports, so all fragments of a packet are hashed by addresses and protocol only. */
static inline uint64_t eg_packet_hash(const struct eg_pkt *pkt, const uint8_t *data)
{
	unsigned words = pkt->version == 4 ? 1 : 4;
	uint64_t flow = pkt->proto, word;

	data = eg_ip_src(data, pkt->version); /* and the destination behind it */
	for (unsigned i = 0; i < words; i++) {
		memcpy(&word, data + 8 * i, sizeof(word));
		flow = eg_hash_u64(flow ^ word);
	}
	if (!pkt->frag)
		flow = eg_hash_u64(flow ^ ((uint32_t)pkt->sport << 16 | pkt->dport));
	return flow;
}

#endif
