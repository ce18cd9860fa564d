/* Kubernetes objects as kubectl has them -> the world that policies speak about.
 *
 * Life cycle: eg_k8s_new() -> add files, folders, texts in any order -> eg_k8s_finish() -> the
 * world is indexed and complete, or there were errors. eg_k8s_free() at any point. Objects may name
 * each other before they appear. The control thread's.
 *
 * Read: Namespace, Pod, Node (v1), NetworkPolicy (networking.k8s.io/v1), alone, in `kind: List` and
 * in PodList and the like; YAML or JSON, any number of documents.
 *
 * Decisions:
 * - Metadata and policies are read strictly: a field that is not the API's is an error, never
 *   ignored; so is what the API server would refuse. Elsewhere unknown fields are skipped.
 * - Other kinds are skipped in the inventory, with a warning where the name says that it is a
 *   network policy we do not enforce. Where policies are expected, every object that is not read is
 *   an error.
 * - NetworkPolicy of extensions/v1beta1 (or any other version of the two groups it lived in) is
 *   refused: `kubectl convert` it. One of another group (Calico's) is another kind.
 * - `kind: Status` is an error of the API server in place of its answer, so it is one here.
 * - metadata.namespace missing is an error, unless a default is given.
 * - A namespace that objects name but the inventory lacks has one label, the name that the API
 *   server gives every namespace (kubernetes.io/metadata.name), and costs a warning. Selectors that
 *   ask for the absence of any other label do not match it.
 * - An object that appears twice is an error. Finished and hostNetwork pods own no address. Of two
 *   pods with one address, one that is being deleted or is older gives way; otherwise the policies
 *   of both apply.
 * - A Node's spec.podCIDR and podCIDRs are kept with it: pod networks, for who needs them.
 * - A node's addresses are its InternalIP and ExternalIP and what its pods call hostIP.
 *
 * Quarantine (options): an object with an error is taken out in the safe direction and listed in
 * the world (policy/quarantine.h), and its first error is reported as EG_QUARANTINE, which fails
 * nothing. A policy then isolates the pods it selects (all of its namespace where the selector
 * cannot be read) in its directions (both where they cannot be read) and allows nothing; so does
 * an object of another kind or version that looks like a policy. A pod's addresses are denied. A
 * node loses its addresses, a namespace its labels. An error remains an error where that cannot be
 * done: a text or list that cannot be read, an object whose namespace cannot. */
#ifndef EG_K8S_K8S_H
#define EG_K8S_K8S_H

#include "conf/tree.h"
#include "policy/model.h"

struct eg_k8s;

enum eg_k8s_source {
	EG_K8S_INVENTORY, /* a dump: kinds that are not ours are skipped */
	EG_K8S_POLICIES,  /* what is here is meant to be enforced: other kinds are errors */
};

struct eg_k8s_options {
	enum eg_k8s_source source;
	const char *default_namespace; /* borrowed; NULL: none */
	bool quarantine;
};

/* A reader that fills zeroed *world and reports into errs; both are borrowed. NULL where memory is
 * short. */
struct eg_k8s *eg_k8s_new(struct eg_world *world, struct eg_errs *errs);

/* How to read what is added from now on; zeroed at first. */
void eg_k8s_set_options(struct eg_k8s *k8s, const struct eg_k8s_options *options);

/* A file, or all *.yaml, *.yml and *.json of a folder and of the folders inside, in the order of
 * their names. Symbolic links are followed, names that begin with a dot are not read: so a mounted
 * ConfigMap (..data) and git-sync's worktrees are read once. A folder that is reached twice, as in
 * a loop, is read once. 0, or -1 where errors were reported: also for a file that is empty or that
 * ends within a line, as a dump does that failed (JSON shows by its brackets where it ends), for a
 * FIFO, device or socket, for EG_K8S_FOLDER_DEPTH levels and EG_K8S_FOLDER_FILES names, and for a
 * folder that was replaced meanwhile. */
#define EG_K8S_FOLDER_DEPTH 16
#define EG_K8S_FOLDER_FILES 100000
int eg_k8s_add_path(struct eg_k8s *k8s, const char *path);

/* The same from memory; `name` stands for the file. */
int eg_k8s_add_text(struct eg_k8s *k8s, const char *text, size_t len, const char *name);

/* One object or list that was read already. Its positions' file must outlive the world. */
int eg_k8s_add_object(struct eg_k8s *k8s, const struct eg_node *object);

/* Check what only the whole can show and index the world. 0, or -1 where there was any error since
 * eg_k8s_new(); the world is then the caller's to free, not to use. */
int eg_k8s_finish(struct eg_k8s *k8s);

/* The world stays. NULL is allowed. */
void eg_k8s_free(struct eg_k8s *k8s);

#endif
