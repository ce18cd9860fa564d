/* The sections of the configuration, one file each, and the checks between them. Private to
 * lib/conf.
 *
 * Readers fill rd->config. Lists keep their order and length even if an element is wrong, so that
 * element i of a list in the config is child i in the tree. Values that could not be read stay
 * unset (family 0, SPI 0, EG_CONF_NO_PORT and so on) and are skipped by later checks: one mistake,
 * one message. */
#ifndef EG_CONF_SECTIONS_H
#define EG_CONF_SECTIONS_H

#include "conf/config.h"
#include "conf/prefix_index.h"
#include "conf/read.h"

#define EG_CONF_QUEUES_MAX 64
#define EG_CONF_NO_PORT    ((unsigned)-1)
#define EG_CONF_NO_DIR     ((enum eg_sa_dir) - 1)

/* For rd->invalid_sections: skip checks that need a section as a whole if it has errors. */
enum {
	EG_INVALID_PORTS = 1,
	EG_INVALID_NEIGHBORS = 2,
	EG_INVALID_ROUTES = 4,
};

/* Kinds of eg_prefix_item in eg_conf_lookup.reach. Of equal prefixes the later kind wins: a
 * neighbor entry overrides everything for its address, and a route overrides a connected network or
 * default gateway. */
enum {
	EG_REACH_CONNECTED,
	EG_REACH_GATEWAY,
	EG_REACH_ROUTE,
	EG_REACH_NEIGHBOR,
};

/* Lookups for checks across sections. `subnets`: all subnets of all peers (owner: peer index, sub:
 * subnet index). `reach`: everything that leads to an address: routes and neighbors (owner: index),
 * connected networks and default gateways (owner: port index, sub: index of the address or
 * gateway). */
struct eg_conf_lookup {
	struct eg_prefix_index subnets, reach;
};

eg_read_fn eg_conf_read_ports;
eg_read_fn eg_conf_read_kernel; /* into a port */
eg_read_fn eg_conf_read_workers;
eg_read_fn eg_conf_read_crypto;
eg_read_fn eg_conf_read_neighbors;
eg_read_fn eg_conf_read_routes;
eg_read_fn eg_conf_read_peers;
eg_read_fn eg_conf_read_sas;
eg_read_fn eg_conf_read_lifetime;
eg_read_fn eg_conf_read_rekey;
eg_read_fn eg_conf_read_liveness;
eg_read_fn eg_conf_read_priority;
eg_read_fn eg_conf_read_weight;
eg_read_fn eg_conf_read_encrypt;
eg_read_fn eg_conf_read_policy;
eg_read_fn eg_conf_read_log;
eg_read_fn eg_conf_read_stats;
eg_read_fn eg_conf_read_control;

/* parent, vlan and mac of a port; checked once all ports are read. */
eg_read_fn eg_conf_read_parent;
eg_read_fn eg_conf_read_vlan;
eg_read_fn eg_conf_read_port_mac;
void eg_conf_check_subports(struct eg_read *rd, const struct eg_node *ports);

/* A unicast MAC address. */
void eg_conf_read_mac(struct eg_read *rd, const struct eg_node *node, uint8_t mac[6]);

/* The name of a port or peer, which is the node's key. */
bool eg_conf_read_name(struct eg_read *rd, const struct eg_node *node, char **out);

/* A file or directory; a relative path is resolved against the configuration file's directory. */
bool eg_conf_read_path(struct eg_read *rd, const struct eg_node *node, char **out);

/* The index of the port with this name. */
bool eg_conf_read_port_ref(struct eg_read *rd, const struct eg_node *node, unsigned *out);

/* Kernel devices used twice. */
void eg_conf_check_kernels(struct eg_read *rd, const struct eg_node *ports);

/* Local addresses that conflict with anything else, gateways that are not on a link. */
void eg_conf_check_ports(struct eg_read *rd, const struct eg_conf_lookup *lookup);

/* The port on whose link an address is: that of a neighbor entry, or one whose addresses allow
 * neighbor resolution. EG_CONF_NO_PORT if there is none. */
unsigned eg_conf_link_port(const struct eg_read *rd, const struct eg_conf_lookup *lookup,
			   const struct eg_ip *ip);

/* Duplicates, routes that bypass a tunnel, routers that are not on a link. */
void eg_conf_check_routes(struct eg_read *rd, const struct eg_conf_lookup *lookup);

/* Tunnels routed through tunnels, unreachable remotes. */
void eg_conf_check_peers(struct eg_read *rd, const struct eg_conf_lookup *lookup);

/* Subnets that overlap or are shared by several peers. */
void eg_conf_check_subnets(struct eg_read *rd, const struct eg_conf_lookup *lookup);

/* Check the probes' targets and sources; fill in default sources in config->peers[].liveness. */
void eg_conf_check_liveness(struct eg_read *rd);

/* Clear routes inside `encrypt`, suites without encryption. */
void eg_conf_check_encrypt(struct eg_read *rd, const struct eg_conf_lookup *lookup);

/* SPIs and key files used by two SAs. */
void eg_conf_check_sas(struct eg_read *rd);

/* Report if `prefix` (written at `node`; the path is current) lies inside a peer's subnet. `why`
 * names the consequence. A prefix without a family is skipped. */
void eg_conf_check_outside(struct eg_read *rd, const struct eg_conf_lookup *lookup,
			   const struct eg_prefix *prefix, const struct eg_node *node,
			   const char *why);

/* "?" if the name was rejected. */
static inline const char *eg_conf_peer_name(const struct eg_config *config, size_t peer)
{
	return config->peers.v[peer].name ? config->peers.v[peer].name : "?";
}

#endif
