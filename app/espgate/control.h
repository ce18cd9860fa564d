/* The control thread's loop, from the workers' launch to the signal that ends it. */
#ifndef ESPGATE_CONTROL_H
#define ESPGATE_CONTROL_H

#include <signal.h>

#include "gateway.h"

struct eg_control {
	uint64_t idle_ns; /* stop after this time without a packet; 0: run until a signal */
	const sigset_t
		*signals; /* SIGHUP, SIGUSR1 and those that stop it; blocked in all threads */
};

/* Run until a signal or the idle time ends it. 0, or -errno if the loop cannot run. */
int eg_control_run(struct eg_gateway *gateway, const struct eg_control *options);

/* After draining: print the last statistics block. False if packets are unaccounted for. */
bool eg_control_finish(struct eg_gateway *gateway);

/* When ports are closed and everything is logged and written: end the builder thread. A reload of a
 * large cluster that it is in the middle of would take seconds, and nothing waits for its result
 * any more; what it may have reserved on disk is as safe as in a crash. So if it does not end
 * within a second, this ends the process with that status. */
void eg_control_end(struct eg_gateway *gateway, int status);

#endif
