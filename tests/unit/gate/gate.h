/* A gate: the real parse, flow and policy stages over one connection table, packets made by hand.
 * What is behind them (routes, ESP) does not matter here; tests/unit/path has it.
 *
 *	packet text -> parse -> flow -> policy -> passes, or the name of its drop
 *
 * A packet is a line, "c s tcp 40000 80 S": source, destination, protocol and what follows it:
 *	tcp SPORT DPORT FLAGS   letters of S A F R P, "." for none
 *	udp SPORT DPORT
 *	sctp SPORT DPORT CHUNK  its number
 *	icmp TYPE ID            ICMPv6 between capital letters
 *	NUMBER                  any other protocol
 * and then, for a fragment: id=N off=BYTES mf. c is 10.0.0.CODE of the letter, C is fd00::CODE.
 * Pods: c (client) s (server) o (other) in namespace x, n (neighbour) in y, and f and g, which no
 * policy of the tests isolates, in z; e is nobody's. */
#ifndef GATE_H
#define GATE_H

#include "common/random.h"
#include "common/test.h"

#include "path/path.h"
#include "path/stages.h"

#define GATE_WORKERS 2

struct gate {
	struct eg_flow_table *table;
	struct eg_path *path[GATE_WORKERS];
	struct eg_snap_world world;
	struct eg_snap snap;
	const struct eg_snap *seen[GATE_WORKERS]; /* by worker: what it reads */
	bool verify;         /* parse is followed by the source check: world.routes etc. are set */
	bool networks;       /* gate_policies(): 10.0.0.0/24 and fd00::/64 are pod networks */
	uint64_t generation; /* of the last policy */
	uint64_t rx, passed;
	uint64_t later_cycles; /* the workers' time is ahead of the TSC by so much */
};

struct packet {
	uint16_t n;
	uint8_t bytes[2048]; /* starting with the IP header */
};

/* Start EAL, once per program. */
void gate_eal_open(void);
void gate_eal_close(void);

struct gate *gate_open(uint32_t connections);

/* rx = passed + drops, and no mbuf is missing. */
void gate_check(const struct gate *gate);

/* Includes gate_check(). */
void gate_close(struct gate *gate);

/* Put a policy in force, as a reload does: the gate takes over the cluster and increments the
 * generation. */
struct eg_snap_policy *gate_publish(struct gate *gate, struct eg_cluster *cluster);

/* The pods above with these policies (YAML documents; "" for none). */
struct eg_snap_policy *gate_policies(struct gate *gate, const char *yaml);

struct packet packet_of(const char *line);

/* An ICMP error about a packet, quoting `n` bytes of it. */
struct packet error_about(const char *from_to, unsigned type, const struct packet *about, size_t n);

/* Process a batch of n <= 64 on a worker; passed[i] is set if packet i survived. */
void gate_burst(struct gate *gate, unsigned worker, const struct packet *packets, unsigned n,
		bool *passed);

/* Process a single packet on worker 0 or a given one. */
enum eg_verdict gate_packet(struct gate *gate, unsigned worker, const struct packet *packet);
enum eg_verdict gate_line(struct gate *gate, const char *line);

struct row {
	int number;
	const char *line;
	enum eg_verdict want;
};

/* Send the lines in order, alternating between workers; fails the test at the first unexpected
 * result. */
void gate_rows(struct gate *gate, const char *what, const struct row *rows, size_t n);

uint64_t gate_drops(const struct gate *gate, enum eg_verdict reason);
uint64_t gate_opened(const struct gate *gate);

/* In the policy in force: connections allowed by all rules, packets denied by all policies. */
uint64_t gate_allowed(const struct gate *gate);
uint64_t gate_denied(const struct gate *gate);

int run_connection_tests(void);
int run_related_tests(void);
int run_fragment_tests(void);
int run_reload_tests(void);
int run_flood_tests(void);
int run_unknown_tests(void);
int run_source_tests(void);
int run_cyclonus_tests(void);

#endif
