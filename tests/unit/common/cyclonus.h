/* Cyclonus test cases (tests/vectors/CYCLONUS.md): each step is a cluster with policies and probes
 * with their expected results. */
#ifndef TEST_COMMON_CYCLONUS_H
#define TEST_COMMON_CYCLONUS_H

#include "common/test.h"

#include "base/buf.h"
#include "k8s/k8s.h"

#define CYCLONUS_PROBES      123669
#define CYCLONUS_SELF_PROBES 13713 /* from a pod to itself: ignored upstream */

/* Call each() for all steps in order. */
void cyclonus_steps(void (*each)(const struct eg_node *step, void *arg), void *arg);

/* Build the step's cluster and policies in zeroed *cluster, indexed. */
void cyclonus_cluster(const struct eg_node *step, struct eg_cluster *cluster);

/* The address of a pod, "namespace/name". */
struct eg_ip cyclonus_ip(const struct eg_node *step, const char *name);

/* A field that must exist. */
const char *cyclonus_text(const struct eg_node *node, const char *field);

#endif
