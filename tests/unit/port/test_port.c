/* lib/port: see the groups' files. The process moves to a network namespace of its own, where it
 * may change interfaces; where that is not allowed, those tests are skipped. */
#include "port_tests.h"

#include <sched.h>

static bool moved;

bool own_network(void)
{
	return moved;
}

int main(void)
{
	moved = !unshare(CLONE_NEWNET);
	return run_driver_tests() + run_interface_tests() + run_port_tests();
}
