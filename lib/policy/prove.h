/* Load-time proof: the compiled tables against the reference model, where mistakes live: at the
 * edges of prefixes and port ranges, at every pod's address and between every pair of classes.
 *
 * The reference is slow on purpose, so a load proves within a budget of time, spread evenly over
 * all there is to ask, from a random start, so that no object can count on being left out; the
 * clock is read before every packet that is asked. Exhaustive mode asks everything. Control thread,
 * or any thread that may take its time: policy and world are only read. */
#ifndef EG_POLICY_PROVE_H
#define EG_POLICY_PROVE_H

#include "base/buf.h"
#include "policy/policy.h"
#include "policy/reference.h"

/* One packet on which the two say different things. */
struct eg_disagreement {
	struct eg_packet_key key;
	enum eg_dir dir;
	struct eg_ref_side reference;
	uint32_t compiled; /* EG_VERDICT_* */
};

struct eg_proof {
	size_t n_probes;                      /* packets asked */
	size_t n_addresses, n_addresses_done; /* edges, pods and nodes to try, and tried */
	size_t n_pairs, n_pairs_done;         /* pairs of classes to try, and tried */
	size_t n_ports, n_ports_done;         /* protocols and ports worth asking where it was
					       * tried, and asked */
	size_t start;                         /* the address that it began with */
	size_t n_disagreements;
	struct eg_disagreement first; /* where there was one */
};

/* Compare on one packet, whose addresses must be of one family. True where both agree on each
 * direction, the reason and the allowing rule; else *out (may be NULL) is the first difference. */
bool eg_prove_packet(const struct eg_policy *policy, const struct eg_packet_key *key,
		     struct eg_disagreement *out);

/* Prove within budget_ns (0: everything, however long). One packet more at most: that takes as long
 * as the reference needs for it, some milliseconds for the largest policies that load. Stops at the
 * first disagreement. 0 with *proof filled (a disagreement is in there, not in the return value),
 * or -ENOMEM. */
int eg_policy_prove(const struct eg_policy *policy, uint64_t budget_ns, struct eg_proof *proof);

/* How much of it was done: "278120 probes: 1200 of 23212 addresses, 10000 of 21641104 pairs of
 * classes, 12.5 % of the ports there". */
void eg_proof_describe(const struct eg_proof *proof, struct eg_buf *out);

/* One paragraph for the operator, names and positions included. */
void eg_disagreement_describe(const struct eg_policy *policy, const struct eg_disagreement *d,
			      struct eg_buf *out);

#endif
