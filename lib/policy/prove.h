/* Checks the compiled tables against the reference model at load time, where bugs are most likely:
 * at the edges of prefixes and port ranges, at every pod's address and between every pair of
 * classes.
 *
 * The reference model is deliberately slow, so a load has a time budget. It is spread evenly over
 * all candidates from a random start, so that no object can rely on being skipped; the clock is
 * checked before every packet. Exhaustive mode tests everything. Not for workers; policy and
 * cluster are only read. */
#ifndef EG_POLICY_PROVE_H
#define EG_POLICY_PROVE_H

#include "base/buf.h"
#include "policy/policy.h"
#include "policy/reference.h"

/* One packet for which the two differ. */
struct eg_disagreement {
	struct eg_packet_key key;
	enum eg_dir dir;
	struct eg_ref_side reference;
	uint32_t compiled; /* EG_POLICY_DENY, ... */
};

struct eg_proof {
	size_t n_probes;                      /* packets tested */
	size_t n_addresses, n_addresses_done; /* boundary, pod and node addresses: total, tested */
	size_t n_pairs, n_pairs_done;         /* pairs of classes: total, tested */
	size_t n_ports,
		n_ports_done; /* protocols and ports between the addresses tested: total, tested */
	size_t start;         /* index of the first address tested */
	size_t n_disagreements;
	struct eg_disagreement first; /* if there is one */
};

/* Compare the two on one packet; its addresses must have the same family. True if both agree on
 * each direction, including reason and allowing rule; otherwise *out (may be NULL) is the first
 * difference. */
bool eg_prove_packet(const struct eg_policy *policy, const struct eg_packet_key *key,
		     struct eg_disagreement *out);

/* Run the proof within budget_ns (0: test everything). May overrun by one packet, which takes the
 * reference model some milliseconds for the largest policies that load. Stops at the first
 * disagreement. Returns 0 and fills *proof, which includes a disagreement; or -ENOMEM. */
int eg_policy_prove(const struct eg_policy *policy, uint64_t budget_ns, struct eg_proof *proof);

/* Progress: "278120 probes: 1200 of 23212 addresses, 10000 of 21641104 pairs of classes, 12.5 % of
 * their ports". */
void eg_proof_describe(const struct eg_proof *proof, struct eg_buf *out);

/* One line for the operator, with names and positions. */
void eg_disagreement_describe(const struct eg_policy *policy, const struct eg_disagreement *d,
			      struct eg_buf *out);

#endif
