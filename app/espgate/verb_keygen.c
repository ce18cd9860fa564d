#include <stdio.h>

#include "sa/keyfile.h"
#include "verbs.h"

static void list_suites(void)
{
	fprintf(stderr, "suites:");
	for (size_t i = 0; i < EG_SUITE_COUNT; i++)
		fprintf(stderr, " %s", eg_suites[i].name);
	fprintf(stderr, "\n");
}

static void report_unknown_suite(const char *name)
{
	const char *reason = eg_suite_refused(name), *meant = eg_suite_suggest(name);

	if (reason) {
		fprintf(stderr, "espgate keygen: \"%s\" is not allowed: %s\n", name, reason);
		return;
	}
	fprintf(stderr, "espgate keygen: unknown suite \"%s\"", name);
	if (meant)
		fprintf(stderr, " (did you mean \"%s\"?)", meant);
	fprintf(stderr, "\n");
	list_suites();
}

int eg_verb_keygen(int argc, char **argv)
{
	const struct eg_suite *suite;
	struct eg_errs errs = {0};
	int err;

	if (argc != 3) {
		fprintf(stderr, "usage: espgate keygen SUITE FILE\n");
		list_suites();
		return EG_EXIT_USAGE;
	}
	suite = eg_suite_find(argv[1]);
	if (!suite) {
		report_unknown_suite(argv[1]);
		return EG_EXIT_USAGE;
	}
	err = eg_keyfile_create(argv[2], suite, &errs);
	eg_errs_print(&errs, stderr);
	eg_errs_free(&errs);
	return err ? EG_EXIT_ERROR : EG_EXIT_OK;
}
