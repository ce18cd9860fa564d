/* Per-worker counters, and a sampled record of dropped packets.
 *
 * Life cycle: one zeroed eg_stats per worker, for the lifetime of the daemon. Synchronization:
 * written only by its worker, with relaxed stores and no atomic read-modify-write; any thread may
 * read. No two workers share a cache line. */
#ifndef EG_STAT_STAT_H
#define EG_STAT_STAT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/ip.h"
#include "espgate/drop.h"

#define EG_STAT_PORTS 32

/* The stages of the packet path: each counts its cycles and packets. */
/* clang-format off */
#define EG_STAGES(X) \
	X(RX, rx) X(CACHE, cache) X(FRONT, front) X(SEAL, seal) X(LEARN, learn) X(PARSE, parse) X(DEMUX, demux) X(SA_IN, sa_in) X(ESP_IN, esp_in) X(VERIFY, verify) X(PROBE, probe) \
	X(FLOW, flow) X(POLICY, policy) X(ROUTE, route) X(MSS, mss) X(SA_OUT, sa_out) X(ESP_OUT, esp_out) X(TX, tx) \
	X(KERNEL, kernel) X(RESOLVE, resolve) X(KEEPALIVE, keepalive)
/* clang-format on */

enum eg_stage {
#define X(symbol, name) EG_STAGE_##symbol,
	EG_STAGES(X)
#undef X
	EG_STAGE_COUNT,
};

const char *eg_stage_name(enum eg_stage stage);

/* Kinds of locally originated packets. */
/* clang-format off */
#define EG_LOCAL_KINDS(X) \
	X(ARP_REQUEST, arp_request) X(ARP_REPLY, arp_reply) X(ND_SOLICIT, nd_solicit) \
	X(ND_ADVERT, nd_advert) X(ECHO_REPLY, echo_reply) X(TIME_EXCEEDED, time_exceeded) \
	X(UNREACHABLE, unreachable) X(PROHIBITED, prohibited) X(TOO_BIG, too_big) \
	X(KEEPALIVE, keepalive) X(FRAGMENT, fragment) X(REASSEMBLED, reassembled) \
	X(ECHO_REQUEST, echo_request) X(UNKNOWN, unknown)
/* clang-format on */

enum eg_local_kind {
#define X(symbol, name) EG_LOCAL_##symbol,
	EG_LOCAL_KINDS(X)
#undef X
	EG_LOCAL_COUNT,
};

const char *eg_local_name(enum eg_local_kind kind);

/* Kinds of packets that pass in clear between an encrypted port and its kernel device. */
/* clang-format off */
#define EG_CLEAR_KINDS(X) \
	X(IKE, ike) X(ICMP, icmp) X(BGP, bgp) X(SSH, ssh) X(TCP, tcp) X(UDP, udp)
/* clang-format on */

enum eg_clear_kind {
#define X(symbol, name) EG_CLEAR_##symbol,
	EG_CLEAR_KINDS(X)
#undef X
	EG_CLEAR_COUNT,
	EG_CLEAR_NONE = EG_CLEAR_COUNT, /* not allowed */
};

const char *eg_clear_name(enum eg_clear_kind kind);

typedef _Atomic uint64_t eg_counter;

/* Add to a counter that only the caller's thread writes. */
static inline void eg_count(eg_counter *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

static inline uint64_t eg_counted(const eg_counter *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

struct eg_port_stats {
	eg_counter rx_packets, rx_bytes, tx_packets, tx_bytes; /* frames without FCS */
};

/* Identity of a dropped packet (RFC 4301 s4.4.1: the fields of the audit log). */
struct eg_drop_record {
	uint64_t wall_ns;
	enum eg_verdict reason;
	uint16_t port; /* ingress port */
	uint16_t bytes;
	struct eg_ip src, dst; /* not set if the packet had none */
	uint8_t proto;
	uint16_t sport, dport;
	uint32_t spi, seq; /* of the SA that it used or would have used; 0: none */
	bool reply; /* it belongs to a connection opened by its destination, whose policy denied it
		     */
	struct eg_ip unknown; /* for unknown_pod: the address without a pod or node; else not set */
	bool audited;         /* not dropped: policy.mode is audit */
	struct eg_ip neighbor; /* for drops by neighbour resolution, with its MAC or zeros */
	uint8_t mac[6];
};

/* A single-producer single-consumer ring of samples. When it is full, samples are lost, counts
 * never. */
#define EG_DROP_RING 64

struct eg_drop_ring {
	_Alignas(64) _Atomic uint32_t head; /* written by the worker */
	_Alignas(64) _Atomic uint32_t tail; /* written by the control thread */
	struct eg_drop_record record[EG_DROP_RING];
};

struct eg_stats {
	_Alignas(64) struct eg_port_stats port[EG_STAT_PORTS];
	struct eg_port_stats
		kernel[EG_STAT_PORTS]; /* kernel device of each port: rx comes from the kernel */
	eg_counter drop[EG_DROP_COUNT];
	eg_counter cycles[EG_STAGE_COUNT]; /* timed bursts, and their packets */
	eg_counter packets[EG_STAGE_COUNT];
	eg_counter local[EG_LOCAL_COUNT]; /* locally originated frames: rx + originated = tx +
					     consumed + drops */
	eg_counter clear_in[EG_CLEAR_COUNT], clear_out[EG_CLEAR_COUNT];
	eg_counter limited;     /* ICMP errors suppressed by the rate limit */
	eg_counter consumed;    /* frames that ended here after processing: ARP, ND */
	eg_counter gathered;    /* multi-segment frames copied into one buffer */
	eg_counter endpoints;   /* changes of peers' endpoints (tunnel/endpoint.h) */
	eg_counter path_mtus;   /* valid ICMP too big messages about sealed packets */
	eg_counter handed_over; /* to the worker that owns the SA */
	eg_counter failover; /* packets sent through another peer because their flow's first choice
				was down */
	eg_counter
		audited[2]; /* policy.mode audit: packets that would be dropped: ingress, egress */
	eg_counter would_drop[EG_DROP_COUNT]; /* audit mode: connections by drop reason */
	eg_counter opened;                    /* connections */
	eg_counter first_cycles,
		last_cycles; /* TSC of the first and last burst with packets; 0: none yet */
	eg_counter bursts, burst_packets; /* bursts with packets, of any source */
	eg_counter busy_cycles;           /* TSC cycles in them */
	struct eg_drop_ring dropped;
};

/* Slot for the next sample, or NULL if the ring is full; publish it once filled. Worker only. */
struct eg_drop_record *eg_drop_ring_slot(struct eg_drop_ring *ring);
void eg_drop_ring_publish(struct eg_drop_ring *ring);

/* Take the oldest sample; false if there is none. Control thread only. */
bool eg_drop_ring_take(struct eg_drop_ring *ring, struct eg_drop_record *out);

#endif
