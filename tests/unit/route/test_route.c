#include "route/route_tests.h"

int main(void)
{
	return run_lpm_tests() + run_choice_tests() + run_local_tests();
}
