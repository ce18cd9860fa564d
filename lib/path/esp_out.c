/* Outbound ESP, tunnel mode (RFC 4303 s3.3):
 *  1. Trailer: padding 1, 2, 3, ... up to the suite's alignment, pad length, next header.
 *  2. ESP header and explicit IV in front of the inner packet; the ICV's place behind the trailer.
 *     The IV is the hybrid clock's for counter modes, unpredictable for CBC (RFC 3602 s3).
 *  3. Outer header from the peer's template: length, DSCP and ECN (RFC 6040 s4.1), DF as the peer's
 *     df says (RFC 4301 s8.1; IPv6 inside, which is never fragmented on its way, counts as DF).
 *     UDP's behind it where the peer has udp_encap (RFC 3948 s3.2).
 *  4. Seal the whole batch, whatever SAs it mixes, in one call.
 *  5. UDP over IPv6: its checksum, which is over the sealed bytes. */
#include "path/stages.h"

#include "net/bytes.h"
#include "path/drop.h"
#include "path/outer.h"

static void write_outer(uint8_t *at, const struct eg_meta *meta, const uint8_t *inner, uint16_t len,
			uint16_t id)
{
	const struct eg_tunnel *peer = meta->peer;
	struct eg_outer outer = {.len = len, .id = id, .df = EG_IP4_DF, .tos = meta->pkt.tos};

	if (meta->pkt.version == 4)
		outer.df &= eg_get16(inner + offsetof(struct eg_ip4, frag_be));
	outer.df = (outer.df & peer->df_copied) | peer->df_set;
	eg_outer_write_ip(at, peer, &outer);
	if (peer->encap)
		eg_outer_write_udp(at + peer->ip_len, eg_outer_sport(peer, &meta->pkt, inner),
				   (uint16_t)(len - peer->ip_len));
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
		const struct eg_tunnel *peer = batch->meta[i].peer;

		batch->meta[i].sealed = path->ops[k].ok;
		if (!path->ops[k].ok)
			eg_batch_lose(batch, i, EG_DROP_CRYPTO_FAILED);
		else if (peer->encap && peer->ip_len == EG_IP6_LEN)
			eg_outer_sum_udp6(eg_batch_data(batch, i), batch->m[i]->data_len);
	}
	eg_batch_sweep(path);
}
