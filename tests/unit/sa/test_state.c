/* State texts: accepted as written, refused in every other form, with a message that says what to
 * do; and what SAs do with them across restarts. */
#include "sa/sa_tests.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "sa/watermark.h"
#include "sa/state_dir.h"
#include "sa/store.h"
#include "common/folder.h"

static const struct eg_pos conf_pos = {.file = "t", .line = 1, .column = 1};
static const uint8_t material[EG_SUITE_KEY_MAX] = "key a is thirty-two bytes long..salt";

static struct eg_state example(void)
{
	struct eg_state state = {
		.spi = 0x1001, .suite = "aes256gcm16", .seq = 1048576, .iv = 1763884065000000001};

	memset(state.key, 0xa5, sizeof(state.key));
	assert_int_equal(eg_ip_parse("2001:db8::2", &state.remote), 0);
	state.bytes = 77;
	state.since_ns = 99;
	return state;
}

static void test_text(void **state)
{
	struct eg_state in = example(), out;
	char text[EG_STATE_TEXT_MAX];
	size_t n = eg_state_render(&in, text);

	(void)state;
	assert_int_equal(n, strlen(text));
	assert_int_equal(eg_state_parse(text, n, &out), EG_STATE_OK);
	assert_memory_equal(&in, &out, sizeof(in));
	in.seq = in.iv = in.bytes = in.since_ns = UINT64_MAX;
	in.spi = UINT32_MAX;
	n = eg_state_render(&in, text);
	assert_int_equal(eg_state_parse(text, n, &out), EG_STATE_OK);
	assert_memory_equal(&in, &out, sizeof(in));
}

/* Every byte replaced by every value; every length; anything appended. */
static void test_damaged(void **state)
{
	struct eg_state in = example(), out;
	char text[EG_STATE_TEXT_MAX + 1];
	size_t n = eg_state_render(&in, text), newer = 0;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		char right = text[i];

		for (unsigned byte = 0; byte < 256; byte++) {
			enum eg_state_fault fault;

			text[i] = (char)byte;
			fault = eg_state_parse(text, n, &out);
			assert_int_equal(fault == EG_STATE_OK, text[i] == right);
			newer += fault == EG_STATE_NEWER;
		}
		text[i] = right;
	}
	assert_int_equal(newer, 8); /* versions 2 to 9 */
	for (size_t len = 0; len < n; len++)
		assert_int_equal(eg_state_parse(text, len, &out), EG_STATE_DAMAGED);
	for (unsigned byte = 0; byte < 256; byte++) {
		text[n] = (char)byte;
		assert_int_equal(eg_state_parse(text, n + 1, &out), EG_STATE_DAMAGED);
	}
}

static void test_manifest(void **state)
{
	uint8_t keys[3 * EG_FINGERPRINT_BYTES], out[4 * EG_FINGERPRINT_BYTES];
	struct rng rng = rng_start("manifest");
	char text[256];
	bool journal;

	(void)state;
	rng_fill(&rng, keys, sizeof(keys));
	for (size_t count = 0; count <= 3; count++) {
		size_t size = eg_manifest_bytes(count), n;

		assert_true(size <= sizeof(text));
		eg_manifest_render(keys, count, text);
		assert_int_equal(eg_manifest_parse(text, size, out, &n, &journal), EG_STATE_OK);
		assert_int_equal(n, count);
		assert_memory_equal(keys, out, n * EG_FINGERPRINT_BYTES);
		for (size_t i = 0; i < size; i++) {
			text[i] ^= (char)(1 << rng_below(&rng, 8));
			assert_int_not_equal(eg_manifest_parse(text, size, out, &n, &journal),
					     EG_STATE_OK);
			eg_manifest_render(keys, count, text);
		}
		for (size_t len = 0; len < size; len++)
			assert_int_equal(eg_manifest_parse(text, len, out, &n, &journal),
					 EG_STATE_DAMAGED);
	}
}

/* --- the directory */

/* The only message contains `words`. */
static void assert_reported(struct eg_errs *errs, const char *words)
{
	assert_int_equal(errs->n_errors, 1);
	if (!strstr(errs->msgs.v[0].text, words))
		fail_msg("\"%s\" does not say \"%s\"", errs->msgs.v[0].text, words);
	eg_errs_free(errs);
}

static struct eg_state_dir *open_dir(void)
{
	struct eg_errs errs = {0};
	struct eg_state_dir *dir = eg_state_dir_open(folder, false, &conf_pos, &errs);

	eg_errs_print(&errs, stderr);
	assert_non_null(dir);
	return dir;
}

static void assert_no_dir(const char *words)
{
	struct eg_errs errs = {0};

	assert_null(eg_state_dir_open(folder, false, &conf_pos, &errs));
	assert_reported(&errs, words);
}

static const char *path_of(const char *name)
{
	static char path[160];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void write_file(const char *name, const char *text, size_t n)
{
	int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, n), n);
	close(fd);
}

static void test_directory(void **state)
{
	struct eg_errs errs = {0};
	struct eg_state_dir *dir = open_dir(), *second;

	(void)state;
	assert_no_dir("is in use by another espgate (process ");
	second = eg_state_dir_open(folder, true, &conf_pos, &errs); /* reading is allowed */
	assert_non_null(second);
	assert_int_equal(eg_state_dir_save(second, NULL, 0), -EROFS);
	eg_state_dir_close(second);
	eg_state_dir_close(dir);

	assert_int_equal(chmod(folder, 0770), 0);
	assert_no_dir("mode 0770 lets group or others write (chmod 700 it)");
	assert_int_equal(chmod(folder, 0700), 0);
	eg_state_dir_close(open_dir());
	write_file("manifest", "", 0);
	assert_no_dir("/manifest: damaged: ");
	write_file("manifest", "espgate-state-manifest 3\nmore\n", 30);
	assert_no_dir("/manifest: written by a newer espgate: run that one");
	assert_int_equal(unlink(path_of("manifest")), 0);
	eg_state_dir_close(open_dir()); /* a crash before the first manifest */
	write_file("journal", "espgate-journal 2\nmore\n", 23);
	assert_no_dir("/journal was written by a newer espgate: run that one");
	write_file("journal", "espgate-journal 1\n", 18);
	assert_no_dir("/journal, which records how far keys were used, is damaged: ");
	assert_int_equal(unlink(path_of("journal")), 0);
	assert_no_dir("/journal, which records how far keys were used, is lost: ");
	/* A journal that cannot be read is not mistaken for an incomplete one. */
	assert_int_equal(mkdir(path_of("journal"), 0700), 0);
	assert_no_dir("/journal: Is a directory");
	assert_int_equal(rmdir(path_of("journal")), 0);
	assert_int_equal(unlink(path_of("manifest")), 0);
	assert_int_equal(mkdir(path_of("manifest"), 0700), 0);
	assert_no_dir("/manifest: Is a directory");
	remove_folder(NULL);
	assert_no_dir("does not exist: mkdir -m 700 it for new keys; if it was lost, ");
	close(open(folder, O_WRONLY | O_CREAT, 0600));
	assert_no_dir("Not a directory");
}

static void load(struct eg_state_dir *dir, const struct eg_state *wants, const char *words)
{
	struct eg_errs errs = {0};
	struct eg_state out;

	assert_int_equal(eg_state_dir_load(dir, wants, &conf_pos, "sa", &out, &errs), -1);
	assert_reported(&errs, words);
}

static void test_load(void **state)
{
	struct eg_state one = example(), other = example(), out;
	struct eg_state_dir *dir = open_dir();
	struct eg_errs errs = {0};
	struct stat st;

	(void)state;
	other.key[0] ^= 1;
	other.inbound = true;
	assert_int_equal(eg_state_dir_load(dir, &one, &conf_pos, "sa", &out, &errs), 0);
	assert_int_equal(eg_state_dir_save(dir, &one, 1), 0);
	assert_int_equal(eg_state_dir_load(dir, &one, &conf_pos, "sa", &out, &errs), 1);
	assert_memory_equal(&one, &out, sizeof(one));
	one.seq += 5;
	assert_int_equal(eg_state_dir_save(dir, (struct eg_state[]){one, other}, 2), 0);
	eg_state_dir_close(dir);

	dir = open_dir();
	assert_int_equal(eg_state_dir_load(dir, &one, &conf_pos, "sa", &out, &errs), 1);
	assert_memory_equal(&one, &out, sizeof(one));
	assert_int_equal(eg_state_dir_load(dir, &other, &conf_pos, "sa", &out, &errs), 1);
	assert_memory_equal(&other, &out, sizeof(one));
	assert_int_equal(stat(path_of("journal"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(path_of("manifest"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);

	/* Another SA with this key. */
	out = one;
	out.spi++;
	load(dir, &out,
	     "t:1:1: sa: its key was used by another SA (SPI 0x00001001, dir out, aes256gcm16, "
	     "remote 2001:db8::2; ");
	out = one;
	strcpy(out.suite, "aes128gcm16");
	load(dir, &out, "make a new key with espgate keygen");
	out = one;
	out.remote.bytes[15]++;
	load(dir, &out, "its key was used by another SA");
	out = one;
	out.inbound = true;
	load(dir, &out, "its key was used by another SA");
	eg_state_dir_close(dir);
}

/* The manifest as written before the journal. */
static void write_old_manifest(const struct eg_state *states, size_t n)
{
	uint8_t keys[4 * EG_FINGERPRINT_BYTES];
	char text[512];
	size_t size = eg_manifest_bytes(n), checked = size - EG_MANIFEST_CHECK;

	for (size_t i = 0; i < n; i++)
		memcpy(keys + i * EG_FINGERPRINT_BYTES, states[i].key, EG_FINGERPRINT_BYTES);
	eg_manifest_render(keys, n, text);
	memcpy(text, EG_MANIFEST_OLD, strlen(EG_MANIFEST_OLD));
	snprintf(text + checked, sizeof(text) - checked, "check %016llx\n",
		 (unsigned long long)eg_fnv1a(EG_FNV1A_START, text, checked));
	write_file("manifest", text, size);
}

static void write_old_file(const struct eg_state *named, const struct eg_state *state, size_t less)
{
	char text[EG_STATE_TEXT_MAX], name[EG_FINGERPRINT_TEXT];

	write_file(eg_fingerprint_print(named->key, name), text,
		   eg_state_render(state, text) - less);
}

/* Files of a version before the journal: intact ones move to the journal and are removed; errors in
 * others are reported for their SA only, as before. */
static void test_migration(void **state)
{
	struct eg_state states[4], out;
	char name[EG_FINGERPRINT_TEXT];
	struct eg_state_dir *dir;
	struct eg_errs errs = {0};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		states[i] = example();
		states[i].key[0] = (uint8_t)i;
		states[i].seq += i;
	}
	for (unsigned opened = 0; opened < 3; opened++) {
		bool read_only = opened == 0;

		if (opened < 2) {
			write_old_manifest(states, 4);
			write_old_file(&states[0], &states[0], 0);
			write_old_file(&states[1], &states[1], 1); /* truncated */
			write_old_file(&states[2], &states[0], 0); /* another's */
		}
		dir = eg_state_dir_open(folder, read_only, &conf_pos, &errs);
		assert_non_null(dir);
		assert_int_equal(eg_state_dir_load(dir, &states[0], &conf_pos, "sa", &out, &errs),
				 1);
		assert_memory_equal(&states[0], &out, sizeof(out));
		load(dir, &states[1], "is damaged: put the original back, or make a new key");
		load(dir, &states[2], "is another key's file: ");
		load(dir, &states[3], "is lost: put the original back, or make a new key");
		eg_state_dir_close(dir);
		eg_fingerprint_print(states[0].key, name);
		assert_int_equal(access(path_of(name), F_OK), read_only ? 0 : -1);
		eg_fingerprint_print(states[1].key, name);
		assert_int_equal(access(path_of(name), F_OK), 0);
	}
	/* A file of a newer version; a file of an unknown key. */
	write_file(name, "espgate-state 12\nbetter than before\n", 36);
	dir = open_dir();
	load(dir, &states[1], "was written by a newer espgate: run that one, or make a new key");
	eg_state_dir_close(dir);
}

/* A crash between journal and manifest: files are migrated again, but no watermark goes back,
 * whichever of the two was used further. */
static void test_migration_crash(void **state)
{
	struct eg_state states[2], out;
	struct eg_state_dir *dir;
	struct eg_errs errs = {0};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		states[i] = example();
		states[i].key[0] = (uint8_t)i;
	}
	dir = open_dir();
	assert_int_equal(eg_state_dir_save(dir, states, 2), 0);
	eg_state_dir_close(dir);
	write_old_manifest(states, 2);
	states[0].seq -= 5;
	states[0].iv += 5;
	write_old_file(&states[0], &states[0], 0);
	states[1].seq += 5;
	write_old_file(&states[1], &states[1], 0);
	dir = open_dir();
	assert_int_equal(eg_state_dir_load(dir, &states[0], &conf_pos, "sa", &out, &errs), 1);
	assert_int_equal(out.seq, states[0].seq + 5);
	assert_int_equal(out.iv, states[0].iv);
	assert_int_equal(eg_state_dir_load(dir, &states[1], &conf_pos, "sa", &out, &errs), 1);
	assert_int_equal(out.seq, states[1].seq);
	eg_state_dir_close(dir);
}

/* A crash in the middle of a save leaves the previous state. */
static void test_interrupted_save(void **state)
{
	struct eg_state one = example(), out;
	struct eg_errs errs = {0};
	struct eg_state_dir *dir = open_dir();

	(void)state;
	assert_int_equal(eg_state_dir_save(dir, &one, 1), 0);
	write_file("journal.tmp", "espgate-journal 1\nbatch", 23);
	write_file("manifest.tmp", "espgate-", 8);
	eg_state_dir_close(dir);
	dir = open_dir();
	assert_int_equal(eg_state_dir_load(dir, &one, &conf_pos, "sa", &out, &errs), 1);
	assert_memory_equal(&one, &out, sizeof(one));
	one.seq++;
	assert_int_equal(eg_state_dir_save(dir, &one, 1), 0);
	assert_int_equal(eg_state_dir_load(dir, &one, &conf_pos, "sa", &out, &errs), 1);
	assert_int_equal(out.seq, one.seq);
	eg_state_dir_close(dir);
}

/* --- the store */

static struct eg_sa_store *open_store(void)
{
	struct eg_sa_store *store = eg_sa_store_new(1);
	struct eg_errs errs = {0};

	assert_int_equal(eg_sa_store_open_state(store, folder, false, &conf_pos, &errs), 0);
	return store;
}

static struct eg_sa *acquire(struct eg_sa_store *store, struct eg_errs *errs)
{
	const struct eg_err_place ref = {.path = "sa"};
	struct eg_sa_spec spec = {
		.kind = EG_SA_KIND_OUT,
		.spi = 0x1001,
		.suite = eg_suite_find("aes256gcm16"),
		.esn = true,
		.lifetime = {.hard_bytes = 10000, .hard_time_ns = 1000 * EG_NS_PER_S},
	};

	eg_ip_parse("192.0.2.1", &spec.local);
	eg_ip_parse("192.0.2.2", &spec.remote);
	return eg_sa_acquire(store, &spec, material, &ref, errs);
}

static void count_event(void *arg, const struct eg_sa_event *event)
{
	unsigned *n = arg;

	*n += event->hard ? 100 : 1;
}

static struct eg_now now_plus(uint64_t ns)
{
	return (struct eg_now){eg_wall_ns() + ns, eg_mono_ns() + ns};
}

/* Nothing is granted before it is on disk. After a crash numbers continue after the watermark,
 * after an orderly stop after the last number used; bytes and age continue, too. */
static void test_restarts(void **state)
{
	struct eg_sa_store *store = open_store();
	struct eg_errs errs = {0};
	struct eg_sa *sa = acquire(store, &errs);
	struct eg_now now = now_plus(0);
	struct eg_sa_grant grant, before;
	unsigned events = 0;

	(void)state;
	assert_int_equal(eg_sa_reserve(sa, 1, now.wall_ns).n, 0);
	assert_int_equal(eg_sa_shortage(sa), EG_DROP_SEQ_RESERVATION);
	assert_int_equal(eg_sa_store_reserve(store, &now, UINT64_MAX), 0);
	before = eg_sa_reserve(sa, 10, now.wall_ns);
	assert_int_equal(before.seq, 1);
	assert_int_equal(before.n, 10);
	eg_sa_count(sa, 10, 4000);
	eg_sa_store_free(store); /* a crash */

	store = open_store();
	sa = acquire(store, &errs);
	assert_int_equal(eg_sa_store_reserve(store, &now, UINT64_MAX), 0);
	grant = eg_sa_reserve(sa, 10, now.wall_ns - 5 * EG_NS_PER_S);
	assert_true(grant.seq > EG_SEQ_BLOCK_ESN && grant.seq <= EG_SEQ_BLOCK_ESN * 5 / 4 + 1);
	assert_true(grant.iv > before.iv + 10);
	eg_sa_count(sa, 10, 4000);
	before = grant;
	now = now_plus(500 * EG_NS_PER_S);
	assert_int_equal(eg_sa_store_step(store, &now, count_event, &events), 0);
	assert_int_equal(eg_sa_store_finish(store, &now), 0);
	eg_sa_store_free(store);

	store = open_store();
	sa = acquire(store, &errs);
	assert_int_equal(eg_sa_store_reserve(store, &now, UINT64_MAX), 0);
	grant = eg_sa_reserve(sa, 10, 0);
	assert_int_equal(grant.seq, before.seq + 10);
	assert_int_equal(grant.iv, before.iv + 10);
	assert_int_equal(grant.n, 10);
	assert_int_equal(events, 0);
	eg_sa_count(sa, 10, 4000); /* 8,000 or 12,000 bytes, as far as known */
	eg_sa_count(sa, 10, 4000);
	assert_int_equal(eg_sa_reserve(sa, 1, 0).n, 0);
	assert_int_equal(eg_sa_shortage(sa), EG_DROP_SA_EXPIRED);
	now = now_plus(2000 * EG_NS_PER_S);
	assert_int_equal(eg_sa_store_step(store, &now, count_event, &events), 0);
	assert_int_equal(eg_sa_store_step(store, &now, count_event, &events), 0);
	assert_int_equal(events, 100); /* reported once */
	eg_sa_store_free(store);
	eg_errs_free(&errs);
}

/* Step until what was due is on disk, or has failed. */
static int step(struct eg_sa_store *store, uint64_t *ahead_ns)
{
	int err = 0;

	for (unsigned i = 0; i < 200; i++) {
		struct eg_now now = now_plus(*ahead_ns += EG_NS_PER_S);

		err = eg_sa_store_step(store, &now, count_event, NULL);
		usleep(1000);
	}
	return err;
}

/* A half-used reservation is renewed. If the disk fails it is not: the SA stops at the watermark
 * and continues when the disk has recovered. */
static void test_renewal(void **state)
{
	struct eg_sa_store *store = open_store();
	struct eg_errs errs = {0};
	struct eg_sa *sa = acquire(store, &errs);
	struct eg_now now = now_plus(0);
	uint64_t limit, ahead_ns = 0;
	char moved[80];

	(void)state;
	assert_int_equal(eg_sa_store_reserve(store, &now, UINT64_MAX), 0);
	limit = atomic_load(&sa->seq_limit);
	assert_int_equal(step(store, &ahead_ns), 0);
	assert_int_equal(atomic_load(&sa->seq_limit), limit);
	assert_int_equal(eg_sa_reserve(sa, (unsigned)(limit + 1) / 2, now.wall_ns).n,
			 (limit + 1) / 2);
	snprintf(moved, sizeof(moved), "%s/journal", folder);
	assert_int_equal(unlink(moved), 0); /* appends are lost from here on */
	assert_int_equal(mkdir(path_of("journal.tmp"), 0700), 0);
	assert_int_equal(step(store, &ahead_ns), -EISDIR);
	assert_int_equal(atomic_load(&sa->seq_limit), limit);
	assert_int_equal(eg_sa_reserve(sa, (unsigned)limit, now.wall_ns).n, limit / 2);
	assert_int_equal(eg_sa_reserve(sa, 1, now.wall_ns).n, 0);
	assert_int_equal(eg_sa_shortage(sa), EG_DROP_SEQ_RESERVATION);
	assert_int_equal(rmdir(path_of("journal.tmp")), 0);
	assert_int_equal(step(store, &ahead_ns), 0);
	assert_int_equal(eg_sa_reserve(sa, 1, now.wall_ns).seq, limit + 1);
	eg_sa_store_free(store);
}

/* The store reports what the directory refuses. */
static void test_store_refuses(void **state)
{
	struct eg_sa_store *store = open_store();
	struct eg_errs errs = {0};
	struct eg_now now = now_plus(0);

	(void)state;
	assert_non_null(acquire(store, &errs));
	assert_int_equal(eg_sa_store_reserve(store, &now, UINT64_MAX), 0);
	eg_sa_store_free(store);
	assert_int_equal(unlink(path_of("journal")), 0);
	store = eg_sa_store_new(1);
	assert_int_equal(eg_sa_store_open_state(store, folder, false, &conf_pos, &errs), -1);
	assert_reported(&errs, "is lost: ");
	eg_sa_store_free(store);
}

/* A fingerprint is specific to its key and contains none of its bytes. */
static void test_fingerprint(void **state)
{
	struct eg_keystore *keys = eg_keystore_new();
	const struct eg_suite *suite = eg_suite_find("aes256gcm16");
	uint8_t key[EG_SUITE_KEY_MAX], first[EG_FINGERPRINT_BYTES], out[EG_FINGERPRINT_BYTES];

	(void)state;
	memcpy(key, material, sizeof(key));
	eg_crypto_fingerprint(keys, suite, key, first);
	eg_crypto_fingerprint(keys, suite, key, out);
	assert_memory_equal(first, out, sizeof(out));
	for (size_t i = 0; i < 36; i++) {
		key[i] ^= 1;
		eg_crypto_fingerprint(keys, suite, key, out);
		assert_memory_not_equal(first, out, sizeof(out));
		key[i] ^= 1;
	}
	eg_keystore_free(keys);
}

int run_state_tests(void)
{
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),        cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_manifest),    cmocka_unit_test(test_fingerprint),
		WITH_FOLDER(test_directory),        WITH_FOLDER(test_load),
		WITH_FOLDER(test_migration),        WITH_FOLDER(test_migration_crash),
		WITH_FOLDER(test_interrupted_save), WITH_FOLDER(test_restarts),
		WITH_FOLDER(test_renewal),          WITH_FOLDER(test_store_refuses),
	};

	return cmocka_run_group_tests_name("sa state", tests, NULL, NULL);
}
