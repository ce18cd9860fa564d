/* The step from an IP packet to a frame on the wire, for tx and the resolver. Worker only. */
#ifndef EG_PATH_LINK_H
#define EG_PATH_LINK_H

#include "net/bytes.h"
#include "path/path.h"
#include "path/vlan.h"

/* Put the Ethernet header in front of an IP packet that leaves by this port, with the tag of a
 * sub-port; false if the buffer has no room in front. */
static inline bool eg_link_put(const struct eg_path_port *port, struct rte_mbuf *m, const void *mac)
{
	uint8_t *frame = (uint8_t *)rte_pktmbuf_prepend(m, EG_ETH_LEN);

	if (!frame)
		return false;
	memcpy(frame, mac, 6);
	memcpy(frame + 6, port->mac, 6);
	eg_put16(frame + 12, frame[EG_ETH_LEN] >> 4 == 4 ? EG_ETHERTYPE_IP4 : EG_ETHERTYPE_IP6);
	eg_mbuf_clear_flags(m);
	return __builtin_expect(!port->vlan, 1) || eg_vlan_put_tag(m, port->vlan);
}

/* Does the packet, whose data start at the IP header, go to a network of `encrypt`? Then it never
 * leaves in clear, whatever route led here. */
static inline bool eg_link_must_encrypt(const struct eg_path *path, const struct rte_mbuf *m)
{
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);

	if (!path->world || !path->world->encrypt)
		return false;
	return eg_snap_must_encrypt(path->world, data[0] >> 4, eg_ip_dst(data, data[0] >> 4));
}

#endif
