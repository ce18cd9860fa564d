/* A batch: up to 64 packets and what is known of each, filled once by parse and read by all.
 *
 * A stage marks what leaves the batch with eg_batch_remove() and ends with eg_batch_sweep()
 * (path/drop.h), the one place that counts drops and frees; survivors stay at the front, in order.
 * Owned by one worker; no locks. */
#ifndef EG_PATH_BATCH_H
#define EG_PATH_BATCH_H

#include <rte_mbuf.h>

#include "espgate/drop.h"
#include "net/parse.h"
#include "path/reassembly.h"
#include "route/hop.h"
#include "tunnel/table.h"

#define EG_BATCH_MAX 64

_Static_assert(EG_CONSUMED <= UINT8_MAX, "meta.verdict is one byte");

/* meta.need beside enum eg_flow_need: no connection, policy decides the packet alone. */
#define EG_NEED_ALONE 0xff

/* meta.lookup of a packet that has not the shape of a connection's. */
#define EG_NO_LOOKUP 0xff

/* From parse on, the mbuf's data start at the IP header: a link header is put on by tx. */
struct eg_meta {
	struct eg_pkt pkt;
	uint8_t verdict;   /* enum eg_verdict; EG_PASS while it is in the batch */
	uint8_t port;      /* where it came in */
	uint8_t outer_tos; /* from esp_in for verify: DSCP and ECN of the opened packet's outer
			      header */
	uint8_t need;      /* flow for policy: enum eg_flow_need, or EG_NEED_ALONE */
	uint8_t lookup;    /* flow: which of path->lookups, or EG_NO_LOOKUP */
	bool sealed : 1;   /* esp_out sealed it, or keepalive made it: it goes to `peer` and may
			      leave by an encrypted port */
	bool local : 1;    /* locally originated: no ICMP errors about it */
	bool kernel : 1;   /* sent by this node's kernel, through `port`'s kernel device */
	bool cut : 1;      /* already fragmented before sealing: not fragmented again */
	bool grouped : 1;  /* route: the tunnel was chosen from a group, */
	bool rerouted : 1; /* and was not the flow's first choice */
	bool split : 1; /* set by sa_out: exceeds the path MTU, so tx fragments it after sealing */
	uint8_t group;  /* sa_out: which of the batch's outbound SAs, and the how many-th on it */
	uint8_t rank;
	const struct eg_hop *hop;       /* route */
	const struct eg_tunnel *tunnel; /* sa_in: the SA's; sa_out: the one that it goes into */
	const struct eg_tunnel
		*from_tunnel; /* esp_in: it came out of this one; NULL: out of none */
	struct eg_sa *sa;     /* sa_in, sa_out */
	uint64_t seq;         /* of sa. sa_in: inferred, 64 bits; esp_out: given */
};

_Static_assert(sizeof(struct eg_meta) <= 64, "one cache line a packet");

struct eg_batch {
	unsigned n;
	unsigned n_removed;
	struct rte_mbuf *m[EG_BATCH_MAX];
	_Alignas(64) struct eg_meta meta[EG_BATCH_MAX];
};

/* Append a packet; false if the batch is full, and then it is the caller's still. */
static inline bool eg_batch_add(struct eg_batch *batch, struct rte_mbuf *m, struct eg_meta meta)
{
	if (batch->n == EG_BATCH_MAX)
		return false;
	batch->m[batch->n] = m;
	batch->meta[batch->n++] = meta;
	return true;
}

/* Mark packet i: dropped for a reason, or EG_CONSUMED. It stays in place until the stage's sweep.
 * Mark a packet once only. */
static inline void eg_batch_remove(struct eg_batch *batch, unsigned i, enum eg_verdict verdict)
{
	batch->meta[i].verdict = (uint8_t)verdict;
	batch->n_removed++;
}

/* The receive flags that the path reads. */
#define EG_RX_FLAGS                                                                                \
	(RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_RX_QINQ_STRIPPED | RTE_MBUF_F_RX_IP_CKSUM_MASK | \
	 RTE_MBUF_F_RX_OUTER_IP_CKSUM_BAD | RTE_MBUF_F_RX_L4_CKSUM_MASK)

/* First byte of the IP packet. */
static inline uint8_t *eg_batch_data(const struct eg_batch *batch, unsigned i)
{
	return rte_pktmbuf_mtod(batch->m[i], uint8_t *);
}

/* Is it one of path->large (path/reassembly.h)? No other pool has buffers of that length. */
static inline bool eg_mbuf_is_large(const struct rte_mbuf *m)
{
	return m->buf_len == EG_LARGE_BYTES;
}

/* The device has verified the checksum of the outermost IPv4 header. "Bad" is checked again in
 * software: some drivers report it for packets that they do not understand. */
static inline bool eg_is_summed(const struct rte_mbuf *m)
{
	return (m->ol_flags & (RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_OUTER_IP_CKSUM_BAD)) ==
	       RTE_MBUF_F_RX_IP_CKSUM_GOOD;
}

/* Clear the receive flags before transmission: they share a word with requests to the transmitting
 * driver. The flags for attached buffers stay, because freeing depends on them. */
static inline void eg_mbuf_clear_flags(struct rte_mbuf *m)
{
	m->ol_flags &= RTE_MBUF_F_EXTERNAL | RTE_MBUF_F_INDIRECT;
}

/* Cut `front` bytes off a single-segment packet and leave `len` of it. The caller has checked the
 * bounds: rte_pktmbuf_adj() would check them again. */
static inline void eg_mbuf_window(struct rte_mbuf *m, uint16_t front, uint16_t len)
{
	m->data_off = (uint16_t)(m->data_off + front);
	m->data_len = len;
	m->pkt_len = len;
}

#endif
