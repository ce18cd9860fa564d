/* lib/sa: runs the groups of the other files. */
#include "sa/sa_tests.h"

int main(void)
{
	return run_replay_tests() + run_esn_tests() + run_reserve_tests() + run_store_tests() +
	       run_keyfile_tests() + run_watermark_tests() + run_state_tests() +
	       run_journal_tests() + run_sad_tests() + run_ephemeral_tests() + run_builder_tests();
}
