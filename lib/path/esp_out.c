/* Outbound ESP, tunnel mode (RFC 4303 s3.3):
 *  1. Trailer: padding 1, 2, 3, ... up to the suite's alignment, pad length, next header.
 *  2. ESP header and explicit IV in front of the inner packet; the ICV's place behind the trailer.
 *     The IV is the hybrid clock's for counter modes, unpredictable for CBC (RFC 3602 s3).
 *  3. Outer header from the peer's template: length, DSCP and ECN (RFC 6040 s4.1), DF of an IPv4
 *     packet (RFC 4301 s8.1; set for IPv6 inside, which is never fragmented on its way).
 *  4. Seal the whole batch, whatever SAs it mixes, in one call. */
#include "path/stages.h"

#include "net/bytes.h"
#include "net/checksum.h"
#include "path/drop.h"

/* Write the outer header; `len` is of the whole packet, `id` needs to differ only among packets
 * that may be fragmented (RFC 6864 s4). */
static void write_outer(uint8_t *outer, const struct eg_meta *meta, const uint8_t *inner,
			uint16_t len, uint16_t id)
{
	const struct eg_tunnel *peer = meta->peer;

	if (peer->outer_len == EG_IP4_LEN) {
		struct eg_ip4 *ip = (struct eg_ip4 *)outer;
		uint16_t frag = EG_IP4_DF;

		if (meta->pkt.version == 4)
			frag &= eg_get16(inner + offsetof(struct eg_ip4, frag_be));
		*ip = peer->outer.ip4;
		ip->tos = meta->pkt.tos;
		ip->len_be = htobe16(len);
		ip->id_be = htobe16(id);
		ip->frag_be = htobe16(frag);
		ip->check = htobe16(
			eg_checksum_fold(peer->outer_sum + meta->pkt.tos + len + id + frag));
	} else {
		struct eg_ip6 *ip = (struct eg_ip6 *)outer;

		*ip = peer->outer.ip6;
		ip->ver_tc_flow_be |= htobe32((uint32_t)meta->pkt.tos << 20);
		ip->payload_be = htobe16((uint16_t)(len - EG_IP6_LEN));
	}
}

static unsigned write_trailer(uint8_t *at, const struct eg_meta *meta, unsigned align)
{
	unsigned padding = -((unsigned)meta->pkt.len + 2) & (align - 1);

	for (unsigned i = 0; i < padding; i++)
		at[i] = (uint8_t)(i + 1);
	at[padding] = (uint8_t)padding;
	at[padding + 1] = meta->pkt.version == 4 ? EG_PROTO_IP4 : EG_PROTO_IP6;
	return padding + 2;
}

static bool write_iv(struct eg_path *path, uint8_t *at, const struct eg_sa *sa, uint64_t clock)
{
	switch ((enum eg_iv_kind)sa->iv_kind) {
	case EG_IV_CLOCK:
		eg_put64(at, clock);
		return true;
	case EG_IV_RANDOM:
		return eg_crypto_random_iv(path->crypto, at);
	case EG_IV_NONE:
		break;
	}
	return true;
}

/* Steps 1 to 3 for packet i, and its op. */
static enum eg_drop encapsulate(struct eg_path *path, unsigned i, struct eg_crypto_op *op)
{
	struct eg_meta *meta = &path->batch.meta[i];
	struct rte_mbuf *m = path->batch.m[i];
	const struct eg_sa *sa = meta->sa;
	const struct eg_sa_grant *grant = &path->group[meta->group].grant;
	unsigned front = meta->peer->outer_len + EG_ESP_LEN + sa->iv_bytes;
	unsigned back = (unsigned)sa->align_bytes + 1 + sa->icv_bytes; /* at most */
	uint8_t *inner = rte_pktmbuf_mtod(m, uint8_t *), *esp;
	uint32_t text_len, len;
	uint64_t seq = grant->seq + meta->rank;

	meta->seq = seq;
	if (rte_pktmbuf_headroom(m) < front + EG_ETH_LEN || rte_pktmbuf_tailroom(m) < back)
		return EG_DROP_NO_ROOM;
	text_len = meta->pkt.len + write_trailer(inner + meta->pkt.len, meta, sa->align_bytes);
	len = front + text_len + sa->icv_bytes;
	if (len > UINT16_MAX)
		return EG_DROP_TOO_BIG;
	esp = inner - sa->iv_bytes - EG_ESP_LEN;
	memcpy(esp, &sa->spi_be, 4);
	eg_put32(esp + 4, (uint32_t)seq);
	if (!write_iv(path, esp + EG_ESP_LEN, sa, grant->iv + meta->rank))
		return EG_DROP_CRYPTO_FAILED;
	write_outer(inner - front, meta, inner, (uint16_t)len, (uint16_t)seq);
	m->data_off = (uint16_t)(m->data_off - front);
	m->data_len = (uint16_t)len;
	m->pkt_len = len;

	*op = (struct eg_crypto_op){
		.key = sa->key,
		.text = inner,
		.text_len = text_len,
		.aad = esp,
		.aad_len = EG_ESP_LEN,
		.iv = esp + EG_ESP_LEN,
		.icv = inner + text_len,
	};
	if (sa->esn) {
		memcpy(path->aad[i], &sa->spi_be, 4);
		eg_put64(path->aad[i] + 4, seq);
		op->aad = path->aad[i];
		op->aad_len = 12;
	}
	return EG_KEEP;
}

void eg_esp_out(struct eg_path *path)
{
	struct eg_batch *batch = &path->batch;
	unsigned n = 0;

	for (unsigned i = 0; i < batch->n; i++) {
		enum eg_drop drop;

		if (!batch->meta[i].sa)
			continue;
		drop = encapsulate(path, i, &path->ops[n]);
		if (drop)
			eg_batch_lose(batch, i, drop);
		else
			path->op_packet[n++] = (uint8_t)i;
	}
	eg_crypto_seal(path->crypto, path->ops, n);
	for (unsigned k = 0; k < n; k++) {
		unsigned i = path->op_packet[k];

		batch->meta[i].sealed = path->ops[k].ok;
		if (!path->ops[k].ok)
			eg_batch_lose(batch, i, EG_DROP_CRYPTO_FAILED);
	}
	eg_batch_sweep(path);
}
