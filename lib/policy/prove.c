#include "policy/prove.h"

#include <errno.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/hash.h"
#include "policy/boundary_values.h"
#include "policy/describe.h"

#define PARTNERS 4 /* classes that each address is tested with */

/* With a time budget, at most this many ports are tested per pair of addresses: a policy with
 * thousands of ports does not use up the time of all others. */
#define PORTS_PER_PAIR 64

struct prover {
	const struct eg_policy *policy;
	const struct eg_cluster *cluster;
	struct eg_boundary boundary;
	struct eg_words keys; /* scratch */
	struct eg_proof *proof;
	uint64_t deadline_ns; /* 0: none */
	uint64_t random;      /* generator state; 0: exhaustive, in order */
	bool timed_out;
};

static bool verdict_matches(const struct eg_policy *policy, const struct eg_ref_side *side,
			    enum eg_dir dir, uint32_t verdict)
{
	const struct eg_rule_ref *rule = eg_policy_rule(policy, verdict);

	switch (side->why) {
	case EG_REF_NOT_ISOLATED:
		return verdict == EG_POLICY_NOT_ISOLATED;
	case EG_REF_SELF:
		return verdict == EG_POLICY_SELF;
	case EG_REF_NODE:
		return verdict == EG_POLICY_NODE;
	case EG_REF_DENIED:
		return verdict == EG_POLICY_DENY;
	case EG_REF_UNKNOWN:
		return verdict == EG_POLICY_UNKNOWN;
	case EG_REF_RULE:
		return rule && rule->dir == dir && rule->policy == side->policy &&
		       rule->rule == side->rule;
	}
	return false;
}

bool eg_prove_packet(const struct eg_policy *policy, const struct eg_packet_key *key,
		     struct eg_disagreement *out)
{
	const struct eg_cluster *cluster = eg_policy_cluster(policy);
	struct eg_policy_packet packet = {key->src.bytes, key->dst.bytes, key->port, key->proto,
					  key->src.family};
	struct eg_policy_verdict verdict;

	eg_policy_evaluate(policy, &packet, &verdict, 1);
	for (int d = 0; d < EG_DIRS; d++) {
		enum eg_dir dir = (enum eg_dir)d;
		struct eg_ref_side side = eg_ref_evaluate(cluster, dir, key);

		if (verdict_matches(policy, &side, dir, verdict.side[dir]))
			continue;
		if (out)
			*out = (struct eg_disagreement){*key, dir, side, verdict.side[dir]};
		return false;
	}
	return true;
}

/* Checked before every probe: a single one may take the reference model a while. */
static bool timed_out(struct prover *p)
{
	p->timed_out = p->timed_out || (p->deadline_ns && eg_mono_ns() >= p->deadline_ns);
	return p->timed_out;
}

/* A random number below n; 0 in exhaustive mode. */
static size_t random_below(struct prover *p, size_t n)
{
	if (!p->random)
		return 0;
	p->random += 0x9e3779b97f4a7c15ull;
	return (size_t)(eg_hash_u64(p->random) % n);
}

/* Test a pair of addresses at the protocols and ports where the verdict may change: all of them, or
 * a run of them from a random start. Returns 0, 1 on a disagreement, or -ENOMEM. */
static int probe_pair(struct prover *p, const struct eg_ip *src, const struct eg_ip *dst)
{
	size_t n, at;

	if (src->family != dst->family || timed_out(p))
		return 0;
	if (eg_boundary_ports(p->cluster, src, dst, &p->keys))
		return -ENOMEM;
	p->proof->n_ports += p->keys.n;
	n = p->random && p->keys.n > PORTS_PER_PAIR ? PORTS_PER_PAIR : p->keys.n;
	at = random_below(p, p->keys.n);
	for (size_t i = 0; i < n && !timed_out(p); i++, at++) {
		uint32_t key = p->keys.v[at % p->keys.n];
		struct eg_packet_key packet = {*src, *dst, EG_BOUNDARY_PORT(key),
					       EG_BOUNDARY_PROTO(key)};

		p->proof->n_probes++;
		p->proof->n_ports_done++;
		if (!eg_prove_packet(p->policy, &packet, &p->proof->first)) {
			p->proof->n_disagreements++;
			return 1;
		}
	}
	return 0;
}

static size_t gcd(size_t a, size_t b)
{
	while (b) {
		size_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* A stride through n items that visits each once but spreads the first ones over the whole range,
 * so that a time limit does not favour some. */
static size_t stride_for(size_t n)
{
	size_t stride = (size_t)((double)n * 0.6180339887) | 1;

	while (gcd(stride, n) != 1)
		stride += 2;
	return stride;
}

/* Test an address with itself, and as source and destination of some others: finds an address in
 * the wrong class. */
static int probe_address(struct prover *p, size_t at)
{
	const struct eg_ip *ip = &p->boundary.all.v[at];
	const struct eg_ips *ends = &p->boundary.ends;
	int err = probe_pair(p, ip, ip);

	for (size_t i = 0; !err && i < PARTNERS; i++) {
		const struct eg_ip *other = &ends->v[(at * PARTNERS + i) % ends->n];

		err = probe_pair(p, ip, other);
		if (!err)
			err = probe_pair(p, other, ip);
	}
	return err;
}

static int probe_addresses(struct prover *p)
{
	size_t n = p->boundary.all.n, stride = stride_for(n), at = random_below(p, n);
	int err = 0;

	p->proof->start = at;
	for (size_t i = 0; !err && i < n && !timed_out(p); i++) {
		err = probe_address(p, at);
		at = (at + stride) % n;
		p->proof->n_addresses_done += !p->timed_out;
	}
	return err;
}

static int probe_pairs(struct prover *p)
{
	const struct eg_ips *ends = &p->boundary.ends;
	size_t n = ends->n * ends->n, stride = stride_for(n), at = random_below(p, n);
	int err = 0;

	p->timed_out = false; /* that was the time limit for addresses */
	for (size_t i = 0; !err && i < n && !timed_out(p); i++) {
		err = probe_pair(p, &ends->v[at / ends->n], &ends->v[at % ends->n]);
		at = (at + stride) % n;
		p->proof->n_pairs_done += !p->timed_out;
	}
	return err;
}

/* Never 0. Need not be secret: it only varies the start of each load. */
static uint64_t random_start(void)
{
	uint64_t random = 0;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		random = eg_mono_ns() ^ eg_wall_ns();
	return random | 1;
}

int eg_policy_prove(const struct eg_policy *policy, uint64_t budget_ns, struct eg_proof *proof)
{
	struct prover p = {.policy = policy, .cluster = eg_policy_cluster(policy), .proof = proof};
	uint64_t start_ns = eg_mono_ns();
	int err;

	*proof = (struct eg_proof){0};
	p.random = budget_ns ? random_start() : 0;
	err = eg_boundary_find(&p.boundary, policy);
	proof->n_addresses = p.boundary.all.n;
	proof->n_pairs = p.boundary.ends.n * p.boundary.ends.n;
	/* Addresses get at most half of the time: rules apply to pairs. */
	p.deadline_ns = budget_ns ? start_ns + budget_ns / 2 : 0;
	if (!err)
		err = probe_addresses(&p);
	p.deadline_ns = budget_ns ? start_ns + budget_ns : 0;
	if (!err)
		err = probe_pairs(&p);
	eg_boundary_free(&p.boundary);
	eg_vec_free(&p.keys);
	return err < 0 ? err : 0;
}

void eg_proof_describe(const struct eg_proof *proof, struct eg_buf *out)
{
	eg_buf_add(out, "%zu probes: %zu of %zu addresses, %zu of %zu pairs of classes",
		   proof->n_probes, proof->n_addresses_done, proof->n_addresses,
		   proof->n_pairs_done, proof->n_pairs);
	if (proof->n_ports_done < proof->n_ports)
		eg_buf_add(out, ", %.1f %% of their ports",
			   100.0 * (double)proof->n_ports_done / (double)proof->n_ports);
}

static void describe_verdict(const struct eg_policy *policy, uint32_t verdict, struct eg_buf *out)
{
	const struct eg_rule_ref *rule = eg_policy_rule(policy, verdict);
	static const char *const words[EG_POLICY_RULE] = {
		[EG_POLICY_DENY] = "deny",
		[EG_POLICY_UNKNOWN] = "deny, an endpoint is unknown",
		[EG_POLICY_NOT_ISOLATED] = "not isolated",
		[EG_POLICY_SELF] = "allow a pod to itself",
		[EG_POLICY_NODE] = "allow from the pod's own node",
	};

	if (verdict < EG_POLICY_RULE) {
		eg_buf_add(out, "%s", words[verdict]);
	} else if (rule) {
		eg_buf_add(out, "allow by ");
		eg_describe_rule(eg_policy_cluster(policy), rule->policy, rule->dir, rule->rule,
				 out);
	} else {
		eg_buf_add(out, "an invalid verdict (%u)", verdict);
	}
}

static void describe_reference(const struct eg_cluster *cluster, const struct eg_disagreement *d,
			       struct eg_buf *out)
{
	static const char *const words[] = {
		[EG_REF_NOT_ISOLATED] = "not isolated",
		[EG_REF_SELF] = "allow a pod to itself",
		[EG_REF_NODE] = "allow from the pod's own node",
		[EG_REF_DENIED] = "deny",
		[EG_REF_UNKNOWN] = "deny, an endpoint is unknown",
	};

	if (d->reference.why != EG_REF_RULE) {
		eg_buf_add(out, "%s", words[d->reference.why]);
		return;
	}
	eg_buf_add(out, "allow by ");
	eg_describe_rule(cluster, d->reference.policy, d->dir, d->reference.rule, out);
}

void eg_disagreement_describe(const struct eg_policy *policy, const struct eg_disagreement *d,
			      struct eg_buf *out)
{
	eg_describe_key(&d->key, out);
	eg_buf_add(out, ": %s: the compiled tables say ", eg_dir_name(d->dir));
	describe_verdict(policy, d->compiled, out);
	eg_buf_add(out, ", the reference model says ");
	describe_reference(eg_policy_cluster(policy), d, out);
	eg_buf_add(out, " (classes %u and %u)", eg_policy_class(policy, &d->key.src),
		   eg_policy_class(policy, &d->key.dst));
}
