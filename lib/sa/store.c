#include "sa/store.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "net/bytes.h"
#include "sa/record.h"

struct eg_sa_store *eg_sa_store_new(unsigned n_workers)
{
	struct eg_sa_store *store = calloc(1, sizeof(*store));

	if (!store)
		return NULL;
	store->n_workers = n_workers;
	store->keys = eg_keystore_new();
	if (!store->keys) {
		free(store);
		return NULL;
	}
	pthread_mutex_init(&store->mutex, NULL);
	return store;
}

unsigned eg_sa_store_workers(const struct eg_sa_store *store)
{
	return store->n_workers;
}

int eg_sa_store_open_state(struct eg_sa_store *store, const char *path, bool read_only,
			   const struct eg_pos *pos, struct eg_errs *errs)
{
	store->state = eg_state_dir_open(path, read_only, pos, errs);
	if (!store->state)
		return -1;
	store->writer = eg_state_writer_new(store->state);
	if (store->writer)
		return 0;
	eg_error(errs, pos, "state_dir", "out of memory");
	return -1;
}

bool eg_sa_store_swappable(const struct eg_sa_store *store)
{
	return eg_keystore_swappable(store->keys);
}

void eg_sa_store_free(struct eg_sa_store *store)
{
	if (!store)
		return;
	for (size_t i = 0; i < EG_SA_BUCKETS; i++) {
		for (struct eg_sa_record *record = store->bucket[i], *next; record; record = next) {
			next = record->next;
			free(record->sa);
			free(record);
		}
	}
	eg_vec_free(&store->live);
	eg_vec_free(&store->fresh);
	eg_state_writer_free(store->writer);
	eg_vec_free(&store->queue);
	eg_vec_free(&store->flight);
	eg_vec_free(&store->states);
	eg_state_dir_close(store->state);
	eg_keystore_free(store->keys);
	pthread_mutex_destroy(&store->mutex);
	free(store);
}

/* A fingerprint is a hash already. */
static struct eg_sa_record **chain(struct eg_sa_store *store,
				   const uint8_t fingerprint[EG_FINGERPRINT_BYTES])
{
	uint64_t hash;

	memcpy(&hash, fingerprint, sizeof(hash));
	return &store->bucket[hash % EG_SA_BUCKETS];
}

static struct eg_sa_record *find(struct eg_sa_store *store,
				 const uint8_t fingerprint[EG_FINGERPRINT_BYTES])
{
	struct eg_sa_record *record = *chain(store, fingerprint);

	while (record && memcmp(record->fingerprint, fingerprint, EG_FINGERPRINT_BYTES))
		record = record->next;
	return record;
}

/* The SA that a key belongs to for good. */
static bool same_sa(const struct eg_sa_spec *a, const struct eg_sa_spec *b)
{
	return a->kind == b->kind && a->spi == b->spi && a->suite == b->suite &&
	       a->ephemeral == b->ephemeral && eg_ip_equal(&a->remote, &b->remote);
}

static bool same_wire(const struct eg_sa_wire *a, const struct eg_sa_wire *b)
{
	return a->transport == b->transport && a->encap == b->encap && a->sport == b->sport &&
	       a->dport == b->dport && a->tunnel == b->tunnel;
}

/* Parameters that are fixed while the SA runs. */
static bool same_spec(const struct eg_sa_spec *a, const struct eg_sa_spec *b)
{
	return same_sa(a, b) && a->replay_window == b->replay_window && a->esn == b->esn &&
	       eg_ip_equal(&a->local, &b->local) &&
	       (!a->ephemeral || same_wire(&a->wire, &b->wire));
}

static struct eg_sa *make_sa(const struct eg_sa_store *store, const struct eg_sa_spec *spec,
			     const struct eg_crypto_key *key)
{
	size_t ring = spec->kind == EG_SA_KIND_IN ? eg_replay_bytes(spec->replay_window) : 0;
	size_t size = (sizeof(struct eg_sa) + ring + EG_CACHE_LINE - 1) & ~(EG_CACHE_LINE - 1ul);
	struct eg_sa *sa = aligned_alloc(EG_CACHE_LINE, size);

	if (!sa)
		return NULL;
	memset(sa, 0, size);
	sa->key = key;
	sa->suite = spec->suite;
	sa->spi_be = htobe32(spec->spi);
	sa->kind = (uint8_t)spec->kind;
	sa->iv_kind = (uint8_t)spec->suite->iv;
	sa->iv_bytes = spec->suite->iv_bytes;
	sa->icv_bytes = spec->suite->icv_bytes;
	sa->align_bytes = spec->suite->align_bytes;
	sa->esn = spec->esn;
	sa->shared = spec->kind == EG_SA_KIND_OUT && store->n_workers > 1;
	sa->owner = (uint16_t)(eg_hash_u64(spec->spi) % store->n_workers);
	if (ring)
		eg_replay_init(&sa->replay, spec->replay_window, (uint64_t *)(sa + 1));
	return sa;
}

/* Load the key's state from the state directory. 0, or -1 with the reason in errs. */
static int load_state(struct eg_sa_store *store, struct eg_sa_record *record,
		      const struct eg_err_place *place, struct eg_errs *errs)
{
	struct eg_state wants = {.spi = record->spec.spi, .remote = record->spec.remote}, found;
	int known;

	wants.inbound = record->spec.kind == EG_SA_KIND_IN;
	memcpy(wants.key, record->fingerprint, EG_FINGERPRINT_BYTES);
	strncpy(wants.suite, record->spec.suite->name, sizeof(wants.suite) - 1);
	known = eg_state_dir_load(store->state, &wants, &place->pos, place->path, &found, errs);
	if (known <= 0)
		return known;
	record->seq = found.seq;
	record->iv = found.iv;
	record->bytes_before = found.bytes;
	/* If the clock stepped back, the age is 0, not negative. */
	if (record->since_ns > found.since_ns)
		record->age_before_ns = record->since_ns - found.since_ns;
	record->since_ns = found.since_ns;
	return 0;
}

/* A key not used before in this run: from its state on disk, or new. */
static struct eg_sa_record *new_record(struct eg_sa_store *store, const struct eg_sa_spec *spec,
				       const uint8_t fingerprint[EG_FINGERPRINT_BYTES],
				       const struct eg_err_place *place, struct eg_errs *errs)
{
	struct eg_sa_record *record = calloc(1, sizeof(*record));

	if (!record) {
		eg_error(errs, &place->pos, place->path, "out of memory");
		return NULL;
	}
	memcpy(record->fingerprint, fingerprint, EG_FINGERPRINT_BYTES);
	record->spec = *spec;
	record->since_ns = eg_wall_ns();
	if (store->state && !spec->ephemeral && load_state(store, record, place, errs)) {
		free(record);
		return NULL;
	}
	if (spec->ephemeral) {
		record->seq = spec->start.seq;
		record->iv = spec->start.iv;
	}
	record->next = *chain(store, fingerprint);
	*chain(store, fingerprint) = record;
	return record;
}

static void forget(struct eg_sa_store *store, struct eg_sa_record *record)
{
	struct eg_sa_record **at = chain(store, record->fingerprint);

	while (*at != record)
		at = &(*at)->next;
	*at = record->next;
	free(record);
}

static void leave_live(struct eg_sa_store *store, const struct eg_sa_record *record)
{
	struct eg_sa_record *last = store->live.v[--store->live.n];

	store->live.v[record->place] = last;
	last->place = record->place;
}

/* Make the SA of a record without one, continuing its sequence numbers. */
static struct eg_sa *revive(struct eg_sa_store *store, struct eg_sa_record *record,
			    const struct eg_sa_spec *spec, struct eg_crypto_key *key)
{
	struct eg_sa *sa = make_sa(store, spec, key);
	struct eg_sa_record **slot = sa ? eg_vec_add(&store->live) : NULL;

	if (!slot) {
		free(sa);
		return NULL;
	}
	*slot = record;
	record->place = store->live.n - 1;
	record->queue_place = NOT_QUEUED;
	record->spec = *spec;
	record->spec.start = (struct eg_sa_start){0};
	record->watermarks = (struct eg_watermarks){0};
	if (eg_sa_record_fresh(store, record)) {
		leave_live(store, record);
		free(sa);
		return NULL;
	}
	record->key = key;
	record->sa = sa;
	record->born_mono_ns = record->rate_mono_ns = eg_mono_ns();
	record->last_packets = record->rate_packets = record->rate_bytes = record->used_mono_ns = 0;
	record->noted_mono_ns = 0;
	sa->record = record;
	atomic_init(&sa->refs, 1);
	atomic_init(&sa->seq, record->seq);
	atomic_init(&sa->iv, record->iv);
	if (spec->kind == EG_SA_KIND_IN)
		eg_replay_restore(&sa->replay, record->seq, spec->start.seen,
				  spec->ephemeral ? spec->start.seen_words : 0);
	eg_sa_record_limit(store, record);
	return sa;
}

/* May the record's SA be acquired with this spec? */
static bool may_have(const struct eg_sa_record *record, const struct eg_sa_spec *spec,
		     const struct eg_crypto_key *key, const struct eg_err_place *place,
		     struct eg_errs *errs)
{
	const struct eg_sa_spec *had = &record->spec;
	char remote[EG_IP_TEXT], moved[EG_IP_TEXT];

	if (record->sa ? same_spec(had, spec) && eg_crypto_key_equal(record->key, key)
		       : same_sa(had, spec))
		return true;
	if (same_sa(had, spec))
		eg_error(errs, &place->pos, place->path,
			 "the SA runs with another local, esn or replay_window: those change with "
			 "a new key (espgate keygen) or a restart");
	else if (had->kind == spec->kind && had->spi == spec->spi && had->suite == spec->suite)
		eg_error(errs, &place->pos, place->path,
			 "the same key as of SA 0x%x %s %s, a peer that has moved to %s: another "
			 "address needs new keys (espgate keygen), or IVs could repeat",
			 had->spi, had->kind == EG_SA_KIND_OUT ? "to" : "from",
			 eg_ip_print(&had->remote, remote), eg_ip_print(&spec->remote, moved));
	else
		eg_error(errs, &place->pos, place->path,
			 "the same key as of SA 0x%x %s %s, and two SAs with one key repeat nonces "
			 "(RFC 4106 s3.1): make a new one with espgate keygen",
			 had->spi, had->kind == EG_SA_KIND_OUT ? "to" : "from",
			 eg_ip_print(&had->remote, remote));
	return false;
}

/* Do the sequence space and the window allow a negotiated SA to start here? */
static bool can_start(const struct eg_sa_spec *spec, const struct eg_err_place *place,
		      struct eg_errs *errs)
{
	if (!spec->ephemeral || spec->start.seq <= eg_sa_space(spec->esn))
		return true;
	eg_error(errs, &place->pos, place->path,
		 "SA 0x%x: its sequence number is beyond 2^32 - 1, and it has no extended ones",
		 spec->spi);
	return false;
}

static struct eg_sa *acquire(struct eg_sa_store *store, const struct eg_sa_spec *spec,
			     const uint8_t *material, const struct eg_err_place *place,
			     struct eg_errs *errs)
{
	struct eg_crypto_key *key = eg_crypto_key_new(store->keys, spec->suite, material);
	uint8_t fingerprint[EG_FINGERPRINT_BYTES];
	struct eg_sa_record *record;
	struct eg_sa *sa;
	bool is_new;

	if (!key) {
		eg_error(errs, &place->pos, place->path, "out of memory");
		return NULL;
	}
	eg_crypto_fingerprint(store->keys, spec->suite, material, fingerprint);
	record = find(store, fingerprint);
	is_new = !record;
	if (is_new)
		record = new_record(store, spec, fingerprint, place, errs);
	else if (!may_have(record, spec, key, place, errs))
		record = NULL;
	if (record && record->sa) {
		eg_crypto_key_free(store->keys, key);
		eg_sa_retain(record->sa);
		return record->sa;
	}
	sa = record ? revive(store, record, spec, key) : NULL;
	if (sa)
		return sa;
	if (record)
		eg_error(errs, &place->pos, place->path, "out of memory");
	if (record && is_new)
		forget(store, record);
	eg_crypto_key_free(store->keys, key);
	return NULL;
}

struct eg_sa *eg_sa_acquire(struct eg_sa_store *store, const struct eg_sa_spec *spec,
			    const uint8_t *material, const struct eg_err_place *place,
			    struct eg_errs *errs)
{
	struct eg_sa *sa;

	if (!can_start(spec, place, errs))
		return NULL;
	pthread_mutex_lock(&store->mutex);
	sa = acquire(store, spec, material, place, errs);
	pthread_mutex_unlock(&store->mutex);
	return sa;
}

const struct eg_sa_spec *eg_sa_spec(const struct eg_sa *sa)
{
	return &sa->record->spec;
}

void eg_sa_set_lifetime(struct eg_sa_store *store, struct eg_sa *sa,
			const struct eg_lifetime *lifetime)
{
	pthread_mutex_lock(&store->mutex);
	sa->record->spec.lifetime = *lifetime;
	eg_sa_record_limit(store, sa->record);
	pthread_mutex_unlock(&store->mutex);
}

void eg_sa_retain(struct eg_sa *sa)
{
	atomic_fetch_add_explicit(&sa->refs, 1, memory_order_relaxed);
}

/* Can the record be freed, too? An unused key binds no one: the configuration that named it may
 * have been refused. */
static bool is_over(const struct eg_sa_record *record)
{
	return record->spec.ephemeral || (!record->seq && !record->iv && !record->submitted_seq);
}

/* Record where a durable SA stopped, and wipe its key. */
static void end(struct eg_sa_store *store, struct eg_sa *sa)
{
	struct eg_sa_record *record = sa->record;

	leave_live(store, record);
	eg_sa_record_detach(store, record);
	record->seq = sa->kind == EG_SA_KIND_IN
			      ? sa->replay.top
			      : atomic_load_explicit(&sa->seq, memory_order_relaxed);
	record->iv = atomic_load_explicit(&sa->iv, memory_order_relaxed);
	record->bytes_before += atomic_load_explicit(&sa->bytes, memory_order_relaxed);
	record->age_before_ns += eg_mono_ns() - record->born_mono_ns;
	eg_crypto_key_free(store->keys, record->key);
	record->key = NULL;
	record->sa = NULL;
	free(sa);
	if (is_over(record))
		forget(store, record);
}

void eg_sa_release(struct eg_sa_store *store, struct eg_sa *sa)
{
	if (!sa)
		return;
	pthread_mutex_lock(&store->mutex);
	/* Under the mutex: the SA must not be acquired again between the last release and its end.
	 */
	if (atomic_fetch_sub_explicit(&sa->refs, 1, memory_order_acq_rel) == 1)
		end(store, sa);
	pthread_mutex_unlock(&store->mutex);
}
