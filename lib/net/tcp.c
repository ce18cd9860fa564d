#include "net/tcp.h"

#include "net/bytes.h"
#include "net/checksum.h"

enum {
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_MSS = 2,
	OPTION_MSS_LEN = 4,
	CHECK_OFF = 16,
};

/* The value of the MSS option, or NULL. Parsing stops at a malformed option. */
static uint8_t *find_mss(uint8_t *tcp, uint32_t len)
{
	uint32_t end = (tcp[12] >> 4) * 4u, at = EG_TCP_LEN;

	end = end < len ? end : len;
	while (at < end && tcp[at] != OPTION_END) {
		if (tcp[at] == OPTION_NOP) {
			at++;
			continue;
		}
		if (at + 2 > end || tcp[at + 1] < 2 || at + tcp[at + 1] > end)
			return NULL;
		if (tcp[at] == OPTION_MSS && tcp[at + 1] == OPTION_MSS_LEN)
			return tcp + at + 2;
		at += tcp[at + 1];
	}
	return NULL;
}

static uint16_t swapped(uint16_t v)
{
	return (uint16_t)(v << 8 | v >> 8);
}

bool eg_tcp_clamp_mss(uint8_t *tcp, uint32_t len, uint16_t most)
{
	uint8_t *mss = find_mss(tcp, len);
	uint16_t before;
	bool odd;

	if (!mss)
		return false;
	before = eg_get16(mss);
	if (before <= most)
		return false;
	eg_put16(mss, most);
	/* At an odd offset the value straddles two words of the sum: equivalent to one byte-swapped
	 * word (RFC 1071 s2 B). */
	odd = (mss - tcp) % 2;
	eg_checksum_update(tcp + CHECK_OFF, odd ? swapped(before) : before,
			   odd ? swapped(most) : most);
	return true;
}
