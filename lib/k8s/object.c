/* From a document to its objects: lists, kinds, names, and what only the whole can show. */
#include <strings.h>

#include "k8s/reader.h"

#define NAME_LABEL "kubernetes.io/metadata.name"

struct eg_k8s *eg_k8s_new(struct eg_world *world, struct eg_errs *errs)
{
	struct eg_k8s *k8s = calloc(1, sizeof(*k8s));

	if (k8s) {
		k8s->world = world;
		k8s->errs = errs;
	}
	return k8s;
}

void eg_k8s_free(struct eg_k8s *k8s)
{
	if (!k8s)
		return;
	eg_buf_free(&k8s->path);
	eg_vec_free(&k8s->ns_of_sym);
	eg_vec_free(&k8s->node_of_sym);
	eg_intern_free(&k8s->objects);
	eg_vec_free(&k8s->object_pos);
	free(k8s);
}

static const char *scalar(const struct eg_node *node)
{
	return node && node->kind == EG_NODE_SCALAR ? node->text : NULL;
}

/* Names and labels. False with an error. */
static bool read_meta(struct eg_k8s *k8s, const struct eg_node *object, bool namespaced,
		      struct eg_k8s_meta *meta)
{
	const struct eg_node *metadata = eg_k8s_map(k8s, object, "metadata");
	const char *name = scalar(eg_node_get(metadata, "name"));
	const struct eg_node *ns = eg_node_get(metadata, "namespace");
	bool has_ns = scalar(ns) && !eg_node_is_null(ns) && *ns->text;

	if (!name || !*name) {
		eg_k8s_error(k8s, metadata ? metadata : object, "metadata.name: missing");
		return false;
	}
	*meta = (struct eg_k8s_meta){
		.name = eg_k8s_sym(k8s, name),
		.labels = eg_k8s_map(k8s, metadata, "labels"),
		.pos = object->pos,
	};
	if (namespaced)
		meta->ns = eg_k8s_sym(k8s, has_ns ? ns->text : "default");
	return meta->name && (!namespaced || meta->ns);
}

/* False with an error where the object was read before. */
static bool is_first(struct eg_k8s *k8s, enum eg_k8s_kind kind, const struct eg_node *object,
		     const struct eg_k8s_meta *meta)
{
	uint32_t key[3] = {kind, meta->ns, meta->name};
	uint32_t id = eg_intern_add(&k8s->objects, key, 3);
	struct eg_pos *pos;

	if (id == EG_INTERN_FAILED) {
		eg_k8s_no_memory(k8s);
		return false;
	}
	if (id < k8s->object_pos.n) {
		pos = &k8s->object_pos.v[id];
		eg_k8s_error(k8s, object, "is there twice; first at %s:%u", pos->file, pos->line);
		return false;
	}
	pos = eg_vec_add(&k8s->object_pos);
	if (!pos) {
		eg_k8s_no_memory(k8s);
		return false;
	}
	*pos = object->pos;
	return true;
}

static void read_object(struct eg_k8s *k8s, const struct eg_node *object, enum eg_k8s_kind kind)
{
	static const char *const names[] = {"Namespace", "Pod", "Node", "NetworkPolicy"};
	bool namespaced = kind == EG_K8S_POD || kind == EG_K8S_POLICY;
	struct eg_k8s_meta meta;

	eg_buf_add(&k8s->path, "%s", names[kind]);
	k8s->head = k8s->path.n;
	if (!read_meta(k8s, object, namespaced, &meta))
		return;
	eg_buf_add(&k8s->path, " %s%s%s", eg_sym_text(&k8s->world->syms, meta.ns),
		   namespaced ? "/" : "", eg_sym_text(&k8s->world->syms, meta.name));
	k8s->head = k8s->path.n;
	if (!is_first(k8s, kind, object, &meta))
		return;
	switch (kind) {
	case EG_K8S_NAMESPACE:
		eg_k8s_read_namespace(k8s, &meta);
		break;
	case EG_K8S_POD:
		eg_k8s_read_pod(k8s, object, &meta);
		break;
	case EG_K8S_NODE:
		eg_k8s_read_node(k8s, object, &meta);
		break;
	case EG_K8S_POLICY:
		eg_k8s_read_policy(k8s, object, &meta);
		break;
	}
}

/* A NetworkPolicy by its apiVersion: ours, one the API has dropped, or another product's. */
static void read_any_policy(struct eg_k8s *k8s, const struct eg_node *object, const char *version)
{
	if (version && !strcmp(version, "networking.k8s.io/v1")) {
		read_object(k8s, object, EG_K8S_POLICY);
		return;
	}
	if (!version)
		eg_k8s_error(k8s, object,
			     "NetworkPolicy without apiVersion "
			     "(networking.k8s.io/v1)");
	else if (!strncmp(version, "networking.k8s.io/", 18) ||
		 !strncmp(version, "extensions/", 11))
		eg_k8s_error(k8s, object,
			     "NetworkPolicy of apiVersion \"%s\" is not read: convert it to "
			     "networking.k8s.io/v1",
			     version);
	else
		eg_warning(k8s->errs, &object->pos, NULL,
			   "NetworkPolicy of apiVersion \"%s\" is not enforced", version);
}

/* Other kinds are skipped; the operator hears of those that look like policy. */
static void skip(struct eg_k8s *k8s, const struct eg_node *object, const char *kind)
{
	if (!strcasecmp(kind, "NetworkPolicy"))
		eg_k8s_error(k8s, object, "unknown kind \"%s\" (did you mean \"NetworkPolicy\"?)",
			     kind);
	else if (strstr(kind, "NetworkPolicy"))
		eg_warning(k8s->errs, &object->pos, NULL, "kind %s is not enforced", kind);
}

static void read_one(struct eg_k8s *k8s, const struct eg_node *object, const char *kind,
		     const char *version)
{
	bool core = version && !strcmp(version, "v1");

	if (!strcmp(kind, "NetworkPolicy"))
		read_any_policy(k8s, object, version);
	else if (core && !strcmp(kind, "Namespace"))
		read_object(k8s, object, EG_K8S_NAMESPACE);
	else if (core && !strcmp(kind, "Pod"))
		read_object(k8s, object, EG_K8S_POD);
	else if (core && !strcmp(kind, "Node"))
		read_object(k8s, object, EG_K8S_NODE);
	else if (!strcmp(kind, "Status"))
		eg_k8s_refuse_status(k8s, object);
	else
		skip(k8s, object, kind);
}

static int add_object(struct eg_k8s *k8s, const struct eg_node *object, const char *kind,
		      const char *version);

/* Items of a PodList carry neither kind nor apiVersion: the list says it for them. */
static void read_list(struct eg_k8s *k8s, const struct eg_node *list, const char *kind,
		      const char *version)
{
	const struct eg_node *items = eg_k8s_seq(k8s, list, "items");
	char item_kind[64] = "";
	size_t n = strlen(kind) - strlen("List"), before, i = 0;

	if (n && n < sizeof(item_kind))
		memcpy(item_kind, kind, n);
	before = eg_k8s_in(k8s, "items");
	for (const struct eg_node *it = items ? items->child : NULL; it; it = it->next) {
		size_t item = eg_k8s_in_item(k8s, i++);

		add_object(k8s, it, *item_kind ? item_kind : NULL, n ? version : NULL);
		eg_k8s_out(k8s, item);
	}
	eg_k8s_out(k8s, before);
}

static bool is_list(const char *kind)
{
	size_t n = strlen(kind);

	return n >= 4 && !strcmp(kind + n - 4, "List");
}

/* kind and version stand in where the object has none. Nesting ends with the tree's depth. */
static int add_object(struct eg_k8s *k8s, const struct eg_node *object, const char *kind,
		      const char *version)
{
	const char *own_kind = scalar(eg_node_get(object, "kind"));
	const char *own_version = scalar(eg_node_get(object, "apiVersion"));
	struct eg_buf outer = k8s->path;

	kind = own_kind ? own_kind : kind;
	version = own_version ? own_version : version;
	if (object->kind != EG_NODE_MAP) {
		eg_k8s_error(k8s, object, "must be a Kubernetes object");
	} else if (!kind) {
		eg_k8s_error(k8s, object, "no Kubernetes object: kind is missing");
	} else if (is_list(kind)) {
		read_list(k8s, object, kind, version);
	} else {
		/* An object names itself: its place in a list would only be noise. */
		k8s->path = (struct eg_buf){0};
		read_one(k8s, object, kind, version);
		eg_buf_free(&k8s->path);
		k8s->path = outer;
		k8s->head = 0;
	}
	return k8s->failed ? -1 : 0;
}

int eg_k8s_add_object(struct eg_k8s *k8s, const struct eg_node *object)
{
	return add_object(k8s, object, NULL, NULL);
}

/* The API server labels every namespace with its name. */
static void label_namespaces(struct eg_k8s *k8s)
{
	eg_sym key = eg_k8s_sym(k8s, NAME_LABEL);

	eg_vec_foreach (ns, &k8s->world->namespaces) {
		struct eg_label *label;

		if (ns->implied)
			eg_warning(k8s->errs, &ns->pos, NULL,
				   "namespace %s is not in the inventory: taken to have no label "
				   "but " NAME_LABEL,
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

/* Who owns an address is who gets its policies: two owners have no answer. */
static void check_addresses(struct eg_k8s *k8s)
{
	const struct eg_world *world = k8s->world;

	for (size_t i = 1; i < world->pod_ips.n; i++) {
		const struct eg_owner *a = &world->pod_ips.v[i - 1], *b = &world->pod_ips.v[i];
		const struct eg_pod *first = &world->pods.v[a->index];
		const struct eg_pod *second = &world->pods.v[b->index];
		char ip[EG_IP_TEXT];

		if (!eg_ip_equal(&a->ip, &b->ip))
			continue;
		eg_error(k8s->errs, &second->pos, NULL,
			 "Pod %s/%s: has the address %s of Pod %s/%s (%s:%u)",
			 eg_sym_text(&world->syms, world->namespaces.v[second->ns].name),
			 eg_sym_text(&world->syms, second->name), eg_ip_print(&b->ip, ip),
			 eg_sym_text(&world->syms, world->namespaces.v[first->ns].name),
			 eg_sym_text(&world->syms, first->name), first->pos.file, first->pos.line);
		k8s->failed = true;
	}
}

int eg_k8s_finish(struct eg_k8s *k8s)
{
	if (k8s->starved)
		return -1;
	if (eg_world_index(k8s->world))
		eg_k8s_no_memory(k8s);
	else
		check_addresses(k8s);
	label_namespaces(k8s); /* warnings last: only so many messages are kept */
	return k8s->failed ? -1 : 0;
}
