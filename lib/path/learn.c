/* Fills the forwarding cache, when everything about a packet is decided and before it is sealed. */
#include "path/stages.h"

#include "path/cache.h"
#include "path/known_header.h"
#include "path/path.h"
#include "path/template.h"

/* May the cache know packets like this one? Its connection is checked by connection_allows(). */
static bool is_ordinary(const struct eg_meta *meta)
{
	const struct eg_pkt *pkt = &meta->pkt;
	unsigned ip_len = pkt->version == 4 ? EG_IP4_LEN : EG_IP6_LEN;

	return pkt->l4_off == ip_len && !pkt->frag && !meta->local && !meta->kernel && !meta->cut &&
	       !meta->split && !meta->rerouted &&
	       (pkt->proto == EG_PROTO_TCP || pkt->proto == EG_PROTO_UDP);
}

/* Connections are known once policy has allowed them and the table has them. Without policy nothing
 * is tracked. */
static bool connection_allows(const struct eg_path *path, const struct eg_meta *meta,
			      struct eg_cache_entry *entry)
{
	if (!path->policy)
		return true;
	if (meta->need != EG_FLOW_PASS || meta->lookup == EG_NO_LOOKUP)
		return false;
	entry->tracked = meta->pkt.proto == EG_PROTO_TCP;
	return eg_flow_may_cache(path->flow, &path->lookups.v[meta->lookup], &path->lookups.now,
				 &entry->next_seq);
}

/* Out by a clear port. */
static bool learn_hop(struct eg_path *path, const struct eg_meta *meta, const uint8_t *ip,
		      struct eg_cache_entry *entry)
{
	const struct eg_hop *hop = meta->hop;
	struct eg_neigh_key key;
	struct eg_ip next;
	uint64_t mac;

	if (!eg_hop_is_port(hop) || path->port[hop->port].encrypted ||
	    meta->pkt.len > path->port[hop->port].mtu || eg_link_is_down(path, hop->port))
		return false;
	entry->port = hop->port;
	if (hop->kind == EG_HOP_PORT) {
		entry->kind = EG_CACHED_MAC;
		memcpy(entry->to.mac, hop->mac, sizeof(entry->to.mac));
		return true;
	}
	next = hop->kind == EG_HOP_VIA
		       ? path->world->vias[hop->via]
		       : eg_ip_from(meta->pkt.version, eg_ip_dst(ip, meta->pkt.version));
	key = eg_neigh_key_make(hop->port, next.family, next.bytes);
	entry->kind = EG_CACHED_NEIGH;
	entry->to.neigh.entry =
		eg_neigh_reference(path->resolver_shared.neighs, &key, &entry->to.neigh.seq, &mac);
	return entry->to.neigh.entry != EG_NEIGH_NONE;
}

static bool learn_tunnel(struct eg_path *path, const struct eg_meta *meta,
			 struct eg_cache_entry *entry)
{
	entry->kind = EG_CACHED_TUNNEL;
	entry->to.tunnel = meta->tunnel->id;
	entry->grouped = meta->grouped;
	return eg_template_prepare(path, entry->to.tunnel);
}

/* The packet's key; returns its hash. */
static uint64_t make_key(const struct eg_path *path, const struct eg_meta *meta, const uint8_t *ip,
			 struct eg_cache_entry *entry)
{
	unsigned in = meta->from_tunnel ? EG_NO_PORT : meta->port;

	entry->from = meta->from_tunnel ? meta->from_tunnel->id : EG_TUNNEL_NONE;
	entry->input = eg_cache_input(meta->pkt.proto, meta->pkt.version, in);
	entry->ports = eg_known_ports(ip + meta->pkt.l4_off);
	memcpy(entry->addr, eg_ip_src(ip, meta->pkt.version), meta->pkt.version == 4 ? 8 : 32);
	return meta->pkt.version == 4
		       ? eg_cache_hash4(path->cache, entry->addr[0], entry->ports, entry->input)
		       : eg_cache_hash6(path->cache, entry->addr, entry->ports, entry->input);
}

static void learn(struct eg_path *path, unsigned i)
{
	const struct eg_meta *meta = &path->batch.meta[i];
	const uint8_t *ip = eg_batch_data(&path->batch, i);
	struct eg_cache_entry entry = {0};

	if (!is_ordinary(meta) || !connection_allows(path, meta, &entry))
		return;
	if (meta->sa ? !learn_tunnel(path, meta, &entry) : !learn_hop(path, meta, ip, &entry))
		return;
	eg_cache_store(path->cache, make_key(path, meta, ip, &entry), &entry);
}

void eg_learn(struct eg_path *path)
{
	for (unsigned i = 0; i < path->batch.n; i++)
		learn(path, i);
}

/* The key of packets of one end of a connection that come in there. */
static void forget_input(struct eg_cache *cache, const struct eg_lookup *lookup, unsigned side,
			 unsigned port, uint32_t from)
{
	const struct eg_flow_key *key = &lookup->key;
	unsigned bytes = key->version == 4 ? 4 : 16;
	struct eg_cache_entry entry = {.input = eg_cache_input(key->proto, key->version, port),
				       .from = from};
	uint8_t ports[4];
	uint64_t hash;

	memcpy(entry.addr, key->addr[side], bytes);
	memcpy((uint8_t *)entry.addr + bytes, key->addr[!side], bytes);
	eg_put16(ports, key->port[side]);
	eg_put16(ports + 2, key->port[!side]);
	entry.ports = eg_known_ports(ports);
	hash = key->version == 4 ? eg_cache_hash4(cache, entry.addr[0], entry.ports, entry.input)
				 : eg_cache_hash6(cache, entry.addr, entry.ports, entry.input);
	eg_cache_forget(cache, hash, &entry);
}

/* Out of a tunnel in transport mode. */
static void forget_transport(struct eg_path *path, const struct eg_lookup *lookup, unsigned side)
{
	const struct eg_flow_key *key = &lookup->key;
	struct eg_ip remote = eg_ip_from(key->version, (const uint8_t *)key->addr[side]);
	struct eg_ip local = eg_ip_from(key->version, (const uint8_t *)key->addr[!side]);
	const struct eg_tunnel_state *at = NULL;
	const struct eg_tunnel *tunnel;

	while ((tunnel = eg_tunnels_between(path->tunnels, &local, &remote, &at)))
		forget_input(path->cache, lookup, side, EG_NO_PORT, tunnel->id);
}

/* Packets of one end: by every clear port, because they need not come by the one that leads there,
 * or by the tunnels of the peers that have the address (verify.c). */
static void forget_end(struct eg_path *path, const struct eg_lookup *lookup, unsigned side)
{
	const struct eg_hop *hop = eg_snap_route(path->world, lookup->key.version,
						 (const uint8_t *)lookup->key.addr[side]);
	const struct eg_group *group;

	if (hop->kind == EG_HOP_TUNNEL) {
		forget_input(path->cache, lookup, side, EG_NO_PORT, hop->tunnel);
	} else if (hop->kind == EG_HOP_GROUP) {
		group = path->world->groups[hop->group];
		for (uint32_t i = 0; i < group->n; i++)
			forget_input(path->cache, lookup, side, EG_NO_PORT,
				     group->member[i].tunnel);
	} else {
		forget_transport(path, lookup, side);
		for (unsigned port = 0; port < path->n_ports; port++) {
			if (!path->port[port].encrypted)
				forget_input(path->cache, lookup, side, port, EG_TUNNEL_NONE);
		}
	}
}

void eg_forget(struct eg_path *path)
{
	const struct eg_path_lookups *lookups = &path->lookups;

	for (unsigned k = 0; k < lookups->n; k++) {
		const struct eg_lookup *lookup = &lookups->v[k];

		if (__builtin_expect(!lookup->narrowed, 1))
			continue;
		forget_end(path, lookup, 0);
		forget_end(path, lookup, 1);
	}
}
