/* lib/neigh: runs the groups of the other files. */
#include "neigh_tests.h"

int main(void)
{
	return run_table_tests() + run_state_tests() + run_message_tests();
}
