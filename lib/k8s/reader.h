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

struct eg_k8s {
	struct eg_world *world;
	struct eg_errs *errs;
	struct eg_buf path;          /* "NetworkPolicy shop/web: spec.ingress[0]" */
	size_t head;                 /* length of the path's part before fields */
	struct eg_words ns_of_sym;   /* index + 1 of the namespace called so */
	struct eg_words node_of_sym; /* the same of nodes */
	struct eg_intern objects;    /* (kind, namespace, name) */
	EG_VEC(struct eg_pos) object_pos;
	bool failed;  /* an error was reported */
	bool starved; /* memory ran out: objects may be half made */
};

/* Name and place of an object. */
struct eg_k8s_meta {
	eg_sym ns, name; /* ns EG_SYM_NONE for what has no namespace */
	const struct eg_node *labels;
	struct eg_pos pos;
};

/* Step into a field or item: eg_k8s_in() returns what eg_k8s_out() needs to step back. */
size_t eg_k8s_in(struct eg_k8s *k8s, const char *field);
size_t eg_k8s_in_item(struct eg_k8s *k8s, size_t index);
void eg_k8s_out(struct eg_k8s *k8s, size_t before);

/* An error at the node, under the path we are in. */
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

/* metadata.labels into the model. */
void eg_k8s_labels(struct eg_k8s *k8s, const struct eg_node *node, struct eg_labels *labels);

/* Is the file that was read whole? -1 with an error where it is empty or cut off (guard.c). */
int eg_k8s_check_file(struct eg_k8s *k8s, const struct eg_tree *tree, const char *path);

/* The error for an object of kind Status, which quotes its message. */
void eg_k8s_refuse_status(struct eg_k8s *k8s, const struct eg_node *object);

/* The object readers. */
void eg_k8s_read_namespace(struct eg_k8s *k8s, const struct eg_k8s_meta *meta);
void eg_k8s_read_pod(struct eg_k8s *k8s, const struct eg_node *object,
		     const struct eg_k8s_meta *meta);
void eg_k8s_read_node(struct eg_k8s *k8s, const struct eg_node *object,
		      const struct eg_k8s_meta *meta);
void eg_k8s_read_policy(struct eg_k8s *k8s, const struct eg_node *object,
			const struct eg_k8s_meta *meta);

#endif
