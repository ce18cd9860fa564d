#include "neigh/table.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/hash.h"

_Static_assert(sizeof(struct eg_neigh) % 64 == 0, "no two entries share a cache line");

/* A concurrent change may lead a reader into another chain: give up after this many steps. */
#define STEPS_MAX 64

static unsigned bucket_of(const struct eg_neighs *neighs, const struct eg_neigh_key *key)
{
	uint64_t hash = eg_hash_u64(key->word[0] ^ neighs->seed);

	hash = eg_hash_u64(hash ^ key->word[1]);
	return (unsigned)(eg_hash_u64(hash ^ key->word[2]) % EG_NEIGH_BUCKETS);
}

struct eg_neighs *eg_neighs_new(void)
{
	struct eg_neighs *neighs = aligned_alloc(64, (sizeof(*neighs) + 63) & ~(size_t)63);

	if (!neighs)
		return NULL;
	memset(neighs, 0, sizeof(*neighs));
	if (getrandom(&neighs->seed, sizeof(neighs->seed), 0) != sizeof(neighs->seed)) {
		free(neighs);
		return NULL;
	}
	for (unsigned i = 0; i < EG_NEIGH_BUCKETS; i++)
		atomic_init(&neighs->bucket[i], EG_NEIGH_NONE);
	for (uint32_t i = 0; i < EG_NEIGH_MAX; i++)
		atomic_init(&neighs->entry[i].next, i + 1 < EG_NEIGH_MAX ? i + 1 : EG_NEIGH_NONE);
	return neighs;
}

void eg_neighs_free(struct eg_neighs *neighs)
{
	free(neighs);
}

static bool key_is(const struct eg_neigh *neigh, const struct eg_neigh_key *key)
{
	bool same = true;

	for (int i = 0; i < 3; i++)
		same &= atomic_load_explicit(&neigh->key[i], memory_order_relaxed) == key->word[i];
	return same;
}

/* Find the entry with this key, and the MAC that it had while the key matched and its sequence
 * number was *seq; NULL if there is none or it is being changed. */
static const struct eg_neigh *read_entry(const struct eg_neighs *neighs,
					 const struct eg_neigh_key *key, uint64_t *mac,
					 uint32_t *seq)
{
	/* Acquire, here and for `next`: an entry is complete before it is linked. */
	uint32_t at =
		atomic_load_explicit(&neighs->bucket[bucket_of(neighs, key)], memory_order_acquire);

	for (unsigned steps = 0; at != EG_NEIGH_NONE && steps < STEPS_MAX; steps++) {
		const struct eg_neigh *neigh = &neighs->entry[at];
		/* Acquire: key and MAC are read after it. */
		*seq = atomic_load_explicit(&neigh->seq, memory_order_acquire);
		if (key_is(neigh, key)) {
			*mac = atomic_load_explicit(&neigh->mac, memory_order_relaxed);
			/* Fence: the reads complete before seq is read again. */
			atomic_thread_fence(memory_order_acquire);
			if (*seq % 2 ||
			    atomic_load_explicit(&neigh->seq, memory_order_relaxed) != *seq)
				return NULL;
			return neigh;
		}
		at = atomic_load_explicit(&neigh->next, memory_order_acquire);
	}
	return NULL;
}

static void mark_used(struct eg_neighs *neighs, const struct eg_neigh *found)
{
	/* Write only on change: the cache line is shared by all workers. */
	if (!atomic_load_explicit(&found->used, memory_order_relaxed))
		atomic_store_explicit(&neighs->entry[found - neighs->entry].used, true,
				      memory_order_relaxed);
}

uint64_t eg_neigh_lookup_mac(struct eg_neighs *neighs, const struct eg_neigh_key *key)
{
	uint64_t mac = 0;
	uint32_t seq;
	const struct eg_neigh *found = read_entry(neighs, key, &mac, &seq);

	if (!found)
		return 0;
	mark_used(neighs, found);
	return mac;
}

uint32_t eg_neigh_reference(struct eg_neighs *neighs, const struct eg_neigh_key *key, uint32_t *seq,
			    uint64_t *mac)
{
	const struct eg_neigh *found = read_entry(neighs, key, mac, seq);

	if (!found)
		return EG_NEIGH_NONE;
	mark_used(neighs, found);
	return *mac ? (uint32_t)(found - neighs->entry) : EG_NEIGH_NONE;
}

bool eg_neigh_peek(const struct eg_neighs *neighs, const struct eg_neigh_key *key, uint64_t *mac)
{
	uint32_t seq;

	return read_entry(neighs, key, mac, &seq);
}

bool eg_neigh_read(const struct eg_neighs *neighs, uint32_t number, struct eg_neigh_key *key,
		   uint64_t *mac)
{
	const struct eg_neigh *neigh = &neighs->entry[number];
	/* Acquire: key and MAC are read after it. */
	uint32_t seq = atomic_load_explicit(&neigh->seq, memory_order_acquire);

	for (int i = 0; i < 3; i++)
		key->word[i] = atomic_load_explicit(&neigh->key[i], memory_order_relaxed);
	*mac = atomic_load_explicit(&neigh->mac, memory_order_relaxed);
	/* Fence: the reads complete before seq is read again. */
	atomic_thread_fence(memory_order_acquire);
	return key->word[2] && seq % 2 == 0 &&
	       atomic_load_explicit(&neigh->seq, memory_order_relaxed) == seq;
}

struct eg_neigh *eg_neigh_find(struct eg_neighs *neighs, const struct eg_neigh_key *key)
{
	uint32_t at =
		atomic_load_explicit(&neighs->bucket[bucket_of(neighs, key)], memory_order_relaxed);

	while (at != EG_NEIGH_NONE && !key_is(&neighs->entry[at], key))
		at = atomic_load_explicit(&neighs->entry[at].next, memory_order_relaxed);
	return at == EG_NEIGH_NONE ? NULL : &neighs->entry[at];
}

static void begin_change(struct eg_neigh *neigh)
{
	uint32_t seq = atomic_load_explicit(&neigh->seq, memory_order_relaxed);

	atomic_store_explicit(&neigh->seq, seq + 1, memory_order_relaxed);
	/* Fence: no change becomes visible before the odd number. */
	atomic_thread_fence(memory_order_release);
}

static void end_change(struct eg_neigh *neigh)
{
	uint32_t seq = atomic_load_explicit(&neigh->seq, memory_order_relaxed);

	/* Release: a reader that sees the even number sees the changes. */
	atomic_store_explicit(&neigh->seq, seq + 1, memory_order_release);
}

static unsigned largest_port(const struct eg_neighs *neighs)
{
	unsigned largest = 0;

	for (unsigned port = 1; port < EG_NEIGH_PORTS; port++) {
		if (neighs->n_port[port] > neighs->n_port[largest])
			largest = port;
	}
	return largest;
}

/* The port's oldest entry without waiting packets; a recently used one only if `used`. NULL if
 * there is none. */
static struct eg_neigh *oldest(struct eg_neighs *neighs, unsigned port, bool used)
{
	struct eg_neigh *found = NULL;

	for (unsigned i = 0; i < EG_NEIGH_MAX; i++) {
		struct eg_neigh *neigh = &neighs->entry[i];

		if (neigh->state == EG_NEIGH_FREE || neigh->state == EG_NEIGH_INCOMPLETE ||
		    neigh->port != port || neigh->n_held ||
		    (!used && atomic_load_explicit(&neigh->used, memory_order_relaxed)))
			continue;
		if (!found || neigh->since_ms < found->since_ms)
			found = neigh;
	}
	return found;
}

/* Make room for one more entry of the port. A used entry is evicted only for a port that has less
 * than half of the largest port's entries: a port that fills the table cannot lock the others out.
 */
static bool make_room(struct eg_neighs *neighs, unsigned port)
{
	bool full = neighs->free_list == EG_NEIGH_NONE;
	unsigned from = full ? largest_port(neighs) : port;
	struct eg_neigh *victim;

	if (!full && neighs->n_port[port] < EG_NEIGH_SHARE)
		return true;
	victim = oldest(neighs, from, false);
	if (!victim && neighs->n_port[port] < neighs->n_port[from] / 2)
		victim = oldest(neighs, from, true);
	if (!victim)
		return false;
	eg_neigh_remove(neighs, victim);
	neighs->evicted++;
	return true;
}

struct eg_neigh *eg_neigh_add(struct eg_neighs *neighs, const struct eg_neigh_key *key)
{
	_Atomic uint32_t *bucket = &neighs->bucket[bucket_of(neighs, key)];
	unsigned port = key->word[2] & 0xff;
	struct eg_neigh *neigh;
	uint32_t number;

	if (neighs->n_incomplete[port] >= EG_NEIGH_INCOMPLETE_MAX || !make_room(neighs, port))
		return NULL;
	number = neighs->free_list;
	neigh = &neighs->entry[number];
	neighs->free_list = atomic_load_explicit(&neigh->next, memory_order_relaxed);
	begin_change(neigh);
	for (int i = 0; i < 3; i++)
		atomic_store_explicit(&neigh->key[i], key->word[i], memory_order_relaxed);
	end_change(neigh);
	neigh->port = (uint8_t)port;
	neigh->ip = eg_ip_from(key->word[2] >> 8, key->word);
	neigh->tries = 0;
	neigh->n_held = 0;
	atomic_store_explicit(&neigh->used, false, memory_order_relaxed);
	eg_neigh_set_state(neighs, neigh, EG_NEIGH_INCOMPLETE);
	neighs->n_used++;
	neighs->n_port[port]++;
	atomic_store_explicit(&neigh->next, atomic_load_explicit(bucket, memory_order_relaxed),
			      memory_order_relaxed);
	/* Release: the entry is complete before a reader finds it. */
	atomic_store_explicit(bucket, number, memory_order_release);
	return neigh;
}

void eg_neigh_remove(struct eg_neighs *neighs, struct eg_neigh *neigh)
{
	const struct eg_neigh_key key = eg_neigh_key_of(neigh);
	uint32_t number = (uint32_t)(neigh - neighs->entry);
	_Atomic uint32_t *link = &neighs->bucket[bucket_of(neighs, &key)];
	uint32_t at;

	while ((at = atomic_load_explicit(link, memory_order_relaxed)) != number)
		link = &neighs->entry[at].next;
	atomic_store_explicit(link, atomic_load_explicit(&neigh->next, memory_order_relaxed),
			      memory_order_release);
	begin_change(neigh);
	for (int i = 0; i < 3; i++)
		atomic_store_explicit(&neigh->key[i], 0, memory_order_relaxed);
	atomic_store_explicit(&neigh->mac, 0, memory_order_relaxed);
	end_change(neigh);
	eg_neigh_set_state(neighs, neigh, EG_NEIGH_FREE);
	atomic_store_explicit(&neigh->next, neighs->free_list, memory_order_relaxed);
	neighs->free_list = number;
	neighs->n_used--;
	neighs->n_port[neigh->port]--;
}

void eg_neigh_set_mac(struct eg_neigh *neigh, const uint8_t mac[6])
{
	uint64_t value = 0;

	memcpy(&value, mac, 6);
	/* Readers that keep it may go on as long as it is the same. */
	if (atomic_load_explicit(&neigh->mac, memory_order_relaxed) == value)
		return;
	begin_change(neigh);
	atomic_store_explicit(&neigh->mac, value, memory_order_relaxed);
	end_change(neigh);
}

void eg_neigh_set_state(struct eg_neighs *neighs, struct eg_neigh *neigh, enum eg_neigh_state state)
{
	neighs->n_incomplete[neigh->port] -= neigh->state == EG_NEIGH_INCOMPLETE;
	neighs->n_incomplete[neigh->port] += state == EG_NEIGH_INCOMPLETE;
	neigh->state = (uint8_t)state;
}
