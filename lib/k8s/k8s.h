/* Reads Kubernetes objects, as kubectl prints them, into the cluster model that policies are
 * evaluated against.
 *
 * Life cycle: eg_k8s_new() -> add files, directories and texts in any order -> eg_k8s_finish() ->
 * the model is indexed and complete, or there were errors. eg_k8s_free() at any point. Objects may
 * refer to objects that come later. Control thread.
 *
 * Supported: Namespace, Pod, Node (v1) and NetworkPolicy (networking.k8s.io/v1), alone, in `kind:
 * List` and in PodList and the like; YAML or JSON, any number of documents.
 *
 * Decisions:
 * - Metadata and policies are read strictly: a field that is not part of the API is an error,
 *   and so is whatever the API server would reject. Elsewhere unknown fields are skipped.
 * - Other kinds are skipped in the inventory, with a warning if the name suggests a network policy
 *   that is not enforced. Where policies are expected, every unsupported object is an error.
 * - NetworkPolicy of extensions/v1beta1, or of any other version of its two API groups, is
 *   rejected: use `kubectl convert`. A NetworkPolicy of another group (Calico's) is another
 *   kind.
 * - `kind: Status` is what the API server sends instead of objects when a request fails: an error.
 * - A missing metadata.namespace is an error unless a default is configured.
 * - A namespace that objects refer to but the inventory lacks has a single label, the name that the
 *   API server sets on every namespace (kubernetes.io/metadata.name), and causes a warning.
 *   Requirements that any other label be absent do not match it.
 * - A duplicate object is an error. Finished pods and hostNetwork pods have no addresses of their
 *   own. If two pods share an address, the one that is being deleted or is older loses it; if that
 *   does not decide, the policies of both apply.
 * - A Node's spec.podCIDR and podCIDRs are kept with it, as pod networks.
 * - A node's addresses are its InternalIP and ExternalIP, and the hostIP of its pods.
 *
 * Quarantine (optional): an object with an error fails closed and is listed in the cluster model
 * (policy/quarantine.h). Its first error is reported as EG_QUARANTINE, which does not fail the
 * load. A quarantined policy isolates the pods it selects (the whole namespace if its selector is
 * unreadable) in its directions (both if they are unreadable) and allows nothing; so does an object
 * of another kind or version that looks like a policy. A quarantined pod's addresses are denied. A
 * node loses its addresses, a namespace its labels. Where none of this is possible the error
 * remains an error: an unreadable text or list, an object whose namespace is unreadable. */
#ifndef EG_K8S_K8S_H
#define EG_K8S_K8S_H

#include "conf/tree.h"
#include "policy/cluster.h"

struct eg_k8s;

enum eg_k8s_source {
	EG_K8S_INVENTORY, /* a dump: unsupported kinds are skipped */
	EG_K8S_POLICIES,  /* meant to be enforced: unsupported kinds are errors */
};

struct eg_k8s_options {
	enum eg_k8s_source source;
	const char *default_namespace; /* borrowed; NULL: none */
	bool quarantine;
};

/* A reader that fills zeroed *cluster and reports into errs; both are borrowed. NULL if out of
 * memory. */
struct eg_k8s *eg_k8s_new(struct eg_cluster *cluster, struct eg_errs *errs);

/* Options for everything added from now on; initially zeroed. */
void eg_k8s_set_options(struct eg_k8s *k8s, const struct eg_k8s_options *options);

/* Add a file, or all *.yaml, *.yml and *.json files of a directory and its subdirectories, ordered
 * by name. Symbolic links are followed and names that begin with a dot are skipped, so that a
 * mounted ConfigMap (..data) or a git-sync worktree is read exactly once. A directory that is
 * reached twice, for example through a loop, is read once.
 *
 * Returns 0, or -1 if errors were reported. Errors include a file that is empty or ends within a
 * line, as after a failed dump (JSON shows by its brackets where it ends); a FIFO, device or
 * socket; more than EG_K8S_DIRECTORY_DEPTH_MAX levels or EG_K8S_DIRECTORY_FILES_MAX names; and a
 * directory that was replaced while it was read. */
#define EG_K8S_DIRECTORY_DEPTH_MAX 16
#define EG_K8S_DIRECTORY_FILES_MAX 100000
int eg_k8s_add_path(struct eg_k8s *k8s, const char *path);

/* The same from memory; `name` stands for the file in messages. */
int eg_k8s_add_text(struct eg_k8s *k8s, const char *text, size_t len, const char *name);

/* Add one parsed object or list. The file name of its positions must outlive the cluster. */
int eg_k8s_add_object(struct eg_k8s *k8s, const struct eg_node *object);

/* Check what depends on all objects, and index the cluster. Returns 0, or -1 if there was any error
 * since eg_k8s_new(); the caller must then free the cluster and not use it. */
int eg_k8s_finish(struct eg_k8s *k8s);

/* Does not free the cluster. NULL is allowed. */
void eg_k8s_free(struct eg_k8s *k8s);

#endif
