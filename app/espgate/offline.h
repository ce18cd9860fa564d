/* Loads a configuration for inspection: policy and routes only, without keys, devices or
 * privileges. Shared by explain and replay. */
#ifndef ESPGATE_OFFLINE_H
#define ESPGATE_OFFLINE_H

#include "conf/config.h"
#include "snap/candidate.h"

struct eg_offline {
	struct eg_config *config;
	struct eg_candidate *candidate; /* without SAs */
	const struct eg_snap *snap;     /* the candidate's: hops name tunnels by index */
};

/* Returns 0, or -1 with all errors printed to standard error. Call eg_offline_free() in both
 * cases. */
int eg_offline_load(struct eg_offline *view, const char *path);
void eg_offline_free(struct eg_offline *view);

#endif
