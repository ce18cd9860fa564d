/* Reads one object: duplicates, and quarantine of objects with errors. */
#include "k8s/reader.h"
#include "policy/quarantine.h"

/* Set the path to the object's name: "NetworkPolicy shop/web". */
static void set_name(struct eg_k8s *k8s, const char *kind, const char *ns, const char *name)
{
	eg_buf_cut(&k8s->path, 0);
	eg_buf_add(&k8s->path, "%s%s", kind, ns || name ? " " : "");
	if (ns)
		eg_buf_add(&k8s->path, "%s/", ns);
	eg_buf_add(&k8s->path, "%s", name ? name : "");
	k8s->name_len = k8s->path.n;
}

/* From here on errors belong to this object. Uses its names as written until metadata is read. */
static void begin_object(struct eg_k8s *k8s, const struct eg_node *object, const char *kind)
{
	const struct eg_node *metadata = eg_node_get(object, "metadata");

	k8s->object = (struct eg_k8s_object){.open = true};
	set_name(k8s, kind, eg_k8s_peek_text(metadata, "namespace"),
		 eg_k8s_peek_text(metadata, "name"));
}

static void end_object(struct eg_k8s *k8s)
{
	free(k8s->object.reason);
	k8s->object = (struct eg_k8s_object){0};
}

/* Quarantine is impossible: the object's errors fail the load. */
static void fail_load(struct eg_k8s *k8s)
{
	k8s->failed = true;
	if (!k8s->object.reason)
		return;
	eg_buf_cut(&k8s->path, k8s->name_len);
	eg_error(k8s->errs, &k8s->object.pos, k8s->path.v, "%s", k8s->object.reason);
	if (k8s->object.n_errors > 1)
		eg_error(k8s->errs, &k8s->object.pos, k8s->path.v, "%zu more errors",
			 k8s->object.n_errors - 1);
}

/* Report the object, the reason and the effect of its quarantine. */
static void report_quarantine(struct eg_k8s *k8s, const char *effect)
{
	struct eg_buf more = {0};

	if (k8s->object.n_errors > 1)
		eg_buf_add(&more, " (and %zu more errors)", k8s->object.n_errors - 1);
	eg_buf_cut(&k8s->path, k8s->name_len);
	eg_errs_add(k8s->errs, EG_QUARANTINE, &k8s->object.pos, k8s->path.v, "%s%s: %s",
		    k8s->object.reason, more.v ? more.v : "", effect);
	eg_buf_free(&more);
}

/* Quarantine the object. `shown` is its kind as written. */
static void quarantine(struct eg_k8s *k8s, enum eg_k8s_kind kind, const char *shown, uint32_t index,
		       const struct eg_k8s_metadata *meta)
{
	const char *reason = k8s->object.reason;
	struct eg_cluster *cluster = k8s->cluster;
	int err = 0;

	switch (kind) {
	case EG_K8S_POLICY:
		err = eg_cluster_quarantine_as(cluster, index, shown, reason);
		report_quarantine(k8s, "it isolates the pods it selects and allows nothing");
		break;
	case EG_K8S_POD:
		err = eg_cluster_quarantine_pod(cluster, index, reason);
		report_quarantine(k8s, "its addresses are denied");
		break;
	case EG_K8S_NAMESPACE:
		cluster->namespaces.v[index].labels.n = 0;
		cluster->namespaces.v[index].implied = true;
		err = eg_cluster_list_quarantined(cluster, shown, EG_SYM_NONE, meta->name,
						  &meta->pos, reason);
		report_quarantine(k8s, "its labels are treated as unknown");
		break;
	case EG_K8S_NODE:
		cluster->nodes.v[index].ips.n = 0;
		err = eg_cluster_list_quarantined(cluster, shown, EG_SYM_NONE, meta->name,
						  &meta->pos, reason);
		report_quarantine(k8s, "its addresses are not treated as a node's");
		break;
	}
	if (err)
		eg_k8s_no_memory(k8s);
}

/* Find the object's entry or add one; NULL if out of memory. Sets *twice and reports an error if it
 * has been read before. */
static struct eg_k8s_seen *find_or_add(struct eg_k8s *k8s, enum eg_k8s_kind kind,
				       const struct eg_node *object,
				       const struct eg_k8s_metadata *meta, bool *twice)
{
	uint32_t key[3] = {kind, meta->ns, meta->name};
	uint32_t id = eg_intern_add(&k8s->objects, key, 3);
	struct eg_k8s_seen *seen;

	*twice = id < k8s->seen.n && id != EG_INTERN_FAILED;
	if (*twice) {
		seen = &k8s->seen.v[id];
		eg_k8s_error(k8s, object, "duplicate object (first at %s:%u)", seen->pos.file,
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

/* Either of two could be the intended one, so neither allows anything. */
static void quarantine_first(struct eg_k8s *k8s, enum eg_k8s_kind kind, uint32_t index)
{
	int err = 0;

	if (index == EG_NONE)
		return;
	if (kind == EG_K8S_POLICY)
		err = eg_cluster_quarantine_policy(k8s->cluster, index, k8s->object.reason);
	else if (kind == EG_K8S_POD)
		err = eg_cluster_quarantine_pod(k8s->cluster, index, k8s->object.reason);
	if (err)
		eg_k8s_no_memory(k8s);
}

static uint32_t read_kind(struct eg_k8s *k8s, const struct eg_node *object, enum eg_k8s_kind kind,
			  struct eg_k8s_metadata *meta)
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

static void read_unique(struct eg_k8s *k8s, const struct eg_node *object, enum eg_k8s_kind kind,
			const char *shown, struct eg_k8s_metadata *meta)
{
	bool read_duplicate = kind == EG_K8S_POLICY || kind == EG_K8S_POD, twice;
	struct eg_k8s_seen *seen = find_or_add(k8s, kind, object, meta, &twice);
	uint32_t index;

	/* A duplicate is read again only to be quarantined. */
	if (!seen || (twice && !k8s->options.quarantine))
		return;
	if (twice)
		quarantine_first(k8s, kind, seen->index);
	if (twice && !read_duplicate) {
		if (seen->index == EG_NONE) /* out of memory */
			return;
		quarantine(k8s, kind, shown, seen->index, meta);
		return;
	}
	index = read_kind(k8s, object, kind, meta);
	if (index == EG_NONE)
		return;
	if (!twice)
		seen->index = index;
	if (k8s->object.reason)
		quarantine(k8s, kind, shown, index, meta);
}

void eg_k8s_read_object(struct eg_k8s *k8s, const struct eg_node *object, enum eg_k8s_kind kind,
			const char *shown, const char *problem)
{
	bool namespaced = kind == EG_K8S_POD || kind == EG_K8S_POLICY;
	struct eg_k8s_metadata meta;

	begin_object(k8s, object, shown);
	if (problem)
		eg_k8s_error(k8s, object, "%s", problem);
	if (problem && !k8s->options.quarantine)
		goto out;
	eg_k8s_read_metadata(k8s, object, namespaced, &meta);
	set_name(k8s, shown, meta.ns ? eg_sym_text(&k8s->cluster->syms, meta.ns) : NULL,
		 meta.name ? eg_sym_text(&k8s->cluster->syms, meta.name) : NULL);
	if (namespaced ? !meta.ns || (!meta.name && !k8s->object.reason) : !meta.name)
		fail_load(k8s);
	else
		read_unique(k8s, object, kind, shown, &meta);
	eg_vec_free(&meta.labels);
out:
	end_object(k8s);
}

void eg_k8s_list_object(struct eg_k8s *k8s, const struct eg_node *object, const char *kind,
			const char *problem)
{
	const struct eg_node *metadata = eg_node_get(object, "metadata");
	const char *ns = eg_k8s_peek_text(metadata, "namespace");
	const char *name = eg_k8s_peek_text(metadata, "name");

	begin_object(k8s, object, kind);
	eg_k8s_error(k8s, object, "%s", problem);
	if (k8s->object.reason) {
		if (eg_cluster_list_quarantined(k8s->cluster, kind,
						ns ? eg_k8s_sym(k8s, ns) : EG_SYM_NONE,
						name ? eg_k8s_sym(k8s, name) : EG_SYM_NONE,
						&object->pos, k8s->object.reason))
			eg_k8s_no_memory(k8s);
		report_quarantine(k8s, "it has no effect");
	}
	end_object(k8s);
}

void eg_k8s_reject_object(struct eg_k8s *k8s, const struct eg_node *object, const char *kind,
			  const char *problem)
{
	begin_object(k8s, object, kind);
	k8s->object.open = false;
	eg_k8s_error(k8s, object, "%s", problem);
	end_object(k8s);
}
