/* Kernel interfaces behind ports: settings and state that DPDK's drivers cannot set or do not
 * report. Control thread. */
#ifndef EG_PORT_INTERFACE_H
#define EG_PORT_INTERFACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "conf/config.h"

/* Raise the interface's MTU to at least `mtu` bytes. 0 or -errno. */
int eg_interface_raise_mtu(unsigned if_index, uint16_t mtu);

/* Can packets from this interface have partial checksums (net/partial_checksum.h)? On virtual
 * interfaces, senders leave checksums to a device that does not exist. `driver` is the kernel's
 * name of the interface's driver, or "virtual". */
bool eg_interface_is_virtual(unsigned if_index, char driver[32]);

/* Is it up, with carrier? False if it is gone. */
bool eg_interface_has_link(unsigned if_index);

/* Append the port's device and its arguments for EAL, including those that its MTU requires. */
void eg_interface_device_args(const struct eg_conf_port *conf, struct eg_buf *args);

#endif
