/* lib/snap: see the groups' files. */
#include "snap/snap_tests.h"

#include <unistd.h>

/* Freed memory that glibc caches per thread counts as used: without the cache, what mallinfo2()
 * says is exact (test_publish.c). */
static void count_memory_exactly(char **argv)
{
	if (!getenv("GLIBC_TUNABLES") &&
	    !setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0", 1))
		execv("/proc/self/exe", argv);
}

int main(int argc, char **argv)
{
	(void)argc;
	count_memory_exactly(argv);
	return run_rekey_tests() + run_share_tests() + run_guard_tests() + run_network_tests() +
	       run_policy_tests() + run_publish_tests() + run_apply_tests();
}
