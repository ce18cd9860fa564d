/* IPv4 and IPv6 addresses and prefixes. Plain values. Any thread. */
#ifndef EG_BASE_IP_H
#define EG_BASE_IP_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Network byte order. An IPv4 address uses the first four bytes and zeroes the rest, so that memcmp
 * compares whole values. */
struct eg_ip {
	uint8_t bytes[16];
	uint8_t family; /* 4 or 6; 0: unset */
};

struct eg_prefix {
	struct eg_ip
		ip; /* host bits are zero, except in an interface address such as 10.0.0.1/24 */
	uint8_t len;
};

#define EG_IP_TEXT     46 /* longest printed address with its NUL */
#define EG_PREFIX_TEXT 50

static inline unsigned eg_ip_bits(const struct eg_ip *ip)
{
	return ip->family == 4 ? 32 : 128;
}

static inline bool eg_ip_equal(const struct eg_ip *a, const struct eg_ip *b)
{
	return a->family == b->family && !memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

/* Make an address of `family` from 4 or 16 bytes in network order. */
struct eg_ip eg_ip_from(unsigned family, const void *bytes);

/* Returns 0, or -EINVAL if text is neither an IPv4 nor an IPv6 address. */
int eg_ip_parse(const char *text, struct eg_ip *out);

/* Parse "ADDRESS/LENGTH", keeping host bits. Returns 0 or -EINVAL. */
int eg_prefix_parse(const char *text, struct eg_prefix *out);

/* Zero the host bits; true if any were set (10.0.0.1/24 is not a network). */
bool eg_prefix_mask(struct eg_prefix *prefix);

bool eg_prefix_contains(const struct eg_prefix *prefix, const struct eg_ip *ip);

/* True if one prefix contains the other. */
bool eg_prefix_overlaps(const struct eg_prefix *a, const struct eg_prefix *b);

const char *eg_ip_print(const struct eg_ip *ip, char out[EG_IP_TEXT]);
const char *eg_prefix_print(const struct eg_prefix *prefix, char out[EG_PREFIX_TEXT]);

/* Parse "02:00:00:00:00:01". Returns 0 or -EINVAL. */
int eg_mac_parse(const char *text, uint8_t out[6]);

#endif
