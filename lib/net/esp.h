/* How long a packet may be to fit into a tunnel. Pure arithmetic: any thread. */
#ifndef EG_NET_ESP_H
#define EG_NET_ESP_H

#include "net/headers.h"

#define EG_ESP_TRAILER 2 /* pad length, next header (RFC 4303 s2) */

/* What stands around the text of a packet in a tunnel, bytes. */
struct eg_esp_around {
	unsigned outer; /* IP header, and UDP's where it is encapsulated */
	unsigned iv, icv;
	unsigned align; /* of the text with its trailer; a power of two */
};

/* The longest inner packet whose tunnel packet is not longer than mtu; 0 where none is. */
static inline unsigned eg_esp_inner_max(unsigned mtu, const struct eg_esp_around *around)
{
	unsigned fixed = around->outer + EG_ESP_LEN + around->iv + around->icv, text;

	if (mtu < fixed)
		return 0;
	text = (mtu - fixed) & ~(around->align - 1);
	return text > EG_ESP_TRAILER ? text - EG_ESP_TRAILER : 0;
}

#endif
