#include "path/stages.h"

#include "net/bytes.h"
#include "path/drop.h"

/* The SA's ends are the packet's (RFC 4301 s4.4.2.1: unicast SAs may be found by SPI alone, but
 * ESP under a known SPI from elsewhere is nobody's we know). */
static bool from_peer(const uint8_t *data, const struct eg_pkt *pkt, const struct eg_tunnel *peer)
{
	if (peer->remote.family != pkt->version)
		return false;
	if (pkt->version == 4) {
		const struct eg_ip4 *ip = (const struct eg_ip4 *)data;

		return !memcmp(ip->src, peer->remote.bytes, 4) &&
		       !memcmp(ip->dst, peer->local.bytes, 4);
	} else {
		const struct eg_ip6 *ip = (const struct eg_ip6 *)data;

		return !memcmp(ip->src, peer->remote.bytes, 16) &&
		       !memcmp(ip->dst, peer->local.bytes, 16);
	}
}

/* No SA: tell what is ours with a wrong SPI from what only passes by. */
static enum eg_drop unknown_spi(const struct eg_snap *snap, const uint8_t *data,
				const struct eg_pkt *pkt)
{
	const struct eg_hop *hop =
		pkt->version == 4 ? eg_snap_route4(snap, ((const struct eg_ip4 *)data)->dst)
				  : eg_snap_route6(snap, ((const struct eg_ip6 *)data)->dst);

	return hop->kind == EG_HOP_LOCAL ? EG_DROP_ESP_UNKNOWN_SPI : EG_DROP_ESP_NOT_LOCAL;
}

/* ESP header, IV, at least the trailer's two bytes rounded up to the alignment, ICV. */
static bool long_enough(const struct eg_pkt *pkt, const struct eg_sa *sa)
{
	unsigned around = EG_ESP_LEN + sa->iv_bytes + sa->icv_bytes;
	unsigned esp = (unsigned)pkt->len - pkt->l4_off;

	return esp >= around + sa->align_bytes && (esp - around) % sa->align_bytes == 0;
}

static enum eg_drop find_sa(struct eg_path *path, const uint8_t *data, struct eg_meta *meta)
{
	const struct eg_pkt *pkt = &meta->pkt;
	const struct eg_sad_entry *entry;
	struct eg_esp esp;

	if (pkt->proto != EG_PROTO_ESP)
		return EG_DROP_PLAIN_ON_ENCRYPTED;
	if (pkt->frag != EG_FRAG_NONE)
		return EG_DROP_ESP_FRAGMENT;
	if (pkt->len < pkt->l4_off + EG_ESP_LEN)
		return EG_DROP_ESP_SHORT;
	memcpy(&esp, data + pkt->l4_off, sizeof(esp));
	entry = esp.spi_be ? eg_sad_find(&path->snap->sad, esp.spi_be) : NULL;
	if (!entry)
		return unknown_spi(path->snap, data, pkt);
	if (!from_peer(data, pkt, &path->snap->peers[entry->peer]))
		return EG_DROP_ESP_WRONG_PEER;
	meta->sad = entry;
	meta->sa = entry->sa;
	if (!long_enough(pkt, entry->sa))
		return EG_DROP_ESP_SHORT;
	if (entry->sa->owner != path->worker)
		return EG_KEEP; /* the window is its owner's to read */
	eg_crypto_key_prefetch(entry->sa->key);
	meta->seq = entry->sa->esn ? eg_replay_infer(&entry->sa->replay, be32toh(esp.seq_be))
				   : be32toh(esp.seq_be);
	if (!eg_sa_alive(entry->sa, meta->seq))
		return EG_DROP_SA_EXPIRED;
	return eg_replay_check(&entry->sa->replay, meta->seq);
}

/* Give packet i to the worker that owns its SA; it parses and looks up again. */
static unsigned hand_over(struct eg_path *path, unsigned i)
{
	struct rte_mbuf *m = path->batch.m[i];

	m->port = path->batch.meta[i].port; /* our index from here on, not the driver's */
	if (rte_ring_mp_enqueue(path->handoff[path->batch.meta[i].sa->owner], m))
		return EG_DROP_HANDOFF_FULL;
	eg_count(&path->stats->handed_over, 1);
	return EG_HANDED_OVER;
}

void eg_sa_in(struct eg_path *path)
{
	struct eg_batch *batch = &path->batch;

	for (unsigned i = 0; i < batch->n; i++) {
		struct eg_meta *meta = &batch->meta[i];
		unsigned drop = find_sa(path, eg_batch_data(batch, i), meta);

		if (!drop && meta->sa->owner != path->worker)
			drop = hand_over(path, i);
		if (drop)
			eg_batch_lose(batch, i, drop);
	}
	eg_batch_sweep(path);
}
