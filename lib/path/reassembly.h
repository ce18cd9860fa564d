/* Fragments of ESP, and of UDP, that come by an encrypted port between a peer's outer addresses:
 * put together before sa_in looks for the SA, which only whole packets have (RFC 4303 s3.4.1).
 *
 * A worker's table of fixed size. Each packet has one buffer, into which the payloads are copied as
 * they come, in whatever order, so that what is held is bounded by packets and not by fragments.
 * Linux seals a whole datagram and fragments the ESP packet: it may have 65,535 bytes whatever the
 * ports' MTU. A packet that outgrows a buffer of path->pool moves to one of path->large, of which
 * there are few. Large buffers do not leave the path: what is opened moves back where it fits, and
 * what does not fit is longer than every MTU, so that it is fragmented into others or dropped.
 * With several workers a hash of addresses and identification says whose a packet is; others hand
 * its fragments over, as they do packets of others' SAs.
 *
 * Hostile input: nothing of strangers is held, and of one source at most a quarter of the table; a
 * newer packet takes the place of its source's oldest, or of the oldest of all. A fragment that
 * overlaps another ends its packet, with all that may still come of it (RFC 5722 s4, RFC 8200 s4.5;
 * of IPv4 likewise: no sender makes them, RFC 1858 tells who does). What is not whole in time is
 * dropped; each of its fragments counts.
 *
 * Not DPDK's rte_ip_frag: it takes eight fragments a packet, does not see overlaps, makes chains
 * where opening wants contiguous bytes, and knows no sources.
 *
 * Inner fragments are not put together: policy lets them follow their first one (flow/frag.h).
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
/* Of these, in large buffers; and how many of those a worker's packets may need in all: some are on
 * their way from the table to where they are fragmented. */
#define EG_REASSEMBLY_LARGE        64
#define EG_REASSEMBLY_LARGE_SOURCE 16
#define EG_LARGE_BUFFERS           (EG_REASSEMBLY_LARGE + 16)
#define EG_LARGE_BYTES             UINT16_MAX /* of a large buffer, without headroom */
/* Fragments of one packet: 65,535 bytes over a path of 576. No link of today makes fragments of
 * fewer bytes but for the last, which may be so by chance; who sends them wants to fill tables. */
#define EG_REASSEMBLY_PARTS 128
#define EG_REASSEMBLY_LEAST 256
/* Fragments leave in a row, so what is lost will not come; and the longer they wait, the likelier
 * the identification comes again (RFC 4963 s2). RFC 8200 s4.5 allows 60 s at most. */
#define EG_REASSEMBLY_MS 2000

struct eg_reassembly_key {
	uint8_t src[16], dst[16];
	uint32_t id;
	uint16_t version,
		proto; /* proto 0 over IPv6: only the first one's counts (RFC 8200 s4.5) */
};

struct eg_reassembly_entry {
	struct eg_reassembly_key key;
	struct rte_mbuf *m; /* NULL: refused; what still comes is dropped as `verdict` says */
	uint64_t until_cycles;
	uint16_t total; /* bytes of payload; 0: the last one has not come */
	uint16_t got;
	uint16_t reach; /* where the last part so far ends */
	uint16_t at;    /* where the payload begins in the buffer */
	uint8_t n;
	uint8_t head; /* bytes of the first one's header, which end where the payload begins; 0: it
			 has not come */
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
	uint64_t next_cycles;            /* of the next look for those whose time is over */
	uint32_t tag[EG_REASSEMBLY_MAX]; /* a hash of entry[i]'s key; 0: free */
	struct eg_reassembly_entry entry[EG_REASSEMBLY_MAX];
};

/* Packet i of the batch is a fragment of ESP or UDP from an encrypted port. EG_PASS: it was the
 * last one that was missing, and in its place stands the whole packet, parsed. Else EG_CONSUMED:
 * it is held here or was given to its worker; or why it is dropped. */
enum eg_verdict eg_reassemble(struct eg_path *path, unsigned i);

/* Packet i was opened in a large buffer, and parsed: into a usual one where that takes it. EG_PASS,
 * or EG_DROP_NO_BUFFER. */
enum eg_verdict eg_reassembly_shrink(struct eg_path *path, unsigned i);

/* Drop what waited too long; `ending`: all, and hold nothing more. A worker's every turn. */
void eg_path_expire(struct eg_path *path, bool ending);

#endif
