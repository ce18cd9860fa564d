#include "offline.h"

int eg_offline_load(struct eg_offline *view, const char *path)
{
	const struct eg_candidate_options options = {
		.prove_ns = EG_PROVE_BUDGET_NS,
		.tolerance = EG_QUARANTINE_ALL,
		.offline = true,
	};
	struct eg_errs errs = {0};

	*view = (struct eg_offline){.config = eg_config_load(path, &errs)};
	if (view->config)
		view->candidate = eg_candidate_build(view->config, NULL, &options, &errs);
	eg_errs_print(&errs, stderr);
	eg_errs_free(&errs);
	if (view->candidate)
		view->snap = view->candidate->snap;
	return view->snap ? 0 : -1;
}

void eg_offline_free(struct eg_offline *view)
{
	eg_candidate_free(view->candidate);
	eg_config_free(view->config);
	*view = (struct eg_offline){0};
}
