/* Inbound ESP (RFC 4303 s3.4):
 *  1. Associated data: SPI and sequence number as they came; with ESN the inferred high half
 *     between them (RFC 4106 s5). An implicit IV is the whole sequence number (RFC 8750 s4).
 *  2. Open the whole batch, whatever SAs it mixes, in one call.
 *     An ESN SA that failed many times in a row may have lost the high half: the right one is
 *     searched for first, on copies (path/resync.h).
 *  3. If the ICV is wrong, drop. Otherwise move the window (s3.4.3), and if the packet is the SA's
 *     newest, let the peer's endpoint follow it (path/follow.h).
 *  4. Trailer: padding must be 1, 2, 3, ... (s2.4). Tunnel mode: the next header is the inner IP
 *     version. Transport mode: it goes into the headers in front, which are moved to the text.
 *  5. The data now start at the inner IP header, or at the packet's own. */
#include "path/stages.h"

#include "net/bytes.h"
#include "net/transport.h"
#include "path/drop.h"
#include "path/follow.h"
#include "path/resync.h"

/* SPI and 64-bit sequence number: the associated data with ESN, and the implicit IV within them. */
static void write_aad(struct eg_path *path, unsigned i, const uint8_t *esp)
{
	memcpy(path->esp.aad[i], esp, 4);
	eg_put64(path->esp.aad[i] + 4, path->batch.meta[i].seq);
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
	path->esp.op[i] = (struct eg_crypto_op){
		.key = sa->key,
		.text = esp + EG_ESP_LEN + sa->iv_bytes,
		.text_len = text_len,
		.aad = sa->esn ? path->esp.aad[i] : esp,
		.aad_len = sa->esn ? 12 : EG_ESP_LEN,
		.iv = sa->iv_kind == EG_IV_SEQ ? path->esp.aad[i] + 4 : esp + EG_ESP_LEN,
		.icv = esp + EG_ESP_LEN + sa->iv_bytes + text_len,
	};
}

static bool is_padding(const uint8_t *padding, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (padding[i] != i + 1)
			return false;
	}
	return true;
}

/* Transport mode: the packet as it was before it was sealed, with `inner` bytes of text. */
static void join_headers(struct rte_mbuf *m, struct eg_meta *meta, uint8_t *text, uint32_t inner,
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

	if (padding + 2 > op->text_len || !is_padding(end - 2 - padding, padding))
		return EG_DROP_ESP_PADDING;
	if (next == EG_PROTO_NONE)
		return EG_DROP_ESP_DUMMY;
	inner = op->text_len - padding - 2;
	meta->outer_tos = meta->pkt.tos;
	if (transport) {
		join_headers(m, meta, op->text, inner, (uint8_t)next);
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
	eg_crypto_open(path->crypto, path->esp.op, batch->n);
	for (unsigned i = 0; i < batch->n; i++) {
		struct eg_meta *meta = &batch->meta[i];
		const struct eg_tunnel *tunnel = meta->tunnel;
		bool newest = meta->seq > meta->sa->replay.top;
		enum eg_verdict verdict = EG_DROP_ESP_AUTH;

		if (path->esp.op[i].ok)
			verdict = eg_sa_received(meta->sa, meta->seq);
		else
			eg_replay_failed(&meta->sa->replay);
		if (!verdict && newest && tunnel->floats)
			eg_follow(path, i, tunnel);
		if (!verdict)
			verdict = strip(batch->m[i], meta, &path->esp.op[i], tunnel->transport);
		if (verdict)
			eg_batch_remove(batch, i, verdict);
		else
			meta->from_tunnel = tunnel;
	}
	eg_batch_sweep(path);
}
