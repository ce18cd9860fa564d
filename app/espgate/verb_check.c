/* check: everything that run would refuse, without a device, a privilege or DPDK. */
#include <getopt.h>
#include <stdio.h>

#include "conf/config.h"
#include "snap/snap.h"
#include "verbs.h"

static void summarize(const struct eg_config *config, const struct eg_snap *snap)
{
	printf("%s: %zu ports, %zu peers, %zu SAs, %zu routes: no error\n", config->file,
	       config->ports.n, config->peers.n, snap->sas.n, config->routes.n);
}

static int check(const char *path)
{
	struct eg_errs errs = {0};
	struct eg_config *config = eg_config_load(path, &errs);
	struct eg_sa_store *store = eg_sa_store_new(1);
	struct eg_snap *snap = NULL;
	int status = EG_EXIT_ERROR;

	if (config && store)
		snap = eg_snap_build(config, store, &errs);
	eg_errs_print(&errs, stderr);
	if (snap) {
		summarize(config, snap);
		status = EG_EXIT_OK;
	} else {
		fprintf(stderr, "%s: %zu errors\n", path, errs.n_errors);
	}
	eg_snap_free(snap);
	eg_config_free(config);
	eg_sa_store_free(store);
	eg_errs_free(&errs);
	return status;
}

static int usage(void)
{
	fprintf(stderr, "usage: espgate check -c FILE\n");
	return EG_EXIT_USAGE;
}

int eg_verb_check(int argc, char **argv)
{
	const char *path = NULL;
	int opt;

	while ((opt = getopt(argc, argv, "c:")) != -1) {
		if (opt != 'c')
			return usage();
		path = optarg;
	}
	return path && optind == argc ? check(path) : usage();
}
