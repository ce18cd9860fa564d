#include "control_tests.h"

int main(void)
{
	return run_protocol_tests() + run_socket_tests() + run_server_tests();
}
