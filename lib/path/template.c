#include "path/template.h"

#include <string.h>

#include "net/bytes.h"
#include "net/checksum.h"
#include "path/cache.h"
#include "path/follow.h"
#include "path/mtu.h"
#include "path/path.h"

/* The headers, from behind: those of one tunnel's packets, while they are put together. */
struct front {
	uint8_t *at; /* what is in front of it is free */
};

static uint8_t *put(struct front *front, unsigned bytes)
{
	front->at -= bytes;
	return front->at;
}

static void put_udp(struct front *front, const struct eg_tunnel *tunnel)
{
	struct eg_udp *udp = (struct eg_udp *)put(front, EG_UDP_LEN);

	udp->sport_be = htobe16(EG_UDP_PORT_ESP);
	udp->dport_be = htobe16(eg_follow_port(tunnel));
}

/* With the address where a floating endpoint is now. */
static void put_ip(struct front *front, const struct eg_tunnel *tunnel, uint32_t *sum)
{
	uint8_t *ip = put(front, tunnel->ip_len);
	struct eg_endpoint_at to;

	memcpy(ip, &tunnel->outer, tunnel->ip_len);
	if (tunnel->floats) {
		to = eg_endpoint_get(tunnel->endpoint);
		memcpy((uint8_t *)eg_ip_dst(ip, tunnel->remote.family), to.address,
		       tunnel->remote.family == 4 ? 4 : 16);
	}
	if (tunnel->ip_len == EG_IP4_LEN)
		*sum = eg_checksum_add(0, ip, EG_IP4_LEN);
}

static void put_link(struct front *front, const struct eg_path_port *port, uint64_t mac,
		     bool is_ip4)
{
	uint8_t *type = put(front, 2), *head;

	eg_put16(type, is_ip4 ? EG_ETHERTYPE_IP4 : EG_ETHERTYPE_IP6);
	if (port->vlan) {
		head = put(front, EG_VLAN_LEN);
		eg_put16(head, EG_ETHERTYPE_VLAN);
		eg_put16(head + 2, port->vlan);
	}
	memcpy(put(front, 6), port->mac, 6);
	memcpy(put(front, 6), &mac, 6);
}

/* The next hop's MAC as it is in memory; 0: not known. */
static uint64_t find_mac(struct eg_path *path, const struct eg_tunnel *tunnel,
			 const struct eg_hop *hop, const uint8_t *dst, struct eg_template *template)
{
	struct eg_neigh_key key;
	struct eg_ip next;
	uint64_t mac = 0;

	template->neigh = EG_NEIGH_NONE;
	if (hop->kind == EG_HOP_PORT) {
		memcpy(&mac, hop->mac, 6);
		return mac;
	}
	if (hop->kind == EG_HOP_VIA)
		next = hop == &tunnel->hop ? tunnel->via : path->world->vias[hop->via];
	else
		next = eg_ip_from(tunnel->remote.family, dst);
	key = eg_neigh_key_make(hop->port, next.family, next.bytes);
	template->neigh =
		eg_neigh_reference(path->resolver_shared.neighs, &key, &template->neigh_seq, &mac);
	return template->neigh == EG_NEIGH_NONE ? 0 : mac;
}

static bool fill(struct eg_path *path, const struct eg_tunnel *tunnel, const struct eg_out_set *out,
		 struct eg_template *template)
{
	struct front front = {template->front + EG_TEMPLATE_FRONT};
	const struct eg_path_port *port;
	const struct eg_hop *hop;
	const uint8_t *dst;
	uint64_t mac;

	if (tunnel->encap)
		put_udp(&front, tunnel);
	put_ip(&front, tunnel, &template->sum);
	dst = eg_ip_dst(front.at, tunnel->remote.family);
	hop = eg_follow_hop(path, tunnel, dst);
	if (!eg_hop_is_port(hop))
		return false;
	mac = find_mac(path, tunnel, hop, dst, template);
	if (!mac)
		return false;
	port = &path->port[hop->port];
	put_link(&front, port, mac, tunnel->ip_len == EG_IP4_LEN);
	template->port = hop->port;
	template->link_len = EG_ETH_LEN + (port->vlan ? EG_VLAN_LEN : 0);
	template->ip_len = tunnel->ip_len;
	template->udp_len = tunnel->encap ? EG_UDP_LEN : 0;
	template->df_copied = tunnel->df_copied;
	template->df_set = tunnel->df_set;
	template->n_sports = tunnel->n_sports;
	template->sa = eg_sa_of(path, out);
	template->mtu = (uint16_t)eg_mtu_inner(path, tunnel, template->sa, 0);
	template->key = template->sa->key;
	template->suite = template->sa->suite;
	template->sizes = eg_suite_sizes(template->suite);
	template->iv_kind = template->sa->iv_kind;
	template->esn = template->sa->esn;
	return true;
}

bool eg_template_prepare(struct eg_path *path, uint32_t id)
{
	struct eg_template *template = &path->cache->template[id];
	const struct eg_tunnel *tunnel;
	const struct eg_out_set *out;

	if (eg_template_is_valid(template, path->tunnels, id, path->world->generation) &&
	    eg_template_has_mac(template, path->resolver_shared.neighs))
		return true;
	*template = (struct eg_template){
		/* Before anything else: a change after this is another generation. */
		.generation = eg_tunnel_generation(path->tunnels, id),
		.world = (uint32_t)path->world->generation,
	};
	tunnel = eg_tunnel_get(path->tunnels, id);
	out = eg_tunnel_out(path->tunnels, id);
	if (tunnel && out && tunnel->protocol == EG_TUNNEL_ESP && !tunnel->transport &&
	    !(tunnel->encap && tunnel->ip_len == EG_IP6_LEN) && fill(path, tunnel, out, template))
		return true;
	template->sa = NULL;
	return false;
}
