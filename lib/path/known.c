/* Known packets are found: passes over the burst, so that memory for one pass is fetched during the
 * one before. */
#include "path/known.h"

#include "net/partial_checksum.h"
#include "path/known_header.h"
#include "path/known_out.h"
#include "path/stages.h"
#include "path/template.h"

_Static_assert(EG_BATCH_MAX == EG_KNOWN_MAX && EG_KNOWN_MAX == 64, "a bit per packet");

#define AHEAD 4

/* How a burst came in. */
struct input {
	unsigned port; /* clear port, or EG_NO_PORT */
	/* Ends with a packet in the burst whose connection is not visible: eg_known_pair_bit(). */
	uint64_t hidden;
};

static void sync(struct eg_path *path)
{
	const struct eg_cache_state state = {
		.world = path->world->generation,
		.policy = path->policy ? path->policy->generation : 0,
		.second = (uint32_t)(path->now.cycles / path->cycles_per_s),
		.liveness = atomic_load_explicit(&path->tunnels->liveness_changes,
						 memory_order_acquire),
	};

	eg_cache_sync(path->cache, &state);
}

/* Is there room for the headers of any tunnel, trailer and ICV, and is it not too long for its
 * buffer? */
static bool has_room(const struct rte_mbuf *m, const uint8_t *ip, uint32_t len)
{
	uint32_t at = (uint32_t)(ip - (const uint8_t *)m->buf_addr);

	return (at >= EG_KNOWN_FRONT) & (at + len + EG_KNOWN_BACK <= m->buf_len);
}

/* The first pass, for one packet whose IP header is at ip. *seen without a hash: the cache does not
 * know such packets. */
static inline void look(const struct eg_path *path, const struct rte_mbuf *m, uint8_t *ip,
			uint32_t room, struct input *input, struct eg_seen *seen)
{
	const struct eg_cache *cache = path->cache;
	bool v4 = ip[0] >> 4 == 4;
	unsigned head = v4 ? EG_IP4_LEN : EG_IP6_LEN, proto = v4 ? ip[9] : ip[6];
	const uint8_t *tcp;
	uint64_t addr[4];

	seen->hash = 0;
	seen->entry = NULL;
	if (room < head + EG_UDP_LEN) /* nothing behind the packet's bytes is read */
		return;
	if (__builtin_expect(eg_known_hides_ports(ip), 0)) {
		input->hidden |= eg_known_pair_bit(ip);
		return;
	}
	if (__builtin_expect(input->hidden != 0, 0) && input->hidden & eg_known_pair_bit(ip))
		return;
	tcp = eg_known_tcp(ip + head, proto, room - head);
	if (!eg_known_has_ports(proto) || !tcp)
		return;
	seen->v4 = v4;
	seen->ip = ip;
	seen->len = eg_known_len(ip);
	seen->ports = eg_known_ports(ip + head);
	seen->seq_end = eg_known_seq_end(tcp, (uint32_t)seen->len - head);
	seen->input = eg_cache_input(proto, v4 ? 4 : 6, input->port);
	if (v4) {
		seen->ordinary = eg_known_is_ordinary4(
			ip, tcp, room, input->port != EG_NO_PORT && eg_is_summed(m));
		memcpy(&seen->addr, ip + offsetof(struct eg_ip4, src), 8);
		seen->hash = eg_cache_hash4(cache, seen->addr, seen->ports, seen->input) | 1;
	} else {
		seen->ordinary = eg_known_is_ordinary6(ip, tcp, room);
		memcpy(addr, ip + offsetof(struct eg_ip6, src), 32);
		seen->addr = addr[0];
		seen->hash = eg_cache_hash6(cache, addr, seen->ports, seen->input) | 1;
	}
	seen->ordinary &= has_room(m, ip, seen->len);
	eg_cache_prefetch(cache, seen->hash);
}

/* Is the entry the packet's? */
static bool has_key(const struct eg_cache_entry *entry, const struct eg_seen *seen, uint32_t from)
{
	uint64_t addr[4] = {seen->addr};

	if (!seen->v4)
		memcpy(addr, seen->ip + offsetof(struct eg_ip6, src), 32);
	return !((addr[0] ^ entry->addr[0]) | (addr[1] ^ entry->addr[1]) |
		 (addr[2] ^ entry->addr[2]) | (addr[3] ^ entry->addr[3]) |
		 (seen->ports ^ entry->ports) | (seen->input ^ entry->input) |
		 (from ^ entry->from));
}

/* Is the entry valid for the packet? If not although it is the packet's, the connection's next
 * packets take the full path too, behind this one, until that has stored it again. */
static bool is_valid(const struct eg_cache *cache, struct eg_cache_entry *entry,
		     const struct eg_seen *seen, uint32_t from)
{
	bool near = eg_tcp_near(seen->seq_end, entry->next_seq, EG_TCP_STEP);

	if (!has_key(entry, seen, from) || !eg_cache_is_current(cache, entry))
		return false;
	if (seen->ordinary & (!entry->tracked | near)) /* no branch: TCP and UDP mix */
		return true;
	eg_cache_invalidate(entry);
	return false;
}

/* Fetch what the headers of a packet are made from. */
static void prefetch(const struct eg_path *path, const struct eg_cache_entry *entry)
{
	if (entry->kind == EG_CACHED_TUNNEL) {
		__builtin_prefetch(&path->cache->template[entry->to.tunnel]);
		__builtin_prefetch(&path->cache->template[entry->to.tunnel].sa);
		__builtin_prefetch(&path->tunnels->slot[entry->to.tunnel]);
	} else if (entry->kind == EG_CACHED_NEIGH) {
		__builtin_prefetch(&path->resolver_shared.neighs->entry[entry->to.neigh.entry]);
	}
}

/* The second pass: the entry that may be the packet's. */
static void find(struct eg_path *path)
{
	for (unsigned i = 0; i < path->batch.n; i++) {
		struct eg_seen *seen = &path->known.seen[i];

		if (!seen->hash)
			continue;
		seen->entry = eg_cache_find(path->cache, seen->hash);
		__builtin_prefetch(seen->entry);
	}
}

/* The third pass, for one packet: is it? */
static void match(const struct eg_path *path, struct eg_seen *seen, uint32_t from)
{
	if (is_valid(path->cache, seen->entry, seen, from))
		prefetch(path, seen->entry);
	else
		seen->entry = NULL;
}

/* A checksum that a sender left to a device is completed, as parse does it. */
static void complete(const struct eg_path_port *port, const struct rte_mbuf *m, uint8_t *ip)
{
	bool flagged = (m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_NONE;
	struct eg_pkt pkt;

	if (__builtin_expect(!flagged && !port->partial, 1))
		return;
	pkt = eg_known_flow(ip);
	if (flagged || eg_checksum_is_partial(ip, &pkt))
		eg_checksum_complete(ip, &pkt);
}

void eg_known_plain(struct eg_path *path, unsigned port)
{
	const struct eg_path_port *in = &path->port[port];
	struct eg_known *known = &path->known;
	struct eg_batch *batch = &path->batch;
	struct input input = {port, 0};

	sync(path);
	for (unsigned i = 0; i < batch->n && i < AHEAD; i++)
		rte_prefetch0(rte_pktmbuf_mtod(batch->m[i], void *));
	for (unsigned i = 0; i < batch->n; i++) {
		struct rte_mbuf *m = batch->m[i];

		if (i + AHEAD < batch->n)
			rte_prefetch0(rte_pktmbuf_mtod(batch->m[i + AHEAD], void *));
		if (eg_known_is_frame_for(in, m))
			look(path, m, rte_pktmbuf_mtod_offset(m, uint8_t *, EG_ETH_LEN),
			     m->data_len - EG_ETH_LEN, &input, &known->seen[i]);
		else
			known->seen[i] = (struct eg_seen){0};
	}
	find(path);
	for (unsigned i = 0; i < batch->n; i++) {
		if (known->seen[i].entry)
			match(path, &known->seen[i], EG_TUNNEL_NONE);
		if (known->seen[i].entry)
			complete(in, batch->m[i], known->seen[i].ip);
	}
	eg_known_write_headers(path);
}

void eg_known_opened(struct eg_path *path)
{
	struct eg_known *known = &path->known;
	struct eg_batch *batch = &path->batch;
	struct input input = {EG_NO_PORT, 0};

	sync(path);
	for (unsigned i = 0; i < batch->n; i++) {
		struct rte_mbuf *m = batch->m[i];

		if (eg_known_is_readable(m))
			look(path, m, rte_pktmbuf_mtod(m, uint8_t *), m->data_len, &input,
			     &known->seen[i]);
		else
			known->seen[i] = (struct eg_seen){0};
	}
	find(path);
	for (unsigned i = 0; i < batch->n; i++) {
		const struct eg_meta *meta = &batch->meta[i];
		struct eg_seen *seen = &known->seen[i];

		if (!seen->entry)
			continue;
		seen->ordinary &= eg_known_keeps_ecn(eg_known_tos(seen->ip), meta->outer_tos);
		match(path, seen, meta->from_tunnel->id);
	}
	eg_known_write_headers(path);
}
