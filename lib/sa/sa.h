/* One security association: its fixed part, and the hot state of its one direction.
 *
 * Life cycle: created by the SA store (sa/store.h), put into a tunnel (tunnel/table.h), freed with
 * its last reference. It outlives configurations: rebuilding it would start its sequence numbers
 * and IVs again.
 *
 * Synchronization: an inbound SA belongs to one worker (`owner`); others pass packets on to it. An
 * outbound SA is written by one worker, or if `shared` by several, then with atomic operations. The
 * limits are moved by the control thread and read by workers once per burst. Counters may be read
 * by any thread at any time. */
#ifndef EG_SA_SA_H
#define EG_SA_SA_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/suite.h"
#include "crypto/crypto.h"
#include "espgate/drop.h"
#include "sa/replay.h"

#define EG_CACHE_LINE 64

struct eg_tunnel;

enum eg_sa_kind {
	EG_SA_KIND_OUT,
	EG_SA_KIND_IN,
};

struct eg_sa {
	/* Fixed, except the link and the tunnel of an inbound SA, which the control thread changes.
	 * Read by every worker. */
	const struct eg_crypto_key *key;
	_Atomic(struct eg_sa *) next_in_chain;    /* inbound: in the SA database (sa/sad.h) */
	_Atomic(const struct eg_tunnel *) tunnel; /* that it belongs to, in its current version */
	uint32_t spi_be;
	uint16_t owner; /* inbound: the worker that opens its packets */
	uint8_t kind;
	uint8_t iv_bytes, icv_bytes, align_bytes;
	uint8_t iv_kind; /* enum eg_iv_kind */
	bool esn;
	bool shared; /* outbound: several workers send on it */

	/* Limits: changed by the control thread, a few times per second at most. */
	_Atomic uint64_t seq_limit; /* last sequence number that may be granted or accepted: within
				       the durable reservation and the lifetime; 0: none */
	_Atomic uint64_t iv_limit;  /* outbound: last IV durably reserved */
	_Atomic uint64_t byte_limit;

	/* Hot: written by the worker. */
	_Alignas(EG_CACHE_LINE) _Atomic uint64_t
		seq;         /* last sequence number granted; inbound: highest one received */
	_Atomic uint64_t iv; /* outbound: last IV granted */
	_Atomic uint64_t packets, bytes; /* inner packets and bytes */
	struct eg_replay replay;         /* inbound */

	/* Control thread only, except refs. */
	_Alignas(EG_CACHE_LINE) _Atomic unsigned refs; /* any thread's */
	struct eg_sa_record *record;                   /* of the SA store */
	void *holder; /* the tunnel's list entry (tunnel/rekey.h) */
	const struct eg_suite *suite;
	_Atomic uint64_t seq_end; /* end of the lifetime or of the sequence space; read by a worker
				     that is short of sequence numbers */
	/* Outbound: state at the control thread's last note of what was sent, and at the one
	 * before. Read by any worker. */
	struct {
		_Atomic uint64_t seq, iv;
	} sent[2];
};

_Static_assert(offsetof(struct eg_sa, seq) == EG_CACHE_LINE, "fixed part fills one line");
_Static_assert(offsetof(struct eg_sa, refs) == 2 * EG_CACHE_LINE, "hot part fills one line");

/* Prefetch both cache lines that a packet needs. Any worker. */
static inline void eg_sa_prefetch(const struct eg_sa *sa)
{
	__builtin_prefetch(sa);
	__builtin_prefetch(&sa->seq, 1);
}

/* The last sequence number: they never wrap (RFC 4303 s3.3.3). */
static inline uint64_t eg_sa_space(bool esn)
{
	return esn ? UINT64_MAX : UINT32_MAX;
}

/* Numbers granted to a sender for one burst. */
struct eg_sa_grant {
	uint64_t seq, iv; /* of the first packet; each further one adds 1 */
	unsigned n;       /* number of packets: fewer than requested near a limit */
};

/* The first of n IVs after `last`, none of them beyond `limit`: the wall clock, if it is later than
 * `last`; or `last` + 1, if the clock is past the reservation (it has jumped). */
static inline uint64_t eg_sa_first_iv(uint64_t last, uint64_t limit, unsigned n, uint64_t wall_ns)
{
	return wall_ns > last && limit - last >= n && wall_ns <= limit - n ? wall_ns : last + 1;
}

/* Grant sequence numbers and IVs for a burst of n packets. Neither exceeds what the control thread
 * has reserved: a number is durably reserved before a packet may use it, so that it is never used
 * again after a crash (RFC 4303 s3.3.3; RFC 4106 s3.1 requires IVs to be unique per key). The IV is
 * a hybrid clock: wall time in ns, but always later than the last one; suites with other IVs (CBC,
 * RFC 3602 s3) ignore it. Writing worker only. */
static inline struct eg_sa_grant eg_sa_reserve(struct eg_sa *sa, unsigned n, uint64_t wall_ns)
{
	/* Acquire: what the limits cover is on disk. */
	const uint64_t limit = atomic_load_explicit(&sa->seq_limit, memory_order_acquire);
	const uint64_t iv_limit = atomic_load_explicit(&sa->iv_limit, memory_order_acquire);
	const uint64_t byte_limit = atomic_load_explicit(&sa->byte_limit, memory_order_relaxed);
	uint64_t seq = atomic_load_explicit(&sa->seq, memory_order_relaxed);
	uint64_t iv = atomic_load_explicit(&sa->iv, memory_order_relaxed);
	uint64_t first_iv;
	unsigned granted;

	if (atomic_load_explicit(&sa->bytes, memory_order_relaxed) >= byte_limit)
		n = 0;
	do {
		granted = seq >= limit ? 0 : limit - seq < n ? (unsigned)(limit - seq) : n;
		if (!sa->shared) {
			atomic_store_explicit(&sa->seq, seq + granted, memory_order_relaxed);
			break;
		}
	} while (!atomic_compare_exchange_weak_explicit(
		&sa->seq, &seq, seq + granted, memory_order_relaxed, memory_order_relaxed));
	do {
		/* Numbers without an IV are skipped, as any sender may (RFC 6311). */
		if (iv_limit - iv < granted)
			granted = (unsigned)(iv_limit - iv);
		first_iv = eg_sa_first_iv(iv, iv_limit, granted, wall_ns);
		if (!sa->shared) {
			atomic_store_explicit(&sa->iv, first_iv + granted - 1,
					      memory_order_relaxed);
			break;
		}
	} while (!atomic_compare_exchange_weak_explicit(
		&sa->iv, &iv, first_iv + granted - 1, memory_order_relaxed, memory_order_relaxed));
	return (struct eg_sa_grant){.seq = seq + 1, .iv = first_iv, .n = granted};
}

/* Note what has been sent so far; see eg_sa_sent_lately(). Control thread: eg_sa_store_step() does
 * it every EG_SA_NOTE_NS. */
static inline void eg_sa_note_sent(struct eg_sa *sa)
{
	atomic_store_explicit(&sa->sent[1].seq,
			      atomic_load_explicit(&sa->sent[0].seq, memory_order_relaxed),
			      memory_order_relaxed);
	atomic_store_explicit(&sa->sent[1].iv,
			      atomic_load_explicit(&sa->sent[0].iv, memory_order_relaxed),
			      memory_order_relaxed);
	atomic_store_explicit(&sa->sent[0].seq,
			      atomic_load_explicit(&sa->seq, memory_order_relaxed),
			      memory_order_relaxed);
	atomic_store_explicit(&sa->sent[0].iv, atomic_load_explicit(&sa->iv, memory_order_relaxed),
			      memory_order_relaxed);
}

#define EG_SA_NOTE_NS   1000000000ull
#define EG_SA_SENT_MOST (1u << 20) /* maximum age in packets */

/* Did this outbound SA send a packet with these low 32 bits of the sequence number within the last
 * one to two seconds, and at most EG_SA_SENT_MOST packets ago? `iv`: the IV in the packet if the
 * suite uses the clock, or NULL if it is not known. Any worker. */
bool eg_sa_sent_lately(const struct eg_sa *sa, uint32_t seq, const uint64_t *iv);

/* May an inbound SA still accept this sequence number? Owner only. */
static inline bool eg_sa_may_receive(const struct eg_sa *sa, uint64_t seq)
{
	return seq <= atomic_load_explicit(&sa->seq_limit, memory_order_relaxed) &&
	       atomic_load_explicit(&sa->bytes, memory_order_relaxed) <
		       atomic_load_explicit(&sa->byte_limit, memory_order_relaxed);
}

/* A packet with this sequence number was authenticated: move the window (RFC 4303 s3.4.3), unless
 * it is old or seen by now. The control thread reads the highest number from sa->seq. Owner only.
 */
static inline enum eg_verdict eg_sa_received(struct eg_sa *sa, uint64_t seq)
{
	enum eg_verdict drop = eg_replay_commit(&sa->replay, seq);

	sa->replay.failed = sa->replay.tried = 0;
	atomic_store_explicit(&sa->seq, sa->replay.top, memory_order_relaxed);
	return drop;
}

/* Why fewer numbers were granted than requested. Any thread. */
enum eg_verdict eg_sa_shortage(const struct eg_sa *sa);

/* Count a burst's packets and bytes. Writing worker only. */
static inline void eg_sa_count(struct eg_sa *sa, uint64_t packets, uint64_t bytes)
{
	if (sa->shared) {
		atomic_fetch_add_explicit(&sa->packets, packets, memory_order_relaxed);
		atomic_fetch_add_explicit(&sa->bytes, bytes, memory_order_relaxed);
		return;
	}
	packets += atomic_load_explicit(&sa->packets, memory_order_relaxed);
	bytes += atomic_load_explicit(&sa->bytes, memory_order_relaxed);
	atomic_store_explicit(&sa->packets, packets, memory_order_relaxed);
	atomic_store_explicit(&sa->bytes, bytes, memory_order_relaxed);
}

#endif
