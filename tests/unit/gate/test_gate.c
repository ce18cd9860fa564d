/* Connections and policy with packets: see gate.h. */
#include "gate/gate.h"

int main(void)
{
	int failed;

	gate_eal_open();
	failed = run_connection_tests() + run_related_tests() + run_fragment_tests() +
		 run_reload_tests() + run_flood_tests() + run_unknown_tests() + run_source_tests() +
		 run_cyclonus_tests();
	gate_eal_close();
	return failed;
}
