/* Configurations come into force whole or not at all; one that is refused changes nothing.
 *
 *	builder thread: read the configuration, keys, policies and inventory; acquire SAs and
 *reserve their first sequence numbers; compile; prove; build the world control thread: apply the
 *candidate (snap/apply.h), as a job in slices
 *
 * Control thread, except where the builder runs. */
#ifndef EG_CTL_RELOAD_H
#define EG_CTL_RELOAD_H

#include "base/err.h"
#include "ctl/ctl.h"

/* At the start: put the configuration in force. 0, or -1 with the reasons in errs; warnings go
 * there as well. */
int eg_ctl_load(struct eg_ctl *ctl, const struct eg_config *config, struct eg_errs *errs);

/* What became of a reload. Valid during the call. */
struct eg_reload_result {
	uint64_t number;            /* of the reload; those with lower numbers that have not ended
				     * are superseded */
	bool refused;               /* everything stays as it was; why is in errs */
	uint64_t generation;        /* that is in force now */
	uint64_t took_ns;           /* since it was requested */
	const struct eg_errs *errs; /* warnings, and errors */
	const struct eg_changes *changes; /* counted only if it is in force */
};

/* A configuration has come into force by a reload: apply what is not lib/ctl's. */
typedef void eg_ctl_applied_fn(void *arg, const struct eg_config *config);

/* Reload what the configuration's file says now, except for keys that need a restart
 * (conf/restart_keys.h), which are reported. Everything that it reports goes to the log, which is
 * reopened first. It comes into force when the builder's result is collected (ctl/builder.h), and
 * then applied(arg, config) is called. A newer reload supersedes one that is not in force yet.
 * There is a builder. Its end is reported to
 * ctl->reload.reloaded. Returns its number, or 0: out of memory. */
uint64_t eg_ctl_reload(struct eg_ctl *ctl, eg_ctl_applied_fn *applied, void *arg);

#endif
