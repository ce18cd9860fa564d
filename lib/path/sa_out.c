/* The outbound SA of each packet that goes into a tunnel, and its sequence number and IV. A batch
 * may mix SAs in any order, so it is grouped by SA first: one reservation per SA and batch, and
 * sequence numbers in the order of arrival. */
#include "path/stages.h"

#include "base/hash.h"
#include "path/drop.h"
#include "path/fragment.h"
#include "path/mtu.h"

/* Open addressing over a batch's SAs: at most half full. */
#define SLOTS      (2 * EG_BATCH_MAX)
#define SLOT_EMPTY 0xff

_Static_assert(EG_BATCH_MAX < SLOT_EMPTY, "no group number equals SLOT_EMPTY");

static unsigned find_group(struct eg_path *path, struct eg_sa *sa, unsigned len,
			   uint8_t slots[SLOTS])
{
	for (unsigned at = (unsigned)eg_hash_u64((uintptr_t)sa);; at++) {
		uint8_t *slot = &slots[at % SLOTS];

		if (*slot == SLOT_EMPTY) {
			*slot = (uint8_t)path->groups.n;
			path->groups.v[path->groups.n].sa = sa;
			path->groups.v[path->groups.n].n = 0;
			path->groups.v[path->groups.n].bytes = 0;
			eg_crypto_key_prefetch(path->crypto, sa->key, sa->suite, len);
			return path->groups.n++;
		}
		if (path->groups.v[*slot].sa == sa)
			return *slot;
	}
}

/* Transport mode takes whole packets (RFC 4303 s3.3.4) between the tunnel's two ends. The route has
 * already matched the remote end. */
static enum eg_verdict check_transport(const struct eg_tunnel *tunnel, const struct eg_pkt *pkt,
				       const uint8_t *data)
{
	const uint8_t *src = eg_ip_src(data, pkt->version);

	if (pkt->version != tunnel->local.family ||
	    memcmp(src, tunnel->local.bytes, pkt->version == 4 ? 4 : 16))
		return EG_DROP_TRANSPORT_ENDS;
	return pkt->frag ? EG_DROP_TRANSPORT_FRAGMENT : EG_PASS;
}

static enum eg_verdict choose_sa(const struct eg_path *path, struct eg_meta *meta)
{
	const struct eg_tunnel *tunnel = eg_tunnel_get(path->tunnels, meta->hop->tunnel);
	const struct eg_out_set *out = eg_tunnel_out(path->tunnels, meta->hop->tunnel);

	if (!tunnel) /* removed, while the world that leads into it is still in force */
		return EG_DROP_NO_OUT_SA;
	meta->tunnel = tunnel;
	if (!eg_hop_is_port(&tunnel->hop))
		return EG_DROP_NO_NEIGHBOR;
	if (eg_link_is_down(path, tunnel->hop.port))
		return EG_DROP_LINK_DOWN;
	if (!out)
		return EG_DROP_NO_OUT_SA;
	meta->sa = eg_sa_of(path, out);
	eg_sa_prefetch(meta->sa);
	__builtin_prefetch(tunnel->pmtu);
	return EG_PASS;
}

/* First passes: prefetch the tunnels of the whole batch, then their SAs. */
static void prefetch_tunnels(const struct eg_path *path)
{
	const struct eg_batch *batch = &path->batch;
	const struct eg_hop *last = NULL;

	for (unsigned i = 0; i < batch->n; i++) {
		const struct eg_hop *hop = batch->meta[i].hop;

		if (hop == last || hop->kind != EG_HOP_TUNNEL)
			continue;
		last = hop;
		eg_tunnel_prefetch(eg_tunnel_get(path->tunnels, hop->tunnel));
		__builtin_prefetch(eg_tunnel_out(path->tunnels, hop->tunnel));
	}
}

static void choose_sas(struct eg_path *path)
{
	struct eg_batch *batch = &path->batch;

	prefetch_tunnels(path);
	for (unsigned i = 0; i < batch->n; i++) {
		struct eg_meta *meta = &batch->meta[i];
		enum eg_verdict verdict = EG_PASS;

		meta->sa = NULL; /* esp_in may have left the inbound SA and sequence number here */
		meta->seq = 0;
		if (meta->hop->kind == EG_HOP_TUNNEL)
			verdict = choose_sa(path, meta);
		if (verdict)
			eg_batch_remove(batch, i, verdict);
	}
	eg_batch_sweep(path);
}

static enum eg_verdict check_fit(const struct eg_path *path, const struct eg_meta *meta,
				 const uint8_t *data)
{
	enum eg_verdict verdict = EG_PASS;

	if (meta->tunnel->transport)
		verdict = check_transport(meta->tunnel, &meta->pkt, data);
	/* Checked before it uses a sequence number, because the sealed packet would be dropped
	 * (RFC 4301 s8.2.1). */
	if (!verdict && meta->pkt.len > eg_mtu_for_packet(path, meta, data))
		verdict = EG_DROP_TOO_BIG;
	return verdict;
}

/* Packet i is too big. True if it is fragmented before it is sealed: then it waits, with those
 * behind it. */
static bool must_wait(struct eg_path *path, unsigned i)
{
	struct eg_meta *meta = &path->batch.meta[i];
	enum eg_fragment_how how =
		eg_fragment_how(meta, meta->tunnel, eg_batch_data(&path->batch, i));

	meta->split = how == EG_FRAGMENT_OUTER;
	/* Others wait already: this one fitted when it left them, and another worker has learned a
	 * smaller path MTU since. */
	if (how != EG_FRAGMENT_INNER || path->waiting.n)
		return false;
	eg_fragment_wait(path, i);
	return true;
}

static void group_by_sa(struct eg_path *path)
{
	struct eg_batch *batch = &path->batch;
	const struct eg_sa *last = NULL;
	uint8_t slots[SLOTS];
	unsigned group = 0;

	memset(slots, SLOT_EMPTY, sizeof(slots));
	path->groups.n = 0;
	for (unsigned i = 0; i < batch->n; i++) {
		struct eg_meta *meta = &batch->meta[i];
		enum eg_verdict verdict;

		if (!meta->sa)
			continue;
		verdict = check_fit(path, meta, eg_batch_data(batch, i));
		if (verdict == EG_DROP_TOO_BIG) {
			if (must_wait(path, i))
				break;
			verdict = meta->split ? EG_PASS : verdict;
		}
		if (verdict) {
			eg_batch_remove(batch, i, verdict);
			continue;
		}
		if (meta->sa != last)
			group = find_group(path, meta->sa, meta->pkt.len, slots);
		last = meta->sa;
		meta->group = (uint8_t)group;
		meta->rank = (uint8_t)path->groups.v[group].n++;
		path->groups.v[group].bytes += meta->pkt.len;
	}
}

/* Drop those for which the SA has no sequence numbers left now. */
static void drop_ungranted(struct eg_path *path, unsigned group)
{
	enum eg_verdict verdict = eg_sa_shortage(path->groups.v[group].sa);
	struct eg_batch *batch = &path->batch;

	for (unsigned i = 0; i < batch->n; i++) {
		struct eg_meta *meta = &batch->meta[i];

		if (meta->verdict || !meta->sa || meta->group != group ||
		    meta->rank < path->groups.v[group].grant.n)
			continue;
		path->groups.v[group].bytes -= meta->pkt.len;
		eg_batch_remove(batch, i, verdict);
	}
}

void eg_sa_out(struct eg_path *path)
{
	uint64_t wall_ns;

	choose_sas(path);
	group_by_sa(path);
	wall_ns = path->groups.n ? eg_path_wall_ns(path) : 0;
	for (unsigned g = 0; g < path->groups.n; g++) {
		struct eg_sa *sa = path->groups.v[g].sa;

		path->groups.v[g].grant = eg_sa_reserve(sa, path->groups.v[g].n, wall_ns);
		if (path->groups.v[g].grant.n < path->groups.v[g].n)
			drop_ungranted(path, g);
		eg_sa_count(sa, path->groups.v[g].grant.n, path->groups.v[g].bytes);
	}
	eg_batch_sweep(path);
}
