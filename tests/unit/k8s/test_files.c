/* Files that look like failed dumps are refused; unusual but complete files are not. */
#include "k8s_tests.h"

#include <stdio.h>
#include <unistd.h>

#define NS "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"

static const struct {
	const char *text, *message; /* "%s" is the file */
} rows[] = {
	{NS, ""},
	{"", "%s: is empty, as after a failed dump (delete the file if it is meant to be empty)\n"},
	{" \n\r\n\n",
	 "%s: is empty, as after a failed dump (delete the file if it is meant to be empty)\n"},
	{"\xef\xbb\xbf",
	 "%s: is empty, as after a failed dump (delete the file if it is meant to be empty)\n"},
	{"# nothing yet\n", "%s: warning: contains no objects\n"},
	{"---\n", "%s: warning: contains no objects\n"},
	/* truncated within a line, which still parses */
	{"apiVersion: v1\nkind: Namespace\nmetadata:\n  labels:\n    team: a\n  name: sho",
	 "%s: is truncated: its last line has no newline (add one if the file is complete)\n"},
	{NS "---",
	 "%s: is truncated: its last line has no newline (add one if the file is complete)\n"},
	{NS "  ",
	 "%s: is truncated: its last line has no newline (add one if the file is complete)\n"},
	{"apiVersion: v1\r\nkind: Namespace\r\nmetadata: {name: shop}\r\n", ""},
	{"{apiVersion: v1, kind: Namespace, metadata: {name: shop}}\r", ""},
	{"apiVersion: v1\rkind: Namespace\rmetadata: {name: shop}\r", ""},
	/* a list truncated between lines: kubectl prints `kind` after the items */
	{"apiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Namespace\n  metadata:\n    name: a\n",
	 "%s:1:1: not a Kubernetes object: kind is missing\n"},
	/* brackets show where JSON ends */
	{"{\"apiVersion\": \"v1\", \"kind\": \"Namespace\", \"metadata\": {\"name\": \"shop\"}}",
	 ""},
	{" \n{\"apiVersion\": \"v1\", \"kind\": \"Namespace\", \"metadata\": {\"name\": \"shop\"}}",
	 ""},
	{"{\"apiVersion\": \"v1\", \"kind\": \"Namespace\", \"metadata\": {\"name\": \"shop\"}\n",
	 "%s:2:1: did not find expected ',' or '}' (while parsing a flow mapping on line 1)\n"},
	/* an error from the API server, stored as if it were the dump */
	{"apiVersion: v1\nkind: Status\nstatus: Failure\nmessage: pods is forbidden\ncode: 403\n",
	 "%s:1:1: kind Status is an error from the API server, not an object: pods is forbidden\n"},
	{"{\"kind\": \"Status\", \"apiVersion\": \"v1\", \"status\": \"Failure\"}",
	 "%s:1:1: kind Status is an error from the API server, not an object: no message\n"},
	{"kind: List\napiVersion: v1\nitems:\n- {kind: Status, apiVersion: v1, message: "
	 "\"a\\nb\"}\n",
	 "%s:4:3: kind Status is an error from the API server, not an object: a?b\n"},
	{"kind: Status\nmessage: {}\n",
	 "%s:1:1: kind Status is an error from the API server, not an object: no message\n"},
};

static void test_rows(void **state)
{
	char path[] = "/tmp/eg-files-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	for (size_t r = 0; r < sizeof(rows) / sizeof(*rows); r++) {
		struct eg_buf all = {0}, wanted = {0};
		struct eg_cluster cluster = {0};
		struct eg_errs errs = {0};
		struct eg_k8s *k8s = eg_k8s_new(&cluster, &errs);
		const char *at = strstr(rows[r].message, "%s");
		FILE *file = fopen(path, "w");

		assert_non_null(file);
		fputs(rows[r].text, file);
		fclose(file);
		eg_buf_add(&wanted, "%s%s", at ? path : "", at ? at + 2 : "");
		eg_buf_add(&all, "%s", "");
		eg_k8s_add_path(k8s, path);
		assert_int_equal(eg_k8s_finish(k8s), errs.n_errors ? -1 : 0);
		eg_vec_foreach (msg, &errs.msgs)
			eg_buf_add(&all, "%s\n", msg->text);
		print_message("row %zu\n", r);
		assert_string_equal(all.v, wanted.v);
		eg_k8s_free(k8s);
		eg_cluster_free(&cluster);
		eg_errs_free(&errs);
		eg_buf_free(&all);
		eg_buf_free(&wanted);
	}
	unlink(path);
}

int run_file_tests(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};

	return cmocka_run_group_tests_name("k8s files", tests, NULL, NULL);
}
