/* From documents to objects: lists, kinds and API versions. */
#include "base/text.h"
#include "k8s/reader.h"

struct eg_k8s *eg_k8s_new(struct eg_cluster *cluster, struct eg_errs *errs)
{
	struct eg_k8s *k8s = calloc(1, sizeof(*k8s));

	if (k8s) {
		k8s->cluster = cluster;
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
	eg_vec_free(&k8s->seen);
	free(k8s->object.reason);
	free(k8s);
}

void eg_k8s_set_options(struct eg_k8s *k8s, const struct eg_k8s_options *options)
{
	k8s->options = *options;
}

/* Could an object of an unsupported kind be meant to isolate pods? */
static bool looks_like_policy(const struct eg_node *object, const char *kind)
{
	const struct eg_node *spec = eg_node_get(object, "spec");

	return strcasestr(kind, "polic") || eg_node_get(spec, "podSelector") ||
	       eg_node_get(spec, "policyTypes") || eg_node_get(spec, "ingress") ||
	       eg_node_get(spec, "egress");
}

/* Is the kind a misspelt NetworkPolicy? Kinds of other products contain the exact word. */
static bool is_misspelt(const char *kind)
{
	static const char *const ours[] = {"NetworkPolicy"};

	return !strstr(kind, ours[0]) && eg_text_nearest(kind, ours, 1);
}

/* An object that is not supported, but meant to be enforced. */
static void handle_unsupported(struct eg_k8s *k8s, const struct eg_node *object, const char *kind,
			       const char *problem)
{
	const char *ns = eg_k8s_peek_text(eg_node_get(object, "metadata"), "namespace");

	if (!strcmp(kind, "NetworkPolicy") || is_misspelt(kind)) {
		eg_k8s_read_object(k8s, object, EG_K8S_POLICY, kind, problem);
	} else if (!looks_like_policy(object, kind)) {
		eg_k8s_list_object(k8s, object, kind, problem);
	} else if (ns) {
		eg_k8s_read_object(k8s, object, EG_K8S_POLICY, kind, problem);
	} else {
		/* The reach of a cluster-wide kind is unknown. */
		eg_k8s_reject_object(k8s, object, kind, problem);
	}
}

static void unsupported(struct eg_k8s *k8s, const struct eg_node *object, const char *kind,
			const char *fmt, ...)
{
	struct eg_buf text = {0};
	va_list ap;

	va_start(ap, fmt);
	eg_buf_vadd(&text, fmt, ap);
	va_end(ap);
	if (text.v)
		handle_unsupported(k8s, object, kind, text.v);
	else
		eg_k8s_no_memory(k8s);
	eg_buf_free(&text);
}

/* A NetworkPolicy, by its apiVersion: supported, removed from the API, or another product's. */
static void read_any_policy(struct eg_k8s *k8s, const struct eg_node *object, const char *version)
{
	if (!version)
		unsupported(k8s, object, "NetworkPolicy",
			    "apiVersion is missing (expected networking.k8s.io/v1)");
	else if (!strcmp(version, "networking.k8s.io/v1"))
		eg_k8s_read_object(k8s, object, EG_K8S_POLICY, "NetworkPolicy", NULL);
	else if (!strncmp(version, "networking.k8s.io/", 18) ||
		 !strncmp(version, "extensions/", 11) || !strchr(version, '/'))
		unsupported(
			k8s, object, "NetworkPolicy",
			"apiVersion \"%s\" is not supported: convert it to networking.k8s.io/v1",
			version);
	else if (k8s->options.source == EG_K8S_POLICIES)
		unsupported(k8s, object, "NetworkPolicy", "apiVersion \"%s\" is not enforced",
			    version);
	else
		eg_warning(k8s->errs, &object->pos, "NetworkPolicy",
			   "apiVersion \"%s\" is not enforced", version);
}

/* Unsupported kinds. In an inventory they are skipped, with a warning if they look like
 * policies. */
static void skip(struct eg_k8s *k8s, const struct eg_node *object, const char *kind,
		 const char *version)
{
	if (is_misspelt(kind))
		unsupported(k8s, object, kind, "unknown kind (did you mean \"NetworkPolicy\"?)");
	else if (k8s->options.source == EG_K8S_POLICIES)
		unsupported(k8s, object, kind,
			    "kind %s of apiVersion \"%s\" is not enforced: only NetworkPolicy of "
			    "networking.k8s.io/v1 is",
			    kind, version ? version : "");
	else if (strstr(kind, "NetworkPolicy"))
		eg_warning(k8s->errs, &object->pos, NULL, "kind %s is not enforced", kind);
}

/* A Namespace, Pod or Node, by its apiVersion. The same kind in another API group is another
 * kind. */
static void read_core(struct eg_k8s *k8s, const struct eg_node *object, enum eg_k8s_kind kind,
		      const char *name, const char *version)
{
	if (version && !strcmp(version, "v1"))
		eg_k8s_read_object(k8s, object, kind, name, NULL);
	else if (!version || !strchr(version, '/'))
		unsupported(k8s, object, name, "apiVersion \"%s\" is not supported (expected v1)",
			    version ? version : "");
	else
		skip(k8s, object, name, version);
}

static void read_one(struct eg_k8s *k8s, const struct eg_node *object, const char *kind,
		     const char *version)
{
	if (!strcmp(kind, "NetworkPolicy"))
		read_any_policy(k8s, object, version);
	else if (!strcmp(kind, "Namespace"))
		read_core(k8s, object, EG_K8S_NAMESPACE, kind, version);
	else if (!strcmp(kind, "Pod"))
		read_core(k8s, object, EG_K8S_POD, kind, version);
	else if (!strcmp(kind, "Node"))
		read_core(k8s, object, EG_K8S_NODE, kind, version);
	else if (!strcmp(kind, "Status"))
		eg_k8s_report_status(k8s, object);
	else
		skip(k8s, object, kind, version);
}

static int add_object(struct eg_k8s *k8s, const struct eg_node *object, const char *kind,
		      const char *version);

/* Items of a PodList have neither kind nor apiVersion: the list provides them. */
static void read_list(struct eg_k8s *k8s, const struct eg_node *list, const char *kind,
		      const char *version)
{
	const struct eg_node *items = eg_k8s_seq(k8s, list, "items");
	char item_kind[64] = "";
	size_t n = strlen(kind) - strlen("List"), before, i = 0;

	if (n && n < sizeof(item_kind))
		memcpy(item_kind, kind, n);
	before = eg_k8s_enter(k8s, "items");
	for (const struct eg_node *it = items ? items->child : NULL; it; it = it->next) {
		size_t item = eg_k8s_enter_item(k8s, i++);

		add_object(k8s, it, *item_kind ? item_kind : NULL, n ? version : NULL);
		eg_k8s_leave(k8s, item);
	}
	eg_k8s_leave(k8s, before);
}

/* A list has items, possibly null. A kind that merely ends in List (AllowList) is an object like
 * any other. A known list without items is an error: its objects are missing. */
static bool is_list(struct eg_k8s *k8s, const struct eg_node *object, const char *kind)
{
	static const char *const ours[] = {"List", "NetworkPolicyList", "NamespaceList", "PodList",
					   "NodeList"};
	size_t n = strlen(kind);

	if (n < 4 || strcmp(kind + n - 4, "List"))
		return false;
	if (eg_node_get(object, "items"))
		return true;
	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		if (!strcmp(kind, ours[i])) {
			eg_k8s_error(k8s, object, "items: missing in %s", kind);
			return true;
		}
	return false;
}

/* kind and version are defaults for an object without them. The tree's depth bounds the
 * recursion. */
static int add_object(struct eg_k8s *k8s, const struct eg_node *object, const char *kind,
		      const char *version)
{
	const char *own_kind = eg_k8s_peek_text(object, "kind");
	const char *own_version = eg_k8s_peek_text(object, "apiVersion");
	struct eg_buf outer = k8s->path;

	kind = own_kind ? own_kind : kind;
	version = own_version ? own_version : version;
	if (object->kind != EG_NODE_MAP) {
		eg_k8s_error(k8s, object, "must be a Kubernetes object");
	} else if (!kind) {
		eg_k8s_error(k8s, object, "not a Kubernetes object: kind is missing");
	} else if (is_list(k8s, object, kind)) {
		read_list(k8s, object, kind, version);
	} else {
		/* Objects are reported by name; their position in a list would be noise. */
		k8s->path = (struct eg_buf){0};
		read_one(k8s, object, kind, version);
		eg_buf_free(&k8s->path);
		k8s->path = outer;
		k8s->name_len = 0;
	}
	return k8s->failed ? -1 : 0;
}

int eg_k8s_add_object(struct eg_k8s *k8s, const struct eg_node *object)
{
	return add_object(k8s, object, NULL, NULL);
}
