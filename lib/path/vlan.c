/* Devices with several VLANs (IEEE 802.1Q), each a port: a burst is split by tag after rx and
 * processed one port at a time, because each port has its own role. */
#include "path/vlan.h"

#include "net/bytes.h"
#include "path/drop.h"

#define VID_MASK 0xfff

static bool is_tagged(const struct rte_mbuf *m)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	unsigned type;

	if (m->data_len < EG_ETH_LEN + EG_VLAN_LEN)
		return false; /* parse drops a truncated tag */
	type = eg_get16(frame + 12);
	return type == EG_ETHERTYPE_VLAN || type == EG_ETHERTYPE_QINQ;
}

/* Remove the frame's 802.1Q tag. Returns its VLAN; 0 without a tag or with a priority tag (802.1Q
 * s6.9.1); EG_VLANS for a tag of another kind. */
static unsigned strip_tag(struct rte_mbuf *m)
{
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);
	unsigned vid;

	if (m->ol_flags &
	    RTE_MBUF_F_RX_VLAN_STRIPPED) /* stripped by the device; of two tags, the outer one */
		return m->ol_flags & RTE_MBUF_F_RX_QINQ_STRIPPED ? EG_VLANS
								 : m->vlan_tci & VID_MASK;
	if (!is_tagged(m))
		return 0;
	if (eg_get16(frame + 12) != EG_ETHERTYPE_VLAN)
		return EG_VLANS;
	vid = eg_get16(frame + EG_ETH_LEN) & VID_MASK;
	memmove(frame + EG_VLAN_LEN, frame, 12);
	eg_mbuf_window(m, EG_VLAN_LEN, (uint16_t)(m->data_len - EG_VLAN_LEN));
	return vid;
}

/* The port of a frame, or EG_NO_PORT. Frames with a second tag belong to no port. */
static unsigned port_of(const uint8_t *vlans, struct rte_mbuf *m)
{
	unsigned vid = strip_tag(m);

	return vid < EG_VLANS && !is_tagged(m) ? vlans[vid] : EG_NO_PORT;
}

static void count(struct eg_path *path, unsigned port, uint32_t bytes)
{
	eg_count(&path->stats->port[port].rx_packets, 1);
	eg_count(&path->stats->port[port].rx_bytes, bytes);
}

void eg_vlan_sort(struct eg_path *path, unsigned device)
{
	const uint8_t *vlans = path->port[device].vlans;
	struct eg_batch *batch = &path->batch;

	for (unsigned i = 0; i < batch->n; i++) {
		uint32_t bytes = batch->m[i]->pkt_len;
		unsigned port = port_of(vlans, batch->m[i]);

		batch->meta[i] = (struct eg_meta){.port = (uint8_t)device};
		if (port == EG_NO_PORT)
			eg_batch_remove(batch, i, EG_DROP_UNKNOWN_VLAN);
		else
			batch->meta[i].port = (uint8_t)port;
		count(path, batch->meta[i].port, bytes);
	}
	eg_batch_sweep(path);
	path->vlan.n = batch->n;
	for (unsigned i = 0; i < batch->n; i++) {
		path->vlan.m[i] = batch->m[i];
		path->vlan.port[i] = batch->meta[i].port;
	}
	batch->n = 0;
}

bool eg_vlan_next(struct eg_path *path)
{
	struct eg_batch *batch = &path->batch;
	unsigned port = path->vlan.port[0], left = 0;

	batch->n = batch->n_removed = 0;
	for (unsigned i = 0; i < path->vlan.n; i++) {
		if (path->vlan.port[i] == port) {
			batch->m[batch->n] = path->vlan.m[i];
			batch->meta[batch->n++].port = (uint8_t)port;
		} else {
			path->vlan.m[left] = path->vlan.m[i];
			path->vlan.port[left++] = path->vlan.port[i];
		}
	}
	path->vlan.n = left;
	return batch->n;
}

bool eg_vlan_put_tag(struct rte_mbuf *m, uint16_t vlan)
{
	uint8_t *frame = (uint8_t *)rte_pktmbuf_prepend(m, EG_VLAN_LEN);

	if (!frame)
		return false;
	memmove(frame, frame + EG_VLAN_LEN, 12);
	eg_put16(frame + 12, EG_ETHERTYPE_VLAN);
	eg_put16(frame + EG_ETH_LEN, vlan);
	return true;
}
