/* The SA store: what survives a reload and what does not; keys used twice; the inbound database
 * against a list. */
#include "sa/sa_tests.h"

#include "crypto/key.h"
#include "net/bytes.h"
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

/* Acquire an SA that must not be refused. */
static struct eg_sa *acquire(struct eg_sa_store *store, const struct eg_sa_spec *spec,
			     const uint8_t *material)
{
	const struct eg_err_place ref = {.path = "sa"};
	struct eg_errs errs = {0};
	struct eg_sa *sa = eg_sa_acquire(store, spec, material, &ref, &errs);

	eg_errs_print(&errs, stderr);
	assert_non_null(sa);
	return sa;
}

static const uint8_t key_a[EG_SUITE_KEY_MAX] = "key a is thirty-two bytes long..salt";
static const uint8_t key_b[EG_SUITE_KEY_MAX] = "key b is thirty-two bytes long..salt";
static const uint8_t salt_b[EG_SUITE_KEY_MAX] = "key a is thirty-two bytes long..SALT";

/* Same spec and key: the same SA with all its state, however often it is acquired. */
static void test_same(void **state)
{
	struct eg_sa_store *store = eg_sa_store_new(1);
	struct eg_sa_spec spec = base_spec();
	struct eg_sa *sa = acquire(store, &spec, key_a);

	(void)state;
	assert_non_null(sa);
	assert_int_equal(sa->refs, 1);
	assert_int_equal(sa->spi_be, htobe32(0x1001));
	assert_int_equal(sa->replay.size, 64);
	assert_int_equal(eg_replay_commit(&sa->replay, 7), EG_PASS);
	assert_ptr_equal(acquire(store, &spec, key_a), sa);
	assert_int_equal(sa->refs, 2);
	eg_sa_release(store, sa);
	assert_int_equal(sa->refs, 1);
	assert_ptr_equal(acquire(store, &spec, key_a), sa);
	assert_int_equal(eg_replay_check(&sa->replay, 7), EG_DROP_ESP_REPLAY_SEEN);
	eg_sa_release(store, sa);
	eg_sa_release(store, sa); /* the last reference: removed, except for what it had received */
	sa = acquire(store, &spec, key_a);
	assert_int_equal(sa->refs, 1);
	assert_int_equal(eg_replay_check(&sa->replay, 7), EG_DROP_ESP_REPLAY_SEEN);
	eg_sa_release(store, NULL);
	eg_sa_store_free(store); /* frees the rest */
}

/* A different key or salt makes a different SA. */
static void test_different(void **state)
{
	struct eg_sa_store *store = eg_sa_store_new(1);
	struct eg_sa_spec spec = base_spec();
	struct eg_sa *sas[] = {acquire(store, &spec, key_a), acquire(store, &spec, key_b),
			       acquire(store, &spec, salt_b)};

	(void)state;
	for (size_t i = 0; i < COUNT(sas); i++) {
		assert_int_equal(sas[i]->refs, 1);
		assert_ptr_not_equal(sas[i], sas[(i + 1) % COUNT(sas)]);
		eg_sa_release(store, sas[i]);
	}
	eg_sa_store_free(store);
}

/* The SA that a key belongs to is fixed for good; its other parameters are fixed while it runs,
 * except its lifetime. */
static void test_refused(void **state)
{
	static const struct {
		const char *line;
		bool also_later;
	} cases[] = {
		{"sa: the same key as of SA 0x1001 from 192.0.2.2, ", true},
		{"sa: the same key as of SA 0x1001 from 192.0.2.2, ", true},
		{"sa: the same key as of SA 0x1001 from 192.0.2.2, ", true},
		{"sa: the SA runs with another local, esn or replay_window: ", false},
		{"sa: the SA runs with another local, esn or replay_window: ", false},
		{"sa: the SA runs with another local, esn or replay_window: ", false},
	};
	const struct eg_err_place ref = {.path = "sa"};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(cases); i++) {
		struct eg_sa_store *store = eg_sa_store_new(1);
		struct eg_sa_spec spec = base_spec(), other = base_spec();
		struct eg_sa *sa = acquire(store, &spec, key_a);
		struct eg_errs errs = {0};
		bool later = i % 2;

		other.lifetime.hard_bytes = 1000;
		assert_ptr_equal(acquire(store, &other, key_a), sa);
		assert_int_equal(atomic_load(&sa->byte_limit), UINT64_MAX); /* not in force yet */
		eg_sa_set_lifetime(store, sa, &other.lifetime);
		assert_int_equal(atomic_load(&sa->byte_limit), 1000);
		assert_int_equal(eg_replay_commit(&sa->replay, 1), EG_PASS);
		eg_sa_release(store, sa);
		other.kind = i / 2 == 0 ? EG_SA_KIND_OUT : other.kind;
		other.spi += i / 2 == 1;
		other.remote = i / 2 == 2 ? ip("2001:db8::2") : other.remote;
		other.local = i / 2 == 3 ? ip("192.0.2.9") : other.local;
		other.esn = i / 2 == 4;
		other.replay_window = i / 2 == 5 ? 1024 : 64;
		if (later)
			eg_sa_release(store, sa);
		sa = eg_sa_acquire(store, &other, key_a, &ref, &errs);
		if (later && !cases[i / 2].also_later) {
			assert_non_null(sa);
		} else {
			assert_null(sa);
			assert_int_equal(errs.n_errors, 1);
			assert_non_null(strstr(errs.msgs.v[0].text, cases[i / 2].line));
		}
		eg_errs_free(&errs);
		eg_sa_store_free(store);
	}
}

/* A refused configuration has no effect: the key may be another SA's in the next one. */
static void test_never_used(void **state)
{
	struct eg_sa_store *store = eg_sa_store_new(1);
	struct eg_sa_spec spec = base_spec();

	(void)state;
	for (int i = 0; i < 10; i++) {
		spec.spi++;
		spec.kind = i % 2 ? EG_SA_KIND_IN : EG_SA_KIND_OUT;
		eg_sa_release(store, acquire(store, &spec, key_a));
	}
	eg_sa_store_free(store);
}

/* A key that is removed and added again continues: no number, IV or packet is used twice. */
static void test_readd_continues(void **state)
{
	struct eg_sa_store *store = eg_sa_store_new(1);
	struct eg_sa_spec spec = base_spec();
	struct eg_sa_grant first, second;
	struct eg_sa *sa;

	(void)state;
	spec.kind = EG_SA_KIND_OUT;
	sa = acquire(store, &spec, key_a);
	first = eg_sa_reserve(sa, 5, 1000);
	eg_sa_release(store, sa);
	second = eg_sa_reserve(acquire(store, &spec, key_a), 5, 10);
	assert_int_equal(second.seq, first.seq + 5);
	assert_int_equal(second.iv, first.iv + 5);

	spec.kind = EG_SA_KIND_IN;
	sa = acquire(store, &spec, key_b);
	assert_int_equal(eg_replay_commit(&sa->replay, 70), EG_PASS);
	eg_sa_release(store, sa);
	spec.replay_window = 1024;
	sa = acquire(store, &spec, key_b);
	for (uint64_t seq = 1; seq <= 70; seq++)
		assert_int_equal(eg_replay_check(&sa->replay, seq), EG_DROP_ESP_REPLAY_SEEN);
	assert_int_equal(eg_replay_commit(&sa->replay, 71), EG_PASS);
	assert_int_equal(eg_replay_check(&sa->replay, 71), EG_DROP_ESP_REPLAY_SEEN);
	assert_int_equal(eg_replay_commit(&sa->replay, 5000), EG_PASS);
	assert_int_equal(eg_replay_check(&sa->replay, 4999), EG_PASS);
	eg_sa_store_free(store);
}

static void test_release_wipes(void **state)
{
	static const struct eg_crypto_key zero;
	struct eg_sa_store *store = eg_sa_store_new(1);
	struct eg_sa_spec spec = base_spec();
	struct eg_sa *sa = acquire(store, &spec, key_a);
	const struct eg_crypto_key *key = sa->key;

	(void)state;
	assert_memory_not_equal(key, &zero, sizeof(zero));
	eg_sa_release(store, sa);
	assert_memory_equal(key, &zero, sizeof(zero));
	eg_sa_store_free(store);
}

/* Owners are spread over the workers; only outbound SAs used by several workers are shared. */
static void test_workers(void **state)
{
	struct rng rng = rng_start("workers");

	(void)state;
	for (unsigned workers = 1; workers <= 4; workers++) {
		struct eg_sa_store *store = eg_sa_store_new(workers);
		uint8_t material[EG_SUITE_KEY_MAX];
		unsigned owned[4] = {0};

		for (uint32_t spi = 256; spi < 656; spi++) {
			struct eg_sa_spec spec = base_spec();
			struct eg_sa *sa;

			spec.spi = spi;
			spec.kind = spi % 2 ? EG_SA_KIND_OUT : EG_SA_KIND_IN;
			rng_fill(&rng, material, sizeof(material));
			sa = acquire(store, &spec, material);
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
	uint8_t keys[SPIS][KEYS][EG_SUITE_KEY_MAX];
	struct eg_sa *sas[SPIS][KEYS] = {0};
	unsigned refs[SPIS][KEYS] = {0};

	(void)state;
	rng_fill(&rng, keys, sizeof(keys));
	for (int i = 0; i < 50000; i++) {
		size_t s = rng_below(&rng, SPIS), k = rng_below(&rng, KEYS);
		struct eg_sa_spec spec = base_spec();

		spec.spi = (uint32_t)(256 + s);
		if (rng_below(&rng, 2)) {
			struct eg_sa *sa = acquire(store, &spec, keys[s][k]);

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

int run_store_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),          cmocka_unit_test(test_different),
		cmocka_unit_test(test_release_wipes), cmocka_unit_test(test_workers),
		cmocka_unit_test(test_random),        cmocka_unit_test(test_refused),
		cmocka_unit_test(test_never_used),    cmocka_unit_test(test_readd_continues),
	};

	return cmocka_run_group_tests_name("sa store", tests, NULL, NULL);
}
