/* Checks of this machine before DPDK starts, because DPDK's errors name neither the port nor the
 * reason. Opens no device. Any thread. */
#ifndef EG_PORT_HOST_H
#define EG_PORT_HOST_H

#include "conf/config.h"

/* Devices: interfaces, captures, PCI addresses, /dev/net/tun, and the privileges for them. Missing
 * privileges are errors if `starting`, else warnings: `check` may run as another user than the
 * daemon. All go to errs. */
void eg_host_check_devices(const struct eg_config *config, bool starting, struct eg_errs *errs);

/* Errors for lcores that are not CPUs that this process may use. */
void eg_host_check_lcores(const struct eg_config *config, struct eg_errs *errs);

#endif
