/* IP addresses and prefixes of both families. Any thread; plain values, nothing is owned. */
#ifndef EG_BASE_IP_H
#define EG_BASE_IP_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Bytes in network order; an IPv4 address uses the first four and leaves the rest zero, so that
 * whole values compare with memcmp. */
struct eg_ip {
	uint8_t bytes[16];
	uint8_t family; /* 4 or 6; 0: not set */
};

struct eg_prefix {
	struct eg_ip ip; /* host bits are zero unless parsed as an address with its length */
	uint8_t len;
};

#define EG_IP_TEXT     46 /* longest printed address and its NUL */
#define EG_PREFIX_TEXT 50

static inline unsigned eg_ip_bits(const struct eg_ip *ip)
{
	return ip->family == 4 ? 32 : 128;
}

static inline bool eg_ip_equal(const struct eg_ip *a, const struct eg_ip *b)
{
	return a->family == b->family && !memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

/* An address of `family` from its 4 or 16 bytes in network order. */
struct eg_ip eg_ip_from(unsigned family, const void *bytes);

/* 0, or -EINVAL where text is no address of either family. */
int eg_ip_parse(const char *text, struct eg_ip *out);

/* "ADDRESS/LENGTH" with host bits kept. 0 or -EINVAL. */
int eg_prefix_parse(const char *text, struct eg_prefix *out);

/* Zero the bits behind the length; true where some were set (10.0.0.1/24 is no network). */
bool eg_prefix_mask(struct eg_prefix *prefix);

bool eg_prefix_contains(const struct eg_prefix *prefix, const struct eg_ip *ip);

/* True where one prefix lies inside the other. */
bool eg_prefix_overlaps(const struct eg_prefix *a, const struct eg_prefix *b);

const char *eg_ip_print(const struct eg_ip *ip, char out[EG_IP_TEXT]);
const char *eg_prefix_print(const struct eg_prefix *prefix, char out[EG_PREFIX_TEXT]);

/* "02:00:00:00:00:01". 0 or -EINVAL. */
int eg_mac_parse(const char *text, uint8_t out[6]);

#endif
