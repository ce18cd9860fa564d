#include "policy/classes.h"

#include <errno.h>

/* While building: prefixes and their classes, and the block set of any address. */
struct builder {
	struct eg_classes *classes;
	const struct eg_world *world;
	const struct eg_kinds *kinds;
	struct eg_lpm *sets; /* address -> block set */
	EG_VEC(struct eg_lpm_entry) entries;
};

static uint32_t class_id(struct eg_classes *classes, struct eg_class class)
{
	uint32_t key[5] = {class.signature, class.blocks, class.node, class.unknown, class.shared};
	uint32_t id = eg_intern_add(&classes->keys, key, 5);
	struct eg_class *entry;

	if (id == EG_INTERN_FAILED || id < classes->v.n)
		return id;
	entry = eg_vec_add(&classes->v);
	if (!entry)
		return EG_INTERN_FAILED;
	*entry = class;
	return id;
}

static int add_prefix(struct builder *b, const struct eg_prefix *prefix, struct eg_class class)
{
	struct eg_lpm_entry *entry = eg_vec_add(&b->entries);
	uint32_t id = entry ? class_id(b->classes, class) : EG_INTERN_FAILED;

	if (id == EG_INTERN_FAILED)
		return -ENOMEM;
	*entry = (struct eg_lpm_entry){*prefix, id};
	return 0;
}

/* signature EG_NONE: an address no pod owns. */
static struct eg_class class_of(const struct builder *b, const struct eg_ip *ip, uint32_t signature)
{
	return (struct eg_class){.signature = signature,
				 .blocks = eg_lpm_lookup(b->sets, ip),
				 .node = eg_world_node_at(b->world, ip) != EG_NONE};
}

static int add_address(struct builder *b, const struct eg_ip *ip, uint32_t signature)
{
	struct eg_prefix prefix = {*ip, (uint8_t)eg_ip_bits(ip)};

	return add_prefix(b, &prefix, class_of(b, ip, signature));
}

static struct eg_class owner_class(const struct builder *b, const struct eg_owner *owner)
{
	uint32_t kind = b->kinds->of_pod.v[owner->index];

	return class_of(b, &owner->ip, b->kinds->v.v[kind].signature);
}

/* Remember the class that an address would have with one of its owners only. */
static int keep_owner_class(struct eg_classes *classes, size_t n_owners, size_t at,
			    struct eg_class class)
{
	uint32_t id = class_id(classes, class);

	while (classes->of_owner.n < n_owners)
		if (eg_words_add(&classes->of_owner, EG_NONE))
			return -ENOMEM;
	classes->of_owner.v[at] = id;
	return id == EG_INTERN_FAILED ? -ENOMEM : 0;
}

/* Addresses that several pods claim, after all others: each a class of its own, which says that the
 * classes of its owners decide. */
static int add_shared(struct builder *b)
{
	const struct eg_owners *owners = &b->world->pod_ips;

	for (size_t i = 0, end; i < owners->n; i = end) {
		struct eg_prefix prefix = {owners->v[i].ip, (uint8_t)eg_ip_bits(&owners->v[i].ip)};
		struct eg_class class;

		for (end = i + 1; end < owners->n; end++)
			if (!eg_ip_equal(&owners->v[i].ip, &owners->v[end].ip))
				break;
		for (size_t j = i; end - i > 1 && j < end; j++) {
			class = owner_class(b, &owners->v[j]);
			if (keep_owner_class(b->classes, owners->n, j, class))
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

static const struct eg_class unknown_class = {.signature = EG_NONE, .unknown = true};
static const struct eg_class outside_class = {.signature = EG_NONE};

/* Of a prefix that no pod or node has as its address. */
static struct eg_class unowned(const struct builder *b, const struct eg_region *region)
{
	if (eg_world_pod_network(b->world, &region->prefix))
		return unknown_class;
	return (struct eg_class){.signature = EG_NONE, .blocks = region->set};
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
		err = add_prefix(b, &region->prefix, unowned(b, region));
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

/* Before all addresses: regions that lie inside a network are unknown already. */
static int add_networks(struct builder *b)
{
	b->classes->unknown = EG_NONE;
	eg_vec_foreach (network, &b->world->pod_networks)
		if (add_prefix(b, network, unknown_class))
			return -ENOMEM;
	if (b->world->pod_networks.n)
		b->classes->unknown = class_id(b->classes, unknown_class);
	return 0;
}

/* Nodes first: an address that is a node's and a pod's is the pod's, with the node's mark. */
static int add_owned(struct builder *b)
{
	eg_vec_foreach (ip, &b->world->known)
		if (add_address(b, ip, EG_NONE))
			return -ENOMEM;
	eg_vec_foreach (node, &b->world->nodes)
		eg_vec_foreach (ip, &node->ips)
			if (add_address(b, ip, EG_NONE))
				return -ENOMEM;
	eg_vec_foreach (index, &b->kinds->pod_order) {
		uint32_t kind = b->kinds->of_pod.v[*index];

		if (kind == EG_NONE)
			continue;
		eg_vec_foreach (ip, &b->world->pods.v[*index].ips)
			if (add_address(b, ip, b->kinds->v.v[kind].signature))
				return -ENOMEM;
	}
	return 0;
}

/* Matchers that choose a class. */
static const uint32_t *choosers(const struct eg_kinds *kinds, const struct eg_class *class,
				size_t *n)
{
	*n = 0;
	return class->signature == EG_NONE ? NULL : eg_kinds_matchers(kinds, class->signature, n);
}

/* Turn "what chooses this class" into "the classes this chooses", ascending. */
static int invert(const struct eg_classes *classes, const struct eg_kinds *kinds, size_t n_lists,
		  struct eg_class_lists *out)
{
	uint32_t *next = calloc(n_lists + 1, sizeof(*next));
	size_t n, total = 0;

	out->ends = (struct eg_words){next, n_lists, n_lists + 1};
	if (!next)
		return -ENOMEM;
	eg_vec_foreach (class, &classes->v) {
		const uint32_t *by = choosers(kinds, class, &n);

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
	/* next[i] is the start of list i and grows to its end. */
	for (uint32_t c = 0; c < classes->v.n; c++) {
		const uint32_t *by = choosers(kinds, &classes->v.v[c], &n);

		for (size_t i = 0; i < n; i++)
			out->classes.v[next[by[i]]++] = c;
	}
	return 0;
}

int eg_classes_build(struct eg_classes *classes, const struct eg_world *world,
		     const struct eg_rules *rules, const struct eg_kinds *kinds)
{
	struct builder b = {.classes = classes, .world = world, .kinds = kinds};
	int err = eg_regions_build(&classes->regions, rules);

	if (!err && class_id(classes, outside_class) != 0)
		err = -ENOMEM;
	if (!err)
		err = add_regions(&b, &classes->regions);
	if (!err)
		err = add_networks(&b);
	if (!err)
		err = add_owned(&b);
	if (!err)
		err = add_shared(&b);
	if (!err) {
		classes->lpm = eg_lpm_build(b.entries.v, b.entries.n, 0);
		err = classes->lpm ? 0 : -ENOMEM;
	}
	if (!err)
		err = invert(classes, kinds, rules->matchers.n, &classes->of_matcher);
	eg_vec_free(&b.entries);
	eg_lpm_free(b.sets);
	return err;
}

void eg_classes_free(struct eg_classes *classes)
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
