#include "policy/model.h"

#include <errno.h>

static int compare_labels(const void *va, const void *vb)
{
	const struct eg_label *a = va, *b = vb;

	return a->key < b->key ? -1 : a->key > b->key;
}

void eg_labels_sort(struct eg_labels *labels)
{
	if (labels->n)
		qsort(labels->v, labels->n, sizeof(*labels->v), compare_labels);
}

eg_sym eg_labels_get(const struct eg_labels *labels, eg_sym key)
{
	/* Objects carry a handful of labels: a scan beats a search. */
	for (size_t i = 0; i < labels->n; i++)
		if (labels->v[i].key == key)
			return labels->v[i].value;
	return EG_SYM_NONE;
}

bool eg_requirement_holds(const struct eg_requirement *req, const struct eg_labels *labels)
{
	eg_sym value = eg_labels_get(labels, req->key);
	bool listed = false;

	eg_vec_foreach (it, &req->values)
		listed |= value != EG_SYM_NONE && *it == value;
	switch (req->op) {
	case EG_OP_IN:
		return listed;
	case EG_OP_NOT_IN: /* holds where the key is absent too */
		return !listed;
	case EG_OP_EXISTS:
		return value != EG_SYM_NONE;
	case EG_OP_NOT_EXISTS:
		return value == EG_SYM_NONE;
	}
	return false;
}

bool eg_selector_matches(const struct eg_selector *selector, const struct eg_labels *labels)
{
	eg_vec_foreach (req, &selector->reqs)
		if (!eg_requirement_holds(req, labels))
			return false;
	return true;
}

static bool selector_names(const struct eg_selector *selector, eg_sym key)
{
	eg_vec_foreach (req, &selector->reqs)
		if (req->key == key)
			return true;
	return false;
}

bool eg_pod_selected(const struct eg_selector *selector, const struct eg_pod *pod)
{
	/* Its one label stands for all that it had: nobody knows what those were. */
	if (pod->quarantined && (!selector || !selector_names(selector, pod->labels.v[0].key)))
		return false;
	return !selector || eg_selector_matches(selector, &pod->labels);
}

bool eg_namespace_matches(const struct eg_selector *selector, const struct eg_namespace *ns)
{
	eg_vec_foreach (req, &selector->reqs) {
		bool known = !ns->implied || eg_labels_get(&ns->labels, req->key) != EG_SYM_NONE;

		if (!known || !eg_requirement_holds(req, &ns->labels))
			return false;
	}
	return true;
}

bool eg_pod_has_port(const struct eg_pod *pod, eg_sym name, uint8_t proto, uint16_t port)
{
	eg_vec_foreach (it, &pod->ports)
		if (it->name == name && it->proto == proto && it->port == port)
			return true;
	return false;
}

static int compare_ips(const struct eg_ip *a, const struct eg_ip *b)
{
	int c = memcmp(a->bytes, b->bytes, sizeof(a->bytes));

	return c ? c : a->family - b->family;
}

static int compare_owners(const void *va, const void *vb)
{
	const struct eg_owner *a = va, *b = vb;
	int c = compare_ips(&a->ip, &b->ip);

	return c ? c : a->index < b->index ? -1 : a->index > b->index;
}

static int add_owner(struct eg_owners *owners, const struct eg_ip *ip, size_t index)
{
	struct eg_owner *owner = eg_vec_add(owners);

	if (!owner)
		return -ENOMEM;
	*owner = (struct eg_owner){*ip, (uint32_t)index};
	return 0;
}

/* First owner that is not before (ip, index). */
static size_t find_owner(const struct eg_owners *owners, const struct eg_ip *ip, uint32_t index)
{
	const struct eg_owner wanted = {*ip, index};
	size_t low = 0, high = owners->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (compare_owners(&owners->v[middle], &wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int index_addresses(struct eg_world *world)
{
	world->pod_ips.n = world->node_ips.n = 0;
	for (size_t i = 0; i < world->pods.n; i++) {
		if (!eg_pod_has_own_ips(&world->pods.v[i]))
			continue;
		eg_vec_foreach (ip, &world->pods.v[i].ips)
			if (add_owner(&world->pod_ips, ip, i))
				return -ENOMEM;
	}
	for (size_t i = 0; i < world->nodes.n; i++)
		eg_vec_foreach (ip, &world->nodes.v[i].ips)
			if (add_owner(&world->node_ips, ip, i))
				return -ENOMEM;
	if (world->pod_ips.n)
		qsort(world->pod_ips.v, world->pod_ips.n, sizeof(*world->pod_ips.v),
		      compare_owners);
	if (world->node_ips.n)
		qsort(world->node_ips.v, world->node_ips.n, sizeof(*world->node_ips.v),
		      compare_owners);
	return 0;
}

int eg_world_index(struct eg_world *world)
{
	eg_vec_foreach (ns, &world->namespaces)
		ns->policies.n = 0;
	for (size_t i = 0; i < world->policies.n; i++) {
		struct eg_namespace *ns = &world->namespaces.v[world->policies.v[i].ns];
		uint32_t *entry = eg_vec_add(&ns->policies);

		if (!entry)
			return -ENOMEM;
		*entry = (uint32_t)i;
	}
	eg_world_index_networks(world);
	return index_addresses(world);
}

static uint32_t owner_at(const struct eg_owners *owners, const struct eg_ip *ip)
{
	size_t i = find_owner(owners, ip, 0);

	return i < owners->n && eg_ip_equal(&owners->v[i].ip, ip) ? owners->v[i].index : EG_NONE;
}

const struct eg_owner *eg_world_pods_at(const struct eg_world *world, const struct eg_ip *ip,
					size_t *n)
{
	const struct eg_owners *owners = &world->pod_ips;
	size_t first = find_owner(owners, ip, 0), end = first;

	while (end < owners->n && eg_ip_equal(&owners->v[end].ip, ip))
		end++;
	*n = end - first;
	return *n ? owners->v + first : NULL;
}

uint32_t eg_world_pod_at(const struct eg_world *world, const struct eg_ip *ip)
{
	return owner_at(&world->pod_ips, ip);
}

uint32_t eg_world_node_at(const struct eg_world *world, const struct eg_ip *ip)
{
	return owner_at(&world->node_ips, ip);
}

bool eg_world_node_has(const struct eg_world *world, uint32_t node, const struct eg_ip *ip)
{
	size_t i = find_owner(&world->node_ips, ip, node);

	return i < world->node_ips.n && world->node_ips.v[i].index == node &&
	       eg_ip_equal(&world->node_ips.v[i].ip, ip);
}

void eg_selector_clear(struct eg_selector *selector)
{
	eg_vec_foreach (req, &selector->reqs)
		eg_vec_free(&req->values);
	eg_vec_free(&selector->reqs);
}

static void free_rule(struct eg_rule *rule)
{
	eg_vec_foreach (peer, &rule->peers) {
		eg_selector_clear(&peer->ns);
		eg_selector_clear(&peer->pod);
		eg_vec_free(&peer->except);
	}
	eg_vec_free(&rule->peers);
	eg_vec_free(&rule->ports);
}

void eg_netpol_clear_rules(struct eg_netpol *policy, enum eg_dir dir)
{
	eg_vec_foreach (rule, &policy->rules[dir])
		free_rule(rule);
	eg_vec_free(&policy->rules[dir]);
}

static void free_policy(struct eg_netpol *policy)
{
	eg_selector_clear(&policy->pods);
	for (int dir = 0; dir < EG_DIRS; dir++)
		eg_netpol_clear_rules(policy, (enum eg_dir)dir);
}

void eg_world_free(struct eg_world *world)
{
	eg_vec_foreach (ns, &world->namespaces) {
		eg_vec_free(&ns->labels);
		eg_vec_free(&ns->policies);
	}
	eg_vec_foreach (pod, &world->pods) {
		eg_vec_free(&pod->labels);
		eg_vec_free(&pod->ips);
		eg_vec_free(&pod->ports);
	}
	eg_vec_foreach (node, &world->nodes) {
		eg_vec_free(&node->ips);
		eg_vec_free(&node->pod_cidrs);
	}
	eg_vec_foreach (policy, &world->policies)
		free_policy(policy);
	eg_vec_free(&world->namespaces);
	eg_vec_free(&world->pods);
	eg_vec_free(&world->nodes);
	eg_vec_free(&world->policies);
	eg_vec_free(&world->quarantined);
	eg_vec_free(&world->pod_ips);
	eg_vec_free(&world->node_ips);
	eg_vec_free(&world->pod_networks);
	eg_vec_free(&world->known);
	eg_symtab_free(&world->syms);
	*world = (struct eg_world){0};
}
