#include "base/ip.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct eg_ip eg_ip_from(unsigned family, const void *bytes)
{
	struct eg_ip ip = {.family = (uint8_t)family};

	memcpy(ip.bytes, bytes, family == 4 ? 4 : 16);
	return ip;
}

int eg_ip_parse(const char *text, struct eg_ip *out)
{
	struct eg_ip ip = {0};

	if (inet_pton(AF_INET, text, ip.bytes) == 1)
		ip.family = 4;
	else if (inet_pton(AF_INET6, text, ip.bytes) == 1)
		ip.family = 6;
	else
		return -EINVAL;
	*out = ip;
	return 0;
}

int eg_prefix_parse(const char *text, struct eg_prefix *out)
{
	const char *slash = strchr(text, '/'), *at;
	char address[EG_IP_TEXT];
	struct eg_ip ip;
	unsigned len = 0;

	if (!slash || (size_t)(slash - text) >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	if (eg_ip_parse(address, &ip))
		return -EINVAL;
	for (at = slash + 1; *at >= '0' && *at <= '9' && at - slash <= 3; at++)
		len = len * 10 + (unsigned)(*at - '0');
	/* Reject leading zeros: elsewhere they mean octal. */
	if (*at || at == slash + 1 || (slash[1] == '0' && slash[2]) || len > eg_ip_bits(&ip))
		return -EINVAL;
	*out = (struct eg_prefix){.ip = ip, .len = (uint8_t)len};
	return 0;
}

bool eg_prefix_mask(struct eg_prefix *prefix)
{
	bool changed = false;

	for (unsigned i = 0; i < sizeof(prefix->ip.bytes); i++) {
		unsigned bits = prefix->len > i * 8 ? prefix->len - i * 8 : 0;
		uint8_t mask = bits >= 8 ? 0xff : (uint8_t)(0xff00 >> bits);
		uint8_t kept = prefix->ip.bytes[i] & mask;

		changed |= kept != prefix->ip.bytes[i];
		prefix->ip.bytes[i] = kept;
	}
	return changed;
}

bool eg_prefix_contains(const struct eg_prefix *prefix, const struct eg_ip *ip)
{
	unsigned whole = prefix->len / 8, bits = prefix->len % 8;

	if (prefix->ip.family != ip->family || memcmp(prefix->ip.bytes, ip->bytes, whole))
		return false;
	return !bits || !((prefix->ip.bytes[whole] ^ ip->bytes[whole]) >> (8 - bits));
}

bool eg_prefix_overlaps(const struct eg_prefix *a, const struct eg_prefix *b)
{
	return a->len <= b->len ? eg_prefix_contains(a, &b->ip) : eg_prefix_contains(b, &a->ip);
}

const char *eg_ip_print(const struct eg_ip *ip, char out[EG_IP_TEXT])
{
	if (!ip->family ||
	    !inet_ntop(ip->family == 4 ? AF_INET : AF_INET6, ip->bytes, out, EG_IP_TEXT))
		strcpy(out, "-");
	return out;
}

const char *eg_prefix_print(const struct eg_prefix *prefix, char out[EG_PREFIX_TEXT])
{
	char ip[EG_IP_TEXT];

	snprintf(out, EG_PREFIX_TEXT, "%s/%u", eg_ip_print(&prefix->ip, ip), prefix->len);
	return out;
}

int eg_mac_parse(const char *text, uint8_t out[6])
{
	uint8_t mac[6];

	if (strlen(text) != 17)
		return -EINVAL;
	for (int i = 0; i < 6; i++) {
		const char *digits = text + 3 * i;

		/* strtoul() alone would accept signs and spaces. */
		if (!isxdigit((unsigned char)digits[0]) || !isxdigit((unsigned char)digits[1]) ||
		    (digits[2] && digits[2] != ':'))
			return -EINVAL;
		mac[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	memcpy(out, mac, sizeof(mac));
	return 0;
}
