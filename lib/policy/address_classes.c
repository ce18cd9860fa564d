#include "policy/address_classes.h"

#include <errno.h>

/* State of the build. */
struct builder {
	struct eg_address_classes *classes;
	const struct eg_cluster *cluster;
	const struct eg_pod_classes *pod_classes;
	struct eg_lpm *sets; /* address -> block set */
	EG_VEC(struct eg_lpm_entry) entries;
};

static uint32_t class_id(struct eg_address_classes *classes, struct eg_address_class class)
{
	uint32_t key[5] = {class.signature, class.blocks, class.node, class.unknown, class.shared};
	uint32_t id = eg_intern_add(&classes->keys, key, 5);
	struct eg_address_class *entry;

	if (id == EG_INTERN_FAILED || id < classes->v.n)
		return id;
	entry = eg_vec_add(&classes->v);
	if (!entry)
		return EG_INTERN_FAILED;
	*entry = class;
	return id;
}

static int add_prefix(struct builder *b, const struct eg_prefix *prefix,
		      struct eg_address_class class)
{
	struct eg_lpm_entry *entry = eg_vec_add(&b->entries);
	uint32_t id = entry ? class_id(b->classes, class) : EG_INTERN_FAILED;

	if (id == EG_INTERN_FAILED)
		return -ENOMEM;
	*entry = (struct eg_lpm_entry){*prefix, id};
	return 0;
}

/* signature EG_NONE: no pod owns the address. */
static struct eg_address_class class_of(const struct builder *b, const struct eg_ip *ip,
					uint32_t signature)
{
	return (struct eg_address_class){.signature = signature,
					 .blocks = eg_lpm_lookup(b->sets, ip),
					 .node = eg_cluster_node_at(b->cluster, ip) != EG_NONE};
}

static int add_address(struct builder *b, const struct eg_ip *ip, uint32_t signature)
{
	struct eg_prefix prefix = {*ip, (uint8_t)eg_ip_bits(ip)};

	return add_prefix(b, &prefix, class_of(b, ip, signature));
}

static struct eg_address_class owner_class(const struct builder *b, const struct eg_owner *owner)
{
	uint32_t pod_class = b->pod_classes->of_pod.v[owner->index];

	return class_of(b, &owner->ip, b->pod_classes->v.v[pod_class].signature);
}

/* Record the class that an address has if it belongs to only one of its owners. */
static int set_owner_class(struct eg_address_classes *classes, size_t n_owners, size_t at,
			   struct eg_address_class class)
{
	uint32_t id = class_id(classes, class);

	while (classes->of_owner.n < n_owners)
		if (eg_words_add(&classes->of_owner, EG_NONE))
			return -ENOMEM;
	classes->of_owner.v[at] = id;
	return id == EG_INTERN_FAILED ? -ENOMEM : 0;
}

/* Addresses with several owners get a class of their own, which refers to the classes of the
 * owners. Added last, to override the entries of single owners. */
static int add_shared_addresses(struct builder *b)
{
	const struct eg_owners *owners = &b->cluster->pod_ips;

	for (size_t i = 0, end; i < owners->n; i = end) {
		struct eg_prefix prefix = {owners->v[i].ip, (uint8_t)eg_ip_bits(&owners->v[i].ip)};
		struct eg_address_class class;

		for (end = i + 1; end < owners->n; end++)
			if (!eg_ip_equal(&owners->v[i].ip, &owners->v[end].ip))
				break;
		for (size_t j = i; end - i > 1 && j < end; j++) {
			class = owner_class(b, &owners->v[j]);
			if (set_owner_class(b->classes, owners->n, j, class))
				return -ENOMEM;
		}
		if (end - i < 2)
			continue;
		class = owner_class(b, &owners->v[i]);
		class.shared = (uint32_t)i + 1;
		if (add_prefix(b, &prefix, class))
			return -ENOMEM;
	}
	return 0;
}

static const struct eg_address_class unknown_class = {.signature = EG_NONE, .unknown = true};
static const struct eg_address_class outside_class = {.signature = EG_NONE};

/* The class of a region, for addresses without an owner. */
static struct eg_address_class region_class(const struct builder *b, const struct eg_region *region)
{
	if (eg_cluster_pod_network(b->cluster, &region->prefix))
		return unknown_class;
	return (struct eg_address_class){.signature = EG_NONE, .blocks = region->set};
}

static int add_regions(struct builder *b, const struct eg_regions *regions)
{
	EG_VEC(struct eg_lpm_entry) sets = {0};
	int err = 0;

	eg_vec_foreach (region, &regions->v) {
		struct eg_lpm_entry *entry = eg_vec_add(&sets);

		if (!entry)
			goto fail;
		*entry = (struct eg_lpm_entry){region->prefix, region->set};
		err = add_prefix(b, &region->prefix, region_class(b, region));
		if (err)
			goto fail;
	}
	b->sets = eg_lpm_build(sets.v, sets.n, 0);
	eg_vec_free(&sets);
	return b->sets ? 0 : -ENOMEM;
fail:
	eg_vec_free(&sets);
	return -ENOMEM;
}

/* Added before single addresses, which override them. Regions inside a pod network are unknown
 * already. */
static int add_networks(struct builder *b)
{
	b->classes->unknown = EG_NONE;
	eg_vec_foreach (network, &b->cluster->pod_networks)
		if (add_prefix(b, network, unknown_class))
			return -ENOMEM;
	if (b->cluster->pod_networks.n)
		b->classes->unknown = class_id(b->classes, unknown_class);
	return 0;
}

/* Nodes first: a pod's entry overrides its node's, and its class is flagged as a node's. */
static int add_known_addresses(struct builder *b)
{
	eg_vec_foreach (ip, &b->cluster->gateway_ips)
		if (add_address(b, ip, EG_NONE))
			return -ENOMEM;
	eg_vec_foreach (node, &b->cluster->nodes)
		eg_vec_foreach (ip, &node->ips)
			if (add_address(b, ip, EG_NONE))
				return -ENOMEM;
	eg_vec_foreach (index, &b->pod_classes->pod_order) {
		uint32_t pod_class = b->pod_classes->of_pod.v[*index];

		if (pod_class == EG_NONE)
			continue;
		eg_vec_foreach (ip, &b->cluster->pods.v[*index].ips)
			if (add_address(b, ip, b->pod_classes->v.v[pod_class].signature))
				return -ENOMEM;
	}
	return 0;
}

/* The matchers that match a class. */
static const uint32_t *matchers_of(const struct eg_pod_classes *pod_classes,
				   const struct eg_address_class *class, size_t *n)
{
	*n = 0;
	return class->signature == EG_NONE
		       ? NULL
		       : eg_pod_classes_matchers(pod_classes, class->signature, n);
}

/* Invert "matchers of a class" into "classes of a matcher", ascending. */
static int list_classes_of_matchers(const struct eg_address_classes *classes,
				    const struct eg_pod_classes *pod_classes, size_t n_lists,
				    struct eg_class_lists *out)
{
	uint32_t *next = calloc(n_lists + 1, sizeof(*next));
	size_t n, total = 0;

	out->ends = (struct eg_words){next, n_lists, n_lists + 1};
	if (!next)
		return -ENOMEM;
	eg_vec_foreach (class, &classes->v) {
		const uint32_t *by = matchers_of(pod_classes, class, &n);

		for (size_t i = 0; i < n; i++)
			next[by[i] + 1]++;
		total += n;
	}
	for (size_t i = 1; i <= n_lists; i++)
		next[i] += next[i - 1];
	out->classes.v = malloc((total + 1) * sizeof(uint32_t));
	if (!out->classes.v || total > UINT32_MAX)
		return -ENOMEM;
	out->classes.n = total;
	/* next[i] starts as the beginning of list i and ends as its end. */
	for (uint32_t c = 0; c < classes->v.n; c++) {
		const uint32_t *by = matchers_of(pod_classes, &classes->v.v[c], &n);

		for (size_t i = 0; i < n; i++)
			out->classes.v[next[by[i]]++] = c;
	}
	return 0;
}

int eg_address_classes_build(struct eg_address_classes *classes, const struct eg_cluster *cluster,
			     const struct eg_rules *rules, const struct eg_pod_classes *pod_classes)
{
	struct builder b = {.classes = classes, .cluster = cluster, .pod_classes = pod_classes};
	int err = eg_regions_build(&classes->regions, rules);

	if (!err && class_id(classes, outside_class) != 0)
		err = -ENOMEM;
	if (!err)
		err = add_regions(&b, &classes->regions);
	if (!err)
		err = add_networks(&b);
	if (!err)
		err = add_known_addresses(&b);
	if (!err)
		err = add_shared_addresses(&b);
	if (!err) {
		classes->lpm = eg_lpm_build(b.entries.v, b.entries.n, 0);
		err = classes->lpm ? 0 : -ENOMEM;
	}
	if (!err)
		err = list_classes_of_matchers(classes, pod_classes, rules->matchers.n,
					       &classes->of_matcher);
	eg_vec_free(&b.entries);
	eg_lpm_free(b.sets);
	return err;
}

void eg_address_classes_free(struct eg_address_classes *classes)
{
	eg_vec_free(&classes->v);
	eg_vec_free(&classes->of_owner);
	eg_intern_free(&classes->keys);
	eg_regions_free(&classes->regions);
	eg_vec_free(&classes->of_matcher.classes);
	eg_vec_free(&classes->of_matcher.ends);
	eg_lpm_free(classes->lpm);
	classes->lpm = NULL;
}
