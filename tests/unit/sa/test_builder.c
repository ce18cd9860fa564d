/* A builder thread acquires and reserves while the control thread steps and releases. Run under
 * -Db_sanitize=thread, too. */
#include "sa/sa_tests.h"

#include <pthread.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "common/folder.h"
#include "net/bytes.h"
#include "sa/record.h"

static int disk_write(void *arg, int fd, const void *data, size_t n)
{
	(void)arg;
	return eg_write_all(fd, data, n);
}

/* A slow disk. */
static int disk_sync(void *arg, int fd)
{
	(void)fd;
	usleep(*(unsigned *)arg * 1000);
	return 0;
}

static struct eg_sa_store *open_store(unsigned *sync_ms)
{
	struct eg_sa_store *store = eg_sa_store_new(2);
	struct eg_errs errs = {0};

	assert_non_null(store);
	assert_int_equal(eg_sa_store_open_state(store, folder, false, &(struct eg_pos){0}, &errs),
			 0);
	eg_state_dir_set_disk(store->state,
			      &(struct eg_state_disk){disk_write, disk_sync, sync_ms});
	return store;
}

static struct eg_sa *acquire(struct eg_sa_store *store, unsigned n, bool ephemeral)
{
	const struct eg_err_place place = {.path = "sa"};
	uint8_t material[EG_SUITE_KEY_MAX] = "another key of thirty-two bytes...salt";
	struct eg_errs errs = {0};
	struct eg_sa *sa;
	struct eg_sa_spec spec = {
		.kind = n % 2 ? EG_SA_KIND_IN : EG_SA_KIND_OUT,
		.spi = 0x1000 + n,
		.suite = eg_suite_find("aes256gcm16"),
		.esn = true,
		.replay_window = 64,
		.ephemeral = ephemeral,
	};

	memcpy(material, &n, sizeof(n));
	eg_ip_parse("192.0.2.1", &spec.local);
	eg_ip_parse("192.0.2.2", &spec.remote);
	sa = eg_sa_acquire(store, &spec, material, &place, &errs);
	eg_errs_print(&errs, stderr);
	assert_non_null(sa);
	return sa;
}

static void ignore(void *arg, const struct eg_sa_event *event)
{
	(void)arg;
	(void)event;
}

/* What the builder acquired is not written before it reserves: the configuration may be refused. */
static void test_no_trace(void **state)
{
	unsigned sync_ms = 0;
	struct eg_sa_store *store = open_store(&sync_ms);
	struct eg_now now = {eg_wall_ns(), eg_mono_ns()};
	struct eg_sa *sa = acquire(store, 0, false);
	uint8_t other[EG_SUITE_KEY_MAX] = "another key of thirty-two bytes...salt";
	const struct eg_err_place place = {.path = "sa"};
	struct eg_errs errs = {0};
	struct eg_sa_spec spec;

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		now.mono_ns += EG_NS_PER_S;
		now.wall_ns += EG_NS_PER_S;
		assert_int_equal(eg_sa_store_step(store, &now, ignore, NULL), 0);
		assert_int_equal(store->queue.n + store->flight.n, 0);
	}
	assert_int_equal(eg_sa_reserve(sa, 1, now.wall_ns).n, 0);
	spec = *eg_sa_spec(sa);
	eg_sa_release(store, sa);
	spec.spi++; /* in the next one the key is another SA's */
	memset(other, 0, 4);
	sa = eg_sa_acquire(store, &spec, other, &place, &errs);
	assert_non_null(sa);
	assert_int_equal(eg_sa_store_reserve(store, &now, UINT64_MAX), 0);
	assert_int_equal(eg_sa_reserve(sa, 1, now.wall_ns).n, 1);
	eg_sa_release(store, sa);
	eg_sa_store_free(store);
}

struct shared {
	struct eg_sa_store *store;
	_Atomic bool over;
	_Atomic unsigned rounds;
	unsigned wrong;
};

#define SAS 40

/* A configuration after the other: acquire, reserve; what may send afterwards has its numbers. */
static void *build(void *arg)
{
	struct shared *shared = arg;

	for (unsigned round = 0; !atomic_load(&shared->over); round++) {
		struct eg_sa *sas[SAS];
		struct eg_now now = {eg_wall_ns(), eg_mono_ns()};

		for (unsigned i = 0; i < SAS; i++)
			sas[i] = acquire(shared->store, round % 2 * SAS / 2 + i, false);
		if (eg_sa_store_reserve(shared->store, &now, UINT64_MAX))
			shared->wrong++;
		for (unsigned i = 0; i < SAS; i++) {
			if (sas[i]->kind == EG_SA_KIND_OUT && !atomic_load(&sas[i]->seq_limit))
				shared->wrong++;
			eg_sa_release(shared->store, sas[i]);
		}
		atomic_fetch_add(&shared->rounds, 1);
	}
	return NULL;
}

static void test_threads(void **state)
{
	unsigned sync_ms = 1;
	struct shared shared = {.store = open_store(&sync_ms)};
	pthread_t builder;

	(void)state;
	assert_int_equal(pthread_create(&builder, NULL, build, &shared), 0);
	for (unsigned i = 0; atomic_load(&shared.rounds) < 60; i++) {
		struct eg_now now = {eg_wall_ns(), eg_mono_ns()};
		struct eg_sa *sa = acquire(shared.store, 1000 + i, true);
		struct eg_sa *both = acquire(shared.store, i % SAS, false);

		assert_int_equal(eg_sa_store_step(shared.store, &now, ignore, NULL), 0);
		eg_sa_retain(both);
		eg_sa_set_lifetime(shared.store, both, &(struct eg_lifetime){0});
		eg_sa_release(shared.store, both);
		eg_sa_release(shared.store, both);
		eg_sa_release(shared.store, sa);
	}
	atomic_store(&shared.over, true);
	pthread_join(builder, NULL);
	assert_int_equal(shared.wrong, 0);
	assert_int_equal(shared.store->live.n, 0);
	assert_int_equal(shared.store->n_first, 0);
	eg_sa_store_free(shared.store);
}

static void *reserve_once(void *arg)
{
	struct shared *shared = arg;
	struct eg_now now = {eg_wall_ns(), eg_mono_ns()};

	for (unsigned i = 0; i < SAS; i++)
		acquire(shared->store, i, false);
	shared->wrong += eg_sa_store_reserve(shared->store, &now, UINT64_MAX) != 0;
	atomic_store(&shared->over, true);
	return NULL;
}

/* Nothing that the control thread does waits for the disk that the builder waits for. */
static void test_slow_disk(void **state)
{
	unsigned sync_ms = 300;
	struct shared shared = {.store = open_store(&sync_ms)};
	uint64_t longest_ns = 0;
	unsigned calls = 0;
	pthread_t builder;

	(void)state;
	assert_int_equal(pthread_create(&builder, NULL, reserve_once, &shared), 0);
	while (!atomic_load(&shared.over)) {
		uint64_t start_ns = eg_mono_ns(), took_ns;
		struct eg_now now = {eg_wall_ns(), start_ns};
		struct eg_sa *sa = acquire(shared.store, 1000, true);

		eg_sa_store_step(shared.store, &now, ignore, NULL);
		eg_sa_release(shared.store, sa);
		took_ns = eg_mono_ns() - start_ns;
		longest_ns = took_ns > longest_ns ? took_ns : longest_ns;
		calls++;
		usleep(1000);
	}
	pthread_join(builder, NULL);
	assert_int_equal(shared.wrong, 0);
	assert_true(calls > 50);
	/* Far below the disk's time, even on a machine with other work. */
	assert_true(longest_ns < sync_ms * EG_NS_PER_MS / 2);
	eg_sa_store_free(shared.store);
}

int run_builder_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_no_trace, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_threads, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_slow_disk, make_folder, remove_folder),
	};

	return cmocka_run_group_tests_name("sa builder", tests, NULL, NULL);
}
