/* A policy's spec is read strictly: each mistake is reported at its line and column, and what the
 * API accepts is accepted. Lines count from the start of the NetworkPolicy, whose header has four
 * lines. */
#include "k8s_tests.h"

#include <string.h>

#define HEAD                                                                                       \
	"apiVersion: networking.k8s.io/v1\n"                                                       \
	"kind: NetworkPolicy\n"                                                                    \
	"metadata: {name: p, namespace: d}\n"                                                      \
	"spec:\n"

#define IMPLIED                                                                                    \
	"t:1:1: warning: namespace d is not in the inventory: assumed to have only the label "     \
	"kubernetes.io/metadata.name\n"

#define AT(place, text) "t:" place ": NetworkPolicy d/p: " text "\n" IMPLIED

static const struct {
	const char *spec, *message;
} cases[] = {
	/* unknown fields, at every level */
	{"  podselector: {}\n",
	 AT("5:3", "spec: unknown field \"podselector\" (did you mean \"podSelector\"?)")},
	{"  ingress: [{form: []}]\n",
	 AT("5:14", "spec.ingress[0]: unknown field \"form\" (did you mean \"from\"?)")},
	{"  egress: [{from: []}]\n", AT("5:13", "spec.egress[0]: unknown field \"from\"")},
	{"  ingress:\n  - from:\n    - podSelectors: {}\n      podSelector: {}\n",
	 AT("7:7", "spec.ingress[0].from[0]: unknown field \"podSelectors\" (did you mean "
		   "\"podSelector\"?)")},
	{"  ingress: [{ports: [{name: x}]}]\n",
	 AT("5:23", "spec.ingress[0].ports[0]: unknown field \"name\"")},
	{"  podSelector: {matchLabel: {}}\n",
	 AT("5:17", "spec.podSelector: unknown field \"matchLabel\" (did you mean "
		    "\"matchLabels\"?)")},
	{"  podSelector: {matchExpressions: [{key: a, operator: Exists, value: x}]}\n",
	 AT("5:63", "spec.podSelector.matchExpressions[0]: unknown field \"value\" (did you mean "
		    "\"values\"?)")},
	{"  ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, excepts: []}}]}]\n",
	 AT("5:50", "spec.ingress[0].from[0].ipBlock: unknown field \"excepts\" (did you mean "
		    "\"except\"?)")},
	/* peers */
	{"  ingress: [{from: [{}]}]\n",
	 AT("5:21", "spec.ingress[0].from[0]: empty peer: set podSelector, namespaceSelector or "
		    "ipBlock ({} as podSelector means all pods)")},
	{"  ingress:\n  - from:\n    - podSelector:\n",
	 AT("7:7", "spec.ingress[0].from[0]: empty peer: set podSelector, namespaceSelector or "
		   "ipBlock ({} as podSelector means all pods)")},
	{"  ingress:\n  - from:\n    -\n",
	 AT("7:6", "spec.ingress[0].from[0]: must be a map with podSelector, namespaceSelector or "
		   "ipBlock")},
	{"  egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}]}]\n",
	 AT("5:28", "spec.egress[0].to[0]: ipBlock cannot be combined with selectors")},
	{"  egress: [{to: [{ipBlock: {}}]}]\n",
	 AT("5:28", "spec.egress[0].to[0].ipBlock: cidr: missing")},
	{"  egress: [{to: [{ipBlock: {cidr: 10.0.0.0}}]}]\n",
	 AT("5:35", "spec.egress[0].to[0].ipBlock.cidr: \"10.0.0.0\" is not a valid prefix like "
		    "10.0.0.0/8 or fd00::/64")},
	{"  egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16, 11.0.0.0/16]}}]}]\n",
	 AT("5:69", "spec.egress[0].to[0].ipBlock.except[1]: must be inside the cidr 10.0.0.0/8 "
		    "and smaller")},
	{"  egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/8]}}]}]\n",
	 AT("5:56", "spec.egress[0].to[0].ipBlock.except[0]: must be inside the cidr 10.0.0.0/8 "
		    "and smaller")},
	{"  egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, except: ['fd00::/16']}}]}]\n",
	 AT("5:56", "spec.egress[0].to[0].ipBlock.except[0]: must be inside the cidr 10.0.0.0/8 "
		    "and smaller")},
	{"  egress: [{to: [{ipBlock: {cidr: 10.0.0.1/8}}]}]\n",
	 "t:5:35: warning: NetworkPolicy d/p: spec.egress[0].to[0].ipBlock.cidr: \"10.0.0.1/8\" "
	 "has host bits set; read as 10.0.0.0/8\n" IMPLIED},
	/* rules */
	{"  ingress:\n  -\n", AT("6:4", "spec.ingress[0]: must be a map ({} allows everything)")},
	{"  ingress: {}\n", AT("5:12", "spec.ingress: must be a list")},
	{"  ingress: [{from: {podSelector: {}}}]\n", AT("5:20", "spec.ingress[0].from: must be a "
								"list")},
	/* ports */
	{"  ingress: [{ports: [{port: 0}]}]\n",
	 AT("5:29", "spec.ingress[0].ports[0].port: must be a port number, 1 to 65535")},
	{"  ingress: [{ports: [{port: 65536}]}]\n",
	 AT("5:29", "spec.ingress[0].ports[0].port: must be a port number, 1 to 65535")},
	{"  ingress: [{ports: [{port: -1}]}]\n",
	 AT("5:29", "spec.ingress[0].ports[0].port: must be a port number, 1 to 65535")},
	{"  ingress: [{ports: [{port: '80'}]}]\n",
	 AT("5:29", "spec.ingress[0].ports[0].port: must be an unquoted port number, or a port "
		    "name (at most 15 of a-z, 0-9 and -, with at least one letter)")},
	{"  ingress: [{ports: [{port: 0x50}]}]\n",
	 AT("5:29", "spec.ingress[0].ports[0].port: must be a string: put \"0x50\" in quotes")},
	{"  ingress: [{ports: [{port: Web_Port}]}]\n",
	 AT("5:29", "spec.ingress[0].ports[0].port: must be an unquoted port number, or a port "
		    "name (at most 15 of a-z, 0-9 and -, with at least one letter)")},
	{"  ingress: [{ports: [{port: [80]}]}]\n",
	 AT("5:29", "spec.ingress[0].ports[0].port: must be a string")},
	{"  ingress: [{ports: [{endPort: 90}]}]\n",
	 AT("5:32", "spec.ingress[0].ports[0].endPort: requires port")},
	{"  ingress: [{ports: [{port: web, endPort: 90}]}]\n",
	 AT("5:43", "spec.ingress[0].ports[0].endPort: requires a numeric port, not a name")},
	{"  ingress: [{ports: [{port: 80, endPort: 79}]}]\n",
	 AT("5:42", "spec.ingress[0].ports[0].endPort: must not be less than port (80)")},
	{"  ingress: [{ports: [{port: 80, endPort: '90'}]}]\n",
	 AT("5:42", "spec.ingress[0].ports[0].endPort: must be a port number, 1 to 65535")},
	{"  ingress: [{ports: [{protocol: tcp}]}]\n",
	 AT("5:33", "spec.ingress[0].ports[0].protocol: unknown \"tcp\" (one of: TCP, UDP, SCTP)")},
	{"  ingress: [{ports: [{protocol: ICMP}]}]\n",
	 AT("5:33",
	    "spec.ingress[0].ports[0].protocol: unknown \"ICMP\" (one of: TCP, UDP, SCTP)")},
	{"  ingress: [{ports: [{protocol: 6}]}]\n",
	 AT("5:33", "spec.ingress[0].ports[0].protocol: must be a string: put \"6\" in quotes")},
	/* types */
	{"  policyTypes: [Ingress, egress]\n",
	 AT("5:26", "spec.policyTypes[1]: \"egress\" is neither Ingress nor Egress")},
	{"  policyTypes: Ingress\n", AT("5:16", "spec.policyTypes: must be a list")},
	{"  policyTypes: [Ingress]\n  egress: [{}]\n",
	 "t:6:11: warning: NetworkPolicy d/p: spec.egress: has no effect: policyTypes does not "
	 "include this direction\n" IMPLIED},
	/* selectors */
	{"  podSelector: []\n", AT("5:16", "spec.podSelector: must be a map")},
	{"  podSelector: {matchLabels: {app: 1.10}}\n",
	 AT("5:36", "spec.podSelector.matchLabels.app: must be a string: put \"1.10\" in quotes")},
	{"  podSelector: {matchLabels: {app: 12e+4567}}\n",
	 AT("5:36", "spec.podSelector.matchLabels.app: must be a string: put \"12e+4567\" in "
		    "quotes")},
	{"  podSelector: {matchLabels: {app: Yes}}\n",
	 AT("5:36", "spec.podSelector.matchLabels.app: must be a string: put \"Yes\" in quotes")},
	{"  podSelector: {matchLabels: {app: true}}\n",
	 AT("5:36", "spec.podSelector.matchLabels.app: must be a string: put \"true\" in quotes")},
	{"  podSelector: {matchLabels: {app: }}\n",
	 AT("5:36", "spec.podSelector.matchLabels.app: must be a string")},
	{"  podSelector: {matchLabels: {app: a b}}\n",
	 AT("5:36", "spec.podSelector.matchLabels.app: \"a b\" is not a valid label value")},
	{"  podSelector: {matchLabels: {-app: a}}\n",
	 AT("5:31", "spec.podSelector.matchLabels: \"-app\" is not a valid label key")},
	{"  podSelector: {matchLabels: {Example.com/app: a}}\n",
	 AT("5:31", "spec.podSelector.matchLabels: \"Example.com/app\" is not a valid label key")},
	{"  podSelector: {matchLabels: {a/b/c: a}}\n",
	 AT("5:31", "spec.podSelector.matchLabels: \"a/b/c\" is not a valid label key")},
	{"  podSelector: {matchExpressions: [{key: a, operator: in, values: [b]}]}\n",
	 AT("5:55", "spec.podSelector.matchExpressions[0].operator: unknown \"in\" (one of: In, "
		    "NotIn, Exists, DoesNotExist)")},
	{"  podSelector: {matchExpressions: [{key: a, operator: In}]}\n",
	 AT("5:36", "spec.podSelector.matchExpressions[0].values: In requires at least one value")},
	{"  podSelector: {matchExpressions: [{key: a, operator: NotIn, values: []}]}\n",
	 AT("5:70",
	    "spec.podSelector.matchExpressions[0].values: NotIn requires at least one value")},
	{"  podSelector: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}\n",
	 AT("5:71", "spec.podSelector.matchExpressions[0].values: Exists takes no values")},
	{"  podSelector: {matchExpressions: [{operator: Exists}]}\n",
	 AT("5:36", "spec.podSelector.matchExpressions[0]: key: missing")},
	{"  podSelector: {matchExpressions: [{key: a}]}\n",
	 AT("5:36", "spec.podSelector.matchExpressions[0]: operator: missing")},
	{"  podSelector: {matchExpressions: [{key: a, operator: In, values: [b, 7]}]}\n",
	 AT("5:71",
	    "spec.podSelector.matchExpressions[0].values[1]: must be a string: put \"7\" in "
	    "quotes")},
	/* accepted by the API */
	{"  podSelector: {}\n", IMPLIED},
	{"  podSelector:\n  ingress:\n  egress: null\n  policyTypes: []\n", IMPLIED},
	{"  ingress: [{}, {from: null, ports: []}]\n", IMPLIED},
	{"  ingress: [{from: [{podSelector: {}, namespaceSelector: {}}], ports: [{port: http-2},"
	 " {port: 80, endPort: 80}, {protocol: SCTP}, {}]}]\n",
	 IMPLIED},
	{"  podSelector: {matchLabels: {app: '1.10', version: 1.2.3, empty: '', hash: 12e4567, "
	 "word: tRue,"
	 " app.kubernetes.io/name: a_b.c-D}}\n",
	 IMPLIED},
	{"  podSelector: {matchExpressions: [{key: a, operator: Exists, values: []}]}\n", IMPLIED},
};

static void test_spec(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct eg_buf text = {0};
		struct eg_cluster cluster = {0};

		eg_buf_add(&text, "%s%s", HEAD, cases[i].spec);
		read_cluster(text.v, &cluster, cases[i].message);
		eg_cluster_free(&cluster);
		eg_buf_free(&text);
	}
}

static void test_all_at_once(void **state)
{
	struct eg_cluster cluster = {0};

	(void)state;
	read_cluster(
		HEAD "  podSelector: {matchLabels: {a: 1}}\n"
		     "  ingress: [{from: [{}], ports: [{port: 0}, {protocol: X}]}]\n"
		     "  egres: []\n",
		&cluster,
		"t:5:34: NetworkPolicy d/p: spec.podSelector.matchLabels.a: must be a string: "
		"put \"1\" in quotes\n"
		"t:7:3: NetworkPolicy d/p: spec: unknown field \"egres\" (did you mean "
		"\"egress\"?)\n"
		"t:6:21: NetworkPolicy d/p: spec.ingress[0].from[0]: empty peer: set "
		"podSelector, namespaceSelector or ipBlock ({} as podSelector means all pods)\n"
		"t:6:41: NetworkPolicy d/p: spec.ingress[0].ports[0].port: must be a port "
		"number, 1 to 65535\n"
		"t:6:56: NetworkPolicy d/p: spec.ingress[0].ports[1].protocol: unknown \"X\" "
		"(one of: TCP, UDP, SCTP)\n" IMPLIED);
	eg_cluster_free(&cluster);
}

/* The directions that a spec isolates: policyTypes if given, otherwise ingress, and egress if there
 * are egress rules. */
static void test_directions(void **state)
{
	static const struct {
		const char *spec; /* NULL: no spec at all */
		bool isolates[EG_DIRS];
	} rows[] = {
		{NULL, {true, false}},
		{"spec:\n", {true, false}},
		{"spec: null\n", {true, false}},
		{"spec: {}\n", {true, false}},
		{"spec: {podSelector: {}}\n", {true, false}},
		{"spec: {ingress: []}\n", {true, false}},
		{"spec: {egress: null}\n", {true, false}},
		{"spec: {egress: []}\n", {true, false}},
		{"spec: {egress: [{}]}\n", {true, true}},
		{"spec: {policyTypes: []}\n", {true, false}},
		{"spec: {policyTypes: [], egress: []}\n", {true, false}},
		{"spec: {egress: [{}], policyTypes: null}\n", {true, true}},
		{"spec: {egress: [{}], policyTypes: []}\n", {true, true}},
		{"spec: {policyTypes: [Ingress]}\n", {true, false}},
		{"spec: {policyTypes: [Egress]}\n", {false, true}},
		{"spec: {policyTypes: [Egress], egress: null}\n", {false, true}},
		{"spec: {policyTypes: [Egress], egress: []}\n", {false, true}},
		{"spec: {policyTypes: [Egress, Ingress]}\n", {true, true}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct eg_cluster cluster = {0};
		struct eg_buf text = {0};

		eg_buf_add(&text, "%s%s",
			   "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: "
			   "{name: p, namespace: d}\n",
			   rows[i].spec ? rows[i].spec : "");
		read_cluster(text.v, &cluster, IMPLIED);
		assert_int_equal(cluster.policies.n, 1);
		for (int dir = 0; dir < EG_DIRS; dir++)
			if (cluster.policies.v[0].isolates[dir] != rows[i].isolates[dir])
				fail_msg("direction %d of %s", dir, text.v);
		assert_int_equal(cluster.policies.v[0].pods.reqs.n, 0);
		eg_cluster_free(&cluster);
		eg_buf_free(&text);
	}
}

int run_netpol_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spec),
		cmocka_unit_test(test_all_at_once),
		cmocka_unit_test(test_directions),
	};

	return cmocka_run_group_tests_name("k8s netpol", tests, NULL, NULL);
}
