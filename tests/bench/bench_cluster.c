#include "bench_cluster.h"

#include <err.h>
#include <stdio.h>

#define PODS_A_NS     50
#define POLICIES_A_NS 25
#define APPS          10
#define TEAMS         12

struct maker {
	struct eg_cluster *cluster;
	uint64_t random;
};

static uint32_t below(struct maker *m, uint32_t n)
{
	m->random = m->random * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(m->random >> 33) % n;
}

#define need(call)                                                                                 \
	({                                                                                         \
		__typeof__(call) need_ = (call);                                                   \
                                                                                                   \
		if (!need_)                                                                        \
			err(1, "bench");                                                           \
		need_;                                                                             \
	})

static eg_sym sym(struct maker *m, const char *fmt, uint32_t n)
{
	char text[64];

	snprintf(text, sizeof(text), fmt, n); /* NOLINT: all formats are in this file */
	return eg_sym_intern(&m->cluster->syms, text);
}

static void label(struct maker *m, struct eg_labels *labels, const char *key, eg_sym value)
{
	*need(eg_vec_add(labels)) = (struct eg_label){sym(m, key, 0), value};
	eg_labels_sort(labels);
}

static void require(struct maker *m, struct eg_selector *selector, const char *key, eg_sym value)
{
	struct eg_requirement *req = need(eg_vec_add(&selector->reqs));

	req->key = sym(m, key, 0);
	*need(eg_vec_add(&req->values)) = value;
}

static void add_namespaces(struct maker *m, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct eg_namespace *ns = need(eg_vec_add(&m->cluster->namespaces));

		ns->name = sym(m, "ns-%u", i);
		label(m, &ns->labels, "kubernetes.io/metadata.name", ns->name);
		label(m, &ns->labels, "team", sym(m, "team-%u", i % TEAMS));
		label(m, &ns->labels, "env", sym(m, i % 3 ? "dev" : "prod", 0));
	}
}

static void add_pod(struct maker *m, uint32_t i)
{
	static const struct {
		const char *name;
		uint16_t port;
		uint8_t proto;
	} ports[] = {{"http", 8080, EG_PROTO_TCP},
		     {"metrics", 9090, EG_PROTO_TCP},
		     {"dns", 53, EG_PROTO_UDP}};
	uint32_t ns = i / PODS_A_NS, at = i % PODS_A_NS, app = at % APPS;
	uint8_t v4[4] = {10, (uint8_t)(64 + i / 65536), (uint8_t)(i >> 8), (uint8_t)i};
	uint8_t v6[16] = {0xfd, 0, 0, 0x10, 0, 0, (uint8_t)(i / 6400), (uint8_t)(i / 100)};
	struct eg_pod *pod = need(eg_vec_add(&m->cluster->pods));

	for (int b = 8; b < 16; b++)
		v6[b] = (uint8_t)below(m, 256);
	pod->ns = ns;
	pod->name = sym(m, "pod-%u", i);
	pod->node = i / 100;
	label(m, &pod->labels, "app", sym(m, "app-%u", app));
	label(m, &pod->labels, "tier", sym(m, app % 3 ? "backend" : "frontend", 0));
	label(m, &pod->labels, "pod-template-hash", sym(m, "hash-%u", ns * APPS + app));
	if (app == 9)
		label(m, &pod->labels, "statefulset.kubernetes.io/pod-name", pod->name);
	*need(eg_vec_add(&pod->ips)) = eg_ip_from(4, v4);
	*need(eg_vec_add(&pod->ips)) = eg_ip_from(6, v6);
	for (size_t p = 0; p < sizeof(ports) / sizeof(*ports); p++)
		*need(eg_vec_add(&pod->ports)) =
			(struct eg_named_port){sym(m, ports[p].name, 0),
					       (uint16_t)(ports[p].port + app % 2), ports[p].proto};
}

static struct eg_netpol *add_policy(struct maker *m, uint32_t ns, const char *name, uint32_t i)
{
	struct eg_netpol *policy = need(eg_vec_add(&m->cluster->policies));

	policy->ns = ns;
	policy->name = sym(m, name, i);
	return policy;
}

static struct eg_rule *add_rule(struct eg_netpol *policy, enum eg_dir dir)
{
	policy->isolates[dir] = true;
	return need(eg_vec_add(&policy->rules[dir]));
}

static void add_range(struct eg_rule *rule, uint8_t proto, uint16_t first, uint16_t last)
{
	*need(eg_vec_add(&rule->ports)) = (struct eg_port){
		.kind = EG_PORT_RANGE, .proto = proto, .first = first, .last = last};
}

static void add_named(struct maker *m, struct eg_rule *rule, const char *name, uint8_t proto)
{
	*need(eg_vec_add(&rule->ports)) =
		(struct eg_port){.kind = EG_PORT_NAMED, .proto = proto, .name = sym(m, name, 0)};
}

static struct eg_peer *add_pods_peer(struct maker *m, struct eg_rule *rule, uint32_t app)
{
	struct eg_peer *peer = need(eg_vec_add(&rule->peers));

	peer->has_pod = true;
	require(m, &peer->pod, "app", sym(m, "app-%u", app));
	return peer;
}

static struct eg_peer *add_block(struct eg_rule *rule, const char *cidr)
{
	struct eg_peer *peer = need(eg_vec_add(&rule->peers));

	peer->is_block = true;
	if (eg_prefix_parse(cidr, &peer->cidr))
		errx(1, "bad cidr %s", cidr);
	return peer;
}

static void add_except(struct eg_peer *peer, const char *cidr)
{
	if (eg_prefix_parse(cidr, need(eg_vec_add(&peer->except))))
		errx(1, "bad cidr %s", cidr);
}

/* The usual policies of a locked-down namespace. */
static void add_base(struct maker *m, uint32_t ns)
{
	struct eg_netpol *policy = add_policy(m, ns, "default-deny", 0);
	struct eg_rule *rule;
	struct eg_peer *peer;

	policy->isolates[EG_INGRESS] = policy->isolates[EG_EGRESS] = true;
	policy = add_policy(m, ns, "same-namespace", 0);
	for (int dir = 0; dir < EG_DIRS; dir++) {
		rule = add_rule(policy, (enum eg_dir)dir);
		need(eg_vec_add(&rule->peers))->has_pod = true;
	}
	policy = add_policy(m, ns, "dns", 0);
	rule = add_rule(policy, EG_EGRESS);
	peer = add_pods_peer(m, rule, 1);
	peer->has_ns = true;
	require(m, &peer->ns, "kubernetes.io/metadata.name", sym(m, "ns-%u", 0));
	add_range(rule, EG_PROTO_UDP, 53, 53);
	add_range(rule, EG_PROTO_TCP, 53, 53);
	policy = add_policy(m, ns, "metrics", 0);
	rule = add_rule(policy, EG_INGRESS);
	peer = add_pods_peer(m, rule, 2);
	peer->has_ns = true; /* the prometheus of every team */
	add_named(m, rule, "metrics", EG_PROTO_TCP);
	policy = add_policy(m, ns, "internet", 0);
	require(m, &policy->pods, "tier", sym(m, "backend", 0));
	rule = add_rule(policy, EG_EGRESS);
	peer = add_block(rule, "0.0.0.0/0");
	add_except(peer, "10.0.0.0/8");
	add_except(peer, "172.16.0.0/12");
	add_except(peer, "192.168.0.0/16");
	add_block(rule, "2000::/3");
	add_range(rule, EG_PROTO_TCP, 443, 443);
}

/* An application and its peers: its own namespace, a team's, external networks. */
static void add_app(struct maker *m, uint32_t ns, uint32_t i)
{
	struct eg_netpol *policy = add_policy(m, ns, "app-%u", i);
	struct eg_rule *rule = add_rule(policy, EG_INGRESS);
	struct eg_peer *peer = add_pods_peer(m, rule, below(m, APPS));
	char cidr[32];

	require(m, &policy->pods, "app", sym(m, "app-%u", i % APPS));
	add_range(rule, EG_PROTO_TCP, 80, 80);
	add_named(m, rule, "http", EG_PROTO_TCP);
	if (i % 3 == 0) {
		peer = need(eg_vec_add(&rule->peers));
		peer->has_ns = peer->has_pod = true;
		require(m, &peer->ns, "team", sym(m, "team-%u", below(m, TEAMS)));
		require(m, &peer->pod, "tier", sym(m, "frontend", 0));
	}
	if (i % 4 == 0) {
		rule = add_rule(policy, EG_INGRESS);
		snprintf(cidr, sizeof(cidr), "203.%u.%u.0/24", below(m, 4), below(m, 256));
		peer = add_block(rule, cidr);
		*need(eg_vec_add(&peer->except)) = peer->cidr;
		peer->except.v[0].len = 28;
		add_range(rule, EG_PROTO_TCP, (uint16_t)(8000 + i), (uint16_t)(8100 + i));
	}
	if (i % 2 == 0) {
		rule = add_rule(policy, EG_EGRESS);
		peer = add_pods_peer(m, rule, below(m, APPS));
		peer->has_ns = true;
		require(m, &peer->ns, "team", sym(m, "team-%u", below(m, TEAMS)));
		add_range(rule, EG_PROTO_TCP, 5432, 5432);
		add_range(rule, EG_PROTO_TCP, (uint16_t)(30000 + 10 * i),
			  (uint16_t)(30009 + 10 * i));
	}
}

void bench_cluster(struct eg_cluster *cluster, uint32_t n_pods)
{
	struct maker m = {cluster, 42};
	uint32_t n_ns = (n_pods + PODS_A_NS - 1) / PODS_A_NS;

	add_namespaces(&m, n_ns);
	for (uint32_t i = 0; i <= n_pods / 100; i++) {
		uint8_t ip[4] = {192, 168, (uint8_t)(i >> 8), (uint8_t)i};
		struct eg_cluster_node *node = need(eg_vec_add(&cluster->nodes));

		node->name = sym(&m, "node-%u", i);
		*need(eg_vec_add(&node->ips)) = eg_ip_from(4, ip);
	}
	for (uint32_t i = 0; i < n_pods; i++)
		add_pod(&m, i);
	for (uint32_t ns = 0; ns < n_ns; ns++) {
		add_base(&m, ns);
		for (uint32_t i = 0; i < POLICIES_A_NS - 5; i++)
			add_app(&m, ns, i);
	}
	if (eg_cluster_index(cluster))
		err(1, "bench");
}

static const struct eg_ip outside[] = {
	{{8, 8, 8, 8}, 4},
	{{203, 1, 7, 99}, 4},
	{{203, 2, 30, 3}, 4},
	{{192, 168, 0, 1}, 4},
	{{0x20, 1, 0xd, 0xb8, [15] = 1}, 6},
	{{0xfe, 0x80, [15] = 1}, 6},
};

static const struct eg_ip *pod_ip(struct maker *m, uint32_t first, uint32_t n, unsigned family)
{
	return &m->cluster->pods.v[first + below(m, n)].ips.v[family == 6];
}

static const struct eg_ip *outside_ip(struct maker *m, unsigned family)
{
	const struct eg_ip *ip;

	do
		ip = &outside[below(m, sizeof(outside) / sizeof(*outside))];
	while (ip->family != family);
	return ip;
}

/* Half of the packets stay in their namespace, a third go to another one, the rest are external. */
static void add_packet(struct maker *m, struct eg_policy_packet *packet)
{
	static const uint16_t ports[] = {53, 80, 443, 5432, 8080, 8081, 9090, 30005, 22, 8050};
	uint32_t n = (uint32_t)m->cluster->pods.n, kind = below(m, 12);
	unsigned family = below(m, 2) ? 4 : 6;
	uint32_t home = below(m, n) / PODS_A_NS * PODS_A_NS;

	*packet = (struct eg_policy_packet){
		.src = (kind == 0 ? outside_ip(m, family) : pod_ip(m, home, PODS_A_NS, family))
			       ->bytes,
		.dst = (kind == 1  ? outside_ip(m, family)
			: kind < 6 ? pod_ip(m, 0, n, family)
				   : pod_ip(m, home, PODS_A_NS, family))
			       ->bytes,
		.port = ports[below(m, sizeof(ports) / sizeof(*ports))],
		.proto = below(m, 5) ? EG_PROTO_TCP : EG_PROTO_UDP,
		.family = (uint8_t)family,
	};
}

struct eg_policy_packet *bench_packets(struct eg_cluster *cluster, size_t n)
{
	struct maker m = {cluster, 7};
	struct eg_policy_packet *packets = need(calloc(n, sizeof(*packets)));

	for (size_t i = 0; i < n; i++)
		add_packet(&m, &packets[i]);
	return packets;
}
