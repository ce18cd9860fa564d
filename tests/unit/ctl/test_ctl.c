#include "ctl/ctl_tests.h"

int main(void)
{
	return run_loop_tests() + run_builder_tests() + run_events_tests();
}
