#include "net/transport.h"

#include "net/bytes.h"
#include "net/checksum.h"

/* Length of an extension header that the parser has accepted. */
static uint16_t size_of(uint8_t proto, const uint8_t *ext)
{
	return proto == EG_PROTO_FRAGMENT ? 8 : (uint16_t)((ext[1] + 1) * 8);
}

struct eg_insert_point eg_transport_seal_point(const uint8_t *data, const struct eg_pkt *pkt)
{
	struct eg_insert_point point = {EG_IP6_LEN, offsetof(struct eg_ip6, next)};
	uint16_t at = EG_IP6_LEN;
	uint8_t proto = data[offsetof(struct eg_ip6, next)];

	if (pkt->version == 4)
		return (struct eg_insert_point){pkt->l4_off, offsetof(struct eg_ip4, proto)};
	while (at < pkt->l4_off && proto != EG_PROTO_AH) {
		uint16_t size = size_of(proto, data + at);

		if (proto != EG_PROTO_DSTOPTS)
			point = (struct eg_insert_point){(uint16_t)(at + size), at};
		proto = data[at];
		at = (uint16_t)(at + size);
	}
	return point;
}

struct eg_insert_point eg_transport_open_point(const uint8_t *data, const struct eg_pkt *pkt,
					       uint16_t off)
{
	struct eg_insert_point point = {off, offsetof(struct eg_ip6, next)};
	uint16_t at = EG_IP6_LEN;
	uint8_t proto = data[offsetof(struct eg_ip6, next)];

	if (pkt->version == 4)
		return (struct eg_insert_point){off, offsetof(struct eg_ip4, proto)};
	while (at < off) {
		point.next_off = at;
		at = (uint16_t)(at + (proto == EG_PROTO_AH ? (data[at + 1] + 2) * 4
							   : size_of(proto, data + at)));
		proto = data[point.next_off];
	}
	return point;
}

void eg_transport_fix_headers(uint8_t *data, struct eg_insert_point point, uint16_t len,
			      uint8_t next)
{
	data[point.next_off] = next;
	if (data[0] >> 4 == 4) {
		struct eg_ip4 *ip = (struct eg_ip4 *)data;

		ip->len_be = htobe16(len);
		ip->check = 0;
		ip->check = htobe16(eg_checksum_fold(eg_checksum_add(0, data, point.off)));
	} else {
		((struct eg_ip6 *)data)->payload_be = htobe16((uint16_t)(len - EG_IP6_LEN));
	}
}
