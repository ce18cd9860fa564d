/* One cmocka group per file; test_path.c runs them all. Each returns the number of failed tests. */
#ifndef PATH_TESTS_H
#define PATH_TESTS_H

#include "path/harness.h"
#include "path/packets.h"

int run_roundtrip_tests(void);
int run_vector_tests(void);
int run_suite_tests(void);
int run_encap_tests(void);
int run_float_tests(void);
int run_transport_tests(void);
int run_ecn_tests(void);
int run_replay_tests(void);
int run_corrupt_tests(void);
int run_order_tests(void);
int run_drop_tests(void);
int run_limit_tests(void);
int run_worker_tests(void);
int run_lifetime_tests(void);
int run_resync_tests(void);
int run_neighbor_tests(void);
int run_icmp_tests(void);
int run_mss_tests(void);
int run_failover_tests(void);
int run_segment_tests(void);
int run_fragment_tests(void);
int run_link_tests(void);
int run_allow_tests(void);
int run_exception_tests(void);
int run_reassembly_tests(void);
int run_large_tests(void);
int run_vlan_tests(void);
int run_offload_tests(void);
int run_pmtu_tests(void);
int run_cache_tests(void);
int run_demux_tests(void);
int run_mtu_tests(void);
int run_parts_tests(void);
int run_invalidation_tests(void);
int run_known_connection_tests(void);

/* At the very end: was every drop reason that a packet can cause tested? */
int run_coverage_tests(void);

/* Site 1 with more around it:
 *	10.3/16  a plain route out by the encrypted port (a mistake that must never work)
 *	10.4/16  a route whose router nobody knows
 *	10.5/16  a peer without outbound SA
 *	10.6/16  a peer whose next hop nobody knows
 *	10.7/16  a second peer, 192.0.2.7, with an outbound SA */
struct gw *open_crossing(void);

/* A flow from our pods into the peer's tunnel. */
#define V4 .src = "10.1.0.5", .dst = "10.2.0.9"

#endif
