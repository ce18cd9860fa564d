/* Prints the cluster of bench_cluster.h as the Kubernetes objects that it stands for, so that a
 * gateway can load it like any other.
 *
 *   bench_objects PODS inventory|policies      a List as JSON, one object per line
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_cluster.h"

static const struct eg_cluster *cluster; /* constant once it is made */

static const char *text_of(eg_sym sym)
{
	return eg_sym_text(&cluster->syms, sym);
}

/* ", " between the entries of a list. */
static const char *comma(const void *entry, const void *first)
{
	return entry == first ? "" : ", ";
}

/* All names are of bench_cluster.c and need no escapes. */
static void print_labels(const struct eg_labels *labels)
{
	printf("{");
	eg_vec_foreach (label, labels)
		printf("%s\"%s\": \"%s\"", comma(label, labels->v), text_of(label->key),
		       text_of(label->value));
	printf("}");
}

static void begin_object(const char *version, const char *kind)
{
	static bool more;

	printf("%s{\"apiVersion\": \"%s\", \"kind\": \"%s\", \"metadata\": {", more ? ",\n" : "",
	       version, kind);
	more = true;
}

static void print_addresses(const struct eg_ip *ips, size_t n, const char *key)
{
	char text[EG_IP_TEXT];

	for (size_t i = 0; i < n; i++) {
		eg_ip_print(&ips[i], text);
		printf("%s{%s\"%s\"}", i ? ", " : "", key, text);
	}
}

static void print_namespace(const struct eg_namespace *ns)
{
	begin_object("v1", "Namespace");
	printf("\"name\": \"%s\", \"labels\": ", text_of(ns->name));
	print_labels(&ns->labels);
	printf("}}");
}

static void print_node(const struct eg_cluster_node *node)
{
	begin_object("v1", "Node");
	printf("\"name\": \"%s\"}, \"status\": {\"addresses\": [", text_of(node->name));
	print_addresses(node->ips.v, node->ips.n, "\"type\": \"InternalIP\", \"address\": ");
	printf("]}}");
}

static const char *proto_name(uint8_t proto)
{
	return proto == EG_PROTO_UDP ? "UDP" : "TCP";
}

static void print_pod(const struct eg_pod *pod)
{
	begin_object("v1", "Pod");
	printf("\"namespace\": \"%s\", \"name\": \"%s\", \"labels\": ",
	       text_of(cluster->namespaces.v[pod->ns].name), text_of(pod->name));
	print_labels(&pod->labels);
	printf("}, \"spec\": {\"nodeName\": \"%s\", \"containers\": [{\"name\": \"main\", "
	       "\"ports\": [",
	       text_of(cluster->nodes.v[pod->node].name));
	eg_vec_foreach (port, &pod->ports)
		printf("%s{\"name\": \"%s\", \"containerPort\": %u, \"protocol\": \"%s\"}",
		       comma(port, pod->ports.v), text_of(port->name), port->port,
		       proto_name(port->proto));
	printf("]}]}, \"status\": {\"phase\": \"Running\", \"podIPs\": [");
	print_addresses(pod->ips.v, pod->ips.n, "\"ip\": ");
	printf("]}}");
}

static void print_selector(const struct eg_selector *selector)
{
	printf("{\"matchLabels\": {");
	eg_vec_foreach (req, &selector->reqs)
		printf("%s\"%s\": \"%s\"", comma(req, selector->reqs.v), text_of(req->key),
		       text_of(req->values.v[0]));
	printf("}}");
}

static void print_prefix(const struct eg_prefix *prefix)
{
	char text[EG_PREFIX_TEXT];

	eg_prefix_print(prefix, text);
	printf("\"%s\"", text);
}

static void print_peer(const struct eg_peer *peer)
{
	if (peer->is_block) {
		printf("{\"ipBlock\": {\"cidr\": ");
		print_prefix(&peer->cidr);
		printf(", \"except\": [");
		eg_vec_foreach (except, &peer->except) {
			printf("%s", comma(except, peer->except.v));
			print_prefix(except);
		}
		printf("]}}");
		return;
	}
	printf("{");
	if (peer->has_ns) {
		printf("\"namespaceSelector\": ");
		print_selector(&peer->ns);
	}
	printf("%s", peer->has_ns && peer->has_pod ? ", " : "");
	if (peer->has_pod) {
		printf("\"podSelector\": ");
		print_selector(&peer->pod);
	}
	printf("}");
}

static void print_port(const struct eg_port *port)
{
	printf("{\"protocol\": \"%s\", ", proto_name(port->proto));
	if (port->kind == EG_PORT_NAMED)
		printf("\"port\": \"%s\"}", text_of(port->name));
	else
		printf("\"port\": %u, \"endPort\": %u}", port->first, port->last);
}

static void print_rule(const struct eg_rule *rule, const char *peers)
{
	printf("{\"%s\": [", peers);
	eg_vec_foreach (peer, &rule->peers) {
		printf("%s", comma(peer, rule->peers.v));
		print_peer(peer);
	}
	printf("], \"ports\": [");
	eg_vec_foreach (port, &rule->ports) {
		printf("%s", comma(port, rule->ports.v));
		print_port(port);
	}
	printf("]}");
}

static void print_policy(const struct eg_netpol *policy)
{
	static const char *const types[EG_DIRS] = {"Ingress", "Egress"};
	static const char *const lists[EG_DIRS] = {"ingress", "egress"};
	static const char *const peers[EG_DIRS] = {"from", "to"};
	const char *between = "";

	begin_object("networking.k8s.io/v1", "NetworkPolicy");
	printf("\"namespace\": \"%s\", \"name\": \"%s\"}, \"spec\": {\"podSelector\": ",
	       text_of(cluster->namespaces.v[policy->ns].name), text_of(policy->name));
	print_selector(&policy->pods);
	printf(", \"policyTypes\": [");
	for (int dir = 0; dir < EG_DIRS; dir++) {
		if (!policy->isolates[dir])
			continue;
		printf("%s\"%s\"", between, types[dir]);
		between = ", ";
	}
	printf("]");
	for (int dir = 0; dir < EG_DIRS; dir++) {
		if (!policy->rules[dir].n)
			continue;
		printf(", \"%s\": [", lists[dir]);
		eg_vec_foreach (rule, &policy->rules[dir]) {
			printf("%s", comma(rule, policy->rules[dir].v));
			print_rule(rule, peers[dir]);
		}
		printf("]");
	}
	printf("}}");
}

int main(int argc, char **argv)
{
	static struct eg_cluster made;
	unsigned long n = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
	bool policies = argc == 3 && !strcmp(argv[2], "policies");

	if (!n || n > 65536 || (!policies && strcmp(argv[2], "inventory") != 0))
		errx(2, "usage: bench_objects PODS inventory|policies");
	bench_cluster(&made, (uint32_t)n);
	cluster = &made;
	printf("{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [\n");
	if (policies) {
		eg_vec_foreach (policy, &made.policies)
			print_policy(policy);
	} else {
		eg_vec_foreach (ns, &made.namespaces)
			print_namespace(ns);
		eg_vec_foreach (node, &made.nodes)
			print_node(node);
		eg_vec_foreach (pod, &made.pods)
			print_pod(pod);
	}
	printf("\n]}\n");
	eg_cluster_free(&made);
	return fflush(stdout) ? 1 : 0;
}
