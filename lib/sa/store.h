/* All security associations of the daemon, over all snapshots.
 *
 * Life cycle: eg_sa_store_new() -> eg_sa_store_open_state() where there is a folder for it ->
 * eg_sa_acquire() for each SA of a new snapshot, eg_sa_store_reserve() before that is published,
 * eg_sa_release() for each SA of a retired one; eg_sa_store_step() all the time ->
 * eg_sa_store_finish() when the workers ended well -> eg_sa_store_free(). Control thread only. A
 * snapshot is retired only after the workers' grace period, so a released SA has no reader.
 *
 * A key belongs to one SA for as long as it exists: what its SA was and how far its numbers are
 * used is remembered after the SA is gone (here for the daemon's life, in the state folder for
 * good), because a key that comes back with numbers from 1 would repeat nonces (RFC 4106 s3.1),
 * and an inbound one would take packets again that it had before. */
#ifndef EG_SA_STORE_H
#define EG_SA_STORE_H

#include "base/ip.h"
#include "base/lifetime.h"
#include "sa/keyfile.h"
#include "sa/lifetime.h"
#include "sa/sa.h"

struct eg_sa_store;

/* What makes an SA the same one over a reload: all of this but the lifetime, which may change. */
struct eg_sa_spec {
	enum eg_sa_kind kind;
	uint32_t spi; /* host order */
	const struct eg_suite *suite;
	uint32_t replay_window;
	bool esn;
	struct eg_ip local, remote; /* tunnel end points */
	struct eg_lifetime lifetime;
};

/* The two clocks at one moment. */
struct eg_now {
	uint64_t wall_ns, mono_ns;
};

/* n_workers is fixed for the daemon's life: it decides owners and sharing. */
struct eg_sa_store *eg_sa_store_new(unsigned n_workers);
unsigned eg_sa_store_workers(const struct eg_sa_store *store);
bool eg_sa_store_swaps(const struct eg_sa_store *store); /* its keys (eg_keystore_swaps()) */
void eg_sa_store_free(struct eg_sa_store *store);

/* Record the SAs' marks in a folder (sa/state_dir.h), before the first acquire. read_only: look at
 * them only; then no SA may send. 0, or -1 told to errs. */
int eg_sa_store_open_state(struct eg_sa_store *store, const char *path, bool read_only,
			   const struct eg_pos *pos, struct eg_errs *errs);

/* The running SA of that spec and key material, or a new one. The caller still owns and wipes
 * `material`, and calls eg_sa_release() once. NULL where memory is short, the key is another SA's,
 * or its state file is not as it should be: told to errs at `place`. */
struct eg_sa *eg_sa_acquire(struct eg_sa_store *store, const struct eg_sa_spec *spec,
			    const uint8_t *material, const struct eg_err_place *place,
			    struct eg_errs *errs);

/* The lifetime that a configuration now in force gives a running SA: acquiring it again changes
 * nothing yet, for the configuration may still be refused. */
void eg_sa_set_lifetime(struct eg_sa_store *store, struct eg_sa *sa,
			const struct eg_lifetime *lifetime);

/* One more eg_sa_release() to come. */
void eg_sa_retain(struct eg_sa *sa);
void eg_sa_release(struct eg_sa_store *store, struct eg_sa *sa);

/* Give every new outbound SA its first numbers, durably, with one fsync for all of them. Waits for
 * the disk, but not beyond wait_ns: then eg_sa_store_step() gives them out as soon as it has them.
 * 0, or -errno of the disk: then those have none. */
int eg_sa_store_reserve(struct eg_sa_store *store, const struct eg_now *now, uint64_t wait_ns);

/* A lifetime's limit was reached; each is told once. */
struct eg_sa_event {
	const struct eg_sa *sa;
	const struct eg_sa_spec *spec;
	bool hard; /* it carries nothing more */
	enum eg_lifetime_limit limit;
	unsigned percent; /* EG_LIFETIME_SEQUENCE that is not hard: of its sequence numbers are used
			   */
};

typedef void eg_sa_event_fn(void *arg, const struct eg_sa_event *event);

/* Upkeep: reservations that are half used, lifetimes, rates; a slice of all SAs per call, and the
 * fastest ones every time, so that a call takes about a millisecond. Never waits for the disk: a
 * thread writes what is due, those first that need it soonest, while the next calls collect more.
 * Returns how the last write ended: 0, or -errno of the disk. SAs go on with what they have, and it
 * is tried again four times per second. */
int eg_sa_store_step(struct eg_sa_store *store, const struct eg_now *now, eg_sa_event_fn *tell,
		     void *arg);

/* No worker sends or receives any more: write down exactly what was used, so that nothing is
 * skipped. Waits for the disk. */
int eg_sa_store_finish(struct eg_sa_store *store, const struct eg_now *now);

/* What an operator wants to know of an SA beside its counters. */
struct eg_sa_status {
	double idle_s;                     /* since its counters last moved; < 0: they never did */
	enum eg_lifetime_limit soft, hard; /* reached */
	struct eg_lifetime_forecast forecast;
};

struct eg_sa_status eg_sa_status(const struct eg_sa *sa, const struct eg_now *now);

#endif
