/* The journal: truncated and garbled at every byte, and on disks that fail at every byte. No number
 * once granted to an SA is granted again. Also ten thousand SAs on one control thread. */
#include "sa/sa_tests.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "sa/journal.h"
#include "sa/watermark.h"
#include "sa/record.h"
#include "common/folder.h"

static const struct eg_pos conf_pos = {.file = "t", .line = 1, .column = 1};

static const char *journal_path(void)
{
	static char path[96];

	snprintf(path, sizeof(path), "%s/journal", folder);
	return path;
}

static struct eg_state example(unsigned n)
{
	struct eg_state state = {.spi = 0x1000 + n, .suite = "aes256gcm16", .seq = n, .iv = n};

	memset(state.key, 0xa5, sizeof(state.key));
	memcpy(state.key, &n, sizeof(n));
	eg_ip_parse("2001:db8::2", &state.remote);
	return state;
}

struct seen {
	unsigned n;
	uint64_t last_seq;
};

static int see(void *arg, const struct eg_state *state)
{
	struct seen *seen = arg;

	seen->n++;
	seen->last_seq = state->seq;
	return 0;
}

/* Three batches of one, none and two lines, and their end offsets. */
static size_t three_batches(struct eg_buf *text, size_t ends[3])
{
	static const unsigned lines[3] = {1, 0, 2};

	eg_buf_add(text, "%s", EG_JOURNAL_HEAD);
	for (unsigned i = 0; i < 3; i++) {
		struct eg_journal_batch batch = eg_journal_begin(text, 7 + i);

		for (unsigned k = 0; k < lines[i]; k++) {
			struct eg_state state = example(10 * i + k);

			eg_journal_add(&batch, &state);
		}
		assert_int_equal(eg_journal_end(&batch), 0);
		ends[i] = text->n;
	}
	return text->n;
}

/* Truncated at every byte: all complete batches count, the rest does not; without the first batch
 * it is damage. */
static void test_cut(void **state)
{
	struct eg_buf text = {0};
	size_t ends[3], n = three_batches(&text, ends);

	(void)state;
	for (size_t cut = 0; cut <= n; cut++) {
		struct eg_journal_read read;
		struct seen seen = {0};
		enum eg_state_fault fault = eg_journal_parse(text.v, cut, see, &seen, &read);
		unsigned whole = (cut >= ends[0]) + (cut >= ends[1]) + (cut >= ends[2]);

		assert_int_equal(fault, whole ? EG_STATE_OK : EG_STATE_DAMAGED);
		if (!whole)
			continue;
		assert_int_equal(read.number, 6 + whole);
		assert_int_equal(read.good, ends[whole - 1]);
		assert_int_equal(seen.n, whole == 3 ? 3 : 1);
	}
	eg_buf_free(&text);
}

/* Each byte wrong in turn: in the last batch it invalidates that batch; anywhere else it is damage.
 */
static void test_garbled(void **state)
{
	struct rng rng = rng_start("garbled");
	struct eg_buf text = {0};
	size_t ends[3], n = three_batches(&text, ends);

	(void)state;
	for (size_t at = 0; at < n; at++) {
		char right = text.v[at];
		struct eg_journal_read read;
		struct seen seen = {0};
		enum eg_state_fault fault;

		text.v[at] ^= (char)(1 + rng_below(&rng, 255));
		fault = eg_journal_parse(text.v, n, see, &seen, &read);
		if (at >= ends[1])
			assert_true(fault == EG_STATE_OK && read.good == ends[1] && seen.n == 1);
		else
			assert_int_not_equal(fault, EG_STATE_OK);
		text.v[at] = right;
	}
	/* A batch that is repeated, or follows a later one. */
	eg_buf_add(&text, "%.*s", (int)(ends[2] - ends[1]), text.v + ends[1]);
	assert_int_equal(eg_journal_parse(text.v, text.n, see, &(struct seen){0},
					  &(struct eg_journal_read){0}),
			 EG_STATE_DAMAGED);
	eg_buf_free(&text);
}

/* A line that cannot be parsed, in a complete batch: it may matter, so it is damage. */
static void test_unknown_line(void **state)
{
	struct eg_buf text = {0};
	struct eg_journal_batch batch;
	struct eg_state known = example(1);
	struct eg_journal_read read;

	(void)state;
	for (unsigned strange = 0; strange < 2; strange++) {
		text.n = 0;
		eg_buf_add(&text, "%s", EG_JOURNAL_HEAD);
		batch = eg_journal_begin(&text, 1);
		eg_journal_add(&batch, &known);
		if (strange)
			eg_buf_add(&text, "key of another kind\n");
		assert_int_equal(eg_journal_end(&batch), 0);
		assert_int_equal(eg_journal_parse(text.v, text.n, see, &(struct seen){0}, &read),
				 strange ? EG_STATE_DAMAGED : EG_STATE_OK);
	}
	eg_buf_free(&text);
}

/* --- a failing disk */

/* Accepts `room` bytes, then fails with `err`; so do syncs once it is full, and the sync of number
 * `sync_fails`. */
struct disk {
	uint64_t room;
	int err;
	unsigned sync_fails;
	unsigned syncs, sync_ms;
};

static int disk_write(void *arg, int fd, const void *data, size_t n)
{
	struct disk *disk = arg;
	size_t take = n < disk->room ? n : (size_t)disk->room;

	assert_int_equal(write(fd, data, take), take);
	disk->room -= take;
	errno = disk->err;
	return take == n ? 0 : -1;
}

static int disk_sync(void *arg, int fd)
{
	struct disk *disk = arg;

	(void)fd;
	disk->syncs++;
	usleep(disk->sync_ms * 1000);
	errno = disk->err;
	return disk->room && disk->syncs != disk->sync_fails ? 0 : -1;
}

static struct eg_state_dir *open_dir(struct disk *disk)
{
	struct eg_errs errs = {0};
	struct eg_state_dir *dir = eg_state_dir_open(folder, false, &conf_pos, &errs);

	eg_errs_print(&errs, stderr);
	assert_non_null(dir);
	if (disk)
		eg_state_dir_set_disk(dir, &(struct eg_state_disk){disk_write, disk_sync, disk});
	return dir;
}

static uint64_t load_seq(struct eg_state_dir *dir, unsigned n)
{
	struct eg_state wants = example(n), out;
	struct eg_errs errs = {0};

	return eg_state_dir_load(dir, &wants, &conf_pos, "sa", &out, &errs) == 1 ? out.seq : 0;
}

/* The disk fills up at every byte of an append and of a rewritten journal: confirmed states survive
 * a crash, and writing continues once the disk has recovered. */
static void test_failing_disk(void **state)
{
	static const int errors[] = {EIO, ENOSPC, EROFS};
	struct disk disk = {.room = UINT64_MAX};
	struct eg_state_dir *dir = open_dir(&disk);
	struct eg_state two[2] = {example(1), example(2)};
	uint64_t confirmed;

	(void)state;
	two[0].seq = two[1].seq = confirmed = 1000;
	assert_int_equal(eg_state_dir_save(dir, two, 2), 0);
	for (unsigned room = 0; room < 1600; room++) {
		int err = errors[room % 3], ret;

		/* Odd: the first failure was before; this one is during a rewrite. */
		disk = (struct disk){.room = room, .err = err};
		two[0].seq = two[1].seq = confirmed + 10;
		ret = eg_state_dir_save(dir, two, 2);
		if (ret)
			assert_int_equal(ret, -err);
		else
			confirmed += 10;
		/* Crash now, on a copy. */
		if (room % 7 == 0) {
			struct eg_errs errs = {0};
			struct eg_state_dir *copy =
				eg_state_dir_open(folder, true, &conf_pos, &errs);

			assert_non_null(copy);
			assert_true(load_seq(copy, 1) >= confirmed);
			assert_true(load_seq(copy, 2) >= confirmed);
			eg_state_dir_close(copy);
		}
		if (room % 5 == 0) { /* recovered */
			disk.room = UINT64_MAX;
			assert_int_equal(eg_state_dir_save(dir, two, 2), 0);
			confirmed = two[0].seq;
		}
	}
	eg_state_dir_close(dir);
	dir = open_dir(NULL);
	assert_true(load_seq(dir, 1) >= confirmed);
	eg_state_dir_close(dir);
}

/* Data that is written but not synced does not count: for an append, and for a rewritten journal,
 * whose directory must be synced, too. */
static void test_failing_sync(void **state)
{
	struct disk disk = {.room = UINT64_MAX};
	struct eg_state_dir *dir = open_dir(&disk);
	struct eg_state one = example(1);

	(void)state;
	one.seq = 1000;
	assert_int_equal(eg_state_dir_save(dir, &one, 1), 0);
	one.seq = 2000;
	for (unsigned fails = 1; fails <= 3; fails++) {
		/* The append; then the rewritten journal and its directory. */
		disk = (struct disk){.room = UINT64_MAX, .err = EIO, .sync_fails = (fails + 1) / 2};
		assert_int_equal(eg_state_dir_save(dir, &one, 1), -EIO);
		assert_int_equal(disk.syncs, (fails + 1) / 2);
		assert_int_equal(load_seq(dir, 1), 1000);
	}
	disk = (struct disk){.room = UINT64_MAX};
	assert_int_equal(eg_state_dir_save(dir, &one, 1), 0);
	assert_int_equal(load_seq(dir, 1), 2000);
	eg_state_dir_close(dir);
}

/* The journal does not grow forever; rewriting it loses nothing. */
static void test_bounded(void **state)
{
	struct disk disk = {.room = UINT64_MAX};
	struct eg_state_dir *dir = open_dir(&disk);
	struct eg_state other = example(2);
	struct stat st;
	off_t largest = 0;

	(void)state;
	assert_int_equal(eg_state_dir_save(dir, &other, 1), 0);
	for (unsigned i = 1; i <= 12000; i++) {
		struct eg_state one = example(1);

		one.seq = i;
		assert_int_equal(eg_state_dir_save(dir, &one, 1), 0);
		assert_int_equal(stat(journal_path(), &st), 0);
		largest = st.st_size > largest ? st.st_size : largest;
	}
	assert_true(largest > 1 << 19 && largest < 3 << 20);
	assert_true(st.st_size < largest);
	eg_state_dir_close(dir);
	dir = open_dir(NULL);
	assert_int_equal(load_seq(dir, 1), 12000);
	assert_int_equal(load_seq(dir, 2), 2);
	eg_state_dir_close(dir);
}

/* --- the store */

static struct eg_sa_store *open_store(struct disk *disk)
{
	struct eg_sa_store *store = eg_sa_store_new(1);
	struct eg_errs errs = {0};
	int err = eg_sa_store_open_state(store, folder, false, &conf_pos, &errs);

	eg_errs_print(&errs, stderr);
	assert_int_equal(err, 0);
	if (disk)
		eg_state_dir_set_disk(store->state,
				      &(struct eg_state_disk){disk_write, disk_sync, disk});
	return store;
}

static struct eg_sa *acquire_as(struct eg_sa_store *store, unsigned n, enum eg_sa_kind kind,
				const struct eg_lifetime *lifetime, bool esn)
{
	const struct eg_err_place ref = {.path = "sa"};
	uint8_t material[EG_SUITE_KEY_MAX] = {kind};
	struct eg_errs errs = {0};
	struct eg_sa *sa;
	struct eg_sa_spec spec = {
		.kind = kind,
		.spi = 0x1000 + n,
		.suite = eg_suite_find("aes256gcm16"),
		.esn = esn,
		.replay_window = kind == EG_SA_KIND_IN ? 64 : 0,
	};

	if (lifetime)
		spec.lifetime = *lifetime;
	memcpy(material + 1, &n, sizeof(n));
	eg_ip_parse("192.0.2.1", &spec.local);
	eg_ip_parse("192.0.2.2", &spec.remote);
	sa = eg_sa_acquire(store, &spec, material, &ref, &errs);
	eg_errs_print(&errs, stderr);
	return sa;
}

static struct eg_sa *acquire(struct eg_sa_store *store, unsigned n, enum eg_sa_kind kind,
			     const struct eg_lifetime *lifetime)
{
	return acquire_as(store, n, kind, lifetime, true);
}

static void ignore(void *arg, const struct eg_sa_event *event)
{
	(void)arg;
	(void)event;
}

/* A crash after every batch, when the disk may have any part of the next one. Numbers granted to a
 * worker are never granted again. */
static void test_crash_anywhere(void **state)
{
	struct rng rng = rng_start("crash anywhere");
	struct eg_now now = {eg_wall_ns(), eg_mono_ns()};
	uint64_t last_seq = 0, last_iv = 0;
	struct stat before, after;
	unsigned cuts = 0;

	(void)state;
	for (unsigned run = 0; run < 300; run++) {
		struct eg_sa_store *store = open_store(NULL);
		struct eg_sa *sa = acquire(store, 1, EG_SA_KIND_OUT, NULL);
		size_t cut;

		assert_non_null(acquire(store, 2, EG_SA_KIND_OUT, NULL));
		assert_non_null(sa);
		assert_int_equal(stat(journal_path(), &before), 0);
		assert_int_equal(eg_sa_reserve(sa, 1, now.wall_ns).n, 0);
		if (rng_below(&rng, 2)) { /* it is in force */
			unsigned n = 1 + (unsigned)rng_below(&rng, 1u << 20);
			struct eg_sa_grant grant;

			assert_int_equal(eg_sa_store_reserve(store, &now, UINT64_MAX), 0);
			assert_int_equal(stat(journal_path(), &before), 0);
			grant = eg_sa_reserve(sa, n, now.wall_ns);
			assert_int_equal(grant.n, n);
			assert_true(grant.seq > last_seq && grant.iv > last_iv);
			last_seq = grant.seq + n - 1;
			last_iv = grant.iv + n - 1;
			/* The next one, in progress. */
			assert_int_equal(eg_sa_reserve(sa, 1u << 23, now.wall_ns).n, 1u << 23);
			last_seq += 1u << 23;
			last_iv = atomic_load(&sa->iv);
			now.mono_ns += EG_NS_PER_S;
			eg_sa_store_step(store, &now, ignore, NULL);
		} else {
			assert_int_equal(eg_sa_store_reserve(store, &now, 0), 0);
		}
		eg_sa_store_free(store); /* the writer ends; nobody saw its result */
		assert_int_equal(stat(journal_path(), &after), 0);
		assert_true(after.st_size >= before.st_size);
		cut = (size_t)before.st_size +
		      (size_t)rng_below(&rng, (uint64_t)(after.st_size - before.st_size) + 1);
		assert_int_equal(truncate(journal_path(), (off_t)cut), 0);
		cuts += cut < (size_t)after.st_size;
		if (!rng_below(&rng, 3)) /* pages that were never written */
			assert_int_equal(truncate(journal_path(), after.st_size), 0);
		now.wall_ns -= rng_below(&rng, 1000) * EG_NS_PER_S;
	}
	assert_true(cuts > 100 && last_seq > 100u << 20);
}

/* A failing disk stops an SA only when its reservation is used up, and is reported; when the disk
 * has recovered, everything continues. */
static void test_store_on_failing_disk(void **state)
{
	struct disk disk = {.room = UINT64_MAX};
	struct eg_sa_store *store = open_store(&disk);
	struct eg_sa *out = acquire(store, 1, EG_SA_KIND_OUT, NULL);
	struct eg_sa *in = acquire(store, 2, EG_SA_KIND_IN, NULL);
	struct eg_now now = {eg_wall_ns(), eg_mono_ns()};
	uint64_t limit;
	int err = 0;

	(void)state;
	assert_int_equal(eg_sa_store_reserve(store, &now, UINT64_MAX), 0);
	disk = (struct disk){.room = 0, .err = ENOSPC};
	limit = atomic_load(&out->seq_limit);
	for (uint64_t sent = 0; sent < limit; sent += 1u << 18) {
		unsigned n = (unsigned)(limit - sent < 1u << 18 ? limit - sent : 1u << 18);

		assert_int_equal(eg_sa_reserve(out, n, now.wall_ns).n, n);
		assert_int_equal(eg_sa_received(in, sent + 1), EG_PASS);
		now.mono_ns += EG_NS_PER_S;
		err = eg_sa_store_step(store, &now, ignore, NULL);
		usleep(500);
	}
	assert_int_equal(err, -ENOSPC);
	assert_int_equal(eg_sa_reserve(out, 1, now.wall_ns).n, 0);
	assert_int_equal(eg_sa_shortage(out), EG_DROP_SEQ_RESERVATION);
	assert_int_equal(eg_sa_received(in, limit + 1), EG_PASS); /* needs no reservation */
	disk.room = UINT64_MAX;
	for (unsigned i = 0; i < 100 && eg_sa_shortage(out); i++) {
		now.mono_ns += EG_NS_PER_S;
		err = eg_sa_store_step(store, &now, ignore, NULL);
		if (!err && eg_sa_reserve(out, 1, now.wall_ns).n)
			break;
		usleep(500);
	}
	assert_int_equal(err, 0);
	eg_sa_store_free(store);
}

#define MANY 10000
#define FAST 10

/* Traffic of the fast SAs during one step of the control loop, 2 Mpps in total; measures how long
 * the loop took and what was not granted. */
static uint64_t run_steps(struct eg_sa_store *store, struct eg_sa *const *sas, struct eg_now *now,
			  unsigned steps, uint64_t *longest_ns)
{
	const unsigned each = 2000000 / 50 / FAST;
	uint64_t lost = 0;

	for (unsigned step = 0; step < steps; step++) {
		uint64_t start = eg_mono_ns(), took;

		eg_sa_store_step(store, now, ignore, NULL);
		took = eg_mono_ns() - start;
		*longest_ns = took > *longest_ns ? took : *longest_ns;
		for (unsigned i = 0; i < FAST; i++) {
			struct eg_sa *sa = sas[i * (MANY / FAST)];

			lost += each - eg_sa_reserve(sa, each, now->wall_ns).n;
			eg_sa_count(sa, each, each * 100);
		}
		now->mono_ns += EG_NS_PER_S / 50;
		now->wall_ns += EG_NS_PER_S / 50;
		usleep(2000); /* ten times as fast as the clock */
	}
	return lost;
}

/* Ten thousand SAs start together: one fsync. When all are due at once they are written in batches,
 * one fsync each, the fast ones first. The fast SAs lose nothing, and no step waits for the disk.
 * Times are printed but not checked: other programs run on the machine. */
static void test_many(void **state)
{
	struct disk disk = {.room = UINT64_MAX, .sync_ms = 50};
	struct eg_sa_store *store = open_store(&disk);
	static struct eg_sa *sas[MANY];
	struct eg_now now = {eg_wall_ns(), eg_mono_ns()};
	uint64_t start, longest_ns = 0, lost;
	unsigned due = 0;

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		sas[i] = acquire(store, i, EG_SA_KIND_OUT, NULL);
		assert_non_null(sas[i]);
	}
	start = eg_mono_ns();
	assert_int_equal(eg_sa_store_reserve(store, &now, UINT64_MAX), 0);
	print_message("first reservations of %d SAs: %.1f ms, %u fsync\n", MANY,
		      (double)(eg_mono_ns() - start) / 1e6, disk.syncs);
	assert_int_equal(disk.syncs, 1);
	lost = run_steps(store, sas, &now, 500, &longest_ns);
	print_message("10 s of 2 Mpps: longest step %.3f ms, %llu packets lost\n",
		      (double)longest_ns / 1e6, (unsigned long long)lost);
	assert_int_equal(lost, 0);

	/* Half a day later all IVs are due. */
	now.wall_ns += EG_IV_AHEAD_NS;
	disk.syncs = 0;
	longest_ns = 0;
	lost = run_steps(store, sas, &now, 500, &longest_ns);
	print_message("all due at once: longest step %.3f ms, %llu packets lost, %u fsyncs\n",
		      (double)longest_ns / 1e6, (unsigned long long)lost, disk.syncs);
	assert_int_equal(lost, 0);
	assert_true(disk.syncs < 100);
	for (unsigned i = 0; i < MANY; i++)
		due += atomic_load(&sas[i]->iv_limit) < now.wall_ns;
	assert_int_equal(due, 0);
	eg_sa_store_free(store);
}

/* Past the time limit an SA is expired, however few bytes it has sent. */
static void test_out_of_time(void **state)
{
	struct eg_sa_store *store = open_store(NULL);
	struct eg_now now = {eg_wall_ns(), eg_mono_ns()};
	struct eg_sa *sa = acquire(
		store, 1, EG_SA_KIND_OUT,
		&(struct eg_lifetime){.hard_bytes = 1000000, .hard_time_ns = 10 * EG_NS_PER_S});

	(void)state;
	assert_int_equal(eg_sa_store_reserve(store, &now, UINT64_MAX), 0);
	now.mono_ns += 9 * EG_NS_PER_S;
	eg_sa_store_step(store, &now, ignore, NULL);
	assert_int_equal(eg_sa_reserve(sa, 1, now.wall_ns).n, 1);
	now.mono_ns += 2 * EG_NS_PER_S;
	eg_sa_store_step(store, &now, ignore, NULL);
	assert_int_equal(eg_sa_reserve(sa, 1, now.wall_ns).n, 0);
	assert_int_equal(eg_sa_shortage(sa), EG_DROP_SA_EXPIRED);
	eg_sa_store_free(store);
}

/* With more reservations than fit into one write, the most urgent ones go first. */
static void test_soonest_first(void **state)
{
	struct disk disk = {.room = UINT64_MAX, .sync_ms = 20};
	struct eg_sa_store *store = open_store(&disk);
	struct eg_now now = {eg_wall_ns(), eg_mono_ns()};
	struct eg_sa *last = NULL;

	(void)state;
	for (unsigned i = 0; i < 6000; i++)
		last = acquire(store, i, EG_SA_KIND_OUT, NULL);
	assert_int_equal(eg_sa_store_reserve(store, &now, UINT64_MAX), 0);
	now.wall_ns += EG_IV_AHEAD_NS; /* all are due */
	now.mono_ns += EG_NS_PER_S;
	assert_true(eg_sa_reserve(last, EG_SEQ_BLOCK_ESN / 8 * 7, now.wall_ns).n > 0);
	assert_int_equal(eg_sa_store_step(store, &now, ignore, NULL), 0);
	assert_true(store->states.n > 0 && store->states.n < 6000);
	assert_int_equal(store->states.v[0].spi, be32toh(last->spi_be));
	eg_sa_store_free(store);
}

/* An SA that is released while its reservation is being written, or while it is in the fast list,
 * is not touched again. */
static void test_released(void **state)
{
	struct disk disk = {.room = UINT64_MAX, .sync_ms = 20};
	struct eg_sa_store *store = open_store(&disk);
	struct eg_now now = {eg_wall_ns(), eg_mono_ns()};
	struct eg_sa *sas[3];

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		sas[i] = acquire(store, i, EG_SA_KIND_OUT, NULL);
	assert_int_equal(eg_sa_store_reserve(store, &now, UINT64_MAX), 0);
	for (unsigned i = 0; i < 2; i++) { /* the writer is busy with the first one */
		assert_true(eg_sa_reserve(sas[i], EG_SEQ_BLOCK_ESN / 2 + 1, now.wall_ns).n > 0);
		atomic_fetch_add(&sas[i]->packets, EG_SEQ_BLOCK_ESN / 2 + 1);
		now.mono_ns += EG_NS_PER_S;
		eg_sa_store_step(store, &now, ignore, NULL);
	}
	assert_int_equal(store->queue.n, 1);
	assert_int_equal(store->n_fast, 2);
	eg_sa_release(store, sas[1]);
	eg_sa_release(store, sas[0]);
	assert_int_equal(store->queue.n, 0);
	assert_int_equal(store->n_fast, 0);
	for (unsigned i = 0; i < 20; i++) {
		now.mono_ns += EG_NS_PER_S;
		assert_int_equal(eg_sa_store_step(store, &now, ignore, NULL), 0);
		usleep(5000);
	}
	eg_sa_store_free(store);
}

/* The reservations of SAs that were started together do not end together. */
static void test_spread(void **state)
{
	struct eg_sa_store *store = open_store(NULL);
	struct eg_now now = {eg_wall_ns(), eg_mono_ns()};
	unsigned iv[8] = {0}, seq[8] = {0};

	(void)state;
	for (unsigned i = 0; i < 800; i++)
		assert_non_null(acquire(store, i, EG_SA_KIND_OUT, NULL));
	assert_int_equal(eg_sa_store_reserve(store, &now, UINT64_MAX), 0);
	eg_vec_foreach (at, &store->live) {
		uint64_t ahead = atomic_load(&(*at)->sa->iv_limit) - now.wall_ns;
		uint64_t block = atomic_load(&(*at)->sa->seq_limit);

		assert_true(ahead <= EG_IV_AHEAD_NS && ahead >= EG_IV_AHEAD_NS / 3 * 2);
		assert_true(block >= EG_SEQ_BLOCK_ESN && block < EG_SEQ_BLOCK_ESN / 4 * 5);
		iv[(EG_IV_AHEAD_NS - ahead) * 8 / (EG_IV_AHEAD_NS / 3 + 1)]++;
		seq[(block - EG_SEQ_BLOCK_ESN) * 8 / (EG_SEQ_BLOCK_ESN / 4)]++;
	}
	for (unsigned i = 0; i < 8; i++)
		assert_true(iv[i] > 50 && seq[i] > 50);
	eg_sa_store_free(store);
}

/* --- inbound SAs */

static void step_until_written(struct eg_sa_store *store, struct eg_now *now)
{
	for (unsigned i = 0; i < 20; i++) {
		now->mono_ns += EG_NS_PER_S;
		assert_int_equal(eg_sa_store_step(store, now, ignore, NULL), 0);
		usleep(10000); /* the writer may wait for a CPU */
	}
}

/* After a crash nothing that was recorded is accepted again, and no new packet is lost; after an
 * orderly stop nothing is accepted again, whether it was recorded or not. */
static void test_received(void **state)
{
	static const uint64_t begins[] = {1, 70000, (1ull << 32) + 5, (7ull << 32) - 9};
	struct eg_now now = {eg_wall_ns(), eg_mono_ns()};

	(void)state;
	for (unsigned i = 0; i < COUNT(begins); i++) {
		struct eg_sa_store *store = open_store(NULL);
		struct eg_sa *sa = acquire(store, i, EG_SA_KIND_IN, NULL);
		uint64_t seq = begins[i], top;

		assert_int_equal(eg_sa_store_reserve(store, &now, UINT64_MAX), 0);
		for (unsigned k = 0; k < 100; k++) { /* 100 packets per second */
			assert_int_equal(eg_sa_received(sa, seq++), EG_PASS);
			eg_sa_count(sa, 1, 100);
			if (k % 10 == 9) {
				now.mono_ns += EG_NS_PER_S / 10;
				assert_int_equal(eg_sa_store_step(store, &now, ignore, NULL), 0);
			}
		}
		step_until_written(store, &now);
		eg_sa_store_free(store); /* a crash */

		store = open_store(NULL);
		sa = acquire(store, i, EG_SA_KIND_IN, NULL);
		top = sa->replay.top;
		assert_int_equal(top, seq - 1);
		for (uint64_t old = begins[i]; old < seq; old++)
			assert_int_not_equal(eg_sa_received(sa, old), EG_PASS);
		assert_int_equal(eg_replay_infer(&sa->replay, (uint32_t)(top + 1)), top + 1);
		assert_int_equal(eg_sa_received(sa, top + 1), EG_PASS);
		assert_int_equal(eg_sa_store_finish(store, &now), 0);
		eg_sa_store_free(store); /* an orderly stop */

		store = open_store(NULL);
		sa = acquire(store, i, EG_SA_KIND_IN, NULL);
		assert_int_not_equal(eg_sa_received(sa, top + 1), EG_PASS);
		assert_int_equal(eg_sa_received(sa, top + 2), EG_PASS);
		eg_sa_store_free(store);
	}
}

/* Lifetimes continue across crashes and orderly stops, in both directions, and when an SA is
 * removed and added again. After a crash, reserved bytes count as used. */
static void test_lifetimes_continue(void **state)
{
	const struct eg_lifetime life = {.hard_bytes = 1000000, .hard_time_ns = 1000 * EG_NS_PER_S};

	(void)state;
	for (unsigned kind = EG_SA_KIND_OUT; kind <= EG_SA_KIND_IN; kind++) {
		for (unsigned orderly = 0; orderly < 2; orderly++) {
			unsigned n = 2 * kind + orderly;
			struct eg_sa_store *store = open_store(NULL);
			struct eg_sa *sa = acquire(store, n, kind, &life);
			struct eg_now now = {eg_wall_ns(), eg_mono_ns()};
			struct eg_sa_record *record = sa->record;
			uint64_t left;

			record->since_ns -= 600 * EG_NS_PER_S; /* first used ten minutes ago */
			assert_int_equal(eg_sa_store_reserve(store, &now, UINT64_MAX), 0);
			assert_int_equal(atomic_load(&sa->byte_limit), 1000000);
			if (kind == EG_SA_KIND_OUT)
				assert_int_equal(eg_sa_reserve(sa, 10, now.wall_ns).n, 10);
			for (unsigned k = 1; k <= 10 && kind == EG_SA_KIND_IN; k++)
				assert_int_equal(eg_sa_received(sa, k), EG_PASS);
			eg_sa_count(sa, 10, 4000);
			if (kind == EG_SA_KIND_IN)
				step_until_written(store, &now);
			if (orderly)
				assert_int_equal(eg_sa_store_finish(store, &now), 0);
			eg_sa_store_free(store);

			store = open_store(NULL);
			sa = acquire(store, n, kind, &life);
			now = (struct eg_now){eg_wall_ns(), eg_mono_ns()};
			/* Time continues in either case. */
			assert_true(sa->record->age_before_ns >= 600 * EG_NS_PER_S);
			assert_true(sa->record->age_before_ns < 700 * EG_NS_PER_S);
			left = atomic_load(&sa->byte_limit);
			if (orderly)
				assert_int_equal(left, 996000);
			else if (kind == EG_SA_KIND_IN)
				assert_int_equal(left, 996000);
			eg_sa_count(sa, 5, 2000);

			/* Removed and added again. */
			eg_sa_retain(sa);
			eg_sa_release(store, sa);
			assert_int_equal(eg_sa_store_reserve(store, &now, UINT64_MAX), 0);
			sa->record->born_mono_ns -= 50 * EG_NS_PER_S;
			eg_sa_release(store, sa);
			sa = acquire(store, n, kind, &life);
			assert_int_equal(atomic_load(&sa->byte_limit), left - 2000);
			assert_true(sa->record->age_before_ns >= 650 * EG_NS_PER_S);
			now.mono_ns += 300 * EG_NS_PER_S;
			assert_int_equal(eg_sa_status(sa, &now).hard, EG_LIFETIME_NONE);
			now.mono_ns += 100 * EG_NS_PER_S;
			eg_sa_store_step(store, &now, ignore, NULL);
			assert_int_equal(eg_sa_status(sa, &now).hard, EG_LIFETIME_TIME);
			eg_sa_store_free(store);
		}
	}
}

/* After a crash an outbound SA is charged for the bytes that were reserved, as far as known. */
static void test_reserved_bytes(void **state)
{
	const struct eg_lifetime life = {.hard_bytes = 1ull << 40};
	struct eg_sa_store *store = open_store(NULL);
	struct eg_sa *sa = acquire(store, 1, EG_SA_KIND_OUT, &life);
	struct eg_now now = {eg_wall_ns(), eg_mono_ns()};
	uint64_t limit, used = 0, left;

	(void)state;
	assert_int_equal(eg_sa_store_reserve(store, &now, UINT64_MAX), 0);
	limit = atomic_load(&sa->seq_limit);
	while (used < limit * 3 / 4) { /* until it is renewed, at 1000 bytes per packet */
		used += eg_sa_reserve(sa, 1u << 16, now.wall_ns).n;
		eg_sa_count(sa, 1u << 16, 1000ull << 16);
	}
	step_until_written(store, &now);
	assert_true(atomic_load(&sa->seq_limit) > limit);
	limit = atomic_load(&sa->seq_limit);
	eg_sa_store_free(store);
	store = open_store(NULL);
	sa = acquire(store, 1, EG_SA_KIND_OUT, &life);
	left = atomic_load(&sa->byte_limit);
	assert_int_equal(left, (1ull << 40) - 1000 * limit);
	eg_sa_store_free(store);
}

struct told {
	unsigned n, percent;
};

static void note_percent(void *arg, const struct eg_sa_event *event)
{
	struct told *told = arg;

	assert_false(event->hard);
	assert_int_equal(event->limit, EG_LIFETIME_SEQUENCE);
	told->n++;
	told->percent = event->percent;
}

/* An SA without ESN warns at 90 % and at every further percent, once each. */
static void test_sequence_warnings(void **state)
{
	struct eg_sa_store *store = eg_sa_store_new(1);
	struct eg_now now = {eg_wall_ns(), eg_mono_ns()};
	struct told told = {0};

	(void)state;
	for (unsigned kind = EG_SA_KIND_OUT; kind <= EG_SA_KIND_IN; kind++) {
		struct eg_sa *sa = acquire_as(store, 1 + kind, kind, NULL, false);

		told = (struct told){0};
		for (unsigned percent = 85; percent < 100; percent++) {
			atomic_store(&sa->seq, UINT32_MAX / 100 * percent);
			for (unsigned again = 0; again < 3; again++)
				eg_sa_store_step(store, &now, note_percent, &told);
			assert_int_equal(told.n, percent < 90 ? 0 : percent - 89);
			assert_int_equal(told.percent, percent < 90 ? 0 : percent);
		}
		eg_sa_release(store, sa);
	}
	eg_sa_store_free(store);
}

int run_journal_tests(void)
{
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_garbled),
		cmocka_unit_test(test_unknown_line),
		WITH_FOLDER(test_failing_disk),
		WITH_FOLDER(test_failing_sync),
		WITH_FOLDER(test_bounded),
		WITH_FOLDER(test_crash_anywhere),
		WITH_FOLDER(test_store_on_failing_disk),
		WITH_FOLDER(test_many),
		WITH_FOLDER(test_out_of_time),
		WITH_FOLDER(test_soonest_first),
		WITH_FOLDER(test_released),
		WITH_FOLDER(test_spread),
		WITH_FOLDER(test_received),
		WITH_FOLDER(test_lifetimes_continue),
		WITH_FOLDER(test_reserved_bytes),
		cmocka_unit_test(test_sequence_warnings),
	};

	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
