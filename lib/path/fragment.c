#include "path/fragment.h"

#include <rte_cycles.h>

#include "net/bytes.h"
#include "net/checksum.h"
#include "net/transport.h"
#include "path/drop.h"
#include "path/mtu.h"

enum {
	OPTION_END = 0, /* RFC 791 s3.1: these two have no length byte */
	OPTION_NOP = 1,
	OPTION_COPIED = 0x80,
};

#define IP4_HEADER_MAX 60

uint32_t eg_fragment_id(struct eg_path *path)
{
	/* An unpredictable start (RFC 7739 s4), and numbers that no other worker uses, because all
	 * workers' SAs have the same ends. */
	if (!path->fragment_id)
		path->fragment_id = (uint32_t)(eg_hash_u64(rte_get_tsc_cycles()) >> 32) /
					    path->n_workers * path->n_workers +
				    path->worker;
	path->fragment_id += path->n_workers;
	return path->fragment_id;
}

/* How many fragments a payload makes, with `each` bytes of it in all but the last; 0: impossible.
 */
static unsigned count(unsigned payload, unsigned head, unsigned mtu, unsigned *each)
{
	unsigned n;

	*each = mtu < head + 8 ? 0 : (mtu - head) & ~7u;
	n = *each ? (payload + *each - 1) / *each : 0;
	return n > EG_FRAGMENTS_MAX ? 0 : n;
}

static unsigned count_ip4(const uint8_t *data, unsigned len, unsigned mtu, unsigned *each)
{
	unsigned head = (data[0] & 15u) * 4;

	return count(len - head, head, mtu, each);
}

/* Buffers for all but the first, which has the packet's own; or for all, if that is a large one. */
static enum eg_verdict get_buffers(struct eg_path *path, struct rte_mbuf *m, unsigned n,
				   struct eg_fragments *out)
{
	unsigned reused = eg_mbuf_is_large(m) ? 0 : 1;

	if (!n)
		return EG_DROP_TOO_BIG;
	out->m[0] = m;
	if (n > reused && rte_pktmbuf_alloc_bulk(path->pool, out->m + reused, n - reused))
		return EG_DROP_NO_BUFFER;
	out->n = n;
	eg_count(&path->stats->local[EG_LOCAL_FRAGMENT], n - 1);
	return EG_PASS;
}

/* The first fragment is the first `len` bytes, in the packet's own buffer or in a copy. The others
 * have been copied before. */
static struct rte_mbuf *take_first(struct rte_mbuf *m, struct eg_fragments *out, unsigned len)
{
	if (out->m[0] != m) {
		memcpy(rte_pktmbuf_mtod(out->m[0], void *), rte_pktmbuf_mtod(m, const void *), len);
		rte_pktmbuf_free(m);
	}
	eg_mbuf_window(out->m[0], 0, (uint16_t)len);
	return out->m[0];
}

/* The header of later fragments, with the options whose "copied" flag is set (RFC 791 s3.1).
 * Returns its length. The option list ends at an option of impossible length. */
static unsigned later_header(const uint8_t *first, uint8_t later[IP4_HEADER_MAX])
{
	unsigned head = (first[0] & 15u) * 4, at = EG_IP4_LEN, len = EG_IP4_LEN, size;

	memcpy(later, first, EG_IP4_LEN);
	for (; at < head && first[at] != OPTION_END; at += size) {
		size = 1;
		if (first[at] == OPTION_NOP)
			continue;
		size = at + 1 < head ? first[at + 1] : 0;
		if (size < 2 || at + size > head)
			break;
		if (first[at] & OPTION_COPIED) {
			memcpy(later + len, first + at, size);
			len += size;
		}
	}
	for (; len % 4; len++)
		later[len] = OPTION_END;
	later[0] = (uint8_t)(0x40 | len / 4);
	return len;
}

static void finish_ip4(struct rte_mbuf *m, unsigned len, unsigned frag)
{
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);
	struct eg_ip4 *ip = (struct eg_ip4 *)data;

	eg_mbuf_window(m, 0, (uint16_t)len);
	ip->len_be = htobe16((uint16_t)len);
	ip->frag_be = htobe16((uint16_t)frag);
	ip->check = 0;
	eg_put16(data + offsetof(struct eg_ip4, check),
		 eg_checksum_fold(eg_checksum_add(0, data, (data[0] & 15u) * 4)));
}

/* A fragment: the header, and a part of the payload behind it. */
static void put_ip4(struct rte_mbuf *m, const uint8_t *header, unsigned header_len,
		    const uint8_t *part, unsigned size, unsigned frag)
{
	uint8_t *to = rte_pktmbuf_mtod(m, uint8_t *);

	memcpy(to, header, header_len);
	memcpy(to + header_len, part, size);
	finish_ip4(m, header_len + size, frag);
}

enum eg_verdict eg_fragment_ip4(struct eg_path *path, struct rte_mbuf *m, unsigned mtu,
				struct eg_fragments *out)
{
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *), later[IP4_HEADER_MAX];
	unsigned head = (data[0] & 15u) * 4, payload = m->data_len - head, each, later_len;
	/* The packet may be a fragment itself, with an offset (RFC 791 s3.2). */
	unsigned frag = be16toh(((const struct eg_ip4 *)data)->frag_be);
	unsigned n = count_ip4(data, m->data_len, mtu, &each);
	enum eg_verdict verdict;

	/* Parse has dropped these; here the sum would overflow into the flags. */
	if ((frag & EG_IP4_FRAGMASK) * 8 + m->data_len > UINT16_MAX)
		return EG_DROP_FRAGMENT_OVERSIZE;
	verdict = get_buffers(path, m, n, out);
	if (verdict)
		return verdict;
	later_len = later_header(data, later);
	for (unsigned i = 1; i < n; i++) {
		unsigned at = i * each, size = i == n - 1 ? payload - at : each;

		put_ip4(out->m[i], later, later_len, data + head + at, size,
			(frag + at / 8) | (i == n - 1 ? 0 : EG_IP4_MF));
	}
	m = take_first(m, out, n > 1 ? head + each : m->data_len);
	if (n > 1)
		finish_ip4(m, head + each, frag | EG_IP4_MF);
	return EG_PASS;
}

/* Only the first `n` fragments. The remainder stays in the packet's own buffer, as a fragment. It
 * may have fewer options, so its number of fragments is counted anew. */
static enum eg_verdict cut_front(struct eg_path *path, struct rte_mbuf *m, unsigned mtu, unsigned n,
				 struct eg_fragments *out)
{
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *), later[IP4_HEADER_MAX];
	unsigned head = (data[0] & 15u) * 4, later_len = later_header(data, later), each;
	unsigned frag = be16toh(((const struct eg_ip4 *)data)->frag_be), gone;

	count_ip4(data, m->data_len, mtu, &each);
	if ((frag & EG_IP4_FRAGMASK) * 8 + m->data_len > UINT16_MAX)
		return EG_DROP_FRAGMENT_OVERSIZE;
	if (rte_pktmbuf_alloc_bulk(path->pool, out->m, n))
		return EG_DROP_NO_BUFFER;
	out->n = n;
	eg_count(&path->stats->local[EG_LOCAL_FRAGMENT], n);
	for (unsigned i = 0; i < n; i++)
		put_ip4(out->m[i], i ? later : data, i ? later_len : head, data + head + i * each,
			each, (frag + i * each / 8) | EG_IP4_MF);
	gone = head + n * each - later_len;
	memcpy(data + gone, later, later_len);
	m->data_off = (uint16_t)(m->data_off + gone);
	finish_ip4(m, m->data_len - gone, frag + n * each / 8);
	return EG_PASS;
}

/* Where a fragment header goes: behind the headers that routers on the way read. A packet of
 * transport mode may bring its own, and one for a fragment that is the whole (RFC 6946), whose
 * place the new one takes: a packet has one at most. */
static struct eg_insert_point fragment_point_ip6(const uint8_t *data, unsigned len, bool *atomic)
{
	struct eg_insert_point point = {EG_IP6_LEN, offsetof(struct eg_ip6, next)};
	uint8_t next = data[point.next_off];

	while ((next == EG_PROTO_HOPOPTS || next == EG_PROTO_ROUTING || next == EG_PROTO_DSTOPTS) &&
	       point.off + 8u <= len) {
		point.next_off = point.off;
		next = data[point.off];
		point.off = (uint16_t)(point.off + (data[point.off + 1] + 1) * 8);
	}
	*atomic = next == EG_PROTO_FRAGMENT;
	return point;
}

/* The fragment header goes to point.off. */
static void finish_ip6(uint8_t *data, struct eg_insert_point point, uint8_t next, unsigned size,
		       unsigned frag, uint32_t id)
{
	struct eg_ip6 *ip = (struct eg_ip6 *)data;

	ip->payload_be = htobe16((uint16_t)(point.off - EG_IP6_LEN + EG_IP6_FRAGMENT_LEN + size));
	data[point.next_off] = EG_PROTO_FRAGMENT;
	data += point.off;
	data[0] = next;
	data[1] = 0;
	eg_put16(data + 2, (uint16_t)frag);
	eg_put32(data + 4, id);
}

enum eg_verdict eg_fragment_ip6(struct eg_path *path, struct rte_mbuf *m, unsigned mtu,
				struct eg_fragments *out)
{
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);
	bool atomic;
	const struct eg_insert_point point = fragment_point_ip6(data, m->data_len, &atomic);
	const unsigned head = point.off + EG_IP6_FRAGMENT_LEN, behind = head - (atomic ? 0 : 8);
	unsigned payload = m->data_len - behind, each, n;
	enum eg_verdict verdict;
	uint8_t next;
	uint32_t id;

	if (m->data_len <= behind)
		return EG_DROP_TOO_BIG;
	next = data[atomic ? point.off : point.next_off];
	n = count(payload, head, mtu, &each);
	if (rte_pktmbuf_headroom(m) < EG_IP6_FRAGMENT_LEN)
		return EG_DROP_NO_ROOM;
	verdict = get_buffers(path, m, n, out);
	if (verdict)
		return verdict;
	id = eg_fragment_id(path);
	for (unsigned i = 1; i < n; i++) {
		unsigned at = i * each, size = i == n - 1 ? payload - at : each;
		uint8_t *to = rte_pktmbuf_mtod(out->m[i], uint8_t *);

		memcpy(to, data, point.off);
		memcpy(to + head, data + behind + at, size);
		finish_ip6(to, point, next, size, at | (i < n - 1), id);
		eg_mbuf_window(out->m[i], 0, (uint16_t)(head + size));
	}
	m = take_first(m, out, n > 1 ? behind + each : m->data_len);
	data = rte_pktmbuf_mtod(m, uint8_t *);
	if (n > 1) {
		if (!atomic) {
			memmove(data - EG_IP6_FRAGMENT_LEN, data, point.off);
			m->data_off = (uint16_t)(m->data_off - EG_IP6_FRAGMENT_LEN);
			data -= EG_IP6_FRAGMENT_LEN;
		}
		eg_mbuf_window(m, 0, (uint16_t)(head + each));
		finish_ip6(data, point, next, each, 1, id);
	}
	return EG_PASS;
}

enum eg_fragment_how eg_fragment_how(const struct eg_meta *meta, const struct eg_tunnel *tunnel,
				     const uint8_t *data)
{
	if (meta->cut)
		return EG_FRAGMENT_NOT;
	if (meta->pkt.version == 6) /* every link carries 1280 bytes: so must a tunnel */
		return meta->pkt.len <= EG_IP6_MTU_MIN ? EG_FRAGMENT_OUTER : EG_FRAGMENT_NOT;
	if (eg_get16(data + offsetof(struct eg_ip4, frag_be)) & EG_IP4_DF)
		return EG_FRAGMENT_NOT;
	return tunnel->fragment_inner   ? EG_FRAGMENT_INNER
	       : tunnel->fragment_outer ? EG_FRAGMENT_OUTER
					: EG_FRAGMENT_NOT;
}

void eg_fragment_wait(struct eg_path *path, unsigned i)
{
	struct eg_batch *batch = &path->batch;
	unsigned n = batch->n - i;

	memcpy(path->waiting.m, batch->m + i, n * sizeof(*batch->m));
	memcpy(path->waiting.meta, batch->meta + i, n * sizeof(*batch->meta));
	path->waiting.at = 0;
	path->waiting.n = n;
	batch->n = i;
}

/* The MTU to which a packet is fragmented before it is sealed; 0: it is not. */
static unsigned inner_limit(const struct eg_path *path, const struct eg_meta *meta,
			    const uint8_t *data)
{
	const struct eg_tunnel *tunnel;
	const struct eg_out_set *out;
	unsigned mtu;

	if (meta->hop->kind != EG_HOP_TUNNEL)
		return 0;
	tunnel = eg_tunnel_get(path->tunnels, meta->hop->tunnel);
	out = eg_tunnel_out(path->tunnels, meta->hop->tunnel);
	if (!tunnel || !out || !eg_hop_is_port(&tunnel->hop) || !tunnel->fragment_inner)
		return 0;
	mtu = eg_mtu_inner(path, tunnel, eg_sa_of(path, out), 0);
	return meta->pkt.len > mtu && eg_fragment_how(meta, tunnel, data) == EG_FRAGMENT_INNER ? mtu
											       : 0;
}

static void add(struct eg_batch *batch, struct rte_mbuf *m, const struct eg_meta *meta)
{
	batch->m[batch->n] = m;
	batch->meta[batch->n++] = *meta;
}

/* Update the metadata for a fragment of the packet. */
static void set_fragment(struct eg_meta *meta, const struct rte_mbuf *m, bool first)
{
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);

	meta->pkt.len = m->data_len;
	meta->pkt.l4_off = (uint16_t)((data[0] & 15u) * 4);
	meta->pkt.frag = first && meta->pkt.frag != EG_FRAG_LATER ? EG_FRAG_FIRST : EG_FRAG_LATER;
}

/* Add the packet's fragments to the batch, or as many as fit. True if a remainder still waits. */
static bool add_cut(struct eg_path *path, struct rte_mbuf *m, struct eg_meta *whole, unsigned mtu,
		    unsigned n)
{
	/* Only half the batch, so that the remainder is too long, too, and is fragmented again. */
	unsigned front = n > EG_BATCH_MAX ? EG_BATCH_MAX / 2 : 0;
	struct eg_batch *batch = &path->batch;
	struct eg_fragments fragments;
	enum eg_verdict verdict = front ? cut_front(path, m, mtu, front, &fragments)
					: eg_fragment_ip4(path, m, mtu, &fragments);

	if (verdict) {
		add(batch, m, whole);
		eg_batch_remove(batch, batch->n - 1, verdict);
		return false;
	}
	for (unsigned i = 0; i < fragments.n; i++) {
		struct eg_meta meta = *whole;

		set_fragment(&meta, fragments.m[i], !i);
		meta.cut = true;
		add(batch, fragments.m[i], &meta);
	}
	if (front)
		set_fragment(whole, m, false);
	return front;
}

bool eg_fragment_next(struct eg_path *path)
{
	struct eg_batch *batch = &path->batch;
	bool some = path->waiting.at < path->waiting.n;

	batch->n = batch->n_removed = 0;
	for (; path->waiting.at < path->waiting.n; path->waiting.at++) {
		struct rte_mbuf *m = path->waiting.m[path->waiting.at];
		struct eg_meta *meta = &path->waiting.meta[path->waiting.at];
		const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
		unsigned mtu = inner_limit(path, meta, data), each;
		unsigned n = mtu ? count_ip4(data, meta->pkt.len, mtu, &each) : 1;

		if (batch->n && batch->n + RTE_MAX(n, 1u) > EG_BATCH_MAX)
			break;
		if (!mtu)
			add(batch, m, meta);
		else if (add_cut(path, m, meta, mtu, n))
			break;
	}
	if (path->waiting.at == path->waiting.n)
		path->waiting.at = path->waiting.n = 0;
	eg_batch_sweep(path);
	return some;
}
