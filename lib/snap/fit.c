#include "snap/fit.h"

#include <inttypes.h>

#include "base/buf.h"
#include "policy/describe.h"
#include "policy/quarantine.h"

/* How many compiles may find a policy too expensive. Each stops after at most the whole budget, so
 * this bounds the time of a load. Two or three are enough, because many policies are quarantined at
 * once. */
#define ROUNDS 16

static void write_reason(const struct eg_policy_excess *excess,
			 const struct eg_costly_policy *costly, struct eg_buf *out)
{
	const char *all =
		costly->cost > excess->each_max
			? ""
			: "the network policies together, and its namespace's most of all, ";

	if (!excess->work && !*all)
		eg_buf_add(out,
			   "it holds %" PRIu64
			   " pairs of peers and port ranges and exceptions, and "
			   "policy.max_rules (%" PRIu64 ") leaves one policy %" PRIu64,
			   costly->cost, excess->total_max, excess->each_max);
	else if (!excess->work)
		eg_buf_add(
			out,
			"%shold more pairs of peers and port ranges than policy.max_rules allows "
			"(%" PRIu64 "); this one holds %" PRIu64,
			all, excess->total_max, costly->cost);
	else if (!*all)
		eg_buf_add(out,
			   "it takes too much time and memory to compile (more than %" PRIu64
			   " units)",
			   excess->each_max);
	else
		eg_buf_add(out,
			   "%stake too much time and memory to compile (more than %" PRIu64
			   " units); this one takes %" PRIu64,
			   all, excess->total_max, costly->cost);
}

/* Quarantine or report one policy that is too expensive. 0 or -1. */
static int put_out(struct eg_cluster *cluster, const struct eg_policy_excess *excess,
		   const struct eg_costly_policy *costly, bool quarantine, struct eg_errs *errs)
{
	const struct eg_pos pos = cluster->policies.v[costly->policy].pos;
	struct eg_buf name = {0}, reason = {0};
	int err = 0;

	eg_describe_policy(cluster, costly->policy, &name);
	write_reason(excess, costly, &reason);
	if (!name.v || !reason.v)
		eg_error(errs, NULL, "policy", "out of memory");
	else if (!quarantine)
		eg_error(errs, &pos, NULL, "NetworkPolicy %s: %s", name.v, reason.v);
	else
		eg_errs_add(
			errs, EG_QUARANTINE, &pos, NULL,
			"NetworkPolicy %s: %s: it isolates the pods it selects and allows nothing",
			name.v, reason.v);
	if (quarantine && reason.v)
		err = eg_cluster_quarantine_policy(cluster, costly->policy, reason.v);
	if (err)
		eg_error(errs, NULL, "policy", "out of memory");
	eg_buf_free(&name);
	eg_buf_free(&reason);
	return err ? -1 : 0;
}

struct eg_policy *eg_snap_policy_fit(struct eg_cluster *cluster,
				     const struct eg_policy_options *options, bool quarantine,
				     struct eg_errs *errs)
{
	size_t before = errs->n_errors;

	for (int round = 0; round < ROUNDS && errs->n_errors == before; round++) {
		struct eg_policy_excess excess = {0};
		struct eg_policy *policy =
			eg_policy_compile_within(cluster, options, &excess, errs);
		bool failed = false;

		eg_vec_foreach (costly, &excess.policies)
			if (!failed)
				failed = put_out(cluster, &excess, costly, quarantine, errs);
		eg_vec_free(&excess.policies);
		if (policy)
			return policy;
	}
	if (errs->n_errors == before)
		eg_error(errs, NULL, "policy",
			 "the network policies take too much time and memory to compile");
	return NULL;
}
