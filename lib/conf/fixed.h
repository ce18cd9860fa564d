/* Keys that are read at the start alone: devices, lcores and tables are made once.
 *
 * A reload that changes one of them does not do so silently, nor does it hold up everything else:
 * the difference is reported with its place and the running value, which stays, and the rest
 * applies. Where the rest would mean something else by it (other ports, a port's role), the reload
 * is refused. Control thread. */
#ifndef EG_CONF_FIXED_H
#define EG_CONF_FIXED_H

#include "conf/config.h"

/* Compare key by key. Every difference goes to errs as "KEY: needs a restart (running with VALUE)",
 * as a warning where the running value can stay: *wanted has it then. 0, or -1 where there was an
 * error. `running` is what the gateway was started with. */
int eg_config_retain_fixed(struct eg_config *wanted, const struct eg_config *running,
			   struct eg_errs *errs);

#endif
