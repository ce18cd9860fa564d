#include "policy/kinds.h"

#include <errno.h>

/* Which label keys and port names policies mention at all, by symbol. */
struct mentioned {
	bool *keys, *ports;
};

static int find_mentioned(struct mentioned *m, const struct eg_world *world,
			  const struct eg_rules *rules)
{
	m->keys = calloc(world->syms.texts.n + 1, sizeof(*m->keys));
	m->ports = calloc(world->syms.texts.n + 1, sizeof(*m->ports));
	if (!m->keys || !m->ports)
		return -ENOMEM;
	eg_vec_foreach (matcher, &rules->matchers)
		for (size_t i = 0; matcher->pods && i < matcher->pods->reqs.n; i++)
			m->keys[matcher->pods->reqs.v[i].key] = true;
	eg_vec_foreach (ref, &rules->refs)
		eg_vec_foreach (port, &eg_rule_of(world, ref)->ports)
			m->ports[port->name] |= port->kind == EG_PORT_NAMED;
	return 0;
}

/* Pods by namespace, so that kinds and later classes of a namespace stand together: neighbours in
 * the tables, where a policy's cells are then few pages. */
static int order_pods(struct eg_kinds *kinds, const struct eg_world *world)
{
	size_t n_ns = world->namespaces.n;
	uint32_t *next = calloc(n_ns + 1, sizeof(*next));
	uint32_t *order = malloc((world->pods.n + 1) * sizeof(*order));

	kinds->pod_order = (struct eg_words){order, world->pods.n, world->pods.n + 1};
	if (!next || !order) {
		free(next);
		return -ENOMEM;
	}
	eg_vec_foreach (pod, &world->pods)
		next[pod->ns + 1]++;
	for (size_t i = 1; i <= n_ns; i++)
		next[i] += next[i - 1];
	for (uint32_t i = 0; i < world->pods.n; i++)
		order[next[world->pods.v[i].ns]++] = i;
	free(next);
	return 0;
}

static int compare_ports(const void *va, const void *vb)
{
	const uint32_t *a = va, *b = vb;

	for (int i = 0; i < 3; i++)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return 0;
}

static uint32_t profile_of(struct eg_kinds *kinds, const struct eg_pod *pod,
			   const struct mentioned *m)
{
	struct eg_words words = {0};
	uint32_t id = EG_INTERN_FAILED;

	eg_vec_foreach (port, &pod->ports) {
		uint32_t triple[3] = {port->name, port->proto, port->port};

		if (m->ports[port->name] && eg_words_append(&words, triple, 3))
			goto out;
	}
	if (words.n)
		qsort(words.v, words.n / 3, 3 * sizeof(*words.v), compare_ports);
	id = eg_intern_add(&kinds->profiles, words.v, words.n);
out:
	eg_vec_free(&words);
	return id;
}

/* The kind of one pod: what policies can see of it. `key` is scratch. */
static int add_pod(struct eg_kinds *kinds, const struct eg_world *world, uint32_t index,
		   const struct mentioned *m, struct eg_words *key)
{
	const struct eg_pod *pod = &world->pods.v[index];
	struct eg_kind *kind;
	uint32_t id, profile = profile_of(kinds, pod, m);

	key->n = 0;
	if (profile == EG_INTERN_FAILED || eg_words_add(key, pod->ns) || eg_words_add(key, profile))
		return -ENOMEM;
	eg_vec_foreach (label, &pod->labels)
		if (m->keys[label->key] &&
		    (eg_words_add(key, label->key) || eg_words_add(key, label->value)))
			return -ENOMEM;
	id = eg_intern_add(&kinds->keys, key->v, key->n);
	if (id == EG_INTERN_FAILED)
		return -ENOMEM;
	kinds->of_pod.v[index] = id;
	if (id < kinds->v.n)
		return 0;
	kind = eg_vec_add(&kinds->v);
	if (!kind)
		return -ENOMEM;
	*kind = (struct eg_kind){pod->ns, index, profile, EG_NONE};
	return 0;
}

static int add_pods(struct eg_kinds *kinds, const struct eg_world *world, const struct mentioned *m)
{
	struct eg_words key = {0};
	int err = 0;

	/* Profile 0 is "no named ports", whoever comes first. */
	if (eg_intern_add(&kinds->profiles, NULL, 0) == EG_INTERN_FAILED)
		return -ENOMEM;
	for (size_t i = 0; !err && i < world->pods.n; i++)
		err = eg_words_add(&kinds->of_pod, EG_NONE);
	for (size_t i = 0; !err && i < kinds->pod_order.n; i++) {
		uint32_t pod = kinds->pod_order.v[i];

		while (!err && kinds->ns_first.n <= world->pods.v[pod].ns)
			err = eg_words_add(&kinds->ns_first, (uint32_t)kinds->v.n);
		if (!err && eg_pod_has_own_ips(&world->pods.v[pod]))
			err = add_pod(kinds, world, pod, m, &key);
	}
	while (!err && kinds->ns_first.n <= world->namespaces.n)
		err = eg_words_add(&kinds->ns_first, (uint32_t)kinds->v.n);
	eg_vec_free(&key);
	return err;
}

/* Try one matcher on a namespace's kinds; chosen[kind] collects matchers in ascending order. */
static int match_namespace(struct eg_kinds *kinds, const struct eg_world *world,
			   const struct eg_rules *rules, struct eg_meter *meter, uint32_t matcher,
			   uint32_t ns, struct eg_words *chosen)
{
	const struct eg_selector *pods = rules->matchers.v[matcher].pods;
	uint64_t matches = 0;

	for (uint32_t k = kinds->ns_first.v[ns]; k < kinds->ns_first.v[ns + 1]; k++) {
		const struct eg_pod *pod = &world->pods.v[kinds->v.v[k].pod];

		if (!eg_pod_selected(pods, pod))
			continue;
		matches++;
		if (eg_words_add(&chosen[k], matcher))
			return -ENOMEM;
	}
	/* A try is a step or two, a match is kept: several words of memory until the end. */
	return eg_meter_charge(meter, rules->matchers.v[matcher].policy,
			       1 + kinds->ns_first.v[ns + 1] - kinds->ns_first.v[ns] + 3 * matches);
}

/* Which namespaces a namespace selector chooses; computed once a selector. */
static const struct eg_words *scope_of(struct eg_words **scopes, const struct eg_world *world,
				       const struct eg_matcher *matcher)
{
	struct eg_words *scope = scopes[matcher->scope];

	if (scope)
		return scope;
	scope = scopes[matcher->scope] = calloc(1, sizeof(*scope));
	for (uint32_t ns = 0; scope && ns < world->namespaces.n; ns++)
		if (eg_namespace_matches(matcher->of_ns, &world->namespaces.v[ns]) &&
		    eg_words_add(scope, ns))
			return NULL;
	return scope;
}

static int match_all(struct eg_kinds *kinds, const struct eg_world *world,
		     const struct eg_rules *rules, struct eg_meter *meter, struct eg_words *chosen)
{
	size_t n_scopes = eg_intern_count(&rules->selectors);
	struct eg_words **scopes = calloc(n_scopes + 1, sizeof(*scopes));
	int err = scopes ? 0 : -ENOMEM;

	for (uint32_t m = 0; !err && m < rules->matchers.n; m++) {
		const struct eg_matcher *matcher = &rules->matchers.v[m];
		const struct eg_words *scope;

		if (matcher->ns != EG_NONE) {
			err = match_namespace(kinds, world, rules, meter, m, matcher->ns, chosen);
			continue;
		}
		if (!scopes[matcher->scope])
			err = eg_meter_charge(meter, matcher->policy, world->namespaces.n);
		scope = err ? NULL : scope_of(scopes, world, matcher);
		if (!err && !scope)
			err = -ENOMEM;
		for (size_t i = 0; !err && i < scope->n; i++)
			err = match_namespace(kinds, world, rules, meter, m, scope->v[i], chosen);
	}
	for (size_t i = 0; scopes && i < n_scopes; i++) {
		if (scopes[i])
			eg_vec_free(scopes[i]);
		free(scopes[i]);
	}
	free(scopes);
	return err;
}

static int sign(struct eg_kinds *kinds, const struct eg_words *chosen)
{
	struct eg_words key = {0};

	for (size_t k = 0; k < kinds->v.n; k++) {
		struct eg_kind *kind = &kinds->v.v[k];

		key.n = 0;
		if (eg_words_add(&key, kind->profile) ||
		    eg_words_append(&key, chosen[k].v, chosen[k].n))
			goto fail;
		kind->signature = eg_intern_add(&kinds->signatures, key.v, key.n);
		if (kind->signature == EG_INTERN_FAILED)
			goto fail;
	}
	eg_vec_free(&key);
	return 0;
fail:
	eg_vec_free(&key);
	return -ENOMEM;
}

int eg_kinds_build(struct eg_kinds *kinds, const struct eg_world *world,
		   const struct eg_rules *rules, struct eg_meter *meter)
{
	struct mentioned m = {0};
	struct eg_words *chosen = NULL;
	int err = find_mentioned(&m, world, rules);

	if (!err)
		err = order_pods(kinds, world);
	if (!err)
		err = add_pods(kinds, world, &m);
	if (!err) {
		chosen = calloc(kinds->v.n + 1, sizeof(*chosen));
		err = chosen ? match_all(kinds, world, rules, meter, chosen) : -ENOMEM;
	}
	if (!err)
		err = sign(kinds, chosen);
	for (size_t k = 0; chosen && k < kinds->v.n; k++)
		eg_vec_free(&chosen[k]);
	free(chosen);
	free(m.keys);
	free(m.ports);
	return err;
}

void eg_kinds_free(struct eg_kinds *kinds)
{
	eg_vec_free(&kinds->v);
	eg_vec_free(&kinds->of_pod);
	eg_vec_free(&kinds->pod_order);
	eg_vec_free(&kinds->ns_first);
	eg_intern_free(&kinds->profiles);
	eg_intern_free(&kinds->signatures);
	eg_intern_free(&kinds->keys);
}
