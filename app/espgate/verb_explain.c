/* explain: what happens to a connection under a configuration, and why. Evaluates both the compiled
 * tables and the reference model, and reports a bug if they differ. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "explain_group.h"
#include "explain_mtu.h"
#include "port/kernel.h"
#include "offline.h"
#include "net/parse.h"
#include "policy/explain.h"
#include "verbs.h"

struct query {
	const char *config, *src, *dst, *proto, *port;
	const char *mtu_of; /* --mtu: only this peer's MTU is explained */
	bool json;
};

static int parse_proto(const char *text, uint8_t *out)
{
	static const struct {
		const char *name;
		uint8_t number;
	} names[] = {{"tcp", 6},  {"udp", 17},   {"sctp", 132},
		     {"icmp", 1}, {"icmp6", 58}, {"icmpv6", 58}};
	uint64_t number;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!strcasecmp(text, names[i].name)) {
			*out = names[i].number;
			return 0;
		}
	}
	if (eg_text_u64(text, &number) || number > 255) {
		fprintf(stderr,
			"espgate explain: \"%s\" is not a protocol (tcp, udp, sctp, icmp, icmp6 or "
			"a number)\n",
			text);
		return -1;
	}
	*out = (uint8_t)number;
	return 0;
}

static int parse_port(const struct query *query, uint8_t proto, uint16_t *out)
{
	uint64_t port = 0;

	*out = 0;
	if (!eg_proto_has_ports(proto) && !query->port)
		return 0;
	if (!query->port) {
		fprintf(stderr, "espgate explain: %s requires a destination port\n", query->proto);
		return -1;
	}
	if (eg_text_u64(query->port, &port) || port > UINT16_MAX) {
		fprintf(stderr,
			"espgate explain: \"%s\" is not a port number (0-65535); names of services "
			"and container ports are not resolved\n",
			query->port);
		return -1;
	}
	*out = (uint16_t)port;
	return 0;
}

/* An address, or a pod as namespace/name, for its first address of the family (0: any). */
static int parse_end(const struct eg_cluster *cluster, const char *text, unsigned family,
		     struct eg_ip *out)
{
	const char *slash = strchr(text, '/');

	if (!eg_ip_parse(text, out))
		return 0;
	if (slash) {
		eg_vec_foreach (pod, &cluster->pods) {
			const char *ns =
				eg_sym_text(&cluster->syms, cluster->namespaces.v[pod->ns].name);

			if (strlen(ns) != (size_t)(slash - text) ||
			    memcmp(ns, text, (size_t)(slash - text)) ||
			    strcmp(eg_sym_text(&cluster->syms, pod->name), slash + 1))
				continue;
			eg_vec_foreach (ip, &pod->ips) {
				if (!family || ip->family == family) {
					*out = *ip;
					return 0;
				}
			}
		}
	}
	fprintf(stderr,
		"espgate explain: \"%s\" is neither an address nor a pod (namespace/name)%s\n",
		text, family ? " with an address of that family" : "");
	return -1;
}

static int parse_key(const struct query *query, const struct eg_cluster *cluster,
		     struct eg_packet_key *key)
{
	struct eg_ip dst;

	if (parse_proto(query->proto, &key->proto) || parse_port(query, key->proto, &key->port))
		return -1;
	/* If one endpoint is an address, it determines the family of the other. */
	if (!eg_ip_parse(query->dst, &dst)) {
		key->dst = dst;
		if (parse_end(cluster, query->src, dst.family, &key->src))
			return -1;
	} else if (parse_end(cluster, query->src, 0, &key->src) ||
		   parse_end(cluster, query->dst, key->src.family, &key->dst)) {
		return -1;
	}
	if (key->src.family == key->dst.family)
		return 0;
	fprintf(stderr, "espgate explain: %s and %s have different address families\n", query->src,
		query->dst);
	return -1;
}

static void peer_json(const struct eg_conf_peer *peer, struct eg_buf *out)
{
	const char *separator = "";

	eg_buf_add(out, ", \"peer\": \"%s\", \"sas\": [", peer->name);
	eg_vec_foreach (sa, &peer->sas) {
		if (sa->dir != EG_SA_OUT)
			continue;
		eg_buf_add(out, "%s{\"spi\": %u, \"suite\": \"%s\"}", separator, sa->spi,
			   sa->suite->name);
		separator = ", ";
	}
	eg_buf_add(out, "]");
}

static void route_json(const struct eg_offline *view, const struct eg_hop *hop, struct eg_buf *out)
{
	static const char *const kinds[] = {"none", "no_neighbor", "gateway", "broadcast", "port",
					    "port", "port",        "peer",    "peers"};

	eg_buf_add(out, "{\"kind\": \"%s\"", kinds[hop->kind]);
	if (eg_hop_is_port(hop))
		eg_buf_add(out, ", \"port\": \"%s\"", view->config->ports.v[hop->port].name);
	if (hop->kind == EG_HOP_TUNNEL)
		peer_json(&view->config->peers.v[hop->tunnel], out);
	if (hop->kind == EG_HOP_GROUP)
		eg_explain_group_json(view, hop, out);
	eg_buf_add(out, "}");
}

static bool has_address(const struct eg_conf_port *port, const struct eg_ip *ip)
{
	eg_vec_foreach (address, &port->addresses) {
		if (eg_ip_equal(&address->ip, ip))
			return true;
	}
	return false;
}

/* A packet to an address of the gateway. */
static void explain_local(const struct eg_config *config, const struct eg_ip *dst,
			  struct eg_buf *out)
{
	char interface[IF_NAMESIZE];

	eg_vec_foreach (port, &config->ports) {
		if (!port->kernel.device || !has_address(port, dst))
			continue;
		eg_kernel_interface(port, interface);
		eg_buf_add(out, "the gateway itself: to the kernel through %s%s\n", interface,
			   port->role == EG_ROLE_ENCRYPTED ? ", if allow permits it" : "");
		return;
	}
	eg_buf_add(out, "the gateway itself: dropped as to_gateway\n");
}

static void route_text(const struct eg_offline *view, const struct eg_hop *hop,
		       const struct eg_ip *dst, struct eg_buf *out)
{
	char remote[EG_IP_TEXT];

	eg_buf_add(out, "route: ");
	switch ((enum eg_hop_kind)hop->kind) {
	case EG_HOP_NONE:
		eg_buf_add(out, "no matching peer or route: dropped as no_route\n");
		return;
	case EG_HOP_NO_NEIGHBOR:
		eg_buf_add(out, "next hop's MAC address is unknown: dropped as no_neighbor\n");
		return;
	case EG_HOP_LOCAL:
		explain_local(view->config, dst, out);
		return;
	case EG_HOP_BROADCAST:
		eg_buf_add(out, "broadcast address of a port's network: dropped as multicast\n");
		return;
	case EG_HOP_PORT:
	case EG_HOP_LINK:
	case EG_HOP_VIA:
		eg_buf_add(out, "out of port %s%s\n", view->config->ports.v[hop->port].name,
			   view->config->ports.v[hop->port].role == EG_ROLE_ENCRYPTED
				   ? ", which sends nothing in clear: dropped as plain_to_encrypted"
				   : "");
		return;
	case EG_HOP_GROUP:
		eg_explain_group_text(view, hop, out);
		return;
	case EG_HOP_TUNNEL:
		break;
	}
	eg_buf_add(out, "into the tunnel of peer %s (%s)", view->config->peers.v[hop->tunnel].name,
		   eg_ip_print(&view->config->peers.v[hop->tunnel].remote, remote));
	eg_vec_foreach (sa, &view->config->peers.v[hop->tunnel].sas) {
		if (sa->dir == EG_SA_OUT)
			eg_buf_add(out, ", SA 0x%08x %s", sa->spi, sa->suite->name);
	}
	eg_buf_add(out, "\n");
}

/* No tunnel matches, but encrypt requires one. */
static bool must_encrypt(const struct eg_snap_world *world, const struct eg_hop *hop,
			 const struct eg_ip *dst)
{
	return !eg_hop_is_tunnel(hop) && hop->kind != EG_HOP_LOCAL &&
	       eg_snap_must_encrypt(world, dst->family, dst->bytes);
}

/* Where packets with that source are accepted; false: on no port that checks. */
static bool source_text(const struct eg_offline *view, const struct eg_ip *src, struct eg_buf *out)
{
	static const char *const modes[] = {"strict", "loose", "off"};
	const struct eg_snap_world *world = view->snap->world;
	const struct eg_hop *back = &world->hops[eg_lpm_lookup(world->routes, src)];
	const struct eg_conf_port *port;

	eg_buf_add(out, "source check: ");
	if (eg_hop_is_tunnel(back)) {
		eg_buf_add(out, "accepted only from its peer's tunnel\n");
		return true;
	}
	if (back->kind == EG_HOP_LOCAL) {
		eg_buf_add(out, "the gateway itself: accepted only from its kernel device\n");
		return true;
	}
	if (back->kind == EG_HOP_NONE || back->kind == EG_HOP_BROADCAST ||
	    back->port == EG_HOP_NO_PORT) {
		eg_buf_add(out, "not behind any port: dropped as source_check, except on a port "
				"with source_check: off\n");
		return false;
	}
	port = &view->config->ports.v[back->port];
	if (port->role == EG_ROLE_CLEAR) {
		eg_buf_add(out, "behind port %s (%s): accepted there\n", port->name,
			   modes[port->source_check]);
		return true;
	}
	eg_buf_add(out,
		   "behind encrypted port %s: dropped as source_check on clear ports, and there if "
		   "in clear\n",
		   port->name);
	return false;
}

/* Addresses that the parse stage drops. */
static enum eg_verdict invalid_address(const struct eg_packet_key *key)
{
	const struct eg_pkt pkt = {.version = key->src.family};
	struct eg_ip4 ip4 = {0};
	struct eg_ip6 ip6 = {0};

	memcpy(ip4.src, key->src.bytes, sizeof(ip4.src));
	memcpy(ip4.dst, key->dst.bytes, sizeof(ip4.dst));
	memcpy(ip6.src, key->src.bytes, sizeof(ip6.src));
	memcpy(ip6.dst, key->dst.bytes, sizeof(ip6.dst));
	return eg_parse_addresses(
		key->src.family == 4 ? (const uint8_t *)&ip4 : (const uint8_t *)&ip6, &pkt);
}

/* The drop reason regardless of policy; EG_PASS if it is forwarded. */
static enum eg_verdict drop_regardless(const struct eg_offline *view,
				       const struct eg_packet_key *key, const struct eg_hop *hop)
{
	enum eg_verdict drop = invalid_address(key);

	if (drop)
		return drop;
	if (must_encrypt(view->snap->world, hop, &key->dst))
		return EG_DROP_MUST_ENCRYPT;
	switch ((enum eg_hop_kind)hop->kind) {
	case EG_HOP_NONE:
		return EG_DROP_NO_ROUTE;
	case EG_HOP_NO_NEIGHBOR:
		return EG_DROP_NO_NEIGHBOR;
	case EG_HOP_BROADCAST:
		return EG_DROP_MULTICAST;
	case EG_HOP_PORT:
	case EG_HOP_LINK:
	case EG_HOP_VIA:
		return view->config->ports.v[hop->port].role == EG_ROLE_ENCRYPTED
			       ? EG_DROP_PLAIN_TO_ENCRYPTED
			       : EG_PASS;
	case EG_HOP_LOCAL:
	case EG_HOP_TUNNEL:
	case EG_HOP_GROUP:
		break;
	}
	return EG_PASS;
}

static int status_of(const struct eg_explanation *explanation)
{
	if (!explanation->tables_agree)
		return EG_EXIT_ERROR;
	if (explanation->drop_reason)
		return EG_EXIT_NO;
	if (explanation->allowed)
		return EG_EXIT_OK;
	return explanation->audit ? EG_EXIT_AUDIT : EG_EXIT_NO;
}

static int explain(const struct eg_offline *view, const struct query *query)
{
	const struct eg_snap *snap = view->snap;
	struct eg_explanation explanation = {0};
	struct eg_packet_key key = {0};
	struct eg_buf out = {0}, check = {0};
	const struct eg_hop *hop;
	bool source, must_be_encrypted;
	enum eg_verdict lost;
	int status = EG_EXIT_ERROR;

	if (parse_key(query, &snap->policy->cluster, &key))
		return EG_EXIT_USAGE;
	if (eg_policy_explain(snap->policy->compiled, &key, &explanation)) {
		fprintf(stderr, "espgate explain: out of memory\n");
		goto end;
	}
	hop = &snap->world->hops[eg_lpm_lookup(snap->world->routes, &key.dst)];
	source = source_text(view, &key.src, &check);
	must_be_encrypted = must_encrypt(snap->world, hop, &key.dst);
	lost = drop_regardless(view, &key, hop);
	explanation.drop_reason = lost ? eg_drop_name(lost) : NULL;
	explanation.audit = snap->policy->audit;
	if (query->json) {
		eg_buf_add(&out, "{\"policy\": ");
		eg_explanation_json(&explanation, &out);
		eg_buf_add(&out, ", \"source_accepted\": %s", source ? "true" : "false");
		eg_buf_add(&out, ", \"must_encrypt\": %s", must_be_encrypted ? "true" : "false");
		eg_buf_add(&out, ", \"route\": ");
		route_json(view, hop, &out);
		eg_buf_add(&out, ", \"audit\": %s, \"drop\": %s%s%s}\n",
			   explanation.audit ? "true" : "false", lost ? "\"" : "",
			   lost ? explanation.drop_reason : "null", lost ? "\"" : "");
	} else {
		eg_explanation_text(&explanation, &out);
		eg_buf_add(&out, "%s", check.v ? check.v : "");
		if (invalid_address(&key))
			eg_buf_add(&out, "route: none: %s\n", eg_drop_text(lost));
		else if (must_be_encrypted)
			eg_buf_add(&out, "route: no tunnel, but encrypt covers its network: "
					 "dropped as must_encrypt\n");
		else
			route_text(view, hop, &key.dst, &out);
	}
	fputs(out.v ? out.v : "", stdout);
	status = status_of(&explanation);
	if (!explanation.tables_agree)
		fprintf(stderr, "espgate explain: compiled tables and reference model DISAGREE: "
				"this is a bug in espgate, please report it\n");
end:
	eg_explanation_free(&explanation);
	eg_buf_free(&out);
	eg_buf_free(&check);
	return status;
}

static int parse(int argc, char **argv, struct query *query)
{
	static const struct option longs[] = {
		{"json", no_argument, NULL, 'j'}, {"mtu", required_argument, NULL, 'm'}, {0}};
	int opt;

	while ((opt = getopt_long(argc, argv, "c:", longs, NULL)) != -1) {
		if (opt == 'c')
			query->config = optarg;
		else if (opt == 'j')
			query->json = true;
		else if (opt == 'm')
			query->mtu_of = optarg;
		else
			return -1;
	}
	if (query->mtu_of)
		return query->config && optind == argc && !query->json ? 0 : -1;
	if (!query->config || argc - optind < 3 || argc - optind > 4)
		return -1;
	query->src = argv[optind];
	query->dst = argv[optind + 1];
	query->proto = argv[optind + 2];
	query->port = argc - optind == 4 ? argv[optind + 3] : NULL;
	return 0;
}

int eg_verb_explain(int argc, char **argv)
{
	struct query query = {0};
	struct eg_offline view = {0};
	int status = EG_EXIT_ERROR;

	if (parse(argc, argv, &query)) {
		fprintf(stderr, "usage: espgate explain -c FILE [--json] SRC DST PROTO [PORT]\n"
				"       espgate explain -c FILE --mtu PEER\n"
				"  SRC, DST: an address, or a pod as namespace/name\n");
		return EG_EXIT_USAGE;
	}
	if (!eg_offline_load(&view, query.config)) {
		if (query.mtu_of)
			status = eg_explain_mtu(&view, query.mtu_of);
		else if (view.snap->policy)
			status = explain(&view, &query);
		else
			fprintf(stderr, "espgate explain: %s enforces no policy\n", query.config);
	}
	eg_offline_free(&view);
	return status;
}
