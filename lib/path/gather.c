/* Frames in several segments: IPsec-MB requires contiguous bytes, so each is copied once into one
 * buffer of the workers' pool. The segment lengths that the driver reports are not trusted: a frame
 * whose lengths do not add up is dropped, like one that exceeds a buffer. */
#include "path/stages.h"

#include "path/drop.h"

/* Copy all segments. False if their number or lengths differ from what the first one says. */
static bool copy_segments(uint8_t *to, const struct rte_mbuf *m)
{
	uint32_t left = m->pkt_len;
	unsigned segments = m->nb_segs;

	for (; m && segments; m = m->next, segments--) {
		if (m->data_len > left || (uint32_t)m->data_off + m->data_len > m->buf_len)
			return false;
		memcpy(to, rte_pktmbuf_mtod(m, const void *), m->data_len);
		to += m->data_len;
		left -= m->data_len;
	}
	return !m && !segments && !left;
}

/* Replace packet i by a contiguous copy with headroom and tailroom. */
static enum eg_verdict gather(struct eg_path *path, unsigned i)
{
	struct rte_mbuf *m = path->batch.m[i];
	uint32_t most = (uint32_t)rte_pktmbuf_data_room_size(path->pool) - RTE_PKTMBUF_HEADROOM -
			EG_TAILROOM;
	struct rte_mbuf *made;

	if (m->pkt_len > most)
		return EG_DROP_MULTI_SEGMENT;
	made = rte_pktmbuf_alloc(path->pool);
	if (!made)
		return EG_DROP_NO_BUFFER;
	if (!copy_segments(rte_pktmbuf_mtod(made, uint8_t *), m)) {
		rte_pktmbuf_free(made);
		return EG_DROP_MULTI_SEGMENT;
	}
	eg_mbuf_window(made, 0, (uint16_t)m->pkt_len);
	made->port = m->port;
	made->vlan_tci = m->vlan_tci;
	made->ol_flags |= m->ol_flags & EG_RX_FLAGS;
	path->batch.m[i] = made;
	rte_pktmbuf_free(m);
	eg_count(&path->stats->gathered, 1);
	return EG_PASS;
}

void eg_gather(struct eg_path *path)
{
	struct eg_batch *batch = &path->batch;

	for (unsigned i = 0; i < batch->n; i++) {
		enum eg_verdict verdict;

		/* For a drop sample: nothing is known of the packet yet. */
		batch->meta[i] = (struct eg_meta){.port = batch->meta[i].port};
		if (batch->m[i]->nb_segs == 1 && rte_pktmbuf_tailroom(batch->m[i]) >= EG_TAILROOM)
			continue;
		verdict = gather(path, i);
		if (verdict)
			eg_batch_remove(batch, i, verdict);
	}
	eg_batch_sweep(path);
}
