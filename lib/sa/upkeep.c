/* The control thread's upkeep of SAs: lifetimes, rates, and when to renew reservations.
 *
 * Workers never wait for it: they use what is reserved, and drop with a named reason when that is
 * used up. */
#include "base/clock.h"
#include "sa/record.h"

/* SAs per step. Each costs two cache misses and little else. */
#define SLICE 8192

/* SAs per acquisition of the mutex: some ten microseconds. */
#define LOCKED_SAS 128

/* SAs with at least this rate are visited in every step. */
#define FAST_PPS 50000

/* Minimum time over which a rate is measured. */
#define RATE_NS EG_NS_PER_S

static struct eg_lifetime_use use_of(const struct eg_sa_record *record, const struct eg_now *now)
{
	const struct eg_sa *sa = record->sa;

	return (struct eg_lifetime_use){
		.packets = eg_sa_record_is_out(record) ? eg_sa_now_of(&sa->seq)
						       : eg_sa_now_of(&sa->packets),
		.bytes = record->bytes_before + eg_sa_now_of(&sa->bytes),
		.age_ns = record->age_before_ns + now->mono_ns - record->born_mono_ns,
	};
}

/* Rates and time of last use, derived from changed counters, so that workers need no clock. */
static void measure(struct eg_sa_record *record, const struct eg_now *now)
{
	uint64_t packets = eg_sa_now_of(&record->sa->packets),
		 bytes = eg_sa_now_of(&record->sa->bytes);
	double seconds = (double)(now->mono_ns - record->rate_mono_ns) / (double)EG_NS_PER_S;

	if (packets != record->last_packets)
		record->used_mono_ns = now->mono_ns;
	if (now->mono_ns - record->rate_mono_ns >= RATE_NS) {
		record->pps = (double)(packets - record->rate_packets) / seconds;
		record->bytes_per_s = (double)(bytes - record->rate_bytes) / seconds;
		record->rate_mono_ns = now->mono_ns;
		record->rate_packets = packets;
		record->rate_bytes = bytes;
	}
	record->last_packets = packets;
}

/* A fast SA is visited in every step from now on. */
static void note_rate(struct eg_sa_store *store, struct eg_sa_record *record)
{
	if (record->fast || record->pps < FAST_PPS || store->n_fast == EG_SA_FAST)
		return;
	record->fast = true;
	store->fast[store->n_fast++] = record;
}

static void visit_fast(struct eg_sa_store *store, const struct eg_now *now)
{
	for (size_t i = 0; i < store->n_fast; i++) {
		struct eg_sa_record *record = store->fast[i];

		if (record->pps >= FAST_PPS) {
			eg_sa_reservation_renew(store, record, now);
			continue;
		}
		record->fast = false;
		store->fast[i--] = store->fast[--store->n_fast];
	}
}

static void check_lifetime(const struct eg_sa_store *store, struct eg_sa_record *record,
			   const struct eg_now *now, eg_sa_event_fn *report, void *arg)
{
	const struct eg_lifetime *life = &record->spec.lifetime;
	struct eg_lifetime_use use = use_of(record, now);
	enum eg_lifetime_limit soft = eg_lifetime_soft(life, &use),
			       hard = eg_lifetime_hard(life, &use);
	struct eg_sa_event event = {record->sa, &record->spec, false, soft, 0};
	unsigned percent =
		eg_lifetime_percent(eg_sa_space(record->spec.esn), eg_sa_now_of(&record->sa->seq));

	if (percent > record->percent && !hard) {
		event.limit = EG_LIFETIME_SEQUENCE;
		event.percent = percent;
		report(arg, &event);
		event.limit = soft;
	}
	record->percent = percent;
	if (soft && !record->soft && !hard)
		report(arg, &event);
	record->soft = soft;
	if (hard == record->hard)
		return;
	event.hard = true;
	event.limit = hard;
	if (hard && !record->hard)
		report(arg, &event);
	record->hard = hard; /* or a longer lifetime was loaded, and the SA continues */
	eg_sa_record_limit(store, record);
}

void eg_sa_record_detach(struct eg_sa_store *store, struct eg_sa_record *record)
{
	for (size_t i = 0; record->fast && i < store->n_fast; i++) {
		if (store->fast[i] == record)
			store->fast[i--] = store->fast[--store->n_fast];
	}
	record->fast = false;
	eg_sa_reservation_leave(store, record);
}

static void visit(struct eg_sa_store *store, struct eg_sa_record *record, const struct eg_now *now,
		  eg_sa_event_fn *report, void *arg)
{
	if (eg_sa_record_is_out(record) && now->mono_ns - record->noted_mono_ns >= EG_SA_NOTE_NS) {
		eg_sa_note_sent(record->sa);
		record->noted_mono_ns = now->mono_ns;
	}
	measure(record, now);
	check_lifetime(store, record, now, report, arg);
	if (eg_sa_record_is_durable(store, record)) {
		eg_sa_reservation_renew(store, record, now);
		note_rate(store, record);
	}
}

int eg_sa_store_step(struct eg_sa_store *store, const struct eg_now *now, eg_sa_event_fn *report,
		     void *arg)
{
	size_t left = SLICE;
	int err = 0;

	pthread_mutex_lock(&store->mutex);
	if (store->state)
		eg_sa_reservation_finish_write(store);
	left = store->live.n < left ? store->live.n : left;
	for (; left && store->live.n; left--) {
		visit(store, store->live.v[store->cursor++ % store->live.n], now, report, arg);
		if (left % LOCKED_SAS == 0) {
			/* The builder may be waiting for it. */
			pthread_mutex_unlock(&store->mutex);
			pthread_mutex_lock(&store->mutex);
		}
	}
	if (store->state) {
		visit_fast(store, now);
		eg_sa_reservation_write_due(store, now);
		err = store->disk_err;
	}
	pthread_mutex_unlock(&store->mutex);
	return err;
}

struct eg_sa_status eg_sa_status(const struct eg_sa *sa, const struct eg_now *now)
{
	const struct eg_sa_record *record = sa->record;
	struct eg_lifetime_use use = use_of(record, now);

	return (struct eg_sa_status){
		.idle_s = record->used_mono_ns
				  ? (double)(now->mono_ns - record->used_mono_ns) / EG_NS_PER_S
				  : -1,
		.soft = record->soft,
		.hard = record->hard,
		.forecast = eg_lifetime_forecast(&record->spec.lifetime, &use, eg_sa_space(sa->esn),
						 record->pps, record->bytes_per_s),
	};
}
