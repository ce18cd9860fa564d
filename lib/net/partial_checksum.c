#include "net/partial_checksum.h"

#include <string.h>

#include "net/bytes.h"
#include "net/checksum.h"

#define SCTP_CHECK_OFF 8

/* Offset of the checksum in a TCP or UDP header; 0 for fragments and other protocols. */
static unsigned check_off(const struct eg_pkt *pkt)
{
	if (pkt->frag)
		return 0;
	return pkt->proto == EG_PROTO_TCP ? 16 : pkt->proto == EG_PROTO_UDP ? 6 : 0;
}

static bool is_sctp(const struct eg_pkt *pkt)
{
	return pkt->proto == EG_PROTO_SCTP && !pkt->frag;
}

/* RFC 9293 s3.1, RFC 8200 s8.1. With an IPv6 routing header the pseudo-header uses another
 * destination, so a partial checksum is not recognized. */
static uint32_t add_pseudo(const uint8_t *data, const struct eg_pkt *pkt)
{
	const uint8_t *addresses = eg_ip_src(data, pkt->version);
	uint32_t sum = (uint32_t)(pkt->len - pkt->l4_off) + pkt->proto;

	return eg_checksum_add(sum, addresses, pkt->version == 4 ? 8 : 32);
}

/* CRC32c (RFC 9260 appendix A), four bits at a time: partial SCTP checksums are rare. */
static uint32_t crc32c(uint32_t crc, const uint8_t *p, size_t n)
{
	static const uint32_t table[16] = {
		0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
		0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
		0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
	};

	for (; n; p++, n--) {
		crc ^= *p;
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return crc;
}

bool eg_checksum_is_partial(const uint8_t *data, const struct eg_pkt *pkt)
{
	unsigned off = check_off(pkt);

	if (off)
		return (eg_get16(data + pkt->l4_off + off) ^
			eg_checksum_fold(add_pseudo(data, pkt))) == 0xffff;
	return is_sctp(pkt) && !eg_get32(data + pkt->l4_off + SCTP_CHECK_OFF);
}

void eg_checksum_complete(uint8_t *data, const struct eg_pkt *pkt)
{
	unsigned off = check_off(pkt), n = (unsigned)pkt->len - pkt->l4_off;
	uint8_t *l4 = data + pkt->l4_off;
	uint32_t crc;
	uint16_t sum;

	if (off) {
		eg_put16(l4 + off, 0);
		sum = eg_checksum_fold(eg_checksum_add(add_pseudo(data, pkt), l4, n));
		/* In UDP, 0 means "no checksum" (RFC 768). */
		eg_put16(l4 + off, !sum && pkt->proto == EG_PROTO_UDP ? 0xffff : sum);
	} else if (is_sctp(pkt)) {
		eg_put32(l4 + SCTP_CHECK_OFF, 0);
		crc = htole32(~crc32c(UINT32_MAX, l4, n));
		memcpy(l4 + SCTP_CHECK_OFF, &crc, sizeof(crc));
	}
}
