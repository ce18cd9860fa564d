/* lib/path: packets through the real stages, between net_ring ports. See harness.h. */
#include "path/path_tests.h"

int main(void)
{
	int failed;

	bench_open();
	failed = run_roundtrip_tests() + run_vector_tests() + run_suite_tests() +
		 run_encap_tests() + run_float_tests() + run_transport_tests() + run_ecn_tests() +
		 run_replay_tests() + run_corrupt_tests() + run_order_tests() + run_drop_tests() +
		 run_limit_tests() + run_worker_tests() + run_lifetime_tests() +
		 run_resync_tests() + run_parts_tests() + run_neighbor_tests() + run_icmp_tests() +
		 run_mss_tests() + run_segment_tests() + run_link_tests() + run_vlan_tests() +
		 run_offload_tests() + run_fragment_tests() + run_allow_tests() +
		 run_exception_tests() + run_failover_tests() + run_reassembly_tests() +
		 run_large_tests() + run_pmtu_tests() + run_cache_tests() + run_demux_tests() +
		 run_mtu_tests() + run_invalidation_tests() + run_known_connection_tests() +
		 run_coverage_tests();
	bench_close();
	return failed;
}
