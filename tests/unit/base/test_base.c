/* lib/base: numbers and words as written by people, errors with positions, and prefixes against a
 * naive oracle that compares bit by bit. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/base_tests.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/ip.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/suite.h"
#include "base/text.h"

static void test_u64(void **state)
{
	static const struct {
		const char *text;
		int err;
		uint64_t value;
	} cases[] = {
		{"0", 0, 0},
		{"42", 0, 42},
		{"0x1001", 0, 0x1001},
		{"2^32", 0, 1ull << 32},
		{"2^64", -ERANGE, 0},
		{"18446744073709551615", 0, UINT64_MAX},
		{"18446744073709551616", -ERANGE, 0},
		{"", -EINVAL, 0},
		{"0x", -EINVAL, 0},
		{"-1", -EINVAL, 0},
		{"1 ", -EINVAL, 0},
		{"2^", -EINVAL, 0},
		{"2^3x", -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t value = 0;

		assert_int_equal(eg_text_u64(cases[i].text, &value), cases[i].err);
		assert_int_equal(value, cases[i].value);
	}
}

static void test_units(void **state)
{
	uint64_t v;

	(void)state;
	assert_int_equal(eg_text_duration_ns("500ms", &v), 0);
	assert_int_equal(v, 500000000);
	assert_int_equal(eg_text_duration_ns("0", &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(eg_text_duration_ns("5", &v), -EINVAL);
	assert_int_equal(eg_text_duration_ns("5 s", &v), -EINVAL);
	assert_int_equal(eg_text_duration_ns("400000000d", &v), -ERANGE);
	assert_int_equal(eg_text_bytes("1TiB", &v), 0);
	assert_int_equal(v, 1ull << 40);
	assert_int_equal(eg_text_bytes("17", &v), 0);
	assert_int_equal(v, 17);
	assert_int_equal(eg_text_bytes("1XB", &v), -EINVAL);
}

static void test_nearest(void **state)
{
	static const char *const words[] = {"ports", "peers", "routes", "neighbors"};

	(void)state;
	assert_string_equal(eg_text_nearest("port", words, 4), "ports");
	assert_string_equal(eg_text_nearest("neighbours", words, 4), "neighbors");
	assert_string_equal(eg_text_nearest("Ports", words, 4), "ports");
	assert_null(eg_text_nearest("zzzzzz", words, 4));
	assert_null(eg_text_nearest("x", (const char *const[]){"a"}, 1));
	assert_null(eg_text_nearest("", (const char *const[]){"a"}, 1));
	assert_string_equal(eg_text_nearest("A", (const char *const[]){"a"}, 1), "a");
	assert_string_equal(eg_suite_suggest("aes-gcm-256"), "aes256gcm16");
	assert_string_equal(eg_suite_find("aes192gcm16")->name, "aes192gcm16");
	assert_null(eg_suite_find("des"));
}

static void test_errors(void **state)
{
	struct eg_pos pos = {"gateway.yaml", 31, 9};
	struct eg_errs errs = {0};

	(void)state;
	eg_error(&errs, &pos, "peers.b.sas[1].suite", "unknown \"%s\"", "x");
	eg_warning(&errs, NULL, NULL, "no peer");
	assert_string_equal(errs.msgs.v[0].text,
			    "gateway.yaml:31:9: peers.b.sas[1].suite: unknown \"x\"");
	assert_string_equal(errs.msgs.v[1].text, "warning: no peer");
	for (int i = 0; i < 200; i++)
		eg_error(&errs, &pos, "x", "again");
	assert_int_equal(errs.n_errors, 201);
	assert_int_equal(errs.n_stored[EG_ERROR], EG_ERRS_MAX);
	assert_int_equal(errs.msgs.n, EG_ERRS_MAX + 1);
	eg_errs_free(&errs);
	assert_int_equal(errs.n_errors, 0);

	eg_error(&errs, NULL, NULL, "a\nb\x1b[31m\x7f \xc2\x9b \xc2\xa0 \xc2");
	assert_string_equal(errs.msgs.v[0].text, "a?b?[31m? ?? \xc2\xa0 ?");
	eg_error(&errs, NULL, NULL, "%3000s", "x");
	assert_int_equal(strlen(errs.msgs.v[1].text), 2003);
	eg_errs_free(&errs);
}

/* A flood of messages of one severity must not crowd out the others. Errors are printed first. */
static void test_error_floods(void **state)
{
	static const enum eg_severity floods[] = {EG_WARNING, EG_QUARANTINE, EG_ERROR};
	struct eg_errs errs = {0};
	char *text = NULL;
	size_t size = 0;
	FILE *out;

	(void)state;
	for (size_t f = 0; f < 3; f++)
		for (int i = 0; i < 150 - (int)f; i++)
			eg_errs_add(&errs, floods[f], NULL, NULL, "%zu/%d", f, i);
	assert_int_equal(errs.msgs.n, 3 * EG_ERRS_MAX);
	out = open_memstream(&text, &size);
	assert_non_null(out);
	eg_errs_print(&errs, out);
	fclose(out);
	assert_memory_equal(text, "2/0\n2/1\n", 8);
	assert_non_null(strstr(text, "2/99\n... and 48 more errors\nquarantined: 1/0\n"));
	assert_non_null(strstr(text, "1/99\n... and 49 more quarantined objects\nwarning: 0/0\n"));
	assert_non_null(strstr(text, "0/99\n... and 50 more warnings\n"));
	free(text);
	eg_errs_free(&errs);
}

static void test_prefix_text(void **state)
{
	static const char *const bad[] = {"10.0.0.0",    "10.0.0.0/33", "10.0.0.0/",  "10.0.0.0/08",
					  "10.0.0/8",    "/8",          "fd00::/129", "fd00::/1 ",
					  "10.0.0.0/-1", "10.0.0.0/8/8"};
	struct eg_prefix p;
	char text[EG_PREFIX_TEXT];
	uint8_t mac[6];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(eg_prefix_parse(bad[i], &p), -EINVAL);
	assert_int_equal(eg_prefix_parse("10.1.2.3/8", &p), 0);
	assert_true(eg_prefix_mask(&p));
	assert_string_equal(eg_prefix_print(&p, text), "10.0.0.0/8");
	assert_false(eg_prefix_mask(&p));
	assert_int_equal(eg_mac_parse("02:00:00:00:00:fe", mac), 0);
	assert_int_equal(mac[5], 0xfe);
	assert_int_equal(eg_mac_parse("02:00:00:00:00:0", mac), -EINVAL);
	assert_int_equal(eg_mac_parse("02:00:00:00:00:0g", mac), -EINVAL);
	assert_int_equal(eg_mac_parse("-1:00:00:00:00:00", mac), -EINVAL);
	assert_int_equal(eg_mac_parse(" 2:00:00:00:00:00", mac), -EINVAL);
	assert_int_equal(eg_mac_parse("02-00-00-00-00-00", mac), -EINVAL);
}

static bool naive_contains(const struct eg_prefix *p, const struct eg_ip *ip)
{
	if (p->ip.family != ip->family)
		return false;
	for (unsigned bit = 0; bit < p->len; bit++) {
		unsigned a = p->ip.bytes[bit / 8] >> (7 - bit % 8) & 1;
		unsigned b = ip->bytes[bit / 8] >> (7 - bit % 8) & 1;

		if (a != b)
			return false;
	}
	return true;
}

static void test_prefix_random(void **state)
{
	unsigned seed = (unsigned)time(NULL);

	(void)state;
	print_message("seed %u\n", seed);
	srandom(seed);
	for (int i = 0; i < 200000; i++) {
		struct eg_prefix p = {.ip.family = random() % 2 ? 4 : 6};
		struct eg_ip ip;

		for (unsigned b = 0; b < eg_ip_bits(&p.ip) / 8; b++)
			p.ip.bytes[b] = (uint8_t)random();
		ip = p.ip;
		p.len = (uint8_t)((unsigned long)random() % (eg_ip_bits(&p.ip) + 1));
		ip.bytes[(unsigned long)random() % (eg_ip_bits(&ip) / 8)] ^=
			(uint8_t)(1 << random() % 8);
		assert_int_equal(eg_prefix_contains(&p, &ip), naive_contains(&p, &ip));
		eg_prefix_mask(&p);
		assert_int_equal(eg_prefix_contains(&p, &ip), naive_contains(&p, &ip));
	}
}

static void test_secret(void **state)
{
	unsigned char *p = eg_secret_alloc(10000, NULL), zero[32] = {0};

	(void)state;
	assert_non_null(p);
	assert_int_equal(eg_secret_random(p, 32), 0);
	assert_memory_not_equal(p, zero, 32);
	eg_secret_wipe(p, 32);
	assert_memory_equal(p, zero, 32);
	eg_secret_free(p, 10000);
	eg_secret_free(NULL, 1);
}

static long size_of(const char *path)
{
	FILE *file = fopen(path, "r");
	long n;

	if (!file)
		return -1;
	fseek(file, 0, SEEK_END);
	n = ftell(file);
	fclose(file);
	return n;
}

/* As logrotate does: move the file, then reopen the log. */
static void test_log_reopen(void **state)
{
	const enum eg_log_level levels[EG_LOG_MODULES] = {EG_LOG_INFO};
	char folder[] = "/tmp/eg-log-XXXXXX", path[64], moved[64], fifo[64];
	struct eg_log log = {0};
	long first;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/log", folder);
	snprintf(moved, sizeof(moved), "%s/log.1", folder);
	assert_int_equal(eg_log_open(&log, path, levels), 0);
	eg_log(&log, EG_LOG_CORE, EG_LOG_INFO, "one");
	first = size_of(path);
	assert_true(first > 0);
	assert_int_equal(rename(path, moved), 0);
	eg_log(&log, EG_LOG_CORE, EG_LOG_INFO, "two");
	assert_int_equal(size_of(moved), 2 * first);
	assert_int_equal(eg_log_reopen(&log), 0);
	eg_log(&log, EG_LOG_CORE, EG_LOG_INFO, "six");
	assert_int_equal(size_of(moved), 2 * first);
	assert_int_equal(size_of(path), first);
	/* If the folder is gone, the old file stays in use. */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(unlink(moved), 0);
	assert_int_equal(rmdir(folder), 0);
	assert_int_equal(eg_log_reopen(&log), -1);
	assert_int_equal(errno, ENOENT);
	eg_log(&log, EG_LOG_CORE, EG_LOG_INFO, "ten");
	assert_int_equal(ftell(log.out), 2 * first);
	eg_log_close(&log);
	eg_log(&log, EG_LOG_CORE, EG_LOG_INFO, "to nobody");
	/* A pipe without a reader must not block the gateway. */
	snprintf(fifo, sizeof(fifo), "/tmp/eg-log-fifo-%d", (int)getpid());
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(eg_log_open(&log, fifo, levels), -1);
	assert_int_equal(unlink(fifo), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_u64),           cmocka_unit_test(test_units),
		cmocka_unit_test(test_nearest),       cmocka_unit_test(test_errors),
		cmocka_unit_test(test_error_floods),  cmocka_unit_test(test_prefix_text),
		cmocka_unit_test(test_prefix_random), cmocka_unit_test(test_secret),
		cmocka_unit_test(test_log_reopen),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL) + run_event_queue_tests();
}
