/* Keys that only a restart can change: devices, lcores and tables are created once.
 *
 * A reload that changes such a key applies the rest of the configuration, keeps the running value
 * of the key, and reports the difference with its position. If the difference changes the meaning
 * of the rest (the list of ports, a port's role), the reload is refused. Control thread. */
#ifndef EG_CONF_RESTART_KEYS_H
#define EG_CONF_RESTART_KEYS_H

#include "conf/config.h"

/* Compare key by key and report each difference as "KEY: needs a restart (running with VALUE)". It
 * is a warning if the running value can be kept; *wanted then holds that value. Returns 0, or -1 if
 * there was an error. `running` is the configuration that the gateway was started with. */
int eg_config_retain_restart_keys(struct eg_config *wanted, const struct eg_config *running,
				  struct eg_errs *errs);

#endif
