#include "policy/budget.h"

#include <errno.h>

#include "policy/port_ranges.h"

static int weigh_rule(const struct eg_rule *rule, struct eg_key_ranges *ranges, uint64_t *weight)
{
	uint64_t n_ports, n_peers = rule->peers.n ? rule->peers.n : 1;

	ranges->n = 0;
	if (eg_ports_merge(rule, ranges))
		return -ENOMEM;
	n_ports = ranges->n;
	eg_vec_foreach (port, &rule->ports)
		n_ports += port->kind == EG_PORT_NAMED;
	*weight += n_peers * (n_ports ? n_ports : 1);
	eg_vec_foreach (peer, &rule->peers)
		*weight += peer->except.n;
	return 0;
}

int eg_budget_weigh(const struct eg_cluster *cluster, uint64_t *weights)
{
	struct eg_key_ranges ranges = {0};
	int err = 0;

	for (size_t p = 0; !err && p < cluster->policies.n; p++) {
		const struct eg_netpol *policy = &cluster->policies.v[p];

		weights[p] = 0;
		for (int dir = 0; dir < EG_DIRS; dir++) {
			/* Rules of a direction that is not in policyTypes have no effect. */
			if (!policy->isolates[dir])
				continue;
			eg_vec_foreach (rule, &policy->rules[dir])
				if (!err)
					err = weigh_rule(rule, &ranges, &weights[p]);
		}
	}
	eg_vec_free(&ranges);
	return err;
}

uint64_t eg_budget_sum(const struct eg_cluster *cluster, const uint64_t *weights)
{
	uint64_t sum = 0;

	for (size_t p = 0; p < cluster->policies.n; p++)
		sum += weights[p];
	return sum;
}

struct candidate {
	uint32_t ns, policy;
	uint64_t cost;
};

/* By namespace; within it by cost, descending, then the last one read first. */
static int compare_candidates(const void *va, const void *vb)
{
	const struct candidate *a = va, *b = vb;

	if (a->ns != b->ns)
		return a->ns < b->ns ? -1 : 1;
	if (a->cost != b->cost)
		return a->cost > b->cost ? -1 : 1;
	return a->policy > b->policy ? -1 : a->policy < b->policy;
}

struct share {
	uint64_t cost;    /* of its remaining policies */
	size_t next, end; /* range of its remaining candidates */
};

/* The most expensive namespace, or the first of equals. *second is the cost of the next one. */
static struct share *most_expensive(struct share *shares, size_t n, uint64_t *second)
{
	struct share *top = &shares[0];

	*second = 0;
	for (size_t i = 1; i < n; i++) {
		if (shares[i].cost > top->cost) {
			*second = top->cost;
			top = &shares[i];
		} else if (shares[i].cost > *second) {
			*second = shares[i].cost;
		}
	}
	return top;
}

static int remove_next(struct share *share, const struct candidate *candidates, uint64_t *total,
		       struct eg_costly_policies *out)
{
	const struct candidate *c = &candidates[share->next++];
	struct eg_costly_policy *entry = eg_vec_add(out);

	if (!entry)
		return -ENOMEM;
	*entry = (struct eg_costly_policy){c->policy, c->cost};
	share->cost -= c->cost;
	*total -= c->cost;
	return 0;
}

/* `candidates` is sorted. */
static int remove_excess(const struct candidate *candidates, size_t n, struct share *shares,
			 size_t n_shares, uint64_t each_max, uint64_t total_max,
			 struct eg_costly_policies *out)
{
	uint64_t total = 0;
	int err = 0;

	for (size_t i = 0; i < n; i++) {
		struct share *share = &shares[candidates[i].ns];

		if (!share->end)
			share->next = i;
		share->end = i + 1;
		share->cost += candidates[i].cost;
		total += candidates[i].cost;
	}
	for (size_t s = 0; s < n_shares; s++)
		while (!err && shares[s].next < shares[s].end &&
		       candidates[shares[s].next].cost > each_max)
			err = remove_next(&shares[s], candidates, &total, out);
	while (!err && total > total_max) {
		uint64_t second;
		struct share *top = most_expensive(shares, n_shares, &second);

		do
			err = remove_next(top, candidates, &total, out);
		while (!err && total > total_max && top->cost > second);
	}
	return err;
}

int eg_budget_excess(const struct eg_cluster *cluster, const uint64_t *costs, uint64_t each_max,
		     uint64_t total_max, struct eg_costly_policies *out)
{
	size_t n = cluster->policies.n;
	struct candidate *candidates = calloc(n + 1, sizeof(*candidates));
	struct share *shares = calloc(cluster->namespaces.n + 1, sizeof(*shares));
	int err = candidates && shares ? 0 : -ENOMEM;

	for (uint32_t p = 0; !err && p < n; p++)
		candidates[p] = (struct candidate){cluster->policies.v[p].ns, p, costs[p]};
	if (!err && n) {
		qsort(candidates, n, sizeof(*candidates), compare_candidates);
		err = remove_excess(candidates, n, shares, cluster->namespaces.n, each_max,
				    total_max, out);
	}
	free(candidates);
	free(shares);
	return err;
}
