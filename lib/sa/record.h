/* Private to lib/sa: the store's view of an SA, beyond what workers see. */
#ifndef EG_SA_RECORD_H
#define EG_SA_RECORD_H

#include <pthread.h>

#include "base/vec.h"
#include "sa/watermark.h"
#include "sa/state_dir.h"
#include "sa/state_writer.h"
#include "sa/store.h"

/* One key, from its first use on. The record of a durable SA remains when the SA is removed: a key
 * that is added again must continue, or its sequence numbers would repeat. The record of an
 * ephemeral SA is freed with it. Protected by the store's mutex. */
struct eg_sa_record {
	struct eg_sa_record *next; /* of its bucket */
	uint8_t fingerprint[EG_FINGERPRINT_BYTES];
	struct eg_sa_spec spec;
	struct eg_crypto_key *key;
	struct eg_sa *sa; /* NULL: removed */
	size_t place;     /* in store->live */

	/* While there is no SA: where it stopped. */
	uint64_t seq, iv; /* inbound: seq is the top of the window */

	/* With a state directory. */
	struct eg_watermarks watermarks;      /* on the disk */
	uint64_t submitted_seq, submitted_iv; /* highest watermarks ever submitted for writing */
	bool queued;                          /* in store->queue or store->flight */
	size_t queue_place;                   /* in store->queue; NOT_QUEUED: it is not */
	bool fresh;                           /* in store->fresh: no reservation was asked for */
	size_t fresh_place;
	bool first; /* eg_sa_store_reserve() waits for its first reservation */

	/* Use before this SA object was created: in earlier runs, as far as known. */
	uint64_t bytes_before, since_ns, age_before_ns, born_mono_ns;

	/* When eg_sa_store_step() last visited it. */
	uint64_t last_packets;
	uint64_t noted_mono_ns;                          /* outbound: eg_sa_note_sent() */
	uint64_t rate_mono_ns, rate_packets, rate_bytes; /* start of the rate measurement */
	uint64_t used_mono_ns; /* when its counters last changed; 0: never */
	double pps, bytes_per_s;
	enum eg_lifetime_limit soft, hard; /* reported */
	unsigned percent;                  /* reported */
	bool fast;                         /* in store->fast */
};

/* A reservation being written. */
struct eg_sa_due {
	struct eg_sa_record *record;
	struct eg_watermarks watermarks;
	double left_s; /* seconds until it is needed */
};

#define NOT_QUEUED SIZE_MAX

#define EG_SA_FAST 256 /* SAs that every step visits */

#define EG_SA_BUCKETS (1u << 18) /* only used parts take memory */

struct eg_sa_store {
	/* Fixed. */
	unsigned n_workers;
	struct eg_state_dir *state; /* NULL: nothing outlives the daemon */
	struct eg_state_writer *writer;

	/* Everything below, and the SAs' records. Not held while waiting for the disk. */
	pthread_mutex_t mutex;
	struct eg_keystore *keys;
	EG_VEC(struct eg_sa_record *) fresh; /* durable, outbound: acquired but not reserved yet */
	size_t n_first;                      /* records that are `first` */
	int first_err;                       /* result of their write */
	EG_VEC(struct eg_sa_record *) queue; /* due, and not yet being written */
	bool urgent;                         /* one of them must not wait for others */
	EG_VEC(struct eg_sa_due) flight;     /* submitted to the writer, with their states */
	EG_VEC(struct eg_state) states;
	uint64_t write_mono_ns; /* when the last write started */
	int disk_err;           /* result of the last write */
	struct eg_sa_record *fast[EG_SA_FAST];
	size_t n_fast;
	EG_VEC(struct eg_sa_record *) live;
	size_t cursor; /* of the slices of eg_sa_store_step() */
	struct eg_sa_record *bucket[EG_SA_BUCKETS];
};

static inline uint64_t eg_sa_now_of(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static inline bool eg_sa_record_is_out(const struct eg_sa_record *record)
{
	return record->spec.kind == EG_SA_KIND_OUT;
}

/* Does it have state on disk? */
static inline bool eg_sa_record_is_durable(const struct eg_sa_store *store,
					   const struct eg_sa_record *record)
{
	return store->state && !record->spec.ephemeral;
}

/* Set the limits that workers see, from watermarks and lifetime. */
void eg_sa_record_limit(const struct eg_sa_store *store, const struct eg_sa_record *record);

/* Queue a new durable outbound SA for eg_sa_store_reserve(). 0 or -ENOMEM. */
int eg_sa_record_fresh(struct eg_sa_store *store, struct eg_sa_record *record);

/* Queue the record if its reservation is due. */
void eg_sa_reservation_renew(struct eg_sa_store *store, struct eg_sa_record *record,
			     const struct eg_now *now);

/* Begin a write if one is due. */
void eg_sa_reservation_write_due(struct eg_sa_store *store, const struct eg_now *now);

/* Is the writer idle? What it has written comes into force. */
bool eg_sa_reservation_finish_write(struct eg_sa_store *store);

/* The SA is being removed: reserve nothing more for it. */
void eg_sa_reservation_leave(struct eg_sa_store *store, struct eg_sa_record *record);

/* The SA is being removed: stop visiting it. */
void eg_sa_record_detach(struct eg_sa_store *store, struct eg_sa_record *record);

#endif
