/* Ordinary ESP from an encrypted port: whole IP packets without options or extension headers with
 * ESP, or ESP in UDP, addressed to the port's MAC. For these, this stage finds what parse and demux
 * would, in one pass; all others are put aside for those. ESP that is not ordinary (fragments, for
 * the most part) may belong to a connection with ordinary packets behind it: then the rest of the
 * burst is put aside too, so that it stays in order. */
#include "net/bytes.h"
#include "path/known_header.h"
#include "path/stages.h"

#define AHEAD 4

/* ESP behind a UDP header (demux.c's ESP_IN_UDP): pkt describes the IP packet. */
static bool is_esp_in_udp(const uint8_t *ip, struct eg_pkt *pkt)
{
	const uint8_t *udp = ip + pkt->l4_off;
	uint32_t len = eg_get16(udp + offsetof(struct eg_udp, len_be));

	pkt->sport = eg_get16(udp);
	pkt->dport = eg_get16(udp + 2);
	/* Keepalives are shorter, and IKE begins with four bytes of 0 (RFC 3948 s2.2, s2.3). */
	if (pkt->dport != EG_UDP_PORT_ESP || len < EG_UDP_LEN + EG_ESP_LEN ||
	    pkt->l4_off + len > pkt->len || !eg_get32(udp + EG_UDP_LEN))
		return false;
	pkt->len = (uint16_t)(pkt->l4_off + len);
	pkt->l4_off = (uint16_t)(pkt->l4_off + EG_UDP_LEN);
	return true;
}

/* What parse and demux say of an ordinary packet with ESP; false: it is none. m: its data start at
 * the frame. */
static bool is_ordinary_esp(const struct rte_mbuf *m, struct eg_pkt *pkt)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, EG_ETH_LEN);
	uint32_t len = m->data_len - (uint32_t)EG_ETH_LEN, least = EG_ESP_LEN;

	*pkt = (struct eg_pkt){.len = eg_known_len(ip), .tos = eg_known_tos(ip)};
	if (ip[0] >> 4 == 4) {
		pkt->version = 4;
		pkt->l4_off = EG_IP4_LEN;
		pkt->proto = ip[9];
		if (ip[0] != 0x45 ||
		    eg_get16(ip + offsetof(struct eg_ip4, frag_be)) &
			    (EG_IP4_MF | EG_IP4_FRAGMASK) ||
		    (!eg_is_summed(m) && !eg_ip4_checksum_ok(ip, EG_IP4_LEN)))
			return false;
	} else {
		pkt->version = 6;
		pkt->l4_off = EG_IP6_LEN;
		pkt->proto = ip[6];
		if (len < EG_IP6_LEN)
			return false;
	}
	if (pkt->len > len || pkt->len < pkt->l4_off + least)
		return false;
	if (eg_parse_addresses(ip, pkt))
		return false;
	return pkt->proto == EG_PROTO_ESP || (pkt->proto == EG_PROTO_UDP && is_esp_in_udp(ip, pkt));
}

/* May ESP be in a frame that is not ordinary? */
static bool may_be_esp(const struct eg_path_port *port, const struct rte_mbuf *m)
{
	return eg_known_is_frame_for(port, m) &&
	       eg_known_hides_ports(rte_pktmbuf_mtod_offset(m, const uint8_t *, EG_ETH_LEN));
}

void eg_front(struct eg_path *path)
{
	struct eg_batch *batch = &path->batch;
	unsigned ordinary = 0;
	bool in_order = true; /* no ESP has been put aside */

	path->aside.n = 0;
	for (unsigned i = 0; i < batch->n && i < AHEAD; i++)
		rte_prefetch0(rte_pktmbuf_mtod(batch->m[i], void *));
	for (unsigned i = 0; i < batch->n; i++) {
		struct rte_mbuf *m = batch->m[i];
		uint8_t port = batch->meta[i].port;
		struct eg_pkt pkt;
		uint16_t ip_len;

		if (i + AHEAD < batch->n)
			rte_prefetch0(rte_pktmbuf_mtod(batch->m[i + AHEAD], void *));
		if (!in_order || !eg_known_is_frame_for(&path->port[port], m) ||
		    !is_ordinary_esp(m, &pkt)) {
			in_order = in_order && !may_be_esp(&path->port[port], m);
			path->aside.m[path->aside.n++] = m;
			continue;
		}
		ip_len = eg_known_len(rte_pktmbuf_mtod_offset(m, const uint8_t *, EG_ETH_LEN));
		eg_mbuf_window(m, EG_ETH_LEN, ip_len);
		batch->m[ordinary] = m;
		batch->meta[ordinary++] = (struct eg_meta){.pkt = pkt, .port = port};
	}
	batch->n = ordinary;
}

void eg_take_aside(struct eg_path *path, unsigned port)
{
	struct eg_batch *batch = &path->batch;

	batch->n_removed = 0;
	batch->n = path->aside.n;
	memcpy(batch->m, path->aside.m, batch->n * sizeof(*batch->m));
	for (unsigned i = 0; i < batch->n; i++)
		batch->meta[i].port = (uint8_t)port;
	path->aside.n = 0;
}
