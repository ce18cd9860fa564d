/* The files of a world. */
#include <sys/stat.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "base/buf.h"
#include "require.h"
#include "world.h"

static void write_file(const struct world *world, const char *name, const char *text, size_t n)
{
	char path[160];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", world->folder, name);
	file = fopen(path, "w");
	require(file && fwrite(text, 1, n, file) == n && !fclose(file) && !chmod(path, 0600),
		"a file of the world");
}

static void add_hex(struct eg_buf *text, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		eg_buf_add(text, "%02x", bytes[i]);
	eg_buf_add(text, "\n");
}

/* One line per key: encryption with its salt, authentication. */
static void write_key(const struct world *world, uint32_t spi, const struct eg_suite *suite)
{
	uint8_t material[EG_SUITE_KEY_MAX];
	size_t first = (size_t)suite->key_bytes + suite->salt_bytes;
	struct eg_buf text = {0};
	char name[32];

	world_material(spi, material);
	if (first)
		add_hex(&text, material, first);
	if (suite->auth_key_bytes)
		add_hex(&text, material + first, suite->auth_key_bytes);
	snprintf(name, sizeof(name), "keys/%x", spi);
	write_file(world, name, text.v, text.n);
	eg_buf_free(&text);
}

static void add_sas(const struct world *world, unsigned i, struct eg_buf *text)
{
	const struct peer *peer = &world->peer[i];

	eg_buf_add(text, "    sas: [");
	for (unsigned out = 0; out < 2; out++) {
		for (unsigned n = 0; n < (out ? peer->out : peer->in); n++) {
			uint32_t spi = world_spi(world, i, out, n);

			write_key(world, spi, peer->suite);
			eg_buf_add(text,
				   "{dir: %s, spi: 0x%x, suite: %s, esn: %s, key_file: keys/%x",
				   out ? "out" : "in", spi, peer->suite->name,
				   peer->esn ? "true" : "false", spi);
			if (!out)
				eg_buf_add(text, ", replay_window: %u", peer->window);
			eg_buf_add(text, "}, ");
		}
	}
	eg_buf_add(text, "]\n");
}

static void add_encap(const struct peer *peer, struct eg_buf *text)
{
	if (!peer->encap) {
		eg_buf_add(text, "    udp_encap: false\n");
		return;
	}
	eg_buf_add(text, "    udp_encap: {peer_port: %u, accept_plain: %s", peer->peer_port,
		   peer->accept_plain ? "true" : "false");
	if (peer->source_ports > 1)
		eg_buf_add(text, ", source_ports: %u", peer->source_ports);
	if (peer->floats)
		eg_buf_add(text, ", float: true");
	eg_buf_add(text, "}\n");
}

static void add_peer(const struct world *world, unsigned i, struct eg_buf *text)
{
	const struct peer *peer = &world->peer[i];
	unsigned net = 97 + world_location(world, i);
	uint8_t ends[2][16];
	char ends_text[2][64];

	world_ends(world, i, ends[0], ends[1]);
	for (unsigned end = 0; end < 2; end++)
		inet_ntop(peer->outer6 ? AF_INET6 : AF_INET, ends[end], ends_text[end], 64);
	eg_buf_add(text, "  p%u:\n    local: \"%s\"\n    remote: \"%s\"\n    mode: %s\n", i,
		   ends_text[0], ends_text[1], peer->transport ? "transport" : "tunnel");
	if (!peer->transport)
		eg_buf_add(text, "    subnets: [10.%u.0.0/24, \"fd00:%u::/64\"]\n", net, net);
	if (!peer->outer6 && !peer->transport)
		eg_buf_add(text, "    df: %s\n", peer->df);
	eg_buf_add(text, "    fragment: %s\n    mss_clamp: %s\n    path_mtu: %s\n", peer->fragment,
		   peer->mss_clamp ? "true" : "false", peer->learns_mtu ? "learn" : "ignore");
	if (peer->grouped && !peer->transport)
		eg_buf_add(text, "    priority: %u\n    weight: %u\n", peer->priority,
			   peer->weight);
	if (peer->probed && !peer->transport)
		eg_buf_add(text, "    alive: {target: 10.%u.0.1, interval: 1s, threshold: 3}\n",
			   net);
	eg_buf_add(text, "    rekey: {send_delay: 2s, grace: 5s}\n");
	add_encap(peer, text);
	add_sas(world, i, text);
}

static void add_ports(const struct world *world, struct eg_buf *text)
{
	static const struct {
		const char *name, *role, *rest;
	} ports[PORTS] = {
		{"pods", "clear", "addresses: [10.1.0.1/24, \"fd00:1::1/64\"]"},
		{"lan", "clear", "addresses: [10.9.0.1/24, \"fd00:9::1/64\"]"},
		{"up", "encrypted",
		 "addresses: [192.0.2.1/24, \"2001:db8:0::1/64\"], gateway: [192.0.2.254]"},
		{"up2", "encrypted", "addresses: [198.51.100.1/24, \"2001:db8:1::1/64\"]"}};

	eg_buf_add(text, "version: 1\nstate_dir: state\nports:\n");
	for (unsigned port = 0; port < PORTS; port++) {
		eg_buf_add(text, "  %s: {role: %s, mtu: %u, %s", ports[port].name, ports[port].role,
			   world->mtu[port], ports[port].rest);
		if (world_vlan(world, port))
			eg_buf_add(text, ", parent: %s, vlan: %u",
				   ports[world_device(world, port)].name, world_vlan(world, port));
		else
			eg_buf_add(text, ", device: net_ring%u", port);
		if (port < UP && !world->source_check)
			eg_buf_add(text, ", source_check: off");
		eg_buf_add(text, "}\n");
	}
}

static void add_routes(const struct world *world, struct eg_buf *text)
{
	if (world->static_mac) {
		unsigned mac = world->static_mac;

		eg_buf_add(text,
			   "neighbors:\n"
			   "  - {port: lan, ip: 10.9.0.254, mac: \"02:00:00:00:09:%02x\"}\n"
			   "  - {port: pods, ip: 10.1.0.10, mac: \"02:00:00:00:01:%02x\"}\n"
			   "  - {port: up, ip: 192.0.2.254, mac: \"02:00:00:00:02:%02x\"}\n"
			   "  - {port: up, ip: 192.0.2.33, mac: \"02:00:00:00:03:%02x\"}\n",
			   mac, mac, mac, mac);
	}
	eg_buf_add(text, "routes:\n"
			 "  - {to: 203.0.114.0/24, via: 198.51.100.254}\n"
			 "  - {to: \"2001:db8:99::/64\", via: \"2001:db8::fe\"}\n"
			 "  - {to: \"2001:db8:9a::/64\", via: \"2001:db8:1::fe\"}\n");
	if (world->has_lan_route)
		eg_buf_add(text, "  - {to: 10.8.0.0/16, via: 10.9.0.254}\n"
				 "  - {to: \"fd00:8::/64\", via: \"fd00:9::fe\"}\n");
}

/* Pods everywhere, some of which are missing from the inventory. */
static void write_inventory(const struct world *world)
{
	struct eg_buf text = {0};
	struct rng rng = {world->label_seed};

	for (unsigned n = 0; n < 2; n++)
		eg_buf_add(&text,
			   "---\n{apiVersion: v1, kind: Namespace, metadata: {name: n%u, labels: "
			   "{ns: n%u}}}\n",
			   n, n);
	for (unsigned location = 0; location < LOCATIONS; location++) {
		for (unsigned host = 0; host < HOSTS; host++) {
			unsigned net = 97 + location, ns = host % 2;

			if (!rng_below(&rng, 10))
				continue;
			if (location < 3)
				net = (unsigned[]){1, 9, 8}[location];
			eg_buf_add(&text,
				   "---\n{apiVersion: v1, kind: Pod, metadata: {name: p%u-%u, "
				   "namespace: n%u, labels: {app: a%u}}, status: {podIPs: [{ip: "
				   "10.%u.0.%u}, {ip: \"fd00:%u::%x\"}]}}\n",
				   location, host, ns, (unsigned)rng_below(&rng, LABELS), net,
				   10 + host, net, 0x10 + host);
		}
	}
	write_file(world, "inventory/all.yaml", text.v, text.n);
	eg_buf_free(&text);
}

static void add_peers_of_rule(struct rng *rng, struct eg_buf *text, const char *word)
{
	unsigned kind = (unsigned)rng_below(rng, 5);

	eg_buf_add(text, "{%s: [", word);
	if (kind == 0)
		eg_buf_add(text, "{ipBlock: {cidr: 10.%u.0.0/16}}",
			   97 + 3 + (unsigned)rng_below(rng, 4));
	else if (kind == 1)
		eg_buf_add(text, "{namespaceSelector: {}}");
	else if (kind == 2)
		eg_buf_add(text, "{ipBlock: {cidr: 0.0.0.0/0}}, {ipBlock: {cidr: \"::/0\"}}");
	else
		eg_buf_add(text,
			   "{podSelector: {matchLabels: {app: a%u}}, namespaceSelector: "
			   "{matchLabels: {ns: n%u}}}",
			   (unsigned)rng_below(rng, LABELS), (unsigned)rng_below(rng, 2));
	eg_buf_add(text, "]");
	if (rng_below(rng, 2))
		eg_buf_add(text,
			   ", ports: [{protocol: %s, port: %u, endPort: 90}, {protocol: UDP}]",
			   rng_below(rng, 3) ? "TCP" : "SCTP", 79 + (unsigned)rng_below(rng, 3));
	eg_buf_add(text, "}");
}

static void write_policies(const struct world *world)
{
	struct eg_buf text = {0};
	struct rng rng = {world->policy_seed};

	eg_buf_add(&text, "# policies\n");
	for (unsigned i = 0; i < world->policies; i++) {
		bool ingress = rng_below(&rng, 3) != 0, egress = !ingress || !rng_below(&rng, 3);

		eg_buf_add(&text,
			   "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
			   "metadata: {name: np%u, namespace: n%u}\nspec:\n  podSelector: "
			   "{matchLabels: {app: a%u}}\n  policyTypes: [%s%s%s]\n",
			   i, (unsigned)rng_below(&rng, 2), (unsigned)rng_below(&rng, LABELS),
			   ingress ? "Ingress" : "", ingress && egress ? ", " : "",
			   egress ? "Egress" : "");
		for (unsigned dir = 0; dir < 2; dir++) {
			unsigned rules = 1 + (unsigned)rng_below(&rng, 3);

			if (!(dir ? egress : ingress))
				continue;
			eg_buf_add(&text, "  %s: [", dir ? "egress" : "ingress");
			for (unsigned rule = 0; rule < rules; rule++) {
				eg_buf_add(&text, rule ? ", " : "");
				add_peers_of_rule(&rng, &text, dir ? "to" : "from");
			}
			eg_buf_add(&text, "]\n");
		}
	}
	write_file(world, "policies/all.yaml", text.v, text.n);
	eg_buf_free(&text);
}

static void add_policy(const struct world *world, struct eg_buf *text)
{
	if (!world->has_policy)
		return;
	eg_buf_add(
		text,
		"policy:\n  mode: %s\n  dirs: [policies]\n  inventory: [inventory]\n  reject: %s\n"
		"  existing_connections: %s\n  unknown_pods: %s\n  max_connections: %u\n"
		"  max_connections_per_source: %u\n  max_shrink: 100%%\n",
		world->audit ? "audit" : "enforce", world->reject ? "true" : "false",
		world->keep ? "keep" : "reevaluate", world->deny_unknown ? "deny" : "allow",
		world->max_connections, world->per_source);
}

/* An encrypt list does not allow suites that only authenticate. */
static bool all_encrypt(const struct world *world)
{
	for (unsigned i = 0; i < PEERS; i++) {
		if (world->peer[i].present && !eg_suite_encrypts(world->peer[i].suite))
			return false;
	}
	return true;
}

void world_write(const struct world *world)
{
	struct eg_buf text = {0};

	add_ports(world, &text);
	add_routes(world, &text);
	eg_buf_add(&text, "peers:\n");
	for (unsigned i = 0; i < PEERS; i++) {
		if (world->peer[i].present)
			add_peer(world, i, &text);
	}
	if (world->encrypts && all_encrypt(world))
		eg_buf_add(&text, "encrypt: [10.100.0.0/14, \"fd00:100::/32\"]\n");
	add_policy(world, &text);
	write_inventory(world);
	write_policies(world);
	write_file(world, "gateway.yaml", text.v, text.n);
	eg_buf_free(&text);
}
