/* The gateway's configuration, parsed, checked and typed.
 *
 * Life cycle: eg_config_load() -> read-only use -> eg_config_free(). Owns everything it points to.
 * References between sections are already resolved to indexes. Key files are only named here; no
 * secret is ever stored in this struct. Control thread only. */
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

#define EG_CONF_NAME_MAX             63 /* ports and peers: [A-Za-z0-9_.-], starting with a letter or digit */
#define EG_CONF_PORTS_MAX            32
#define EG_CONF_LCORES_MAX           128
#define EG_CONF_PEERS_MAX            100000
#define EG_CONF_RULES_DEFAULT        50000
#define EG_CONF_RULES_MAX            10000000
#define EG_CONF_SHRINK_DEFAULT       50 /* percent */
#define EG_CONF_CONNECTIONS_DEFAULT  (1u << 20)
#define EG_CONF_CONNECTIONS_MIN      (1u << 10)
#define EG_CONF_CONNECTIONS_MAX      (1u << 23)
#define EG_CONF_SEND_DELAY_NS        (10 * 1000000000ull)
#define EG_CONF_GRACE_NS             (60 * 1000000000ull)
#define EG_CONF_MTU_MIN              1280 /* RFC 8200 s5 */
#define EG_CONF_MTU_MAX              9600
#define EG_CONF_RX_BUFFER_MIN        2048            /* the least that NICs require */
#define EG_CONF_UDP_ENCAP_PORT       4500            /* RFC 3948 s2.1 */
#define EG_CONF_SOURCE_PORTS_MAX     (65536 - 49152) /* RFC 6335 s6: dynamic ports */
#define EG_CONF_ADDRESSES_MAX        16              /* per port */
#define EG_CONF_ENCRYPT_MAX          1024
#define EG_CONF_SHARE_MAX            16 /* peers that may share one subnet */
#define EG_CONF_WEIGHT_MAX           100
#define EG_CONF_LIVENESS_INTERVAL_NS 1000000000ull
#define EG_CONF_LIVENESS_THRESHOLD   3
#define EG_CONF_SOCKET_MAX           100 /* bytes of the control socket's path, of the 107 that there are */

enum eg_role {
	EG_ROLE_CLEAR,     /* the pod side: plaintext in and out */
	EG_ROLE_ENCRYPTED, /* the wire: only packets sealed by the gateway leave here */
};

/* A kernel interface that carries the port's addresses. */
struct eg_conf_kernel {
	char *device; /* "net_tap0,iface=gw-uplink"; NULL: none */
	struct eg_allow allow;
	struct eg_pos pos;
};

/* Keys that need a restart (restart_keys.h), to record where each one is written. */
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
	char *device;    /* PCI address or "net_pcap0,rx_pcap=in.pcap"; NULL: its parent's */
	uint16_t vlan;   /* sub-port: 1-4094; otherwise 0 */
	unsigned parent; /* sub-port: index of its parent, which is never a sub-port */
	bool has_mac;    /* sub-port: has its own MAC; otherwise the device's is used */
	uint8_t mac[6];
	enum eg_role role;
	uint16_t mtu;             /* IP MTU in bytes; default 1500 */
	uint16_t rx_queues;       /* 0: auto */
	uint16_t rx_buffer_bytes; /* frame bytes per receive buffer; 0: the longest frame */
	bool promiscuous;         /* accept frames for any MAC; default false */
	EG_VEC(struct eg_prefix) addresses; /* with their prefix lengths */
	EG_VEC(struct eg_ip) gateways;      /* default routers, at most one per family */
	uint8_t source_check;               /* enum eg_source_check; clear ports only */
	struct eg_conf_kernel kernel;
	struct eg_pos pos;
	struct eg_pos at[EG_PORT_KEYS]; /* .file is NULL if the key is absent */
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

/* `port`: a directly attached network. `via`: a router, which is either a neighbor of some port or
 * an address in a port's network. */
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
	char *key_file;         /* resolved against the configuration file's directory */
	uint32_t replay_window; /* packets; 0: off. Inbound SAs only; default 64 */
	bool esn;
	struct eg_pos pos;
};

/* DF bit of the outer IPv4 header (RFC 4301 s8.1). */
enum eg_df {
	EG_DF_COPY, /* copied from the inner header; set if that is IPv6 */
	EG_DF_SET,
	EG_DF_CLEAR,
};

enum eg_mode {
	EG_MODE_TUNNEL,
	EG_MODE_TRANSPORT, /* protects traffic between local and remote themselves */
};

/* How to treat an inner packet that exceeds the tunnel's effective MTU and may be fragmented. */
enum eg_fragment {
	EG_FRAGMENT_BEFORE, /* fragment, then seal each fragment */
	EG_FRAGMENT_AFTER,  /* seal, then fragment the outer packet */
	EG_FRAGMENT_DROP,
};

/* Dead peer detection: ICMP echo through the tunnel (peers.NAME.alive). */
struct eg_conf_liveness {
	struct eg_ip target; /* inside the peer's subnets; family 0: no probes */
	struct eg_ip source; /* a local address on a clear port */
	uint64_t interval_ns;
	uint32_t threshold;
};

/* Whether ICMP "too big" about sealed packets lowers the path MTU (RFC 4301 s6.1.1 leaves it to the
 * operator). */
enum eg_path_mtu {
	EG_PATH_MTU_LEARN,
	EG_PATH_MTU_IGNORE,
};

struct eg_conf_peer {
	char *name;
	struct eg_ip local, remote;
	enum eg_mode mode;
	EG_VEC(struct eg_prefix) subnets; /* empty in transport mode */
	enum eg_df df;
	bool udp_encap;        /* ESP in UDP (RFC 3948) */
	bool accept_plain;     /* with udp_encap: also accept bare ESP */
	bool floats;           /* with udp_encap: follow the peer's address and port (NAT) */
	uint16_t peer_port;    /* with udp_encap: destination port */
	uint16_t source_ports; /* with udp_encap: 1: port 4500; more: spread flows over them */
	EG_VEC(struct eg_conf_sa) sas;
	struct eg_lifetime lifetime; /* of each of its SAs */
	uint64_t send_delay_ns;      /* after a reload, time before sending on a new outbound SA */
	uint64_t grace_ns;           /* time to keep accepting an inbound SA after its removal */
	bool mss_clamp;              /* default true */
	enum eg_fragment fragment;
	enum eg_path_mtu path_mtu;
	struct eg_conf_liveness liveness;
	bool shares;       /* priority is given: other peers may have the same subnets */
	uint16_t priority; /* lowest first, as in SRV records (RFC 2782) */
	uint16_t weight;   /* share of the flows among peers of equal priority */
	struct eg_pos pos;
};

struct eg_conf_log {
	char *target; /* "stderr" or the path of a file */
	enum eg_log_level level[EG_LOG_MODULES];
	uint32_t drop_sample_per_s; /* logged drops per second, at most; 0: none */
};

enum eg_policy_mode {
	EG_POLICY_OFF,     /* no policy is loaded, no connection is tracked */
	EG_POLICY_ENFORCE, /* connections that policy denies are dropped */
	EG_POLICY_AUDIT,   /* they pass, but are counted and logged */
};

struct eg_conf_policy {
	enum eg_policy_mode mode;
	EG_VEC(char *) dirs;      /* NetworkPolicies; resolved like key_file */
	EG_VEC(char *) inventory; /* Namespaces, Pods, Nodes */
	bool reject;              /* answer denied packets with ICMP */
	bool keep_existing;  /* established connections survive a policy change that denies them */
	bool refuse_invalid; /* an invalid object fails the reload instead of being quarantined */
	char *default_namespace; /* for objects without a namespace; NULL: that is an error */
	bool allow_unknown;      /* unknown_pods: allow; default deny */
	EG_VEC(struct eg_prefix) pod_networks; /* besides those of ports, peers and Nodes */
	EG_VEC(struct eg_ip) node_addresses;   /* besides the gateway's addresses */
	uint32_t max_rules;
	uint32_t max_connections;
	struct eg_pos max_connections_pos;
	unsigned max_shrink; /* percent of the pods or policies that one reload may remove */
	uint32_t max_connections_per_source; /* default: a quarter of max_connections */
	struct eg_pos pos;
};

/* The control socket. */
struct eg_conf_control {
	char *socket;  /* NULL: `control` is absent, there is none */
	unsigned mode; /* 0600 or 0660 */
	char *group;   /* NULL: the process's */
	/* .file is NULL if the key is absent. */
	struct eg_pos pos, socket_pos, mode_pos, group_pos;
};

struct eg_config {
	char *file;
	EG_VEC(char *) eal_args;
	EG_VEC(struct eg_conf_port) ports;
	EG_VEC(unsigned) lcores; /* empty: chosen at start */
	EG_VEC(struct eg_conf_pin) pins;
	EG_VEC(struct eg_conf_neighbor) neighbors;
	EG_VEC(struct eg_conf_route) routes;
	EG_VEC(struct eg_conf_peer) peers;
	EG_VEC(struct eg_prefix) encrypt; /* never forwarded in clear */
	char *state_dir;                  /* NULL: not given */
	/* .file is NULL if the key is absent. */
	struct eg_pos state_dir_pos, eal_args_pos, ports_pos, lcores_pos, pins_pos,
		multi_packet_pos, forwarding_cache_pos;
	struct eg_conf_policy policy;
	struct eg_conf_log log;
	struct eg_conf_control control;
	uint64_t stats_period_ns; /* 0: no periodic statistics */
	bool forwarding_cache;    /* path/cache.h */
	bool multi_packet;        /* AEADs several packets at a time, up to where that is faster */
};

/* Read and check `path`. All mistakes are collected in errs. Returns NULL if there was any error;
 * warnings alone do not fail. Free the result with eg_config_free(). */
struct eg_config *eg_config_load(const char *path, struct eg_errs *errs);

/* The same from memory. `name` stands for the file in messages; relative paths are resolved against
 * its directory. */
struct eg_config *eg_config_parse(const char *text, size_t len, const char *name,
				  struct eg_errs *errs);

void eg_config_free(struct eg_config *config);

#endif
