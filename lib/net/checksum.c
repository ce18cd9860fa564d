#include "net/checksum.h"

uint32_t eg_checksum_add(uint32_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t wide = sum;

	for (; len >= 2; p += 2, len -= 2)
		wide += eg_get16(p);
	if (len)
		wide += (uint64_t)*p << 8;
	while (wide >> 16)
		wide = (wide & 0xffff) + (wide >> 16);
	return (uint32_t)wide;
}

uint32_t eg_checksum_add6(const struct eg_ip6 *ip, uint8_t proto, const void *data, size_t len)
{
	uint32_t sum = eg_checksum_add(0, ip->src, 2 * sizeof(ip->src));

	sum += (uint32_t)(len >> 16) + (uint32_t)(len & 0xffff) + proto;
	return eg_checksum_add(sum, data, len);
}
