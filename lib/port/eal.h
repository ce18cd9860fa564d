/* Starts DPDK for a configuration. Control thread, once per process. */
#ifndef EG_PORT_EAL_H
#define EG_PORT_EAL_H

#include "base/err.h"
#include "conf/config.h"

/* Start EAL with what the configuration implies (lcores, devices, memory) and its eal.args; `args`
 * are those after -- on the command line, and take precedence. 0, or -1 with the reason in errs,
 * which also gets warnings. */
int eg_eal_start(const struct eg_config *config, char **args, int n_args, struct eg_errs *errs);

#endif
