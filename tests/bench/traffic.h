/* The packets of bench_path: connections taken from a capture, in random order. */
#ifndef BENCH_TRAFFIC_H
#define BENCH_TRAFFIC_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#define TRAFFIC_SHAPES    64
#define TRAFFIC_FRAME_MAX 2000

/* A packet is its shape's frame with addresses and ports of its own, so that the source of the
 * packets takes little of the cache. Network order, as in the frame. */
struct traffic_packet {
	uint32_t src, dst;
	uint16_t sport, dport;
	uint16_t ip_checksum;
	uint8_t shape;
};

struct traffic_shape {
	uint8_t proto;
	uint16_t len;
	uint8_t frame[TRAFFIC_FRAME_MAX];
};

struct traffic {
	unsigned n_shapes;
	struct traffic_shape shape[TRAFFIC_SHAPES];
	struct traffic_packet *packets; /* of the capture, in its order */
	unsigned n_packets;
	uint32_t n_connections; /* 0: play the capture as it is */
	uint32_t *order;        /* connections, shuffled */
	unsigned n_order, at;
	uint64_t random;
};

/* Frames without VLAN, IPv4 without options, TCP or UDP. Those of the same length and protocol
 * differ in addresses and ports only. Exits if that is not so. */
struct traffic *traffic_read(const char *file);

/* From now on packets of n connections come in random order: of the first n of the capture, or of
 * all of it with as many source ports as are needed. */
void traffic_connect(struct traffic *traffic, uint32_t n);

/* The next packet, in a new buffer. */
struct rte_mbuf *traffic_next(struct traffic *traffic, struct rte_mempool *pool);

/* A packet of one connection, from 0. */
enum traffic_step {
	TRAFFIC_OPEN,   /* TCP: SYN */
	TRAFFIC_ANSWER, /* of the other end; TCP: SYN and ACK */
	TRAFFIC_DATA,
};

struct rte_mbuf *traffic_make(const struct traffic *traffic, uint32_t connection,
			      enum traffic_step step, struct rte_mempool *pool);

/* A TCP SYN between two addresses of the capture that no connection has, from and to random ports:
 * a scan. `near`: between the ends of one connection, which policy allows. */
struct rte_mbuf *traffic_scan(struct traffic *traffic, bool near, struct rte_mempool *pool);

#endif
