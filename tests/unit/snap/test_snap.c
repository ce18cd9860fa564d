/* lib/snap: see the groups' files. */
#include "snap/snap_tests.h"

int main(void)
{
	return run_rekey_tests() + run_share_tests() + run_guard_tests() + run_network_tests() +
	       run_policy_tests();
}
