#include "traffic.h"

#include <err.h>
#include <pcap.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ip.h>

#include "rings.h"

#define ORDER_MIN (1u << 16)

enum { /* in a frame */
	AT_IP = 14,
	AT_IP_PROTO = 23,
	AT_IP_CHECKSUM = 24,
	AT_IP_SRC = 26,
	AT_IP_DST = 30,
	AT_SPORT = 34,
	AT_TCP_SEQ = 38,
	AT_TCP_ACK = 42,
	AT_TCP_FLAGS = 47,
	TCP_END = 54,
	UDP_END = 42,
};

enum {
	FLAG_SYN = 0x02,
	FLAG_ACK = 0x10,
};

static uint32_t below(struct traffic *traffic, uint32_t n)
{
	traffic->random = traffic->random * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)((traffic->random >> 32) * n >> 32);
}

static unsigned shape_of(struct traffic *traffic, const uint8_t *frame, uint16_t len)
{
	struct traffic_shape *shape = traffic->shape;

	for (; shape < traffic->shape + traffic->n_shapes; shape++)
		if (shape->len == len && shape->proto == frame[AT_IP_PROTO])
			return (unsigned)(shape - traffic->shape);
	if (traffic->n_shapes == TRAFFIC_SHAPES)
		errx(1, "the capture has more than %u lengths", TRAFFIC_SHAPES);
	shape->len = len;
	shape->proto = frame[AT_IP_PROTO];
	memcpy(shape->frame, frame, len);
	return traffic->n_shapes++;
}

static void add_packet(struct traffic *traffic, const uint8_t *frame, size_t len)
{
	struct traffic_packet *packet = &traffic->packets[traffic->n_packets++];
	bool tcp = len > AT_IP_PROTO && frame[AT_IP_PROTO] == 6;

	if (len > TRAFFIC_FRAME_MAX || len < (tcp ? TCP_END : UDP_END) || frame[12] != 0x08 ||
	    frame[13] || frame[AT_IP] != 0x45 || (!tcp && frame[AT_IP_PROTO] != 17))
		errx(1, "packet %u is not TCP or UDP over IPv4 of up to %u bytes",
		     traffic->n_packets, TRAFFIC_FRAME_MAX);
	packet->shape = (uint8_t)shape_of(traffic, frame, (uint16_t)len);
	memcpy(&packet->src, frame + AT_IP_SRC, 8);
	memcpy(&packet->sport, frame + AT_SPORT, 4);
	memcpy(&packet->ip_checksum, frame + AT_IP_CHECKSUM, 2);
}

struct traffic *traffic_read(const char *file)
{
	struct traffic *traffic = calloc(1, sizeof(*traffic));
	char why[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline(file, why);
	struct pcap_pkthdr head;
	const uint8_t *bytes;

	if (!pcap || !traffic)
		errx(1, "%s", why);
	traffic->random = 1;
	while ((bytes = pcap_next(pcap, &head))) {
		size_t n = traffic->n_packets;

		if (!(n & (n - 1)))
			traffic->packets = realloc(traffic->packets,
						   (n ? 2 * n : 1) * sizeof(*traffic->packets));
		if (!traffic->packets)
			err(1, "%s", file);
		add_packet(traffic, bytes, head.caplen);
	}
	pcap_close(pcap);
	if (!traffic->n_packets)
		errx(1, "%s is empty", file);
	return traffic;
}

void traffic_connect(struct traffic *traffic, uint32_t n)
{
	uint32_t passes = n < ORDER_MIN ? ORDER_MIN / n : 1;

	traffic->n_connections = n;
	traffic->n_order = n * passes;
	traffic->at = 0;
	traffic->order = realloc(traffic->order, traffic->n_order * sizeof(*traffic->order));
	if (!traffic->order)
		err(1, "connections");
	for (uint32_t pass = 0; pass < passes; pass++) {
		uint32_t *order = traffic->order + pass * n;

		for (uint32_t i = 0; i < n; i++) {
			uint32_t j = below(traffic, i + 1);

			order[i] = order[j];
			order[j] = i;
		}
	}
}

static struct traffic_packet packet_of(const struct traffic *traffic, uint32_t connection)
{
	struct traffic_packet packet = traffic->packets[connection % traffic->n_packets];
	uint32_t more = connection / traffic->n_packets;

	packet.sport = rte_cpu_to_be_16((uint16_t)(rte_be_to_cpu_16(packet.sport) + more));
	return packet;
}

static struct rte_mbuf *build(const struct traffic *traffic, const struct traffic_packet *packet,
			      struct rte_mempool *pool)
{
	const struct traffic_shape *shape = &traffic->shape[packet->shape];
	struct rte_mbuf *m = rings_buffer(pool, shape->len);
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);

	memcpy(frame, shape->frame, shape->len);
	memcpy(frame + AT_IP_SRC, &packet->src, 8);
	memcpy(frame + AT_SPORT, &packet->sport, 4);
	memcpy(frame + AT_IP_CHECKSUM, &packet->ip_checksum, 2);
	return m;
}

struct rte_mbuf *traffic_next(struct traffic *traffic, struct rte_mempool *pool)
{
	unsigned at = traffic->at++;
	struct traffic_packet packet;

	if (!traffic->n_connections) {
		if (traffic->at == traffic->n_packets)
			traffic->at = 0;
		return build(traffic, &traffic->packets[at], pool);
	}
	if (traffic->at == traffic->n_order)
		traffic->at = 0;
	packet = packet_of(traffic, traffic->order[at]);
	return build(traffic, &packet, pool);
}

/* Numbers of the handshake that the capture's segments follow. */
static void make_handshake(uint8_t *frame, enum traffic_step step)
{
	uint32_t seq, ack;

	memcpy(&seq, frame + AT_TCP_SEQ, 4);
	memcpy(&ack, frame + AT_TCP_ACK, 4);
	if (step == TRAFFIC_OPEN) {
		seq = rte_cpu_to_be_32(rte_be_to_cpu_32(seq) - 1);
		ack = 0;
		frame[AT_TCP_FLAGS] = FLAG_SYN;
	} else {
		uint32_t first = rte_cpu_to_be_32(rte_be_to_cpu_32(ack) - 1);

		ack = seq;
		seq = first;
		frame[AT_TCP_FLAGS] = FLAG_SYN | FLAG_ACK;
	}
	memcpy(frame + AT_TCP_SEQ, &seq, 4);
	memcpy(frame + AT_TCP_ACK, &ack, 4);
}

/* An answer differs from its packet by exchanged words only, so its IP checksum is the same. */
static void reverse(struct traffic_packet *packet)
{
	uint32_t src = packet->src;
	uint16_t sport = packet->sport;

	packet->src = packet->dst;
	packet->dst = src;
	packet->sport = packet->dport;
	packet->dport = sport;
}

struct rte_mbuf *traffic_make(const struct traffic *traffic, uint32_t connection,
			      enum traffic_step step, struct rte_mempool *pool)
{
	struct traffic_packet packet = packet_of(traffic, connection);
	struct rte_mbuf *m;

	if (step == TRAFFIC_ANSWER)
		reverse(&packet);
	m = build(traffic, &packet, pool);
	if (traffic->shape[packet.shape].proto == 6 && step != TRAFFIC_DATA)
		make_handshake(rte_pktmbuf_mtod(m, uint8_t *), step);
	return m;
}

static const struct traffic_packet *any_packet(struct traffic *traffic)
{
	return &traffic->packets[below(traffic, traffic->n_packets)];
}

struct rte_mbuf *traffic_scan(struct traffic *traffic, bool near, struct rte_mempool *pool)
{
	struct traffic_packet packet = *any_packet(traffic);
	struct rte_mbuf *m;
	uint8_t *frame;

	packet.sport = (uint16_t)below(traffic, 65536);
	packet.dport = (uint16_t)(near ? packet.dport : below(traffic, 65536));
	m = build(traffic, &packet, pool);
	frame = rte_pktmbuf_mtod(m, uint8_t *);
	if (!near) {
		memcpy(frame + AT_IP_DST, &any_packet(traffic)->dst, 4);
		memset(frame + AT_IP_CHECKSUM, 0, 2);
		packet.ip_checksum = rte_ipv4_cksum((const struct rte_ipv4_hdr *)(frame + AT_IP));
		memcpy(frame + AT_IP_CHECKSUM, &packet.ip_checksum, 2);
	}
	if (frame[AT_IP_PROTO] == 6)
		make_handshake(frame, TRAFFIC_OPEN);
	return m;
}
