/* The SA database: random inserts, removals and look-ups against a list, and readers that look up
 * while it changes (run under -Db_sanitize=thread, too). */
#include "sa/sa_tests.h"

#include <pthread.h>
#include <sched.h>

#include "net/bytes.h"
#include "sa/sad.h"

#define SAS 64

static struct eg_sa *make_sas(uint32_t n_spis)
{
	struct eg_sa *sas = aligned_alloc(EG_CACHE_LINE, SAS * sizeof(*sas));

	assert_non_null(sas);
	memset(sas, 0, SAS * sizeof(*sas));
	for (uint32_t i = 0; i < SAS; i++) {
		sas[i].spi_be = htobe32(1 + i % n_spis);
		sas[i].kind = EG_SA_KIND_IN;
	}
	return sas;
}

/* SPIs whose chain is that of SPI 1, so that there are long ones. */
static void share_chain(struct eg_sa *sas)
{
	struct eg_sad sad;
	uint32_t spi = 1;

	assert_int_equal(eg_sad_init(&sad), 0);
	for (unsigned i = 0; i < SAS; i += 4) {
		while (eg_sad_chain(&sad, htobe32(spi)) != eg_sad_chain(&sad, htobe32(1)))
			spi++;
		sas[i].spi_be = htobe32(spi++);
	}
	eg_sad_fini(&sad);
}

static void test_random(void **state)
{
	struct rng rng = rng_start("sad");
	struct eg_sa *sas = make_sas(SAS / 2);
	uint64_t inserted[SAS] = {0}, clock = 0; /* 0: not there */
	struct eg_sad sad;

	(void)state;
	share_chain(sas);
	assert_int_equal(eg_sad_init(&sad), 0);
	for (unsigned step = 0; step < 20000; step++) {
		unsigned i = (unsigned)rng_below(&rng, SAS);
		uint32_t n = 0;

		if (inserted[i]) {
			assert_true(eg_sad_remove(&sad, &sas[i]));
			inserted[i] = 0;
		} else {
			assert_false(eg_sad_remove(&sad, &sas[i]));
			eg_sad_insert(&sad, &sas[i]);
			inserted[i] = ++clock;
		}
		for (unsigned a = 0; a < SAS; a++) {
			const struct eg_sa *want = NULL;
			uint64_t newest = 0;

			for (unsigned b = 0; b < SAS; b++) {
				if (sas[b].spi_be == sas[a].spi_be && inserted[b] > newest) {
					newest = inserted[b];
					want = &sas[b];
				}
			}
			assert_ptr_equal(eg_sad_find(&sad, sas[a].spi_be), want);
			n += inserted[a] != 0;
		}
		assert_int_equal(atomic_load(&sad.n), n);
		assert_null(eg_sad_find(&sad, htobe32(0xffffff)));
	}
	eg_sad_fini(&sad);
	eg_sad_fini(&sad);
	free(sas);
}

struct shared {
	struct eg_sad sad;
	struct eg_sa *sas;
	_Atomic bool over;
};

/* Every fourth SA stays all the time, in a chain in which the others come and go: it must be found
 * at every moment. */
static void *look_up(void *arg)
{
	struct shared *shared = arg;
	uintptr_t wrong = 0;

	while (!atomic_load_explicit(&shared->over, memory_order_relaxed)) {
		for (unsigned i = 0; i < SAS; i++) {
			uint32_t spi_be = shared->sas[i].spi_be;
			const struct eg_sa *sa = eg_sad_find(&shared->sad, spi_be);

			eg_sad_prefetch(&shared->sad, spi_be);
			eg_sad_prefetch_sa(&shared->sad, spi_be);
			wrong += i % 16 == 0 ? sa != &shared->sas[i] : sa && sa->spi_be != spi_be;
		}
		sched_yield();
	}
	return (void *)wrong;
}

static void test_threads(void **state)
{
	struct rng rng = rng_start("sad threads");
	struct shared shared = {.sas = make_sas(SAS)};
	bool inserted[SAS] = {false};
	pthread_t threads[2];

	(void)state;
	share_chain(shared.sas);
	assert_int_equal(eg_sad_init(&shared.sad), 0);
	for (unsigned i = 0; i < SAS; i += 16)
		eg_sad_insert(&shared.sad, &shared.sas[i]);
	for (unsigned t = 0; t < COUNT(threads); t++)
		assert_int_equal(pthread_create(&threads[t], NULL, look_up, &shared), 0);
	for (unsigned step = 0; step < 40000; step++) {
		unsigned i = (unsigned)rng_below(&rng, SAS);

		if (i % 16 == 0)
			continue;
		/* Removed and inserted again while readers may stand on it. */
		if (inserted[i])
			eg_sad_remove(&shared.sad, &shared.sas[i]);
		else
			eg_sad_insert(&shared.sad, &shared.sas[i]);
		inserted[i] = !inserted[i];
		if (step % 64 == 0)
			sched_yield();
	}
	atomic_store(&shared.over, true);
	for (unsigned t = 0; t < COUNT(threads); t++) {
		void *wrong;

		pthread_join(threads[t], &wrong);
		assert_null(wrong);
	}
	eg_sad_fini(&shared.sad);
	free(shared.sas);
}

int run_sad_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests_name("sa sad", tests, NULL, NULL);
}
