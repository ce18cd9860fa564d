/* show routes, neighbors. */
#include <stdio.h>

#include "control/show.h"
#include "neigh/table.h"

#define MAC_TEXT 18

static const char *print_mac(const uint8_t mac[6], char out[MAC_TEXT])
{
	snprintf(out, MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		 mac[4], mac[5]);
	return out;
}

static const char *kind_of(const struct eg_hop *hop)
{
	switch ((enum eg_hop_kind)hop->kind) {
	case EG_HOP_NONE:
		break;
	case EG_HOP_NO_NEIGHBOR:
		return "no_neighbor";
	case EG_HOP_LOCAL:
		return "local";
	case EG_HOP_BROADCAST:
		return "broadcast";
	case EG_HOP_PORT:
		return "station";
	case EG_HOP_LINK:
		return "link";
	case EG_HOP_VIA:
		return "router";
	case EG_HOP_TUNNEL:
		return "peer";
	case EG_HOP_GROUP:
		return "peers";
	}
	return "none";
}

/* While a reload is applied, a hop may name a tunnel that is gone. */
static void add_peer(const struct eg_ctl *ctl, struct json_object *peers, uint32_t id)
{
	const struct eg_tunnel *tunnel = eg_tunnel_get(ctl->tunnels, id);

	if (tunnel)
		eg_json_add_text(peers, tunnel->name);
}

static void fill_route(struct json_object *row, const struct eg_ctl *ctl,
		       const struct eg_snap_world *world, const struct eg_lpm_entry *entry)
{
	const struct eg_hop *hop = &world->hops[entry->value];
	char text[EG_PREFIX_TEXT];
	struct json_object *peers;

	eg_json_text(row, "to", eg_prefix_print(&entry->prefix, text));
	eg_json_text(row, "kind", kind_of(hop));
	if (eg_hop_is_port(hop))
		eg_json_text(row, "port", ctl->config->ports.v[hop->port].name);
	if (hop->kind == EG_HOP_VIA)
		eg_json_text(row, "via", eg_ip_print(&world->vias[hop->via], text));
	if (hop->kind == EG_HOP_PORT)
		eg_json_text(row, "mac", print_mac(hop->mac, text));
	eg_json_bool(row, "must_encrypt",
		     eg_snap_must_encrypt(world, entry->prefix.ip.family, entry->prefix.ip.bytes));
	peers = eg_hop_is_tunnel(hop) ? eg_json_array(row, "peers") : NULL;
	if (peers && hop->kind == EG_HOP_TUNNEL)
		add_peer(ctl, peers, hop->tunnel);
	for (uint32_t i = 0; peers && hop->kind == EG_HOP_GROUP && i < world->groups[hop->group]->n;
	     i++)
		add_peer(ctl, peers, world->groups[hop->group]->member[i].tunnel);
}

void eg_view_routes(struct eg_page *page)
{
	const struct eg_snap_world *world = page->snap ? page->snap->world : NULL;

	for (uint64_t i = page->from; world && i < world->n_prefixes; i++) {
		struct json_object *row = eg_page_row_at(page, i);

		if (!row)
			return;
		fill_route(row, page->source->ctl, world, &world->prefixes[i]);
	}
}

void eg_view_neighbors(struct eg_page *page)
{
	const struct eg_ctl *ctl = page->source->ctl;
	const struct eg_neighs *neighs = page->source->workers->resolver_shared.neighs;

	for (uint64_t i = page->from; neighs && i < EG_NEIGH_MAX; i++) {
		char text[EG_IP_TEXT];
		struct eg_neigh_key key;
		struct json_object *row;
		struct eg_ip ip;
		uint64_t mac;

		if (!eg_neigh_read(neighs, (uint32_t)i, &key, &mac))
			continue;
		row = eg_page_row_at(page, i);
		if (!row)
			return;
		ip = eg_ip_from((unsigned)(key.word[2] >> 8), key.word);
		eg_json_text(row, "port", ctl->config->ports.v[key.word[2] & 0xff].name);
		eg_json_text(row, "address", eg_ip_print(&ip, text));
		eg_json_text(row, "mac", mac ? print_mac((const uint8_t *)&mac, text) : NULL);
	}
}
