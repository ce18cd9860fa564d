/* The control thread's loop, from the workers' launch to the signal that ends it. */
#ifndef ESPGATE_CONTROL_H
#define ESPGATE_CONTROL_H

#include <signal.h>

#include "gateway.h"

struct eg_control {
	uint64_t idle_ns;        /* end after so long without a packet; 0: run until a signal */
	const sigset_t *signals; /* SIGHUP, SIGUSR1 and those that end it; blocked in all threads */
};

/* Run until a signal or the idle time ends it. 0, or -errno where the loop could not run. */
int eg_control_run(struct eg_gateway *gateway, const struct eg_control *options);

/* When everything is drained: the last statistics block. False if packets went missing. */
bool eg_control_finish(struct eg_gateway *gateway);

#endif
