/* Outbound ESP (RFC 4303 s3.3):
 *  1. Trailer: padding 1, 2, 3, ... up to the suite's alignment, pad length, next header: the inner
 *     IP version, or in transport mode what followed the headers that stay in front.
 *  2. Tunnel mode: outer IP header from the tunnel's template: length, DSCP and ECN (RFC 6040
 * s4.1), DF as the tunnel's df says (RFC 4301 s8.1; inner IPv6, which routers never fragment,
 * counts as DF). Transport mode: the packet's own headers, moved to the front (s3.1.1). Then the
 * UDP header if the tunnel has udp_encap (RFC 3948 s3.1, s3.2).
 *  3. ESP header and explicit IV in front of the text; space for the ICV behind the trailer. The IV
 *     comes from the hybrid clock for counter modes and is unpredictable for CBC (RFC 3602 s3). An
 *     implicit IV is the sequence number, which is sent only once (RFC 8750 s4).
 *  4. Seal the whole batch, whatever SAs it mixes, in one call.
 *  5. UDP over IPv6: the checksum, which covers the sealed bytes. */
#include "path/stages.h"

#include "net/bytes.h"
#include "net/transport.h"
#include "path/drop.h"
#include "path/mtu.h"
#include "path/outer.h"

/* Up to the longest alignment, an AES block. */
#define PADDING_MAX 16

static void write_udp(uint8_t *at, const struct eg_meta *meta, const uint8_t *inner, uint16_t dport,
		      size_t len)
{
	eg_outer_write_udp(at, eg_outer_sport(meta->tunnel->n_sports, &meta->pkt, inner), dport,
			   (uint16_t)len);
}

static void write_outer(uint8_t *at, const struct eg_meta *meta, const uint8_t *inner, uint16_t len,
			uint16_t id)
{
	const struct eg_tunnel *tunnel = meta->tunnel;
	struct eg_outer outer = {.len = len, .id = id, .df = EG_IP4_DF, .tos = meta->pkt.tos};

	if (meta->pkt.version == 4)
		outer.df &= eg_get16(inner + offsetof(struct eg_ip4, frag_be));
	outer.df = meta->split ? 0 : (outer.df & tunnel->df_copied) | tunnel->df_set;
	eg_outer_write_ip(at, tunnel, &outer);
	if (tunnel->encap)
		write_udp(at + tunnel->ip_len, meta, inner, eg_outer_set_endpoint(at, tunnel),
			  len - tunnel->ip_len);
}

/* Transport mode: `to` lies in front of `packet` and may overlap it. */
static void move_headers(uint8_t *to, const struct eg_meta *meta, const uint8_t *packet,
			 struct eg_insert_point point, uint16_t len)
{
	memmove(to, packet, point.off);
	eg_transport_fix_headers(to, point, len, meta->tunnel->encap ? EG_PROTO_UDP : EG_PROTO_ESP);
	if (meta->tunnel->encap)
		write_udp(to + point.off, meta, to, meta->tunnel->peer_port, len - point.off);
}

/* Up to PADDING_MAX + 2 bytes are written. */
static void write_trailer(uint8_t *at, unsigned padding, uint8_t next)
{
	static const uint8_t all[PADDING_MAX] = {1, 2,  3,  4,  5,  6,  7,  8,
						 9, 10, 11, 12, 13, 14, 15, 16};

	memcpy(at, all, PADDING_MAX); /* one store, however many bytes are needed */
	at[padding] = (uint8_t)padding;
	at[padding + 1] = next;
}

/* Are there `front` bytes in front of the packet and `back` behind it? A reassembled packet may
 * begin at the start of its large buffer; then it is moved. */
static bool has_room(struct rte_mbuf *m, unsigned front, unsigned back)
{
	if (rte_pktmbuf_headroom(m) >= front && rte_pktmbuf_tailroom(m) >= back)
		return true;
	if (!eg_mbuf_is_large(m) || front + m->data_len + back > m->buf_len)
		return false;
	memmove((uint8_t *)m->buf_addr + front, rte_pktmbuf_mtod(m, uint8_t *), m->data_len);
	m->data_off = (uint16_t)front;
	return true;
}

static bool write_iv(struct eg_path *path, uint8_t *at, const struct eg_sa *sa, uint64_t clock)
{
	switch ((enum eg_iv_kind)sa->iv_kind) {
	case EG_IV_CLOCK:
		eg_put64(at, clock);
		return true;
	case EG_IV_RANDOM:
		return eg_crypto_random_iv(path->crypto, at);
	case EG_IV_SEQ:
	case EG_IV_NONE:
		break;
	}
	return true;
}

/* Packet i's operation: seal `text`, which stands behind the IV. With ESN the whole sequence number
 * is authenticated; an implicit IV is that number (RFC 8750 s4). */
static void make_op(struct eg_path *path, unsigned i, uint8_t *text, uint32_t text_len,
		    struct eg_crypto_op *op)
{
	const struct eg_meta *meta = &path->batch.meta[i];
	const struct eg_sa *sa = meta->sa;
	uint8_t *iv = text - sa->iv_bytes, *esp = iv - EG_ESP_LEN;

	*op = (struct eg_crypto_op){
		.key = sa->key,
		.text = text,
		.text_len = text_len,
		.aad = esp,
		.aad_len = EG_ESP_LEN,
		.iv = iv,
		.icv = text + text_len,
	};
	if (sa->esn || sa->iv_kind == EG_IV_SEQ) {
		memcpy(path->esp.aad[i], &sa->spi_be, 4);
		eg_put64(path->esp.aad[i] + 4, meta->seq);
	}
	if (sa->esn) {
		op->aad = path->esp.aad[i];
		op->aad_len = 12;
	}
	if (sa->iv_kind == EG_IV_SEQ)
		op->iv = path->esp.aad[i] + 4;
}

/* Steps 1 to 3 for packet i, and its operation. */
static enum eg_verdict encapsulate(struct eg_path *path, unsigned i, struct eg_crypto_op *op)
{
	struct eg_meta *meta = &path->batch.meta[i];
	struct rte_mbuf *m = path->batch.m[i];
	const struct eg_sa *sa = meta->sa;
	const struct eg_sa_grant *grant = &path->groups.v[meta->group].grant;
	uint8_t *packet = rte_pktmbuf_mtod(m, uint8_t *), *text, *esp;
	uint8_t next = meta->pkt.version == 4 ? EG_PROTO_IP4 : EG_PROTO_IP6;
	struct eg_insert_point point = {0}; /* tunnel mode: nothing stays in front */
	struct eg_overhead overhead;
	uint32_t bare_len, text_len, len; /* of the text without trailer, with it, of the packet */
	uint64_t seq = grant->seq + meta->rank;

	meta->seq = seq;
	if (meta->tunnel->transport) {
		point = eg_transport_seal_point(packet, &meta->pkt);
		next = packet[point.next_off];
	}
	overhead = eg_sa_overhead(meta->tunnel, sa, point.off);
	if (!has_room(m, overhead.front + EG_ETH_LEN, PADDING_MAX + 1 + overhead.icv))
		return EG_DROP_NO_ROOM;
	len = eg_sealed_len(&overhead, meta->pkt.len);
	if (len > UINT16_MAX)
		return EG_DROP_TOO_BIG;
	packet = rte_pktmbuf_mtod(m, uint8_t *); /* it may have been moved */
	text = packet + point.off;
	bare_len = (uint32_t)meta->pkt.len - point.off;
	text_len = len - overhead.front - point.off - overhead.icv;
	write_trailer(text + bare_len, text_len - bare_len - EG_ESP_TRAILER, next);
	if (meta->tunnel->transport)
		move_headers(packet - overhead.front, meta, packet, point, (uint16_t)len);
	else
		write_outer(packet - overhead.front, meta, packet, (uint16_t)len, (uint16_t)seq);
	esp = text - sa->iv_bytes - EG_ESP_LEN;
	memcpy(esp, &sa->spi_be, 4);
	eg_put32(esp + 4, (uint32_t)seq);
	if (!write_iv(path, esp + EG_ESP_LEN, sa, grant->iv + meta->rank))
		return EG_DROP_CRYPTO_FAILED;
	m->data_off = (uint16_t)(m->data_off - overhead.front);
	m->data_len = (uint16_t)len;
	m->pkt_len = len;

	make_op(path, i, text, text_len, op);
	return EG_PASS;
}

/* Step 5. */
static void sum_udp(const struct eg_path *path, unsigned i, const struct eg_crypto_op *op)
{
	const struct eg_meta *meta = &path->batch.meta[i];
	uint8_t *packet = eg_batch_data(&path->batch, i);

	if (meta->tunnel->encap && meta->tunnel->ip_len == EG_IP6_LEN)
		eg_outer_sum_udp6(packet,
				  (uint16_t)(op->text - meta->sa->iv_bytes - EG_ESP_LEN -
					     EG_UDP_LEN - packet),
				  path->batch.m[i]->data_len);
}

void eg_esp_out(struct eg_path *path)
{
	struct eg_batch *batch = &path->batch;
	unsigned n = 0;

	for (unsigned i = 0; i < batch->n; i++) {
		enum eg_verdict verdict;

		if (!batch->meta[i].sa)
			continue;
		verdict = encapsulate(path, i, &path->esp.op[n]);
		if (verdict)
			eg_batch_remove(batch, i, verdict);
		else
			path->esp.packet[n++] = (uint8_t)i;
	}
	eg_crypto_seal(path->crypto, path->esp.op, n);
	for (unsigned k = 0; k < n; k++) {
		unsigned i = path->esp.packet[k];

		batch->meta[i].sealed = path->esp.op[k].ok;
		if (!path->esp.op[k].ok)
			eg_batch_remove(batch, i, EG_DROP_CRYPTO_FAILED);
		else
			sum_udp(path, i, &path->esp.op[k]);
	}
	eg_batch_sweep(path);
}
