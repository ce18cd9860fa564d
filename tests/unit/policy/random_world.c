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

static eg_sym word(struct rng *rng, struct eg_world *world, char first, uint32_t n)
{
	char text[3] = {first, (char)('0' + rng_below(rng, n)), 0};

	return eg_sym_intern(&world->syms, text);
}

static void add_labels(struct rng *rng, struct eg_world *world, struct eg_labels *labels)
{
	for (uint32_t n = rng_below(rng, 4); n; n--) {
		eg_sym key = word(rng, world, 'k', 3);

		if (!eg_labels_get(labels, key))
			*eg_vec_add(labels) = (struct eg_label){key, word(rng, world, 'v', 3)};
	}
	eg_labels_sort(labels);
}

static void add_selector(struct rng *rng, struct eg_world *world, struct eg_selector *selector)
{
	for (uint32_t n = rng_below(rng, 3); n; n--) {
		struct eg_requirement *req = eg_vec_add(&selector->reqs);

		req->key = word(rng, world, 'k', 3);
		req->op = (enum eg_op)rng_below(rng, 4);
		if (req->op != EG_OP_IN && req->op != EG_OP_NOT_IN)
			continue;
		for (uint32_t v = 1 + rng_below(rng, 2); v; v--)
			*eg_vec_add(&req->values) = word(rng, world, 'v', 3);
	}
}

static const uint8_t protos[] = {EG_PROTO_TCP, EG_PROTO_UDP, EG_PROTO_SCTP};

/* Addresses from few bytes, so that they fall into each other's prefixes. */
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

static void add_peer(struct rng *rng, struct eg_world *world, struct eg_rule *rule)
{
	struct eg_peer *peer = eg_vec_add(&rule->peers);

	if (chance(rng, 40)) {
		add_block(rng, peer);
		return;
	}
	peer->has_ns = chance(rng, 50);
	peer->has_pod = !peer->has_ns || chance(rng, 60);
	if (peer->has_ns)
		add_selector(rng, world, &peer->ns);
	if (peer->has_pod)
		add_selector(rng, world, &peer->pod);
}

static void add_port(struct rng *rng, struct eg_world *world, struct eg_rule *rule)
{
	struct eg_port *port = eg_vec_add(&rule->ports);

	port->proto = protos[rng_below(rng, 3)];
	port->kind = (enum eg_port_kind)rng_below(rng, 3);
	if (port->kind == EG_PORT_NAMED)
		port->name = word(rng, world, 'p', 3);
	if (port->kind != EG_PORT_RANGE)
		return;
	port->first = chance(rng, 5) ? 65535 : (uint16_t)(1 + rng_below(rng, 12));
	port->last = port->first;
	if (chance(rng, 40))
		port->last = chance(rng, 20) ? 65535 : port->first;
	if (port->first < 100 && port->last < 100 && chance(rng, 40))
		port->last = (uint16_t)(port->first + rng_below(rng, 6));
}

static void add_policy(struct rng *rng, struct eg_world *world)
{
	struct eg_netpol *policy = eg_vec_add(&world->policies);

	policy->ns = rng_below(rng, (uint32_t)world->namespaces.n);
	policy->name = word(rng, world, 'n', 9);
	if (chance(rng, 70))
		add_selector(rng, world, &policy->pods);
	for (int dir = 0; dir < EG_DIRS; dir++) {
		policy->isolates[dir] = chance(rng, 60);
		for (uint32_t n = rng_below(rng, 4); n; n--) {
			struct eg_rule *rule = eg_vec_add(&policy->rules[dir]);

			for (uint32_t p = rng_below(rng, 4); p; p--)
				add_peer(rng, world, rule);
			for (uint32_t p = chance(rng, 60) ? rng_below(rng, 4) : 0; p; p--)
				add_port(rng, world, rule);
		}
	}
}

static bool taken(const struct eg_world *world, const struct eg_ip *ip)
{
	eg_vec_foreach (pod, &world->pods)
		eg_vec_foreach (other, &pod->ips)
			if (eg_pod_has_own_ips(pod) && eg_ip_equal(other, ip))
				return true;
	return false;
}

static void add_pod(struct rng *rng, struct eg_world *world)
{
	struct eg_pod pod = {
		.ns = rng_below(rng, (uint32_t)world->namespaces.n),
		.name = word(rng, world, 'n', 9),
		.node = world->nodes.n && chance(rng, 80) ? rng_below(rng, (uint32_t)world->nodes.n)
							  : EG_NONE,
		.host_network = chance(rng, 8),
		.finished = chance(rng, 8),
	};
	bool have[2] = {false};

	add_labels(rng, world, &pod.labels);
	for (int i = 0; i < 2; i++) {
		struct eg_ip ip = random_ip(rng);

		/* Two pods with one address are rare, but have an answer. */
		if ((eg_pod_has_own_ips(&pod) && taken(world, &ip) && rng_below(rng, 4)) ||
		    have[ip.family == 6])
			continue;
		have[ip.family == 6] = true;
		*eg_vec_add(&pod.ips) = ip;
	}
	for (uint32_t n = rng_below(rng, 4); n; n--) {
		struct eg_named_port port = {word(rng, world, 'p', 3),
					     (uint16_t)(1 + rng_below(rng, 12)),
					     protos[rng_below(rng, 3)]};

		if (!eg_pod_has_port(&pod, port.name, port.proto, port.port))
			*eg_vec_add(&pod.ports) = port;
	}
	*eg_vec_add(&world->pods) = pod;
}

void random_world(struct rng *rng, struct eg_world *world)
{
	for (uint32_t n = 1 + rng_below(rng, 4); n; n--) {
		struct eg_namespace *ns = eg_vec_add(&world->namespaces);

		ns->name = word(rng, world, 'n', 9);
		add_labels(rng, world, &ns->labels);
	}
	for (uint32_t n = rng_below(rng, 4); n; n--) {
		struct eg_cluster_node *node = eg_vec_add(&world->nodes);

		node->name = word(rng, world, 'n', 9);
		for (uint32_t i = rng_below(rng, 3); i; i--)
			*eg_vec_add(&node->ips) = random_ip(rng);
	}
	for (uint32_t n = rng_below(rng, chance(rng, 10) ? 120 : 14); n; n--)
		add_pod(rng, world);
	for (uint32_t n = rng_below(rng, chance(rng, 10) ? 60 : 9); n; n--)
		add_policy(rng, world);
	/* Not too many: what is unknown is denied, and tells nothing of rules. */
	for (uint32_t n = chance(rng, 40) ? 1 + rng_below(rng, 3) : 0; n; n--) {
		struct eg_prefix network = random_prefix(rng);

		if (network.len > 8)
			*eg_vec_add(&world->pod_networks) = network;
	}
	for (uint32_t n = chance(rng, 30) ? 1 + rng_below(rng, 3) : 0; n; n--)
		*eg_vec_add(&world->known) = random_ip(rng);
	assert_int_equal(eg_world_index(world), 0);
}

/* Half the time a pod's address, else a node's, a prefix's edge or anything. */
static struct eg_ip near_ip(struct rng *rng, const struct eg_world *world)
{
	const struct eg_netpol *policy;

	if (world->pods.n && chance(rng, 60)) {
		const struct eg_pod *pod = &world->pods.v[rng_below(rng, (uint32_t)world->pods.n)];

		if (pod->ips.n)
			return pod->ips.v[rng_below(rng, (uint32_t)pod->ips.n)];
	}
	if (world->nodes.n && chance(rng, 30)) {
		const struct eg_cluster_node *node =
			&world->nodes.v[rng_below(rng, (uint32_t)world->nodes.n)];

		if (node->ips.n)
			return node->ips.v[rng_below(rng, (uint32_t)node->ips.n)];
	}
	policy = world->policies.n ? &world->policies.v[rng_below(rng, (uint32_t)world->policies.n)]
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

struct eg_packet_key random_key(struct rng *rng, const struct eg_world *world)
{
	static const uint8_t any[] = {6, 6, 17, 132, 1, 58, 50, 47, 0, 255};
	struct eg_packet_key key = {.src = near_ip(rng, world)};

	do
		key.dst = chance(rng, 5) ? key.src : near_ip(rng, world);
	while (key.dst.family != key.src.family && chance(rng, 95));
	if (key.dst.family != key.src.family)
		key.dst = key.src;
	key.proto = any[rng_below(rng, sizeof(any))];
	key.port = (uint16_t)(chance(rng, 90) ? rng_below(rng, 20) : 65535 - rng_below(rng, 2));
	return key;
}
