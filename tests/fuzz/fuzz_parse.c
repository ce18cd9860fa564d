/* Arbitrary bytes as a frame and as an IP packet: the parser's offsets lie inside it, whatever
 * follows it in memory, and the same bytes always parse alike. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/parse.h"
#include "net/transport.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int truth)
{
	if (!truth)
		abort();
}

static void check(const struct eg_pkt *pkt, uint32_t len)
{
	unsigned header = pkt->version == 4 ? 20 : 40;

	require(pkt->version == 4 || pkt->version == 6);
	require(pkt->len <= len);
	require(pkt->l4_off >= header && pkt->l4_off <= pkt->len);
	require(pkt->frag <= EG_FRAG_LATER);
	if (pkt->sport || pkt->dport)
		require(pkt->frag != EG_FRAG_LATER && pkt->len - pkt->l4_off >= 8);
}

/* The offset of ESP in transport mode is inside the packet, and is found again. */
static void check_split(const struct eg_pkt *pkt, const uint8_t *data)
{
	struct eg_insert_point point;

	if (pkt->frag)
		return;
	point = eg_transport_seal_point(data, pkt);
	require(point.next_off < point.off && point.off <= pkt->l4_off);
	require(eg_transport_open_point(data, pkt, point.off).next_off == point.next_off);
}

static void parse(const uint8_t *data, uint32_t len)
{
	struct eg_pkt pkt, again;
	enum eg_verdict drop = eg_parse_ip(data, len, &pkt);

	require(drop < EG_DROP_COUNT);
	if (drop)
		return;
	check(&pkt, len);
	check_split(&pkt, data);
	require(eg_parse_addresses(data, &pkt) < EG_DROP_COUNT);
	/* Bytes after its end do not matter: without them it is the same packet. */
	require(eg_parse_ip(data, pkt.len, &again) == EG_PASS);
	require(!memcmp(&pkt, &again, sizeof(pkt)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint16_t off = 0;

	if (size > UINT16_MAX)
		return 0;
	parse(data, (uint32_t)size);
	if (eg_parse_link(data, (uint32_t)size, &off) == EG_PASS) {
		require(off < size);
		parse(data + off, (uint32_t)size - off);
	}
	return 0;
}
