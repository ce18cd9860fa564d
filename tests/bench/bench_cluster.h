/* A realistic cluster of any size: 50 pods and 25 policies per namespace, ten applications with
 * five replicas, both address families, a node per 100 pods. */
#ifndef BENCH_CLUSTER_H
#define BENCH_CLUSTER_H

#include "policy/policy.h"

/* Fill zeroed *cluster and index it. Exits if out of memory. */
void bench_cluster(struct eg_cluster *cluster, uint32_t n_pods);

/* The first packets of n connections; the caller frees them. Addresses point into the cluster. */
struct eg_policy_packet *bench_packets(struct eg_cluster *cluster, size_t n);

#endif
