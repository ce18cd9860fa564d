/* Fragmentation of packets that exceed the MTU of their path: which ones, and at which stage.
 *
 * Before sealing (RFC 4301 s8.2.1; inner IPv4 packets without DF): a burst of 64 may become
 * hundreds of packets, so sa_out ends its batch in front of the first one that must be fragmented.
 * The rest comes back as further batches, with the fragments in order (path.c). Sealed packets, and
 * plain ones that leave by a clear port, are fragmented by tx, which flushes its buffers as they
 * fill.
 *
 * Not DPDK's rte_ip_frag: its fragments are chains of a header and a piece of the packet, but
 * sealing needs each in one buffer with space around it; and it copies all options into each, which
 * RFC 791 s3.1 does not allow.
 *
 * One worker's, as the rest of path. */
#ifndef EG_PATH_FRAGMENT_H
#define EG_PATH_FRAGMENT_H

#include "path/batch.h"

struct eg_path;

/* 65,535 bytes into a tunnel over the smallest path MTU that is believed, 576 bytes, with 448 bytes
 * of payload each, and some more. */
#define EG_FRAGMENTS_MAX 160

/* In order. The first one uses the packet's own buffer, unless that is a large one
 * (path/reassembly.h). */
struct eg_fragments {
	unsigned n;
	struct rte_mbuf *m[EG_FRAGMENTS_MAX];
};

/* Fragment a packet, whose data start at its IP header, into at most mtu bytes each (RFC 791 s3.2;
 * RFC 8200 s4.5, with a new identification). EG_PASS, or EG_DROP_TOO_BIG or EG_DROP_NO_BUFFER: then
 * the packet is unchanged. The other fragments have new buffers, which are counted as made. A large
 * buffer is freed: then `m` is invalid, and out->m[0] replaces it. */
enum eg_verdict eg_fragment_ip4(struct eg_path *path, struct rte_mbuf *m, unsigned mtu,
				struct eg_fragments *out);
enum eg_verdict eg_fragment_ip6(struct eg_path *path, struct rte_mbuf *m, unsigned mtu,
				struct eg_fragments *out);

/* A new identification for an outer packet, not reused for a long time. */
uint32_t eg_fragment_id(struct eg_path *path);

/* How a packet that exceeds the tunnel's effective MTU is fragmented. */
enum eg_fragment_how {
	EG_FRAGMENT_NOT,
	EG_FRAGMENT_INNER, /* fragmented, then sealed */
	EG_FRAGMENT_OUTER, /* sealed, then fragmented */
};

enum eg_fragment_how eg_fragment_how(const struct eg_meta *meta, const struct eg_tunnel *tunnel,
				     const uint8_t *data);

/* Packets of a batch that sa_out could not take yet; those left are at `at` to n - 1. */
struct eg_fragment_queue {
	unsigned at, n;
	struct rte_mbuf *m[EG_BATCH_MAX];
	struct eg_meta meta[EG_BATCH_MAX];
};

/* sa_out: end the batch in front of packet i. That packet and those behind it wait. */
void eg_fragment_wait(struct eg_path *path, unsigned i);

/* Fill the batch with packets that waited, fragmented. False if there are none. */
bool eg_fragment_next(struct eg_path *path);

#endif
