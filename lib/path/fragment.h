/* Packets that are too long for their way and may be fragmented: which, and where.
 *
 * Before sealing (RFC 4301 s8.2.1; the tunnel's inner packets, IPv4 without DF): a burst of 64 may
 * become hundreds, so sa_out stops at the first such packet; what is in front of it goes its way,
 * and the rest comes back as batches in which it is cut, in order (path.c). Sealed packets, and
 * plain ones by a clear port, are fragmented by tx, whose buffers are emptied as they fill.
 *
 * Not DPDK's rte_ip_frag: its fragments are chains of a header and a piece of the packet, where
 * sealing wants the bytes of each in one buffer, with room around them; and it copies all of the
 * options into each (RFC 791 s3.1 does not).
 *
 * One worker's, as the rest of path. */
#ifndef EG_PATH_FRAGMENT_H
#define EG_PATH_FRAGMENT_H

#include "path/path.h"

/* 65,535 bytes into a tunnel through the smallest path that is believed, 576 bytes: 448 bytes of
 * payload in each, and more. */
#define EG_FRAGMENTS_MAX 160

/* In order; the first is the packet's own buffer, but for a large one's (path/reassembly.h). */
struct eg_fragments {
	unsigned n;
	struct rte_mbuf *m[EG_FRAGMENTS_MAX];
};

/* Cut a packet, whose data start at its IP header, into fragments of at most mtu bytes (RFC 791
 * s3.2; RFC 8200 s4.5, under an identification of its own). EG_PASS, or EG_DROP_TOO_BIG or
 * EG_DROP_NO_BUFFER: then it is as it was. The others' buffers are new ones, counted as made. A
 * large buffer is given back: `m` is gone then, and out->m[0] stands for it. */
enum eg_verdict eg_fragment_ip4(struct eg_path *path, struct rte_mbuf *m, unsigned mtu,
				struct eg_fragments *out);
enum eg_verdict eg_fragment_ip6(struct eg_path *path, struct rte_mbuf *m, unsigned mtu,
				struct eg_fragments *out);

/* An identification for an outer packet: no other that we fragment has it for long. */
uint32_t eg_fragment_id(struct eg_path *path);

/* How a packet goes into a tunnel that it is too long for. */
enum eg_fragment_how {
	EG_FRAGMENT_NOT,
	EG_FRAGMENT_INNER, /* cut, then sealed */
	EG_FRAGMENT_OUTER, /* sealed, then cut */
};

enum eg_fragment_how eg_fragment_how(const struct eg_meta *meta, const struct eg_tunnel *tunnel,
				     const uint8_t *data);

/* sa_out: let the batch end before packet i; that and the rest wait. */
void eg_fragment_wait(struct eg_path *path, unsigned i);

/* The next batch of those that wait. False where none do. */
bool eg_fragment_next(struct eg_path *path);

static inline bool eg_fragment_more(struct eg_path *path)
{
	return __builtin_expect(path->waiting.n != 0, 0) && eg_fragment_next(path);
}

#endif
