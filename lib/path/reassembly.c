#include "path/reassembly.h"

#include <rte_cycles.h>

#include "net/bytes.h"
#include "net/checksum.h"
#include "path/drop.h"
#include "path/handoff.h"
#include "path/stages.h"

#define HEAD_MAX 60 /* the longest IPv4 header */
#define CE       3

/* Where the payload begins in a normal buffer. In a large one, which a packet may fill, it begins
 * right behind a header without options. */
#define PAYLOAD_OFF RTE_PKTMBUF_HEADROOM

_Static_assert(PAYLOAD_OFF >= HEAD_MAX + EG_ETH_LEN, "the header stands in the headroom");
_Static_assert(EG_REASSEMBLY_PARTS <= UINT8_MAX, "entry.n is one byte");

/* A fragment. */
struct piece {
	const uint8_t *data;
	struct eg_reassembly_key key;
	uint16_t head, from, to;
	bool more;
	uint8_t tos;
};

static struct piece read_piece(const uint8_t *data, const struct eg_pkt *pkt)
{
	struct piece piece = {
		.data = data,
		.key = {.id = pkt->frag_id, .version = pkt->version},
		.tos = pkt->tos,
	};
	unsigned frag;

	if (pkt->version == 4) {
		const struct eg_ip4 *ip = (const struct eg_ip4 *)data;

		frag = be16toh(ip->frag_be);
		piece.key.proto = pkt->proto;
		memcpy(piece.key.src, ip->src, 4);
		memcpy(piece.key.dst, ip->dst, 4);
		piece.head = (uint16_t)((data[0] & 15u) * 4);
		piece.from = (uint16_t)((frag & EG_IP4_FRAGMASK) * 8);
		piece.more = frag & EG_IP4_MF;
	} else {
		frag = eg_get16(data + EG_IP6_LEN + 2);
		memcpy(piece.key.src, ((const struct eg_ip6 *)data)->src, 16);
		memcpy(piece.key.dst, ((const struct eg_ip6 *)data)->dst, 16);
		piece.head = EG_IP6_LEN + EG_IP6_FRAGMENT_LEN;
		piece.from = frag & 0xfff8;
		piece.more = frag & 1;
	}
	piece.to = (uint16_t)(piece.from + pkt->len - piece.head);
	return piece;
}

/* Is it between a tunnel's ends? IPv6 only with the fragment header first: tunnels send no other
 * extension headers. */
static bool is_from_peer(const struct eg_path *path, const uint8_t *data, const struct eg_pkt *pkt,
			 const struct piece *piece)
{
	const struct eg_ip local = eg_ip_from(pkt->version, piece->key.dst);
	const struct eg_ip remote = eg_ip_from(pkt->version, piece->key.src);
	const struct eg_tunnel_state *at = NULL;

	if (pkt->version == 6 && ((const struct eg_ip6 *)data)->next != EG_PROTO_FRAGMENT)
		return false;
	return eg_tunnels_between(path->tunnels, &local, &remote, &at);
}

/* Parse has checked that it ends within 65,535 bytes. */
static bool is_sound(const struct piece *piece, unsigned len)
{
	unsigned size = len - piece->head;

	return size && (!piece->more || (size % 8 == 0 && size >= EG_REASSEMBLY_LEAST));
}

static uint64_t hash_of(const struct eg_reassembly_key *key, uint64_t seed)
{
	uint64_t word[sizeof(*key) / sizeof(uint64_t)], hash = seed;

	_Static_assert(sizeof(*key) % sizeof(uint64_t) == 0, "no padding");
	memcpy(word, key, sizeof(word));
	for (unsigned i = 0; i < sizeof(*key) / sizeof(uint64_t); i++)
		hash = eg_hash_u64(hash ^ word[i]);
	return hash;
}

static void free_entry(struct eg_reassembly *table, struct eg_reassembly_entry *entry)
{
	table->tag[entry - table->entry] = 0;
	table->n--;
}

/* Drop all fragments of a packet that have arrived. A header is written so that a drop sample shows
 * its addresses. */
static void drop_entry(struct eg_path *path, struct eg_reassembly_entry *entry,
		       enum eg_verdict verdict)
{
	bool v4 = entry->key.version == 4;
	struct eg_meta meta = {
		.port = entry->port,
		.verdict = (uint8_t)verdict,
		.pkt = {.l4_off = v4 ? EG_IP4_LEN : EG_IP6_LEN, .proto = (uint8_t)entry->key.proto},
	};
	uint8_t *data = (uint8_t *)entry->m->buf_addr;

	data[0] = v4 ? 0x45 : 0x60;
	memcpy(data + (v4 ? 12 : 8), entry->key.src, v4 ? 4 : 16);
	memcpy(data + (v4 ? 16 : 24), entry->key.dst, v4 ? 4 : 16);
	entry->m->data_off = 0;
	eg_mbuf_window(entry->m, 0, entry->got);
	eg_count(&path->stats->drop[verdict], entry->n - 1u);
	eg_drop_sampled(path, entry->m, &meta);
	entry->m = NULL;
}

/* Refuse the whole packet: the fragments that have arrived and those that will. */
static enum eg_verdict refuse(struct eg_path *path, struct eg_reassembly_entry *entry,
			      enum eg_verdict verdict)
{
	drop_entry(path, entry, verdict);
	entry->verdict = (uint8_t)verdict;
	return verdict;
}

static struct eg_reassembly_entry *find(struct eg_reassembly *table, uint32_t tag,
					const struct eg_reassembly_key *key)
{
	for (unsigned i = 0; i < EG_REASSEMBLY_MAX; i++) {
		if (table->tag[i] == tag && !memcmp(&table->entry[i].key, key, sizeof(*key)))
			return &table->entry[i];
	}
	return NULL;
}

/* A free entry. If its source has its share, that source's oldest is evicted; if none is free, the
 * oldest of all. */
static struct eg_reassembly_entry *find_free(struct eg_path *path,
					     const struct eg_reassembly_key *key)
{
	struct eg_reassembly *table = &path->reassembly;
	struct eg_reassembly_entry *empty = NULL, *oldest = NULL, *source_oldest = NULL;
	unsigned n_source = 0;

	for (unsigned i = 0; i < EG_REASSEMBLY_MAX; i++) {
		struct eg_reassembly_entry *entry = &table->entry[i];

		if (!table->tag[i]) {
			empty = empty ? empty : entry;
			continue;
		}
		if (!oldest || entry->until_cycles < oldest->until_cycles)
			oldest = entry;
		if (memcmp(entry->key.src, key->src, sizeof(key->src)))
			continue;
		n_source++;
		if (!source_oldest || entry->until_cycles < source_oldest->until_cycles)
			source_oldest = entry;
	}
	if (empty && n_source < EG_REASSEMBLY_SOURCE_MAX)
		return empty;
	if (n_source >= EG_REASSEMBLY_SOURCE_MAX)
		oldest = source_oldest;
	if (oldest->m)
		drop_entry(path, oldest, EG_DROP_REASSEMBLY_FULL);
	free_entry(table, oldest);
	return oldest;
}

static struct eg_reassembly_entry *begin(struct eg_path *path, const struct piece *piece,
					 uint32_t tag, unsigned port)
{
	struct eg_reassembly *table = &path->reassembly;
	struct rte_mbuf *m = rte_pktmbuf_alloc(path->pool);
	struct eg_reassembly_entry *entry;

	if (!m)
		return NULL;
	entry = find_free(path, &piece->key);
	entry->key = piece->key;
	entry->m = m;
	entry->until_cycles = path->now.cycles + path->cycles_per_s / 1000 * EG_REASSEMBLY_MS;
	entry->port = (uint8_t)port;
	entry->total = entry->got = entry->reach = 0;
	entry->at = PAYLOAD_OFF;
	entry->n = entry->head = 0;
	entry->congested = false;
	table->tag[entry - table->entry] = tag;
	table->n++;
	return entry;
}

/* A large buffer for `entry`. If its source has its share of them, that source's oldest packet is
 * evicted; if none is left, the oldest of all. */
static struct rte_mbuf *get_large(struct eg_path *path, const struct eg_reassembly_entry *entry)
{
	struct eg_reassembly *table = &path->reassembly;
	struct eg_reassembly_entry *oldest = NULL, *source_oldest = NULL;
	unsigned n = 0, n_source = 0;

	for (unsigned i = 0; i < EG_REASSEMBLY_MAX; i++) {
		struct eg_reassembly_entry *other = &table->entry[i];

		if (!table->tag[i] || !other->m || !eg_mbuf_is_large(other->m))
			continue;
		n++;
		if (!oldest || other->until_cycles < oldest->until_cycles)
			oldest = other;
		if (memcmp(other->key.src, entry->key.src, sizeof(entry->key.src)))
			continue;
		n_source++;
		if (!source_oldest || other->until_cycles < source_oldest->until_cycles)
			source_oldest = other;
	}
	if (n_source >= EG_REASSEMBLY_LARGE_SOURCE)
		oldest = source_oldest;
	if (n >= EG_REASSEMBLY_LARGE || n_source >= EG_REASSEMBLY_LARGE_SOURCE) {
		drop_entry(path, oldest, EG_DROP_REASSEMBLY_FULL);
		free_entry(table, oldest);
	}
	return rte_pktmbuf_alloc(path->large);
}

/* Move what has arrived into a large buffer. */
static bool grow(struct eg_path *path, struct eg_reassembly_entry *entry)
{
	uint16_t at = RTE_MAX(entry->key.version == 4 ? EG_IP4_LEN : EG_IP6_LEN, entry->head);
	struct rte_mbuf *large = get_large(path, entry);

	if (!large)
		return false;
	memcpy((uint8_t *)large->buf_addr + at - entry->head,
	       (uint8_t *)entry->m->buf_addr + entry->at - entry->head,
	       (size_t)entry->head + entry->reach);
	rte_pktmbuf_free(entry->m);
	entry->m = large;
	entry->at = at;
	return true;
}

/* Bytes of the whole packet's header, as far as it is known, including this piece. */
static unsigned head_of(const struct eg_reassembly_entry *entry, const struct piece *piece)
{
	if (entry->key.version == 6)
		return EG_IP6_LEN;
	return piece->from ? RTE_MAX(entry->head, (unsigned)EG_IP4_LEN) : piece->head;
}

/* Is it consistent with the parts that have arrived? */
static enum eg_verdict check(const struct eg_reassembly_entry *entry, const struct piece *piece)
{
	for (unsigned k = 0; k < entry->n; k++) {
		uint16_t from = entry->part[k].from, to = entry->part[k].to;

		if (piece->from == from && piece->to == to)
			return EG_DROP_REASSEMBLY_DUPLICATE;
		if (piece->from < to && from < piece->to)
			return EG_DROP_REASSEMBLY_OVERLAP;
		if (!piece->more && to > piece->to) /* data behind the end */
			return EG_DROP_REASSEMBLY_BAD;
	}
	if (entry->total && (!piece->more || piece->to > entry->total))
		return EG_DROP_REASSEMBLY_BAD;
	if (entry->n == EG_REASSEMBLY_PARTS ||
	    head_of(entry, piece) + RTE_MAX(entry->reach, piece->to) > UINT16_MAX)
		return EG_DROP_REASSEMBLY_SIZE;
	return EG_PASS;
}

static void add(struct eg_reassembly_entry *entry, const struct piece *piece)
{
	uint8_t *payload = (uint8_t *)entry->m->buf_addr + entry->at;
	uint16_t size = (uint16_t)(piece->to - piece->from);

	if (!piece->from && entry->key.version == 4 && piece->head > entry->at) {
		/* A large buffer has no space for options: make it. */
		memmove(payload + piece->head - entry->at, payload, entry->reach);
		payload += piece->head - entry->at;
		entry->at = piece->head;
	}
	memcpy(payload + piece->from, piece->data + piece->head, size);
	entry->part[entry->n].from = piece->from;
	entry->part[entry->n++].to = piece->to;
	entry->got = (uint16_t)(entry->got + size);
	entry->reach = RTE_MAX(entry->reach, piece->to);
	entry->congested |= (piece->tos & 3) == CE;
	if (!piece->more)
		entry->total = piece->to;
	if (piece->from)
		return;
	if (entry->key.version == 4) {
		entry->head = (uint8_t)piece->head;
		memcpy(payload - entry->head, piece->data, entry->head);
	} else {
		struct eg_ip6 *ip = (struct eg_ip6 *)(payload - EG_IP6_LEN);

		entry->head = EG_IP6_LEN;
		memcpy(ip, piece->data, EG_IP6_LEN);
		ip->next = piece->data[EG_IP6_LEN];
	}
}

/* Write the header of the whole packet in front of its payload (RFC 791 s3.2, RFC 8200 s4.5). */
static void finish(struct eg_reassembly_entry *entry)
{
	uint8_t *data = (uint8_t *)entry->m->buf_addr + entry->at - entry->head;

	entry->m->data_off = (uint16_t)(entry->at - entry->head);
	eg_mbuf_window(entry->m, 0, (uint16_t)(entry->head + entry->total));
	if (entry->key.version == 4) {
		struct eg_ip4 *ip = (struct eg_ip4 *)data;

		ip->tos |= entry->congested ? CE : 0;
		ip->len_be = htobe16((uint16_t)(entry->head + entry->total));
		ip->frag_be = 0;
		ip->check = 0;
		eg_put16(data + offsetof(struct eg_ip4, check),
			 eg_checksum_fold(eg_checksum_add(0, data, entry->head)));
	} else {
		struct eg_ip6 *ip = (struct eg_ip6 *)data;

		ip->ver_tc_flow_be |= htobe32(entry->congested ? CE << 20 : 0);
		ip->payload_be = htobe16(entry->total);
	}
}

/* Add packet i to the packet that it is a fragment of: EG_CONSUMED, or EG_PASS if that is whole. */
static enum eg_verdict hold(struct eg_path *path, unsigned i, const struct piece *piece,
			    uint32_t tag)
{
	struct eg_batch *batch = &path->batch;
	struct eg_reassembly *table = &path->reassembly;
	struct eg_reassembly_entry *entry = find(table, tag, &piece->key);
	enum eg_verdict verdict;

	if (entry && !entry->m)
		return entry->verdict;
	if (!entry)
		entry = begin(path, piece, tag, batch->meta[i].port);
	if (!entry)
		return EG_DROP_NO_BUFFER;
	verdict = check(entry, piece);
	if (!verdict && entry->at + piece->to > entry->m->buf_len && !grow(path, entry))
		verdict = EG_DROP_NO_BUFFER;
	if (verdict == EG_DROP_REASSEMBLY_DUPLICATE)
		return verdict;
	if (verdict && !entry->n) { /* the first to arrive, and it is not accepted */
		rte_pktmbuf_free(entry->m);
		free_entry(table, entry);
		return verdict;
	}
	if (verdict)
		return refuse(path, entry, verdict);
	add(entry, piece);
	rte_pktmbuf_free(batch->m[i]);
	if (entry->got != entry->total || !entry->head)
		return EG_CONSUMED;
	finish(entry);
	eg_count(&path->stats->consumed, entry->n);
	eg_count(&path->stats->local[EG_LOCAL_REASSEMBLED], 1);
	batch->m[i] = entry->m;
	batch->meta[i] = (struct eg_meta){.port = batch->meta[i].port};
	free_entry(table, entry);
	return eg_parse_ip(eg_batch_data(batch, i), batch->m[i]->data_len, &batch->meta[i].pkt);
}

enum eg_verdict eg_reassemble(struct eg_path *path, unsigned i)
{
	const struct eg_pkt *pkt = &path->batch.meta[i].pkt;
	const uint8_t *data = eg_batch_data(&path->batch, i);
	struct piece piece = read_piece(data, pkt);
	uint64_t hash = hash_of(&piece.key, path->seed);

	if (path->reassembly.closed)
		return EG_DROP_REASSEMBLY_TIMEOUT;
	if (!is_from_peer(path, data, pkt, &piece))
		return pkt->proto == EG_PROTO_ESP ? EG_DROP_ESP_FRAGMENT
						  : EG_DROP_PLAIN_ON_ENCRYPTED;
	if (!is_sound(&piece, pkt->len))
		return EG_DROP_REASSEMBLY_BAD;
	if ((hash >> 32) % path->n_workers != path->worker)
		return eg_handoff(path, i, (unsigned)((hash >> 32) % path->n_workers));
	return hold(path, i, &piece, (uint32_t)hash | 1);
}

enum eg_verdict eg_reassembly_shrink(struct eg_path *path, unsigned i)
{
	struct rte_mbuf *m = path->batch.m[i], *made;
	uint32_t most = (uint32_t)rte_pktmbuf_data_room_size(path->pool) - RTE_PKTMBUF_HEADROOM -
			EG_TAILROOM;

	if (m->data_len > most)
		return EG_PASS;
	made = rte_pktmbuf_alloc(path->pool);
	if (!made)
		return EG_DROP_NO_BUFFER;
	memcpy(rte_pktmbuf_mtod(made, void *), rte_pktmbuf_mtod(m, const void *), m->data_len);
	eg_mbuf_window(made, 0, m->data_len);
	made->port = m->port;
	path->batch.m[i] = made;
	rte_pktmbuf_free(m);
	return EG_PASS;
}

void eg_path_expire(struct eg_path *path, bool ending)
{
	struct eg_reassembly *table = &path->reassembly;
	uint64_t now;

	table->closed = ending;
	if (!table->n)
		return;
	now = eg_path_cycles(path);
	if (now < table->next_cycles && !ending)
		return;
	table->next_cycles = now + path->cycles_per_s / 10;
	for (unsigned i = 0; i < EG_REASSEMBLY_MAX; i++) {
		struct eg_reassembly_entry *entry = &table->entry[i];

		if (!table->tag[i] || (now < entry->until_cycles && !ending))
			continue;
		if (entry->m)
			drop_entry(path, entry, EG_DROP_REASSEMBLY_TIMEOUT);
		free_entry(table, entry);
	}
}
