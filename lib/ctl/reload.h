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

/* A configuration has come into force by a reload: apply what is not lib/ctl's. */
typedef void eg_ctl_applied_fn(void *arg, const struct eg_config *config);

/* Reload what the configuration's file says now, except for keys that need a restart
 * (conf/restart_keys.h), which are reported. Everything that it reports goes to the log, which is
 * reopened first. It comes into force when the builder's result is collected (ctl/builder.h), and
 * then applied(arg, config) is called. A newer reload supersedes one that is not in force yet.
 * There is a builder. */
void eg_ctl_reload(struct eg_ctl *ctl, eg_ctl_applied_fn *applied, void *arg);

#endif
