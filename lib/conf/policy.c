/* The section policy. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "conf/sections.h"

static void read_mode(struct eg_read *rd, const struct eg_node *node, void *into)
{
	static const char *const names[] = {
		[EG_POLICY_OFF] = "off",
		[EG_POLICY_ENFORCE] = "enforce",
		[EG_POLICY_AUDIT] = "audit",
	};
	struct eg_conf_policy *policy = into;
	unsigned mode;

	if (eg_read_enum(rd, node, names, sizeof(names) / sizeof(*names), &mode))
		policy->mode = mode;
}

static void read_dir(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_policy *policy = into;
	char **slot = eg_vec_add(&policy->dirs);

	if (slot)
		eg_conf_read_path(rd, node, slot);
	else
		eg_read_no_memory(rd);
}

static void read_dirs(struct eg_read *rd, const struct eg_node *node, void *into)
{
	eg_read_seq(rd, node, read_dir, into);
}

static void read_source(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_policy *policy = into;
	char **slot = eg_vec_add(&policy->inventory);

	if (slot)
		eg_conf_read_path(rd, node, slot);
	else
		eg_read_no_memory(rd);
}

static void read_inventory(struct eg_read *rd, const struct eg_node *node, void *into)
{
	eg_read_seq(rd, node, read_source, into);
}

static void read_existing(struct eg_read *rd, const struct eg_node *node, void *into)
{
	static const char *const names[] = {"reevaluate", "keep"};
	struct eg_conf_policy *policy = into;
	unsigned choice;

	if (eg_read_enum(rd, node, names, 2, &choice))
		policy->keep_existing = choice == 1;
}

static void read_on_error(struct eg_read *rd, const struct eg_node *node, void *into)
{
	static const char *const names[] = {"quarantine", "refuse"};
	struct eg_conf_policy *policy = into;
	unsigned choice;

	if (eg_read_enum(rd, node, names, 2, &choice))
		policy->refuse_invalid = choice == 1;
}

/* A DNS-1123 label, as the API server requires for namespaces. */
static bool is_namespace(const char *text)
{
	size_t n = strlen(text);

	return n && n <= 63 && !text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-")] &&
	       text[0] != '-' && text[n - 1] != '-';
}

static void read_default_namespace(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_policy *policy = into;
	const char *text;

	if (eg_node_is_null(node))
		return;
	text = eg_read_text(rd, node);
	if (text && !is_namespace(text))
		eg_read_error(rd, &node->pos, "\"%s\" is not a valid namespace (a-z, 0-9 and -)",
			      text);
	else if (text)
		eg_read_string(rd, node, &policy->default_namespace);
}

static void read_reject(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_policy *policy = into;

	eg_read_bool(rd, node, &policy->reject);
}

static void read_unknown_pods(struct eg_read *rd, const struct eg_node *node, void *into)
{
	static const char *const names[] = {"deny", "allow"};
	struct eg_conf_policy *policy = into;
	unsigned choice;

	if (eg_read_enum(rd, node, names, 2, &choice))
		policy->allow_unknown = choice == 1;
}

static void read_pod_network(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_policy *policy = into;
	struct eg_prefix *slot = eg_vec_add(&policy->pod_networks);

	if (slot)
		eg_read_prefix(rd, node, slot);
	else
		eg_read_no_memory(rd);
}

static void read_pod_networks(struct eg_read *rd, const struct eg_node *node, void *into)
{
	eg_read_seq(rd, node, read_pod_network, into);
}

static void read_node_address(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_policy *policy = into;
	struct eg_ip *slot = eg_vec_add(&policy->node_addresses);

	if (slot)
		eg_read_host_ip(rd, node, slot);
	else
		eg_read_no_memory(rd);
}

static void read_node_addresses(struct eg_read *rd, const struct eg_node *node, void *into)
{
	eg_read_seq(rd, node, read_node_address, into);
}

static void read_max_rules(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_policy *policy = into;
	uint64_t n;

	if (eg_read_u64(rd, node, 1, EG_CONF_RULES_MAX, &n))
		policy->max_rules = (uint32_t)n;
}

static void read_max_connections(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_policy *policy = into;
	uint64_t n;

	policy->max_connections_pos = *eg_node_error_pos(node);
	if (eg_read_u64(rd, node, EG_CONF_CONNECTIONS_MIN, EG_CONF_CONNECTIONS_MAX, &n))
		policy->max_connections = (uint32_t)n;
}

/* "50%": without the sign it could be mistaken for a number of objects. */
static void read_max_shrink(struct eg_read *rd, const struct eg_node *node, void *into)
{
	const char *text = eg_read_text(rd, node);
	struct eg_conf_policy *policy = into;
	size_t n = text ? strlen(text) : 0;
	char number[8];
	uint64_t percent;

	if (!text)
		return;
	snprintf(number, sizeof(number), "%.*s", n ? (int)n - 1 : 0, text);
	if (n < 2 || n > 4 || text[n - 1] != '%' || eg_text_u64(number, &percent) || percent > 100)
		eg_read_error(rd, &node->pos,
			      "expected a percentage from 0%% to 100%%, found \"%s\"", text);
	else
		policy->max_shrink = (unsigned)percent;
}

static void read_per_source(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_policy *policy = into;
	uint64_t n;

	if (eg_read_u64(rd, node, 1, EG_CONF_CONNECTIONS_MAX, &n))
		policy->max_connections_per_source = (uint32_t)n;
}

/* Mode defaults to enforce if the section is present. */
void eg_conf_read_policy(struct eg_read *rd, const struct eg_node *node, void *into)
{
	static const struct eg_field fields[] = {
		{"mode", read_mode, false},
		{"dirs", read_dirs, false},
		{"inventory", read_inventory, false},
		{"on_error", read_on_error, false},
		{"default_namespace", read_default_namespace, false},
		{"reject", read_reject, false},
		{"existing_connections", read_existing, false},
		{"unknown_pods", read_unknown_pods, false},
		{"pod_networks", read_pod_networks, false},
		{"node_addresses", read_node_addresses, false},
		{"max_rules", read_max_rules, false},
		{"max_connections", read_max_connections, false},
		{"max_shrink", read_max_shrink, false},
		{"max_connections_per_source", read_per_source, false},
	};
	struct eg_config *config = into;
	struct eg_conf_policy *policy = &config->policy;

	policy->mode = EG_POLICY_ENFORCE;
	policy->pos = *eg_node_error_pos(node);
	policy->max_connections_per_source = 0;
	eg_read_map(rd, node, fields, sizeof(fields) / sizeof(*fields), policy);
	if (!policy->max_connections_per_source)
		policy->max_connections_per_source = policy->max_connections / 4;
	if (policy->mode != EG_POLICY_OFF && !policy->inventory.n)
		eg_read_error(rd, &policy->pos,
			      "inventory is missing: without pods no selector matches anything");
	if (policy->mode != EG_POLICY_OFF && !policy->dirs.n)
		eg_read_error(rd, &policy->pos, "dirs is missing: where are the NetworkPolicies?");
}
