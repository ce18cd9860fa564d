/* Which networks are pod networks, and which node is the gateway's. */
#include "snap/snap_tests.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/source_check.h"
#include "conf/config.h"
#include "snap/candidate.h"

#define CONF                                                                                       \
	"version: 1\n"                                                                             \
	"ports:\n"                                                                                 \
	"  c: {device: d0, role: clear, addresses: [10.1.0.1/24, \"fd00:1::1/64\"]}\n"             \
	"  w: {device: d2, role: clear}\n"                                                         \
	"  u: {device: d1, role: encrypted, addresses: [192.0.2.1/24]}\n"                          \
	"routes: [{to: 10.5.0.0/16, port: w}, {to: 10.6.0.0/16, via: 10.1.0.9}]\n"                 \
	"peers:\n"                                                                                 \
	"  b: {local: 192.0.2.1, remote: 192.0.2.2, subnets: [10.2.0.0/24],\n"                     \
	"      alive: {target: 10.2.0.1}, sas: []}\n"

#define NODE(name, spec, addresses)                                                                \
	"---\n{apiVersion: v1, kind: Node, metadata: {name: " name "}, spec: {" spec               \
	"}, status: {addresses: [" addresses "]}}\n"
#define POD(name, node, ip)                                                                        \
	"---\n{apiVersion: v1, kind: Pod, metadata: {name: " name                                  \
	", namespace: x}, spec: {nodeName: " node ", containers: []}, status: {podIPs: [{ip: " ip  \
	"}]}}\n"
#define NS           "{apiVersion: v1, kind: Namespace, metadata: {name: x}}\n"
#define INTERNAL(ip) "{type: InternalIP, address: " ip "}"
#define LOCKED                                                                                     \
	"---\n{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: l, "        \
	"namespace: x}, spec: {podSelector: {}, policyTypes: [Ingress, Egress]}}\n"

static char dir[] = "/tmp/eg-networks-XXXXXX";

static int make_dir(void **state)
{
	char path[64];

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/empty", dir);
	return mkdir(path, 0700);
}

static int remove_dir(void **state)
{
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "%s/i.yaml", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/empty", dir);
	rmdir(path);
	return rmdir(dir);
}

static struct eg_candidate *build(const char *policy, const char *inventory)
{
	const struct eg_candidate_options options = {.offline = true};
	struct eg_errs errs = {0};
	struct eg_buf text = {0};
	struct eg_config *config;
	struct eg_candidate *candidate;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "%s/i.yaml", dir);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(inventory, file);
	fclose(file);
	eg_buf_add(&text, CONF "policy: {dirs: [%s/empty], inventory: [%s]%s}\n", dir, path,
		   policy);
	config = eg_config_parse(text.v, text.n, "t", &errs);
	candidate = config ? eg_candidate_build(config, NULL, &options, &errs) : NULL;
	if (!candidate)
		eg_errs_print(&errs, stderr);
	assert_non_null(candidate);
	eg_errs_free(&errs);
	eg_buf_free(&text);
	eg_config_free(config);
	return candidate;
}

static bool unknown(const struct eg_candidate *candidate, const char *address)
{
	struct eg_ip ip;
	uint32_t class_id;

	assert_int_equal(eg_ip_parse(address, &ip), 0);
	class_id = eg_policy_class(candidate->snap->policy->compiled, &ip);
	assert_int_equal(eg_policy_class_unknown(candidate->snap->policy->compiled, class_id),
			 eg_cluster_unknown(&candidate->snap->policy->cluster, &ip));
	return eg_cluster_unknown(&candidate->snap->policy->cluster, &ip);
}

static void test_networks(void **state)
{
	static const char inventory[] =
		NS NODE("n1",
			"podCIDR: 10.7.0.0/24, podCIDRs: [10.7.0.0/24, "
			"\"fd00:7::/64\"]",
			INTERNAL("10.2.0.77")) POD("a", "n1", "10.1.0.5") LOCKED;
	static const struct {
		const char *address;
		bool unknown;
	} rows[] = {
		{"10.1.0.4", true},   /* a clear port's network */
		{"fd00:1::99", true}, /* the same, IPv6 */
		{"10.1.0.5", false},  /* a pod */
		{"10.1.0.1", false},  /* the gateway itself */
		{"10.5.1.2", true},   /* a route by a clear port */
		{"10.6.1.2", false},  /* one through a router says nothing */
		{"192.0.2.9", false}, /* an encrypted port's network */
		{"10.2.0.9", true},   /* a peer's subnet */
		{"10.2.0.1", false},  /* the gateway there, by alive.target */
		{"10.2.0.77", false}, /* a node there */
		{"10.7.0.9", true},   /* a Node's podCIDR */
		{"fd00:7::9", true},  /* of its podCIDRs */
		{"10.8.0.9", true},   /* policy.pod_networks */
		{"8.8.8.8", false},
	};
	struct eg_candidate *candidate = build(", pod_networks: [10.8.0.0/16]", inventory);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (unknown(candidate, rows[i].address) != rows[i].unknown)
			fail_msg("%s", rows[i].address);
	eg_candidate_free(candidate);

	/* The gateway's own, though no Node is it. */
	candidate = build(", pod_networks: [10.8.0.0/16], node_addresses: [10.8.0.7]",
			  NS POD("a", "n1", "10.99.0.5") LOCKED);
	assert_false(unknown(candidate, "10.8.0.7"));
	assert_true(unknown(candidate, "10.8.0.8"));
	eg_candidate_free(candidate);

	candidate = build(", unknown_pods: allow, pod_networks: [10.8.0.0/16]", inventory);
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_false(unknown(candidate, rows[i].address));
	eg_candidate_free(candidate);
}

/* Into pod a of node n1, which nothing may enter, from `from`. */
static bool enters(const struct eg_candidate *candidate, const char *from)
{
	struct eg_ip src, dst;
	struct eg_policy_packet packet = {src.bytes, dst.bytes, 80, 6, 4};
	struct eg_policy_verdict verdict;

	assert_int_equal(eg_ip_parse(from, &src), 0);
	assert_int_equal(eg_ip_parse("10.1.0.5", &dst), 0);
	eg_policy_evaluate(candidate->snap->policy->compiled, &packet, &verdict, 1);
	return eg_policy_passes(&verdict);
}

/* The kubelet's probes come from the gateway's own addresses: they are those of its node. */
static void test_own_node(void **state)
{
	static const struct {
		const char *what, *policy, *inventory;
		bool local, added;
	} rows[] = {
		{"by an address", ", node_addresses: [10.1.0.50]",
		 NS NODE("n1", "", INTERNAL("192.0.2.1")) POD("a", "n1", "10.1.0.5") LOCKED, true,
		 true},
		{"by its podCIDR", ", node_addresses: [10.1.0.50]",
		 NS NODE("n1", "podCIDR: 10.1.0.0/24", INTERNAL("198.51.100.1"))
			 POD("a", "n1", "10.1.0.5") LOCKED,
		 true, true},
		{"by its pods", "", NS POD("a", "n1", "10.1.0.5") LOCKED, true, false},
		{"another node's pod", "",
		 NS NODE("n2", "", INTERNAL("192.0.2.1")) POD("a", "n1", "10.1.0.5") LOCKED, false,
		 false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct eg_candidate *candidate = build(rows[i].policy, rows[i].inventory);

		if (enters(candidate, "10.1.0.1") != rows[i].local ||
		    enters(candidate, "192.0.2.1") != rows[i].local ||
		    enters(candidate, "10.1.0.50") != rows[i].added ||
		    enters(candidate, "10.1.0.51"))
			fail_msg("%s", rows[i].what);
		eg_candidate_free(candidate);
	}
}

/* Pods behind a peer are on another node, and so is their kubelet; a podCIDR is a surer sign than a
 * pod. */
static void test_far_node(void **state)
{
	static const char *const inventories[] = {
		NS POD("a", "n1", "10.1.0.5") POD("b", "n2", "10.2.0.5") NODE("n1", "", "")
			NODE("n2", "", INTERNAL("198.51.100.2")) LOCKED,
		NS POD("a", "n1", "10.1.0.5") POD("b", "n2", "10.1.0.6")
			NODE("n1", "podCIDR: 10.1.0.0/24", "")
				NODE("n2", "", INTERNAL("198.51.100.2")) LOCKED,
	};

	(void)state;
	for (size_t i = 0; i < COUNT(inventories); i++) {
		struct eg_candidate *candidate = build("", inventories[i]);
		const struct eg_cluster *cluster = &candidate->snap->policy->cluster;

		assert_int_equal(cluster->nodes.n, 2);
		eg_vec_foreach (node, &cluster->nodes) {
			bool ours = !strcmp(eg_sym_text(&cluster->syms, node->name), "n1");

			assert_int_equal(node->ours, ours);
			assert_int_equal(node->ips.n, ours ? 3 : 1);
		}
		eg_candidate_free(candidate);
	}
}

/* A default route by a clear port is nobody's home, even where everything must be encrypted. */
static void test_encrypt_all(void **state)
{
	static const char text[] = "version: 1\n"
				   "ports:\n"
				   "  c: {device: d0, role: clear, addresses: [10.1.0.1/24]}\n"
				   "  u: {device: d1, role: encrypted, addresses: [192.0.2.1/24]}\n"
				   "routes: [{to: 0.0.0.0/0, port: c}, {to: \"::/0\", port: c}]\n"
				   "encrypt: [0.0.0.0/0, \"::/0\"]\n";
	const struct eg_candidate_options options = {.offline = true};
	struct eg_errs errs = {0};
	struct eg_config *config = eg_config_parse(text, sizeof(text) - 1, "t", &errs);
	struct eg_candidate *candidate =
		config ? eg_candidate_build(config, NULL, &options, &errs) : NULL;

	(void)state;
	eg_errs_print(&errs, stderr);
	assert_non_null(candidate);
	assert_true(eg_snap_must_encrypt(candidate->snap->world, 4, (const uint8_t[]){8, 8, 8, 8}));
	assert_true(eg_snap_must_encrypt(candidate->snap->world, 6, (const uint8_t[16]){0x20, 1}));
	assert_false(
		eg_snap_must_encrypt(candidate->snap->world, 4, (const uint8_t[]){10, 1, 0, 9}));
	eg_candidate_free(candidate);
	eg_config_free(config);
	eg_errs_free(&errs);
}

/* Routes and neighbors tell where a source may come from; encrypt, what must not leave in clear. */
static void test_places(void **state)
{
	static const char text[] =
		"version: 1\n"
		"ports:\n"
		"  c: {device: d0, role: clear, addresses: [10.1.0.1/24], source_check: loose}\n"
		"  w: {device: d2, role: clear}\n"
		"  u: {device: d1, role: encrypted, addresses: [192.0.2.1/24], gateway: "
		"[192.0.2.254]}\n"
		"neighbors: [{port: w, ip: 10.5.9.9, mac: 02:00:00:00:00:02}]\n"
		"routes: [{to: 10.5.0.0/24, port: w}]\n"
		"encrypt: [10.0.0.0/8, 10.1.0.64/26, 192.0.2.0/24]\n"
		"peers: {b: {local: 192.0.2.1, remote: 192.0.2.2, subnets: [10.2.0.0/24], sas: "
		"[]}}\n";
	static const struct {
		const char *address;
		int behind; /* port, or -1 */
		bool must;
	} rows[] = {
		{"10.1.0.5", 0, false},  /* at home */
		{"10.1.0.65", 0, true},  /* listed inside it */
		{"10.5.0.5", 1, false},  /* at home, without a neighbor there */
		{"10.5.9.9", 1, false},  /* a neighbor */
		{"10.5.9.8", 2, true},   /* by the default route */
		{"10.2.0.5", -1, true},  /* the peer's: sealed, or lost */
		{"192.0.2.9", 2, true},  /* on the wire */
		{"192.0.2.2", 2, false}, /* the peer's gateway: key daemons */
		{"8.8.8.8", 2, false},
	};
	const struct eg_candidate_options options = {.offline = true};
	struct eg_errs errs = {0};
	struct eg_config *config = eg_config_parse(text, sizeof(text) - 1, "t", &errs);
	struct eg_candidate *candidate =
		config ? eg_candidate_build(config, NULL, &options, &errs) : NULL;

	(void)state;
	eg_errs_print(&errs, stderr);
	assert_non_null(candidate);
	assert_int_equal(candidate->snap->world->source_check[0], EG_SOURCE_LOOSE);
	assert_int_equal(candidate->snap->world->source_check[1], EG_SOURCE_STRICT);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct eg_ip ip;
		const struct eg_hop *hop;

		assert_int_equal(eg_ip_parse(rows[i].address, &ip), 0);
		hop = &candidate->snap->world
			       ->hops[eg_lpm_lookup(candidate->snap->world->routes, &ip)];
		for (int port = 0; port < 3; port++)
			if (eg_hop_behind(hop, (unsigned)port) != (port == rows[i].behind))
				fail_msg("%s behind port %d", rows[i].address, port);
		if (eg_snap_must_encrypt(candidate->snap->world, 4, ip.bytes) != rows[i].must)
			fail_msg("%s must be encrypted", rows[i].address);
	}
	eg_candidate_free(candidate);
	eg_config_free(config);
	eg_errs_free(&errs);
}

int run_network_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_networks),    cmocka_unit_test(test_own_node),
		cmocka_unit_test(test_places),      cmocka_unit_test(test_far_node),
		cmocka_unit_test(test_encrypt_all),
	};

	return cmocka_run_group_tests_name("snap networks", tests, make_dir, remove_dir);
}
