/* Network policy: the cluster as Kubernetes describes it, its compiled form, and what it decided.
 * The other immutable part of a snapshot (snap/snap.h).
 *
 * Life cycle: eg_snap_policy_build() -> published in a snapshot -> workers read, and count each in
 * counters of their own -> its last reference is released after the workers' grace period.
 *
 * Counters survive a reload: a policy refers to the one before until no worker counts in that any
 * more, and its totals include those of the one before, rule by rule. Then they are folded in and
 * the reference is released. */
#ifndef EG_SNAP_POLICY_H
#define EG_SNAP_POLICY_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/err.h"
#include "policy/policy.h"
#include "policy/prove.h"

/* One worker's counters. No two workers share a cache line. */
struct eg_policy_counts {
	_Atomic uint64_t *allowed;         /* connections, by rule number (eg_policy_rule()) */
	_Atomic uint64_t *denied[EG_DIRS]; /* packets, by isolation group (eg_policy_group()) */
};

/* Counts as operators read them: of all workers, and of the policies before this one. */
struct eg_policy_totals {
	uint64_t *allowed;         /* connections, by rule number */
	uint64_t *denied[EG_DIRS]; /* packets, by policy: one counts for each that isolates its
				    * end */
};

struct eg_snap_policy {
	struct eg_cluster cluster;
	struct eg_policy *compiled;
	bool audit;  /* denied packets are counted and pass */
	bool reject; /* senders of denied packets get an ICMP error or a TCP reset */
	bool keep_existing;
	struct eg_proof proof;           /* how far the load proved it */
	struct eg_policy_counts *counts; /* of each worker */
	unsigned n_workers;

	/* Counts up with each published policy, and connections are evaluated again when it is
	 * another one than theirs. Set by the publisher. */
	uint64_t generation;
	_Atomic unsigned refs;

	/* The control thread's, once published: */
	struct eg_policy_totals carried; /* of the policies before, which nobody counts in now */
	struct eg_snap_policy *before;   /* a reference; NULL: none, or folded into `carried` */
	uint32_t *successors;            /* by policy of `before`: the same one here, or EG_NONE */
};

struct eg_config;

/* How long a load may spend on proving the tables against the reference model. */
#define EG_PROVE_BUDGET_NS 500000000ull

/* Whether a Kubernetes object that is invalid or too expensive is quarantined or an error.
 * policy.on_error: refuse makes it an error always. */
enum eg_snap_tolerance {
	EG_REFUSE_ALL,        /* `check`: report everything */
	EG_QUARANTINE_COSTLY, /* a start: quarantine expensive objects, which any tenant can create;
			       * nothing is in force yet, so an invalid one is an error */
	EG_QUARANTINE_ALL,    /* a reload, and verbs that show what a reload would do */
};

struct eg_snap_policy_options {
	struct eg_snap_policy *before; /* in force, or NULL: a cluster that lost too much of it is
					* refused (guard.h), and its counters are carried on. The
					* result takes a reference of its own */
	unsigned n_workers;
	uint64_t prove_ns; /* bounds the proof; 0: exhaustive */
	enum eg_snap_tolerance tolerance;
};

/* Read inventory and policies, compile, prove. NULL if an error was reported to errs; a
 * disagreement of the proof is one. The result has one reference. Any thread that has a reference
 * to `before`. */
struct eg_snap_policy *eg_snap_policy_build(const struct eg_config *config,
					    const struct eg_snap_policy_options *options,
					    struct eg_errs *errs);

/* An empty one with one reference, to be filled; NULL if out of memory. Any thread. */
struct eg_snap_policy *eg_snap_policy_new(void);

/* One more reference, and one less; the last release frees it. No worker may read it then. Any
 * thread; NULL is allowed. */
struct eg_snap_policy *eg_snap_policy_retain(struct eg_snap_policy *policy);
void eg_snap_policy_release(struct eg_snap_policy *policy);

/* Zeroed counters for n_workers. 0 or -ENOMEM; eg_snap_policy_release() also then. */
int eg_snap_policy_add_counts(struct eg_snap_policy *policy, unsigned n_workers);

/* Sum up what the workers counted and what was carried over; one pass over the groups expands
 * denials to policies. 0 or -ENOMEM; eg_policy_totals_free() also then. Control thread. */
int eg_snap_policy_totals(const struct eg_snap_policy *policy, struct eg_policy_totals *totals);
void eg_policy_totals_free(struct eg_policy_totals *totals);

/* `to` takes the place of `from`: its totals include those of `from` from now on, for the same
 * rules (known by namespace, name, direction and place in the policy). Quick if `to` was built
 * after `from`. If memory is short, counting starts at zero. Control thread, before `to` is
 * published. */
void eg_snap_policy_follow(struct eg_snap_policy *to, struct eg_snap_policy *from);

/* No worker counts in `from` any more: add its totals to those that `to` carries, and release the
 * reference to it. Nothing if `to` does not follow `from`. Control thread. */
void eg_snap_policy_fold(struct eg_snap_policy *to, const struct eg_snap_policy *from);

#endif
