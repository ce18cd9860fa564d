/* Packets of random connections between the locations of a world, and of everything that is no
 * connection's: with all headers, plain for the clear ports or sealed by a peer. */
#ifndef DIFFERENTIAL_TRAFFIC_H
#define DIFFERENTIAL_TRAFFIC_H

#include "esp.h"
#include "world.h"

#define BURST_MAX   64
#define CONNECTIONS 512

struct end {
	uint8_t location, host;
};

struct connection {
	struct end end[2]; /* 0 opens it */
	uint8_t version, proto;
	uint8_t phase; /* TCP: 0 SYN, 1 SYN ACK, 2 ACK, then data */
	uint16_t port[2];
	uint32_t seq[2]; /* TCP: the next one of each end */
	uint16_t id;     /* of fragments */
	/* Burst of its last packet, and whether that was the last one in that burst. */
	uint64_t burst;
	bool closed;
	int peer;      /* that sent it, or -1 */
	unsigned from; /* which end */
};

struct traffic {
	struct rng *rng;
	const struct world *world;
	struct esp_end *esp;
	unsigned hot; /* most packets are of the first so many connections */

	bool says_good; /* the devices check checksums */
	unsigned odd;   /* percentage of packets that are out of the ordinary */
	struct connection connection[CONNECTIONS];
	uint64_t burst;          /* number */
	uint32_t ports, tcp_seq; /* of the last packet */
	unsigned inner;          /* enum odd of the last packet */
	uint64_t serial;         /* in the payload of each packet */
	struct frame old[16];    /* sealed before, to be replayed */
	unsigned n_old, old_port[16];
};

/* One burst for a port. */
struct burst {
	unsigned port, n;
	struct frame frame[BURST_MAX];
};

void traffic_start(struct traffic *traffic, struct rng *rng, const struct world *world,
		   struct esp_end *esp);

/* The peers' SAs have changed. */
void traffic_reload(struct traffic *traffic);

/* port: PORTS for any. At most `most` packets. */
void traffic_burst(struct traffic *traffic, struct burst *burst, unsigned port, unsigned most);

/* The IPv4 header checksum, and a checksum over anything. */
void put_ip_checksum(uint8_t *packet);

#endif
