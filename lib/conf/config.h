/* The gateway's configuration as it was written, checked and typed.
 *
 * Life cycle: eg_config_load() -> read-only use -> eg_config_free(). Owns everything it points to.
 * References between sections are already resolved to indexes. Key files are named here and read
 * elsewhere: no secret is ever in this struct. The control thread's. */
#ifndef EG_CONF_CONFIG_H
#define EG_CONF_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/allow.h"
#include "base/err.h"
#include "base/ip.h"
#include "base/lifetime.h"
#include "base/log.h"
#include "base/source_check.h"
#include "base/suite.h"
#include "base/vec.h"

#define EG_CONF_NAME_MAX            63 /* ports and peers: [A-Za-z0-9_.-], first a letter or digit */
#define EG_CONF_PORTS_MAX           32
#define EG_CONF_LCORES_MAX          128
#define EG_CONF_PEERS_MAX           100000
#define EG_CONF_RULES_DEFAULT       50000
#define EG_CONF_RULES_MAX           10000000
#define EG_CONF_SHRINK_DEFAULT      50 /* percent */
#define EG_CONF_CONNECTIONS_DEFAULT (1u << 20)
#define EG_CONF_CONNECTIONS_MIN     (1u << 10)
#define EG_CONF_CONNECTIONS_MAX     (1u << 23)
#define EG_CONF_SEND_DELAY_NS       (10 * 1000000000ull)
#define EG_CONF_GRACE_NS            (60 * 1000000000ull)
#define EG_CONF_MTU_MIN             1280 /* RFC 8200 s5 */
#define EG_CONF_MTU_MAX             9600
#define EG_CONF_RX_BUFFER_MIN       2048            /* what NICs ask for at least */
#define EG_CONF_UDP_ENCAP_PORT      4500            /* RFC 3948 s2.1 */
#define EG_CONF_SOURCE_PORTS_MAX    (65536 - 49152) /* RFC 6335 s6: dynamic ports */
#define EG_CONF_ADDRESSES_MAX       16              /* of one port */
#define EG_CONF_ENCRYPT_MAX         1024
#define EG_CONF_SHARE_MAX           16 /* peers that have one subnet */
#define EG_CONF_WEIGHT_MAX          100
#define EG_CONF_ALIVE_INTERVAL_NS   1000000000ull
#define EG_CONF_ALIVE_THRESHOLD     3

enum eg_role {
	EG_ROLE_CLEAR,     /* pods: plain packets in and out */
	EG_ROLE_ENCRYPTED, /* the wire: nothing but what the gateway sealed leaves here */
};

/* An interface of the kernel that has the port's addresses. */
struct eg_conf_kernel {
	char *device; /* "net_tap0,iface=gw-uplink"; NULL: the port has none */
	struct eg_allow allow;
	struct eg_pos pos;
};

/* Keys that only a restart changes (fixed.h), for their places. */
enum eg_conf_port_key {
	EG_PORT_KEY_DEVICE,
	EG_PORT_KEY_PARENT,
	EG_PORT_KEY_VLAN,
	EG_PORT_KEY_MAC,
	EG_PORT_KEY_ROLE,
	EG_PORT_KEY_MTU,
	EG_PORT_KEY_RX_QUEUES,
	EG_PORT_KEY_RX_BUFFER,
	EG_PORT_KEY_PROMISCUOUS,
	EG_PORT_KEY_KERNEL,
	EG_PORT_KEYS,
};

struct eg_conf_port {
	char *name;
	char *device;    /* "net_pcap0,rx_pcap=in.pcap" or a PCI address; NULL: a sub-port, which
			  * shares    its parent's */
	uint16_t vlan;   /* of a sub-port: 1-4094; else 0 */
	unsigned parent; /* of a sub-port: index; never a sub-port itself */
	bool has_mac;    /* of a sub-port: a MAC of its own, else the device's */
	uint8_t mac[6];
	enum eg_role role;
	uint16_t mtu;                       /* of the IP layer, bytes; 1500 where not given */
	uint16_t rx_queues;                 /* 0: auto */
	uint16_t rx_buffer_bytes;           /* of a frame in one receive buffer; 0: the longest */
	bool promiscuous;                   /* accept frames for any MAC; default false */
	EG_VEC(struct eg_prefix) addresses; /* the gateway's own, with their networks' lengths */
	EG_VEC(struct eg_ip) gateways;      /* default routers, at most one a family */
	uint8_t source_check;               /* enum eg_source_check; of a clear port */
	struct eg_conf_kernel kernel;
	struct eg_pos pos;
	struct eg_pos at[EG_PORT_KEYS]; /* without a file where the key is not given */
};

struct eg_conf_pin {
	unsigned port; /* index into ports */
	uint16_t queue;
	unsigned lcore;
	struct eg_pos pos;
};

struct eg_conf_neighbor {
	unsigned port;
	struct eg_ip ip;
	uint8_t mac[6];
	struct eg_pos pos;
};

/* `port` for a directly attached network, `via` for a router that is a neighbor of some port or an
 * address of its network. */
struct eg_conf_route {
	struct eg_prefix to;
	int port;         /* index, or -1 */
	struct eg_ip via; /* family 0: not given */
	struct eg_pos pos;
};

enum eg_sa_dir {
	EG_SA_OUT,
	EG_SA_IN,
};

struct eg_conf_sa {
	enum eg_sa_dir dir;
	uint32_t spi;
	const struct eg_suite *suite;
	char *key_file;         /* absolute or relative to the working directory: already joined
				 * with the configuration file's folder */
	uint32_t replay_window; /* packets; 0: off. Only of an `in` SA; 64 where not given */
	bool esn;
	struct eg_pos pos;
};

/* DF of the outer IPv4 header (RFC 4301 s8.1). */
enum eg_df {
	EG_DF_COPY, /* the inner packet's; IPv6 inside: set */
	EG_DF_SET,
	EG_DF_CLEAR,
};

enum eg_mode {
	EG_MODE_TUNNEL,
	EG_MODE_TRANSPORT, /* protects what goes from local to remote itself */
};

/* What becomes of an inner packet that is too long for its tunnel and may be fragmented. */
enum eg_fragment {
	EG_FRAGMENT_BEFORE, /* sealing: its fragments are sealed each by itself */
	EG_FRAGMENT_AFTER,  /* it is sealed whole, and the outer packet fragmented */
	EG_FRAGMENT_DROP,
};

/* Whether a peer is asked if it lives, and how. */
struct eg_conf_alive {
	struct eg_ip target; /* inside its subnets; family 0: it is not asked */
	struct eg_ip source; /* an address of ours on a clear port */
	uint64_t interval_ns;
	uint32_t threshold;
};

/* ICMP "too big" about sealed packets (RFC 4301 s6.1.1: the operator's choice). */
enum eg_path_mtu {
	EG_PATH_MTU_LEARN,
	EG_PATH_MTU_IGNORE,
};

struct eg_conf_peer {
	char *name;
	struct eg_ip local, remote;
	enum eg_mode mode;
	EG_VEC(struct eg_prefix) subnets; /* none in transport mode */
	enum eg_df df;
	bool udp_encap;        /* ESP in UDP */
	bool accept_plain;     /* with it: bare ESP is accepted, too */
	bool floats;           /* with it: the peer's address and port are what it last sent from */
	uint16_t peer_port;    /* of it: the destination port */
	uint16_t source_ports; /* of it: 1: from port 4500; more: flows are spread over so many */
	EG_VEC(struct eg_conf_sa) sas;
	struct eg_lifetime lifetime; /* of each of its SAs */
	uint64_t send_delay_ns;      /* a new outbound SA waits so long behind a reload */
	uint64_t grace_ns;           /* an inbound SA is accepted so long after it left */
	bool mss_clamp;              /* default true */
	enum eg_fragment fragment;
	enum eg_path_mtu path_mtu;
	struct eg_conf_alive liveness;
	bool shares;       /* priority is given: other peers may have its subnets, too */
	uint16_t priority; /* of several the lowest first, as in SRV records (RFC 2782) */
	uint16_t weight;   /* share of the flows among equal priorities */
	struct eg_pos pos;
};

struct eg_conf_log {
	char *target; /* "stderr" or a file's path */
	enum eg_log_level level[EG_LOG_MODULES];
	uint32_t drop_sample_per_s; /* at most so many dropped packets a second are logged; 0: none
				     */
};

enum eg_policy_mode {
	EG_POLICY_OFF,     /* no policy is read, no connection tracked */
	EG_POLICY_ENFORCE, /* what no policy allows is dropped */
	EG_POLICY_AUDIT,   /* it passes, but is counted and logged */
};

struct eg_conf_policy {
	enum eg_policy_mode mode;
	EG_VEC(char *) dirs;      /* of NetworkPolicies; joined as key files are */
	EG_VEC(char *) inventory; /* of Namespaces, Pods, Nodes */
	bool reject;              /* whoever is denied is told, by ICMP */
	bool keep_existing;       /* connections outlive a policy that would forbid them */
	bool refuse_invalid;      /* a reload with an invalid object is refused, not quarantined */
	char *default_namespace;  /* of objects without one; NULL: an error */
	bool allow_unknown;       /* unknown_pods: allow; default deny */
	EG_VEC(struct eg_prefix) pod_networks; /* beside those of ports, peers and Nodes */
	EG_VEC(struct eg_ip) node_addresses;   /* of the gateway's node, beside the gateway's own */
	uint32_t max_rules;
	uint32_t max_connections;
	struct eg_pos max_connections_pos;
	unsigned max_shrink; /* percent of the pods or policies that a reload may lose */
	uint32_t max_connections_per_source; /* by default a quarter of all */
	struct eg_pos pos;
};

struct eg_config {
	char *file;
	EG_VEC(char *) eal_args;
	EG_VEC(struct eg_conf_port) ports;
	EG_VEC(unsigned) lcores; /* empty: choose */
	EG_VEC(struct eg_conf_pin) pins;
	EG_VEC(struct eg_conf_neighbor) neighbors;
	EG_VEC(struct eg_conf_route) routes;
	EG_VEC(struct eg_conf_peer) peers;
	EG_VEC(struct eg_prefix) encrypt; /* never leave in clear */
	char *state_dir;                  /* NULL: not given */
	/* Without a file where they are not given. */
	struct eg_pos state_dir_pos, eal_args_pos, ports_pos, lcores_pos, pins_pos;
	struct eg_conf_policy policy;
	struct eg_conf_log log;
	uint64_t stats_period_ns; /* 0: no periodic block */
};

/* Read and check `path`. Every mistake goes to errs; returns NULL where there was an error
 * (warnings alone do not refuse). The result is the caller's to free with eg_config_free(). */
struct eg_config *eg_config_load(const char *path, struct eg_errs *errs);

/* The same from memory; `name` stands for the file, key files are relative to its folder. */
struct eg_config *eg_config_parse(const char *text, size_t len, const char *name,
				  struct eg_errs *errs);

void eg_config_free(struct eg_config *config);

#endif
