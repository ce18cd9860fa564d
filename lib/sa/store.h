/* All security associations of the daemon.
 *
 * Life cycle: eg_sa_store_new() -> eg_sa_store_open_state() if there is a state folder ->
 * eg_sa_acquire() for each SA of a new configuration, eg_sa_store_reserve() before workers see the
 * durable ones, eg_sa_release() for each reference that is given up; eg_sa_store_step() all the
 * time -> eg_sa_store_finish() when the workers ended well -> eg_sa_store_free(). An SA that
 * workers could see is released only after their grace period (rcu/rcu.h).
 *
 * A durable SA has a static key, which outlives the daemon. Such a key belongs to one SA for good:
 * what its SA was and how far its sequence numbers are used is remembered after the SA is gone
 * (here while the daemon runs, in the state folder for ever), because a key that comes back with
 * numbers from 1 would repeat nonces (RFC 4106 s3.1), and an inbound one would accept packets a
 * second time. An ephemeral SA has a negotiated key, which nobody uses again: it begins where its
 * spec says, nothing of it is on disk, and nothing is remembered when it is gone.
 *
 * Synchronization: the builder thread acquires and reserves for the next configuration while the
 * control thread steps, acquires and releases. A mutex guards what they share; it is held for
 * microseconds, never while waiting for the disk. Functions are for these two threads unless they
 * say otherwise. Until it is reserved for, an SA that the builder acquired is left alone by
 * eg_sa_store_step(): a configuration that is refused must leave no trace on disk. */
#ifndef EG_SA_STORE_H
#define EG_SA_STORE_H

#include "base/ip.h"
#include "base/lifetime.h"
#include "sa/keyfile.h"
#include "sa/lifetime.h"
#include "sa/sa.h"

struct eg_sa_store;

/* What was negotiated together with an ephemeral SA, and where it continues; borrowed during
 * eg_sa_acquire() only. */
struct eg_sa_start {
	uint64_t seq;         /* outbound: last one given out; inbound: highest one received */
	uint64_t iv;          /* outbound: last one used (RFC 4106 s3.1) */
	const uint64_t *seen; /* inbound: the window (eg_replay_restore()) */
	size_t seen_words;    /* 0: everything up to seq counts as received */
};

#define EG_SA_ANY_TUNNEL UINT32_MAX

/* The wire format that the other end agreed to. */
struct eg_sa_wire {
	bool transport;        /* mode */
	bool encap;            /* ESP in UDP (RFC 3948) */
	uint16_t sport, dport; /* of outbound UDP; 0: the tunnel's */
	uint32_t tunnel;       /* its id, or EG_SA_ANY_TUNNEL */
};

/* What makes an SA the same one over a reload: all of this but the lifetime, which may change. */
struct eg_sa_spec {
	enum eg_sa_kind kind;
	uint32_t spi; /* host order */
	const struct eg_suite *suite;
	uint32_t replay_window;
	bool esn;
	struct eg_ip local, remote; /* tunnel end points */
	struct eg_lifetime lifetime;
	bool ephemeral;
	struct eg_sa_wire wire;   /* ephemeral; a durable SA's is its tunnel's, and may change */
	struct eg_sa_start start; /* ephemeral */
};

/* The two clocks at one moment. */
struct eg_now {
	uint64_t wall_ns, mono_ns;
};

/* n_workers is fixed for the daemon's lifetime: it decides owners and sharing. */
struct eg_sa_store *eg_sa_store_new(unsigned n_workers);
unsigned eg_sa_store_workers(const struct eg_sa_store *store);
bool eg_sa_store_swappable(
	const struct eg_sa_store *store); /* its keys (eg_keystore_swappable()) */
void eg_sa_store_free(struct eg_sa_store *store);

/* Record the durable SAs' watermarks in a directory (sa/state_dir.h), before the first acquire.
 * read_only: only read them; then no durable SA may send. 0, or -1 with the reason in errs. */
int eg_sa_store_open_state(struct eg_sa_store *store, const char *path, bool read_only,
			   const struct eg_pos *pos, struct eg_errs *errs);

/* The running SA with this spec and key material, or a new one. The caller still owns `material`
 * and must wipe it, and calls eg_sa_release() once. NULL if memory is short, the key belongs to
 * another SA, or its state on disk is lost or damaged: reported to errs at `place`. */
struct eg_sa *eg_sa_acquire(struct eg_sa_store *store, const struct eg_sa_spec *spec,
			    const uint8_t *material, const struct eg_err_place *place,
			    struct eg_errs *errs);

/* What the SA was acquired with; spec->start is not kept. Valid until its release. Control thread.
 */
const struct eg_sa_spec *eg_sa_spec(const struct eg_sa *sa);

/* Set a running SA's lifetime from a configuration that is now in force. Acquiring the SA does not
 * change it, because that configuration may still be refused. */
void eg_sa_set_lifetime(struct eg_sa_store *store, struct eg_sa *sa,
			const struct eg_lifetime *lifetime);

/* Another reference, for a caller that has one. Any thread. */
void eg_sa_retain(struct eg_sa *sa);

/* Give up a reference. The last one frees the SA and wipes its key. NULL is allowed. */
void eg_sa_release(struct eg_sa_store *store, struct eg_sa *sa);

/* Reserve the first sequence numbers of every new durable outbound SA, with one fsync for all.
 * Waits for the disk, but no longer than wait_ns: then eg_sa_store_step() grants them once they are
 * on disk. 0, or -errno of the disk: then those SAs cannot send. One thread at a time. */
int eg_sa_store_reserve(struct eg_sa_store *store, const struct eg_now *now, uint64_t wait_ns);

/* A lifetime's limit was reached; each is reported once. */
struct eg_sa_event {
	const struct eg_sa *sa;
	const struct eg_sa_spec *spec;
	bool hard; /* the SA is expired */
	enum eg_lifetime_limit limit;
	unsigned percent; /* EG_LIFETIME_SEQUENCE and not hard: percentage of sequence numbers used
			   */
};

typedef void eg_sa_event_fn(void *arg, const struct eg_sa_event *event);

/* Upkeep: reservations that are half used, lifetimes, rates; a slice of all SAs per call, and the
 * fastest ones every time, so that a call takes about a millisecond. Never waits for the disk: a
 * thread writes what is due, in order of urgency, while the next calls collect more. Returns how
 * the last write ended: 0, or -errno of the disk. SAs continue with what is reserved, and the write
 * is tried again four times per second. `report` must not call the store. Control thread. */
int eg_sa_store_step(struct eg_sa_store *store, const struct eg_now *now, eg_sa_event_fn *report,
		     void *arg);

/* No worker sends or receives any more: record exactly what was used, so that nothing is skipped.
 * Waits for the disk. Control thread, when there is no builder any more. */
int eg_sa_store_finish(struct eg_sa_store *store, const struct eg_now *now);

/* Status of an SA for operators, beside its counters. */
struct eg_sa_status {
	double idle_s;                     /* since its counters last changed; < 0: never used */
	enum eg_lifetime_limit soft, hard; /* reached */
	struct eg_lifetime_forecast forecast;
};

/* Control thread. */
struct eg_sa_status eg_sa_status(const struct eg_sa *sa, const struct eg_now *now);

#endif
