/* The SA store: what survives a reload and what does not; keys used twice; the inbound database
 * against a list. */
#include "sa/sa_tests.h"

#include "crypto/key.h"
#include "net/bytes.h"
#include "sa/sad.h"
#include "sa/store.h"

static struct eg_ip ip(const char *text)
{
	struct eg_ip out;

	assert_int_equal(eg_ip_parse(text, &out), 0);
	return out;
}

static struct eg_sa_spec base_spec(void)
{
	return (struct eg_sa_spec){
		.kind = EG_SA_KIND_IN,
		.spi = 0x1001,
		.suite = eg_suite_find("aes256gcm16"),
		.replay_window = 64,
		.local = ip("192.0.2.1"),
		.remote = ip("192.0.2.2"),
	};
}

static const uint8_t key_a[EG_SUITE_KEY_MAX] = "key a is thirty-two bytes long..salt";
static const uint8_t key_b[EG_SUITE_KEY_MAX] = "key b is thirty-two bytes long..salt";
static const uint8_t salt_b[EG_SUITE_KEY_MAX] = "key a is thirty-two bytes long..SALT";

/* The same spec and key: the same SA with all its state, as often as it is acquired. */
static void test_same(void **state)
{
	struct eg_sa_store *store = eg_sa_store_new(1);
	struct eg_sa_spec spec = base_spec();
	struct eg_sa *sa = eg_sa_acquire(store, &spec, key_a);

	(void)state;
	assert_non_null(sa);
	assert_int_equal(sa->refs, 1);
	assert_int_equal(sa->spi_be, htobe32(0x1001));
	assert_int_equal(sa->replay.size, 64);
	assert_int_equal(eg_replay_commit(&sa->replay, 7), EG_KEEP);
	assert_ptr_equal(eg_sa_acquire(store, &spec, key_a), sa);
	assert_int_equal(sa->refs, 2);
	eg_sa_release(store, sa);
	assert_int_equal(sa->refs, 1);
	assert_ptr_equal(eg_sa_acquire(store, &spec, key_a), sa);
	assert_int_equal(eg_replay_check(&sa->replay, 7), EG_DROP_ESP_REPLAY_SEEN);
	eg_sa_release(store, sa);
	eg_sa_release(store, sa); /* the last: gone */
	sa = eg_sa_acquire(store, &spec, key_a);
	assert_int_equal(sa->refs, 1);
	assert_int_equal(eg_replay_check(&sa->replay, 7), EG_KEEP);
	eg_sa_release(store, NULL);
	eg_sa_store_free(store); /* frees what is left */
}

/* Whatever differs in spec or key makes another SA. */
static void test_different(void **state)
{
	struct eg_sa_store *store = eg_sa_store_new(1);
	struct eg_sa_spec specs[8];
	struct eg_sa *sas[10];
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(specs); i++)
		specs[i] = base_spec();
	specs[1].kind = EG_SA_KIND_OUT;
	specs[2].spi++;
	specs[3].suite = eg_suite_find("aes128gcm16");
	specs[4].replay_window = 1024;
	specs[5].esn = true;
	specs[6].local = ip("192.0.2.9");
	specs[7].remote = ip("2001:db8::2");
	for (size_t i = 0; i < COUNT(specs); i++)
		sas[n++] = eg_sa_acquire(store, &specs[i], key_a);
	sas[n++] = eg_sa_acquire(store, &specs[0], key_b);
	sas[n++] = eg_sa_acquire(store, &specs[0], salt_b);
	for (size_t i = 0; i < n; i++) {
		assert_non_null(sas[i]);
		assert_int_equal(sas[i]->refs, 1);
		for (size_t j = 0; j < i; j++)
			assert_ptr_not_equal(sas[i], sas[j]);
	}
	for (size_t i = 0; i < n; i++)
		eg_sa_release(store, sas[i]);
	eg_sa_store_free(store);
}

static void test_release_wipes(void **state)
{
	static const struct eg_crypto_key zero;
	struct eg_sa_store *store = eg_sa_store_new(1);
	struct eg_sa_spec spec = base_spec();
	struct eg_sa *sa = eg_sa_acquire(store, &spec, key_a);
	const struct eg_crypto_key *key = sa->key;

	(void)state;
	assert_memory_not_equal(key, &zero, sizeof(zero));
	eg_sa_release(store, sa);
	assert_memory_equal(key, &zero, sizeof(zero));
	eg_sa_store_free(store);
}

/* Owners spread over the workers; only outbound SAs of several workers are shared. */
static void test_workers(void **state)
{
	(void)state;
	for (unsigned workers = 1; workers <= 4; workers++) {
		struct eg_sa_store *store = eg_sa_store_new(workers);
		unsigned owned[4] = {0};

		for (uint32_t spi = 256; spi < 656; spi++) {
			struct eg_sa_spec spec = base_spec();
			struct eg_sa *sa;

			spec.spi = spi;
			spec.kind = spi % 2 ? EG_SA_KIND_OUT : EG_SA_KIND_IN;
			sa = eg_sa_acquire(store, &spec, key_a);
			assert_true(sa->owner < workers);
			assert_int_equal(sa->shared, spi % 2 && workers > 1);
			owned[sa->owner]++;
		}
		for (unsigned w = 0; w < workers; w++)
			assert_true(owned[w] > 400 / workers / 2);
		eg_sa_store_free(store);
	}
}

/* Random acquires and releases against counters. */
static void test_random(void **state)
{
	enum {
		SPIS = 40,
		KEYS = 3
	};
	struct eg_sa_store *store = eg_sa_store_new(2);
	struct rng rng = rng_start("SA store");
	const uint8_t *const keys[KEYS] = {key_a, key_b, salt_b};
	struct eg_sa *sas[SPIS][KEYS] = {0};
	unsigned refs[SPIS][KEYS] = {0};

	(void)state;
	for (int i = 0; i < 50000; i++) {
		size_t s = rng_below(&rng, SPIS), k = rng_below(&rng, KEYS);
		struct eg_sa_spec spec = base_spec();

		spec.spi = (uint32_t)(256 + s);
		if (rng_below(&rng, 2)) {
			struct eg_sa *sa = eg_sa_acquire(store, &spec, keys[k]);

			assert_true(!refs[s][k] || sa == sas[s][k]);
			sas[s][k] = sa;
			refs[s][k]++;
		} else if (refs[s][k]) {
			eg_sa_release(store, sas[s][k]);
			refs[s][k]--;
		}
		if (refs[s][k])
			assert_int_equal(sas[s][k]->refs, refs[s][k]);
	}
	eg_sa_store_free(store);
}

static void test_shared_key(void **state)
{
	enum {
		N = 200
	};
	struct eg_sa_store *store = eg_sa_store_new(1);
	struct rng rng = rng_start("shared key");
	uint8_t material[N][EG_SUITE_KEY_MAX];
	struct eg_sa *sas[N];

	(void)state;
	for (size_t i = 0; i < N; i++) {
		struct eg_sa_spec spec = base_spec();

		spec.spi = (uint32_t)(1000 + i);
		rng_fill(&rng, material[i], sizeof(material[i]));
		sas[i] = eg_sa_acquire(store, &spec, material[i]);
	}
	assert_null(eg_sa_find_shared_key(sas, 0));
	assert_null(eg_sa_find_shared_key(sas, 1));
	assert_null(eg_sa_find_shared_key(sas, N));
	for (int round = 0; round < 50; round++) {
		size_t twice = rng_below(&rng, N);
		struct eg_sa_spec spec = base_spec();
		struct eg_sa *list[N + 1], *again;
		const struct eg_sa *found;

		spec.spi = 5;
		memcpy(list, sas, sizeof(sas));
		list[N] = again = eg_sa_acquire(store, &spec, material[twice]);
		found = eg_sa_find_shared_key(list, N + 1);
		assert_non_null(found);
		assert_true(found == again || be32toh(found->spi_be) == 1000 + twice);
		eg_sa_release(store, again);
	}
	eg_sa_store_free(store);
}

/* SPI lookup against a walk through the list; every table is searched for what it has not, too. */
static void test_sad(void **state)
{
	struct rng rng = rng_start("SAD");

	(void)state;
	for (int round = 0; round < 300; round++) {
		size_t n = rng_below(&rng, round % 10 ? 40 : 3000);
		struct eg_sad_entry *list = calloc(n + 1, sizeof(*list));
		struct eg_sad sad;

		for (size_t i = 0; i < n; i++) {
			/* Dense or sparse; unique by its low bits. */
			uint32_t spi = (uint32_t)(256 + i);

			if (round % 2)
				spi |= (uint32_t)rng_next(&rng) << 16;
			list[i] =
				(struct eg_sad_entry){.spi_be = htobe32(spi), .peer = (uint32_t)i};
		}
		assert_int_equal(eg_sad_build(&sad, list, n), 0);
		for (size_t i = 0; i < n; i++) {
			const struct eg_sad_entry *found = eg_sad_find(&sad, list[i].spi_be);

			assert_non_null(found);
			assert_int_equal(found->peer, i);
		}
		for (int i = 0; i < 100; i++) {
			uint32_t spi_be = (uint32_t)rng_next(&rng) | 1;
			const struct eg_sad_entry *want = NULL, *got = eg_sad_find(&sad, spi_be);

			for (size_t k = 0; k < n; k++) {
				if (list[k].spi_be == spi_be)
					want = &list[k];
			}
			assert_int_equal(!want, !got);
		}
		eg_sad_free(&sad);
		free(list);
	}
}

int run_store_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),          cmocka_unit_test(test_different),
		cmocka_unit_test(test_release_wipes), cmocka_unit_test(test_workers),
		cmocka_unit_test(test_random),        cmocka_unit_test(test_shared_key),
		cmocka_unit_test(test_sad),
	};

	return cmocka_run_group_tests_name("sa store", tests, NULL, NULL);
}
