/* A tunnel's overhead and effective MTU, computed only here. Used by sa_out's length check, MSS
 * clamping, ICMP "too big", `explain --mtu`, and by esp_out to lay out its packets. Pure
 * arithmetic: any thread. */
#ifndef EG_PATH_OVERHEAD_H
#define EG_PATH_OVERHEAD_H

#include "base/suite.h"
#include "net/headers.h"
#include "tunnel/tunnel.h"

#define EG_ESP_TRAILER 2 /* pad length, next header (RFC 4303 s2) */

/* What a suite contributes, in bytes. An SA has a copy. */
struct eg_suite_sizes {
	uint8_t iv, icv, align;
};

static inline struct eg_suite_sizes eg_suite_sizes(const struct eg_suite *suite)
{
	return (struct eg_suite_sizes){suite->iv_bytes, suite->icv_bytes, suite->align_bytes};
}

/* Of one tunnel and one suite, in bytes. */
struct eg_overhead {
	unsigned kept;  /* headers of the packet that stay in front of ESP; tunnel mode: 0 */
	unsigned front; /* added in front: outer IP header (tunnel mode), UDP header (udp_encap),
			 * ESP header, IV */
	unsigned align; /* text and trailer are padded to a multiple of it; a power of two */
	unsigned icv;
};

/* kept: transport mode, the headers that stay in front of ESP (net/transport.h); without options or
 * extension headers the length of the IP header. Ignored in tunnel mode. */
static inline struct eg_overhead eg_tunnel_overhead(const struct eg_tunnel *tunnel,
						    struct eg_suite_sizes suite, unsigned kept)
{
	unsigned outer = tunnel->outer_len - (tunnel->transport ? tunnel->ip_len : 0u);

	return (struct eg_overhead){
		.kept = tunnel->transport ? kept : 0,
		.front = outer + EG_ESP_LEN + suite.iv,
		.align = suite.align,
		.icv = suite.icv,
	};
}

/* The length on the wire of a packet of `len` bytes, at least `kept` of them. */
static inline unsigned eg_sealed_len(const struct eg_overhead *overhead, unsigned len)
{
	unsigned text = len - overhead->kept + EG_ESP_TRAILER;

	return overhead->front + overhead->kept +
	       ((text + overhead->align - 1) & -overhead->align) + overhead->icv;
}

/* The effective MTU: the longest packet that is not longer than `mtu` bytes on the wire; 0 if none
 * is. */
static inline unsigned eg_effective_mtu(const struct eg_overhead *overhead, unsigned mtu)
{
	unsigned fixed = overhead->front + overhead->kept + overhead->icv, text;

	if (mtu < fixed)
		return 0;
	text = (mtu - fixed) & -overhead->align;
	return text > EG_ESP_TRAILER ? overhead->kept + text - EG_ESP_TRAILER : 0;
}

#endif
