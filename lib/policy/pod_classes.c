#include "policy/pod_classes.h"

#include <errno.h>

/* The label keys and port names that appear in policies, by symbol. */
struct mentioned {
	bool *keys, *ports;
};

static int find_mentioned(struct mentioned *m, const struct eg_cluster *cluster,
			  const struct eg_rules *rules)
{
	m->keys = calloc(cluster->syms.texts.n + 1, sizeof(*m->keys));
	m->ports = calloc(cluster->syms.texts.n + 1, sizeof(*m->ports));
	if (!m->keys || !m->ports)
		return -ENOMEM;
	eg_vec_foreach (matcher, &rules->matchers)
		for (size_t i = 0; matcher->pods && i < matcher->pods->reqs.n; i++)
			m->keys[matcher->pods->reqs.v[i].key] = true;
	eg_vec_foreach (ref, &rules->refs)
		eg_vec_foreach (port, &eg_rule_of(cluster, ref)->ports)
			m->ports[port->name] |= port->kind == EG_PORT_NAMED;
	return 0;
}

/* Order pods by namespace. The classes of a namespace then get adjacent numbers, and a policy's
 * table cells span few pages. */
static int order_pods(struct eg_pod_classes *pod_classes, const struct eg_cluster *cluster)
{
	size_t n_ns = cluster->namespaces.n;
	uint32_t *next = calloc(n_ns + 1, sizeof(*next));
	uint32_t *order = malloc((cluster->pods.n + 1) * sizeof(*order));

	pod_classes->pod_order = (struct eg_words){order, cluster->pods.n, cluster->pods.n + 1};
	if (!next || !order) {
		free(next);
		return -ENOMEM;
	}
	eg_vec_foreach (pod, &cluster->pods)
		next[pod->ns + 1]++;
	for (size_t i = 1; i <= n_ns; i++)
		next[i] += next[i - 1];
	for (uint32_t i = 0; i < cluster->pods.n; i++)
		order[next[cluster->pods.v[i].ns]++] = i;
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

static uint32_t profile_of(struct eg_pod_classes *pod_classes, const struct eg_pod *pod,
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
	id = eg_intern_add(&pod_classes->profiles, words.v, words.n);
out:
	eg_vec_free(&words);
	return id;
}

/* Assign one pod to its class by everything that policies can see of it. `key` is scratch. */
static int add_pod(struct eg_pod_classes *pod_classes, const struct eg_cluster *cluster,
		   uint32_t index, const struct mentioned *m, struct eg_words *key)
{
	const struct eg_pod *pod = &cluster->pods.v[index];
	struct eg_pod_class *class;
	uint32_t id, profile = profile_of(pod_classes, pod, m);

	key->n = 0;
	if (profile == EG_INTERN_FAILED || eg_words_add(key, pod->ns) || eg_words_add(key, profile))
		return -ENOMEM;
	eg_vec_foreach (label, &pod->labels)
		if (m->keys[label->key] &&
		    (eg_words_add(key, label->key) || eg_words_add(key, label->value)))
			return -ENOMEM;
	id = eg_intern_add(&pod_classes->keys, key->v, key->n);
	if (id == EG_INTERN_FAILED)
		return -ENOMEM;
	pod_classes->of_pod.v[index] = id;
	if (id < pod_classes->v.n)
		return 0;
	class = eg_vec_add(&pod_classes->v);
	if (!class)
		return -ENOMEM;
	*class = (struct eg_pod_class){pod->ns, index, profile, EG_NONE};
	return 0;
}

static int add_pods(struct eg_pod_classes *pod_classes, const struct eg_cluster *cluster,
		    const struct mentioned *m)
{
	struct eg_words key = {0};
	int err = 0;

	/* Profile 0 is "no named ports". */
	if (eg_intern_add(&pod_classes->profiles, NULL, 0) == EG_INTERN_FAILED)
		return -ENOMEM;
	for (size_t i = 0; !err && i < cluster->pods.n; i++)
		err = eg_words_add(&pod_classes->of_pod, EG_NONE);
	for (size_t i = 0; !err && i < pod_classes->pod_order.n; i++) {
		uint32_t pod = pod_classes->pod_order.v[i];

		while (!err && pod_classes->ns_first.n <= cluster->pods.v[pod].ns)
			err = eg_words_add(&pod_classes->ns_first, (uint32_t)pod_classes->v.n);
		if (!err && eg_pod_has_own_ips(&cluster->pods.v[pod]))
			err = add_pod(pod_classes, cluster, pod, m, &key);
	}
	while (!err && pod_classes->ns_first.n <= cluster->namespaces.n)
		err = eg_words_add(&pod_classes->ns_first, (uint32_t)pod_classes->v.n);
	eg_vec_free(&key);
	return err;
}

/* Evaluate one matcher on the classes of a namespace; matched[class] collects matchers,
 * ascending. */
static int match_namespace(struct eg_pod_classes *pod_classes, const struct eg_cluster *cluster,
			   const struct eg_rules *rules, struct eg_meter *meter, uint32_t matcher,
			   uint32_t ns, struct eg_words *matched)
{
	const struct eg_selector *pods = rules->matchers.v[matcher].pods;
	uint64_t matches = 0;

	for (uint32_t k = pod_classes->ns_first.v[ns]; k < pod_classes->ns_first.v[ns + 1]; k++) {
		const struct eg_pod *pod = &cluster->pods.v[pod_classes->v.v[k].pod];

		if (!eg_pod_selected(pods, pod))
			continue;
		matches++;
		if (eg_words_add(&matched[k], matcher))
			return -ENOMEM;
	}
	/* A test costs a step or two, a match several words of memory until the end. */
	return eg_meter_charge(meter, rules->matchers.v[matcher].policy,
			       1 + pod_classes->ns_first.v[ns + 1] - pod_classes->ns_first.v[ns] +
				       3 * matches);
}

/* The namespaces that a namespace selector matches; computed once per selector. */
static const struct eg_words *namespaces_of(struct eg_words **scopes,
					    const struct eg_cluster *cluster,
					    const struct eg_matcher *matcher)
{
	struct eg_words *scope = scopes[matcher->scope];

	if (scope)
		return scope;
	scope = scopes[matcher->scope] = calloc(1, sizeof(*scope));
	for (uint32_t ns = 0; scope && ns < cluster->namespaces.n; ns++)
		if (eg_namespace_matches(matcher->of_ns, &cluster->namespaces.v[ns]) &&
		    eg_words_add(scope, ns))
			return NULL;
	return scope;
}

static int match_pods(struct eg_pod_classes *pod_classes, const struct eg_cluster *cluster,
		      const struct eg_rules *rules, struct eg_meter *meter,
		      struct eg_words *matched)
{
	size_t n_scopes = eg_intern_count(&rules->selectors);
	struct eg_words **scopes = calloc(n_scopes + 1, sizeof(*scopes));
	int err = scopes ? 0 : -ENOMEM;

	for (uint32_t m = 0; !err && m < rules->matchers.n; m++) {
		const struct eg_matcher *matcher = &rules->matchers.v[m];
		const struct eg_words *scope;

		if (matcher->ns != EG_NONE) {
			err = match_namespace(pod_classes, cluster, rules, meter, m, matcher->ns,
					      matched);
			continue;
		}
		if (!scopes[matcher->scope])
			err = eg_meter_charge(meter, matcher->policy, cluster->namespaces.n);
		scope = err ? NULL : namespaces_of(scopes, cluster, matcher);
		if (!err && !scope)
			err = -ENOMEM;
		for (size_t i = 0; !err && i < scope->n; i++)
			err = match_namespace(pod_classes, cluster, rules, meter, m, scope->v[i],
					      matched);
	}
	for (size_t i = 0; scopes && i < n_scopes; i++) {
		if (scopes[i])
			eg_vec_free(scopes[i]);
		free(scopes[i]);
	}
	free(scopes);
	return err;
}

static int assign_signatures(struct eg_pod_classes *pod_classes, const struct eg_words *matched)
{
	struct eg_words key = {0};

	for (size_t k = 0; k < pod_classes->v.n; k++) {
		struct eg_pod_class *class = &pod_classes->v.v[k];

		key.n = 0;
		if (eg_words_add(&key, class->profile) ||
		    eg_words_append(&key, matched[k].v, matched[k].n))
			goto fail;
		class->signature = eg_intern_add(&pod_classes->signatures, key.v, key.n);
		if (class->signature == EG_INTERN_FAILED)
			goto fail;
	}
	eg_vec_free(&key);
	return 0;
fail:
	eg_vec_free(&key);
	return -ENOMEM;
}

int eg_pod_classes_build(struct eg_pod_classes *pod_classes, const struct eg_cluster *cluster,
			 const struct eg_rules *rules, struct eg_meter *meter)
{
	struct mentioned m = {0};
	struct eg_words *matched = NULL;
	int err = find_mentioned(&m, cluster, rules);

	if (!err)
		err = order_pods(pod_classes, cluster);
	if (!err)
		err = add_pods(pod_classes, cluster, &m);
	if (!err) {
		matched = calloc(pod_classes->v.n + 1, sizeof(*matched));
		err = matched ? match_pods(pod_classes, cluster, rules, meter, matched) : -ENOMEM;
	}
	if (!err)
		err = assign_signatures(pod_classes, matched);
	for (size_t k = 0; matched && k < pod_classes->v.n; k++)
		eg_vec_free(&matched[k]);
	free(matched);
	free(m.keys);
	free(m.ports);
	return err;
}

void eg_pod_classes_free(struct eg_pod_classes *pod_classes)
{
	eg_vec_free(&pod_classes->v);
	eg_vec_free(&pod_classes->of_pod);
	eg_vec_free(&pod_classes->pod_order);
	eg_vec_free(&pod_classes->ns_first);
	eg_intern_free(&pod_classes->profiles);
	eg_intern_free(&pod_classes->signatures);
	eg_intern_free(&pod_classes->keys);
}
