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

bool eg_sa_store_swaps(const struct eg_sa_store *store)
{
	return eg_keystore_swaps(store->keys);
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
	eg_state_writer_free(store->writer);
	eg_vec_free(&store->queue);
	eg_vec_free(&store->flight);
	eg_vec_free(&store->states);
	eg_state_dir_close(store->state);
	eg_keystore_free(store->keys);
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

/* What the key belongs to for good. */
static bool same_sa(const struct eg_sa_spec *a, const struct eg_sa_spec *b)
{
	return a->kind == b->kind && a->spi == b->spi && a->suite == b->suite &&
	       eg_ip_equal(&a->remote, &b->remote);
}

/* What is fixed while it runs. */
static bool same_spec(const struct eg_sa_spec *a, const struct eg_sa_spec *b)
{
	return same_sa(a, b) && a->replay_window == b->replay_window && a->esn == b->esn &&
	       eg_ip_equal(&a->local, &b->local);
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

/* A key that was never used here: from its state file, or from the start. */
static struct eg_sa_record *new_record(struct eg_sa_store *store, const struct eg_sa_spec *spec,
				       const uint8_t fingerprint[EG_FINGERPRINT_BYTES],
				       const struct eg_err_place *place, struct eg_errs *errs)
{
	struct eg_sa_record *record = calloc(1, sizeof(*record));
	struct eg_state wants = {.spi = spec->spi, .remote = spec->remote}, found;
	uint64_t wall_ns = eg_wall_ns();
	int known = 0;

	if (!record) {
		eg_error(errs, &place->pos, place->path, "out of memory");
		return NULL;
	}
	memcpy(record->fingerprint, fingerprint, EG_FINGERPRINT_BYTES);
	record->spec = *spec;
	record->since_ns = wall_ns;
	if (store->state) {
		wants.inbound = spec->kind == EG_SA_KIND_IN;
		memcpy(wants.key, fingerprint, EG_FINGERPRINT_BYTES);
		strncpy(wants.suite, spec->suite->name, sizeof(wants.suite) - 1);
		known = eg_state_dir_load(store->state, &wants, &place->pos, place->path, &found,
					  errs);
	}
	if (known < 0) {
		free(record);
		return NULL;
	}
	if (known) {
		record->seq = found.seq;
		record->iv = found.iv;
		record->bytes_before = found.bytes;
		record->since_ns = found.since_ns;
		/* A clock that stepped back makes nobody younger than new. */
		if (wall_ns > found.since_ns)
			record->age_before_ns = wall_ns - found.since_ns;
	}
	record->next = *chain(store, fingerprint);
	*chain(store, fingerprint) = record;
	return record;
}

/* Make the SA of a record that has none, where its numbers were left. */
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
	record->spec = *spec;
	record->key = key;
	record->sa = sa;
	record->watermarks = (struct eg_watermarks){0};
	record->born_mono_ns = record->rate_mono_ns = eg_mono_ns();
	record->last_packets = record->rate_packets = record->rate_bytes = record->used_mono_ns = 0;
	sa->record = record;
	atomic_init(&sa->seq, record->seq);
	atomic_init(&sa->iv, record->iv);
	if (spec->kind == EG_SA_KIND_IN && record->seq) {
		/* Everything up to there counts as seen. */
		sa->replay.top = record->seq;
		if (spec->replay_window)
			memset(sa->replay.bits, 0xff, eg_replay_bytes(spec->replay_window));
	}
	eg_sa_record_limit(store, record);
	return sa;
}

/* Is this the record's SA again, or may it become that? */
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
			 "address "
			 "needs new keys (espgate keygen), or IVs could repeat",
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

struct eg_sa *eg_sa_acquire(struct eg_sa_store *store, const struct eg_sa_spec *spec,
			    const uint8_t *material, const struct eg_err_place *place,
			    struct eg_errs *errs)
{
	struct eg_crypto_key *key = eg_crypto_key_new(store->keys, spec->suite, material);
	uint8_t fingerprint[EG_FINGERPRINT_BYTES];
	struct eg_sa_record *record;

	if (!key) {
		eg_error(errs, &place->pos, place->path, "out of memory");
		return NULL;
	}
	eg_crypto_fingerprint(store->keys, spec->suite, material, fingerprint);
	record = find(store, fingerprint);
	if (!record)
		record = new_record(store, spec, fingerprint, place, errs);
	else if (!may_have(record, spec, key, place, errs))
		record = NULL;
	if (record && record->sa) {
		eg_crypto_key_free(store->keys, key);
		record->sa->refs++;
		return record->sa;
	}
	if (record && revive(store, record, spec, key)) {
		record->sa->refs = 1;
		return record->sa;
	}
	if (record)
		eg_error(errs, &place->pos, place->path, "out of memory");
	eg_crypto_key_free(store->keys, key);
	return NULL;
}

void eg_sa_set_lifetime(struct eg_sa_store *store, struct eg_sa *sa,
			const struct eg_lifetime *lifetime)
{
	sa->record->spec.lifetime = *lifetime;
	eg_sa_record_limit(store, sa->record);
}

void eg_sa_retain(struct eg_sa *sa)
{
	sa->refs++;
}

/* A key that nothing was done with binds nobody: the configuration that named it may have been
 * refused. */
static void forget_unused(struct eg_sa_store *store, struct eg_sa_record *record)
{
	struct eg_sa_record **at = chain(store, record->fingerprint);

	if (record->seq || record->iv || record->submitted_seq)
		return;
	while (*at != record)
		at = &(*at)->next;
	*at = record->next;
	free(record);
}

/* Remember where it was, and wipe its key. */
void eg_sa_release(struct eg_sa_store *store, struct eg_sa *sa)
{
	struct eg_sa_record *record, *last;

	if (!sa || --sa->refs)
		return;
	record = sa->record;
	last = store->live.v[--store->live.n];
	store->live.v[record->place] = last;
	last->place = record->place;
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
	forget_unused(store, record);
}
