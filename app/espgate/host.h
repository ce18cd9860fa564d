/* What a start needs of this machine, said in the configuration's words before DPDK is asked, which
 * calls every lack by one name. Touches no device. */
#ifndef ESPGATE_HOST_H
#define ESPGATE_HOST_H

#include "conf/config.h"

/* Devices: interfaces, captures, PCI addresses, /dev/net/tun, and the privileges for them, which
 * are errors where `starting` and else warnings: whoever checks need not be who runs. All to errs.
 */
void eg_host_check_devices(const struct eg_config *config, bool starting, struct eg_errs *errs);

/* Lcores that are no CPU which this process may use. */
void eg_host_check_lcores(const struct eg_config *config, struct eg_errs *errs);

#endif
