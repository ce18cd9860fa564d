#include "policy/quarantine.h"

#include <errno.h>

#include "policy/describe.h"

/* Neither is a name or a label that the API takes, and readers refuse others: no object of a
 * tenant's collides with them. */
#define CLOSING_POLICY "(quarantined pods)"
#define CLOSED_LABEL   "(quarantined)"

int eg_world_list_quarantined(struct eg_world *world, const char *kind, eg_sym ns, eg_sym name,
			      const struct eg_pos *pos, const char *reason)
{
	eg_sym kind_sym = eg_sym_intern(&world->syms, kind);
	eg_sym reason_sym = eg_sym_intern(&world->syms, reason);
	struct eg_quarantined *entry;

	if (!kind_sym || !reason_sym)
		return -ENOMEM;
	entry = eg_vec_add(&world->quarantined);
	if (!entry)
		return -ENOMEM;
	*entry = (struct eg_quarantined){kind_sym, ns, name, reason_sym, *pos};
	return 0;
}

int eg_world_quarantine_as(struct eg_world *world, uint32_t policy, const char *kind,
			   const char *reason)
{
	struct eg_netpol *p = &world->policies.v[policy];

	if (p->quarantined)
		return 0;
	p->quarantined = true;
	for (int dir = 0; dir < EG_DIRS; dir++)
		eg_netpol_clear_rules(p, (enum eg_dir)dir);
	if (!p->isolates[EG_INGRESS] && !p->isolates[EG_EGRESS])
		p->isolates[EG_INGRESS] = p->isolates[EG_EGRESS] = true;
	return eg_world_list_quarantined(world, kind, world->namespaces.v[p->ns].name, p->name,
					 &p->pos, reason);
}

int eg_world_quarantine_policy(struct eg_world *world, uint32_t policy, const char *reason)
{
	return eg_world_quarantine_as(world, policy, "NetworkPolicy", reason);
}

/* The policy that isolates whatever carries CLOSED_LABEL in the namespace, made at first use. */
static int close_namespace(struct eg_world *world, uint32_t ns, eg_sym label)
{
	eg_sym name = eg_sym_intern(&world->syms, CLOSING_POLICY);
	struct eg_netpol *policy;
	struct eg_requirement *req;

	if (world->namespaces.v[ns].closed_by)
		return 0;
	policy = name ? eg_vec_add(&world->policies) : NULL;
	if (!policy)
		return -ENOMEM;
	*policy = (struct eg_netpol){
		.ns = ns, .name = name, .isolates = {true, true}, .quarantined = true};
	req = eg_vec_add(&policy->pods.reqs);
	if (!req) {
		/* Without its requirement it would isolate the whole namespace. */
		world->policies.n--;
		return -ENOMEM;
	}
	*req = (struct eg_requirement){.key = label, .op = EG_OP_EXISTS};
	world->namespaces.v[ns].closed_by = (uint32_t)world->policies.n;
	return 0;
}

int eg_world_quarantine_pod(struct eg_world *world, uint32_t pod, const char *reason)
{
	struct eg_pod *p = &world->pods.v[pod];
	eg_sym label = eg_sym_intern(&world->syms, CLOSED_LABEL);
	struct eg_label *entry;

	if (p->quarantined)
		return 0;
	if (!label || close_namespace(world, p->ns, label))
		return -ENOMEM;
	p->labels.n = p->ports.n = 0;
	p->node = EG_NONE; /* its own node would be let in */
	entry = eg_vec_add(&p->labels);
	if (!entry)
		return -ENOMEM;
	*entry = (struct eg_label){label, label};
	p->quarantined = true;
	return eg_world_list_quarantined(world, "Pod", world->namespaces.v[p->ns].name, p->name,
					 &p->pos, reason);
}

void eg_describe_quarantined(const struct eg_world *world, const struct eg_quarantined *object,
			     struct eg_buf *out)
{
	eg_buf_add(out, "%s ", eg_sym_text(&world->syms, object->kind));
	if (object->ns)
		eg_buf_add(out, "%s/", eg_sym_text(&world->syms, object->ns));
	eg_buf_add(out, "%s",
		   object->name ? eg_sym_text(&world->syms, object->name) : "(without a name)");
	if (object->pos.file) {
		eg_buf_add(out, " (");
		eg_describe_pos(&object->pos, out);
		eg_buf_add(out, ")");
	}
	eg_buf_add(out, ": %s", eg_sym_text(&world->syms, object->reason));
}
