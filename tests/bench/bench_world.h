/* A cluster as companies run them, of any size: 50 pods and 25 policies a namespace, ten
 * applications of five replicas, both families, a node for 100 pods. */
#ifndef BENCH_WORLD_H
#define BENCH_WORLD_H

#include "policy/policy.h"

/* Fill zeroed *world and index it. Ends the program without memory. */
void bench_world(struct eg_world *world, uint32_t n_pods);

/* n first packets of its traffic; the caller's. Addresses point into the world. */
struct eg_policy_packet *bench_packets(struct eg_world *world, size_t n);

#endif
