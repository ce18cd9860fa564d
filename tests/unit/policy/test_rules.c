/* The API clause by clause, and known mistakes of other implementations: YAML as an operator writes
 * it, then probes "SRC DST PROTO PORT VERDICT", for which reference model and compiled tables must
 * give the verdict. */
#include "policy_tests.h"

#include <stdio.h>
#include <string.h>

#define POLICY(name, spec)                                                                         \
	"---\n{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: " name      \
	", namespace: shop}, spec: {" spec "}}\n"

static const char inventory[] =
	"{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {team: shop}}}\n---\n"
	"{apiVersion: v1, kind: Namespace, metadata: {name: bank, labels: {team: bank}}}\n---\n"
	"apiVersion: v1\nkind: List\nitems:\n"
	"- {kind: Node, apiVersion: v1, metadata: {name: n1}, status: {addresses: [\n"
	"   {type: InternalIP, address: 192.168.0.1}, {type: Hostname, address: n1}]}}\n"
	"- {kind: Node, apiVersion: v1, metadata: {name: n2}, status: {addresses: [\n"
	"   {type: InternalIP, address: 192.168.0.2}]}}\n"
	"- {kind: Pod, apiVersion: v1, metadata: {name: web, namespace: shop, labels: {app: "
	"web}},\n"
	"   spec: {nodeName: n1, containers: [{ports: [{name: http, containerPort: 80}]}]},\n"
	"   status: {podIPs: [{ip: 10.0.0.1}, {ip: 'fd00::1'}]}}\n"
	"- {kind: Pod, apiVersion: v1, metadata: {name: db, namespace: shop, labels: {app: db}},\n"
	"   spec: {nodeName: n1, containers: [{ports: [{name: http, containerPort: 8080},\n"
	"     {name: http, containerPort: 8081, protocol: UDP}]}]}, status: {podIP: 10.0.0.2}}\n"
	"- {kind: Pod, apiVersion: v1, metadata: {name: cache, namespace: shop, labels: {app: "
	"cache}},\n"
	"   spec: {nodeName: n2}, status: {podIP: 10.0.0.3}}\n"
	"- {kind: Pod, apiVersion: v1, metadata: {name: web, namespace: bank, labels: {app: "
	"web}},\n"
	"   spec: {nodeName: n2}, status: {podIPs: [{ip: 10.0.1.1}, {ip: 'fd00::11'}]}}\n"
	"- {kind: Pod, apiVersion: v1, metadata: {name: db, namespace: bank, labels: {app: db}},\n"
	"   spec: {nodeName: n2}, status: {podIP: 10.0.1.2}}\n"
	"- {kind: Pod, apiVersion: v1, metadata: {name: host, namespace: shop, labels: {app: "
	"host}},\n"
	"   spec: {nodeName: n2, hostNetwork: true}, status: {podIP: 192.168.0.2}}\n"
	"- {kind: Pod, apiVersion: v1, metadata: {name: old, namespace: shop, labels: {app: "
	"web}},\n"
	"   spec: {nodeName: n1}, status: {podIP: 10.0.0.9, phase: Succeeded}}\n";

struct rule_case {
	const char *clause;
	const char *policies;
	const char *probes[10];
};

/* Pods of the same age with the same address; the last line ends the inventory's list. */
#define TWIN(name, ns, labels, more)                                                               \
	"---\n{kind: Pod, apiVersion: v1, metadata: {name: " name ", namespace: " ns               \
	", labels: {" labels "}}, " more "}\n"

static const struct rule_case cases[] = {
	{"an empty label value is a value: In and equality match it, Exists does",
	 TWIN("e", "shop", "app: ''", "status: {podIP: 10.0.0.20}")
		 TWIN("n", "shop", "other: x", "status: {podIP: 10.0.0.21}")
			 POLICY("p", "podSelector: {matchLabels: {app: ''}}") POLICY(
				 "q", "policyTypes: [Egress], podSelector: {matchExpressions: "
				      "[{key: app, operator: In, values: ['', x]}]}"),
	 {"10.0.1.1 10.0.0.20 TCP 80 no", "10.0.0.20 8.8.8.8 TCP 80 no",
	  "10.0.1.1 10.0.0.21 TCP 80 yes", "10.0.0.21 8.8.8.8 TCP 80 yes",
	  "10.0.1.1 10.0.0.2 TCP 80 yes"}},
	{"an empty label value exists, and is no absence",
	 TWIN("e", "shop", "mark: ''", "status: {podIP: 10.0.0.20}") POLICY(
		 "p", "podSelector: {matchExpressions: [{key: mark, operator: Exists}]}")
		 POLICY("q", "policyTypes: [Egress], podSelector: {matchExpressions: [{key: "
			     "mark, operator: DoesNotExist}]}"),
	 {"10.0.1.1 10.0.0.20 TCP 80 no", "10.0.0.20 8.8.8.8 TCP 80 yes",
	  "10.0.1.1 10.0.0.2 TCP 80 yes", "10.0.0.2 8.8.8.8 TCP 80 no"}},
	{"an address of two pods may do what each of them may",
	 TWIN("w", "bank", "app: web", "status: {podIPs: [{ip: 10.0.0.3}, {ip: 'fd00::3'}]}")
		 TWIN("v", "shop", "app: v", "status: {podIP: 'fd00::3'}")
			 POLICY("p", "podSelector: {matchExpressions: [{key: app, operator: In, "
				     "values: [cache, v]}]}, ingress: [{from: [{podSelector: "
				     "{matchLabels: {app: db}}}], ports: [{port: 80}]}]"),
	 {"10.0.0.2 10.0.0.3 TCP 80 yes", "10.0.0.1 10.0.0.3 TCP 80 no",
	  "10.0.0.2 10.0.0.3 TCP 81 no", "10.0.0.3 8.8.8.8 TCP 1 yes", "fd00::1 fd00::3 TCP 80 no",
	  "10.0.0.3 10.0.0.3 TCP 5 yes"}},
	{"both pods of an address must be among the peers",
	 TWIN("w", "shop", "app: w", "status: {podIP: 10.0.0.3}") POLICY(
		 "p", "podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: "
		      "{matchLabels: {app: cache}}}]}]")
		 POLICY("q", "podSelector: {matchLabels: {app: web}}, ingress: [{from: "
			     "[{podSelector: {matchLabels: {app: cache}}}]}, {from: "
			     "[{podSelector: {matchLabels: {app: w}}}]}]"),
	 {"10.0.0.3 10.0.0.2 TCP 80 no", "10.0.0.3 10.0.0.1 TCP 80 yes"}},
	{"neither pod's own node is let in where the other isolates the address",
	 TWIN("w", "shop", "app: w", "spec: {nodeName: n1}, status: {podIP: 10.0.0.3}")
		 POLICY("p", "podSelector: {matchExpressions: [{key: app, operator: In, values: "
			     "[cache, w]}]}"),
	 {"192.168.0.1 10.0.0.3 TCP 80 no", "192.168.0.2 10.0.0.3 TCP 80 no",
	  "192.168.0.1 10.0.0.1 TCP 80 yes"}},
	{"a port's name means all ports that containers give it, per protocol",
	 TWIN("m", "shop", "app: m",
	      "spec: {containers: [{ports: [{name: http, containerPort: 80}, {name: http, "
	      "containerPort: 82, protocol: UDP}]}, {ports: [{name: http, containerPort: 81}]}]}, "
	      "status: {podIP: 10.0.0.20}")
		 POLICY("p",
			"podSelector: {matchLabels: {app: m}}, ingress: [{ports: [{port: http}, "
			"{port: http, protocol: UDP}]}]"),
	 {"10.0.1.1 10.0.0.20 TCP 80 yes", "10.0.1.1 10.0.0.20 TCP 81 yes",
	  "10.0.1.1 10.0.0.20 TCP 82 no", "10.0.1.1 10.0.0.20 UDP 82 yes",
	  "10.0.1.1 10.0.0.20 UDP 80 no"}},
	{"a namespace that is only implied lacks no label",
	 TWIN("i", "ghost", "app: i", "status: {podIP: 10.0.2.1}") POLICY(
		 "p", "podSelector: {matchLabels: {app: db}}, ingress: [{from: "
		      "[{namespaceSelector: {matchExpressions: [{key: team, operator: NotIn, "
		      "values: [bank]}]}}, {namespaceSelector: {matchExpressions: [{key: x, "
		      "operator: DoesNotExist}, {key: team, operator: DoesNotExist}]}}]}]")
		 POLICY("q", "podSelector: {matchLabels: {app: web}}, ingress: [{from: "
			     "[{namespaceSelector: {matchExpressions: [{key: "
			     "kubernetes.io/metadata.name, operator: NotIn, values: "
			     "[bank]}]}}]}]"),
	 {"10.0.2.1 10.0.0.2 TCP 80 no", "10.0.0.1 10.0.0.2 TCP 80 yes",
	  "10.0.1.1 10.0.0.2 TCP 80 no", "10.0.2.1 10.0.0.1 TCP 80 yes",
	  "10.0.1.1 10.0.0.1 TCP 80 no"}},
	{"a pod that no policy selects is not isolated",
	 POLICY("p", "podSelector: {matchLabels: {app: db}}"),
	 {"10.0.1.1 10.0.0.1 TCP 80 yes", "10.0.1.1 10.0.0.2 TCP 80 no",
	  "10.0.0.2 8.8.8.8 TCP 1 yes"}},
	{"an empty podSelector selects all pods of the namespace, no other's",
	 POLICY("p", "podSelector: {}, policyTypes: [Ingress, Egress]"),
	 {"10.0.1.1 10.0.0.1 TCP 80 no", "10.0.0.1 10.0.0.2 TCP 80 no",
	  "10.0.0.1 8.8.8.8 UDP 53 no", "10.0.1.1 10.0.1.2 TCP 80 yes",
	  "fd00::11 fd00::1 TCP 80 no", "10.0.1.1 10.0.0.1 ICMP 0 no"}},
	{"a missing podSelector selects all too",
	 POLICY("p", "policyTypes: [Ingress]"),
	 {"10.0.1.1 10.0.0.1 TCP 80 no", "10.0.0.1 8.8.8.8 TCP 80 yes"}},
	{"policyTypes missing: Ingress always, Egress only with egress rules",
	 POLICY("p", "podSelector: {matchLabels: {app: web}}") POLICY(
		 "q", "podSelector: {matchLabels: {app: db}}, egress: [{ports: [{port: 1}]}]"),
	 {"10.0.1.1 10.0.0.1 TCP 80 no", "10.0.0.1 8.8.8.8 TCP 80 yes",
	  "10.0.1.1 10.0.0.2 TCP 80 no", "10.0.0.2 8.8.8.8 TCP 80 no",
	  "10.0.0.2 8.8.8.8 TCP 1 yes"}},
	{"policyTypes [Egress] leaves ingress alone, whatever rules stand there",
	 POLICY("p", "podSelector: {}, policyTypes: [Egress], egress: [{}]"),
	 {"10.0.1.1 10.0.0.1 TCP 80 yes", "10.0.0.1 8.8.8.8 TCP 80 yes"}},
	{"a rule {} allows all, also protocols without ports",
	 POLICY("p", "podSelector: {}, ingress: [{}]"),
	 {"10.0.1.1 10.0.0.1 TCP 80 yes", "8.8.8.8 10.0.0.1 ICMP 0 yes",
	  "8.8.8.8 10.0.0.1 ESP 0 yes"}},
	{"from and ports empty mean all, as if missing",
	 POLICY("p", "podSelector: {}, ingress: [{from: [], ports: []}]"),
	 {"8.8.8.8 10.0.0.1 UDP 9 yes"}},
	{"policies add up, in any order",
	 POLICY("p", "podSelector: {}, ingress: [{ports: [{port: 80}]}]") POLICY(
		 "q", "podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: 81}]}]"),
	 {"8.8.8.8 10.0.0.1 TCP 80 yes", "8.8.8.8 10.0.0.1 TCP 81 yes",
	  "8.8.8.8 10.0.0.2 TCP 81 no", "8.8.8.8 10.0.0.1 TCP 82 no"}},
	{"peers and ports of a rule are ANDed",
	 POLICY("p", "podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: db}}}],"
		     " ports: [{port: 80}]}]"),
	 {"10.0.0.2 10.0.0.1 TCP 80 yes", "10.0.0.2 10.0.0.1 TCP 81 no",
	  "10.0.0.3 10.0.0.1 TCP 80 no"}},
	{"podSelector alone: the policy's own namespace",
	 POLICY("p",
		"podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: db}}}]}]"),
	 {"10.0.0.2 10.0.0.1 TCP 80 yes", "10.0.1.2 10.0.0.1 TCP 80 no",
	  "8.8.8.8 10.0.0.1 TCP 80 no"}},
	{"namespaceSelector alone: all pods of those namespaces, no address outside",
	 POLICY("p", "podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]"),
	 {"10.0.0.2 10.0.0.1 TCP 80 yes", "10.0.1.2 10.0.0.1 TCP 80 yes",
	  "8.8.8.8 10.0.0.1 TCP 80 no"}},
	{"both selectors in one entry: AND",
	 POLICY("p", "podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: "
		     "bank}},"
		     " podSelector: {matchLabels: {app: db}}}]}]"),
	 {"10.0.1.2 10.0.0.1 TCP 80 yes", "10.0.1.1 10.0.0.1 TCP 80 no",
	  "10.0.0.2 10.0.0.1 TCP 80 no"}},
	{"both selectors in two entries: OR",
	 POLICY("p", "podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: "
		     "bank}}},"
		     " {podSelector: {matchLabels: {app: db}}}]}]"),
	 {"10.0.1.2 10.0.0.1 TCP 80 yes", "10.0.1.1 10.0.0.1 TCP 80 yes",
	  "10.0.0.2 10.0.0.1 TCP 80 yes", "10.0.0.3 10.0.0.1 TCP 80 no"}},
	{"an empty selector selects all pods, a null one is not set",
	 POLICY("p",
		"podSelector: {}, ingress: [{from: [{podSelector: {}, namespaceSelector: null}]}]"),
	 {"10.0.0.2 10.0.0.1 TCP 80 yes", "10.0.1.2 10.0.0.1 TCP 80 no"}},
	{"the namespace's own name label needs no inventory",
	 POLICY("p", "podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: "
		     "{kubernetes.io/metadata.name: bank}}}]}]"),
	 {"10.0.1.2 10.0.0.1 TCP 80 yes", "10.0.0.2 10.0.0.1 TCP 80 no"}},
	{"In, NotIn, Exists, DoesNotExist; NotIn matches where the key is absent",
	 POLICY("p",
		"podSelector: {}, ingress: [{from: [{podSelector: {matchExpressions: ["
		"{key: app, operator: In, values: [db, cache]}]}}], ports: [{port: 1}]},"
		"{from: [{podSelector: {matchExpressions: [{key: app, operator: NotIn, values: "
		"[db]},"
		"{key: none, operator: NotIn, values: [x]}]}}], ports: [{port: 2}]},"
		"{from: [{podSelector: {matchExpressions: [{key: none, operator: Exists}]}}],"
		" ports: [{port: 3}]},"
		"{from: [{podSelector: {matchExpressions: [{key: none, operator: DoesNotExist}]}}],"
		" ports: [{port: 4}]}]"),
	 {"10.0.0.2 10.0.0.1 TCP 1 yes", "10.0.0.2 10.0.0.1 TCP 2 no",
	  "10.0.0.3 10.0.0.1 TCP 2 yes", "10.0.0.3 10.0.0.1 TCP 3 no",
	  "10.0.0.3 10.0.0.1 TCP 4 yes"}},
	{"except is no deny: another entry, rule or policy may still allow",
	 POLICY("p", "podSelector: {matchLabels: {app: web}}, ingress: [{from: [{ipBlock: "
		     "{cidr: 10.0.0.0/8, except: [10.0.1.0/24]}}]}, {from: [{ipBlock: "
		     "{cidr: 10.0.1.2/32}}]}]")
		 POLICY("q", "podSelector: {matchLabels: {app: db}}, ingress: [{from: [{ipBlock: "
			     "{cidr: 10.0.0.0/8, except: [10.0.1.0/24]}}]}]")
			 POLICY("r", "podSelector: {matchLabels: {app: db}}, ingress: [{from: "
				     "[{ipBlock: "
				     "{cidr: 10.0.1.1/32}}]}]"),
	 {"10.0.0.3 10.0.0.1 TCP 80 yes", "10.0.1.1 10.0.0.1 TCP 80 no",
	  "10.0.1.2 10.0.0.1 TCP 80 yes", "10.0.1.1 10.0.0.2 TCP 80 yes",
	  "10.0.1.2 10.0.0.2 TCP 80 no", "10.2.0.0 10.0.0.2 TCP 80 yes",
	  "11.0.0.0 10.0.0.2 TCP 80 no"}},
	{"ipBlock of one family says nothing about the other",
	 POLICY("p", "podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]"),
	 {"8.8.8.8 10.0.0.1 TCP 80 yes", "fd00::11 fd00::1 TCP 80 no",
	  "2001:db8::1 fd00::1 TCP 80 no"}},
	{"endPort is inclusive and not ignored",
	 POLICY("p", "podSelector: {}, ingress: [{ports: [{port: 80, endPort: 90}, {protocol: UDP, "
		     "port: "
		     "65535, endPort: 65535}]}]"),
	 {"8.8.8.8 10.0.0.1 TCP 79 no", "8.8.8.8 10.0.0.1 TCP 80 yes",
	  "8.8.8.8 10.0.0.1 TCP 85 yes", "8.8.8.8 10.0.0.1 TCP 90 yes",
	  "8.8.8.8 10.0.0.1 TCP 91 no", "8.8.8.8 10.0.0.1 UDP 85 no",
	  "8.8.8.8 10.0.0.1 UDP 65535 yes", "8.8.8.8 10.0.0.1 UDP 65534 no"}},
	{"protocol alone: all its ports, nothing else",
	 POLICY("p", "podSelector: {}, ingress: [{ports: [{protocol: SCTP}]}]"),
	 {"8.8.8.8 10.0.0.1 SCTP 0 yes", "8.8.8.8 10.0.0.1 SCTP 65535 yes",
	  "8.8.8.8 10.0.0.1 TCP 1 no", "8.8.8.8 10.0.0.1 ICMP 0 no"}},
	{"a port entry without protocol is TCP, and ICMP is under no rule with ports",
	 POLICY("p", "podSelector: {}, ingress: [{ports: [{}]}]"),
	 {"8.8.8.8 10.0.0.1 TCP 5 yes", "8.8.8.8 10.0.0.1 UDP 5 no", "8.8.8.8 10.0.0.1 ICMP 0 no"}},
	{"a named port is each destination pod's, by protocol; nothing where there is none",
	 POLICY("p",
		"podSelector: {}, ingress: [{ports: [{port: http}, {protocol: UDP, port: http}]}]"),
	 {"10.0.1.1 10.0.0.1 TCP 80 yes", "10.0.1.1 10.0.0.1 TCP 8080 no",
	  "10.0.1.1 10.0.0.2 TCP 8080 yes", "10.0.1.1 10.0.0.2 TCP 80 no",
	  "10.0.1.1 10.0.0.2 UDP 8081 yes", "10.0.1.1 10.0.0.1 UDP 80 no",
	  "10.0.1.1 10.0.0.3 TCP 80 no"}},
	{"a named port of an egress rule is the destination's",
	 POLICY("p", "podSelector: {matchLabels: {app: cache}}, policyTypes: [Egress], "
		     "egress: [{ports: [{port: http}]}]"),
	 {"10.0.0.3 10.0.0.1 TCP 80 yes", "10.0.0.3 10.0.0.2 TCP 8080 yes",
	  "10.0.0.3 10.0.0.2 TCP 80 no", "10.0.0.3 8.8.8.8 TCP 80 no",
	  "10.0.0.3 10.0.1.1 TCP 80 no"}},
	{"egress of the source and ingress of the destination both count",
	 POLICY("p", "podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{to: "
		     "[{podSelector: {matchLabels: {app: db}}}]}]")
		 POLICY("q",
			"podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: "
			"{matchLabels: {app: cache}}}]}]"),
	 {"10.0.0.1 10.0.0.2 TCP 80 no", "10.0.0.3 10.0.0.2 TCP 80 yes",
	  "10.0.0.1 10.0.0.3 TCP 80 no"}},
	{"a pod cannot block itself",
	 POLICY("p", "podSelector: {}, policyTypes: [Ingress, Egress]"),
	 {"10.0.0.1 10.0.0.1 TCP 80 yes", "fd00::1 fd00::1 TCP 80 yes",
	  "10.0.0.1 10.0.0.1 ICMP 0 yes"}},
	{"a pod's own node is let in, another node is not, and egress to it is no exception",
	 POLICY("p", "podSelector: {}, policyTypes: [Ingress, Egress]"),
	 {"192.168.0.1 10.0.0.1 TCP 80 yes", "192.168.0.2 10.0.0.1 TCP 80 no",
	  "192.168.0.2 10.0.0.3 TCP 80 yes", "10.0.0.1 192.168.0.1 TCP 80 no"}},
	{"hostNetwork pods are their node: no selector matches them, ipBlock does",
	 POLICY("p", "podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: "
		     "{matchLabels: {app: host}}}]}]")
		 POLICY("q", "podSelector: {matchLabels: {app: db}}, ingress: [{from: [{ipBlock: "
			     "{cidr: 192.168.0.2/32}}]}]")
			 POLICY("r",
				"podSelector: {matchLabels: {app: host}}, policyTypes: [Egress]"),
	 {"192.168.0.2 10.0.0.1 TCP 80 no", "192.168.0.2 10.0.0.2 TCP 80 yes",
	  "192.168.0.2 8.8.8.8 TCP 80 yes"}},
	{"a finished pod's address is nobody's",
	 POLICY("p", "podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress, Egress]"),
	 {"10.0.0.9 8.8.8.8 TCP 80 yes", "8.8.8.8 10.0.0.9 TCP 80 yes"}},
};

static uint8_t proto_of(const char *name)
{
	static const struct {
		const char *name;
		uint8_t proto;
	} protos[] = {{"TCP", 6}, {"UDP", 17}, {"SCTP", 132}, {"ICMP", 1}, {"ESP", 50}};

	for (size_t i = 0; i < sizeof(protos) / sizeof(*protos); i++)
		if (!strcmp(name, protos[i].name))
			return protos[i].proto;
	fail_msg("protocol %s", name);
	return 0;
}

struct eg_packet_key probe_key(const char *probe, char verdict[8])
{
	char src[64], dst[64], proto[8];
	struct eg_packet_key key;
	unsigned port;

	assert_int_equal(sscanf(probe, "%63s %63s %7s %u %7s", src, dst, proto, &port, verdict), 5);
	assert_int_equal(eg_ip_parse(src, &key.src), 0);
	assert_int_equal(eg_ip_parse(dst, &key.dst), 0);
	key.port = (uint16_t)port;
	key.proto = proto_of(proto);
	return key;
}

void yaml_cluster(const char *policies, struct eg_cluster *cluster)
{
	struct eg_errs errs = {0};
	struct eg_k8s *k8s = eg_k8s_new(cluster, &errs);

	assert_non_null(k8s);
	eg_k8s_add_text(k8s, inventory, strlen(inventory), "inventory.yaml");
	eg_k8s_add_text(k8s, policies, strlen(policies), "policies.yaml");
	eg_k8s_finish(k8s);
	if (errs.n_errors)
		fail_msg("%s", errs.msgs.v[0].text);
	eg_errs_free(&errs);
	eg_k8s_free(k8s);
}

static void test_clauses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct eg_cluster cluster = {0};
		struct eg_policy *policy;
		struct eg_proof proof;

		yaml_cluster(cases[i].policies, &cluster);
		policy = compile(&cluster);
		for (size_t p = 0; p < 10 && cases[i].probes[p]; p++) {
			char verdict[8];
			struct eg_packet_key key = probe_key(cases[i].probes[p], verdict);
			bool pass =
				eg_ref_passes(eg_ref_evaluate(&cluster, EG_INGRESS, &key).why) &&
				eg_ref_passes(eg_ref_evaluate(&cluster, EG_EGRESS, &key).why);

			if (pass != !strcmp(verdict, "yes"))
				fail_msg("%s: %s", cases[i].clause, cases[i].probes[p]);
			assert_agree(policy, &key);
		}
		assert_int_equal(eg_policy_prove(policy, 0, &proof), 0);
		assert_int_equal(proof.n_disagreements, 0);
		eg_policy_free(policy);
		eg_cluster_free(&cluster);
	}
}

int run_rule_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clauses),
	};

	return cmocka_run_group_tests_name("policy clauses", tests, NULL, NULL);
}
