/* The section peers; SAs, lifetime and liveness of a peer have files of their own. */
#include "conf/sections.h"

static void read_local(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_peer *peer = into;

	eg_read_host_ip(rd, node, &peer->local);
}

static void read_remote(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_peer *peer = into;

	if (!eg_read_host_ip(rd, node, &peer->remote) || !peer->local.family)
		return;
	if (peer->local.family != peer->remote.family)
		eg_read_error(rd, &node->pos, "%s and local have different address families",
			      node->text);
	else if (eg_ip_equal(&peer->local, &peer->remote))
		eg_read_error(rd, &node->pos, "%s is also local", node->text);
}

static void read_mode(struct eg_read *rd, const struct eg_node *node, void *into)
{
	static const char *const names[] = {
		[EG_MODE_TUNNEL] = "tunnel", [EG_MODE_TRANSPORT] = "transport"};
	struct eg_conf_peer *peer = into;
	unsigned mode;

	if (eg_read_enum(rd, node, names, sizeof(names) / sizeof(*names), &mode))
		peer->mode = mode;
}

static void read_subnet(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_peer *peer = into;
	struct eg_prefix *subnet = eg_vec_add(&peer->subnets);

	if (subnet)
		eg_read_prefix(rd, node, subnet);
	else
		eg_read_no_memory(rd);
}

static void read_subnets(struct eg_read *rd, const struct eg_node *node, void *into)
{
	const struct eg_conf_peer *peer = into;

	if (peer->mode == EG_MODE_TRANSPORT) {
		eg_read_error(rd, eg_node_error_pos(node),
			      "only valid in mode tunnel: transport mode protects traffic between "
			      "local and remote");
		return;
	}
	eg_read_seq(rd, node, read_subnet, into);
	if (node->kind == EG_NODE_SEQ && !node->n_children)
		eg_read_error(rd, &node->pos, "at least one subnet is needed");
}

static void read_df(struct eg_read *rd, const struct eg_node *node, void *into)
{
	static const char *const names[] = {
		[EG_DF_COPY] = "copy", [EG_DF_SET] = "set", [EG_DF_CLEAR] = "clear"};
	struct eg_conf_peer *peer = into;
	unsigned df;

	if (!eg_read_enum(rd, node, names, sizeof(names) / sizeof(*names), &df))
		return;
	peer->df = df;
	if (peer->mode == EG_MODE_TRANSPORT)
		eg_read_error(rd, eg_node_error_pos(node),
			      "only valid in mode tunnel: transport mode keeps the packet's DF");
	else if (peer->remote.family == 6)
		eg_read_error(rd, eg_node_error_pos(node), "only valid for tunnels over IPv4");
}

static void read_source_ports(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_peer *peer = into;
	uint64_t n;

	if (eg_read_u64(rd, node, 1, EG_CONF_SOURCE_PORTS_MAX, &n))
		peer->source_ports = (uint16_t)n;
}

static void read_peer_port(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_peer *peer = into;
	uint64_t port;

	if (eg_read_u64(rd, node, 1, UINT16_MAX, &port))
		peer->peer_port = (uint16_t)port;
}

static void read_accept_plain(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_peer *peer = into;

	eg_read_bool(rd, node, &peer->accept_plain);
}

/* A NAT mapping covers one source port; and in transport mode the outer source is the sender's own
 * address. */
static void read_float(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_peer *peer = into;

	if (!eg_read_bool(rd, node, &peer->floats) || !peer->floats)
		return;
	if (peer->mode == EG_MODE_TRANSPORT)
		eg_read_error(rd, &node->pos,
			      "only valid in mode tunnel: in transport mode the outer source is "
			      "the packet's own");
	if (peer->source_ports > 1)
		eg_read_error(
			rd, &node->pos,
			"conflicts with source_ports: a NAT maps each source port separately");
}

static void read_udp_encap_word(struct eg_read *rd, const struct eg_node *node,
				struct eg_conf_peer *peer)
{
	const char *text = eg_read_text(rd, node);

	if (!text)
		return;
	if (!strcmp(text, "auto"))
		peer->udp_encap = peer->accept_plain = true;
	else if (!strcmp(text, "true"))
		peer->udp_encap = true;
	else if (strcmp(text, "false"))
		eg_read_error(rd, &node->pos, "expected true, false or auto, found \"%s\"", text);
}

/* true, false, auto, or a map of settings. */
static void read_udp_encap(struct eg_read *rd, const struct eg_node *node, void *into)
{
	static const struct eg_field fields[] = {
		{"source_ports", read_source_ports, false},
		{"peer_port", read_peer_port, false},
		{"accept_plain", read_accept_plain, false},
		{"float", read_float, false}, /* compared with source_ports */
	};
	struct eg_conf_peer *peer = into;

	if (node->kind != EG_NODE_MAP) {
		read_udp_encap_word(rd, node, peer);
		return;
	}
	peer->udp_encap = true;
	eg_read_map(rd, node, fields, sizeof(fields) / sizeof(*fields), peer);
	if (!node->n_children)
		eg_read_error(rd, &node->pos,
			      "is empty: expected true, false, auto, or some of source_ports, "
			      "peer_port, float, accept_plain");
}

/* Legal, but loses packets: warn. */
static void check_directions(struct eg_read *rd, const struct eg_node *node,
			     const struct eg_conf_peer *peer)
{
	size_t n[2] = {0};

	eg_vec_foreach (sa, &peer->sas)
		n[sa->dir]++;
	if (!n[EG_SA_OUT])
		eg_read_warning(rd, eg_node_error_pos(node),
				"no SA of dir out: packets to its subnets will be dropped");
	if (!n[EG_SA_IN])
		eg_read_warning(rd, eg_node_error_pos(node),
				"no SA of dir in: packets from it will be dropped");
}

static void read_mss_clamp(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_peer *peer = into;

	eg_read_bool(rd, node, &peer->mss_clamp);
}

static void read_fragment(struct eg_read *rd, const struct eg_node *node, void *into)
{
	static const char *const names[] = {[EG_FRAGMENT_BEFORE] = "before",
					    [EG_FRAGMENT_AFTER] = "after",
					    [EG_FRAGMENT_DROP] = "drop"};
	struct eg_conf_peer *peer = into;
	unsigned fragment;

	if (!eg_read_enum(rd, node, names, sizeof(names) / sizeof(*names), &fragment))
		return;
	peer->fragment = fragment;
	if (fragment == EG_FRAGMENT_BEFORE && peer->mode == EG_MODE_TRANSPORT)
		eg_read_error(rd, &node->pos,
			      "only valid in mode tunnel: transport mode does not seal fragments "
			      "(RFC 4303 s3.1.1)");
	if (fragment == EG_FRAGMENT_AFTER && peer->df == EG_DF_SET)
		eg_read_error(rd, &node->pos,
			      "df: set forbids fragmenting the outer packet (RFC 791 s2.3); use "
			      "before or drop");
}

static void read_path_mtu(struct eg_read *rd, const struct eg_node *node, void *into)
{
	static const char *const names[] = {
		[EG_PATH_MTU_LEARN] = "learn", [EG_PATH_MTU_IGNORE] = "ignore"};
	struct eg_conf_peer *peer = into;
	unsigned path_mtu;

	if (eg_read_enum(rd, node, names, sizeof(names) / sizeof(*names), &path_mtu))
		peer->path_mtu = path_mtu;
}

static void read_peer(struct eg_read *rd, const struct eg_node *node, void *into)
{
	static const struct eg_field fields[] = {
		{"local", read_local, true},
		{"remote", read_remote, true}, /* compared with local */
		{"mode", read_mode, false},    /* the keys below depend on it */
		{"subnets", read_subnets, false},
		{"df", read_df, false},
		{"udp_encap", read_udp_encap, false},
		{"sas", eg_conf_read_sas, false},
		{"rekey", eg_conf_read_rekey, false},
		{"lifetime", eg_conf_read_lifetime, false}, /* compared with sas */
		{"mss_clamp", read_mss_clamp, false},
		{"path_mtu", read_path_mtu, false},
		{"fragment", read_fragment, false}, /* compared with mode and df */
		{"alive", eg_conf_read_liveness, false},
		{"priority", eg_conf_read_priority, false},
		{"weight", eg_conf_read_weight, false}, /* requires priority */
	};
	struct eg_config *config = into;
	struct eg_conf_peer *peer = eg_vec_add(&config->peers);
	size_t before = rd->errs->n_errors;

	if (!peer) {
		eg_read_no_memory(rd);
		return;
	}
	peer->pos = node->key_pos;
	peer->send_delay_ns = EG_CONF_SEND_DELAY_NS;
	peer->grace_ns = EG_CONF_GRACE_NS;
	peer->source_ports = 1;
	peer->peer_port = EG_CONF_UDP_ENCAP_PORT;
	peer->mss_clamp = true;
	peer->weight = 1;
	eg_conf_read_name(rd, node, &peer->name);
	eg_read_map(rd, node, fields, sizeof(fields) / sizeof(*fields), peer);
	if (node->kind == EG_NODE_MAP && peer->mode == EG_MODE_TUNNEL &&
	    !eg_node_get(node, "subnets"))
		eg_read_error(rd, eg_node_error_pos(node), "missing key \"subnets\"");
	if (rd->errs->n_errors == before)
		check_directions(rd, node, peer);
}

void eg_conf_read_peers(struct eg_read *rd, const struct eg_node *node, void *into)
{
	if (node->n_children > EG_CONF_PEERS_MAX)
		eg_read_error(rd, &node->pos, "more than %d peers", EG_CONF_PEERS_MAX);
	else
		eg_read_named(rd, node, read_peer, into);
}
