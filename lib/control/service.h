/* What the control socket offers: show and reload.
 *
 * Life cycle: fill the borrowed part -> eg_control_service_start() when there are a loop and a
 * builder
 * -> eg_control_service_stop() before they go. Control thread. */
#ifndef EG_CONTROL_SERVICE_H
#define EG_CONTROL_SERVICE_H

#include "control/server.h"
#include "control/show.h"
#include "ctl/reload.h"

struct eg_control_service {
	/* Borrowed; fixed. */
	struct eg_ctl *ctl;
	const struct eg_workers *workers;
	eg_ctl_applied_fn *applied; /* for eg_ctl_reload() */
	void *applied_arg;
	int fd; /* listens */

	struct eg_control_server *server;
	struct eg_show_source source;
	struct eg_loop_source *sampler;
	struct eg_control_call *reloads; /* that have not ended, newest first */
};

/* 0, or -1 with errno. Call eg_control_service_stop() in both cases. */
int eg_control_service_start(struct eg_control_service *service);

/* Disconnect all clients. */
void eg_control_service_stop(struct eg_control_service *service);

#endif
