/* The devices of bench_path: four rings, and buffers for the packets in them. What is sent to a
 * device can be received from it. */
#ifndef BENCH_RINGS_H
#define BENCH_RINGS_H

#include <stdint.h>

#include <rte_mbuf.h>

#define RINGS      4
#define RING_ROUND 256 /* packets per round: their buffers stay in the cache */

/* Start DPDK with the caller's arguments after ours. Returns the pool of buffers. Exits if it does
 * not start. */
struct rte_mempool *rings_start(char **more, int n_more);

/* Receive at most so many packets at once. From then on, for all devices. */
void rings_limit_bursts(uint16_t n);

/* A new buffer with room for len bytes. */
struct rte_mbuf *rings_buffer(struct rte_mempool *pool, uint16_t len);

/* Queue a packet. */
void rings_put(uint16_t device, struct rte_mbuf *m);

/* Move all packets queued at `from` to `to`. Returns how many. */
unsigned rings_move(uint16_t from, uint16_t to);

/* Free them. Returns how many. */
unsigned rings_drain(uint16_t from);

/* What the devices themselves cost: ns per packet to receive a round from one and send it to
 * another one, in bursts of the limit. */
double rings_cost_ns(struct rte_mempool *pool, unsigned rounds);

double rings_ns(uint64_t cycles);

#endif
