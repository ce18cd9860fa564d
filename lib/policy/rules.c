#include "policy/rules.h"

#include <errno.h>

static uint32_t requirement_id(struct eg_rules *rules, const struct eg_requirement *req)
{
	struct eg_words values = {0}, key = {0};
	uint32_t id = EG_INTERN_FAILED;

	if (eg_words_append(&values, req->values.v, req->values.n))
		goto out;
	eg_words_sort(&values);
	if (eg_words_add(&key, req->key) || eg_words_add(&key, req->op) ||
	    eg_words_append(&key, values.v, values.n))
		goto out;
	id = eg_intern_add(&rules->requirements, key.v, key.n);
out:
	eg_vec_free(&values);
	eg_vec_free(&key);
	return id;
}

/* Selectors that differ only in order share an id; NULL is an empty selector. */
static uint32_t selector_id(struct eg_rules *rules, const struct eg_selector *selector)
{
	struct eg_words key = {0};
	uint32_t id = EG_INTERN_FAILED;

	for (size_t i = 0; selector && i < selector->reqs.n; i++) {
		uint32_t req = requirement_id(rules, &selector->reqs.v[i]);

		if (req == EG_INTERN_FAILED || eg_words_add(&key, req))
			goto out;
	}
	eg_words_sort(&key);
	id = eg_intern_add(&rules->selectors, key.v, key.n);
out:
	eg_vec_free(&key);
	return id;
}

/* `user` is the policy that needs it. `of_ns` NULL: only pods of the namespace `ns`. */
static uint32_t matcher_id(struct eg_rules *rules, uint32_t user, uint32_t ns,
			   const struct eg_selector *of_ns, const struct eg_selector *pods)
{
	uint32_t scope = of_ns ? selector_id(rules, of_ns) : ns;
	uint32_t key[3] = {of_ns != NULL, scope, selector_id(rules, pods)};
	struct eg_matcher *matcher;
	uint32_t id;

	if (key[1] == EG_INTERN_FAILED || key[2] == EG_INTERN_FAILED)
		return EG_INTERN_FAILED;
	id = eg_intern_add(&rules->matcher_keys, key, 3);
	if (id == EG_INTERN_FAILED || id < rules->matchers.n)
		return id;
	matcher = eg_vec_add(&rules->matchers);
	if (!matcher)
		return EG_INTERN_FAILED;
	*matcher = (struct eg_matcher){of_ns ? EG_NONE : ns, of_ns ? scope : EG_NONE, of_ns,
				       pods && pods->reqs.n ? pods : NULL, user};
	return id;
}

static int add_prefix(struct eg_words *key, const struct eg_prefix *prefix)
{
	uint32_t words[5] = {(uint32_t)prefix->ip.family << 8 | prefix->len};

	memcpy(words + 1, prefix->ip.bytes, sizeof(prefix->ip.bytes));
	return eg_words_append(key, words, 5);
}

/* Exceptions are not sorted: the same block with its exceptions in another order merely costs
 * twice. */
static uint32_t block_id(struct eg_rules *rules, const struct eg_peer *peer)
{
	struct eg_words key = {0};
	uint32_t id = EG_INTERN_FAILED;
	const struct eg_peer **block;

	if (add_prefix(&key, &peer->cidr))
		goto out;
	eg_vec_foreach (except, &peer->except)
		if (add_prefix(&key, except))
			goto out;
	id = eg_intern_add(&rules->block_keys, key.v, key.n);
	if (id == EG_INTERN_FAILED || id < rules->blocks.n)
		goto out;
	block = eg_vec_add(&rules->blocks);
	if (block)
		*block = peer;
	else
		id = EG_INTERN_FAILED;
out:
	eg_vec_free(&key);
	return id;
}

static uint32_t peer_id(struct eg_rules *rules, const struct eg_cluster *cluster, uint32_t policy,
			const struct eg_peer *peer)
{
	uint32_t id;

	if (!peer->is_block)
		return matcher_id(rules, policy, cluster->policies.v[policy].ns,
				  peer->has_ns ? &peer->ns : NULL,
				  peer->has_pod ? &peer->pod : NULL);
	id = block_id(rules, peer);
	return id == EG_INTERN_FAILED ? id : id | EG_PEER_BLOCK;
}

/* Number the rule's set of ports; its merged ranges begin at `start`. */
static uint32_t port_set_id(struct eg_rules *rules, const struct eg_rule *rule, size_t start)
{
	struct eg_words key = {0};
	uint32_t id = EG_INTERN_FAILED;

	if (eg_words_add(&key, !rule->ports.n))
		goto out;
	for (size_t i = start; i < rules->ports.n; i++)
		if (eg_words_add(&key, rules->ports.v[i].first) ||
		    eg_words_add(&key, rules->ports.v[i].last))
			goto out;
	eg_vec_foreach (port, &rule->ports)
		if (port->kind == EG_PORT_NAMED &&
		    (eg_words_add(&key, EG_PORT_KEYS + port->proto) ||
		     eg_words_add(&key, port->name)))
			goto out;
	id = eg_intern_add(&rules->port_sets, key.v, key.n);
out:
	eg_vec_free(&key);
	return id;
}

static int collect_ports(struct eg_rules *rules, const struct eg_rule *rule)
{
	size_t start = rules->ports.n;
	uint32_t set;

	if (eg_ports_merge(rule, &rules->ports) ||
	    eg_words_add(&rules->port_ends, (uint32_t)rules->ports.n))
		return -ENOMEM;
	set = port_set_id(rules, rule, start);
	return set == EG_INTERN_FAILED ? -ENOMEM : eg_words_add(&rules->port_set, set);
}

static int collect_rule(struct eg_rules *rules, const struct eg_cluster *cluster,
			const struct eg_rule_ref *ref)
{
	const struct eg_rule *rule = eg_rule_of(cluster, ref);
	struct eg_rule_ref *entry = eg_vec_add(&rules->refs);

	if (!entry)
		return -ENOMEM;
	*entry = *ref;
	eg_vec_foreach (peer, &rule->peers) {
		uint32_t id = peer_id(rules, cluster, ref->policy, peer);

		if (id == EG_INTERN_FAILED || eg_words_add(&rules->peers, id))
			return -ENOMEM;
	}
	if (collect_ports(rules, rule))
		return -ENOMEM;
	return eg_words_add(&rules->peer_ends, (uint32_t)rules->peers.n);
}

int eg_rules_collect(struct eg_rules *rules, const struct eg_cluster *cluster)
{
	for (uint32_t p = 0; p < cluster->policies.n; p++) {
		const struct eg_netpol *policy = &cluster->policies.v[p];
		uint32_t subject = matcher_id(rules, p, policy->ns, NULL, &policy->pods);

		if (subject == EG_INTERN_FAILED || eg_words_add(&rules->subjects, subject))
			return -ENOMEM;
		for (int dir = 0; dir < EG_DIRS; dir++) {
			/* Rules of a direction that is not in policyTypes have no effect. */
			size_t n = policy->isolates[dir] ? policy->rules[dir].n : 0;

			if (eg_words_add(&rules->first, (uint32_t)rules->refs.n))
				return -ENOMEM;
			for (uint32_t r = 0; r < n; r++)
				if (collect_rule(rules, cluster,
						 &(struct eg_rule_ref){p, r, (enum eg_dir)dir}))
					return -ENOMEM;
		}
	}
	return 0;
}

void eg_rules_free(struct eg_rules *rules)
{
	eg_vec_free(&rules->refs);
	eg_vec_free(&rules->peers);
	eg_vec_free(&rules->peer_ends);
	eg_vec_free(&rules->ports);
	eg_vec_free(&rules->port_ends);
	eg_vec_free(&rules->port_set);
	eg_vec_free(&rules->first);
	eg_vec_free(&rules->subjects);
	eg_vec_free(&rules->matchers);
	eg_vec_free(&rules->blocks);
	eg_intern_free(&rules->requirements);
	eg_intern_free(&rules->selectors);
	eg_intern_free(&rules->matcher_keys);
	eg_intern_free(&rules->block_keys);
	eg_intern_free(&rules->port_sets);
}
