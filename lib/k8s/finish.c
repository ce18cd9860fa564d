/* What only the whole can show: namespaces that nobody described, addresses that two pods claim. */
#include "k8s/reader.h"

static void describe(const struct eg_world *world, const struct eg_pod *pod, struct eg_buf *out)
{
	eg_buf_add(out, "Pod %s/%s (%s:%u)",
		   eg_sym_text(&world->syms, world->namespaces.v[pod->ns].name),
		   eg_sym_text(&world->syms, pod->name), pod->pos.file ? pod->pos.file : "",
		   pod->pos.line);
}

/* The API server labels every namespace with its name. */
static void label_namespaces(struct eg_k8s *k8s)
{
	eg_sym key = eg_k8s_sym(k8s, EG_K8S_NAME_LABEL);

	eg_vec_foreach (ns, &k8s->world->namespaces) {
		struct eg_label *label;

		if (ns->implied)
			eg_warning(k8s->errs, &ns->pos, NULL,
				   "namespace %s is not in the inventory: taken to have no label "
				   "but " EG_K8S_NAME_LABEL,
				   eg_sym_text(&k8s->world->syms, ns->name));
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

static void drop_ip(struct eg_pod *pod, const struct eg_ip *ip)
{
	size_t kept = 0;

	for (size_t i = 0; i < pod->ips.n; i++)
		if (!eg_ip_equal(&pod->ips.v[i], ip))
			pod->ips.v[kept++] = pod->ips.v[i];
	pod->ips.n = kept;
}

/* A pod in quarantine that says nothing of the host network may have its node's address all the
 * same: the node is not denied with it. */
static void spare_nodes(struct eg_world *world)
{
	eg_vec_foreach (pod, &world->pods)
		for (size_t i = pod->quarantined ? pod->ips.n : 0; i-- > 0;)
			if (eg_world_node_at(world, &pod->ips.v[i]) != EG_NONE)
				pod->ips.v[i] = pod->ips.v[--pod->ips.n];
}

/* Whether the first gives its address to the second: it is being deleted or it is older, and the
 * other is not. Ages count only where both are known. */
static bool gives_way(const struct eg_pod *pod, const struct eg_pod *other)
{
	if (pod->terminating != other->terminating)
		return pod->terminating;
	return pod->created && other->created && pod->created < other->created;
}

/* Owners of one address: those that give way to any other lose it. */
static void settle(struct eg_k8s *k8s, const struct eg_owner *owners, size_t n)
{
	struct eg_world *world = k8s->world;
	char ip[EG_IP_TEXT];

	for (size_t i = 0; i < n; i++) {
		struct eg_pod *pod = &world->pods.v[owners[i].index];
		const struct eg_pod *winner = NULL;
		struct eg_buf words = {0};

		for (size_t j = 0; j < n && !winner; j++)
			if (gives_way(pod, &world->pods.v[owners[j].index]))
				winner = &world->pods.v[owners[j].index];
		if (!winner)
			continue;
		describe(world, winner, &words);
		eg_warning(k8s->errs, &pod->pos, NULL, "Pod %s/%s: %s, so %s is that of %s",
			   eg_sym_text(&world->syms, world->namespaces.v[pod->ns].name),
			   eg_sym_text(&world->syms, pod->name),
			   pod->terminating != winner->terminating ? "is being deleted"
								   : "is older",
			   eg_ip_print(&owners[i].ip, ip), words.v ? words.v : "another pod");
		eg_buf_free(&words);
		drop_ip(pod, &owners[i].ip);
	}
}

/* True where several pods claim an address. */
static bool settle_all(struct eg_k8s *k8s)
{
	const struct eg_owners *owners = &k8s->world->pod_ips;
	bool any = false;

	for (size_t i = 0, end; i < owners->n; i = end) {
		for (end = i + 1; end < owners->n; end++)
			if (!eg_ip_equal(&owners->v[i].ip, &owners->v[end].ip))
				break;
		if (end == i + 1)
			continue;
		any = true;
		settle(k8s, owners->v + i, end - i);
	}
	return any;
}

/* Who owns an address is who gets its policies: where that has no answer, it gets those of all. */
static void tell_shared(struct eg_k8s *k8s)
{
	const struct eg_world *world = k8s->world;

	for (size_t i = 1; i < world->pod_ips.n; i++) {
		const struct eg_owner *a = &world->pod_ips.v[i - 1], *b = &world->pod_ips.v[i];
		const struct eg_pod *second = &world->pods.v[b->index];
		struct eg_buf first = {0};
		char ip[EG_IP_TEXT];

		if (!eg_ip_equal(&a->ip, &b->ip))
			continue;
		describe(world, &world->pods.v[a->index], &first);
		eg_warning(k8s->errs, &second->pos, NULL,
			   "Pod %s/%s: has the address %s of %s: the policies of both apply to it",
			   eg_sym_text(&world->syms, world->namespaces.v[second->ns].name),
			   eg_sym_text(&world->syms, second->name), eg_ip_print(&b->ip, ip),
			   first.v ? first.v : "another pod");
		eg_buf_free(&first);
	}
}

int eg_k8s_finish(struct eg_k8s *k8s)
{
	int err;

	if (k8s->starved)
		return -1;
	err = eg_world_index(k8s->world);
	if (!err && k8s->world->quarantined.n) {
		spare_nodes(k8s->world);
		err = eg_world_index(k8s->world);
	}
	if (!err && settle_all(k8s))
		err = eg_world_index(k8s->world);
	if (err)
		eg_k8s_no_memory(k8s);
	else
		tell_shared(k8s);
	label_namespaces(k8s);
	return k8s->failed ? -1 : 0;
}
