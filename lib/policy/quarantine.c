#include "policy/quarantine.h"

#include <errno.h>

#include "policy/describe.h"

/* Neither is a valid name or label key, and readers reject invalid ones: no tenant's object can
 * collide with them. */
#define QUARANTINE_POLICY "(quarantined pods)"
#define QUARANTINE_LABEL  "(quarantined)"

int eg_cluster_list_quarantined(struct eg_cluster *cluster, const char *kind, eg_sym ns,
				eg_sym name, const struct eg_pos *pos, const char *reason)
{
	eg_sym kind_sym = eg_sym_intern(&cluster->syms, kind);
	eg_sym reason_sym = eg_sym_intern(&cluster->syms, reason);
	struct eg_quarantined *entry;

	if (!kind_sym || !reason_sym)
		return -ENOMEM;
	entry = eg_vec_add(&cluster->quarantined);
	if (!entry)
		return -ENOMEM;
	*entry = (struct eg_quarantined){kind_sym, ns, name, reason_sym, *pos};
	return 0;
}

int eg_cluster_quarantine_as(struct eg_cluster *cluster, uint32_t policy, const char *kind,
			     const char *reason)
{
	struct eg_netpol *p = &cluster->policies.v[policy];

	if (p->quarantined)
		return 0;
	p->quarantined = true;
	for (int dir = 0; dir < EG_DIRS; dir++)
		eg_netpol_clear_rules(p, (enum eg_dir)dir);
	if (!p->isolates[EG_INGRESS] && !p->isolates[EG_EGRESS])
		p->isolates[EG_INGRESS] = p->isolates[EG_EGRESS] = true;
	return eg_cluster_list_quarantined(cluster, kind, cluster->namespaces.v[p->ns].name,
					   p->name, &p->pos, reason);
}

int eg_cluster_quarantine_policy(struct eg_cluster *cluster, uint32_t policy, const char *reason)
{
	return eg_cluster_quarantine_as(cluster, policy, "NetworkPolicy", reason);
}

/* Add the policy that isolates all pods with QUARANTINE_LABEL in the namespace, once. */
static int add_quarantine_policy(struct eg_cluster *cluster, uint32_t ns, eg_sym label)
{
	eg_sym name = eg_sym_intern(&cluster->syms, QUARANTINE_POLICY);
	struct eg_netpol *policy;
	struct eg_requirement *req;

	if (cluster->namespaces.v[ns].quarantine_policy)
		return 0;
	policy = name ? eg_vec_add(&cluster->policies) : NULL;
	if (!policy)
		return -ENOMEM;
	*policy = (struct eg_netpol){
		.ns = ns, .name = name, .isolates = {true, true}, .quarantined = true};
	req = eg_vec_add(&policy->pods.reqs);
	if (!req) {
		/* Without the requirement it would isolate the whole namespace. */
		cluster->policies.n--;
		return -ENOMEM;
	}
	*req = (struct eg_requirement){.key = label, .op = EG_OP_EXISTS};
	cluster->namespaces.v[ns].quarantine_policy = (uint32_t)cluster->policies.n;
	return 0;
}

int eg_cluster_quarantine_pod(struct eg_cluster *cluster, uint32_t pod, const char *reason)
{
	struct eg_pod *p = &cluster->pods.v[pod];
	eg_sym label = eg_sym_intern(&cluster->syms, QUARANTINE_LABEL);
	struct eg_label *entry;

	if (p->quarantined)
		return 0;
	if (!label || add_quarantine_policy(cluster, p->ns, label))
		return -ENOMEM;
	p->labels.n = p->ports.n = 0;
	p->node = EG_NONE; /* its own node would be exempt */
	entry = eg_vec_add(&p->labels);
	if (!entry)
		return -ENOMEM;
	*entry = (struct eg_label){label, label};
	p->quarantined = true;
	return eg_cluster_list_quarantined(cluster, "Pod", cluster->namespaces.v[p->ns].name,
					   p->name, &p->pos, reason);
}

void eg_describe_quarantined(const struct eg_cluster *cluster, const struct eg_quarantined *object,
			     struct eg_buf *out)
{
	eg_buf_add(out, "%s ", eg_sym_text(&cluster->syms, object->kind));
	if (object->ns)
		eg_buf_add(out, "%s/", eg_sym_text(&cluster->syms, object->ns));
	eg_buf_add(out, "%s",
		   object->name ? eg_sym_text(&cluster->syms, object->name) : "(without a name)");
	if (object->pos.file) {
		eg_buf_add(out, " (");
		eg_describe_pos(&object->pos, out);
		eg_buf_add(out, ")");
	}
	eg_buf_add(out, ": %s", eg_sym_text(&cluster->syms, object->reason));
}
