/* Negotiated SAs: they begin where their spec says, nothing of them is on disk, and nothing is left
 * when they are gone. */
#include "sa/sa_tests.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "common/folder.h"
#include "net/bytes.h"
#include "sa/record.h"

static struct eg_sa_store *open_store(void)
{
	struct eg_sa_store *store = eg_sa_store_new(1);
	struct eg_errs errs = {0};

	assert_non_null(store);
	assert_int_equal(eg_sa_store_open_state(store, folder, false, &(struct eg_pos){0}, &errs),
			 0);
	return store;
}

static struct eg_sa_spec spec_of(enum eg_sa_kind kind, uint32_t spi)
{
	struct eg_sa_spec spec = {
		.kind = kind,
		.spi = spi,
		.suite = eg_suite_find("aes256gcm16"),
		.replay_window = 128,
		.ephemeral = true,
		.wire = {.tunnel = EG_SA_ANY_TUNNEL},
	};

	eg_ip_parse("192.0.2.1", &spec.local);
	eg_ip_parse("192.0.2.2", &spec.remote);
	return spec;
}

static struct eg_sa *try(struct eg_sa_store *store, const struct eg_sa_spec *spec, unsigned key,
			 const char *error)
{
	const struct eg_err_place place = {.path = "sa"};
	uint8_t material[EG_SUITE_KEY_MAX] = "a negotiated key of 32 bytes, and..salt";
	struct eg_errs errs = {0};
	struct eg_sa *sa;

	memcpy(material, &key, sizeof(key));
	sa = eg_sa_acquire(store, spec, material, &place, &errs);
	if (error) {
		assert_null(sa);
		assert_int_equal(errs.n_errors, 1);
		assert_non_null(strstr(errs.msgs.v[0].text, error));
	} else {
		eg_errs_print(&errs, stderr);
		assert_non_null(sa);
	}
	eg_errs_free(&errs);
	return sa;
}

static size_t n_records(const struct eg_sa_store *store)
{
	size_t n = 0;

	for (size_t i = 0; i < EG_SA_BUCKETS; i++) {
		for (const struct eg_sa_record *at = store->bucket[i]; at; at = at->next)
			n++;
	}
	return n;
}

static void ignore(void *arg, const struct eg_sa_event *event)
{
	(void)arg;
	(void)event;
}

/* It may send at once: there is no reservation to wait for, and none is ever written. */
static void test_nothing_on_disk(void **state)
{
	struct eg_sa_store *store = open_store();
	struct eg_sa_spec spec = spec_of(EG_SA_KIND_OUT, 0x1001);
	struct eg_now now = {eg_wall_ns(), eg_mono_ns()};
	struct eg_sa_grant grant;
	struct stat before, after;
	char path[96];
	struct eg_sa *sa, *in;

	(void)state;
	spec.esn = true;
	spec.start = (struct eg_sa_start){.seq = 41, .iv = now.wall_ns + EG_NS_PER_S};
	snprintf(path, sizeof(path), "%s/journal", folder);
	assert_int_equal(stat(path, &before), 0);
	sa = try(store, &spec, 1, NULL);
	grant = eg_sa_reserve(sa, 64, now.wall_ns);
	assert_int_equal(grant.n, 64);
	assert_int_equal(grant.seq, 42);
	assert_true(grant.iv > spec.start.iv); /* never one that was used before */
	spec = spec_of(EG_SA_KIND_IN, 0x1002);
	in = try(store, &spec, 2, NULL);
	assert_int_equal(eg_sa_received(in, 5), EG_PASS);
	assert_int_equal(eg_sa_store_reserve(store, &now, UINT64_MAX), 0);
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(eg_sa_reserve(sa, 1u << 30, now.wall_ns).n, 1u << 30);
		atomic_fetch_add(&sa->packets, 1u << 30); /* as fast as any */
		now.mono_ns += EG_NS_PER_S;
		now.wall_ns += EG_NS_PER_S;
		assert_int_equal(eg_sa_store_step(store, &now, ignore, NULL), 0);
	}
	assert_int_equal(store->n_fast, 0);
	eg_sa_release(store, in);
	assert_int_equal(eg_sa_store_finish(store, &now), 0);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(after.st_size - before.st_size, 0);
	eg_sa_release(store, sa);
	eg_sa_store_free(store);
}

/* As many as one likes, one after the other: what is left is what was there before. */
static void test_nothing_left(void **state)
{
	struct eg_sa_store *store = open_store();
	size_t capacity;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		struct eg_sa_spec spec = spec_of(i % 2 ? EG_SA_KIND_IN : EG_SA_KIND_OUT, i + 1);
		struct eg_sa *sa = try(store, &spec, i, NULL);

		atomic_store(&sa->seq, 7); /* it was used */
		if (sa->kind == EG_SA_KIND_IN)
			eg_sa_received(sa, 8);
		if (!i)
			capacity = store->live.cap;
		eg_sa_release(store, sa);
	}
	assert_int_equal(n_records(store), 0);
	assert_int_equal(store->live.n, 0);
	assert_int_equal(store->live.cap, capacity);
	assert_int_equal(store->fresh.cap, 0);
	assert_int_equal(store->queue.cap, 0);
	eg_sa_store_free(store);
}

/* While it lives its key is nobody else's, whichever of the two is negotiated. */
static void test_key_of_another(void **state)
{
	struct eg_sa_store *store = open_store();
	struct eg_sa_spec spec = spec_of(EG_SA_KIND_OUT, 0x1001), other = spec;
	struct eg_sa *sa = try(store, &spec, 1, NULL);

	(void)state;
	assert_ptr_equal(try(store, &spec, 1, NULL), sa); /* the same one again */
	assert_int_equal(sa->refs, 2);
	eg_sa_release(store, sa);
	other.spi++;
	try(store, &other, 1, "the same key as of SA 0x1001 to 192.0.2.2");
	other = spec;
	other.ephemeral = false;
	try(store, &other, 1, "the same key as of SA 0x1001 to 192.0.2.2");
	other = spec;
	other.wire.encap = true;
	try(store, &other, 1, "the SA runs with another ");
	eg_sa_release(store, sa);
	other = spec;
	other.ephemeral = false;
	sa = try(store, &other, 1, NULL); /* it is gone: nobody knows that there was one */
	atomic_store(&sa->seq, 1);
	try(store, &spec, 1, "the same key as of SA 0x1001 to 192.0.2.2");
	eg_sa_release(store, sa);
	try(store, &spec, 1, "the same key as of SA 0x1001 to 192.0.2.2"); /* for good */
	eg_sa_store_free(store);
}

static void test_start_beyond_space(void **state)
{
	struct eg_sa_store *store = open_store();
	struct eg_sa_spec spec = spec_of(EG_SA_KIND_OUT, 0x1001);
	struct eg_sa *sa;

	(void)state;
	spec.start.seq = 1ull << 32;
	try(store, &spec, 1, "SA 0x1001: its sequence number is beyond 2^32 - 1");
	spec.start.seq--;
	sa = try(store, &spec, 1, NULL);
	assert_int_equal(eg_sa_reserve(sa, 1, eg_wall_ns()).n, 0);
	assert_int_equal(eg_sa_shortage(sa), EG_DROP_SEQ_EXHAUSTED);
	eg_sa_release(store, sa);
	spec.esn = true;
	spec.start.seq++;
	sa = try(store, &spec, 1, NULL);
	assert_int_equal(eg_sa_reserve(sa, 1, eg_wall_ns()).seq, (1ull << 32) + 1);
	eg_sa_release(store, sa);
	eg_sa_store_free(store);
}

/* The window that another receiver had: against one that received the same packets itself. */
static void test_window(void **state)
{
	struct rng rng = rng_start("ephemeral window");
	struct eg_sa_store *store = open_store();

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		struct eg_sa_spec spec = spec_of(EG_SA_KIND_IN, i + 1);
		uint64_t top = 1 + rng_below(&rng, 400), seen[3];
		struct eg_sa *sa;

		rng_fill(&rng, seen, sizeof(seen));
		seen[0] |= 1; /* top itself */
		spec.start = (struct eg_sa_start){
			.seq = top, .seen = seen, .seen_words = rng_below(&rng, 4)};
		sa = try(store, &spec, i, NULL);
		assert_int_equal(sa->seq, top);
		for (uint64_t k = 0; k < top; k++) {
			bool known = k < 64 * spec.start.seen_words;
			bool was = !known || (seen[k / 64] >> k % 64 & 1);

			assert_int_equal(eg_replay_check(&sa->replay, top - k),
					 k >= 128 ? EG_DROP_ESP_REPLAY_OLD
					 : was    ? EG_DROP_ESP_REPLAY_SEEN
						  : EG_PASS);
		}
		/* What comes next was not seen, in whatever order it comes. */
		assert_int_equal(eg_replay_commit(&sa->replay, top + 70), EG_PASS);
		for (uint64_t seq = top + 1; seq < top + 70; seq++)
			assert_int_equal(eg_replay_commit(&sa->replay, seq), EG_PASS);
		assert_int_equal(eg_replay_check(&sa->replay, top), EG_DROP_ESP_REPLAY_SEEN);
		eg_sa_release(store, sa);
	}
	eg_sa_store_free(store);
}

/* A step notes once per second what was sent: a packet is known to be recent for one to two. */
static void test_sent_lately(void **state)
{
	struct eg_sa_store *store = open_store();
	struct eg_sa_spec spec = spec_of(EG_SA_KIND_OUT, 0x1001);
	struct eg_now now = {eg_wall_ns(), eg_mono_ns()};
	struct eg_sa *sa = try(store, &spec, 1, NULL);

	(void)state;
	eg_sa_store_step(store, &now, ignore, NULL);
	assert_int_equal(eg_sa_reserve(sa, 10, now.wall_ns).n, 10);
	for (unsigned tenths = 0; tenths < 30; tenths++) {
		if (tenths < 10)
			assert_true(eg_sa_sent_lately(sa, 5, NULL));
		if (tenths > 20)
			assert_false(eg_sa_sent_lately(sa, 5, NULL));
		now.mono_ns += EG_NS_PER_S / 10;
		eg_sa_store_step(store, &now, ignore, NULL);
	}
	eg_sa_release(store, sa);
	eg_sa_store_free(store);
}

int run_ephemeral_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing_on_disk, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_nothing_left, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_key_of_another, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_start_beyond_space, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(test_window, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_sent_lately, make_folder, remove_folder),
	};

	return cmocka_run_group_tests_name("sa ephemeral", tests, NULL, NULL);
}
