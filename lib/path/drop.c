#include "path/drop.h"

#include "net/bytes.h"

/* A slot for a drop sample, or NULL: at most one sample per sample_cycles. */
static struct eg_drop_record *sample_slot(struct eg_path *path)
{
	uint64_t least = atomic_load_explicit(&path->sample_cycles, memory_order_relaxed);

	if (!least)
		return NULL;
	if (path->now.cycles < path->next_sample)
		return NULL;
	path->next_sample = path->now.cycles + least;
	return eg_drop_ring_slot(&path->stats->dropped);
}

/* The packet's addresses and ports, once parse has succeeded. After esp_out the data start with the
 * outer header, and its addresses are recorded. */
static void describe(struct eg_drop_record *record, const struct eg_meta *meta, const uint8_t *data)
{
	unsigned version = data[0] >> 4;

	if (!meta->pkt.l4_off)
		return;
	record->src = eg_ip_from(version, eg_ip_src(data, version));
	record->dst = eg_ip_from(version, eg_ip_dst(data, version));
	record->proto = meta->sealed ? EG_PROTO_ESP : meta->pkt.proto;
	record->sport = meta->sealed ? 0 : meta->pkt.sport;
	record->dport = meta->sealed ? 0 : meta->pkt.dport;
}

/* Does it belong to a connection that its receiver opened? */
static bool is_reply(const struct eg_path *path, const struct eg_meta *meta)
{
	const struct eg_lookup *lookup;

	if (meta->need != EG_FLOW_REDECIDE)
		return false;
	lookup = &path->lookups.v[meta->lookup];
	return eg_flow_opening(path->flow, lookup).src !=
	       (const uint8_t *)lookup->key.addr[lookup->side];
}

static void sample(struct eg_path *path, const struct eg_meta *meta, const struct rte_mbuf *m)
{
	struct eg_drop_record *record = sample_slot(path);

	if (!record)
		return;
	*record = (struct eg_drop_record){
		.wall_ns = eg_path_wall_ns(path),
		.reason = (enum eg_verdict)meta->verdict,
		.port = meta->port,
		.bytes = (uint16_t)m->pkt_len,
		.reply = is_reply(path, meta),
	};
	describe(record, meta, rte_pktmbuf_mtod(m, const uint8_t *));
	if (meta->sa) {
		record->spi = be32toh(meta->sa->spi_be);
		record->seq = (uint32_t)meta->seq;
	}
	eg_drop_ring_publish(&path->stats->dropped);
}

void eg_drop_mbuf(struct eg_path *path, struct rte_mbuf *m, enum eg_verdict reason)
{
	eg_count(&path->stats->drop[reason], 1);
	rte_pktmbuf_free(m);
}

void eg_drop_sampled(struct eg_path *path, struct rte_mbuf *m, const struct eg_meta *meta)
{
	sample(path, meta, m);
	eg_drop_mbuf(path, m, (enum eg_verdict)meta->verdict);
}

void eg_drop_for_neighbor(struct eg_path *path, struct rte_mbuf *m, enum eg_verdict reason,
			  const struct eg_drop_neighbor *about)
{
	struct eg_drop_record *record =
		about->always ? eg_drop_ring_slot(&path->stats->dropped) : sample_slot(path);

	if (record) {
		*record = (struct eg_drop_record){
			.wall_ns = eg_path_wall_ns(path),
			.reason = reason,
			.port = (uint16_t)about->port,
			.bytes = (uint16_t)m->pkt_len,
			.neighbor = *about->ip,
		};
		if (about->mac)
			memcpy(record->mac, about->mac, 6);
		eg_drop_ring_publish(&path->stats->dropped);
	}
	eg_drop_mbuf(path, m, reason);
}

void eg_drop_note_unknown(struct eg_path *path, unsigned i, const struct eg_ip *unknown)
{
	struct eg_drop_record *record = eg_drop_ring_slot(&path->stats->dropped);
	const struct eg_meta *meta = &path->batch.meta[i];

	if (!record)
		return;
	*record = (struct eg_drop_record){
		.wall_ns = eg_path_wall_ns(path),
		.reason = EG_DROP_UNKNOWN_POD,
		.port = meta->port,
		.bytes = (uint16_t)path->batch.m[i]->pkt_len,
		.unknown = *unknown,
		.audited = path->policy->audit,
	};
	describe(record, meta, eg_batch_data(&path->batch, i));
	eg_drop_ring_publish(&path->stats->dropped);
}

void eg_drop_note_audit(struct eg_path *path, unsigned i, enum eg_verdict reason)
{
	struct eg_drop_record *record = eg_drop_ring_slot(&path->stats->dropped);
	const struct eg_meta *meta = &path->batch.meta[i];

	if (!record)
		return;
	*record = (struct eg_drop_record){
		.wall_ns = eg_path_wall_ns(path),
		.reason = reason,
		.port = meta->port,
		.bytes = (uint16_t)path->batch.m[i]->pkt_len,
		.reply = is_reply(path, meta),
		.audited = true,
	};
	describe(record, meta, eg_batch_data(&path->batch, i));
	eg_drop_ring_publish(&path->stats->dropped);
}

void eg_batch_drop_removed(struct eg_path *path)
{
	struct eg_batch *batch = &path->batch;
	unsigned kept = 0;

	for (unsigned i = 0; i < batch->n; i++) {
		const struct eg_meta *meta = &batch->meta[i];

		if (meta->verdict == EG_CONSUMED)
			continue;
		if (meta->verdict) {
			eg_icmp_error(path, meta, batch->m[i]);
			sample(path, meta, batch->m[i]);
			eg_drop_mbuf(path, batch->m[i], (enum eg_verdict)meta->verdict);
			continue;
		}
		if (kept != i) {
			batch->m[kept] = batch->m[i];
			batch->meta[kept] = *meta;
		}
		kept++;
	}
	batch->n = kept;
	batch->n_removed = 0;
}
