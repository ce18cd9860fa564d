/* Checks that depend on all objects: undescribed namespaces, addresses shared by several pods. */
#include "k8s/reader.h"

static void describe(const struct eg_cluster *cluster, const struct eg_pod *pod, struct eg_buf *out)
{
	eg_buf_add(out, "Pod %s/%s (%s:%u)",
		   eg_sym_text(&cluster->syms, cluster->namespaces.v[pod->ns].name),
		   eg_sym_text(&cluster->syms, pod->name), pod->pos.file ? pod->pos.file : "",
		   pod->pos.line);
}

/* The API server labels every namespace with its name. */
static void label_namespaces(struct eg_k8s *k8s)
{
	eg_sym key = eg_k8s_sym(k8s, EG_K8S_NAME_LABEL);

	eg_vec_foreach (ns, &k8s->cluster->namespaces) {
		struct eg_label *label;

		if (ns->implied)
			eg_warning(k8s->errs, &ns->pos, NULL,
				   "namespace %s is not in the inventory: assumed to have only the "
				   "label " EG_K8S_NAME_LABEL,
				   eg_sym_text(&k8s->cluster->syms, ns->name));
		if (eg_labels_get(&ns->labels, key))
			continue;
		label = eg_vec_add(&ns->labels);
		if (!label) {
			eg_k8s_no_memory(k8s);
			return;
		}
		*label = (struct eg_label){key, ns->name};
		eg_labels_sort(&ns->labels);
	}
}

static void remove_ip(struct eg_pod *pod, const struct eg_ip *ip)
{
	size_t kept = 0;

	for (size_t i = 0; i < pod->ips.n; i++)
		if (!eg_ip_equal(&pod->ips.v[i], ip))
			pod->ips.v[kept++] = pod->ips.v[i];
	pod->ips.n = kept;
}

/* A quarantined pod may use the host network without saying so. Its node's address is not
 * denied. */
static void exempt_node_ips(struct eg_cluster *cluster)
{
	eg_vec_foreach (pod, &cluster->pods)
		for (size_t i = pod->quarantined ? pod->ips.n : 0; i-- > 0;)
			if (eg_cluster_node_at(cluster, &pod->ips.v[i]) != EG_NONE)
				pod->ips.v[i] = pod->ips.v[--pod->ips.n];
}

/* Does the first pod lose its address to the second: is it being deleted, or older, and the other
 * not? Ages count only if both are known. */
static bool yields_to(const struct eg_pod *pod, const struct eg_pod *other)
{
	if (pod->terminating != other->terminating)
		return pod->terminating;
	return pod->created && other->created && pod->created < other->created;
}

/* All owners of one address: remove it from those that yield to another. */
static void resolve_shared_ip(struct eg_k8s *k8s, const struct eg_owner *owners, size_t n)
{
	struct eg_cluster *cluster = k8s->cluster;
	char ip[EG_IP_TEXT];

	for (size_t i = 0; i < n; i++) {
		struct eg_pod *pod = &cluster->pods.v[owners[i].index];
		const struct eg_pod *winner = NULL;
		struct eg_buf text = {0};

		for (size_t j = 0; j < n && !winner; j++)
			if (yields_to(pod, &cluster->pods.v[owners[j].index]))
				winner = &cluster->pods.v[owners[j].index];
		if (!winner)
			continue;
		describe(cluster, winner, &text);
		eg_warning(k8s->errs, &pod->pos, NULL, "Pod %s/%s: %s, so %s belongs to %s",
			   eg_sym_text(&cluster->syms, cluster->namespaces.v[pod->ns].name),
			   eg_sym_text(&cluster->syms, pod->name),
			   pod->terminating != winner->terminating ? "is being deleted"
								   : "is older",
			   eg_ip_print(&owners[i].ip, ip), text.v ? text.v : "another pod");
		eg_buf_free(&text);
		remove_ip(pod, &owners[i].ip);
	}
}

/* True if any address has several owners. */
static bool resolve_shared_ips(struct eg_k8s *k8s)
{
	const struct eg_owners *owners = &k8s->cluster->pod_ips;
	bool any = false;

	for (size_t i = 0, end; i < owners->n; i = end) {
		for (end = i + 1; end < owners->n; end++)
			if (!eg_ip_equal(&owners->v[i].ip, &owners->v[end].ip))
				break;
		if (end == i + 1)
			continue;
		any = true;
		resolve_shared_ip(k8s, owners->v + i, end - i);
	}
	return any;
}

/* An address gets the policies of its owner; if several remain, it gets those of all. */
static void warn_shared_ips(struct eg_k8s *k8s)
{
	const struct eg_cluster *cluster = k8s->cluster;

	for (size_t i = 1; i < cluster->pod_ips.n; i++) {
		const struct eg_owner *a = &cluster->pod_ips.v[i - 1], *b = &cluster->pod_ips.v[i];
		const struct eg_pod *second = &cluster->pods.v[b->index];
		struct eg_buf first = {0};
		char ip[EG_IP_TEXT];

		if (!eg_ip_equal(&a->ip, &b->ip))
			continue;
		describe(cluster, &cluster->pods.v[a->index], &first);
		eg_warning(k8s->errs, &second->pos, NULL,
			   "Pod %s/%s: shares the address %s with %s: the policies of both apply "
			   "to it",
			   eg_sym_text(&cluster->syms, cluster->namespaces.v[second->ns].name),
			   eg_sym_text(&cluster->syms, second->name), eg_ip_print(&b->ip, ip),
			   first.v ? first.v : "another pod");
		eg_buf_free(&first);
	}
}

int eg_k8s_finish(struct eg_k8s *k8s)
{
	int err;

	if (k8s->out_of_memory)
		return -1;
	err = eg_cluster_index(k8s->cluster);
	if (!err && k8s->cluster->quarantined.n) {
		exempt_node_ips(k8s->cluster);
		err = eg_cluster_index(k8s->cluster);
	}
	if (!err && resolve_shared_ips(k8s))
		err = eg_cluster_index(k8s->cluster);
	if (err)
		eg_k8s_no_memory(k8s);
	else
		warn_shared_ips(k8s);
	label_namespaces(k8s);
	return k8s->failed ? -1 : 0;
}
