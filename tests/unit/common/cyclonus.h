/* The cases of cyclonus (tests/vectors/README.md): each step is a cluster, its policies and probes
 * with what must become of them. */
#ifndef TEST_COMMON_CYCLONUS_H
#define TEST_COMMON_CYCLONUS_H

#include "common/test.h"

#include "base/buf.h"
#include "k8s/k8s.h"

#define CYCLONUS_PROBES      123669
#define CYCLONUS_SELF_PROBES 13713 /* of a pod to itself: upstream ignores them */

/* All steps in their order. */
void cyclonus_steps(void (*each)(const struct eg_node *step, void *arg), void *arg);

/* The step's cluster and policies in zeroed *world, indexed. */
void cyclonus_world(const struct eg_node *step, struct eg_world *world);

/* The address of a pod, "namespace/name". */
struct eg_ip cyclonus_ip(const struct eg_node *step, const char *name);

/* A field that must be there. */
const char *cyclonus_text(const struct eg_node *node, const char *field);

#endif
