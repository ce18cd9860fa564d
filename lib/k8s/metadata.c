/* Metadata is read strictly: a misspelt `namespace` would move an object to another tenant. */
#include <time.h>

#include "k8s/reader.h"

#define N(array) (sizeof(array) / sizeof(*(array)))

/* Every field that ObjectMeta has ever had. */
static const char *const fields[] = {
	"name",
	"namespace",
	"labels",
	"annotations",
	"creationTimestamp",
	"deletionTimestamp",
	"deletionGracePeriodSeconds",
	"finalizers",
	"generateName",
	"generation",
	"managedFields",
	"ownerReferences",
	"resourceVersion",
	"selfLink",
	"uid",
	"clusterName",
	"initializers",
};

/* A name in a field of metadata; EG_SYM_NONE if it is missing or (after an error) invalid. */
static eg_sym read_name(struct eg_k8s *k8s, const struct eg_node *metadata, const char *field)
{
	const struct eg_node *node = eg_node_get(metadata, field);
	size_t before = eg_k8s_enter(k8s, field);
	eg_sym sym = EG_SYM_NONE;
	const char *text;

	text = node && !eg_node_is_null(node) ? eg_k8s_scalar(k8s, node) : NULL;
	if (text && *text && !eg_k8s_is_name(text))
		eg_k8s_error(k8s, node, "\"%s\" is not a valid name (a-z, 0-9, - and .)", text);
	else if (text && *text)
		sym = eg_k8s_sym(k8s, text);
	eg_k8s_leave(k8s, before);
	return sym;
}

/* RFC 3339 time in seconds, as the API server writes it; 0 if the field is missing or (after an
 * error) invalid. */
static uint64_t read_time(struct eg_k8s *k8s, const struct eg_node *metadata, const char *field)
{
	const struct eg_node *node = eg_node_get(metadata, field);
	struct tm tm = {0};
	const char *end;
	time_t seconds;

	if (!node || eg_node_is_null(node))
		return 0;
	end = node->kind == EG_NODE_SCALAR ? strptime(node->text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	seconds = end && !strcmp(end, "Z") ? timegm(&tm) : -1;
	if (seconds > 0)
		return (uint64_t)seconds;
	eg_k8s_error(k8s, node, "%s: must be a time like 2024-01-31T12:00:00Z", field);
	return 0;
}

/* The namespace as written, or the default. The default is not used if there are unknown fields,
 * because one may be a misspelt `namespace`. */
static void read_namespace(struct eg_k8s *k8s, const struct eg_node *metadata, bool use_default,
			   struct eg_k8s_metadata *meta)
{
	size_t errors = k8s->object.n_errors, before;

	meta->ns = read_name(k8s, metadata, "namespace");
	if (meta->ns || k8s->object.n_errors != errors)
		return;
	if (k8s->options.default_namespace) {
		if (use_default)
			meta->ns = eg_k8s_sym(k8s, k8s->options.default_namespace);
		return;
	}
	before = eg_k8s_enter(k8s, "namespace");
	eg_k8s_error_at(k8s, metadata ? &metadata->pos : &meta->pos,
			"missing (policy.default_namespace can supply a default)");
	eg_k8s_leave(k8s, before);
}

void eg_k8s_read_metadata(struct eg_k8s *k8s, const struct eg_node *object, bool namespaced,
			  struct eg_k8s_metadata *meta)
{
	const struct eg_node *metadata = eg_k8s_map(k8s, object, "metadata");
	const struct eg_node *labels, *deleted;
	size_t outer, before, errors;

	*meta = (struct eg_k8s_metadata){.pos = object->pos};
	outer = eg_k8s_enter(k8s, "metadata");
	errors = k8s->object.n_errors;
	if (metadata)
		eg_k8s_check_fields(k8s, metadata, fields, N(fields));
	errors = k8s->object.n_errors - errors;
	meta->name = read_name(k8s, metadata, "name");
	labels = eg_k8s_map(k8s, metadata, "labels");
	deleted = eg_node_get(metadata, "deletionTimestamp");
	meta->terminating = deleted && !eg_node_is_null(deleted);
	meta->created = read_time(k8s, metadata, "creationTimestamp");
	before = eg_k8s_enter(k8s, "labels");
	eg_k8s_labels(k8s, labels, &meta->labels);
	eg_k8s_leave(k8s, before);
	if (namespaced)
		read_namespace(k8s, metadata, !errors, meta);
	eg_k8s_leave(k8s, outer);
	if (!meta->name && !k8s->object.n_errors)
		eg_k8s_error(k8s, metadata ? metadata : object, "metadata.name: missing");
}
