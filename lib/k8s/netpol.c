/* NetworkPolicy (networking.k8s.io/v1) is read strictly: what the API server would reject is
 * rejected, and nothing is ignored. */
#include "base/text.h"
#include "k8s/reader.h"

#define N(array) (sizeof(array) / sizeof(*(array)))

static bool read_prefix(struct eg_k8s *k8s, const struct eg_node *node, struct eg_prefix *prefix)
{
	const char *text = eg_k8s_text(k8s, node);
	char masked[EG_PREFIX_TEXT];

	if (!text)
		return false;
	if (eg_prefix_parse(text, prefix)) {
		eg_k8s_error(k8s, node, "\"%s\" is not a valid prefix like 10.0.0.0/8 or fd00::/64",
			     text);
		return false;
	}
	/* The API server accepts it as the network, but it is often a mistake. */
	if (eg_prefix_mask(prefix))
		eg_warning(k8s->errs, &node->pos, k8s->path.v,
			   "\"%s\" has host bits set; read as %s", text,
			   eg_prefix_print(prefix, masked));
	return true;
}

static void read_except(struct eg_k8s *k8s, const struct eg_node *node, struct eg_peer *peer)
{
	struct eg_prefix prefix, *entry;
	char cidr[EG_PREFIX_TEXT];

	if (!read_prefix(k8s, node, &prefix))
		return;
	if (!eg_prefix_contains(&peer->cidr, &prefix.ip) || prefix.len <= peer->cidr.len) {
		eg_k8s_error(k8s, node, "must be inside the cidr %s and smaller",
			     eg_prefix_print(&peer->cidr, cidr));
		return;
	}
	entry = eg_vec_add(&peer->except);
	if (entry)
		*entry = prefix;
	else
		eg_k8s_no_memory(k8s);
}

static void read_block(struct eg_k8s *k8s, const struct eg_node *node, struct eg_peer *peer)
{
	static const char *const fields[] = {"cidr", "except"};
	const struct eg_node *cidr = eg_node_get(node, "cidr");
	const struct eg_node *except = eg_k8s_seq(k8s, node, "except");
	size_t before, i = 0;
	bool valid;

	peer->is_block = true;
	eg_k8s_check_fields(k8s, node, fields, N(fields));
	if (!cidr || eg_node_is_null(cidr)) {
		eg_k8s_error(k8s, node, "cidr: missing");
		return;
	}
	before = eg_k8s_enter(k8s, "cidr");
	valid = read_prefix(k8s, cidr, &peer->cidr);
	eg_k8s_leave(k8s, before);
	before = eg_k8s_enter(k8s, "except");
	for (const struct eg_node *it = valid && except ? except->child : NULL; it; it = it->next) {
		size_t item = eg_k8s_enter_item(k8s, i++);

		read_except(k8s, it, peer);
		eg_k8s_leave(k8s, item);
	}
	eg_k8s_leave(k8s, before);
}

static void read_peer_selector(struct eg_k8s *k8s, const struct eg_node *peer, const char *field,
			       struct eg_selector *selector, bool *set)
{
	const struct eg_node *node = eg_k8s_map(k8s, peer, field);
	size_t before = eg_k8s_enter(k8s, field);

	*set = node != NULL;
	if (node)
		eg_k8s_selector(k8s, node, selector);
	eg_k8s_leave(k8s, before);
}

static void read_peer(struct eg_k8s *k8s, const struct eg_node *node, struct eg_peer *peer)
{
	static const char *const fields[] = {"podSelector", "namespaceSelector", "ipBlock"};
	const struct eg_node *block;
	size_t before;

	peer->pos = node->pos;
	if (node->kind != EG_NODE_MAP) {
		eg_k8s_error(k8s, node,
			     "must be a map with podSelector, namespaceSelector or "
			     "ipBlock");
		return;
	}
	eg_k8s_check_fields(k8s, node, fields, N(fields));
	read_peer_selector(k8s, node, "podSelector", &peer->pod, &peer->has_pod);
	read_peer_selector(k8s, node, "namespaceSelector", &peer->ns, &peer->has_ns);
	block = eg_k8s_map(k8s, node, "ipBlock");
	before = eg_k8s_enter(k8s, "ipBlock");
	if (block)
		read_block(k8s, block, peer);
	eg_k8s_leave(k8s, before);
	if (block && (peer->has_pod || peer->has_ns))
		eg_k8s_error(k8s, block, "ipBlock cannot be combined with selectors");
	if (!block && !peer->has_pod && !peer->has_ns)
		eg_k8s_error(k8s, node,
			     "empty peer: set podSelector, namespaceSelector or "
			     "ipBlock ({} as podSelector means all pods)");
}

static uint8_t read_protocol(struct eg_k8s *k8s, const struct eg_node *node)
{
	static const char *const names[] = {"TCP", "UDP", "SCTP"};
	static const uint8_t protos[] = {EG_PROTO_TCP, EG_PROTO_UDP, EG_PROTO_SCTP};
	int choice = eg_k8s_enum(k8s, node, "protocol", names, N(names));

	return choice < 0 ? EG_PROTO_TCP : protos[choice];
}

/* IANA_SVC_NAME: at most 15 of a-z, 0-9 and single inner hyphens, with at least one letter. */
static bool is_port_name(const char *text)
{
	size_t n = strlen(text);
	bool letter = false;

	for (size_t i = 0; i < n; i++) {
		bool is_letter = text[i] >= 'a' && text[i] <= 'z';
		bool is_digit = text[i] >= '0' && text[i] <= '9';

		letter |= is_letter;
		if (!is_letter && !is_digit &&
		    (text[i] != '-' || !i || i == n - 1 || text[i - 1] == '-'))
			return false;
	}
	return letter && n <= 15;
}

/* Unquoted digits: the API accepts no other notation here. */
static bool is_number(const struct eg_node *node)
{
	return node->kind == EG_NODE_SCALAR && node->plain && *node->text &&
	       !node->text[strspn(node->text, "-+0123456789")];
}

static bool read_number(struct eg_k8s *k8s, const struct eg_node *node, uint16_t *out)
{
	uint64_t value;

	/* 0120 is octal (80) to kubectl's YAML parser, an error to JSON parsers, and 120 to
	 * others. */
	if (is_number(node) && node->text[0] == '0' && node->text[1]) {
		eg_k8s_error(k8s, node,
			     "\"%s\" is octal to some parsers and decimal to others: write the "
			     "port without leading zeros",
			     node->text);
		return false;
	}
	if (!is_number(node) || eg_text_u64(node->text, &value) || !value || value > UINT16_MAX) {
		eg_k8s_error(k8s, node, "must be a port number, 1 to 65535");
		return false;
	}
	*out = (uint16_t)value;
	return true;
}

static void read_port_value(struct eg_k8s *k8s, const struct eg_node *node, struct eg_port *port)
{
	const char *text;

	port->kind = EG_PORT_RANGE;
	if (is_number(node)) {
		if (read_number(k8s, node, &port->first))
			port->last = port->first;
		return;
	}
	text = eg_k8s_text(k8s, node);
	if (!text)
		return;
	if (!is_port_name(text)) {
		eg_k8s_error(k8s, node,
			     "must be an unquoted port number, or a port name (at most 15 of a-z, "
			     "0-9 and -, with at least one letter)");
		return;
	}
	port->kind = EG_PORT_NAMED;
	port->name = eg_k8s_sym(k8s, text);
}

static void read_end_port(struct eg_k8s *k8s, const struct eg_node *node, struct eg_port *port)
{
	uint16_t last;

	if (port->kind == EG_PORT_ALL) {
		eg_k8s_error(k8s, node, "requires port");
		return;
	}
	if (port->kind == EG_PORT_NAMED) {
		eg_k8s_error(k8s, node, "requires a numeric port, not a name");
		return;
	}
	if (!read_number(k8s, node, &last))
		return;
	if (last < port->first) {
		eg_k8s_error(k8s, node, "must not be less than port (%u)", port->first);
		return;
	}
	port->last = last;
}

static void read_port(struct eg_k8s *k8s, const struct eg_node *node, struct eg_port *port)
{
	static const char *const fields[] = {"protocol", "port", "endPort"};
	const struct eg_node *value, *end;
	size_t before;

	port->pos = node->pos;
	if (node->kind != EG_NODE_MAP) {
		eg_k8s_error(k8s, node, "must be a map with protocol, port or endPort");
		return;
	}
	eg_k8s_check_fields(k8s, node, fields, N(fields));
	port->proto = read_protocol(k8s, node);
	value = eg_node_get(node, "port");
	end = eg_node_get(node, "endPort");
	before = eg_k8s_enter(k8s, "port");
	if (value && !eg_node_is_null(value))
		read_port_value(k8s, value, port);
	eg_k8s_leave(k8s, before);
	before = eg_k8s_enter(k8s, "endPort");
	if (end && !eg_node_is_null(end))
		read_end_port(k8s, end, port);
	eg_k8s_leave(k8s, before);
}

static void read_rule(struct eg_k8s *k8s, const struct eg_node *node, enum eg_dir dir,
		      struct eg_rule *rule)
{
	static const char *const fields[EG_DIRS][2] = {
		[EG_INGRESS] = {"from", "ports"},
		[EG_EGRESS] = {"to", "ports"},
	};
	const struct eg_node *peers, *ports;
	size_t before, i = 0;

	rule->pos = node->pos;
	if (node->kind != EG_NODE_MAP) {
		eg_k8s_error(k8s, node, "must be a map ({} allows everything)");
		return;
	}
	eg_k8s_check_fields(k8s, node, fields[dir], 2);
	peers = eg_k8s_seq(k8s, node, fields[dir][0]);
	ports = eg_k8s_seq(k8s, node, "ports");
	before = eg_k8s_enter(k8s, fields[dir][0]);
	for (const struct eg_node *it = peers ? peers->child : NULL; it; it = it->next) {
		struct eg_peer *peer = eg_vec_add(&rule->peers);
		size_t item = eg_k8s_enter_item(k8s, i++);

		if (peer)
			read_peer(k8s, it, peer);
		else
			eg_k8s_no_memory(k8s);
		eg_k8s_leave(k8s, item);
	}
	eg_k8s_leave(k8s, before);
	before = eg_k8s_enter(k8s, "ports");
	i = 0;
	for (const struct eg_node *it = ports ? ports->child : NULL; it; it = it->next) {
		struct eg_port *port = eg_vec_add(&rule->ports);
		size_t item = eg_k8s_enter_item(k8s, i++);

		if (port)
			read_port(k8s, it, port);
		else
			eg_k8s_no_memory(k8s);
		eg_k8s_leave(k8s, item);
	}
	eg_k8s_leave(k8s, before);
}

static void read_rules(struct eg_k8s *k8s, const struct eg_node *spec, enum eg_dir dir,
		       struct eg_netpol *policy)
{
	const char *field = dir == EG_INGRESS ? "ingress" : "egress";
	const struct eg_node *rules = eg_k8s_seq(k8s, spec, field);
	size_t before = eg_k8s_enter(k8s, field), i = 0;

	for (const struct eg_node *it = rules ? rules->child : NULL; it; it = it->next) {
		struct eg_rule *rule = eg_vec_add(&policy->rules[dir]);
		size_t item = eg_k8s_enter_item(k8s, i++);

		if (rule)
			read_rule(k8s, it, dir, rule);
		else
			eg_k8s_no_memory(k8s);
		eg_k8s_leave(k8s, item);
	}
	if (rules && rules->n_children && !policy->isolates[dir])
		eg_warning(k8s->errs, &rules->pos, k8s->path.v,
			   "has no effect: policyTypes does not include this direction");
	eg_k8s_leave(k8s, before);
}

/* Default: always Ingress, and Egress if there are egress rules. */
static void read_types(struct eg_k8s *k8s, const struct eg_node *spec, struct eg_netpol *policy)
{
	const struct eg_node *types = eg_k8s_seq(k8s, spec, "policyTypes");
	const struct eg_node *egress = eg_node_get(spec, "egress");
	size_t before = eg_k8s_enter(k8s, "policyTypes"), i = 0;

	if (!types || !types->n_children) {
		policy->isolates[EG_INGRESS] = true;
		policy->isolates[EG_EGRESS] = egress && egress->n_children;
	}
	for (const struct eg_node *it = types ? types->child : NULL; it; it = it->next) {
		size_t item = eg_k8s_enter_item(k8s, i++);
		const char *text = eg_k8s_text(k8s, it);

		if (text && !strcmp(text, "Ingress"))
			policy->isolates[EG_INGRESS] = true;
		else if (text && !strcmp(text, "Egress"))
			policy->isolates[EG_EGRESS] = true;
		else if (text)
			eg_k8s_error(k8s, it, "\"%s\" is neither Ingress nor Egress", text);
		eg_k8s_leave(k8s, item);
	}
	eg_k8s_leave(k8s, before);
}

/* Are the intended directions clear? Without policyTypes, an unknown field may be a misspelt
 * one. */
static bool types_are_clear(const struct eg_node *spec, bool unknown_fields)
{
	const struct eg_node *types = eg_node_get(spec, "policyTypes");
	const struct eg_node *egress = eg_node_get(spec, "egress");

	if (types && types->kind == EG_NODE_SEQ && types->n_children)
		return true;
	/* An empty list counts as missing. */
	return !unknown_fields &&
	       (!types || types->kind == EG_NODE_SEQ || eg_node_is_null(types)) &&
	       (!egress || egress->kind == EG_NODE_SEQ || eg_node_is_null(egress));
}

static void isolate_both_directions(struct eg_netpol *policy)
{
	policy->isolates[EG_INGRESS] = policy->isolates[EG_EGRESS] = true;
}

/* A selector with an error selects all pods, and unclear types mean both directions. Such a policy
 * is only used in quarantine, which must not miss a pod. */
static void read_spec(struct eg_k8s *k8s, const struct eg_node *spec, struct eg_netpol *policy)
{
	static const char *const fields[] = {"podSelector", "ingress", "egress", "policyTypes"};
	const struct eg_node *pods = eg_k8s_map(k8s, spec, "podSelector");
	size_t errors, before;
	bool unclear;

	errors = k8s->object.n_errors;
	before = eg_k8s_enter(k8s, "podSelector");
	if (pods)
		eg_k8s_selector(k8s, pods, &policy->pods);
	eg_k8s_leave(k8s, before);
	if (k8s->object.n_errors != errors)
		eg_selector_clear(&policy->pods);
	errors = k8s->object.n_errors;
	eg_k8s_check_fields(k8s, spec, fields, N(fields));
	unclear = !types_are_clear(spec, k8s->object.n_errors != errors);
	errors = k8s->object.n_errors;
	read_types(k8s, spec, policy);
	if (unclear || k8s->object.n_errors != errors)
		isolate_both_directions(policy);
	read_rules(k8s, spec, EG_INGRESS, policy);
	read_rules(k8s, spec, EG_EGRESS, policy);
}

uint32_t eg_k8s_read_policy(struct eg_k8s *k8s, const struct eg_node *object,
			    const struct eg_k8s_metadata *meta)
{
	static const char *const fields[] = {"apiVersion", "kind", "metadata", "spec", "status"};
	uint32_t ns = eg_k8s_namespace(k8s, meta->ns, &meta->pos);
	struct eg_netpol *policy = ns == EG_NONE ? NULL : eg_vec_add(&k8s->cluster->policies);
	size_t errors = k8s->object.n_errors, before;
	const struct eg_node *spec;

	if (!policy) {
		eg_k8s_no_memory(k8s);
		return EG_NONE;
	}
	policy->ns = ns;
	policy->name = meta->name;
	policy->pos = meta->pos;
	/* Without this check, a misspelt `spec` would be an empty one, which isolates the whole
	 * namespace. */
	eg_k8s_check_fields(k8s, object, fields, N(fields));
	spec = eg_k8s_map(k8s, object, "spec");
	if (spec) {
		before = eg_k8s_enter(k8s, "spec");
		read_spec(k8s, spec, policy);
		eg_k8s_leave(k8s, before);
	} else {
		policy->isolates[EG_INGRESS] = true;
		if (k8s->object.n_errors != errors)
			isolate_both_directions(policy);
	}
	return (uint32_t)k8s->cluster->policies.n - 1;
}
