/* Network policy as a snapshot holds it: the cluster, its compiled form, and what it decided.
 * Built by the control thread, read by workers; counters are each worker's own. */
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

/* Counts as operators read them: of all workers, and of the snapshots before this one. */
struct eg_policy_totals {
	uint64_t *allowed; /* connections, by rule number */
	uint64_t *
		denied[EG_DIRS]; /* packets, by policy: one counts for each that isolates its end */
};

struct eg_snap_policy {
	struct eg_cluster cluster;
	struct eg_policy *compiled;
	bool audit;  /* what is denied is counted and passes */
	bool reject; /* who is denied is told */
	bool keep_existing;
	struct eg_proof proof;           /* how far the load proved it */
	struct eg_policy_counts *counts; /* of each worker */
	unsigned n_workers;
	struct eg_policy_totals carried; /* from the policy before; the control thread's */
};

struct eg_config;

/* How long a load may spend on proving the tables against the reference model. */
#define EG_PROVE_BUDGET_NS 500000000ull

/* What becomes of an object of Kubernetes that is invalid or too expensive: it is quarantined, or
 * it is an error. policy.on_error: refuse makes it an error always. */
enum eg_snap_tolerance {
	EG_REFUSE_ALL,        /* `check`: whoever asks wants to know */
	EG_QUARANTINE_COSTLY, /* a start: only a valid object, which any tenant can create; nothing
			       * is in force yet that would be worth an invalid one */
	EG_QUARANTINE_ALL,    /* a reload, and verbs that say what a reload makes of the files */
};

struct eg_snap_policy_options {
	const struct eg_snap_policy *before; /* in force, or NULL: a cluster that lost too much of
					      * it is refused (guard.h) */
	unsigned n_workers;
	uint64_t prove_ns; /* bounds the proof; 0: exhaustive */
	enum eg_snap_tolerance tolerance;
};

/* Read inventory and policies, compile, prove. NULL where an error was reported to errs; a
 * disagreement of the proof is one. Control thread. */
struct eg_snap_policy *eg_snap_policy_build(const struct eg_config *config,
					    const struct eg_snap_policy_options *options,
					    struct eg_errs *errs);

/* Zeroed counters for n_workers. 0 or -ENOMEM; eg_snap_policy_free() also then. */
int eg_snap_policy_add_counts(struct eg_snap_policy *policy, unsigned n_workers);

/* Sum up what the workers counted and what was carried over; one pass over the groups expands
 * denials to policies. 0 or -ENOMEM; eg_policy_totals_free() also then. Control thread. */
int eg_snap_policy_totals(const struct eg_snap_policy *policy, struct eg_policy_totals *totals);
void eg_policy_totals_free(struct eg_policy_totals *totals);

/* Counters survive a reload: what `from` counted goes to the same rules of `to`, known by
 * namespace, name, direction and place in the policy. No worker counts in `from` any more. Where
 * memory is short, counting starts at zero. Control thread. */
void eg_snap_policy_inherit_counts(struct eg_snap_policy *to, const struct eg_snap_policy *from);

/* NULL is allowed. */
void eg_snap_policy_free(struct eg_snap_policy *policy);

#endif
