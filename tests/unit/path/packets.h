/* Packets for path tests, built without the code under test: headers by hand, ESP sealed and opened
 * by OpenSSL. */
#ifndef PATH_PACKETS_H
#define PATH_PACKETS_H

#include "path/harness.h"

/* A plain packet; both addresses of one family. A field of 0 means the default in its comment. */
struct flow {
	const char *src, *dst;
	uint8_t ttl;      /* 64 */
	uint8_t tos;      /* DSCP and ECN */
	uint8_t proto;    /* 253, which has no header of its own (RFC 3692) */
	bool df;          /* IPv4 */
	uint16_t payload; /* bytes after the IP header: a pattern starting with `seed` */
	uint32_t seed;
};

/* One direction of a tunnel, as seen from the far end. */
struct tunnel {
	const char *src, *dst; /* outer */
	uint32_t spi;
	const struct eg_suite *suite;
	const uint8_t *material;
	bool esn;
	uint8_t tos;    /* outer */
	uint16_t sport; /* of UDP encapsulation to port 4500; 0: none */
};

/* The tunnels on which `gw` receives and sends. */
struct tunnel tunnel_to(const struct gw *gw);
struct tunnel tunnel_from(const struct gw *gw);

/* Key material of the direction from a site, and its SPI. */
const uint8_t *site_material(unsigned from);
uint32_t site_spi(unsigned from);

/* Append the IP packet of a flow to the frame. */
void add_packet(struct frame *frame, const struct flow *flow);

/* Ethernet to the gateway's MAC on that port, for a packet of the version. */
void start_frame(struct frame *frame, unsigned port, unsigned version);

/* Start and add in one. */
struct frame plain_frame(unsigned port, const struct flow *flow);

/* An ESP frame for ENCRYPTED with exactly this text (inner packet and trailer). */
struct frame esp_frame(const struct tunnel *tunnel, uint64_t seq, const uint8_t *text, size_t n);

/* The same for a packet with a correct trailer. */
struct frame tunnel_frame(const struct tunnel *tunnel, uint64_t seq, const struct flow *flow);
struct frame tunnel_packet(const struct tunnel *tunnel, uint64_t seq, const uint8_t *packet,
			   size_t n);

/* Open a frame that left through ENCRYPTED: returns the inner packet. Checks padding; fails the
 * test if outer header, ICV or trailer are wrong. */
struct frame open_frame(const struct tunnel *tunnel, const struct frame *frame, uint64_t seq);

/* The IP packet of a frame, and its length. */
const uint8_t *frame_packet(const struct frame *frame, size_t *n);

/* Write the checksum of the IPv4 header at p; does nothing for IPv6. */
void fix_checksum(uint8_t *p);
uint16_t naive_checksum(const uint8_t *p, size_t n);

/* Decrement TTL or hop limit `hops` times. */
void age(uint8_t *packet, unsigned hops);

void set_tos(uint8_t *packet, uint8_t tos);
uint8_t get_tos(const uint8_t *packet);

#endif
