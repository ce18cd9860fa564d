/* Reservations: which SAs are due, and what is written for them, in which order.
 *
 * A record is fresh (acquired, nothing reserved), queued (due), or in flight (submitted to the
 * writer); its watermarks come into force when the writer is done. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "sa/record.h"

/* Minimum time between two writes, unless one is urgent: reservations due together are written
 * together. */
#define WRITE_NS (EG_NS_PER_S / 4)

/* Reservations per write: about ten milliseconds of disk time. */
#define WRITE_MAX 4096

static uint64_t end_of(const struct eg_sa_record *record)
{
	uint64_t space = eg_sa_space(record->spec.esn);
	uint64_t hard = record->spec.lifetime.hard_packets;

	return hard && hard < space ? hard : space;
}

/* May it only send what is durably reserved? */
static bool is_reserved(const struct eg_sa_store *store, const struct eg_sa_record *record)
{
	return eg_sa_record_is_durable(store, record) && eg_sa_record_is_out(record);
}

void eg_sa_record_limit(const struct eg_sa_store *store, const struct eg_sa_record *record)
{
	const struct eg_lifetime *life = &record->spec.lifetime;
	bool reserved = is_reserved(store, record);
	uint64_t end = end_of(record), seq = end, bytes = UINT64_MAX;
	struct eg_sa *sa = record->sa;

	if (record->spec.kind == EG_SA_KIND_IN)
		seq = life->hard_packets ? life->hard_packets : UINT64_MAX;
	else if (reserved && record->watermarks.seq < end)
		seq = record->watermarks.seq;
	if (record->hard)
		bytes = 0;
	else if (life->hard_bytes)
		bytes = life->hard_bytes > record->bytes_before
				? life->hard_bytes - record->bytes_before
				: 0;
	atomic_store_explicit(&sa->seq_end, end, memory_order_relaxed);
	atomic_store_explicit(&sa->byte_limit, bytes, memory_order_relaxed);
	/* Release: these watermarks are on disk. */
	atomic_store_explicit(&sa->iv_limit, reserved ? record->watermarks.iv : UINT64_MAX,
			      memory_order_release);
	atomic_store_explicit(&sa->seq_limit, seq, memory_order_release);
}

enum eg_verdict eg_sa_shortage(const struct eg_sa *sa)
{
	uint64_t end = eg_sa_now_of(&sa->seq_end);

	if (eg_sa_now_of(&sa->bytes) >= eg_sa_now_of(&sa->byte_limit))
		return EG_DROP_SA_EXPIRED;
	if (eg_sa_now_of(&sa->seq) < end)
		return EG_DROP_SEQ_RESERVATION;
	return end == eg_sa_space(sa->esn) ? EG_DROP_SEQ_EXHAUSTED : EG_DROP_SA_EXPIRED;
}

static struct eg_usage usage_of(const struct eg_sa_record *record, const struct eg_now *now)
{
	return (struct eg_usage){
		.seq = eg_sa_now_of(&record->sa->seq),
		.iv = eg_sa_now_of(&record->sa->iv),
		.wall_ns = now->wall_ns,
		.mono_ns = now->mono_ns,
	};
}

/* Numbers that are reserved but unused are charged with the average packet size: after a crash
 * nobody knows which of them were used. */
static uint64_t bytes_at(const struct eg_sa_record *record, uint64_t ahead)
{
	uint64_t packets = eg_sa_now_of(&record->sa->packets),
		 bytes = eg_sa_now_of(&record->sa->bytes);
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
		.inbound = !eg_sa_record_is_out(record),
	};

	memcpy(state.key, record->fingerprint, sizeof(state.key));
	strncpy(state.suite, record->spec.suite->name, sizeof(state.suite) - 1);
	return state;
}

static bool is_due(const struct eg_sa_record *record, const struct eg_usage *usage)
{
	return eg_sa_record_is_out(record)
		       ? eg_watermarks_due(&record->watermarks, usage, end_of(record))
		       : eg_received_due(&record->watermarks, usage);
}

/* Never below what was submitted: it may be in force by now. */
static struct eg_watermarks next_watermarks(const struct eg_sa_record *record,
					    const struct eg_usage *usage)
{
	uint16_t spread;
	struct eg_watermarks next;

	memcpy(&spread, record->fingerprint, sizeof(spread));
	next = eg_sa_record_is_out(record)
		       ? eg_watermarks_next(&record->watermarks, usage, end_of(record),
					    record->spec.esn, spread)
		       : eg_received_next(usage);
	if (next.seq < record->submitted_seq)
		next.seq = record->submitted_seq;
	if (next.iv < record->submitted_iv)
		next.iv = record->submitted_iv;
	return next;
}

static int queue(struct eg_sa_store *store, struct eg_sa_record *record)
{
	struct eg_sa_record **slot = eg_vec_add(&store->queue);

	if (!slot)
		return -ENOMEM;
	*slot = record;
	record->queue_place = store->queue.n - 1;
	record->queued = true;
	return 0;
}

/* The last entry takes its place. */
static void leave_queue(struct eg_sa_store *store, struct eg_sa_record *record)
{
	struct eg_sa_record *last = store->queue.v[--store->queue.n];

	store->queue.v[record->queue_place] = last;
	last->queue_place = record->queue_place;
	record->queue_place = NOT_QUEUED;
	record->queued = false;
}

int eg_sa_record_fresh(struct eg_sa_store *store, struct eg_sa_record *record)
{
	struct eg_sa_record **slot;

	if (!is_reserved(store, record))
		return 0;
	slot = eg_vec_add(&store->fresh);
	if (!slot)
		return -ENOMEM;
	*slot = record;
	record->fresh = true;
	record->fresh_place = store->fresh.n - 1;
	return 0;
}

static void leave_fresh(struct eg_sa_store *store, struct eg_sa_record *record)
{
	struct eg_sa_record *last = store->fresh.v[--store->fresh.n];

	store->fresh.v[record->fresh_place] = last;
	last->fresh_place = record->fresh_place;
	record->fresh = false;
}

static void end_first(struct eg_sa_store *store, struct eg_sa_record *record)
{
	store->n_first -= record->first;
	record->first = false;
}

void eg_sa_reservation_renew(struct eg_sa_store *store, struct eg_sa_record *record,
			     const struct eg_now *now)
{
	struct eg_usage usage = usage_of(record, now);

	if (record->queued || record->fresh || !is_due(record, &usage) || queue(store, record))
		return;
	/* Not if only the IV clock is due, and not for inbound SAs. */
	if (eg_sa_record_is_out(record) &&
	    usage.seq >= record->watermarks.seq -
				 (record->watermarks.seq - record->watermarks.was.seq) / 2)
		store->urgent = true;
}

void eg_sa_reservation_leave(struct eg_sa_store *store, struct eg_sa_record *record)
{
	if (record->queue_place != NOT_QUEUED)
		leave_queue(store, record);
	if (record->fresh)
		leave_fresh(store, record);
	end_first(store, record);
}

static int by_need(const void *a, const void *b)
{
	double left_a = ((const struct eg_sa_due *)a)->left_s;
	double left_b = ((const struct eg_sa_due *)b)->left_s;

	return left_a < left_b ? -1 : left_a > left_b;
}

/* Choose the most urgent of the queued reservations for the writer. */
static int fill_flight(struct eg_sa_store *store, const struct eg_now *now, size_t max)
{
	store->flight.n = store->states.n = 0;
	eg_vec_foreach (at, &store->queue) {
		struct eg_usage usage = usage_of(*at, now);
		struct eg_sa_due *due = eg_vec_add(&store->flight);

		if (!due)
			return -ENOMEM;
		*due = (struct eg_sa_due){
			.record = *at,
			.watermarks = next_watermarks(*at, &usage),
			.left_s =
				eg_watermarks_seconds_left(&(*at)->watermarks, &usage, (*at)->pps),
		};
	}
	qsort(store->flight.v, store->flight.n, sizeof(*store->flight.v), by_need);
	for (size_t i = 0; i < store->flight.n && i < max; i++) {
		const struct eg_sa_due *due = &store->flight.v[i];
		struct eg_state *state = eg_vec_add(&store->states);

		if (!state)
			return -ENOMEM;
		*state = state_at(due->record, due->watermarks.seq, due->watermarks.iv,
				  due->watermarks.was.seq);
	}
	return 0;
}

/* Submit queued reservations to the writer. */
static int start_write(struct eg_sa_store *store, const struct eg_now *now, size_t max)
{
	int err = fill_flight(store, now, max);

	store->write_mono_ns = now->mono_ns;
	if (!err)
		err = eg_state_writer_start(store->writer, store->states.v, store->states.n);
	if (err) {
		store->flight.n = 0;
		return store->disk_err = err;
	}
	store->urgent = store->queue.n > store->states.n;
	eg_vec_foreach (at, &store->queue)
		(*at)->queue_place = NOT_QUEUED;
	store->queue.n = 0;
	for (size_t i = 0; i < store->flight.n; i++) {
		struct eg_sa_record *record = store->flight.v[i].record;

		if (i < store->states.n) {
			record->submitted_seq = store->flight.v[i].watermarks.seq;
			record->submitted_iv = store->flight.v[i].watermarks.iv;
		} else {
			record->queue_place = store->queue.n; /* next time */
			store->queue.v[store->queue.n++] = record;
		}
	}
	store->flight.n = store->states.n;
	return 0;
}

bool eg_sa_reservation_finish_write(struct eg_sa_store *store)
{
	int err;

	if (!store->flight.n)
		return true;
	if (!eg_state_writer_done(store->writer, 0, &err))
		return false;
	store->disk_err = err;
	eg_vec_foreach (due, &store->flight) {
		struct eg_sa_record *record = due->record;

		record->queued = false;
		if (record->first && err)
			store->first_err = err;
		end_first(store, record);
		if (err)
			continue;
		record->watermarks = due->watermarks;
		if (record->sa)
			eg_sa_record_limit(store, record);
	}
	store->flight.n = 0;
	return true;
}

/* Queue all fresh SAs. 0 or -ENOMEM. */
static int queue_fresh(struct eg_sa_store *store)
{
	while (store->fresh.n) {
		struct eg_sa_record *record = store->fresh.v[store->fresh.n - 1];

		if (queue(store, record))
			return -ENOMEM;
		leave_fresh(store, record);
		record->first = true;
		store->n_first++;
	}
	return 0;
}

/* Write until no record is `first`. The other thread may start or finish a write meanwhile. */
static int write_first(struct eg_sa_store *store, const struct eg_now *now, uint64_t until_ns)
{
	for (;;) {
		uint64_t now_ns = eg_mono_ns();
		int err;

		if (eg_sa_reservation_finish_write(store) && store->n_first &&
		    start_write(store, now, SIZE_MAX))
			return store->disk_err;
		if (!store->n_first || now_ns >= until_ns)
			return store->first_err;
		pthread_mutex_unlock(&store->mutex);
		eg_state_writer_done(store->writer, until_ns - now_ns, &err);
		pthread_mutex_lock(&store->mutex);
	}
}

int eg_sa_store_reserve(struct eg_sa_store *store, const struct eg_now *now, uint64_t wait_ns)
{
	uint64_t now_ns = eg_mono_ns();
	int err;

	if (!store->state)
		return 0;
	pthread_mutex_lock(&store->mutex);
	store->first_err = 0;
	err = queue_fresh(store);
	store->urgent |= store->queue.n > 0;
	if (!err)
		err = write_first(store, now,
				  wait_ns > UINT64_MAX - now_ns ? UINT64_MAX : now_ns + wait_ns);
	pthread_mutex_unlock(&store->mutex);
	return err;
}

void eg_sa_reservation_write_due(struct eg_sa_store *store, const struct eg_now *now)
{
	bool soon = store->urgent && !store->disk_err;

	if (eg_sa_reservation_finish_write(store) && store->queue.n &&
	    (soon || now->mono_ns - store->write_mono_ns >= WRITE_NS))
		start_write(store, now, WRITE_MAX);
}

/* Exactly what all durable SAs have used. 0 or -ENOMEM. */
static int used_states(struct eg_sa_store *store, const struct eg_now *now)
{
	store->states.n = 0;
	eg_vec_foreach (at, &store->live) {
		struct eg_usage usage = usage_of(*at, now);
		struct eg_state *state;

		/* Without a reservation nothing was used. */
		if (!eg_sa_record_is_durable(store, *at) ||
		    (eg_sa_record_is_out(*at) ? !(*at)->submitted_seq : !usage.seq))
			continue;
		state = eg_vec_add(&store->states);
		if (!state)
			return -ENOMEM;
		*state = state_at(*at, usage.seq, usage.iv, usage.seq);
	}
	return 0;
}

int eg_sa_store_finish(struct eg_sa_store *store, const struct eg_now *now)
{
	int err, ignored;

	if (!store->state)
		return 0;
	/* Only one thread is left: it may wait while holding the mutex. */
	pthread_mutex_lock(&store->mutex);
	if (store->flight.n)
		eg_state_writer_done(store->writer, UINT64_MAX, &ignored);
	eg_sa_reservation_finish_write(store);
	err = used_states(store, now);
	if (!err)
		err = eg_state_dir_finish(store->state, store->states.v, store->states.n);
	pthread_mutex_unlock(&store->mutex);
	return err;
}
