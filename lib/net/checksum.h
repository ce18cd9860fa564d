/* The Internet checksum (RFC 1071) and its incremental update (RFC 1624). Any thread; pure. */
#ifndef EG_NET_CHECKSUM_H
#define EG_NET_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>

#include "net/bytes.h"
#include "net/headers.h"

/* Ones' complement sum of len bytes, not folded; an odd last byte is the high byte of a word. */
uint32_t eg_checksum_add(uint32_t sum, const void *data, size_t len);

/* Sum of the payload of an IPv6 header including the pseudo-header (RFC 8200 s8.1), not folded.
 * Folds to 0 if the data contains a correct checksum. */
uint32_t eg_checksum_add6(const struct eg_ip6 *ip, uint8_t proto, const void *data, size_t len);

/* Fold and complement a sum, ready for eg_put16() into a checksum field. */
static inline uint16_t eg_checksum_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Verify the checksum of a header of ihl bytes (20 to 60, a multiple of 4). Sums 32-bit words in
 * host order: the result does not depend on byte order (RFC 1071 s2 B). */
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

/* Update a checksum after one covered 16-bit word has changed: HC' = ~(~HC + ~m + m') (RFC 1624
 * s3). */
static inline void eg_checksum_update(uint8_t *check, uint16_t from, uint16_t to)
{
	uint32_t sum = (uint16_t)~eg_get16(check);

	sum += (uint16_t)~from;
	sum += to;
	eg_put16(check, eg_checksum_fold(sum));
}

/* Decrement the TTL, which must not be 0, and update the checksum: HC' = ~(~HC + ~m + m') (RFC 1624
 * s3), where the 16-bit word holding the TTL decreases by 0x0100. */
static inline void eg_ip4_decrement_ttl(struct eg_ip4 *ip)
{
	uint32_t sum = (uint16_t)~be16toh(ip->check);

	sum += 0xfeff; /* ~m + m' */
	ip->check = htobe16(eg_checksum_fold(sum));
	ip->ttl--;
}

#endif
