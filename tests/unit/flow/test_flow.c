/* lib/flow without packets; tests/unit/gate tests it with packets. */
#include "flow_tests.h"

int main(void)
{
	return run_state_tests() + run_key_tests() + run_table_tests() + run_oracle_tests() +
	       run_thread_tests() + run_verdict_tests() + run_frag_tests() + run_may_cache_tests();
}
