/* Drops: the only place that counts a dropped packet and frees it. */
#ifndef EG_PATH_DROP_H
#define EG_PATH_DROP_H

#include "path/path.h"

/* Count and free one packet that is in no batch any more (it was in a transmit buffer or a ring).
 */
void eg_drop_mbuf(struct eg_path *path, struct rte_mbuf *m, enum eg_verdict reason);

/* The packet was processed and goes no further (a request that was answered, a message that was
 * read): count it as consumed and free it. Returns EG_CONSUMED, for the caller to return. */
static inline enum eg_verdict eg_consume(struct eg_path *path, struct rte_mbuf *m)
{
	eg_count(&path->stats->consumed, 1);
	rte_pktmbuf_free(m);
	return EG_CONSUMED;
}

/* As eg_drop_mbuf(), with a sample for the log. meta has the reason, and what is known about the
 * packet. */
void eg_drop_sampled(struct eg_path *path, struct rte_mbuf *m, const struct eg_meta *meta);

/* The same for a drop that concerns a neighbour. */
struct eg_drop_neighbor {
	unsigned port;
	const struct eg_ip *ip;
	const uint8_t *mac; /* or NULL */
	bool always;        /* ignore the sampling rate */
};

void eg_drop_for_neighbor(struct eg_path *path, struct rte_mbuf *m, enum eg_verdict reason,
			  const struct eg_drop_neighbor *about);

/* Policy denied packet i of the batch because no pod or node has that address: add a record for the
 * log, ignoring the sampling rate. Counts and frees nothing. */
void eg_drop_note_unknown(struct eg_path *path, unsigned i, const struct eg_ip *unknown);

/* Audit: packet i of the batch would have been dropped. Add a record for the log, ignoring the
 * sampling rate. Counts and frees nothing. */
void eg_drop_note_audit(struct eg_path *path, unsigned i, enum eg_verdict reason);

/* The slow half of eg_batch_sweep(). */
void eg_batch_drop_removed(struct eg_path *path);

/* At the end of every stage: drop the packets that it removed, and close the gaps. */
static inline void eg_batch_sweep(struct eg_path *path)
{
	if (__builtin_expect(path->batch.n_removed != 0, 0))
		eg_batch_drop_removed(path);
}

#endif
