/* How long a packet may be to fit into a tunnel. Pure arithmetic: any thread. */
#ifndef EG_NET_ESP_H
#define EG_NET_ESP_H

#include "net/headers.h"

#define EG_ESP_TRAILER 2 /* pad length, next header (RFC 4303 s2) */

/* What stands overhead the text of a packet in a tunnel, bytes. */
struct eg_esp_overhead {
	unsigned outer; /* IP header, and UDP's where it is encapsulated */
	unsigned iv, icv;
	unsigned align; /* of the text with its trailer; a power of two */
};

/* The longest inner packet whose tunnel packet is not longer than mtu; 0 where none is. */
static inline unsigned eg_esp_inner_mtu(unsigned mtu, const struct eg_esp_overhead *overhead)
{
	unsigned fixed = overhead->outer + EG_ESP_LEN + overhead->iv + overhead->icv, text;

	if (mtu < fixed)
		return 0;
	text = (mtu - fixed) & ~(overhead->align - 1);
	return text > EG_ESP_TRAILER ? text - EG_ESP_TRAILER : 0;
}

#endif
