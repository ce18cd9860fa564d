/* ESP overhead and the inner MTU that it leaves. Pure arithmetic: any thread. */
#ifndef EG_NET_ESP_H
#define EG_NET_ESP_H

#include "net/headers.h"

#define EG_ESP_TRAILER 2 /* pad length, next header (RFC 4303 s2) */

/* Per-packet overhead of a tunnel, in bytes. */
struct eg_esp_overhead {
	unsigned outer; /* IP header, and the UDP header if encapsulated */
	unsigned iv, icv;
	unsigned align; /* of text and trailer; a power of two */
};

/* The longest inner packet whose ESP packet fits into mtu; 0 if none does. */
static inline unsigned eg_esp_inner_mtu(unsigned mtu, const struct eg_esp_overhead *overhead)
{
	unsigned fixed = overhead->outer + EG_ESP_LEN + overhead->iv + overhead->icv, text;

	if (mtu < fixed)
		return 0;
	text = (mtu - fixed) & ~(overhead->align - 1);
	return text > EG_ESP_TRAILER ? text - EG_ESP_TRAILER : 0;
}

#endif
