/* Inbound ESP (RFC 4303 s3.4):
 *  1. Associated data: SPI and sequence number as they came; with ESN the inferred high half
 *     between them (RFC 4106 s5). An implicit IV is the whole sequence number (RFC 8750 s4).
 *  2. Open the whole batch, whatever SAs it mixes, in one call.
 *     An ESN SA that failed many times in a row may have lost the high half: it is looked for
 *     first, in copies (path/resync.h).
 *  3. Not authentic: drop, and only a count remains. Authentic: move the window (s3.4.3), and
 *     where the packet is the newest of its SA, the peer's endpoint follows it (path/follow.h).
 *  4. Trailer: padding must be 1, 2, 3, ... (s2.4). Tunnel mode: the next header says which IP is
 *     inside. Transport mode: it follows the headers in front, which close up to the text.
 *  5. Data now start at the inner IP header, or the packet's own. */
#include "path/stages.h"

#include "net/bytes.h"
#include "net/transport.h"
#include "path/drop.h"
#include "path/follow.h"
#include "path/resync.h"

/* SPI and all of the sequence number: what ESN's associated data are, and where the implicit IV
 * stands. */
static void write_aad(struct eg_path *path, unsigned i, const uint8_t *esp)
{
	memcpy(path->aad[i], esp, 4);
	eg_put64(path->aad[i] + 4, path->batch.meta[i].seq);
}

static void make_op(struct eg_path *path, unsigned i)
{
	const struct eg_meta *meta = &path->batch.meta[i];
	const struct eg_sa *sa = meta->sa;
	uint8_t *esp = eg_batch_data(&path->batch, i) + meta->pkt.l4_off;
	unsigned around = EG_ESP_LEN + sa->iv_bytes + sa->icv_bytes;
	uint32_t text_len = (uint32_t)meta->pkt.len - meta->pkt.l4_off - around;

	if (sa->esn || sa->iv_kind == EG_IV_SEQ)
		write_aad(path, i, esp);
	path->ops[i] = (struct eg_crypto_op){
		.key = sa->key,
		.text = esp + EG_ESP_LEN + sa->iv_bytes,
		.text_len = text_len,
		.aad = sa->esn ? path->aad[i] : esp,
		.aad_len = sa->esn ? 12 : EG_ESP_LEN,
		.iv = sa->iv_kind == EG_IV_SEQ ? path->aad[i] + 4 : esp + EG_ESP_LEN,
		.icv = esp + EG_ESP_LEN + sa->iv_bytes + text_len,
	};
}

static bool padding_right(const uint8_t *padding, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (padding[i] != i + 1)
			return false;
	}
	return true;
}

/* Transport mode: the packet as it was, with `inner` bytes of text. */
static void close_up(struct rte_mbuf *m, struct eg_meta *meta, uint8_t *text, uint32_t inner,
		     uint8_t next)
{
	uint8_t *packet = rte_pktmbuf_mtod(m, uint8_t *);
	uint16_t head =
		(uint16_t)(meta->pkt.l4_off - (meta->pkt.proto == EG_PROTO_UDP ? EG_UDP_LEN : 0));
	struct eg_insert_point point = eg_transport_open_point(packet, &meta->pkt, head);
	uint16_t len = (uint16_t)(head + inner);

	memmove(text - head, packet, head);
	eg_transport_fix_headers(text - head, point, len, next);
	eg_mbuf_window(m, (uint16_t)(text - head - packet), len);
	eg_sa_count(meta->sa, 1, len);
}

/* Steps 4 and 5. */
static enum eg_verdict strip(struct rte_mbuf *m, struct eg_meta *meta,
			     const struct eg_crypto_op *op, bool transport)
{
	const uint8_t *end = op->text + op->text_len;
	unsigned padding = end[-2], next = end[-1];
	uint16_t front = (uint16_t)(op->text - rte_pktmbuf_mtod(m, uint8_t *));
	uint32_t inner;

	if (padding + 2 > op->text_len || !padding_right(end - 2 - padding, padding))
		return EG_DROP_ESP_PADDING;
	if (next == EG_PROTO_NONE)
		return EG_DROP_ESP_DUMMY;
	inner = op->text_len - padding - 2;
	meta->outer_tos = meta->pkt.tos;
	if (transport) {
		close_up(m, meta, op->text, inner, (uint8_t)next);
		return EG_PASS;
	}
	if (next != EG_PROTO_IP4 && next != EG_PROTO_IP6)
		return EG_DROP_ESP_NEXT_HEADER;
	if (!inner || op->text[0] >> 4 != (next == EG_PROTO_IP4 ? 4 : 6))
		return EG_DROP_BAD_IP_HEADER;
	eg_mbuf_window(m, front, (uint16_t)inner);
	eg_sa_count(meta->sa, 1, inner);
	return EG_PASS;
}

void eg_esp_in(struct eg_path *path)
{
	struct eg_batch *batch = &path->batch;

	for (unsigned i = 0; i < batch->n; i++) {
		const struct eg_sa *sa = batch->meta[i].sa;

		make_op(path, i);
		if (__builtin_expect(sa->esn && sa->replay.failed >= EG_RESYNC_AFTER, 0))
			eg_resync(path, i);
	}
	eg_crypto_open(path->crypto, path->ops, batch->n);
	for (unsigned i = 0; i < batch->n; i++) {
		struct eg_meta *meta = &batch->meta[i];
		const struct eg_tunnel *tunnel = meta->tunnel;
		bool newest = meta->seq > meta->sa->replay.top;
		enum eg_verdict verdict = EG_DROP_ESP_AUTH;

		if (path->ops[i].ok)
			verdict = eg_sa_received(meta->sa, meta->seq);
		else
			eg_replay_failed(&meta->sa->replay);
		if (!verdict && newest && tunnel->floats)
			eg_follow(path, i, tunnel);
		if (!verdict)
			verdict = strip(batch->m[i], meta, &path->ops[i], tunnel->transport);
		if (verdict)
			eg_batch_remove(batch, i, verdict);
		else
			meta->from_tunnel = tunnel;
	}
	eg_batch_sweep(path);
}
