/* Private to lib/sa: what the store knows of an SA beside what workers see. */
#ifndef EG_SA_RECORD_H
#define EG_SA_RECORD_H

#include "base/vec.h"
#include "sa/marks.h"
#include "sa/state_dir.h"
#include "sa/store.h"

/* One key, from its first use on. Records of SAs that are gone stay: a key that comes back goes on
 * where it was, or its numbers would repeat. */
struct eg_sa_record {
	struct eg_sa_record *next; /* of its bucket */
	uint8_t fingerprint[EG_FINGERPRINT_BYTES];
	struct eg_sa_spec spec;
	struct eg_crypto_key *key;
	struct eg_sa *sa; /* NULL: gone */
	size_t place;     /* in store->live */

	/* While it is gone, where it was. */
	uint64_t seq, iv; /* inbound: seq is the top of the window */

	/* Outbound with a state folder. */
	struct eg_marks marks;

	/* Use before this SA object was made: earlier runs, as far as they are known. */
	uint64_t bytes_before, since_ns, age_before_ns, born_mono_ns;

	/* The last look at it. */
	uint64_t look_packets;
	uint64_t rate_mono_ns, rate_packets, rate_bytes; /* where the rates' time began */
	uint64_t used_mono_ns; /* when its counters last moved; 0: never */
	double pps, bytes_per_s;
	enum eg_life_limit soft, hard; /* told */
};

#define EG_SA_BUCKETS 4096

struct eg_sa_store {
	struct eg_keystore *keys;
	struct eg_state_dir *state; /* NULL: nothing outlives the daemon */
	unsigned n_workers;
	EG_VEC(struct eg_sa_record *) live;
	size_t cursor; /* of the slices of eg_sa_store_step() */
	struct eg_sa_record *bucket[EG_SA_BUCKETS];
};

/* Set what workers may use from marks and lifetime. */
void eg_sa_record_limit(const struct eg_sa_store *store, const struct eg_sa_record *record);

#endif
