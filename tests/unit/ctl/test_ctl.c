/* lib/ctl: see the groups' files. EAL gives the TSC's frequency. */
#include "ctl/ctl_tests.h"

#include <rte_eal.h>

int main(void)
{
	char *args[] = {
		(char[]){"test"},        (char[]){"--no-huge"},         (char[]){"--no-pci"},
		(char[]){"--no-shconf"}, (char[]){"--no-telemetry"},    (char[]){"-m"},
		(char[]){"64"},          (char[]){"--log-level=error"}, (char[]){"--lcores=0"}};
	int failed;

	if (rte_eal_init((int)COUNT(args), args) < 0)
		return 1;
	failed = run_loop_tests() + run_builder_tests() + run_events_tests() + run_step_tests() +
		 run_reload_tests();
	rte_eal_cleanup();
	return failed;
}
