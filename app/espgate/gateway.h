/* The running daemon: its parts, which run starts in order and stops in reverse order.
 *
 * Synchronization: the control thread owns all of it. Each part's header says what workers read. */
#ifndef ESPGATE_GATEWAY_H
#define ESPGATE_GATEWAY_H

#include "base/log.h"
#include "conf/config.h"
#include "control/socket.h"
#include "ctl/ctl.h"
#include "port/port.h"
#include "rcu/rcu.h"
#include "snap/publish.h"
#include "stat/report.h"
#include "worker/worker.h"

struct eg_gateway {
	const struct eg_config
		*config; /* at the start: a reload does not change ports and workers */
	struct eg_log log;
	struct eg_sa_store *sas;
	struct eg_rcu rcu;
	struct eg_publisher publisher;
	struct eg_tunnels tunnels;
	struct eg_event_queue *events; /* from the workers */
	struct eg_ports ports;
	struct eg_workers workers;
	struct eg_flow_table *flows;
	struct eg_ctl ctl;
	struct eg_control_socket socket; /* fd -1: none */
};

#endif
