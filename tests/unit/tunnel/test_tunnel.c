/* lib/tunnel: see the groups' files. */
#include "tunnel/harness.h"

int main(void)
{
	return run_ids_tests() + run_timers_tests() + run_table_tests() + run_sas_tests() +
	       run_rekey_tests() + run_oracle_tests() + run_threads_tests() + run_liveness_tests() +
	       run_endpoint_tests() + run_pmtu_tests() + run_generation_tests();
}
