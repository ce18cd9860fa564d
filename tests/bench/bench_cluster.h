/* A cluster as companies run them, of any size: 50 pods and 25 policies a namespace, ten
 * applications of five replicas, both families, a node for 100 pods. */
#ifndef BENCH_CLUSTER_H
#define BENCH_CLUSTER_H

#include "policy/policy.h"

/* Fill zeroed *cluster and index it. Ends the program without memory. */
void bench_cluster(struct eg_cluster *cluster, uint32_t n_pods);

/* n first packets of its traffic; the caller's. Addresses point into the cluster. */
struct eg_policy_packet *bench_packets(struct eg_cluster *cluster, size_t n);

#endif
