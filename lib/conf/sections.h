/* The sections of the configuration, one file each, and the checks between them. Private to
 * config.c.
 *
 * Readers fill rd->config. Lists keep their written order and length even where an element is
 * wrong, so that element i of a list in the config is child i in the tree; what could not be read
 * stays unset (family 0, SPI 0, EG_CONF_NO_PORT and so on) and takes no part in later checks: one
 * mistake, one message. */
#ifndef EG_CONF_SECTIONS_H
#define EG_CONF_SECTIONS_H

#include "conf/config.h"
#include "conf/cover.h"
#include "conf/read.h"

#define EG_CONF_QUEUES_MAX 64
#define EG_CONF_NO_PORT    ((unsigned)-1)
#define EG_CONF_NO_DIR     ((enum eg_sa_dir) - 1)

/* For rd->unsound: checks that need the whole of a section are skipped where it has errors. */
enum {
	EG_UNSOUND_PORTS = 1,
	EG_UNSOUND_NEIGHBORS = 2,
	EG_UNSOUND_ROUTES = 4,
};

/* Kinds of eg_cover_item in `ways`, of equal prefixes the later one counts: a neighbor entry is the
 * last word on its address, and a route says more than a port's network or default gateway. */
enum {
	EG_WAY_NETWORK,
	EG_WAY_GATEWAY,
	EG_WAY_ROUTE,
	EG_WAY_NEIGHBOR,
};

/* What checks across sections look up: the subnets of all peers (owner: the peer's index, sub: the
 * subnet's), and all routes and neighbors (owner: index), and what ports' addresses and gateways
 * reach (owner: the port's index, sub: the address's or gateway's). */
struct eg_conf_maps {
	struct eg_cover subnets, ways;
};

eg_read_fn eg_conf_read_ports;
eg_read_fn eg_conf_read_kernel; /* into a port */
eg_read_fn eg_conf_read_workers;
eg_read_fn eg_conf_read_neighbors;
eg_read_fn eg_conf_read_routes;
eg_read_fn eg_conf_read_peers;
eg_read_fn eg_conf_read_sas;
eg_read_fn eg_conf_read_lifetime;
eg_read_fn eg_conf_read_rekey;
eg_read_fn eg_conf_read_alive;
eg_read_fn eg_conf_read_priority;
eg_read_fn eg_conf_read_weight;
eg_read_fn eg_conf_read_encrypt;
eg_read_fn eg_conf_read_policy;
eg_read_fn eg_conf_read_log;
eg_read_fn eg_conf_read_stats;

/* What a port's parent, vlan and mac say; and, behind all ports, whether it may say so. */
eg_read_fn eg_conf_read_parent;
eg_read_fn eg_conf_read_vlan;
eg_read_fn eg_conf_read_port_mac;
void eg_conf_check_subports(struct eg_read *rd, const struct eg_node *ports);

/* A station's MAC; says what is wrong with it. */
void eg_conf_read_mac(struct eg_read *rd, const struct eg_node *node, uint8_t mac[6]);

/* The name of a port or peer, from the node's key. */
bool eg_conf_read_name(struct eg_read *rd, const struct eg_node *node, char **out);

/* A file or folder; a relative one is joined with the configuration file's folder. */
bool eg_conf_read_path(struct eg_read *rd, const struct eg_node *node, char **out);

/* A port by its name, as an index. */
bool eg_conf_read_port_ref(struct eg_read *rd, const struct eg_node *node, unsigned *out);

/* Kernel devices that are also another's. */
void eg_conf_check_kernels(struct eg_read *rd, const struct eg_node *ports);

/* Addresses that cannot be the gateway's, gateways that are not in reach. */
void eg_conf_check_ports(struct eg_read *rd, const struct eg_conf_maps *maps);

/* The port on whose link an address is: a neighbor's, or one whose addresses let the gateway ask
 * for it. EG_CONF_NO_PORT where there is none. */
unsigned eg_conf_link_port(const struct eg_read *rd, const struct eg_conf_maps *maps,
			   const struct eg_ip *ip);

/* Duplicates, leaks past a tunnel, routers that are no neighbors. */
void eg_conf_check_routes(struct eg_read *rd, const struct eg_conf_maps *maps);

/* Tunnels through themselves, remotes that cannot be reached. */
void eg_conf_check_peers(struct eg_read *rd, const struct eg_conf_maps *maps);

/* Subnets that overlap, and those that several peers have. */
void eg_conf_check_shares(struct eg_read *rd, const struct eg_conf_maps *maps);

/* Who is asked for life, as whom: completes config->peers[].alive. */
void eg_conf_check_alive(struct eg_read *rd);

/* Clear routes inside `encrypt`, suites that do not encrypt. */
void eg_conf_check_encrypt(struct eg_read *rd, const struct eg_conf_maps *maps);

/* SPIs and key files that two SAs share. */
void eg_conf_check_sas(struct eg_read *rd);

/* Report where `prefix` (written at `node`, named by the path) lies inside some peer's subnet;
 * `why` says what that would do. A prefix of no family is left alone. */
void eg_conf_check_outside(struct eg_read *rd, const struct eg_conf_maps *maps,
			   const struct eg_prefix *prefix, const struct eg_node *node,
			   const char *why);

/* "?" where the name was refused. */
static inline const char *eg_conf_peer_name(const struct eg_config *config, size_t peer)
{
	return config->peers.v[peer].name ? config->peers.v[peer].name : "?";
}

#endif
