/* Load the file, parse it into a tree, read the sections in order, then run the checks across
 * them. */
#include "conf/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/sections.h"

#define VERSION 1

bool eg_conf_read_path(struct eg_read *rd, const struct eg_node *node, char **out)
{
	const char *file = rd->config->file, *slash = strrchr(file, '/');
	char *joined;

	if (!eg_read_string(rd, node, out))
		return false;
	if ((*out)[0] == '/' || !slash)
		return true;
	if (asprintf(&joined, "%.*s%s", (int)(slash + 1 - file), file, *out) < 0) {
		eg_read_no_memory(rd);
		return false;
	}
	free(*out);
	*out = joined;
	return true;
}

static void read_version(struct eg_read *rd, const struct eg_node *node, void *into)
{
	uint64_t version;

	(void)into;
	if (eg_read_u64(rd, node, 0, UINT64_MAX, &version) && version != VERSION)
		eg_read_error(rd, &node->pos, "%s is not supported (expected %d)", node->text,
			      VERSION);
}

static void read_eal_arg(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_config *config = into;
	char **arg = eg_vec_add(&config->eal_args);

	if (arg)
		eg_read_string(rd, node, arg);
	else
		eg_read_no_memory(rd);
}

static void read_eal_args(struct eg_read *rd, const struct eg_node *node, void *into)
{
	rd->config->eal_args_pos = *eg_node_error_pos(node);
	eg_read_seq(rd, node, read_eal_arg, into);
}

static void read_eal(struct eg_read *rd, const struct eg_node *node, void *into)
{
	static const struct eg_field fields[] = {
		{"args", read_eal_args, false},
	};

	eg_read_map(rd, node, fields, sizeof(fields) / sizeof(*fields), into);
}

static void read_state_dir(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_config *config = into;

	config->state_dir_pos = *eg_node_error_pos(node);
	eg_conf_read_path(rd, node, &config->state_dir);
}

static void read_unmatched(struct eg_read *rd, const struct eg_node *node, void *into)
{
	static const char *const names[] = {"drop"};
	unsigned choice;

	(void)into;
	eg_read_enum(rd, node, names, 1, &choice);
}

/* Ports come before the sections that refer to them. */
static const struct eg_field sections[] = {
	{"version", read_version, true},          {"eal", read_eal, false},
	{"ports", eg_conf_read_ports, true},      {"workers", eg_conf_read_workers, false},
	{"crypto", eg_conf_read_crypto, false},   {"neighbors", eg_conf_read_neighbors, false},
	{"routes", eg_conf_read_routes, false},   {"peers", eg_conf_read_peers, false},
	{"encrypt", eg_conf_read_encrypt, false}, {"state_dir", read_state_dir, false},
	{"unmatched", read_unmatched, false},     {"policy", eg_conf_read_policy, false},
	{"stats", eg_conf_read_stats, false},     {"log", eg_conf_read_log, false},
	{"control", eg_conf_read_control, false},
};

static void set_defaults(struct eg_read *rd)
{
	struct eg_conf_log *log = &rd->config->log;

	log->target = strdup("stderr");
	if (!log->target)
		eg_read_no_memory(rd);
	for (size_t i = 0; i < EG_LOG_MODULES; i++)
		log->level[i] = EG_LOG_INFO;
	log->drop_sample_per_s = 10;
	rd->config->multi_packet = true;
	rd->config->forwarding_cache = true;
	rd->config->policy.max_rules = EG_CONF_RULES_DEFAULT;
	rd->config->policy.max_shrink = EG_CONF_SHRINK_DEFAULT;
	rd->config->policy.max_connections = EG_CONF_CONNECTIONS_DEFAULT;
	rd->config->policy.max_connections_per_source = EG_CONF_CONNECTIONS_DEFAULT / 4;
}

static int index_subnets(const struct eg_read *rd, struct eg_prefix_index *subnets)
{
	const struct eg_node *peers = eg_node_get(rd->root, "peers");
	const struct eg_node *peer_node = peers ? peers->child : NULL;

	eg_vec_foreach (peer, &rd->config->peers) {
		const struct eg_node *list = eg_node_get(peer_node, "subnets");
		const struct eg_node *node = list ? list->child : NULL;

		eg_vec_foreach (subnet, &peer->subnets) {
			struct eg_prefix_item item = {
				.prefix = *subnet,
				.owner = (size_t)(peer - rd->config->peers.v),
				.sub = (size_t)(subnet - peer->subnets.v),
				.node = node,
			};

			if (eg_prefix_index_add(subnets, &item))
				return -1;
			node = node->next;
		}
		peer_node = peer_node->next;
	}
	eg_prefix_index_build(subnets);
	return 0;
}

/* Connected networks and default gateways. */
static int index_ports(const struct eg_read *rd, struct eg_prefix_index *reach)
{
	const struct eg_node *ports = eg_node_get(rd->root, "ports");
	const struct eg_node *node = ports ? ports->child : NULL;

	eg_vec_foreach (port, &rd->config->ports) {
		struct eg_prefix_item item = {.owner = (size_t)(port - rd->config->ports.v)};
		const struct eg_node *list = eg_node_get(node, "addresses");

		item.node = list ? list->child : NULL;
		item.kind = EG_REACH_CONNECTED;
		eg_vec_foreach (address, &port->addresses) {
			item.prefix = *address;
			eg_prefix_mask(&item.prefix);
			item.sub = (size_t)(address - port->addresses.v);
			if (eg_prefix_index_add(reach, &item))
				return -1;
			item.node = item.node->next;
		}
		list = eg_node_get(node, "gateway");
		item.node = list ? list->child : NULL;
		item.kind = EG_REACH_GATEWAY;
		eg_vec_foreach (gateway, &port->gateways) {
			item.prefix = (struct eg_prefix){.ip.family = gateway->family};
			item.sub = (size_t)(gateway - port->gateways.v);
			if (eg_prefix_index_add(reach, &item))
				return -1;
			item.node = item.node->next;
		}
		node = node->next;
	}
	return 0;
}

static int index_reach(const struct eg_read *rd, struct eg_prefix_index *reach)
{
	const struct eg_node *routes = eg_node_get(rd->root, "routes");
	const struct eg_node *neighbors = eg_node_get(rd->root, "neighbors");
	const struct eg_node *node = routes ? routes->child : NULL;

	if (index_ports(rd, reach))
		return -1;
	eg_vec_foreach (route, &rd->config->routes) {
		struct eg_prefix_item item = {
			.prefix = route->to,
			.kind = EG_REACH_ROUTE,
			.owner = (size_t)(route - rd->config->routes.v),
			.node = eg_node_get(node, "to"),
		};

		if (eg_prefix_index_add(reach, &item))
			return -1;
		node = node->next;
	}
	node = neighbors ? neighbors->child : NULL;
	eg_vec_foreach (neighbor, &rd->config->neighbors) {
		struct eg_prefix_item item = {
			.prefix = eg_host_prefix(&neighbor->ip),
			.kind = EG_REACH_NEIGHBOR,
			.owner = (size_t)(neighbor - rd->config->neighbors.v),
			.node = eg_node_get(node, "ip"),
		};

		if (eg_prefix_index_add(reach, &item))
			return -1;
		node = node->next;
	}
	eg_prefix_index_build(reach);
	return 0;
}

static void check(struct eg_read *rd)
{
	struct eg_conf_lookup lookup = {0};

	if (index_subnets(rd, &lookup.subnets) || index_reach(rd, &lookup.reach)) {
		eg_read_no_memory(rd);
	} else {
		eg_conf_check_ports(rd, &lookup);
		eg_conf_check_routes(rd, &lookup);
		eg_conf_check_subnets(rd, &lookup);
		eg_conf_check_peers(rd, &lookup);
		eg_conf_check_liveness(rd);
		eg_conf_check_encrypt(rd, &lookup);
		eg_conf_check_sas(rd);
	}
	eg_prefix_index_free(&lookup.subnets);
	eg_prefix_index_free(&lookup.reach);
}

static void read_config(struct eg_config *config, const struct eg_tree *tree, struct eg_errs *errs)
{
	struct eg_read rd = {.errs = errs, .config = config, .root = tree->docs};
	struct eg_pos whole = {.file = config->file};

	if (!tree->n_docs) {
		eg_error(errs, &whole, NULL, "contains no configuration");
		return;
	}
	if (tree->n_docs > 1)
		eg_error(errs, &tree->docs->next->pos, NULL, "contains more than one document");
	if (!eg_node_get(rd.root, "ports"))
		rd.invalid_sections |= EG_INVALID_PORTS;
	set_defaults(&rd);
	eg_read_map(&rd, rd.root, sections, sizeof(sections) / sizeof(*sections), config);
	if (!rd.failed)
		check(&rd);
	eg_read_end(&rd);
}

/* Loads the file `path`, or `text` if path is NULL. */
static struct eg_config *load(const char *path, const char *text, size_t len, const char *name,
			      struct eg_errs *errs)
{
	struct eg_config *config = calloc(1, sizeof(*config));
	size_t before = errs->n_errors;
	struct eg_tree tree = {0};

	if (config)
		config->file = strdup(name);
	if (!config || !config->file) {
		eg_error(errs, NULL, NULL, "out of memory");
		eg_config_free(config);
		return NULL;
	}
	/* Positions in the result point to config->file, which lives as long as they do. */
	if (path ? !eg_tree_read_file(config->file, &eg_tree_limits_config, &tree, errs)
		 : !eg_tree_read_text(text, len, config->file, &eg_tree_limits_config, &tree, errs))
		read_config(config, &tree, errs);
	eg_tree_free(&tree);
	if (errs->n_errors == before)
		return config;
	eg_config_free(config);
	return NULL;
}

struct eg_config *eg_config_load(const char *path, struct eg_errs *errs)
{
	return load(path, NULL, 0, path, errs);
}

struct eg_config *eg_config_parse(const char *text, size_t len, const char *name,
				  struct eg_errs *errs)
{
	return load(NULL, text, len, name, errs);
}

static void free_paths(char **paths, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(paths[i]);
	free(paths);
}

void eg_config_free(struct eg_config *config)
{
	if (!config)
		return;
	eg_vec_foreach (arg, &config->eal_args)
		free(*arg);
	eg_vec_foreach (port, &config->ports) {
		free(port->name);
		free(port->device);
		free(port->kernel.device);
		eg_vec_free(&port->addresses);
		eg_vec_free(&port->gateways);
	}
	eg_vec_foreach (peer, &config->peers) {
		eg_vec_foreach (sa, &peer->sas)
			free(sa->key_file);
		eg_vec_free(&peer->sas);
		eg_vec_free(&peer->subnets);
		free(peer->name);
	}
	eg_vec_free(&config->eal_args);
	eg_vec_free(&config->ports);
	eg_vec_free(&config->lcores);
	eg_vec_free(&config->pins);
	eg_vec_free(&config->neighbors);
	eg_vec_free(&config->routes);
	eg_vec_free(&config->encrypt);
	eg_vec_free(&config->peers);
	free_paths(config->policy.dirs.v, config->policy.dirs.n);
	free_paths(config->policy.inventory.v, config->policy.inventory.n);
	free(config->policy.default_namespace);
	eg_vec_free(&config->policy.pod_networks);
	eg_vec_free(&config->policy.node_addresses);
	free(config->log.target);
	free(config->control.socket);
	free(config->control.group);
	free(config->state_dir);
	free(config->file);
	free(config);
}
