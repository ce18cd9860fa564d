/* Quarantine: an invalid or too expensive object fails closed, so that a mistake affects only its
 * own tenant.
 *
 * A quarantined NetworkPolicy still isolates the pods it selects and allows nothing. The addresses
 * of a quarantined Pod are denied in both directions, even from its own node: the pod loses its
 * labels, ports and node; a policy added to its namespace isolates it; and no other policy selects
 * it (eg_pod_selected()), so none can allow it anything. Both are ordinary policies to the compiler
 * and the reference model, so the proof covers them. Other quarantined objects (a Node, a
 * Namespace, an object of an unknown kind) are only listed: their reader has removed whatever could
 * allow anything.
 *
 * Each call adds an entry to cluster->quarantined, which names the object for the log, `check` and
 * the statistics. Call these before eg_cluster_index() and eg_policy_compile(), or call those
 * again: rules disappear and policies are added. Control thread. */
#ifndef EG_POLICY_QUARANTINE_H
#define EG_POLICY_QUARANTINE_H

#include "base/buf.h"
#include "policy/cluster.h"

/* Remove the policy's rules and list it with `reason` (what is wrong with it; copied). It keeps its
 * selector and directions; a policy that isolates in no direction gets both. An already quarantined
 * policy keeps its first reason. Returns 0 or -ENOMEM; in both cases it allows nothing, but after
 * an error it is not listed. */
int eg_cluster_quarantine_policy(struct eg_cluster *cluster, uint32_t policy, const char *reason);

/* The same for an object that only looks like a NetworkPolicy: listed under its own kind
 * (copied). */
int eg_cluster_quarantine_as(struct eg_cluster *cluster, uint32_t policy, const char *kind,
			     const char *reason);

/* Deny all addresses of the pod and list it. Returns 0 or -ENOMEM: then the cluster must not be
 * used. */
int eg_cluster_quarantine_pod(struct eg_cluster *cluster, uint32_t pod, const char *reason);

/* List an object that is not part of the cluster model. ns and name may be EG_SYM_NONE. Returns 0
 * or -ENOMEM. */
int eg_cluster_list_quarantined(struct eg_cluster *cluster, const char *kind, eg_sym ns,
				eg_sym name, const struct eg_pos *pos, const char *reason);

/* "NetworkPolicy shop/web (policies.yaml:12): spec: unknown field ...". Appends; any thread. */
void eg_describe_quarantined(const struct eg_cluster *cluster, const struct eg_quarantined *object,
			     struct eg_buf *out);

#endif
