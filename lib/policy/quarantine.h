/* Quarantine: an object that is invalid or too expensive is taken out in the safe direction, so
 * that one tenant's mistake closes that tenant and nobody else.
 *
 * A quarantined NetworkPolicy goes on isolating the pods it selects and allows nothing. A
 * quarantined Pod's addresses are denied in both directions, from its own node too: the pod loses
 * its labels, ports and node, a policy of its namespace that is made for this isolates it, and no
 * other policy selects it (eg_pod_selected()), so none allows it anything. Both are plain policies
 * to the compiler and the reference model, so the proof covers them. What else
 * is quarantined (a Node, a Namespace, an object of an unknown kind) is only listed: its reader
 * left out what could allow anything.
 *
 * Each call adds an entry to world->quarantined, which names the object for the log, `check` and
 * the statistics. Before eg_world_index() and eg_policy_compile(), or call them again: rules go and
 * policies come. The control thread's. */
#ifndef EG_POLICY_QUARANTINE_H
#define EG_POLICY_QUARANTINE_H

#include "base/buf.h"
#include "policy/model.h"

/* Empty the policy's rules and list it under `reason` (what is wrong with it, copied). Its selector
 * and directions stay; a policy that isolates in no direction gets both. A policy that is
 * quarantined already stays as it is, with its first reason. 0, or -ENOMEM: it is closed also then,
 * but not listed. */
int eg_world_quarantine_policy(struct eg_world *world, uint32_t policy, const char *reason);

/* The same for what only looks like a NetworkPolicy: listed under its own kind (copied). */
int eg_world_quarantine_as(struct eg_world *world, uint32_t policy, const char *kind,
			   const char *reason);

/* Deny all addresses of the pod, in the same way. 0, or -ENOMEM: the world must not be used. */
int eg_world_quarantine_pod(struct eg_world *world, uint32_t pod, const char *reason);

/* List an object that has no place in the model. ns and name may be EG_SYM_NONE. 0 or -ENOMEM. */
int eg_world_list_quarantined(struct eg_world *world, const char *kind, eg_sym ns, eg_sym name,
			      const struct eg_pos *pos, const char *reason);

/* "NetworkPolicy shop/web (policies.yaml:12): spec: unknown field ...". Appends; any thread. */
void eg_describe_quarantined(const struct eg_world *world, const struct eg_quarantined *object,
			     struct eg_buf *out);

#endif
