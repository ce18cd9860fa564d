/* From a document to its objects: lists, kinds, versions, and what becomes of those with errors. */
#include "base/text.h"
#include "k8s/reader.h"
#include "policy/quarantine.h"

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
	eg_vec_free(&k8s->seen);
	free(k8s->object.reason);
	free(k8s);
}

void eg_k8s_set_options(struct eg_k8s *k8s, const struct eg_k8s_options *options)
{
	k8s->options = *options;
}

static const char *scalar(const struct eg_node *node)
{
	return node && node->kind == EG_NODE_SCALAR ? node->text : NULL;
}

/* The path's head: "NetworkPolicy shop/web". */
static void set_head(struct eg_k8s *k8s, const char *kind, const char *ns, const char *name)
{
	eg_buf_cut(&k8s->path, 0);
	eg_buf_add(&k8s->path, "%s%s", kind, ns || name ? " " : "");
	if (ns)
		eg_buf_add(&k8s->path, "%s/", ns);
	eg_buf_add(&k8s->path, "%s", name ? name : "");
	k8s->head = k8s->path.n;
}

static const char *text_or_null(const struct eg_node *node)
{
	const char *text = scalar(node);

	return text && *text && !eg_node_is_null(node) ? text : NULL;
}

/* Errors are the object's own from here on. Its names are taken as they stand until metadata is
 * read. */
static void begin(struct eg_k8s *k8s, const struct eg_node *object, const char *kind)
{
	const struct eg_node *metadata = eg_node_get(object, "metadata");

	k8s->object = (struct eg_k8s_object){.open = true};
	set_head(k8s, kind, text_or_null(eg_node_get(metadata, "namespace")),
		 text_or_null(eg_node_get(metadata, "name")));
}

static void end(struct eg_k8s *k8s)
{
	free(k8s->object.reason);
	k8s->object = (struct eg_k8s_object){0};
}

/* The errors that were the object's own are the whole reading's after all. */
static void refuse(struct eg_k8s *k8s)
{
	k8s->failed = true;
	if (!k8s->object.reason)
		return;
	eg_buf_cut(&k8s->path, k8s->head);
	eg_error(k8s->errs, &k8s->object.pos, k8s->path.v, "%s", k8s->object.reason);
	if (k8s->object.n_errors > 1)
		eg_error(k8s->errs, &k8s->object.pos, k8s->path.v, "%zu more errors",
			 k8s->object.n_errors - 1);
}

/* Say what was quarantined, why, and what that does. */
static void tell(struct eg_k8s *k8s, const char *effect)
{
	struct eg_buf more = {0};

	if (k8s->object.n_errors > 1)
		eg_buf_add(&more, " (and %zu more errors)", k8s->object.n_errors - 1);
	eg_buf_cut(&k8s->path, k8s->head);
	eg_errs_add(k8s->errs, EG_QUARANTINE, &k8s->object.pos, k8s->path.v, "%s%s: %s",
		    k8s->object.reason, more.v ? more.v : "", effect);
	eg_buf_free(&more);
}

/* Take the object out in the safe direction. `shown` is its kind as it was written. */
static void quarantine(struct eg_k8s *k8s, enum eg_k8s_kind kind, const char *shown, uint32_t index,
		       const struct eg_k8s_meta *meta)
{
	const char *reason = k8s->object.reason;
	struct eg_world *world = k8s->world;
	int err = 0;

	switch (kind) {
	case EG_K8S_POLICY:
		err = eg_world_quarantine_as(world, index, shown, reason);
		tell(k8s, "it isolates the pods it selects and allows nothing");
		break;
	case EG_K8S_POD:
		err = eg_world_quarantine_pod(world, index, reason);
		tell(k8s, "its addresses are denied");
		break;
	case EG_K8S_NAMESPACE:
		world->namespaces.v[index].labels.n = 0;
		world->namespaces.v[index].implied = true;
		err = eg_world_list_quarantined(world, shown, EG_SYM_NONE, meta->name, &meta->pos,
						reason);
		tell(k8s, "its labels are taken as not known");
		break;
	case EG_K8S_NODE:
		world->nodes.v[index].ips.n = 0;
		err = eg_world_list_quarantined(world, shown, EG_SYM_NONE, meta->name, &meta->pos,
						reason);
		tell(k8s, "its addresses are no node's");
		break;
	}
	if (err)
		eg_k8s_no_memory(k8s);
}

/* Where the object was first read, or NULL. An error is told where it is there twice. */
static struct eg_k8s_seen *see(struct eg_k8s *k8s, enum eg_k8s_kind kind,
			       const struct eg_node *object, const struct eg_k8s_meta *meta,
			       bool *twice)
{
	uint32_t key[3] = {kind, meta->ns, meta->name};
	uint32_t id = eg_intern_add(&k8s->objects, key, 3);
	struct eg_k8s_seen *seen;

	*twice = id < k8s->seen.n && id != EG_INTERN_FAILED;
	if (*twice) {
		seen = &k8s->seen.v[id];
		eg_k8s_error(k8s, object, "is there twice; first at %s:%u", seen->pos.file,
			     seen->pos.line);
		return seen;
	}
	seen = id == EG_INTERN_FAILED ? NULL : eg_vec_add(&k8s->seen);
	if (seen)
		*seen = (struct eg_k8s_seen){object->pos, EG_NONE};
	else
		eg_k8s_no_memory(k8s);
	return seen;
}

/* Nobody knows which of two is meant, so neither allows anything. */
static void quarantine_first(struct eg_k8s *k8s, enum eg_k8s_kind kind, uint32_t index)
{
	int err = 0;

	if (index == EG_NONE)
		return;
	if (kind == EG_K8S_POLICY)
		err = eg_world_quarantine_policy(k8s->world, index, k8s->object.reason);
	else if (kind == EG_K8S_POD)
		err = eg_world_quarantine_pod(k8s->world, index, k8s->object.reason);
	if (err)
		eg_k8s_no_memory(k8s);
}

static uint32_t read_body(struct eg_k8s *k8s, const struct eg_node *object, enum eg_k8s_kind kind,
			  struct eg_k8s_meta *meta)
{
	switch (kind) {
	case EG_K8S_NAMESPACE:
		return eg_k8s_read_namespace(k8s, meta);
	case EG_K8S_POD:
		return eg_k8s_read_pod(k8s, object, meta);
	case EG_K8S_NODE:
		return eg_k8s_read_node(k8s, object, meta);
	case EG_K8S_POLICY:
		return eg_k8s_read_policy(k8s, object, meta);
	}
	return EG_NONE;
}

static void read_named(struct eg_k8s *k8s, const struct eg_node *object, enum eg_k8s_kind kind,
		       const char *shown, struct eg_k8s_meta *meta)
{
	bool keeps_both = kind == EG_K8S_POLICY || kind == EG_K8S_POD, twice;
	struct eg_k8s_seen *seen = see(k8s, kind, object, meta, &twice);
	uint32_t index;

	/* What appears twice is read again only to be quarantined. */
	if (!seen || (twice && !k8s->options.quarantine))
		return;
	if (twice)
		quarantine_first(k8s, kind, seen->index);
	if (twice && !keeps_both) {
		if (seen->index == EG_NONE) /* memory was short */
			return;
		quarantine(k8s, kind, shown, seen->index, meta);
		return;
	}
	index = read_body(k8s, object, kind, meta);
	if (index == EG_NONE)
		return;
	if (!twice)
		seen->index = index;
	if (k8s->object.reason)
		quarantine(k8s, kind, shown, index, meta);
}

/* `complaint` NULL: an object of a kind that is ours. Otherwise what is wrong with its kind or
 * version; it is then not read, unless to quarantine it as a policy. */
static void read_object(struct eg_k8s *k8s, const struct eg_node *object, enum eg_k8s_kind kind,
			const char *shown, const char *complaint)
{
	bool namespaced = kind == EG_K8S_POD || kind == EG_K8S_POLICY;
	struct eg_k8s_meta meta;

	begin(k8s, object, shown);
	if (complaint)
		eg_k8s_error(k8s, object, "%s", complaint);
	if (complaint && !k8s->options.quarantine)
		goto out;
	eg_k8s_read_meta(k8s, object, namespaced, &meta);
	set_head(k8s, shown, meta.ns ? eg_sym_text(&k8s->world->syms, meta.ns) : NULL,
		 meta.name ? eg_sym_text(&k8s->world->syms, meta.name) : NULL);
	if (namespaced ? !meta.ns || (!meta.name && !k8s->object.reason) : !meta.name)
		refuse(k8s);
	else
		read_named(k8s, object, kind, shown, &meta);
	eg_vec_free(&meta.labels);
out:
	end(k8s);
}

/* Whether an object of a kind that is not ours may have been meant to isolate pods. */
static bool looks_like_policy(const struct eg_node *object, const char *kind)
{
	const struct eg_node *spec = eg_node_get(object, "spec");

	return strcasestr(kind, "polic") || eg_node_get(spec, "podSelector") ||
	       eg_node_get(spec, "policyTypes") || eg_node_get(spec, "ingress") ||
	       eg_node_get(spec, "egress");
}

/* Whether the kind is a misspelt NetworkPolicy. Other products' kinds hold the word as it is. */
static bool is_misspelt(const char *kind)
{
	static const char *const ours[] = {"NetworkPolicy"};

	return !strstr(kind, ours[0]) && eg_text_nearest(kind, ours, 1);
}

/* It is of no kind that isolates pods, so leaving it out opens nothing. */
static void list_only(struct eg_k8s *k8s, const struct eg_node *object, const char *kind,
		      const char *complaint)
{
	const struct eg_node *metadata = eg_node_get(object, "metadata");
	const char *ns = text_or_null(eg_node_get(metadata, "namespace"));
	const char *name = text_or_null(eg_node_get(metadata, "name"));

	begin(k8s, object, kind);
	eg_k8s_error(k8s, object, "%s", complaint);
	if (k8s->object.reason) {
		if (eg_world_list_quarantined(k8s->world, kind,
					      ns ? eg_k8s_sym(k8s, ns) : EG_SYM_NONE,
					      name ? eg_k8s_sym(k8s, name) : EG_SYM_NONE,
					      &object->pos, k8s->object.reason))
			eg_k8s_no_memory(k8s);
		tell(k8s, "it has no effect");
	}
	end(k8s);
}

/* An object that is not enforced, where it was meant to be. */
static void not_enforced(struct eg_k8s *k8s, const struct eg_node *object, const char *kind,
			 const char *complaint)
{
	const struct eg_node *ns = eg_node_get(eg_node_get(object, "metadata"), "namespace");

	if (!strcmp(kind, "NetworkPolicy") || is_misspelt(kind)) {
		read_object(k8s, object, EG_K8S_POLICY, kind, complaint);
	} else if (!looks_like_policy(object, kind)) {
		list_only(k8s, object, kind, complaint);
	} else if (text_or_null(ns)) {
		read_object(k8s, object, EG_K8S_POLICY, kind, complaint);
	} else {
		/* Nobody knows how far a kind without a namespace reaches. */
		begin(k8s, object, kind);
		k8s->object.open = false;
		eg_k8s_error(k8s, object, "%s", complaint);
		end(k8s);
	}
}

static void complain(struct eg_k8s *k8s, const struct eg_node *object, const char *kind,
		     const char *fmt, ...)
{
	struct eg_buf text = {0};
	va_list ap;

	va_start(ap, fmt);
	eg_buf_vadd(&text, fmt, ap);
	va_end(ap);
	if (text.v)
		not_enforced(k8s, object, kind, text.v);
	else
		eg_k8s_no_memory(k8s);
	eg_buf_free(&text);
}

/* A NetworkPolicy by its apiVersion: ours, one the API has dropped, or another product's. */
static void read_any_policy(struct eg_k8s *k8s, const struct eg_node *object, const char *version)
{
	if (!version)
		complain(k8s, object, "NetworkPolicy", "without apiVersion (networking.k8s.io/v1)");
	else if (!strcmp(version, "networking.k8s.io/v1"))
		read_object(k8s, object, EG_K8S_POLICY, "NetworkPolicy", NULL);
	else if (!strncmp(version, "networking.k8s.io/", 18) ||
		 !strncmp(version, "extensions/", 11) || !strchr(version, '/'))
		complain(k8s, object, "NetworkPolicy",
			 "apiVersion \"%s\" is not read: convert it to networking.k8s.io/v1",
			 version);
	else if (k8s->options.source == EG_K8S_POLICIES)
		complain(k8s, object, "NetworkPolicy", "apiVersion \"%s\" is not enforced",
			 version);
	else
		eg_warning(k8s->errs, &object->pos, "NetworkPolicy",
			   "apiVersion \"%s\" is not enforced", version);
}

/* Kinds that are not ours. In an inventory they are skipped; the operator hears of those that look
 * like policy. */
static void skip(struct eg_k8s *k8s, const struct eg_node *object, const char *kind,
		 const char *version)
{
	if (is_misspelt(kind))
		complain(k8s, object, kind, "unknown kind (did you mean \"NetworkPolicy\"?)");
	else if (k8s->options.source == EG_K8S_POLICIES)
		complain(k8s, object, kind,
			 "kind %s of apiVersion \"%s\" is not enforced: policies are "
			 "NetworkPolicy of networking.k8s.io/v1",
			 kind, version ? version : "");
	else if (strstr(kind, "NetworkPolicy"))
		eg_warning(k8s->errs, &object->pos, NULL, "kind %s is not enforced", kind);
}

/* Namespace, Pod or Node by its apiVersion. Another group's kind of that name is another kind. */
static void read_core(struct eg_k8s *k8s, const struct eg_node *object, enum eg_k8s_kind kind,
		      const char *name, const char *version)
{
	if (version && !strcmp(version, "v1"))
		read_object(k8s, object, kind, name, NULL);
	else if (!version || !strchr(version, '/'))
		complain(k8s, object, name, "apiVersion \"%s\" is not read: it must be v1",
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
		eg_k8s_refuse_status(k8s, object);
	else
		skip(k8s, object, kind, version);
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

/* A list has items, if only null. A kind that is merely called so (AllowList) is an object like any
 * other; a list that lost its items is an error, for what was in it is not in force. */
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

/* kind and version stand in where the object has none. Nesting ends with the tree's depth. */
static int add_object(struct eg_k8s *k8s, const struct eg_node *object, const char *kind,
		      const char *version)
{
	const char *own_kind = text_or_null(eg_node_get(object, "kind"));
	const char *own_version = text_or_null(eg_node_get(object, "apiVersion"));
	struct eg_buf outer = k8s->path;

	kind = own_kind ? own_kind : kind;
	version = own_version ? own_version : version;
	if (object->kind != EG_NODE_MAP) {
		eg_k8s_error(k8s, object, "must be a Kubernetes object");
	} else if (!kind) {
		eg_k8s_error(k8s, object, "no Kubernetes object: kind is missing");
	} else if (is_list(k8s, object, kind)) {
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
