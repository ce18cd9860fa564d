/* Key files: every message word by word, none with a byte of a key; new ones are private whatever
 * the umask, and never overwrite a file. */
#include "sa/sa_tests.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sa/keyfile.h"

#define SUITE eg_suite_find("aes128gcm16") /* 16 + 4 bytes: 40 digits */
#define KEY   "00112233445566778899aabbccddeeffc0ffee01"
#define OTHER "10112233445566778899aabbccddeeffc0ffee02"

static char folder[] = "/tmp/espgate-keys-XXXXXX";

static const char *path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void write_file(const char *path, const char *text, size_t n, unsigned mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, n), n);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static int read_key(const char *path, uint8_t *material, struct eg_errs *errs)
{
	struct eg_err_place ref = {{"gw.yaml", 24, 7}, "peers.b.sas[0].key_file"};

	return eg_keyfile_read(path, SUITE, &ref, material, errs);
}

/* Six consecutive hex digits that appear in both message and file count as part of the key. */
static void assert_no_key(const char *message, const char *text)
{
	static const char digits[] = "0123456789abcdefABCDEF";

	for (; *text; text++) {
		char piece[7] = "";

		memcpy(piece, text, strnlen(text, 6));
		if (strspn(piece, digits) == 6 && strstr(message, piece))
			fail_msg("a message tells %s of the key", piece);
	}
}

/* Position of the message: the configuration's line that names the file, or a line of the file
 * itself. */
enum {
	OK,
	CONF,
	FILE_LINE,
};

static const struct keyfile_case {
	const char *text;
	unsigned mode;
	int where;
	const char *message;
} cases[] = {
	{KEY "\n", 0600, OK, NULL},
	{KEY, 0400, OK, NULL},
	{"0x" KEY "\n", 0600, OK, NULL},
	{"00112233445566778899AABBCCDDEEFFC0FFEE01\n", 0600, OK, NULL},
	{"# to b\n\n  \t" KEY "  # since May\n\n# end", 0600, OK, NULL},
	{KEY "\r\n", 0600, OK, NULL},
	{KEY, 0640, CONF,
	 "mode 0640 grants access to group or others (chmod 600 it, and make a new key if anyone "
	 "could read "
	 "this one)"},
	{KEY, 0604, CONF,
	 "mode 0604 grants access to group or others (chmod 600 it, and make a new key if anyone "
	 "could read "
	 "this one)"},
	{KEY, 04610, CONF,
	 "mode 4610 grants access to group or others (chmod 600 it, and make a new key if anyone "
	 "could read "
	 "this one)"},
	{"", 0600, CONF, "contains no key"},
	{"\n\n# nothing\n", 0600, CONF, "contains no key"},
	{"001122334455667788990g", 0600, FILE_LINE,
	 "1:1: not a hex digit at character 22 of the key"},
	{"\n# x\n00112233 4455667788", 0600, FILE_LINE,
	 "3:1: not a hex digit at character 9 of the key"},
	{"0x", 0600, FILE_LINE, "1:1: not a hex digit at character 2 of the key"},
	{"00112233445566778899aabbccddeeff", 0600, FILE_LINE,
	 "1:1: 32 hex digits, but the suite needs 40 (key and salt)"},
	{KEY "0", 0600, FILE_LINE, "1:1: 41 hex digits, but the suite needs 40 (key and salt)"},
	{"0x" KEY "02", 0600, FILE_LINE,
	 "1:1: 42 hex digits, but the suite needs 40 (key and salt)"},
	{KEY "\n" OTHER "\n", 0600, FILE_LINE, "2:1: a second key, but aes128gcm16 has one"},
	{KEY "\n\nrubbish\n", 0600, FILE_LINE, "3:1: a second key, but aes128gcm16 has one"},
	{"00000000000000000000000000000000c0ffee01", 0600, FILE_LINE,
	 "1:1: all bytes of the key are equal (make one with espgate keygen aes128gcm16)"},
	{"abababababababababababababababababababab", 0600, FILE_LINE,
	 "1:1: all bytes of the key are equal (make one with espgate keygen aes128gcm16)"},
};

static void check_case(const struct keyfile_case *c)
{
	static const uint8_t want[20] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66,
					 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd,
					 0xee, 0xff, 0xc0, 0xff, 0xee, 0x01};
	const char *path = path_of("key");
	uint8_t material[EG_SUITE_KEY_MAX] = {0};
	struct eg_errs errs = {0};
	char message[512];

	write_file(path, c->text, strlen(c->text), c->mode);
	if (c->where == OK) {
		assert_int_equal(read_key(path, material, &errs), 0);
		assert_memory_equal(material, want, sizeof(want));
		assert_int_equal(errs.n_errors, 0);
	} else {
		snprintf(message, sizeof(message), "%s%s:%s%s",
			 c->where == CONF ? "gw.yaml:24:7: peers.b.sas[0].key_file: " : "", path,
			 c->where == CONF ? " " : "", c->message);
		assert_int_equal(read_key(path, material, &errs), -1);
		assert_int_equal(errs.n_errors, 1);
		assert_string_equal(errs.msgs.v[0].text, message);
		assert_no_key(errs.msgs.v[0].text, c->text);
	}
	eg_errs_free(&errs);
	unlink(path);
}

static void test_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		check_case(&cases[i]);
}

/* Suites with an HMAC: encryption key and salt, then the HMAC key; suites without encryption only
 * have the latter. */
static void test_two_keys(void **state)
{
#define AUTH "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3"
	static const struct {
		const char *suite, *text;
		int where;
		const char *message;
	} rows[] = {
		{"aes128ctr-sha1", KEY "\n" AUTH "\n", OK, NULL},
		{"aes128ctr-sha1", "# both\n\n0x" KEY " # first\n0x" AUTH, OK, NULL},
		{"null-sha1", AUTH "\n", OK, NULL},
		{"aes128ctr-sha1", "", CONF, "contains no key"},
		{"aes128ctr-sha1", KEY "\n", CONF,
		 "contains no authentication key, which aes128ctr-sha1 needs"},
		{"aes128ctr-sha1", KEY AUTH "\n", FILE_LINE,
		 "1:1: 80 hex digits, but the suite needs 40 (key and salt)"},
		{"aes128-sha1", KEY "\n" AUTH "\n", FILE_LINE,
		 "1:1: 40 hex digits, but the suite needs 32 (key)"},
		{"aes128ctr-sha256", KEY "\n" AUTH "\n", FILE_LINE,
		 "2:1: 40 hex digits, but the suite needs 64 (authentication key)"},
		{"aes128ctr-sha1", KEY "\n" AUTH "\n" OTHER "\n", FILE_LINE,
		 "3:1: a third key, but aes128ctr-sha1 has two"},
		{"null-sha1", AUTH "\n" AUTH "\n", FILE_LINE,
		 "2:1: a second key, but null-sha1 has one"},
		{"aes128ctr-sha1", KEY "\n1111111111111111111111111111111111111111\n", FILE_LINE,
		 "2:1: all bytes of the key are equal (make one with espgate keygen "
		 "aes128ctr-sha1)"},
	};
	struct eg_err_place ref = {{"gw.yaml", 24, 7}, "peers.b.sas[0].key_file"};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct eg_suite *suite = eg_suite_find(rows[i].suite);
		uint8_t material[EG_SUITE_KEY_MAX] = {0};
		struct eg_errs errs = {0};
		const char *path = path_of("key");
		char message[512];
		int ret;

		write_file(path, rows[i].text, strlen(rows[i].text), 0600);
		ret = eg_keyfile_read(path, suite, &ref, material, &errs);
		assert_int_equal(ret, rows[i].where == OK ? 0 : -1);
		if (ret) {
			snprintf(message, sizeof(message), "%s%s:%s%s",
				 rows[i].where == CONF ? "gw.yaml:24:7: peers.b.sas[0].key_file: "
						       : "",
				 path, rows[i].where == CONF ? " " : "", rows[i].message);
			assert_string_equal(errs.msgs.v[0].text, message);
			assert_no_key(errs.msgs.v[0].text, rows[i].text);
		} else {
			assert_int_equal(material[suite->key_bytes + suite->salt_bytes], 0xa0);
			assert_int_equal(material[eg_suite_material_bytes(suite) - 1], 0xb3);
		}
		eg_errs_free(&errs);
		unlink(path);
	}
}

/* Files that are not readable text files. */
static void assert_refused(const char *path, const char *what)
{
	uint8_t material[EG_SUITE_KEY_MAX];
	struct eg_errs errs = {0};
	char message[512];

	snprintf(message, sizeof(message), "gw.yaml:24:7: peers.b.sas[0].key_file: %s: %s", path,
		 what);
	assert_int_equal(read_key(path, material, &errs), -1);
	assert_int_equal(errs.n_errors, 1);
	assert_string_equal(errs.msgs.v[0].text, message);
	eg_errs_free(&errs);
}

static void test_files(void **state)
{
	char text[4097];

	(void)state;
	assert_refused(path_of("missing"), "No such file or directory");
	assert_refused(folder, "not a regular file");
	assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
	assert_refused(path_of("fifo"), "not a regular file"); /* and does not wait for a writer */
	unlink(path_of("fifo"));
	assert_refused("/proc/self/mem", "Input/output error"); /* 0600, but cannot be read */

	memset(text, '\n', sizeof(text));
	write_file(path_of("long"), text, 4097, 0600);
	assert_refused(path_of("long"), "longer than 4096 bytes: not a key file");
	unlink(path_of("long"));

	memcpy(text, KEY, 40); /* exactly the maximum length */
	write_file(path_of("full"), text, 4096, 0600);
	assert_int_equal(read_key(path_of("full"), (uint8_t *)text, &(struct eg_errs){0}), 0);
	unlink(path_of("full"));

	write_file(path_of("nul"), KEY "\0" OTHER, 81, 0600);
	assert_refused(path_of("nul"), "contains a NUL byte: not a key file");
	unlink(path_of("nul"));
}

static void test_keygen(void **state)
{
	static const unsigned umasks[] = {0, 022, 077, 0277, 0777};
	uint8_t last[EG_SUITE_KEY_MAX] = {0};

	(void)state;
	for (size_t i = 0; i < EG_SUITE_COUNT * COUNT(umasks); i++) {
		const struct eg_suite *suite = &eg_suites[i % EG_SUITE_COUNT];
		struct eg_err_place ref = {{NULL, 0, 0}, NULL};
		mode_t before = umask(umasks[i / EG_SUITE_COUNT]);
		const char *path = path_of("new");
		uint8_t material[EG_SUITE_KEY_MAX] = {0};
		struct eg_errs errs = {0};
		struct stat st;

		assert_int_equal(eg_keyfile_create(path, suite, &errs), 0);
		umask(before);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode, S_IFREG | 0600);
		assert_int_equal(st.st_size, 2 * eg_suite_material_bytes(suite) +
						     (suite->key_bytes != 0) +
						     (suite->auth_key_bytes != 0));
		assert_int_equal(eg_keyfile_read(path, suite, &ref, material, &errs), 0);
		assert_int_equal(errs.n_errors, 0);
		assert_memory_not_equal(material, last, 16);
		memcpy(last, material, sizeof(last));
		unlink(path);
	}
}

static void assert_keygen_fails(const char *path, const char *what)
{
	struct eg_errs errs = {0};
	char message[512];

	snprintf(message, sizeof(message), "%s: %s", path, what);
	assert_int_equal(eg_keyfile_create(path, SUITE, &errs), -1);
	assert_int_equal(errs.n_errors, 1);
	assert_string_equal(errs.msgs.v[0].text, message);
	eg_errs_free(&errs);
}

static void test_keygen_refuses(void **state)
{
	struct rlimit before, tiny;
	uint8_t material[EG_SUITE_KEY_MAX];
	struct eg_errs errs = {0};

	(void)state;
	write_file(path_of("key"), KEY, strlen(KEY), 0600);
	assert_keygen_fails(path_of("key"), "already exists, and keys are never overwritten");
	assert_int_equal(read_key(path_of("key"), material, &errs), 0);
	assert_int_equal(material[19], 0x01);
	assert_int_equal(symlink("nowhere", path_of("link")), 0); /* and links are not followed */
	assert_keygen_fails(path_of("link"), "already exists, and keys are never overwritten");
	unlink(path_of("link"));
	unlink(path_of("key"));
	assert_keygen_fails(path_of("no/folder"), "No such file or directory");

	/* A full disk leaves no partial key behind, which the next attempt would refuse to
	 * overwrite. */
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	tiny = before;
	tiny.rlim_cur = 10;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tiny), 0);
	assert_keygen_fails(path_of("key"), "File too large");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(access(path_of("key"), F_OK), -1);
}

/* "-" is standard output: the same text, no file. */
static void test_keygen_stdout(void **state)
{
	int saved = dup(STDOUT_FILENO), fd;
	struct eg_errs errs = {0};
	uint8_t material[EG_SUITE_KEY_MAX];
	int ret;

	(void)state;
	fflush(stdout);
	fd = open(path_of("out"), O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(saved >= 0 && fd >= 0);
	dup2(fd, STDOUT_FILENO);
	ret = eg_keyfile_create("-", SUITE, &errs);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	close(fd);
	assert_int_equal(ret, 0);
	assert_int_equal(read_key(path_of("out"), material, &errs), 0);
	assert_int_equal(access("-", F_OK), -1);
	unlink(path_of("out"));
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

/* Fails if a test left a file. */
static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

int run_keyfile_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),           cmocka_unit_test(test_two_keys),
		cmocka_unit_test(test_files),          cmocka_unit_test(test_keygen),
		cmocka_unit_test(test_keygen_refuses), cmocka_unit_test(test_keygen_stdout),
	};

	return cmocka_run_group_tests_name("sa key files", tests, make_folder, remove_folder);
}
