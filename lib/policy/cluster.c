#include "policy/cluster.h"

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
	/* Objects have few labels: a linear scan is faster than a search. */
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
	case EG_OP_NOT_IN: /* also holds if the key is absent */
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
	/* Its original labels are gone; only selectors that name its quarantine label apply. */
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

/* The first owner not before (ip, index). */
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

static int index_addresses(struct eg_cluster *cluster)
{
	cluster->pod_ips.n = cluster->node_ips.n = 0;
	for (size_t i = 0; i < cluster->pods.n; i++) {
		if (!eg_pod_has_own_ips(&cluster->pods.v[i]))
			continue;
		eg_vec_foreach (ip, &cluster->pods.v[i].ips)
			if (add_owner(&cluster->pod_ips, ip, i))
				return -ENOMEM;
	}
	for (size_t i = 0; i < cluster->nodes.n; i++)
		eg_vec_foreach (ip, &cluster->nodes.v[i].ips)
			if (add_owner(&cluster->node_ips, ip, i))
				return -ENOMEM;
	if (cluster->pod_ips.n)
		qsort(cluster->pod_ips.v, cluster->pod_ips.n, sizeof(*cluster->pod_ips.v),
		      compare_owners);
	if (cluster->node_ips.n)
		qsort(cluster->node_ips.v, cluster->node_ips.n, sizeof(*cluster->node_ips.v),
		      compare_owners);
	return 0;
}

int eg_cluster_index(struct eg_cluster *cluster)
{
	eg_vec_foreach (ns, &cluster->namespaces)
		ns->policies.n = 0;
	for (size_t i = 0; i < cluster->policies.n; i++) {
		struct eg_namespace *ns = &cluster->namespaces.v[cluster->policies.v[i].ns];
		uint32_t *entry = eg_vec_add(&ns->policies);

		if (!entry)
			return -ENOMEM;
		*entry = (uint32_t)i;
	}
	eg_cluster_index_networks(cluster);
	return index_addresses(cluster);
}

static uint32_t owner_at(const struct eg_owners *owners, const struct eg_ip *ip)
{
	size_t i = find_owner(owners, ip, 0);

	return i < owners->n && eg_ip_equal(&owners->v[i].ip, ip) ? owners->v[i].index : EG_NONE;
}

const struct eg_owner *eg_cluster_pods_at(const struct eg_cluster *cluster, const struct eg_ip *ip,
					  size_t *n)
{
	const struct eg_owners *owners = &cluster->pod_ips;
	size_t first = find_owner(owners, ip, 0), end = first;

	while (end < owners->n && eg_ip_equal(&owners->v[end].ip, ip))
		end++;
	*n = end - first;
	return *n ? owners->v + first : NULL;
}

uint32_t eg_cluster_pod_at(const struct eg_cluster *cluster, const struct eg_ip *ip)
{
	return owner_at(&cluster->pod_ips, ip);
}

uint32_t eg_cluster_node_at(const struct eg_cluster *cluster, const struct eg_ip *ip)
{
	return owner_at(&cluster->node_ips, ip);
}

bool eg_cluster_node_has(const struct eg_cluster *cluster, uint32_t node, const struct eg_ip *ip)
{
	size_t i = find_owner(&cluster->node_ips, ip, node);

	return i < cluster->node_ips.n && cluster->node_ips.v[i].index == node &&
	       eg_ip_equal(&cluster->node_ips.v[i].ip, ip);
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

void eg_cluster_free(struct eg_cluster *cluster)
{
	eg_vec_foreach (ns, &cluster->namespaces) {
		eg_vec_free(&ns->labels);
		eg_vec_free(&ns->policies);
	}
	eg_vec_foreach (pod, &cluster->pods) {
		eg_vec_free(&pod->labels);
		eg_vec_free(&pod->ips);
		eg_vec_free(&pod->ports);
	}
	eg_vec_foreach (node, &cluster->nodes) {
		eg_vec_free(&node->ips);
		eg_vec_free(&node->pod_cidrs);
	}
	eg_vec_foreach (policy, &cluster->policies)
		free_policy(policy);
	eg_vec_free(&cluster->namespaces);
	eg_vec_free(&cluster->pods);
	eg_vec_free(&cluster->nodes);
	eg_vec_free(&cluster->policies);
	eg_vec_free(&cluster->quarantined);
	eg_vec_free(&cluster->pod_ips);
	eg_vec_free(&cluster->node_ips);
	eg_vec_free(&cluster->pod_networks);
	eg_vec_free(&cluster->gateway_ips);
	eg_symtab_free(&cluster->syms);
	*cluster = (struct eg_cluster){0};
}
