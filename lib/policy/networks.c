/* Pod networks: where an address must have an owner. Kubernetes isolates a pod before it starts; a
 * pod that the inventory does not know yet must not be freer than the ones it knows. */
#include "policy/model.h"

static int compare_ips(const void *va, const void *vb)
{
	const struct eg_ip *a = va, *b = vb;

	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

/* Outer networks before what lies inside. */
static int compare_networks(const void *va, const void *vb)
{
	const struct eg_prefix *a = va, *b = vb;
	int c = compare_ips(&a->ip, &b->ip);

	return c ? c : (int)a->len - (int)b->len;
}

static bool holds(const struct eg_prefix *outer, const struct eg_prefix *inner)
{
	return outer->len <= inner->len && eg_prefix_contains(outer, &inner->ip);
}

void eg_world_index_networks(struct eg_world *world)
{
	struct eg_prefixes *networks = &world->pod_networks;
	size_t kept = 0;

	if (networks->n)
		qsort(networks->v, networks->n, sizeof(*networks->v), compare_networks);
	/* What lies inside a network follows it, so the last one kept is the only candidate. */
	for (size_t i = 0; i < networks->n; i++)
		if (!kept || !holds(&networks->v[kept - 1], &networks->v[i]))
			networks->v[kept++] = networks->v[i];
	networks->n = kept;
	if (world->known.n)
		qsort(world->known.v, world->known.n, sizeof(*world->known.v), compare_ips);
}

const struct eg_prefix *eg_world_pod_network(const struct eg_world *world,
					     const struct eg_prefix *prefix)
{
	size_t low = 0, high = world->pod_networks.n;

	/* Networks are disjoint: the one that holds it is the last that begins no later. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_networks(&world->pod_networks.v[middle], prefix) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || !holds(&world->pod_networks.v[low - 1], prefix))
		return NULL;
	return &world->pod_networks.v[low - 1];
}

bool eg_world_unknown(const struct eg_world *world, const struct eg_ip *ip)
{
	const struct eg_prefix host = {*ip, (uint8_t)eg_ip_bits(ip)};

	if (!eg_world_pod_network(world, &host) || eg_world_pod_at(world, ip) != EG_NONE ||
	    eg_world_node_at(world, ip) != EG_NONE)
		return false;
	return !world->known.n ||
	       !bsearch(ip, world->known.v, world->known.n, sizeof(*world->known.v), compare_ips);
}
