#include "net/split.h"

#include "net/bytes.h"
#include "net/checksum.h"

/* Bytes of an extension header that parse has stepped over. */
static uint16_t size_of(uint8_t proto, const uint8_t *ext)
{
	return proto == EG_PROTO_FRAGMENT ? 8 : (uint16_t)((ext[1] + 1) * 8);
}

struct eg_split eg_split_to_seal(const uint8_t *data, const struct eg_pkt *pkt)
{
	struct eg_split split = {EG_IP6_LEN, offsetof(struct eg_ip6, next)};
	uint16_t at = EG_IP6_LEN;
	uint8_t proto = data[offsetof(struct eg_ip6, next)];

	if (pkt->version == 4)
		return (struct eg_split){pkt->l4_off, offsetof(struct eg_ip4, proto)};
	while (at < pkt->l4_off && proto != EG_PROTO_AH) {
		uint16_t size = size_of(proto, data + at);

		if (proto != EG_PROTO_DSTOPTS)
			split = (struct eg_split){(uint16_t)(at + size), at};
		proto = data[at];
		at = (uint16_t)(at + size);
	}
	return split;
}

struct eg_split eg_split_opened(const uint8_t *data, const struct eg_pkt *pkt, uint16_t off)
{
	struct eg_split split = {off, offsetof(struct eg_ip6, next)};
	uint16_t at = EG_IP6_LEN;
	uint8_t proto = data[offsetof(struct eg_ip6, next)];

	if (pkt->version == 4)
		return (struct eg_split){off, offsetof(struct eg_ip4, proto)};
	while (at < off) {
		split.next_off = at;
		at = (uint16_t)(at + (proto == EG_PROTO_AH ? (data[at + 1] + 2) * 4
							   : size_of(proto, data + at)));
		proto = data[split.next_off];
	}
	return split;
}

void eg_split_mend(uint8_t *data, struct eg_split split, uint16_t len, uint8_t next)
{
	data[split.next_off] = next;
	if (data[0] >> 4 == 4) {
		struct eg_ip4 *ip = (struct eg_ip4 *)data;

		ip->len_be = htobe16(len);
		ip->check = 0;
		ip->check = htobe16(eg_checksum_fold(eg_checksum_add(0, data, split.off)));
	} else {
		((struct eg_ip6 *)data)->payload_be = htobe16((uint16_t)(len - EG_IP6_LEN));
	}
}
