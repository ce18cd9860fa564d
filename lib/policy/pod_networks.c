/* Pod networks: networks in which every address must have an owner. Kubernetes isolates a pod
 * before it starts, so a pod missing from the inventory must not be less restricted than a known
 * one. */
#include "policy/cluster.h"

static int compare_ips(const void *va, const void *vb)
{
	const struct eg_ip *a = va, *b = vb;

	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

/* Outer networks before those inside them. */
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

void eg_cluster_index_networks(struct eg_cluster *cluster)
{
	struct eg_prefixes *networks = &cluster->pod_networks;
	size_t kept = 0;

	if (networks->n)
		qsort(networks->v, networks->n, sizeof(*networks->v), compare_networks);
	/* Networks inside another one follow it, so the last one kept is the only candidate. */
	for (size_t i = 0; i < networks->n; i++)
		if (!kept || !holds(&networks->v[kept - 1], &networks->v[i]))
			networks->v[kept++] = networks->v[i];
	networks->n = kept;
	if (cluster->gateway_ips.n)
		qsort(cluster->gateway_ips.v, cluster->gateway_ips.n,
		      sizeof(*cluster->gateway_ips.v), compare_ips);
}

const struct eg_prefix *eg_cluster_pod_network(const struct eg_cluster *cluster,
					       const struct eg_prefix *prefix)
{
	size_t low = 0, high = cluster->pod_networks.n;

	/* Networks are disjoint, so only the last one that does not start after `prefix` can
	 * contain it. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_networks(&cluster->pod_networks.v[middle], prefix) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || !holds(&cluster->pod_networks.v[low - 1], prefix))
		return NULL;
	return &cluster->pod_networks.v[low - 1];
}

bool eg_cluster_unknown(const struct eg_cluster *cluster, const struct eg_ip *ip)
{
	const struct eg_prefix host = {*ip, (uint8_t)eg_ip_bits(ip)};

	if (!eg_cluster_pod_network(cluster, &host) || eg_cluster_pod_at(cluster, ip) != EG_NONE ||
	    eg_cluster_node_at(cluster, ip) != EG_NONE)
		return false;
	return !cluster->gateway_ips.n ||
	       !bsearch(ip, cluster->gateway_ips.v, cluster->gateway_ips.n,
			sizeof(*cluster->gateway_ips.v), compare_ips);
}
