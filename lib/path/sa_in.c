/* The inbound SA of each ESP packet (RFC 4303 s3.4.2), and whether it may open it:
 *  1. The SA by its SPI.
 *  2. Its tunnel's ends and encapsulation; a length that its suite can make.
 *  3. If another worker owns the SA, the packet is handed over to that one.
 *  4. Lifetime and anti-replay window, which only a right ICV moves (s3.4.3). */
#include "path/stages.h"

#include "net/bytes.h"
#include "path/drop.h"
#include "path/handoff.h"
#include "path/outer_ends.h"

/* With at most this many SAs, all of them are in the cache anyway. */
#define CACHED_SAS 64

/* No SA has the SPI. ESP that is not addressed to the gateway has a separate reason. */
static enum eg_verdict unknown_spi(const struct eg_path *path, const uint8_t *data,
				   const struct eg_pkt *pkt)
{
	if (eg_is_ours(path, data, pkt))
		return EG_DROP_ESP_UNKNOWN_SPI;
	return pkt->proto == EG_PROTO_UDP ? EG_DROP_PLAIN_ON_ENCRYPTED : EG_DROP_ESP_NOT_LOCAL;
}

/* ESP header, IV, at least the trailer's two bytes rounded up to the alignment, ICV. */
static bool long_enough(const struct eg_pkt *pkt, const struct eg_sa *sa)
{
	unsigned around = EG_ESP_LEN + sa->iv_bytes + sa->icv_bytes;
	unsigned esp = (unsigned)pkt->len - pkt->l4_off;

	return esp >= around + sa->align_bytes && (esp - around) % sa->align_bytes == 0;
}

/* 0: there is none, and no SA has it. */
static uint32_t spi_of(const uint8_t *data, const struct eg_pkt *pkt)
{
	uint32_t spi_be;

	if (pkt->len < pkt->l4_off + EG_ESP_LEN)
		return 0;
	memcpy(&spi_be, data + pkt->l4_off + offsetof(struct eg_esp, spi_be), sizeof(spi_be));
	return spi_be;
}

static enum eg_verdict find_sa(const struct eg_path *path, const uint8_t *data, uint32_t spi_be,
			       struct eg_meta *meta)
{
	const struct eg_pkt *pkt = &meta->pkt;

	if (pkt->len < pkt->l4_off + EG_ESP_LEN)
		return EG_DROP_ESP_SHORT;
	meta->sa = spi_be ? eg_sad_find(&path->tunnels->sad, spi_be) : NULL;
	if (!meta->sa)
		return unknown_spi(path, data, pkt);
	meta->tunnel = eg_sa_tunnel(meta->sa);
	meta->seq = eg_get32(data + pkt->l4_off + offsetof(struct eg_esp, seq_be));
	__builtin_prefetch(&meta->sa->seq, 1);
	eg_tunnel_prefetch(meta->tunnel);
	return EG_PASS;
}

/* Fetch the whole batch's SAs, step by step (sa/sad.h). */
static void prefetch_sas(const struct eg_path *path)
{
	const struct eg_sad *sad = &path->tunnels->sad;
	const struct eg_batch *batch = &path->batch;
	uint32_t spi_be[EG_BATCH_MAX];

	for (unsigned i = 0; i < batch->n; i++) {
		spi_be[i] = spi_of(eg_batch_data(batch, i), &batch->meta[i].pkt);
		eg_sad_prefetch(sad, spi_be[i]);
	}
	for (unsigned i = 0; i < batch->n; i++)
		eg_sad_prefetch_sa(sad, spi_be[i]);
}

static void find_sas(struct eg_path *path)
{
	struct eg_batch *batch = &path->batch;

	if (atomic_load_explicit(&path->tunnels->sad.n, memory_order_relaxed) > CACHED_SAS)
		prefetch_sas(path);
	for (unsigned i = 0; i < batch->n; i++) {
		const uint8_t *data = eg_batch_data(batch, i);
		struct eg_meta *meta = &batch->meta[i];
		enum eg_verdict verdict = find_sa(path, data, spi_of(data, &meta->pkt), meta);

		if (verdict)
			eg_batch_remove(batch, i, verdict);
	}
	eg_batch_sweep(path);
}

/* May this SA open it? */
static enum eg_verdict check_sa(struct eg_path *path, const uint8_t *data, struct eg_meta *meta)
{
	const struct eg_pkt *pkt = &meta->pkt;
	const struct eg_tunnel *tunnel = meta->tunnel;
	struct eg_sa *sa = meta->sa;

	if (!eg_has_tunnel_ends(data, pkt, tunnel))
		return EG_DROP_ESP_WRONG_PEER;
	if (tunnel->encap != (pkt->proto == EG_PROTO_UDP) && !tunnel->accept_plain)
		return EG_DROP_ESP_WRONG_ENCAP;
	if (!long_enough(pkt, sa))
		return EG_DROP_ESP_SHORT;
	if (sa->owner != path->worker)
		return EG_PASS; /* only the owner reads the window */
	eg_crypto_key_prefetch(path->crypto, sa->key, sa->suite, pkt->len);
	if (sa->esn)
		meta->seq = eg_replay_infer(&sa->replay, (uint32_t)meta->seq);
	if (!eg_sa_may_receive(sa, meta->seq))
		return EG_DROP_SA_EXPIRED;
	return eg_replay_check(&sa->replay, meta->seq);
}

void eg_sa_in(struct eg_path *path)
{
	struct eg_batch *batch = &path->batch;

	find_sas(path);
	for (unsigned i = 0; i < batch->n; i++) {
		struct eg_meta *meta = &batch->meta[i];
		enum eg_verdict verdict = check_sa(path, eg_batch_data(batch, i), meta);

		if (!verdict && meta->sa->owner != path->worker)
			verdict = eg_handoff(path, i, meta->sa->owner);
		if (verdict)
			eg_batch_remove(batch, i, verdict);
	}
	eg_batch_sweep(path);
}
