#include "flow/table.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "base/secret.h"
#include "flow/evict.h"
#include "flow/slot.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif
/* ThreadSanitizer would take the sixteen-byte load for a race with the one slot that changes. */
#ifdef __SANITIZE_THREAD__
#define EG_THREAD_SANITIZER
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define EG_THREAD_SANITIZER
#endif
#endif

/* When a bucket has this many connections, new ones go to their other bucket if it is emptier. */
#define NEARLY_FULL 14

/* Zeroed memory, in huge pages if possible: with a million connections most lookups would otherwise
 * miss the TLB twice. */
static void *map(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	(void)madvise(p, bytes, MADV_HUGEPAGE);
	return p;
}

static size_t bucket_bytes(const struct eg_flow_table *table)
{
	return ((size_t)table->bucket_mask + 1) * sizeof(struct eg_bucket);
}

static size_t conn_bytes(const struct eg_flow_table *table)
{
	return (size_t)table->n_numbers * sizeof(struct eg_conn);
}

/* The free list: a stack whose head counts every change, so that a pop detects an intervening
 * change (the ABA problem). */
static void push_free(struct eg_flow_table *table, uint32_t number)
{
	uint64_t head = atomic_load_explicit(&table->free_head, memory_order_relaxed), next;

	do {
		atomic_store_explicit(&table->conns[number].next, (uint32_t)head,
				      memory_order_relaxed);
		next = ((head >> 32) + 1) << 32 | (number + 1);
		/* Release: the link is visible before the number can be popped. */
	} while (!atomic_compare_exchange_weak_explicit(
		&table->free_head, &head, next, memory_order_release, memory_order_relaxed));
}

/* The next number that was never used. */
static uint32_t take_unused(struct eg_flow_table *table)
{
	uint32_t number = atomic_load_explicit(&table->n_fresh, memory_order_relaxed);

	do {
		if (number == table->n_numbers)
			return EG_CONN_NONE;
	} while (!atomic_compare_exchange_weak_explicit(
		&table->n_fresh, &number, number + 1, memory_order_relaxed, memory_order_relaxed));
	return number;
}

static uint32_t pop_free(struct eg_flow_table *table)
{
	/* Acquire: pairs with the push that published the link. */
	uint64_t head = atomic_load_explicit(&table->free_head, memory_order_acquire), next;

	do {
		if (!(uint32_t)head)
			return take_unused(table);
		next = ((head >> 32) + 1) << 32 |
		       atomic_load_explicit(&table->conns[(uint32_t)head - 1].next,
					    memory_order_relaxed);
	} while (!atomic_compare_exchange_weak_explicit(
		&table->free_head, &head, next, memory_order_acquire, memory_order_acquire));
	/* The next pop reads this link. */
	if ((uint32_t)next)
		__builtin_prefetch(&table->conns[(uint32_t)next - 1], 1);
	return (uint32_t)head - 1;
}

static uint32_t spare(uint32_t size)
{
	return size / 4 > EG_FLOW_SPARE_MIN ? size / 4 : EG_FLOW_SPARE_MIN;
}

struct eg_flow_table *eg_flow_table_new(uint32_t n)
{
	struct eg_flow_table *table = aligned_alloc(64, sizeof(*table));
	uint32_t size = EG_FLOW_MIN;

	if (!table)
		return NULL;
	while (size < n && size < EG_FLOW_MAX)
		size *= 2;
	*table = (struct eg_flow_table){.n_conns = size, .n_numbers = size + spare(size)};
	atomic_init(&table->source_limit, size / EG_FLOW_SOURCE_PART);
	/* Twice as many slots as connections: a full table has 8 of 16 slots used per bucket, on
	 * average. */
	table->bucket_mask = size / (EG_BUCKET_SLOTS / 2) - 1;
	table->limbo = table->waiting = EG_CONN_NONE;
	table->buckets = map(bucket_bytes(table));
	table->conns = map(conn_bytes(table));
	table->sources = calloc(1, sizeof(*table->sources));
	table->bytes = bucket_bytes(table) + conn_bytes(table) + sizeof(*table->sources);
	if (!table->buckets || !table->conns || !table->sources ||
	    eg_secret_random(&table->seed, sizeof(table->seed))) {
		eg_flow_table_free(table);
		return NULL;
	}
	return table;
}

void eg_flow_table_free(struct eg_flow_table *table)
{
	if (!table)
		return;
	if (table->buckets)
		munmap(table->buckets, bucket_bytes(table));
	if (table->conns)
		munmap(table->conns, conn_bytes(table));
	free(table->sources);
	free(table);
}

/* Bit mask of the slots whose tag matches, possibly including free ones. Only a hint: the slot must
 * be read again before use. */
#if defined(__SSE2__) && !defined(EG_THREAD_SANITIZER)
static unsigned match_tags(const struct eg_bucket *bucket, uint64_t hash)
{
	const __m128i *slots = (const __m128i *)bucket->slot;
	const __m128i tag = _mm_set1_epi32((int)(hash >> 56));
	__m128i match[4];

	for (unsigned i = 0; i < 4; i++)
		match[i] = _mm_cmpeq_epi32(
			_mm_srli_epi32(_mm_load_si128(slots + i), EG_SLOT_TAG_SHIFT), tag);
	return (unsigned)_mm_movemask_epi8(_mm_packs_epi16(_mm_packs_epi32(match[0], match[1]),
							   _mm_packs_epi32(match[2], match[3])));
}
#else
static unsigned match_tags(const struct eg_bucket *bucket, uint64_t hash)
{
	uint32_t tag = (uint32_t)(hash >> 56);
	unsigned mask = 0;

	for (unsigned i = 0; i < EG_BUCKET_SLOTS; i++) {
		uint32_t slot = atomic_load_explicit(&bucket->slot[i], memory_order_relaxed);

		mask |= (unsigned)(slot >> EG_SLOT_TAG_SHIFT == tag) << i;
	}
	return mask;
}
#endif

static bool is_live_match(const struct eg_conn *conn, const struct eg_flow_key *key)
{
	return eg_flow_key_equal(&conn->key, key) && eg_conn_standing(conn).state != EG_CONN_DEAD;
}

static uint32_t find_in(const struct eg_flow_table *table, const struct eg_bucket *bucket,
			const struct eg_flow_key *key, uint64_t hash)
{
	for (unsigned mask = match_tags(bucket, hash); mask; mask &= mask - 1) {
		/* Acquire: the key was written before the slot. */
		uint32_t slot = atomic_load_explicit(&bucket->slot[__builtin_ctz(mask)],
						     memory_order_acquire);

		if (slot && is_live_match(&table->conns[eg_slot_number(slot)], key))
			return eg_slot_number(slot);
	}
	return EG_CONN_NONE;
}

uint32_t eg_conn_find(const struct eg_flow_table *table, const struct eg_flow_key *key,
		      uint64_t hash)
{
	uint32_t number = find_in(table, &table->buckets[eg_flow_bucket1(table, hash)], key, hash);

	if (number == EG_CONN_NONE)
		number = find_in(table, &table->buckets[eg_flow_bucket2(table, hash)], key, hash);
	return number;
}

void eg_conn_prefetch(const struct eg_flow_table *table, uint64_t hash)
{
	__builtin_prefetch(&table->buckets[eg_flow_bucket1(table, hash)]);
}

uint32_t eg_conn_candidate(const struct eg_flow_table *table, uint64_t hash)
{
	const struct eg_bucket *bucket = &table->buckets[eg_flow_bucket1(table, hash)];
	unsigned mask = match_tags(bucket, hash);
	uint32_t slot;

	/* Most likely a new connection: to be sure, the other bucket must be searched too. */
	if (!mask) {
		__builtin_prefetch(&table->buckets[eg_flow_bucket2(table, hash)]);
		return EG_CONN_NONE;
	}
	/* Acquire: the key was written before the slot. */
	slot = atomic_load_explicit(&bucket->slot[__builtin_ctz(mask)], memory_order_acquire);
	if (!slot)
		return EG_CONN_NONE;
	__builtin_prefetch(&table->conns[eg_slot_number(slot)]);
	return eg_slot_number(slot);
}

uint32_t eg_conn_confirm(const struct eg_flow_table *table, const struct eg_flow_key *key,
			 uint64_t hash, uint32_t candidate)
{
	if (candidate != EG_CONN_NONE && is_live_match(&table->conns[candidate], key))
		return candidate;
	return eg_conn_find(table, key, hash);
}

static unsigned count_used(const struct eg_bucket *bucket)
{
	unsigned used = 0;

	for (unsigned i = 0; i < EG_BUCKET_SLOTS; i++)
		used += atomic_load_explicit(&bucket->slot[i], memory_order_relaxed) != 0;
	return used;
}

/* Claim a slot; NULL if the bucket is full. */
static _Atomic uint32_t *take_slot(struct eg_bucket *bucket, uint32_t value)
{
	for (unsigned i = 0; i < EG_BUCKET_SLOTS; i++) {
		uint32_t empty = 0;

		/* Sequentially consistent, like the scan in resolve_duplicates(): of two workers
		 * that insert the same key, at least one must see the other's slot. */
		if (!atomic_load_explicit(&bucket->slot[i], memory_order_relaxed) &&
		    atomic_compare_exchange_strong(&bucket->slot[i], &empty, value))
			return &bucket->slot[i];
	}
	return NULL;
}

static _Atomic uint32_t *place(struct eg_flow_table *table, uint64_t hash, uint32_t number)
{
	struct eg_bucket *one = &table->buckets[eg_flow_bucket1(table, hash)];
	struct eg_bucket *two = &table->buckets[eg_flow_bucket2(table, hash)];
	unsigned used = count_used(one);
	bool other = used >= NEARLY_FULL && count_used(two) < used;
	_Atomic uint32_t *slot = take_slot(other ? two : one, eg_slot_make(hash, number));

	return slot ? slot : take_slot(other ? one : two, eg_slot_make(hash, number));
}

static void mark_dead(struct eg_conn *conn)
{
	struct eg_standing was = eg_conn_standing(conn), is;

	do {
		is = was;
		is.state = EG_CONN_DEAD;
	} while (!atomic_compare_exchange_weak_explicit(
		&conn->standing, &was, is, memory_order_relaxed, memory_order_relaxed));
}

/* After an insert: of equal keys, the one in the earlier slot survives. A worker that inserts the
 * same key concurrently does the same, and at least one of them sees the other. If the other one
 * finished before this one began, it cannot see this entry, so this worker must end it if its own
 * slot is earlier. */
static uint32_t resolve_duplicates(struct eg_flow_table *table, uint64_t hash,
				   const _Atomic uint32_t *own, uint32_t number)
{
	const uint32_t buckets[2] = {eg_flow_bucket1(table, hash), eg_flow_bucket2(table, hash)};
	const struct eg_flow_key *key = &table->conns[number].key;
	bool passed_own = false;

	for (unsigned at = 0; at < 2 * EG_BUCKET_SLOTS; at++) {
		const _Atomic uint32_t *there =
			&table->buckets[buckets[at / EG_BUCKET_SLOTS]].slot[at % EG_BUCKET_SLOTS];
		uint32_t slot = atomic_load(there);

		passed_own |= there == own;
		if (!slot || there == own || slot >> EG_SLOT_TAG_SHIFT != hash >> 56 ||
		    !is_live_match(&table->conns[eg_slot_number(slot)], key))
			continue;
		if (!passed_own) {
			mark_dead(&table->conns[number]);
			return eg_slot_number(slot);
		}
		mark_dead(&table->conns[eg_slot_number(slot)]);
	}
	return number;
}

/* Fill an entry that is not visible yet. */
static void write_conn(struct eg_conn *conn, const struct eg_flow_key *key,
		       struct eg_standing standing, uint32_t now_s)
{
	conn->key = *key;
	atomic_store_explicit(&conn->seen_s, now_s, memory_order_relaxed);
	atomic_store_explicit(&conn->standing, standing, memory_order_relaxed);
	for (int side = 0; side < 2; side++)
		atomic_store_explicit(&conn->next_seq[side], 0, memory_order_relaxed);
}

/* Find a slot, evicting another connection if necessary; NULL if none can be evicted. */
static _Atomic uint32_t *place_or_evict(struct eg_flow_table *table, uint64_t hash, uint32_t number,
					uint32_t now_s)
{
	_Atomic uint32_t *slot;

	/* This connection has been counted already. */
	if (eg_flow_in_use(table) > table->n_conns && !eg_flow_evict(table, hash, true, now_s))
		return NULL;
	slot = place(table, hash, number);
	if (!slot && eg_flow_evict(table, hash, false, now_s))
		slot = place(table, hash, number);
	return slot;
}

uint32_t eg_conn_insert(struct eg_flow_table *table, const struct eg_flow_key *key, uint64_t hash,
			struct eg_standing standing, uint32_t now_s, bool *fresh)
{
	uint32_t number, survivor;
	_Atomic uint32_t *slot;

	*fresh = false;
	standing.charged = standing.opener;
	if (eg_flow_source_count(table->sources, key, standing.charged, &table->seed) >=
	    atomic_load_explicit(&table->source_limit, memory_order_relaxed))
		return EG_CONN_LIMITED;
	number = pop_free(table);
	if (number == EG_CONN_NONE)
		return EG_CONN_NONE;
	write_conn(&table->conns[number], key, standing, now_s);
	/* Count it before it becomes visible and could be removed. */
	eg_flow_source_add(table->sources, key, standing.charged, &table->seed);
	atomic_fetch_add_explicit(&table->in_use, 1, memory_order_relaxed);
	slot = place_or_evict(table, hash, number, now_s);
	if (!slot) {
		atomic_fetch_sub_explicit(&table->in_use, 1, memory_order_relaxed);
		eg_flow_source_remove(table->sources, key, standing.charged, &table->seed);
		push_free(table, number);
		return EG_CONN_NONE;
	}
	/* If the new entry loses it stays in its slot, because others may have found it, until it
	 * is swept. */
	survivor = resolve_duplicates(table, hash, slot, number);
	*fresh = survivor == number;
	return survivor;
}

/* Expire a connection after its idle timeout. Reads the standing before the time: a worker that
 * updates them writes in the opposite order. */
static bool expire(struct eg_conn *conn, uint32_t now_s)
{
	struct eg_standing was = eg_conn_standing(conn);
	struct eg_standing is = was;
	uint32_t idle_s = now_s - atomic_load_explicit(&conn->seen_s, memory_order_relaxed);

	if (was.state == EG_CONN_DEAD)
		return true;
	is.state = EG_CONN_DEAD;
	/* A worker's clock may be a second ahead. */
	return (int32_t)idle_s >= 0 &&
	       idle_s >= eg_conn_timeout_s(conn->key.proto, (enum eg_conn_state)was.state) &&
	       atomic_compare_exchange_strong_explicit(&conn->standing, &was, is,
						       memory_order_relaxed, memory_order_relaxed);
}

static uint32_t sweep_bucket(struct eg_flow_table *table, struct eg_bucket *bucket, uint32_t now_s)
{
	uint32_t swept = 0;

	for (unsigned i = 0; i < EG_BUCKET_SLOTS; i++) {
		uint32_t slot = atomic_load_explicit(&bucket->slot[i], memory_order_acquire);
		struct eg_conn *conn = slot ? &table->conns[eg_slot_number(slot)] : NULL;

		if (!conn || !expire(conn, now_s))
			continue;
		/* An evicting worker may be faster: then it frees the number. */
		if (!eg_slot_release(table, &bucket->slot[i], slot))
			continue;
		atomic_store_explicit(&conn->next, table->limbo, memory_order_relaxed);
		table->limbo = eg_slot_number(slot);
		swept++;
	}
	return swept;
}

uint32_t eg_flow_sweep(struct eg_flow_table *table, uint32_t n_buckets, uint32_t now_s)
{
	uint32_t swept = 0;

	for (; n_buckets; n_buckets--) {
		swept += sweep_bucket(table, &table->buckets[table->sweep_at], now_s);
		table->sweep_at = (table->sweep_at + 1) & table->bucket_mask;
	}
	return swept;
}

/* Move the connections evicted by workers into limbo. */
static void collect_evicted(struct eg_flow_table *table)
{
	/* Acquire: pairs with the push that published the links. */
	uint32_t head = atomic_exchange_explicit(&table->evicted_list, 0, memory_order_acquire);
	uint32_t number = head - 1, next;

	for (; head; number = next) {
		next = atomic_load_explicit(&table->conns[number].next, memory_order_relaxed);
		atomic_store_explicit(&table->conns[number].next, table->limbo,
				      memory_order_relaxed);
		table->limbo = number;
		if (next == EG_CONN_NONE)
			break;
	}
}

bool eg_flow_reclaim_begin(struct eg_flow_table *table)
{
	if (table->waiting == EG_CONN_NONE)
		collect_evicted(table);
	if (table->waiting != EG_CONN_NONE || table->limbo == EG_CONN_NONE)
		return false;
	table->waiting = table->limbo;
	table->limbo = EG_CONN_NONE;
	return true;
}

void eg_flow_reclaim_finish(struct eg_flow_table *table)
{
	while (table->waiting != EG_CONN_NONE) {
		uint32_t number = table->waiting;

		table->waiting =
			atomic_load_explicit(&table->conns[number].next, memory_order_relaxed);
		push_free(table, number);
	}
}
