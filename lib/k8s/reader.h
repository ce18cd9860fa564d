/* What all object readers share: where we are, how mistakes are told, scalars by type. Private to
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

/* The label that the API server gives every namespace: its name. */
#define EG_K8S_NAME_LABEL "kubernetes.io/metadata.name"

/* An object that was read, to find it again where it appears twice. */
struct eg_k8s_seen {
	struct eg_pos pos;
	uint32_t index; /* in the world, of its kind */
};

/* The object that is being read. */
struct eg_k8s_object {
	bool open;       /* errors are its own */
	size_t n_errors; /* of it so far */
	char *reason;    /* to quarantine it: its first error, without the object's name */
	struct eg_pos pos;
};

struct eg_k8s {
	struct eg_world *world;
	struct eg_errs *errs;
	struct eg_k8s_options options;
	struct eg_k8s_object object;
	struct eg_buf path;              /* "NetworkPolicy shop/web: spec.ingress[0]" */
	size_t head;                     /* length of the path's part before fields */
	struct eg_words ns_of_sym;       /* index + 1 of the namespace called so */
	struct eg_words node_of_sym;     /* the same of nodes */
	struct eg_intern objects;        /* (kind, namespace, name) */
	EG_VEC(struct eg_k8s_seen) seen; /* object i */
	bool failed;                     /* an error was reported */
	bool starved;                    /* memory ran out: objects may be half made */
};

/* Name and place of an object. */
struct eg_k8s_meta {
	eg_sym ns, name; /* ns EG_SYM_NONE for what has no namespace, or none that can be read */
	struct eg_labels labels;
	bool terminating; /* has a deletionTimestamp */
	uint64_t created; /* seconds since 1970, 0: not known */
	struct eg_pos pos;
};

/* Step into a field or item: eg_k8s_in() returns what eg_k8s_out() needs to step back. */
size_t eg_k8s_in(struct eg_k8s *k8s, const char *field);
size_t eg_k8s_in_item(struct eg_k8s *k8s, size_t index);
void eg_k8s_out(struct eg_k8s *k8s, size_t before);

/* An error at a position, under the path we are in. Inside an object, and where that may be
 * quarantined, it is the object's: it refuses nothing else. */
void eg_k8s_error_at(struct eg_k8s *k8s, const struct eg_pos *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void eg_k8s_error(struct eg_k8s *k8s, const struct eg_node *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void eg_k8s_no_memory(struct eg_k8s *k8s);

/* A field's value, or NULL where it is missing or null, or (with an error) of another kind. */
const struct eg_node *eg_k8s_map(struct eg_k8s *k8s, const struct eg_node *in, const char *field);
const struct eg_node *eg_k8s_seq(struct eg_k8s *k8s, const struct eg_node *in, const char *field);
const char *eg_k8s_string(struct eg_k8s *k8s, const struct eg_node *in, const char *field);

/* The node's own text where YAML takes it for a string: 8080, true and 1.10 without quotes are
 * none, and the API server refuses them. NULL with an error otherwise. */
const char *eg_k8s_text(struct eg_k8s *k8s, const struct eg_node *node);

/* The same where no reader could take the text for another, quotes or not: a name or a label of an
 * object. Anything but a scalar, and null, is still an error. */
const char *eg_k8s_word(struct eg_k8s *k8s, const struct eg_node *node);

/* Which of the words a field holds: its index, or -1 where the field is missing or null, or (with
 * an error that lists them) holds another. */
int eg_k8s_choice(struct eg_k8s *k8s, const struct eg_node *in, const char *field,
		  const char *const *words, size_t n);

/* An error for every field that is not in the list, with the nearest that is. */
void eg_k8s_only(struct eg_k8s *k8s, const struct eg_node *map, const char *const *fields,
		 size_t n);

/* Addresses as Kubernetes allows them: IPv4-mapped IPv6 is refused, it would match nothing. False
 * with an error. */
bool eg_k8s_ip(struct eg_k8s *k8s, const struct eg_node *node, struct eg_ip *ip);

/* Intern, with the memory error told. */
eg_sym eg_k8s_sym(struct eg_k8s *k8s, const char *text);

/* Index of a namespace or node by name, made (as implied) where it is new; EG_NONE without memory.
 */
uint32_t eg_k8s_namespace(struct eg_k8s *k8s, eg_sym name, const struct eg_pos *pos);
uint32_t eg_k8s_node(struct eg_k8s *k8s, eg_sym name);

/* A selector, strictly read. Missing values were sorted out by the caller. */
void eg_k8s_selector(struct eg_k8s *k8s, const struct eg_node *node, struct eg_selector *selector);

/* Labels as the API server takes them into the model: what it would refuse is an error. */
void eg_k8s_labels(struct eg_k8s *k8s, const struct eg_node *node, struct eg_labels *labels);

/* What eg_k8s_add_path() does with a folder and with anything else. 0, or -1 with errors. */
int eg_k8s_add_folder(struct eg_k8s *k8s, const char *path);
int eg_k8s_add_file(struct eg_k8s *k8s, const char *path);

/* Is the file that was read whole? -1 with an error where it is empty or cut off (guard.c). */
int eg_k8s_check_file(struct eg_k8s *k8s, const struct eg_tree *tree, const char *path);

/* The error for an object of kind Status, which quotes its message. */
void eg_k8s_refuse_status(struct eg_k8s *k8s, const struct eg_node *object);

/* DNS-1123 subdomain: what objects are called. */
bool eg_k8s_is_name(const char *text);

/* metadata, strictly. Reads on after errors; what could not be read stays empty. The labels are the
 * caller's. */
void eg_k8s_read_meta(struct eg_k8s *k8s, const struct eg_node *object, bool namespaced,
		      struct eg_k8s_meta *meta);

/* The object readers. Each returns the object's index in the world, or EG_NONE where memory is
 * short, and may take meta's labels over. The reader of a policy leaves it selecting all pods,
 * in both directions, where it cannot tell which. */
uint32_t eg_k8s_read_namespace(struct eg_k8s *k8s, struct eg_k8s_meta *meta);
uint32_t eg_k8s_read_pod(struct eg_k8s *k8s, const struct eg_node *object,
			 struct eg_k8s_meta *meta);
uint32_t eg_k8s_read_node(struct eg_k8s *k8s, const struct eg_node *object,
			  const struct eg_k8s_meta *meta);
uint32_t eg_k8s_read_policy(struct eg_k8s *k8s, const struct eg_node *object,
			    const struct eg_k8s_meta *meta);

#endif
