/* Reassembly of ESP and UDP fragments that come in by an encrypted port between a tunnel's outer
 * addresses. Only a whole packet has an SA (RFC 4303 s3.4.1).
 *
 * Each worker has a table of fixed size. Each packet has one buffer, into which payloads are copied
 * in whatever order they arrive, so that memory is bounded per packet and not per fragment. Linux
 * seals a whole datagram and then fragments the ESP packet, which may have 65,535 bytes whatever
 * the ports' MTU. A packet that does not fit into a buffer of path->pool moves to one of
 * path->large, of which there are few. Large buffers do not leave the path: after opening, the
 * packet moves back if it fits; if not, it is longer than every MTU, and is fragmented into other
 * buffers or dropped. With several workers a hash of addresses and identification decides which
 * worker reassembles a packet; the others hand its fragments over, as they do packets of other
 * workers' SAs.
 *
 * Hostile input: fragments of strangers are not held, and one source has at most a quarter of the
 * table. A newer packet evicts its source's oldest, or the oldest of all. An overlap ends the
 * packet, including fragments that come later (RFC 5722 s4, RFC 8200 s4.5; also for IPv4, where no
 * honest sender makes overlaps: RFC 1858). What is incomplete at the timeout is dropped, and each
 * fragment counts.
 *
 * Not DPDK's rte_ip_frag: it takes eight fragments per packet, does not detect overlaps, returns
 * chains where decryption needs contiguous bytes, and does not limit sources.
 *
 * Inner fragments are not reassembled: policy lets them follow their first one (flow/frag.h).
 *
 * One worker's; no locks. Zeroed is empty. */
#ifndef EG_PATH_REASSEMBLY_H
#define EG_PATH_REASSEMBLY_H

#include <stdbool.h>
#include <stdint.h>

struct eg_path;
struct rte_mbuf;

#define EG_REASSEMBLY_MAX        128 /* packets at a time, and buffers */
#define EG_REASSEMBLY_SOURCE_MAX 32
/* How many of these may use large buffers; and how many large buffers a worker needs in all,
 * because some are between the table and fragmentation. */
#define EG_REASSEMBLY_LARGE        64
#define EG_REASSEMBLY_LARGE_SOURCE 16
#define EG_LARGE_BUFFERS           (EG_REASSEMBLY_LARGE + 16)
#define EG_LARGE_BYTES             UINT16_MAX /* of a large buffer, without headroom */
/* Fragments of one packet: 65,535 bytes over a path MTU of 576. No link of today makes smaller
 * fragments, except the last of a packet: smaller ones are an attempt to fill the table. */
#define EG_REASSEMBLY_PARTS 128
#define EG_REASSEMBLY_LEAST 256
/* Fragments are sent in a row, so a missing one was lost; and the longer they wait, the likelier
 * the identification is reused (RFC 4963 s2). RFC 8200 s4.5 allows 60 s at most. */
#define EG_REASSEMBLY_MS 2000

struct eg_reassembly_key {
	uint8_t src[16], dst[16];
	uint32_t id;
	uint16_t version,
		proto; /* proto 0 over IPv6: only the first one's counts (RFC 8200 s4.5) */
};

struct eg_reassembly_entry {
	struct eg_reassembly_key key;
	struct rte_mbuf *m; /* NULL: refused; later fragments are dropped with `verdict` */
	uint64_t until_cycles;
	uint16_t total; /* bytes of payload; 0: the last fragment has not arrived */
	uint16_t got;
	uint16_t reach; /* where the last part so far ends */
	uint16_t at;    /* where the payload begins in the buffer */
	uint8_t n;
	uint8_t head; /* bytes of the first fragment's header, which end where the payload begins;
			 0: it has not arrived */
	uint8_t port; /* where the first to arrive came in */
	uint8_t verdict;
	bool congested; /* one had CE (RFC 3168 s5.3) */
	struct {
		uint16_t from, to;
	} part[EG_REASSEMBLY_PARTS];
};

struct eg_reassembly {
	unsigned n; /* in use */
	bool closed;
	uint64_t next_cycles;            /* of the next check for timeouts */
	uint32_t tag[EG_REASSEMBLY_MAX]; /* a hash of entry[i]'s key; 0: free */
	struct eg_reassembly_entry entry[EG_REASSEMBLY_MAX];
};

/* Packet i of the batch is a fragment of ESP or UDP from an encrypted port. EG_PASS: it completed
 * its packet, which is in its place, parsed. Otherwise EG_CONSUMED: it is held here or was handed
 * to its worker; or the reason to drop it. */
enum eg_verdict eg_reassemble(struct eg_path *path, unsigned i);

/* Packet i was opened in a large buffer, and parsed. Move it to a normal buffer if it fits there.
 * EG_PASS, or EG_DROP_NO_BUFFER. */
enum eg_verdict eg_reassembly_shrink(struct eg_path *path, unsigned i);

/* Drop what has timed out; `ending`: everything, and hold nothing more. Every poll of a worker. */
void eg_path_expire(struct eg_path *path, bool ending);

#endif
