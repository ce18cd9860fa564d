#include "policy/boundary_values.h"

#include <errno.h>

#include "policy/reference.h"

#define PROTO_ICMP 1

static int add_ip(struct eg_ips *ips, const struct eg_ip *ip)
{
	struct eg_ip *entry = eg_vec_add(ips);

	if (!entry)
		return -ENOMEM;
	*entry = *ip;
	return 0;
}

/* Add 1 or -1; false at the end of the address space. */
static bool step(struct eg_ip *ip, int by)
{
	for (unsigned i = eg_ip_bits(ip) / 8; i-- > 0;) {
		ip->bytes[i] = (uint8_t)(ip->bytes[i] + by);
		if (ip->bytes[i] != (by > 0 ? 0 : 0xff))
			return true;
	}
	return false;
}

static struct eg_ip last_of(const struct eg_prefix *prefix)
{
	struct eg_ip ip = prefix->ip;

	for (unsigned bit = prefix->len; bit < eg_ip_bits(&ip); bit++)
		ip.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	return ip;
}

static int add_prefix(struct eg_ips *ips, const struct eg_prefix *prefix)
{
	struct eg_ip first = prefix->ip, last = last_of(prefix);

	if (add_ip(ips, &first) || add_ip(ips, &last))
		return -ENOMEM;
	if ((step(&first, -1) && add_ip(ips, &first)) || (step(&last, 1) && add_ip(ips, &last)))
		return -ENOMEM;
	return 0;
}

static int add_peer(struct eg_ips *ips, const struct eg_peer *peer)
{
	if (!peer->is_block)
		return 0;
	if (add_prefix(ips, &peer->cidr))
		return -ENOMEM;
	eg_vec_foreach (except, &peer->except)
		if (add_prefix(ips, except))
			return -ENOMEM;
	return 0;
}

static int add_cluster(struct eg_ips *ips, const struct eg_cluster *cluster)
{
	static const struct eg_prefix whole[] = {{{{0}, 4}, 0}, {{{0}, 6}, 0}};

	if (add_prefix(ips, &whole[0]) || add_prefix(ips, &whole[1]))
		return -ENOMEM;
	eg_vec_foreach (pod, &cluster->pods)
		eg_vec_foreach (ip, &pod->ips)
			if (add_ip(ips, ip))
				return -ENOMEM;
	eg_vec_foreach (node, &cluster->nodes)
		eg_vec_foreach (ip, &node->ips)
			if (add_ip(ips, ip))
				return -ENOMEM;
	eg_vec_foreach (ip, &cluster->gateway_ips)
		if (add_ip(ips, ip))
			return -ENOMEM;
	eg_vec_foreach (network, &cluster->pod_networks)
		if (add_prefix(ips, network))
			return -ENOMEM;
	eg_vec_foreach (policy, &cluster->policies)
		for (int dir = 0; dir < EG_DIRS; dir++)
			eg_vec_foreach (rule, &policy->rules[dir])
				eg_vec_foreach (peer, &rule->peers)
					if (add_peer(ips, peer))
						return -ENOMEM;
	return 0;
}

static int compare_ips(const void *va, const void *vb)
{
	const struct eg_ip *a = va, *b = vb;
	int c = a->family - b->family;

	return c ? c : memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static void sort_unique(struct eg_ips *ips)
{
	size_t kept = 0;

	qsort(ips->v, ips->n, sizeof(*ips->v), compare_ips);
	for (size_t i = 1; i < ips->n; i++)
		if (!eg_ip_equal(&ips->v[i], &ips->v[kept]))
			ips->v[++kept] = ips->v[i];
	ips->n = kept + 1;
}

int eg_boundary_find(struct eg_boundary *boundary, const struct eg_policy *policy)
{
	size_t n_classes = eg_policy_stats(policy)->n_classes;
	bool *seen = calloc(n_classes * 2, sizeof(*seen));
	int err = seen ? add_cluster(&boundary->all, eg_policy_cluster(policy)) : -ENOMEM;

	if (!err)
		sort_unique(&boundary->all);
	for (size_t i = 0; !err && i < boundary->all.n; i++) {
		const struct eg_ip *ip = &boundary->all.v[i];
		bool *mine = &seen[eg_policy_class(policy, ip) * 2 + (ip->family == 6)];

		if (!*mine)
			err = add_ip(&boundary->ends, ip);
		*mine = true;
	}
	free(seen);
	return err;
}

void eg_boundary_free(struct eg_boundary *boundary)
{
	eg_vec_free(&boundary->all);
	eg_vec_free(&boundary->ends);
}

static int add_range(struct eg_words *keys, uint8_t proto, uint16_t first, uint16_t last)
{
	if ((first && eg_words_add(keys, EG_BOUNDARY_KEY(proto, first - 1))) ||
	    eg_words_add(keys, EG_BOUNDARY_KEY(proto, first)) ||
	    eg_words_add(keys, EG_BOUNDARY_KEY(proto, last)) ||
	    (last != UINT16_MAX && eg_words_add(keys, EG_BOUNDARY_KEY(proto, last + 1))))
		return -ENOMEM;
	return 0;
}

static int add_named(struct eg_words *keys, const struct eg_pod *pod, const struct eg_port *port)
{
	eg_vec_foreach (it, &pod->ports)
		if (it->name == port->name && it->proto == port->proto &&
		    add_range(keys, port->proto, it->port, it->port))
			return -ENOMEM;
	return 0;
}

static int add_port(struct eg_words *keys, const struct eg_cluster *cluster,
		    const struct eg_port *port, uint32_t dst_pod)
{
	switch (port->kind) {
	case EG_PORT_ALL:
		return add_range(keys, port->proto, 0, UINT16_MAX);
	case EG_PORT_RANGE:
		return add_range(keys, port->proto, port->first, port->last);
	case EG_PORT_NAMED:
		return dst_pod == EG_NONE ? 0 : add_named(keys, &cluster->pods.v[dst_pod], port);
	}
	return 0;
}

/* Ports of the policies that isolate one endpoint. */
static int add_side(struct eg_words *keys, const struct eg_cluster *cluster, enum eg_dir dir,
		    uint32_t pod, uint32_t dst_pod)
{
	if (pod == EG_NONE)
		return 0;
	eg_vec_foreach (index, &cluster->namespaces.v[cluster->pods.v[pod].ns].policies) {
		if (!eg_ref_isolates(cluster, *index, dir, pod))
			continue;
		eg_vec_foreach (rule, &cluster->policies.v[*index].rules[dir])
			eg_vec_foreach (port, &rule->ports)
				if (add_port(keys, cluster, port, dst_pod))
					return -ENOMEM;
	}
	return 0;
}

int eg_boundary_ports(const struct eg_cluster *cluster, const struct eg_ip *src,
		      const struct eg_ip *dst, struct eg_words *keys)
{
	static const uint32_t always[] = {
		EG_BOUNDARY_KEY(PROTO_ICMP, 0),
		EG_BOUNDARY_KEY(EG_PROTO_TCP, 1),
		EG_BOUNDARY_KEY(EG_PROTO_UDP, 1),
		EG_BOUNDARY_KEY(EG_PROTO_SCTP, 1),
	};
	size_t n_srcs, n_dsts;
	const struct eg_owner *srcs = eg_cluster_pods_at(cluster, src, &n_srcs);
	const struct eg_owner *dsts = eg_cluster_pods_at(cluster, dst, &n_dsts);

	keys->n = 0;
	if (eg_words_append(keys, always, sizeof(always) / sizeof(*always)))
		return -ENOMEM;
	for (size_t d = 0; d < n_dsts || !d; d++) {
		uint32_t dst_pod = n_dsts ? dsts[d].index : EG_NONE;

		if (add_side(keys, cluster, EG_INGRESS, dst_pod, dst_pod))
			return -ENOMEM;
		for (size_t s = 0; s < n_srcs; s++)
			if (add_side(keys, cluster, EG_EGRESS, srcs[s].index, dst_pod))
				return -ENOMEM;
	}
	eg_words_sort(keys);
	return 0;
}
