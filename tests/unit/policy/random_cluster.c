#include "policy_tests.h"

uint64_t rng_next(struct rng *rng)
{
	uint64_t z = rng->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

uint32_t rng_below(struct rng *rng, uint32_t n)
{
	return (uint32_t)(rng_next(rng) % n);
}

static bool chance(struct rng *rng, uint32_t percent)
{
	return rng_below(rng, 100) < percent;
}

static eg_sym word(struct rng *rng, struct eg_cluster *cluster, char first, uint32_t n)
{
	char text[3] = {first, (char)('0' + rng_below(rng, n)), 0};

	return eg_sym_intern(&cluster->syms, text);
}

static void add_labels(struct rng *rng, struct eg_cluster *cluster, struct eg_labels *labels)
{
	for (uint32_t n = rng_below(rng, 4); n; n--) {
		eg_sym key = word(rng, cluster, 'k', 3);

		if (!eg_labels_get(labels, key))
			*eg_vec_add(labels) = (struct eg_label){key, word(rng, cluster, 'v', 3)};
	}
	eg_labels_sort(labels);
}

static void add_selector(struct rng *rng, struct eg_cluster *cluster, struct eg_selector *selector)
{
	for (uint32_t n = rng_below(rng, 3); n; n--) {
		struct eg_requirement *req = eg_vec_add(&selector->reqs);

		req->key = word(rng, cluster, 'k', 3);
		req->op = (enum eg_op)rng_below(rng, 4);
		if (req->op != EG_OP_IN && req->op != EG_OP_NOT_IN)
			continue;
		for (uint32_t v = 1 + rng_below(rng, 2); v; v--)
			*eg_vec_add(&req->values) = word(rng, cluster, 'v', 3);
	}
}

static const uint8_t protos[] = {EG_PROTO_TCP, EG_PROTO_UDP, EG_PROTO_SCTP};

/* Addresses from a few bytes, so that many lie inside each other's prefixes. */
static struct eg_ip random_ip(struct rng *rng)
{
	struct eg_ip ip = {.family = chance(rng, 60) ? 4 : 6};
	unsigned bytes = eg_ip_bits(&ip) / 8;

	ip.bytes[0] = ip.family == 4 ? 10 : 0xfd;
	ip.bytes[bytes - 3] = (uint8_t)rng_below(rng, 2);
	ip.bytes[bytes - 2] = (uint8_t)(rng_below(rng, 3) * 64);
	ip.bytes[bytes - 1] = (uint8_t)rng_below(rng, chance(rng, 50) ? 8 : 256);
	return ip;
}

static struct eg_prefix random_prefix(struct rng *rng)
{
	struct eg_prefix p = {.ip = random_ip(rng)};
	uint32_t bits = eg_ip_bits(&p.ip);

	p.len = (uint8_t)(chance(rng, 10) ? rng_below(rng, 9) : bits - rng_below(rng, 20));
	eg_prefix_mask(&p);
	return p;
}

static void add_block(struct rng *rng, struct eg_peer *peer)
{
	peer->is_block = true;
	peer->cidr = random_prefix(rng);
	for (uint32_t n = rng_below(rng, 4); n; n--) {
		struct eg_prefix p = random_prefix(rng);

		if (!eg_prefix_contains(&peer->cidr, &p.ip) || p.len <= peer->cidr.len)
			continue;
		*eg_vec_add(&peer->except) = p;
	}
}

static void add_peer(struct rng *rng, struct eg_cluster *cluster, struct eg_rule *rule)
{
	struct eg_peer *peer = eg_vec_add(&rule->peers);

	if (chance(rng, 40)) {
		add_block(rng, peer);
		return;
	}
	peer->has_ns = chance(rng, 50);
	peer->has_pod = !peer->has_ns || chance(rng, 60);
	if (peer->has_ns)
		add_selector(rng, cluster, &peer->ns);
	if (peer->has_pod)
		add_selector(rng, cluster, &peer->pod);
}

static void add_port(struct rng *rng, struct eg_cluster *cluster, struct eg_rule *rule)
{
	struct eg_port *port = eg_vec_add(&rule->ports);

	port->proto = protos[rng_below(rng, 3)];
	port->kind = (enum eg_port_kind)rng_below(rng, 3);
	if (port->kind == EG_PORT_NAMED)
		port->name = word(rng, cluster, 'p', 3);
	if (port->kind != EG_PORT_RANGE)
		return;
	port->first = chance(rng, 5) ? 65535 : (uint16_t)(1 + rng_below(rng, 12));
	port->last = port->first;
	if (chance(rng, 40))
		port->last = chance(rng, 20) ? 65535 : port->first;
	if (port->first < 100 && port->last < 100 && chance(rng, 40))
		port->last = (uint16_t)(port->first + rng_below(rng, 6));
}

static void add_policy(struct rng *rng, struct eg_cluster *cluster)
{
	struct eg_netpol *policy = eg_vec_add(&cluster->policies);

	policy->ns = rng_below(rng, (uint32_t)cluster->namespaces.n);
	policy->name = word(rng, cluster, 'n', 9);
	if (chance(rng, 70))
		add_selector(rng, cluster, &policy->pods);
	for (int dir = 0; dir < EG_DIRS; dir++) {
		policy->isolates[dir] = chance(rng, 60);
		for (uint32_t n = rng_below(rng, 4); n; n--) {
			struct eg_rule *rule = eg_vec_add(&policy->rules[dir]);

			for (uint32_t p = rng_below(rng, 4); p; p--)
				add_peer(rng, cluster, rule);
			for (uint32_t p = chance(rng, 60) ? rng_below(rng, 4) : 0; p; p--)
				add_port(rng, cluster, rule);
		}
	}
}

static bool taken(const struct eg_cluster *cluster, const struct eg_ip *ip)
{
	eg_vec_foreach (pod, &cluster->pods)
		eg_vec_foreach (other, &pod->ips)
			if (eg_pod_has_own_ips(pod) && eg_ip_equal(other, ip))
				return true;
	return false;
}

static void add_pod(struct rng *rng, struct eg_cluster *cluster)
{
	struct eg_pod pod = {
		.ns = rng_below(rng, (uint32_t)cluster->namespaces.n),
		.name = word(rng, cluster, 'n', 9),
		.node = cluster->nodes.n && chance(rng, 80)
				? rng_below(rng, (uint32_t)cluster->nodes.n)
				: EG_NONE,
		.host_network = chance(rng, 8),
		.finished = chance(rng, 8),
	};
	bool have[2] = {false};

	add_labels(rng, cluster, &pod.labels);
	for (int i = 0; i < 2; i++) {
		struct eg_ip ip = random_ip(rng);

		/* Shared addresses are rare but allowed. */
		if ((eg_pod_has_own_ips(&pod) && taken(cluster, &ip) && rng_below(rng, 4)) ||
		    have[ip.family == 6])
			continue;
		have[ip.family == 6] = true;
		*eg_vec_add(&pod.ips) = ip;
	}
	for (uint32_t n = rng_below(rng, 4); n; n--) {
		struct eg_named_port port = {word(rng, cluster, 'p', 3),
					     (uint16_t)(1 + rng_below(rng, 12)),
					     protos[rng_below(rng, 3)]};

		if (!eg_pod_has_port(&pod, port.name, port.proto, port.port))
			*eg_vec_add(&pod.ports) = port;
	}
	*eg_vec_add(&cluster->pods) = pod;
}

void random_cluster(struct rng *rng, struct eg_cluster *cluster)
{
	for (uint32_t n = 1 + rng_below(rng, 4); n; n--) {
		struct eg_namespace *ns = eg_vec_add(&cluster->namespaces);

		ns->name = word(rng, cluster, 'n', 9);
		add_labels(rng, cluster, &ns->labels);
	}
	for (uint32_t n = rng_below(rng, 4); n; n--) {
		struct eg_cluster_node *node = eg_vec_add(&cluster->nodes);

		node->name = word(rng, cluster, 'n', 9);
		for (uint32_t i = rng_below(rng, 3); i; i--)
			*eg_vec_add(&node->ips) = random_ip(rng);
	}
	for (uint32_t n = rng_below(rng, chance(rng, 10) ? 120 : 14); n; n--)
		add_pod(rng, cluster);
	for (uint32_t n = rng_below(rng, chance(rng, 10) ? 60 : 9); n; n--)
		add_policy(rng, cluster);
	/* Not too many: unknown addresses are denied and do not exercise the rules. */
	for (uint32_t n = chance(rng, 40) ? 1 + rng_below(rng, 3) : 0; n; n--) {
		struct eg_prefix network = random_prefix(rng);

		if (network.len > 8)
			*eg_vec_add(&cluster->pod_networks) = network;
	}
	for (uint32_t n = chance(rng, 30) ? 1 + rng_below(rng, 3) : 0; n; n--)
		*eg_vec_add(&cluster->gateway_ips) = random_ip(rng);
	assert_int_equal(eg_cluster_index(cluster), 0);
}

/* Half of the time a pod's address, otherwise a node's, a prefix boundary or a random one. */
static struct eg_ip near_ip(struct rng *rng, const struct eg_cluster *cluster)
{
	const struct eg_netpol *policy;

	if (cluster->pods.n && chance(rng, 60)) {
		const struct eg_pod *pod =
			&cluster->pods.v[rng_below(rng, (uint32_t)cluster->pods.n)];

		if (pod->ips.n)
			return pod->ips.v[rng_below(rng, (uint32_t)pod->ips.n)];
	}
	if (cluster->nodes.n && chance(rng, 30)) {
		const struct eg_cluster_node *node =
			&cluster->nodes.v[rng_below(rng, (uint32_t)cluster->nodes.n)];

		if (node->ips.n)
			return node->ips.v[rng_below(rng, (uint32_t)node->ips.n)];
	}
	policy = cluster->policies.n
			 ? &cluster->policies.v[rng_below(rng, (uint32_t)cluster->policies.n)]
			 : NULL;
	for (int dir = 0; policy && dir < EG_DIRS; dir++)
		eg_vec_foreach (rule, &policy->rules[dir])
			eg_vec_foreach (peer, &rule->peers) {
				struct eg_ip ip = peer->cidr.ip;

				if (!peer->is_block || chance(rng, 50))
					continue;
				if (peer->except.n && chance(rng, 50))
					ip = peer->except.v[0].ip;
				ip.bytes[eg_ip_bits(&ip) / 8 - 1] ^= (uint8_t)rng_below(rng, 3);
				return ip;
			}
	return random_ip(rng);
}

struct eg_packet_key random_key(struct rng *rng, const struct eg_cluster *cluster)
{
	static const uint8_t any[] = {6, 6, 17, 132, 1, 58, 50, 47, 0, 255};
	struct eg_packet_key key = {.src = near_ip(rng, cluster)};

	do
		key.dst = chance(rng, 5) ? key.src : near_ip(rng, cluster);
	while (key.dst.family != key.src.family && chance(rng, 95));
	if (key.dst.family != key.src.family)
		key.dst = key.src;
	key.proto = any[rng_below(rng, sizeof(any))];
	key.port = (uint16_t)(chance(rng, 90) ? rng_below(rng, 20) : 65535 - rng_below(rng, 2));
	return key;
}
