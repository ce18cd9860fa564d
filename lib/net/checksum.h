/* The Internet checksum (RFC 1071) and its incremental update (RFC 1624). Any thread; pure. */
#ifndef EG_NET_CHECKSUM_H
#define EG_NET_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>

#include "net/bytes.h"
#include "net/headers.h"

/* Ones' complement sum of len bytes, not folded; an odd last byte counts as the high one. */
uint32_t eg_checksum_add(uint32_t sum, const void *data, size_t len);

/* The sum over what stands behind an IPv6 header, with the pseudo-header (RFC 8200 s8.1), not
 * folded. A right checksum in the data makes it fold to 0. */
uint32_t eg_checksum_add6(const struct eg_ip6 *ip, uint8_t proto, const void *data, size_t len);

/* Fold a sum and complement it: what goes into a checksum field (by eg_put16). */
static inline uint16_t eg_checksum_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* True where the header of ihl bytes (20 to 60, a multiple of 4) sums up. Sums 32-bit words as they
 * lie: the result is the same in either byte order (RFC 1071 s2 B). */
static inline bool eg_ip4_checksum_ok(const void *header, unsigned ihl)
{
	const uint8_t *p = header;
	uint64_t sum = 0;

	for (unsigned i = 0; i < ihl; i += 4) {
		uint32_t word;

		memcpy(&word, p + i, sizeof(word));
		sum += word;
	}
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

/* A word of what a checksum covers changed: HC' = ~(~HC + ~m + m') (RFC 1624 s3). */
static inline void eg_checksum_update(uint8_t *check, uint16_t from, uint16_t to)
{
	uint32_t sum = (uint16_t)~eg_get16(check);

	sum += (uint16_t)~from;
	sum += to;
	eg_put16(check, eg_checksum_fold(sum));
}

/* Take one off the TTL and mend the checksum: HC' = ~(~HC + ~m + m') (RFC 1624 s3), where the
 * 16-bit word that holds the TTL falls by 0x0100. The TTL must not be 0. */
static inline void eg_ip4_decrement_ttl(struct eg_ip4 *ip)
{
	uint32_t sum = (uint16_t)~be16toh(ip->check);

	sum += 0xfeff; /* ~m + m' */
	ip->check = htobe16(eg_checksum_fold(sum));
	ip->ttl--;
}

#endif
