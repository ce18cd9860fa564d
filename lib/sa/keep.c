/* The control thread's upkeep of SAs: reservations, lifetimes, rates.
 *
 * Workers never wait for it: they use what was reserved, and drop by name where that ends. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "sa/record.h"

/* SAs a step. Each costs two cache misses and little else. */
#define SLICE 8192

/* How long a rate is measured over, at least. */
#define RATE_NS EG_NS_PER_S

static uint64_t now_of(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static uint64_t end_of(const struct eg_sa_record *record)
{
	uint64_t space = eg_sa_space(record->spec.esn);
	uint64_t hard = record->spec.lifetime.hard_packets;

	return hard && hard < space ? hard : space;
}

/* Does it stand on durable marks? */
static bool is_kept(const struct eg_sa_store *store, const struct eg_sa_record *record)
{
	return store->state && record->spec.kind == EG_SA_KIND_OUT;
}

void eg_sa_record_limit(const struct eg_sa_store *store, const struct eg_sa_record *record)
{
	const struct eg_lifetime *life = &record->spec.lifetime;
	bool kept = is_kept(store, record);
	uint64_t end = end_of(record), seq = end, bytes = UINT64_MAX;
	struct eg_sa *sa = record->sa;

	if (record->spec.kind == EG_SA_KIND_IN)
		seq = life->hard_packets ? life->hard_packets : UINT64_MAX;
	else if (kept && record->marks.seq < end)
		seq = record->marks.seq;
	if (record->hard)
		bytes = 0;
	else if (life->hard_bytes)
		bytes = life->hard_bytes > record->bytes_before
				? life->hard_bytes - record->bytes_before
				: 0;
	atomic_store_explicit(&sa->seq_end, end, memory_order_relaxed);
	atomic_store_explicit(&sa->byte_limit, bytes, memory_order_relaxed);
	/* Release: the marks behind them are on disk. */
	atomic_store_explicit(&sa->iv_limit, kept ? record->marks.iv : UINT64_MAX,
			      memory_order_release);
	atomic_store_explicit(&sa->seq_limit, seq, memory_order_release);
}

enum eg_drop eg_sa_shortage(const struct eg_sa *sa)
{
	uint64_t end = now_of(&sa->seq_end);

	if (now_of(&sa->bytes) >= now_of(&sa->byte_limit))
		return EG_DROP_SA_EXPIRED;
	if (now_of(&sa->seq) < end)
		return EG_DROP_SEQ_RESERVATION;
	return end == eg_sa_space(sa->esn) ? EG_DROP_SEQ_EXHAUSTED : EG_DROP_SA_EXPIRED;
}

static struct eg_usage usage_of(const struct eg_sa_record *record, const struct eg_now *now)
{
	return (struct eg_usage){
		.seq = now_of(&record->sa->seq),
		.iv = now_of(&record->sa->iv),
		.wall_ns = now->wall_ns,
		.mono_ns = now->mono_ns,
	};
}

/* The bytes of numbers that are reserved but not used count as those that were used, on average:
 * after a crash nobody knows better. */
static uint64_t bytes_at(const struct eg_sa_record *record, uint64_t ahead)
{
	uint64_t packets = now_of(&record->sa->packets), bytes = now_of(&record->sa->bytes);
	unsigned __int128 sum = (unsigned __int128)record->bytes_before + bytes;

	if (packets)
		sum += (unsigned __int128)ahead * (bytes / packets);
	return sum > UINT64_MAX ? UINT64_MAX : (uint64_t)sum;
}

static struct eg_state state_at(const struct eg_sa_record *record, uint64_t seq, uint64_t iv,
				uint64_t used_seq)
{
	struct eg_state state = {
		.spi = record->spec.spi,
		.remote = record->spec.remote,
		.seq = seq,
		.iv = iv,
		.bytes = bytes_at(record, seq - used_seq),
		.since_ns = record->since_ns,
	};

	memcpy(state.key, record->fingerprint, sizeof(state.key));
	strncpy(state.suite, record->spec.suite->name, sizeof(state.suite) - 1);
	return state;
}

struct due {
	struct eg_sa_record *record;
	struct eg_marks marks;
};

/* What is written together. */
struct batch {
	EG_VEC(struct eg_state) states;
	EG_VEC(struct due) due;
	bool failed;
};

static void add(struct batch *batch, struct eg_sa_record *record, const struct eg_marks *marks)
{
	struct eg_state *state = eg_vec_add(&batch->states);
	struct due *due = state ? eg_vec_add(&batch->due) : NULL;

	if (!due) {
		batch->failed = true;
		return;
	}
	*state = state_at(record, marks->seq, marks->iv, marks->was.seq);
	*due = (struct due){record, *marks};
}

/* First to the disk, then to the workers. */
static int commit(struct eg_sa_store *store, struct batch *batch)
{
	int err = batch->failed ? -ENOMEM : 0;

	if (!err && batch->states.n)
		err = eg_state_dir_save(store->state, batch->states.v, batch->states.n);
	if (!err) {
		eg_vec_foreach (due, &batch->due) {
			due->record->marks = due->marks;
			eg_sa_record_limit(store, due->record);
		}
	}
	eg_vec_free(&batch->states);
	eg_vec_free(&batch->due);
	return err;
}

static void renew(struct eg_sa_record *record, const struct eg_now *now, struct batch *batch)
{
	struct eg_usage usage = usage_of(record, now);
	struct eg_marks next;

	if (!eg_marks_due(&record->marks, &usage, end_of(record)))
		return;
	next = eg_marks_next(&record->marks, &usage, end_of(record), record->spec.esn);
	add(batch, record, &next);
}

int eg_sa_store_reserve(struct eg_sa_store *store, const struct eg_now *now)
{
	struct batch batch = {0};

	eg_vec_foreach (at, &store->live) {
		if (is_kept(store, *at) && !(*at)->marks.iv)
			renew(*at, now, &batch);
	}
	return commit(store, &batch);
}

static struct eg_life_use use_of(const struct eg_sa_record *record, const struct eg_now *now)
{
	const struct eg_sa *sa = record->sa;
	bool out = record->spec.kind == EG_SA_KIND_OUT;

	return (struct eg_life_use){
		.packets = out ? now_of(&sa->seq) : now_of(&sa->packets),
		.bytes = record->bytes_before + now_of(&sa->bytes),
		.age_ns = record->age_before_ns + now->mono_ns - record->born_mono_ns,
	};
}

/* Rates and the time of last use: from counters that moved, so that workers need no clock. */
static void look(struct eg_sa_record *record, const struct eg_now *now)
{
	uint64_t packets = now_of(&record->sa->packets), bytes = now_of(&record->sa->bytes);
	double seconds = (double)(now->mono_ns - record->rate_mono_ns) / (double)EG_NS_PER_S;

	if (packets != record->look_packets)
		record->used_mono_ns = now->mono_ns;
	if (now->mono_ns - record->rate_mono_ns >= RATE_NS) {
		record->pps = (double)(packets - record->rate_packets) / seconds;
		record->bytes_per_s = (double)(bytes - record->rate_bytes) / seconds;
		record->rate_mono_ns = now->mono_ns;
		record->rate_packets = packets;
		record->rate_bytes = bytes;
	}
	record->look_packets = packets;
}

static void check_life(const struct eg_sa_store *store, struct eg_sa_record *record,
		       const struct eg_now *now, eg_sa_tell_fn *tell, void *arg)
{
	const struct eg_lifetime *life = &record->spec.lifetime;
	struct eg_life_use use = use_of(record, now);
	enum eg_life_limit soft = eg_life_soft(life, &use), hard = eg_life_hard(life, &use);
	struct eg_sa_event event = {record->sa, &record->spec, false, soft};

	if (soft && !record->soft && !hard)
		tell(arg, &event);
	record->soft = soft;
	if (hard == record->hard)
		return;
	event.hard = true;
	event.limit = hard;
	if (hard && !record->hard)
		tell(arg, &event);
	record->hard = hard; /* or a longer lifetime was loaded, and it goes on */
	eg_sa_record_limit(store, record);
}

int eg_sa_store_step(struct eg_sa_store *store, const struct eg_now *now, eg_sa_tell_fn *tell,
		     void *arg)
{
	size_t n = store->live.n < SLICE ? store->live.n : SLICE;
	struct batch batch = {0};

	for (size_t i = 0; i < n; i++) {
		struct eg_sa_record *record = store->live.v[store->cursor++ % store->live.n];

		look(record, now);
		check_life(store, record, now, tell, arg);
		if (is_kept(store, record))
			renew(record, now, &batch);
	}
	return commit(store, &batch);
}

int eg_sa_store_finish(struct eg_sa_store *store, const struct eg_now *now)
{
	EG_VEC(struct eg_state) states = {0};
	int err = 0;

	eg_vec_foreach (at, &store->live) {
		struct eg_usage usage = usage_of(*at, now);
		struct eg_state *state;

		/* What never was reserved was never used. */
		if (!is_kept(store, *at) || !(*at)->marks.iv)
			continue;
		state = eg_vec_add(&states);
		if (state)
			*state = state_at(*at, usage.seq, usage.iv, usage.seq);
		else
			err = -ENOMEM;
	}
	if (!err && states.n)
		err = eg_state_dir_save(store->state, states.v, states.n);
	eg_vec_free(&states);
	return err;
}

struct eg_sa_status eg_sa_status(const struct eg_sa *sa, const struct eg_now *now)
{
	const struct eg_sa_record *record = sa->record;
	struct eg_life_use use = use_of(record, now);

	return (struct eg_sa_status){
		.idle_s = record->used_mono_ns
				  ? (double)(now->mono_ns - record->used_mono_ns) / EG_NS_PER_S
				  : -1,
		.soft = record->soft,
		.hard = record->hard,
		.forecast = eg_life_forecast(&record->spec.lifetime, &use, eg_sa_space(sa->esn),
					     record->pps, record->bytes_per_s),
	};
}
