/* Known packets on their way out: the headers that they leave with, and sealing. */
#include "path/known_out.h"

#include "net/bytes.h"
#include "net/checksum.h"
#include "path/drop.h"
#include "path/known_header.h"
#include "path/outer.h"
#include "path/stages.h"
#include "path/template.h"

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

_Static_assert(EG_KNOWN_FRONT >= EG_TEMPLATE_FRONT + EG_ESP_LEN + EG_SUITE_IV_MAX, "all headers");
_Static_assert(EG_KNOWN_BACK >= TRAILER_BYTES + EG_SUITE_ICV_MAX, "trailer and ICV");

/* Sequence numbers and IVs for consecutive packets of one tunnel: one reservation. */
struct grant {
	const struct eg_template *template;
	struct eg_sa_grant numbers;
	unsigned used;
	uint64_t bytes; /* of the packets that used them */
};

static void decrement_ttl(uint8_t *ip, bool v4)
{
	if (v4)
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
static bool write_link(struct eg_path *path, struct rte_mbuf *m, const struct eg_seen *seen)
{
	const struct eg_cache_entry *entry = seen->entry;
	const struct eg_path_port *port = &path->port[entry->port];
	unsigned link_len = EG_ETH_LEN + (port->vlan ? EG_VLAN_LEN : 0);
	uint8_t *frame = seen->ip - link_len;
	uint64_t mac = 0;

	if (entry->kind == EG_CACHED_MAC)
		memcpy(&mac, entry->to.mac, 6);
	else
		mac = neighbor_mac(path, entry);
	if (!mac)
		return false;
	decrement_ttl(seen->ip, seen->v4);
	memcpy(frame, &mac, 6);
	memcpy(frame + 6, port->mac, 6);
	if (port->vlan) {
		eg_put16(frame + 12, EG_ETHERTYPE_VLAN);
		eg_put16(frame + 14, port->vlan);
	}
	eg_put16(seen->ip - 2, seen->v4 ? EG_ETHERTYPE_IP4 : EG_ETHERTYPE_IP6);
	eg_mbuf_clear_flags(m);
	m->data_off = (uint16_t)(frame - (uint8_t *)m->buf_addr);
	m->data_len = (uint16_t)(seen->len + link_len);
	m->pkt_len = m->data_len;
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

static bool is_into_tunnel(const struct eg_seen *seen)
{
	return seen->entry && seen->entry->kind == EG_CACHED_TUNNEL;
}

/* How many packets from i on, without a gap, go into the same tunnel. */
static unsigned run_length(const struct eg_seen *seen, unsigned i, unsigned n)
{
	uint32_t tunnel = seen[i].entry->to.tunnel;
	unsigned from = i;

	for (i++; i < n; i++) {
		if (!is_into_tunnel(&seen[i]) || seen[i].entry->to.tunnel != tunnel)
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
	grant->numbers = eg_sa_reserve(template->sa, run_length(path->known.seen, i, path->batch.n),
				       eg_path_wall_ns(path));
	return grant->numbers.n;
}

/* The outer headers, up to the ESP header at `esp`. Returns where the frame starts. */
static uint8_t *write_front(uint8_t *esp, const struct eg_template *template,
			    const struct eg_seen *seen, uint32_t outer_len, uint16_t id)
{
	uint8_t *udp = esp - template->udp_len, *ip = udp - template->ip_len;
	struct eg_pkt flow;
	uint16_t df = 0;

	memcpy(esp - EG_TEMPLATE_FRONT, template->front, EG_TEMPLATE_FRONT);
	if (seen->v4)
		df = eg_get16(seen->ip + offsetof(struct eg_ip4, frag_be)) & EG_IP4_DF;
	else
		df = EG_IP4_DF;
	df = (df & template->df_copied) | template->df_set;
	if (template->ip_len == EG_IP4_LEN)
		eg_known_patch4(ip, template->sum, eg_known_tos(seen->ip), outer_len, id, df);
	else
		eg_known_patch6(ip, eg_known_tos(seen->ip), outer_len);
	if (__builtin_expect(template->udp_len != 0, 0)) {
		eg_put16(udp + offsetof(struct eg_udp, len_be),
			 (uint16_t)(outer_len - template->ip_len));
		if (template->n_sports > 1) {
			flow = eg_known_flow(seen->ip);
			eg_put16(udp, eg_outer_sport(template->n_sports, &flow, seen->ip));
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
static bool encapsulate(struct eg_path *path, struct grant *grant, unsigned i, unsigned k)
{
	const struct eg_seen *seen = &path->known.seen[i];
	const struct eg_template *template = &path->cache->template[seen->entry->to.tunnel];
	unsigned align = template->sizes.align, iv_len = template->sizes.iv;
	uint8_t *ip = seen->ip, *esp = ip - iv_len - EG_ESP_LEN, *frame;
	struct rte_mbuf *m = path->batch.m[i];
	uint32_t text_len, outer_len;
	uint64_t seq;

	if (!take_number(path, grant, template, i) ||
	    !write_iv(path, esp + EG_ESP_LEN, template, grant->numbers.iv + grant->used))
		return false;
	seq = grant->numbers.seq + grant->used++;
	grant->bytes += seen->len;
	text_len = (seen->len + EG_ESP_TRAILER + align - 1u) & -align;
	memcpy(ip + seen->len, trailers[!seen->v4][text_len - seen->len - EG_ESP_TRAILER],
	       align <= 4 ? 8 : TRAILER_BYTES);
	outer_len = template->ip_len + template->udp_len + EG_ESP_LEN + iv_len + text_len +
		    template->sizes.icv;
	frame = write_front(esp, template, seen, outer_len, (uint16_t)seq);
	eg_put64(esp, (uint64_t)be32toh(template->sa->spi_be) << 32 | (uint32_t)seq);
	decrement_ttl(ip, seen->v4);
	make_op(path, k, template, seq, esp, text_len);
	eg_mbuf_clear_flags(m);
	m->data_off = (uint16_t)(frame - (uint8_t *)m->buf_addr);
	m->data_len = (uint16_t)(outer_len + template->link_len);
	m->pkt_len = m->data_len;
	return true;
}

/* May a packet of that length go into the tunnel as it is? Fetches the SA. */
static bool can_encapsulate(const struct eg_path *path, uint32_t tunnel, uint16_t len)
{
	const struct eg_template *template = &path->cache->template[tunnel];

	/* The neighbour last: it counts as used then. */
	if (!eg_template_is_valid(template, path->tunnels, tunnel, path->world->generation) ||
	    len > template->mtu || eg_link_is_down(path, template->port) ||
	    !eg_template_has_mac(template, path->resolver_shared.neighs))
		return false;
	eg_sa_prefetch(template->sa);
	eg_crypto_key_prefetch(path->crypto, template->key, template->suite, len);
	return true;
}

/* May it leave by its clear port as it is? */
static bool can_leave(const struct eg_path *path, const struct eg_cache_entry *entry, uint16_t len)
{
	return len <= path->port[entry->port].mtu && !eg_link_is_down(path, entry->port) &&
	       (entry->kind == EG_CACHED_MAC || neighbor_mac(path, entry));
}

/* Packet i must take the full path, and so must those of its connection behind it. */
static void refuse(struct eg_path *path, unsigned i)
{
	struct eg_seen *seen = path->known.seen;
	struct eg_cache_entry *refused = seen[i].entry;

	eg_cache_invalidate(refused);
	for (; i < path->batch.n; i++) {
		if (seen[i].entry == refused)
			seen[i].entry = NULL;
	}
}

/* Before any number is reserved: what is left then has headers to be written. */
static void check(struct eg_path *path)
{
	for (unsigned i = 0; i < path->batch.n; i++) {
		const struct eg_seen *seen = &path->known.seen[i];
		const struct eg_cache_entry *entry = seen->entry;

		if (entry && !(entry->kind == EG_CACHED_TUNNEL
				       ? can_encapsulate(path, entry->to.tunnel, seen->len)
				       : can_leave(path, entry, seen->len)))
			refuse(path, i);
	}
}

void eg_known_write_headers(struct eg_path *path)
{
	struct eg_batch *batch = &path->batch;
	struct eg_known *known = &path->known;
	unsigned n = 0, others = 0, sealing = 0;
	struct grant grant = {0};
	uint64_t into_tunnel = 0;
	uint8_t ports = 0;

	check(path);
	for (unsigned i = 0; i < batch->n; i++) {
		const struct eg_seen *seen = &known->seen[i];
		bool into = is_into_tunnel(seen);

		if (!seen->entry || !(into ? encapsulate(path, &grant, i, sealing)
					   : write_link(path, batch->m[i], seen))) {
			batch->m[others] = batch->m[i];
			batch->meta[others++] = batch->meta[i];
			continue;
		}
		into_tunnel |= (uint64_t)into << n;
		sealing += into;
		known->m[n] = batch->m[i];
		known->port[n] = into ? path->cache->template[seen->entry->to.tunnel].port
				      : seen->entry->port;
		ports |= known->port[n++] ^ known->port[0];
	}
	settle(&grant);
	known->n = n;
	known->sealing = into_tunnel;
	known->one_port = !ports;
	batch->n = others;
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
