#include "sa/store.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "net/bytes.h"

/* Chains by SPI: a reload of 100,000 SAs looks each one up. */
#define BUCKETS 4096

struct held {
	struct held *next;
	struct eg_sa_spec spec;
	struct eg_crypto_key *key;
	struct eg_sa *sa;
};

struct eg_sa_store {
	struct eg_keystore *keys;
	unsigned n_workers;
	struct held *bucket[BUCKETS];
};

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

void eg_sa_store_free(struct eg_sa_store *store)
{
	if (!store)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct held *held = store->bucket[i], *next; held; held = next) {
			next = held->next;
			free(held->sa);
			free(held);
		}
	}
	eg_keystore_free(store->keys);
	free(store);
}

static struct held **chain(struct eg_sa_store *store, uint32_t spi)
{
	return &store->bucket[eg_hash_u64(spi) % BUCKETS];
}

static bool same_spec(const struct eg_sa_spec *a, const struct eg_sa_spec *b)
{
	return a->kind == b->kind && a->spi == b->spi && a->suite == b->suite &&
	       a->replay_window == b->replay_window && a->esn == b->esn &&
	       eg_ip_equal(&a->local, &b->local) && eg_ip_equal(&a->remote, &b->remote);
}

static struct eg_sa *create(const struct eg_sa_store *store, const struct eg_sa_spec *spec,
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

static struct held *find(struct eg_sa_store *store, const struct eg_sa_spec *spec,
			 const struct eg_crypto_key *key)
{
	for (struct held *held = *chain(store, spec->spi); held; held = held->next) {
		if (same_spec(&held->spec, spec) && eg_crypto_key_equal(held->key, key))
			return held;
	}
	return NULL;
}

struct eg_sa *eg_sa_acquire(struct eg_sa_store *store, const struct eg_sa_spec *spec,
			    const uint8_t *material)
{
	struct eg_crypto_key *key = eg_crypto_key_new(store->keys, spec->suite, material);
	struct held *held;
	struct eg_sa *sa;

	if (!key)
		return NULL;
	held = find(store, spec, key);
	if (held) {
		eg_crypto_key_free(store->keys, key);
		held->sa->refs++;
		return held->sa;
	}
	sa = create(store, spec, key);
	held = malloc(sizeof(*held));
	if (!sa || !held) {
		free(sa);
		free(held);
		eg_crypto_key_free(store->keys, key);
		return NULL;
	}
	*held = (struct held){*chain(store, spec->spi), *spec, key, sa};
	*chain(store, spec->spi) = held;
	sa->refs = 1;
	return sa;
}

void eg_sa_release(struct eg_sa_store *store, struct eg_sa *sa)
{
	if (!sa || --sa->refs)
		return;
	for (struct held **at = chain(store, be32toh(sa->spi_be)); *at; at = &(*at)->next) {
		struct held *held = *at;

		if (held->sa != sa)
			continue;
		*at = held->next;
		eg_crypto_key_free(store->keys, held->key);
		free(sa);
		free(held);
		return;
	}
}

static int by_key(const void *a, const void *b)
{
	const struct eg_sa *const *sa = a, *const *sb = b;

	return eg_crypto_key_order((*sa)->key, (*sb)->key);
}

const struct eg_sa *eg_sa_find_shared_key(struct eg_sa **sas, size_t n)
{
	qsort(sas, n, sizeof(*sas), by_key);
	for (size_t i = 1; i < n; i++) {
		if (!eg_crypto_key_order(sas[i - 1]->key, sas[i]->key))
			return sas[i - 1];
	}
	return NULL;
}
