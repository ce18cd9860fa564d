#include "path/known.h"

#include "net/bytes.h"
#include "net/checksum.h"
#include "net/partial_checksum.h"
#include "path/drop.h"
#include "path/known_header.h"
#include "path/outer.h"
#include "path/path.h"
#include "path/stages.h"
#include "path/template.h"

_Static_assert(EG_BATCH_MAX == 64, "a bit per packet");

#define AHEAD 4

/* Bytes behind the text that are written with its trailer. */
#define TRAILER_BYTES 32

/* Padding, pad length and next header (RFC 4303 s2.4), by length of the padding. */
#define TRAILER(next)                                                                              \
	{                                                                                          \
		{0, next}, {1, 1, next}, {1, 2, 2, next}, {1, 2, 3, 3, next},                      \
			{1, 2, 3, 4, 4, next}, {1, 2, 3, 4, 5, 5, next},                           \
			{1, 2, 3, 4, 5, 6, 6, next}, {1, 2, 3, 4, 5, 6, 7, 7, next},               \
			{1, 2, 3, 4, 5, 6, 7, 8, 8, next}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 9, next},   \
			{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, next},                                 \
			{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 11, next},                             \
			{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 12, next},                         \
			{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 13, next},                     \
			{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 14, next},                 \
			{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 15, next},             \
	}

static const uint8_t trailers[2][16][TRAILER_BYTES] = {TRAILER(EG_PROTO_IP4),
						       TRAILER(EG_PROTO_IP6)};

/* Sequence numbers and IVs for consecutive packets of one tunnel: one reservation. */
struct grant {
	const struct eg_template *template;
	struct eg_sa_grant numbers;
	unsigned used;
	uint64_t bytes; /* of the packets that used them */
};

/* How a burst came in. */
struct input {
	unsigned off;  /* of the IP header in the data */
	unsigned port; /* clear port, or EG_NO_PORT */
	uint32_t from; /* tunnel, or EG_TUNNEL_NONE */
	/* Ends with a packet in the burst whose connection is not visible: eg_known_pair_bit(). */
	uint64_t hidden;
};

/* What is known of a packet while it is given its headers. */
struct packet {
	struct rte_mbuf *m;
	uint8_t *ip;
	uint16_t len;
	unsigned version;
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

/* Find the entry that may be the packet's: by the time it is used, its line is here. NULL: the
 * cache does not know such packets. *ordinary: path/known_header.h. */
static struct eg_cache_entry *look_up(const struct eg_cache *cache, const struct rte_mbuf *m,
				      struct input *input, bool *ordinary)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, input->off);
	uint32_t len = m->data_len - input->off;
	struct eg_cache_entry *entry;
	uint64_t addr[4], hash;

	if (__builtin_expect(eg_known_hides_ports(ip), 0)) {
		input->hidden |= eg_known_pair_bit(ip);
		return NULL;
	}
	if (__builtin_expect(input->hidden != 0, 0) && input->hidden & eg_known_pair_bit(ip))
		return NULL;
	if (ip[0] >> 4 == 4) {
		if (!eg_known_has_ports(ip[9]))
			return NULL;
		*ordinary = eg_known_is_ordinary4(ip, len,
						  input->port != EG_NO_PORT && eg_is_summed(m));
		memcpy(addr, ip + offsetof(struct eg_ip4, src), 8);
		hash = eg_cache_hash4(cache, addr[0], eg_known_ports(ip + EG_IP4_LEN),
				      eg_cache_input(ip[9], 4, input->port));
	} else {
		if (!eg_known_has_ports(ip[6]))
			return NULL;
		*ordinary = eg_known_is_ordinary6(ip, len);
		memcpy(addr, ip + offsetof(struct eg_ip6, src), 32);
		hash = eg_cache_hash6(cache, addr, eg_known_ports(ip + EG_IP6_LEN),
				      eg_cache_input(ip[6], 6, input->port));
	}
	entry = eg_cache_find(cache, hash);
	__builtin_prefetch(entry);
	return entry;
}

/* Is it the packet's? */
static bool has_key(const struct eg_cache_entry *entry, const uint8_t *ip,
		    const struct input *input)
{
	bool v4 = ip[0] >> 4 == 4;
	uint64_t addr[4] = {0};

	if (v4)
		memcpy(addr, ip + offsetof(struct eg_ip4, src), 8);
	else
		memcpy(addr, ip + offsetof(struct eg_ip6, src), 32);
	return !((addr[0] ^ entry->addr[0]) | (addr[1] ^ entry->addr[1]) |
		 (addr[2] ^ entry->addr[2]) | (addr[3] ^ entry->addr[3]) |
		 (eg_known_ports(ip + (v4 ? EG_IP4_LEN : EG_IP6_LEN)) ^ entry->ports) |
		 (eg_cache_input(v4 ? ip[9] : ip[6], v4 ? 4 : 6, input->port) ^ entry->input) |
		 (input->from ^ entry->from));
}

/* Is the entry valid for the packet? If not although it is the packet's, the connection's next
 * packets take the full path too, behind this one, until that has stored it again. */
static bool is_valid(const struct eg_cache *cache, struct eg_cache_entry *entry, const uint8_t *ip,
		     const struct input *input, bool ordinary)
{
	if (!has_key(entry, ip, input) || !eg_cache_is_current(cache, entry))
		return false;
	if (ordinary && (!entry->tracked || eg_known_is_near(ip, entry->next_seq)))
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

static void decrement_ttl(uint8_t *ip, unsigned version)
{
	if (version == 4)
		eg_ip4_decrement_ttl((struct eg_ip4 *)ip);
	else
		((struct eg_ip6 *)ip)->hops--;
}

/* The MAC of the neighbour that the entry refers to, as it is in memory; 0: it has another one now.
 * The neighbour counts as used. */
static uint64_t neighbor_mac(const struct eg_path *path, const struct eg_cache_entry *entry)
{
	struct eg_neighs *neighs = path->resolver_shared.neighs;
	/* Before its sequence number: if that is still the same, so was the MAC. */
	uint64_t mac = atomic_load_explicit(&neighs->entry[entry->to.neigh.entry].mac,
					    memory_order_acquire);

	return eg_neigh_reference_valid(neighs, entry->to.neigh.entry, entry->to.neigh.seq) ? mac
											    : 0;
}

/* It leaves in clear. */
static bool write_link(struct eg_path *path, const struct packet *packet,
		       const struct eg_cache_entry *entry)
{
	const struct eg_path_port *port = &path->port[entry->port];
	unsigned link_len = EG_ETH_LEN + (port->vlan ? EG_VLAN_LEN : 0);
	uint8_t *frame = packet->ip - link_len;
	uint64_t mac = 0;

	if (entry->kind == EG_CACHED_MAC)
		memcpy(&mac, entry->to.mac, 6);
	else
		mac = neighbor_mac(path, entry);
	if (!mac)
		return false;
	decrement_ttl(packet->ip, packet->version);
	memcpy(frame, &mac, 6);
	memcpy(frame + 6, port->mac, 6);
	if (port->vlan) {
		eg_put16(frame + 12, EG_ETHERTYPE_VLAN);
		eg_put16(frame + 14, port->vlan);
	}
	eg_put16(packet->ip - 2, packet->version == 4 ? EG_ETHERTYPE_IP4 : EG_ETHERTYPE_IP6);
	eg_mbuf_clear_flags(packet->m);
	packet->m->data_off = (uint16_t)(frame - (uint8_t *)packet->m->buf_addr);
	packet->m->data_len = (uint16_t)(packet->len + link_len);
	packet->m->pkt_len = packet->m->data_len;
	return true;
}

static void settle(struct grant *grant)
{
	if (grant->used)
		eg_sa_count(grant->template->sa, grant->used, grant->bytes);
	grant->used = 0;
	grant->numbers.n = 0;
	grant->bytes = 0;
}

/* How many packets from i on, without a gap, go into the same tunnel. */
static unsigned run_length(const struct eg_known *known, unsigned i, unsigned n)
{
	unsigned from = i;

	for (i++; i < n; i++) {
		if (!known->entry[i] || known->entry[i]->kind != EG_CACHED_TUNNEL ||
		    known->entry[i]->to.tunnel != known->entry[from]->to.tunnel)
			break;
	}
	return i - from;
}

/* The numbers of packet i. False if the SA has none left: the full path will say why. */
static bool take_number(struct eg_path *path, struct grant *grant,
			const struct eg_template *template, unsigned i)
{
	if (grant->template == template && grant->used < grant->numbers.n)
		return true;
	settle(grant);
	grant->template = template;
	grant->numbers = eg_sa_reserve(template->sa, run_length(&path->known, i, path->batch.n),
				       eg_path_wall_ns(path));
	return grant->numbers.n;
}

/* The outer headers, up to the ESP header at `esp`. Returns where the frame starts. */
static uint8_t *write_front(uint8_t *esp, const struct eg_template *template,
			    const struct packet *packet, uint32_t outer_len, uint16_t id)
{
	uint8_t *udp = esp - template->udp_len, *ip = udp - template->ip_len;
	struct eg_pkt flow;
	uint16_t df = 0;

	memcpy(esp - EG_TEMPLATE_FRONT, template->front, EG_TEMPLATE_FRONT);
	if (packet->version == 4)
		df = eg_get16(packet->ip + offsetof(struct eg_ip4, frag_be)) & EG_IP4_DF;
	else
		df = EG_IP4_DF;
	df = (df & template->df_copied) | template->df_set;
	if (template->ip_len == EG_IP4_LEN)
		eg_known_patch4(ip, template->sum, eg_known_tos(packet->ip), outer_len, id, df);
	else
		eg_known_patch6(ip, eg_known_tos(packet->ip), outer_len);
	if (__builtin_expect(template->udp_len != 0, 0)) {
		eg_put16(udp + offsetof(struct eg_udp, len_be),
			 (uint16_t)(outer_len - template->ip_len));
		if (template->n_sports > 1) {
			flow = eg_known_flow(packet->ip);
			eg_put16(udp, eg_outer_sport(template->n_sports, &flow, packet->ip));
		}
	}
	return ip - template->link_len;
}

static bool write_iv(struct eg_path *path, uint8_t *at, const struct eg_template *template,
		     uint64_t clock)
{
	if (template->iv_kind == EG_IV_CLOCK)
		eg_put64(at, clock);
	else if (template->iv_kind == EG_IV_RANDOM)
		return eg_crypto_random_iv(path->crypto, at);
	return true;
}

/* The associated data where it is not the ESP header, and the IV where it is not in the packet. */
static void make_op(struct eg_path *path, unsigned k, const struct eg_template *template,
		    uint64_t seq, uint8_t *esp, uint32_t text_len)
{
	uint8_t *text = esp + EG_ESP_LEN + template->sizes.iv, *aad = path->esp.aad[k];
	struct eg_crypto_op *op = &path->esp.op[k];

	*op = (struct eg_crypto_op){
		.key = template->key,
		.text = text,
		.text_len = text_len,
		.aad = esp,
		.aad_len = EG_ESP_LEN,
		.iv = esp + EG_ESP_LEN,
		.icv = text + text_len,
	};
	if (__builtin_expect(template->esn || template->iv_kind == EG_IV_SEQ, 0)) {
		memcpy(aad, esp, 4);
		eg_put64(aad + 4, seq);
		if (template->esn) {
			op->aad = aad;
			op->aad_len = 12;
		}
		if (template->iv_kind == EG_IV_SEQ)
			op->iv = aad + 4;
	}
}

/* Packet i goes into its tunnel, as the k-th of the known ones that do. */
static bool encapsulate(struct eg_path *path, struct grant *grant, const struct packet *packet,
			unsigned i, unsigned k)
{
	uint32_t tunnel = path->known.entry[i]->to.tunnel;
	const struct eg_template *template = &path->cache->template[tunnel];
	unsigned align = template->sizes.align, iv_len = template->sizes.iv;
	uint8_t *ip = packet->ip, *esp = ip - iv_len - EG_ESP_LEN, *frame;
	struct rte_mbuf *m = packet->m;
	uint32_t text_len, outer_len;
	uint64_t seq;

	if (!take_number(path, grant, template, i))
		return false;
	text_len = (packet->len + EG_ESP_TRAILER + align - 1u) & -align;
	if (!write_iv(path, esp + EG_ESP_LEN, template, grant->numbers.iv + grant->used))
		return false;
	seq = grant->numbers.seq + grant->used++;
	grant->bytes += packet->len;
	memcpy(ip + packet->len,
	       trailers[packet->version == 6][text_len - packet->len - EG_ESP_TRAILER],
	       align <= 4 ? 8 : TRAILER_BYTES);
	outer_len = template->ip_len + template->udp_len + EG_ESP_LEN + iv_len + text_len +
		    template->sizes.icv;
	frame = write_front(esp, template, packet, outer_len, (uint16_t)seq);
	eg_put64(esp, (uint64_t)be32toh(template->sa->spi_be) << 32 | (uint32_t)seq);
	decrement_ttl(ip, packet->version);
	make_op(path, k, template, seq, esp, text_len);
	eg_mbuf_clear_flags(m);
	m->data_off = (uint16_t)(frame - (uint8_t *)m->buf_addr);
	m->data_len = (uint16_t)(outer_len + template->link_len);
	m->pkt_len = m->data_len;
	return true;
}

/* May it go into its tunnel as it is? Fetches the SA. */
static bool can_encapsulate(struct eg_path *path, const struct packet *packet, uint32_t tunnel)
{
	const struct eg_template *template = &path->cache->template[tunnel];
	const uint8_t *start = packet->m->buf_addr;

	if (!eg_template_is_valid(template, path->tunnels, tunnel, path->world->generation) ||
	    !eg_template_has_mac(template, path->resolver_shared.neighs) ||
	    packet->len > template->mtu || eg_link_is_down(path, template->port) ||
	    packet->ip - template->sizes.iv - EG_ESP_LEN < start + EG_TEMPLATE_FRONT ||
	    packet->ip + packet->len + TRAILER_BYTES + template->sizes.icv >
		    start + packet->m->buf_len)
		return false;
	eg_sa_prefetch(template->sa);
	eg_crypto_key_prefetch(path->crypto, template->key, template->suite, packet->len);
	return true;
}

/* May it leave by its clear port as it is? */
static bool can_leave(const struct eg_path *path, const struct packet *packet,
		      const struct eg_cache_entry *entry)
{
	unsigned link_len = EG_ETH_LEN + (path->port[entry->port].vlan ? EG_VLAN_LEN : 0);

	return packet->len <= path->port[entry->port].mtu && !eg_link_is_down(path, entry->port) &&
	       packet->ip >= (uint8_t *)packet->m->buf_addr + link_len &&
	       (entry->kind == EG_CACHED_MAC || neighbor_mac(path, entry));
}

static struct packet packet_at(const struct eg_path *path, unsigned i, unsigned off)
{
	struct rte_mbuf *m = path->batch.m[i];
	uint8_t *ip = rte_pktmbuf_mtod_offset(m, uint8_t *, off);

	return (struct packet){m, ip, eg_known_len(ip), ip[0] >> 4};
}

/* Packet i must take the full path, and so must those of its connection behind it. */
static void refuse(struct eg_path *path, unsigned i)
{
	struct eg_cache_entry **entry = path->known.entry, *refused = entry[i];

	eg_cache_invalidate(refused);
	for (; i < path->batch.n; i++) {
		if (entry[i] == refused)
			entry[i] = NULL;
	}
}

/* Before any number is reserved: what is left then has headers to be written. */
static void check(struct eg_path *path, unsigned off)
{
	for (unsigned i = 0; i < path->batch.n; i++) {
		const struct eg_cache_entry *entry = path->known.entry[i];
		struct packet packet;

		if (!entry)
			continue;
		packet = packet_at(path, i, off);
		if (!(entry->kind == EG_CACHED_TUNNEL
			      ? can_encapsulate(path, &packet, entry->to.tunnel)
			      : can_leave(path, &packet, entry)))
			refuse(path, i);
	}
}

/* Give the packets that have an entry their headers, and take them out of the batch. off: of the IP
 * header in the data. */
static void forward(struct eg_path *path, unsigned off)
{
	struct eg_batch *batch = &path->batch;
	struct eg_known *known = &path->known;
	struct grant grant = {0};
	unsigned others = 0, sealing = 0;
	uint8_t ports = 0;

	check(path, off);
	known->n = 0;
	known->sealing = 0;
	for (unsigned i = 0; i < batch->n; i++) {
		const struct eg_cache_entry *entry = known->entry[i];
		bool into = entry && entry->kind == EG_CACHED_TUNNEL;
		struct packet packet = packet_at(path, i, off);

		if (!entry || !(into ? encapsulate(path, &grant, &packet, i, sealing)
				     : write_link(path, &packet, entry))) {
			batch->m[others] = batch->m[i];
			batch->meta[others++] = batch->meta[i];
			continue;
		}
		known->sealing |= (uint64_t)into << known->n;
		sealing += into;
		known->m[known->n] = packet.m;
		known->port[known->n] =
			into ? path->cache->template[entry->to.tunnel].port : entry->port;
		ports |= known->port[known->n] ^ known->port[0];
		known->n++;
	}
	settle(&grant);
	known->one_port = !ports;
	batch->n = others;
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
	struct input input = {EG_ETH_LEN, port, EG_TUNNEL_NONE, 0};
	const struct eg_path_port *in = &path->port[port];
	struct eg_known *known = &path->known;
	struct eg_batch *batch = &path->batch;
	bool ordinary[EG_BATCH_MAX];

	sync(path);
	for (unsigned i = 0; i < batch->n && i < AHEAD; i++)
		rte_prefetch0(rte_pktmbuf_mtod(batch->m[i], void *));
	for (unsigned i = 0; i < batch->n; i++) {
		if (i + AHEAD < batch->n)
			rte_prefetch0(rte_pktmbuf_mtod(batch->m[i + AHEAD], void *));
		known->entry[i] = eg_known_is_frame_for(in, batch->m[i])
					  ? look_up(path->cache, batch->m[i], &input, &ordinary[i])
					  : NULL;
	}
	for (unsigned i = 0; i < batch->n; i++) {
		uint8_t *ip = rte_pktmbuf_mtod_offset(batch->m[i], uint8_t *, EG_ETH_LEN);

		if (!known->entry[i])
			continue;
		if (!is_valid(path->cache, known->entry[i], ip, &input, ordinary[i])) {
			known->entry[i] = NULL;
			continue;
		}
		prefetch(path, known->entry[i]);
		complete(in, batch->m[i], ip);
	}
	forward(path, EG_ETH_LEN);
}

void eg_known_opened(struct eg_path *path)
{
	struct input input = {0, EG_NO_PORT, EG_TUNNEL_NONE, 0};
	struct eg_known *known = &path->known;
	struct eg_batch *batch = &path->batch;
	bool ordinary[EG_BATCH_MAX];

	sync(path);
	for (unsigned i = 0; i < batch->n; i++)
		known->entry[i] = eg_known_is_readable(batch->m[i])
					  ? look_up(path->cache, batch->m[i], &input, &ordinary[i])
					  : NULL;
	for (unsigned i = 0; i < batch->n; i++) {
		const struct eg_meta *meta = &batch->meta[i];
		const uint8_t *ip = rte_pktmbuf_mtod(batch->m[i], const uint8_t *);

		if (!known->entry[i])
			continue;
		input.from = meta->from_tunnel->id;
		ordinary[i] &= eg_known_keeps_ecn(eg_known_tos(ip), meta->outer_tos);
		if (is_valid(path->cache, known->entry[i], ip, &input, ordinary[i]))
			prefetch(path, known->entry[i]);
		else
			known->entry[i] = NULL;
	}
	forward(path, 0);
}

void eg_known_seal(struct eg_path *path)
{
	struct eg_known *known = &path->known;
	uint64_t sealing = known->sealing;
	unsigned n = (unsigned)__builtin_popcountll(sealing), kept = 0;
	uint64_t failed = 0;

	if (!n)
		return;
	eg_crypto_seal(path->crypto, path->esp.op, n);
	for (unsigned k = 0; k < n; k++, sealing &= sealing - 1)
		failed |= path->esp.op[k].ok ? 0 : sealing & -sealing;
	if (__builtin_expect(!failed, 1))
		return;
	for (unsigned k = 0; k < known->n; k++) {
		if (failed >> k & 1) {
			eg_drop_mbuf(path, known->m[k], EG_DROP_CRYPTO_FAILED);
			continue;
		}
		known->m[kept] = known->m[k];
		known->port[kept] = known->port[k];
		known->sealing &= ~(1ull << kept);
		known->sealing |= (known->sealing >> k & 1) << kept;
		kept++;
	}
	known->n = kept;
}
