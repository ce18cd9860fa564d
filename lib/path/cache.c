#include "path/cache.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "path/template.h"
#include "tunnel/table.h"

/* Grow if more than one in this many entries found no place in a second; halve after so many
 * seconds in which less than one in so many was in use. */
#define REFUSED_SHARE 64
#define IDLE_SHARE    16
#define IDLE_SECONDS  8

/* Zeroed memory that is taken only where it is touched, in large pages where the system has them on
 * request. */
static void *map(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		return NULL;
	madvise(at, bytes, MADV_HUGEPAGE); /* a wish: without it, it is only slower */
	return at;
}

static void unmap(void *at, size_t bytes)
{
	if (at)
		munmap(at, bytes);
}

static size_t entry_bytes(const struct eg_cache *cache)
{
	return (size_t)cache->max_sets * EG_CACHE_WAYS * sizeof(*cache->entry);
}

static size_t tag_bytes(const struct eg_cache *cache)
{
	return (size_t)cache->max_sets * sizeof(*cache->tags);
}

static size_t template_bytes(void)
{
	return (size_t)EG_TUNNELS_MAX * sizeof(struct eg_template);
}

struct eg_cache *eg_cache_new(uint32_t max_entries, const struct eg_flow_seed *seed)
{
	struct eg_cache *cache = aligned_alloc(64, (sizeof(*cache) + 63) & ~(size_t)63);

	if (!cache)
		return NULL;
	*cache = (struct eg_cache){
		.seed = *seed,
		.epoch = {1, 2}, /* entries of 0 are valid in neither */
		.last_epoch = 2,
		.sets = EG_CACHE_MIN / EG_CACHE_WAYS,
		.max_sets = EG_CACHE_MIN / EG_CACHE_WAYS,
	};
	while (cache->max_sets * EG_CACHE_WAYS < max_entries && max_entries <= EG_CACHE_MAX)
		cache->max_sets *= 2;
	cache->entry = map(entry_bytes(cache));
	cache->tags = map(tag_bytes(cache));
	cache->template = map(template_bytes());
	if (!cache->entry || !cache->tags || !cache->template) {
		eg_cache_free(cache);
		return NULL;
	}
	return cache;
}

void eg_cache_free(struct eg_cache *cache)
{
	if (!cache)
		return;
	unmap(cache->entry, entry_bytes(cache));
	unmap(cache->tags, tag_bytes(cache));
	unmap(cache->template, template_bytes());
	free(cache);
}

/* An epoch that no entry has. After 2^32 of them nothing may be left of the first ones. */
static uint32_t next_epoch(struct eg_cache *cache)
{
	if (cache->last_epoch == UINT32_MAX) {
		memset(cache->entry, 0, entry_bytes(cache));
		memset(cache->tags, 0, tag_bytes(cache));
		cache->last_epoch = 0;
		cache->epoch[0] = ++cache->last_epoch;
		cache->epoch[1] = ++cache->last_epoch;
	}
	return ++cache->last_epoch;
}

/* Entries elsewhere than the new number of sets would have them are not found any more. */
static void resize(struct eg_cache *cache)
{
	uint32_t entries = cache->sets * EG_CACHE_WAYS;

	cache->quiet = cache->stored < entries / IDLE_SHARE ? cache->quiet + 1 : 0;
	if (cache->refused > entries / REFUSED_SHARE && cache->sets < cache->max_sets) {
		cache->sets *= 2;
	} else if (cache->quiet >= IDLE_SECONDS && entries > EG_CACHE_MIN) {
		cache->sets /= 2;
		cache->quiet = 0;
	}
	cache->stored = cache->refused = 0;
}

void eg_cache_sync(struct eg_cache *cache, const struct eg_cache_state *state)
{
	bool all = cache->second != state->second || cache->world != state->world ||
		   cache->policy != state->policy;

	if (!all && cache->liveness == state->liveness)
		return;
	if (cache->second != state->second)
		resize(cache);
	cache->second = state->second;
	cache->world = state->world;
	cache->policy = state->policy;
	cache->liveness = state->liveness;
	cache->epoch[1] = next_epoch(cache);
	if (all)
		cache->epoch[0] = next_epoch(cache);
}

static bool same_key(const struct eg_cache_entry *a, const struct eg_cache_entry *b)
{
	return !memcmp(a->addr, b->addr, sizeof(a->addr)) && a->ports == b->ports &&
	       a->input == b->input && a->from == b->from;
}

/* The key's entry, or else one that is not valid; NULL if all are valid and others'. */
static struct eg_cache_entry *place_for(struct eg_cache *cache, struct eg_cache_entry *set,
					const struct eg_cache_entry *entry)
{
	struct eg_cache_entry *free_one = NULL;

	for (unsigned way = 0; way < EG_CACHE_WAYS; way++) {
		if (same_key(&set[way], entry))
			return &set[way];
		if (!eg_cache_is_current(cache, &set[way]))
			free_one = &set[way];
	}
	return free_one;
}

void eg_cache_store(struct eg_cache *cache, uint64_t hash, const struct eg_cache_entry *entry)
{
	struct eg_cache_entry *found = eg_cache_find(cache, hash);
	uint32_t number = (uint32_t)(hash >> 1) & (cache->sets - 1);
	struct eg_cache_entry *set = &cache->entry[EG_CACHE_WAYS * number];
	/* Its own from the second before, most often: that line is here already. */
	struct eg_cache_entry *place =
		same_key(found, entry) ? found : place_for(cache, set, entry);
	unsigned shift;

	if (!place) {
		cache->refused++;
		return;
	}
	cache->stored += !eg_cache_is_current(cache, place);
	*place = *entry;
	place->epoch = cache->epoch[entry->grouped];
	shift = 16 * (unsigned)(place - set);
	cache->tags[number] &= ~(0xffffull << shift);
	cache->tags[number] |= (uint64_t)(uint16_t)(hash >> 48 | 1) << shift;
}

void eg_cache_forget(struct eg_cache *cache, uint64_t hash, const struct eg_cache_entry *key)
{
	struct eg_cache_entry *entry = eg_cache_find(cache, hash);

	if (same_key(entry, key))
		eg_cache_invalidate(entry);
}
