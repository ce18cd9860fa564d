/* Shared by all object readers: the current path, error reporting, typed scalars. Private to
 * lib/k8s. */
#ifndef EG_K8S_READER_H
#define EG_K8S_READER_H

#include "base/buf.h"
#include "k8s/k8s.h"
#include "policy/intern.h"

enum eg_k8s_kind {
	EG_K8S_NAMESPACE,
	EG_K8S_POD,
	EG_K8S_NODE,
	EG_K8S_POLICY,
};

/* The label that the API server sets on every namespace: its name. */
#define EG_K8S_NAME_LABEL "kubernetes.io/metadata.name"

/* An object already read, to detect duplicates. */
struct eg_k8s_seen {
	struct eg_pos pos;
	uint32_t index; /* index in the cluster's list of its kind */
};

/* The object being read. */
struct eg_k8s_object {
	bool open;       /* errors concern this object only */
	size_t n_errors; /* its errors so far */
	char *reason;    /* for quarantine: its first error, without the object's name */
	struct eg_pos pos;
};

struct eg_k8s {
	struct eg_cluster *cluster;
	struct eg_errs *errs;
	struct eg_k8s_options options;
	struct eg_k8s_object object;
	struct eg_buf path;              /* "NetworkPolicy shop/web: spec.ingress[0]" */
	size_t name_len;                 /* length of the path up to the object's name */
	struct eg_words ns_of_sym;       /* symbol -> 1 + index of that namespace */
	struct eg_words node_of_sym;     /* symbol -> 1 + index of that node */
	struct eg_intern objects;        /* keys: (kind, namespace, name) */
	EG_VEC(struct eg_k8s_seen) seen; /* by id in `objects` */
	bool failed;                     /* an error was reported */
	bool out_of_memory;              /* objects may be incomplete */
};

/* An object's metadata. */
struct eg_k8s_metadata {
	eg_sym ns,
		name; /* ns is EG_SYM_NONE if the object has no namespace, or an unreadable one */
	struct eg_labels labels;
	bool terminating; /* has a deletionTimestamp */
	uint64_t created; /* seconds since 1970; 0: unknown */
	struct eg_pos pos;
};

/* Enter a field or list item of the path; pass the result to eg_k8s_leave(). */
size_t eg_k8s_enter(struct eg_k8s *k8s, const char *field);
size_t eg_k8s_enter_item(struct eg_k8s *k8s, size_t index);
void eg_k8s_leave(struct eg_k8s *k8s, size_t before);

/* Report an error at a position, with the current path. Inside an object, with quarantine enabled,
 * it only affects that object. */
void eg_k8s_error_at(struct eg_k8s *k8s, const struct eg_pos *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void eg_k8s_error(struct eg_k8s *k8s, const struct eg_node *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void eg_k8s_no_memory(struct eg_k8s *k8s);

/* A field's value; NULL if it is missing, null or (after an error) of another kind. */
const struct eg_node *eg_k8s_map(struct eg_k8s *k8s, const struct eg_node *in, const char *field);
const struct eg_node *eg_k8s_seq(struct eg_k8s *k8s, const struct eg_node *in, const char *field);
const char *eg_k8s_string(struct eg_k8s *k8s, const struct eg_node *in, const char *field);

/* The node's text if YAML reads it as a string; otherwise NULL after an error. Unquoted 8080, true
 * and 1.10 are not strings, and the API server rejects them. */
const char *eg_k8s_text(struct eg_k8s *k8s, const struct eg_node *node);

/* Like eg_k8s_text(), but accepts any non-null scalar, quoted or not: names and labels of
 * objects. */
const char *eg_k8s_scalar(struct eg_k8s *k8s, const struct eg_node *node);

/* A field's text; NULL if it is missing, null, empty or not a scalar. Never reports an error. */
const char *eg_k8s_peek_text(const struct eg_node *in, const char *field);

/* The index of a field's value in `words`; -1 if it is missing, null or (after an error that lists
 * the words) something else. */
int eg_k8s_enum(struct eg_k8s *k8s, const struct eg_node *in, const char *field,
		const char *const *words, size_t n);

/* Report every field that is not in the list, and suggest the closest one. */
void eg_k8s_check_fields(struct eg_k8s *k8s, const struct eg_node *map, const char *const *fields,
			 size_t n);

/* Parse an address. IPv4-mapped IPv6 addresses are rejected, because they would match nothing.
 * False after an error. */
bool eg_k8s_ip(struct eg_k8s *k8s, const struct eg_node *node, struct eg_ip *ip);

/* Intern a text; reports if out of memory. */
eg_sym eg_k8s_sym(struct eg_k8s *k8s, const char *text);

/* Index of a namespace or node by name, which is created (as implied) if it is new; EG_NONE if out
 * of memory. */
uint32_t eg_k8s_namespace(struct eg_k8s *k8s, eg_sym name, const struct eg_pos *pos);
uint32_t eg_k8s_node(struct eg_k8s *k8s, eg_sym name);

/* Read a selector, strictly. The caller has handled missing and null ones. */
void eg_k8s_selector(struct eg_k8s *k8s, const struct eg_node *node, struct eg_selector *selector);

/* Read labels; what the API server would reject is an error. */
void eg_k8s_labels(struct eg_k8s *k8s, const struct eg_node *node, struct eg_labels *labels);

/* The two cases of eg_k8s_add_path(). 0, or -1 with errors. */
int eg_k8s_add_directory(struct eg_k8s *k8s, const char *path);
int eg_k8s_add_file(struct eg_k8s *k8s, const char *path);

/* Check that a file is complete (dump_check.c). -1 after an error if it is empty or truncated. */
int eg_k8s_check_file(struct eg_k8s *k8s, const struct eg_tree *tree, const char *path);

/* Report an object of kind Status and quote its message. */
void eg_k8s_report_status(struct eg_k8s *k8s, const struct eg_node *object);

/* DNS-1123 subdomain, as required for object names. */
bool eg_k8s_is_name(const char *text);

/* Read metadata, strictly. Continues after errors; unreadable parts stay empty. The caller frees
 * the labels. */
void eg_k8s_read_metadata(struct eg_k8s *k8s, const struct eg_node *object, bool namespaced,
			  struct eg_k8s_metadata *meta);

/* Read one object: duplicates, metadata, then the reader of its kind. `shown` is its kind as
 * written. `problem` is NULL for a supported object; otherwise it says what is wrong with the kind
 * or version, and the object is read only to be quarantined as a policy. */
void eg_k8s_read_object(struct eg_k8s *k8s, const struct eg_node *object, enum eg_k8s_kind kind,
			const char *shown, const char *problem);

/* Report an object that cannot isolate pods, so that ignoring it allows nothing. */
void eg_k8s_list_object(struct eg_k8s *k8s, const struct eg_node *object, const char *kind,
			const char *problem);

/* Report an object that can neither be read nor quarantined: the load fails. */
void eg_k8s_reject_object(struct eg_k8s *k8s, const struct eg_node *object, const char *kind,
			  const char *problem);

/* The readers of each kind. Each returns the object's index in the cluster, or EG_NONE if out of
 * memory, and may take over the labels of the metadata. If a policy's pods or directions are
 * unclear, its reader leaves it selecting all pods, in both directions. */
uint32_t eg_k8s_read_namespace(struct eg_k8s *k8s, struct eg_k8s_metadata *meta);
uint32_t eg_k8s_read_pod(struct eg_k8s *k8s, const struct eg_node *object,
			 struct eg_k8s_metadata *meta);
uint32_t eg_k8s_read_node(struct eg_k8s *k8s, const struct eg_node *object,
			  const struct eg_k8s_metadata *meta);
uint32_t eg_k8s_read_policy(struct eg_k8s *k8s, const struct eg_node *object,
			    const struct eg_k8s_metadata *meta);

#endif
