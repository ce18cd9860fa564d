/* A configuration comes into force whole or not at all; one that is refused changes nothing. */
#ifndef ESPGATE_RELOAD_H
#define ESPGATE_RELOAD_H

#include "base/err.h"
#include "gateway.h"

struct eg_builder;

/* At the start: put the configuration in force. 0, or -1 with the reasons in errs; warnings go
 * there as well. */
int eg_load(struct eg_gateway *gateway, const struct eg_config *config, struct eg_errs *errs);

/* Reload what the configuration's file says now, except for keys that need a restart
 * (conf/restart_keys.h), which are reported. The builder thread reads it; the control thread
 * applies it when the builder's result is collected, reports to the log, and calls applied(arg).
 * Another reload supersedes one that is not applied yet. Control thread. */
void eg_reload(struct eg_gateway *gateway, struct eg_builder *builder, void (*applied)(void *arg),
	       void *arg);

#endif
