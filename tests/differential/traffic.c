#include "traffic.h"

#include <arpa/inet.h>

#include <rte_mbuf.h>

#include "net/bytes.h"
#include "require.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

#define ETH     14
#define TCP_FIN 1
#define TCP_SYN 2
#define TCP_RST 4
#define TCP_PSH 8
#define TCP_ACK 16

static unsigned pick(const struct traffic *traffic, unsigned n)
{
	return (unsigned)rng_below(traffic->rng, n);
}

static bool chance(const struct traffic *traffic, unsigned percent)
{
	return pick(traffic, 100) < percent;
}

void put_ip_checksum(uint8_t *p)
{
	unsigned sum = 0, n = (p[0] & 15u) * 4;

	if (p[0] >> 4 != 4)
		return;
	eg_put16(p + 10, 0);
	for (unsigned i = 0; i < n; i += 2)
		sum += eg_get16(p + i);
	sum = (sum & 0xffff) + (sum >> 16);
	eg_put16(p + 10, (uint16_t) ~(sum + (sum >> 16)));
}

/* --- connections */

static unsigned pick_location(const struct traffic *traffic)
{
	unsigned n = pick(traffic, 10);

	if (n < 4)
		return 0;
	return n < 6 ? 1 + pick(traffic, 2) : world_location(traffic->world, pick(traffic, PEERS));
}

static void start_connection(struct traffic *traffic, struct connection *c)
{
	static const uint16_t ports[] = {80, 81, 53, 443, 90};
	unsigned kind = pick(traffic, 20);

	*c = (struct connection){
		.version = chance(traffic, 60) ? 4 : 6,
		.proto = kind < 10   ? 6
			 : kind < 18 ? 17
			 : kind < 19 ? 132
				     : 1,
		.port = {(uint16_t)(1024 + pick(traffic, 60000)), ports[pick(traffic, 5)]},
		.id = (uint16_t)rng_next(traffic->rng)};
	if (c->proto == 1 && c->version == 6)
		c->proto = 58;
	for (unsigned end = 0; end < 2; end++) {
		c->end[end].location = (uint8_t)pick_location(traffic);
		c->end[end].host = (uint8_t)pick(traffic, HOSTS);
		c->seq[end] = (uint32_t)rng_next(traffic->rng);
	}
}

void traffic_reload(struct traffic *traffic)
{
	const struct world *world = traffic->world;

	for (unsigned i = 0; i < PEERS; i++) {
		for (unsigned n = 0; n < 4; n++)
			esp_learn(traffic->esp, world_spi(world, i, n & 1, n >> 1),
				  world->peer[i].suite, world->peer[i].esn);
	}
}

void traffic_start(struct traffic *traffic, struct rng *rng, const struct world *world,
		   struct esp_end *esp)
{
	memset(traffic, 0, sizeof(*traffic));
	traffic->rng = rng;
	traffic->world = world;
	traffic->esp = esp;
	traffic->hot = 4u << pick(traffic, 7);

	traffic->says_good = chance(traffic, 30);
	traffic->odd = chance(traffic, 70) ? 3 : 15;
	for (unsigned i = 0; i < CONNECTIONS; i++)
		start_connection(traffic, &traffic->connection[i]);
	traffic_reload(traffic);
}

/* Known packets are sent before the others of a burst. So that the order is the same with and
 * without the cache, a connection has one direction and one way within a burst, and a packet that
 * cannot be known is its last one there: then the connection is closed. */
static bool has_other_way(const struct traffic *traffic, const struct connection *c, unsigned from,
			  int peer)
{
	return c->burst == traffic->burst && (c->from != from || c->peer != peer);
}

static bool is_closed(const struct traffic *traffic, const struct connection *c)
{
	return c->burst == traffic->burst && c->closed;
}

static struct connection *pick_connection(struct traffic *traffic)
{
	struct connection *c =
		&traffic->connection[chance(traffic, 92) ? pick(traffic, traffic->hot)
							 : pick(traffic, CONNECTIONS)];

	while (is_closed(traffic, c))
		c = &traffic->connection[pick(traffic, CONNECTIONS)];
	return c;
}

/* --- plain packets */

/* What is out of the ordinary in a packet. */
enum odd {
	PLAIN_NOT,
	ODD_TTL,
	ODD_OPTIONS,
	ODD_FIRST_FRAGMENT,
	ODD_LATER_FRAGMENT,
	ODD_LONG,
	ODD_CHECKSUM,
	ODD_LENGTH,
	ODD_FLAGS,
	ODD_FAR,
	ODD_ICMP,
	ODD_PROTOCOL,
	ODD_SOURCE,
	ODD_DESTINATION,
	ODD_SHORT,
	ODD_PORT,
	ODDS,
};

struct packet {
	unsigned version, head, n; /* head: IP header with options */
	uint8_t proto;
	uint8_t *p;
};

/* IP header without lengths and checksum; payload goes to p + head. */
static void start_ip(struct traffic *traffic, struct packet *packet, const struct connection *c,
		     unsigned from, enum odd odd)
{
	uint8_t *p = packet->p;
	const struct end *end[2] = {&c->end[from], &c->end[!from]};
	unsigned at = packet->version == 4 ? 12 : 8, each = packet->version == 4 ? 4 : 16;

	memset(p, 0, 64);
	packet->head = packet->version == 4 ? 20 : 40;
	for (unsigned i = 0; i < 2; i++)
		world_address(end[i]->location, end[i]->host, packet->version, p + at + each * i);
	if (odd == ODD_SOURCE)
		world_address(pick_location(traffic), pick(traffic, 20), packet->version, p + at);
	if (odd == ODD_DESTINATION)
		world_address(pick_location(traffic), pick(traffic, 245), packet->version,
			      p + at + each);
	if (odd == ODD_DESTINATION && chance(traffic, 50))
		p[at + each + (packet->version == 4 ? 3 : 15)] = 1; /* the gateway, sometimes */
	if (odd == ODD_DESTINATION && chance(traffic, 20))
		p[at + each] = (uint8_t)rng_next(traffic->rng);
	if (packet->version == 4) {
		p[0] = 0x45;
		p[8] = odd == ODD_TTL ? (uint8_t)pick(traffic, 2) : 64;
		eg_put16(p + 4, (uint16_t)traffic->serial);
		if (chance(traffic, 50))
			p[6] = 0x40;
	} else {
		p[0] = 0x60;
		p[7] = odd == ODD_TTL ? (uint8_t)pick(traffic, 2) : 64;
	}
}

static void set_tos(uint8_t *p, uint8_t tos)
{
	if (p[0] >> 4 == 4)
		p[1] = tos;
	else
		eg_put32(p, 6u << 28 | (uint32_t)tos << 20);
}

static uint8_t get_tos(const uint8_t *p)
{
	return p[0] >> 4 == 4 ? p[1] : (uint8_t)(p[0] << 4 | p[1] >> 4);
}

/* Options or an extension header, of several kinds, some of which are dropped. */
static void add_options(struct traffic *traffic, struct packet *packet)
{
	uint8_t *p = packet->p;

	if (packet->version == 4) {
		static const uint8_t kinds[] = {1, 1, 7, 131, 137, 148};

		p[0] = 0x46;
		memset(p + 20, 1, 4);
		p[20] = kinds[pick(traffic, 6)];
		p[21] = p[20] > 1 ? 3 : 1;
		p[22] = p[20] > 1 ? 4 : 1;
		packet->head = 24;
	} else {
		static const uint8_t kinds[] = {0, 60, 60, 43};

		p[6] = kinds[pick(traffic, 4)];
		memset(p + 40, 0, 8);
		p[40] = packet->proto;
		p[42] = 1;
		p[43] = 4;
		if (p[6] == 43)
			p[42] = (uint8_t)pick(traffic, 3);
		packet->head = 48;
	}
}

/* A fragment of a packet whose other half is sent by another call, with the same id. */
static void add_fragment(struct packet *packet, struct connection *c, bool later)
{
	uint8_t *p = packet->p;

	if (packet->version == 4) {
		eg_put16(p + 4, c->id);
		eg_put16(p + 6, later ? 64 / 8 : 0x2000);
	} else {
		p[6] = 44;
		memset(p + 40, 0, 8);
		p[40] = packet->proto;
		eg_put16(p + 42, later ? 64 : 1);
		eg_put32(p + 44, c->id);
		packet->head = 48;
	}
	if (later)
		c->id++;
}

static unsigned payload_length(struct traffic *traffic, enum odd odd)
{
	unsigned kind = pick(traffic, 10);

	if (odd == ODD_LONG)
		return 1150 + pick(traffic, 650);
	if (odd == ODD_FIRST_FRAGMENT)
		return 64;
	return kind < 6   ? pick(traffic, 80)
	       : kind < 8 ? 400 + pick(traffic, 200)
			  : pick(traffic, 1150);
}

/* Step the connection; returns the flags of its next segment. False in *from's place: the other
 * end is due. */
static uint8_t next_flags(struct traffic *traffic, struct connection *c, unsigned from)
{
	if (c->phase < 3) {
		static const uint8_t flags[3] = {TCP_SYN, TCP_SYN | TCP_ACK, TCP_ACK};

		if (from == (c->phase == 1))
			return flags[c->phase++];
		return TCP_ACK;
	}
	if (pick(traffic, 400))
		return TCP_ACK | (chance(traffic, 30) ? TCP_PSH : 0);
	c->phase++;
	if (c->phase > 4) { /* and it opens again */
		c->phase = 0;
		for (unsigned end = 0; end < 2; end++)
			c->seq[end] += 1u << 20;
	}
	return chance(traffic, 70) ? TCP_FIN | TCP_ACK : TCP_RST;
}

static unsigned put_tcp(struct traffic *traffic, struct connection *c, unsigned from, uint8_t *at,
			unsigned data, enum odd odd)
{
	bool used = c->burst == traffic->burst;
	uint8_t flags =
		odd == ODD_FLAGS ? (uint8_t)rng_next(traffic->rng) : next_flags(traffic, c, from);
	uint32_t seq = c->seq[from], ack = c->seq[!from];
	unsigned head = flags & TCP_SYN ? 24 : chance(traffic, 40) ? 32 : 20;

	c->closed |= odd == ODD_FAR || odd == ODD_FLAGS || (flags & (TCP_SYN | TCP_FIN | TCP_RST));
	if (odd == ODD_FAR)
		seq += (1u << 19) + ((uint32_t)rng_next(traffic->rng) >> (1 + pick(traffic, 10)));
	else if (odd == ODD_FLAGS)
		seq += pick(traffic, 2) << 16;
	else
		c->seq[from] += data + !!(flags & (TCP_SYN | TCP_FIN));
	if (!used && chance(traffic, 3)) { /* a retransmission */
		seq -= pick(traffic, 5000);
		c->closed = true;
	}
	memset(at, 1, head);
	traffic->tcp_seq = seq;
	eg_put32(at + 4, seq);
	eg_put32(at + 8, flags & TCP_ACK ? ack : 0);
	at[12] = (uint8_t)(head / 4 << 4);
	at[13] = flags;
	eg_put16(at + 14, 0xffff);
	if (head == 24) {
		at[20] = 2;
		at[21] = 4;
		eg_put16(at + 22, 1460);
	}
	return head;
}

/* Returns the length of the layer 4 header. */
static unsigned put_l4(struct traffic *traffic, struct connection *c, unsigned from, uint8_t proto,
		       uint8_t *at, unsigned data, enum odd odd)
{
	unsigned head = 8;

	memset(at, 0, 32);
	if (proto == 6)
		head = put_tcp(traffic, c, from, at, data, odd);
	if (proto == 132) {
		head = 12;
		at[12] = (uint8_t)(chance(traffic, 5) ? pick(traffic, 15) : c->phase < 3 ? 1 : 0);
		c->phase = (uint8_t)(c->phase < 3 ? c->phase + 1 : 3);
	}
	if (proto == 17)
		eg_put16(at + 4, (uint16_t)(8 + data));
	if (proto == 1 || proto == 58) {
		at[0] = (uint8_t)(proto == 1 ? from ? 0 : 8 : 128 + from);
		if (odd == ODD_ICMP)
			at[0] = (uint8_t)rng_next(traffic->rng);
		eg_put16(at + 4, c->port[0]);
		return 8;
	}
	eg_put16(at, c->port[from]);
	eg_put16(at + 2, odd == ODD_PORT ? (uint16_t)rng_next(traffic->rng) : c->port[!from]);
	return head;
}

/* An ICMP error about the last packet of the connection in the other direction. */
static unsigned put_error(struct traffic *traffic, struct packet *packet, struct connection *c,
			  unsigned from)
{
	uint8_t *at = packet->p + packet->head;
	struct connection copy = *c;
	struct packet quote = {.version = packet->version, .p = at + 8, .proto = c->proto};
	unsigned n;

	start_ip(traffic, &quote, &copy, !from, PLAIN_NOT);
	n = quote.head + put_l4(traffic, &copy, !from, c->proto, at + 8 + quote.head, 0, PLAIN_NOT);
	if (packet->version == 4) {
		quote.p[9] = c->proto;
		eg_put16(quote.p + 2, (uint16_t)(n + 100));
		put_ip_checksum(quote.p);
	} else {
		quote.p[6] = c->proto;
		eg_put16(quote.p + 4, (uint16_t)(n + 60));
	}
	memset(at, 0, 8);
	at[0] = packet->version == 4 ? (chance(traffic, 50) ? 3 : 11)
				     : (uint8_t)(1 + pick(traffic, 4));
	at[1] = (uint8_t)pick(traffic, 5);
	packet->proto = packet->version == 4 ? 1 : 58;
	return 8 + n;
}

/* Finish the IP header of a packet with n bytes behind it. */
static void finish_ip(struct packet *packet, unsigned n)
{
	uint8_t *p = packet->p;

	packet->n = packet->head + n;
	if (packet->version == 4) {
		eg_put16(p + 2, (uint16_t)packet->n);
		p[9] = packet->proto;
		put_ip_checksum(p);
	} else {
		eg_put16(p + 4, (uint16_t)(packet->n - 40));
		if (packet->head == 40)
			p[6] = packet->proto;
	}
}

static void spoil(struct traffic *traffic, struct packet *packet, enum odd odd)
{
	uint8_t *p = packet->p;

	if (odd == ODD_CHECKSUM)
		p[packet->version == 4 ? 10 : 6] ^= 0x11;
	if (odd == ODD_LENGTH) {
		eg_put16(p + (packet->version == 4 ? 2 : 4),
			 (uint16_t)(packet->n - 20 + pick(traffic, 60)));
		put_ip_checksum(p);
	}
	if (odd == ODD_SHORT) {
		packet->n = packet->head + pick(traffic, 20);
		eg_put16(p + (packet->version == 4 ? 2 : 4),
			 (uint16_t)(packet->n - (packet->version == 4 ? 0 : 40)));
		put_ip_checksum(p);
	}
}

/* The next packet of a connection from one of its ends; its length. */
static unsigned make_packet(struct traffic *traffic, struct connection *c, unsigned from,
			    uint8_t *p)
{
	enum odd odd = chance(traffic, traffic->odd) ? 1 + pick(traffic, ODDS - 1) : PLAIN_NOT;
	struct packet packet = {.version = c->version, .p = p, .proto = c->proto};
	unsigned data = payload_length(traffic, odd), n;
	uint8_t *at;

	traffic->serial++;
	traffic->inner = odd;
	traffic->ports = (uint32_t)c->port[from] << 16 | c->port[!from];
	c->closed = false; /* it was not in this burst, or is not now */
	if (odd == ODD_PROTOCOL)
		packet.proto = chance(traffic, 50) ? 47 : (uint8_t)rng_next(traffic->rng);
	start_ip(traffic, &packet, c, from, odd);
	if (chance(traffic, 15))
		set_tos(p, (uint8_t)rng_next(traffic->rng));
	if (odd == ODD_OPTIONS)
		add_options(traffic, &packet);
	if (odd == ODD_FIRST_FRAGMENT || odd == ODD_LATER_FRAGMENT)
		add_fragment(&packet, c, odd == ODD_LATER_FRAGMENT);
	at = p + packet.head;
	if (odd == ODD_ICMP && chance(traffic, 70)) {
		n = put_error(traffic, &packet, c, from);
	} else {
		n = put_l4(traffic, c, from, packet.proto, at, data, odd);
		memset(at + n, (uint8_t)data, data);
		if (data >= 8)
			eg_put64(at + n, traffic->serial);
		n += data;
	}
	if (odd == ODD_FIRST_FRAGMENT)
		n = n / 8 * 8;
	finish_ip(&packet, n);
	spoil(traffic, &packet, odd);
	c->burst = traffic->burst;
	c->peer = -1;
	c->from = from;
	return packet.n;
}

/* --- frames */

/* What the device said: mostly nothing. */
static uint64_t pick_flags(struct traffic *traffic)
{
	static const uint64_t flags[] = {
		RTE_MBUF_F_RX_IP_CKSUM_GOOD,      RTE_MBUF_F_RX_IP_CKSUM_BAD,
		RTE_MBUF_F_RX_L4_CKSUM_BAD,       RTE_MBUF_F_RX_L4_CKSUM_NONE,
		RTE_MBUF_F_RX_OUTER_IP_CKSUM_BAD, RTE_MBUF_F_RX_L4_CKSUM_GOOD};

	if (traffic->says_good && !chance(traffic, 2))
		return RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	return pick(traffic, 100) ? 0 : flags[pick(traffic, COUNT(flags))];
}

static void put_eth(struct traffic *traffic, struct frame *frame, unsigned port, unsigned version)
{
	const uint8_t eth[12] = {2, 0, 0, 0, 0, (uint8_t)port, 2, 0, 0, 0, 1, (uint8_t)port};

	memcpy(frame->bytes, eth, sizeof(eth));

	if (!pick(traffic, 2000)) { /* another station's */
		frame->bytes[3] = 9;
		frame->aside = port >= UP;
	}
	eg_put16(frame->bytes + 12, version == 4 ? 0x0800 : 0x86dd);
}

static unsigned port_of(unsigned location)
{
	return location ? LAN : PODS;
}

/* A connection with an end behind that clear port, and which; mostly one whose end is due. */
static struct connection *pick_plain(struct traffic *traffic, unsigned port, unsigned *from)
{
	struct connection *c = NULL;

	for (unsigned i = 0; i < 24; i++) {
		struct connection *try = pick_connection(traffic);
		bool first = try->end[0].location < 3 && port_of(try->end[0].location) == port;
		bool second = try->end[1].location < 3 && port_of(try->end[1].location) == port;

		if (!first && !second)
			continue;
		*from = first && second ? pick(traffic, 2) : second;
		if (has_other_way(traffic, try, *from, -1))
			continue;
		c = try;
		if (c->proto != 6 || c->phase >= 3 || *from == (c->phase == 1))
			break;
	}
	return c;
}

static void make_plain(struct traffic *traffic, struct frame *frame, unsigned port)
{
	struct connection *c;
	unsigned from = 0;

	c = pick_plain(traffic, port, &from);
	if (!c) {
		from = 0;
		do
			c = pick_connection(traffic);
		while (c->burst == traffic->burst);
		start_connection(traffic, c);
		c->end[0].location = port == PODS ? 0 : 1;
	}
	frame->n = ETH + make_packet(traffic, c, from, frame->bytes + ETH);
	frame->flags = pick_flags(traffic);
	c->closed |= frame->flags != 0 && !traffic->says_good;
	if (frame->bytes[ETH] >> 4 == 4 && frame->n < 60 && chance(traffic, 30)) {
		memset(frame->bytes + frame->n, 0, 60 - frame->n); /* Ethernet's padding */
		frame->n = 60;
	}
	put_eth(traffic, frame, port, c->version);
	frame->note.serial = traffic->serial;
	frame->note.inner = traffic->inner;
	frame->note.ports = traffic->ports;
	frame->note.tcp_seq = traffic->tcp_seq;
}

/* What is out of the ordinary in a sealed frame. */
enum odd_seal {
	SEAL_NOT,
	SEAL_CORRUPT,
	SEAL_REPLAY,
	SEAL_AHEAD,
	SEAL_BEHIND,
	SEAL_SPI,
	SEAL_SOURCE,
	SEAL_DESTINATION,
	SEAL_SPORT,
	SEAL_DUMMY,
	SEAL_PADDING,
	SEAL_ENCAP,
	SEAL_TRAILING,
	SEAL_FORMS, /* from here on it is no ordinary ESP */
	SEAL_OPTIONS = SEAL_FORMS,
	SEAL_KEEPALIVE,
	SEAL_FRAGMENT,
	SEALS,
};

/* A tunnel of a peer on that port that can send, or -1. */
static int pick_peer(struct traffic *traffic, unsigned port)
{
	for (unsigned i = 0; i < 30; i++) {
		unsigned peer = pick(traffic, PEERS);

		if (traffic->world->peer[peer].present && traffic->world->peer[peer].in &&
		    traffic->world->peer[peer].port == port)
			return (int)peer;
	}
	return -1;
}

static struct connection *pick_behind(struct traffic *traffic, int peer, unsigned *from)
{
	unsigned location = world_location(traffic->world, (unsigned)peer);
	struct connection *c = NULL;

	for (unsigned i = 0; i < 24; i++) {
		struct connection *try = pick_connection(traffic);

		if (try->end[0].location != location && try->end[1].location != location)
			continue;
		*from = try->end[0].location != location;
		if (has_other_way(traffic, try, *from, peer))
			continue;
		c = try;
		if (c->proto != 6 || c->phase >= 3 || *from == (c->phase == 1))
			break;
	}
	return c;
}

/* The outer header in front of ESP, and UDP's; returns where ESP begins. */
static unsigned put_outer(struct traffic *traffic, struct frame *frame, unsigned peer_index,
			  enum odd_seal odd)
{
	const struct peer *peer = &traffic->world->peer[peer_index];
	bool udp = odd == SEAL_ENCAP ? !peer->encap : peer->encap;
	uint8_t *p = frame->bytes + ETH, ends[2][16];
	unsigned head = peer->outer6 ? 40 : 20;

	if (udp && peer->accept_plain && chance(traffic, 30))
		udp = false;
	memset(p, 0, 64);
	world_ends(traffic->world, peer_index, ends[0], ends[1]);
	if (odd == SEAL_SOURCE)
		ends[1][peer->outer6 ? 15 : 3] ^= (uint8_t)(1 + pick(traffic, 3));
	if (odd == SEAL_DESTINATION)
		ends[0][peer->outer6 ? 15 : 3] ^= 2;
	if (peer->outer6) {
		p[0] = 0x60;
		p[6] = udp ? 17 : 50;
		p[7] = 64;
		memcpy(p + 8, ends[1], 16);
		memcpy(p + 24, ends[0], 16);
		if (odd == SEAL_OPTIONS && !udp) {
			p[6] = 60;
			p[40] = 50;
			p[42] = 1;
			p[43] = 4;
			head += 8;
		}
	} else {
		p[0] = 0x45;
		p[8] = 64;
		p[9] = udp ? 17 : 50;
		memcpy(p + 12, ends[1], 4);
		memcpy(p + 16, ends[0], 4);
		if (odd == SEAL_OPTIONS) {
			p[0] = 0x46;
			memset(p + 20, 1, 4);
			head += 4;
		}
	}
	if (!peer->transport && chance(traffic, 10))
		set_tos(p, (uint8_t)rng_next(traffic->rng));
	if (udp) {
		eg_put16(p + head, (uint16_t)(odd == SEAL_SPORT ? 1 + pick(traffic, 65535)
								: peer->peer_port));
		eg_put16(p + head + 2, 4500);
		head += 8;
	}
	return ETH + head;
}

static void finish_outer(struct frame *frame, unsigned at, unsigned esp_len)
{
	uint8_t *p = frame->bytes + ETH;
	bool v4 = p[0] >> 4 == 4;
	unsigned n = at - ETH + esp_len;

	frame->n = at + esp_len;
	eg_put16(p + (v4 ? 2 : 4), (uint16_t)(v4 ? n : n - 40));
	if (v4)
		put_ip_checksum(p);
	if (p[v4 ? 9 : 6] == 17) {
		eg_put16(frame->bytes + at - 4, (uint16_t)(8 + esp_len));
		eg_put16(frame->bytes + at - 2, v4 ? 0 : 1); /* wrong, and nobody checks it */
	}
}

static uint64_t next_seq(struct traffic *traffic, uint32_t spi, enum odd_seal odd)
{
	uint64_t *next = esp_next(traffic->esp, spi);
	uint64_t back = pick(traffic, 300);

	if (odd == SEAL_AHEAD)
		*next += pick(traffic, 200);
	if (odd == SEAL_BEHIND)
		return *next > back + 1 ? *next - back - 1 : 0;
	return (*next)++;
}

/* A frame sealed by a peer; false: not now. *work is to be sealed. */
static bool make_sealed(struct traffic *traffic, struct frame *frame, unsigned port,
			struct esp_work *work, enum odd_seal *how)
{
	enum odd_seal odd = *how;
	int peer_index = pick_peer(traffic, port);
	uint8_t inner[FRAME_MAX];
	const struct peer *peer;
	struct connection *c;
	unsigned at, n, from = 0;
	uint64_t seq;
	uint32_t spi;
	uint8_t next;

	if (peer_index < 0)
		return false;
	peer = &traffic->world->peer[peer_index];
	if (peer->transport && odd >= SEAL_FORMS)
		odd = *how = SEAL_NOT;
	c = pick_behind(traffic, peer_index, &from);
	if (!c)
		from = 0;
	while (!c || has_other_way(traffic, c, from, peer_index))
		c = pick_connection(traffic);
	at = put_outer(traffic, frame, (unsigned)peer_index, odd);
	n = make_packet(traffic, c, from, inner);
	c->peer = peer_index;
	frame->flags = pick_flags(traffic);
	c->closed |= odd >= SEAL_FORMS || get_tos(frame->bytes + ETH) ||
		     (frame->flags && !traffic->says_good);
	next = c->version == 4 ? 4 : 41;
	if (peer->transport) { /* UDP between the ends */
		n = n > 400 ? 400 : n;
		memset(inner, 7, n);
		next = 17;
	}
	if (odd == SEAL_DUMMY)
		next = chance(traffic, 50) ? 59 : (uint8_t)pick(traffic, 256);
	spi = world_spi(traffic->world, (unsigned)peer_index, false, pick(traffic, peer->in));
	seq = next_seq(traffic, spi, odd);
	n = esp_wrap(traffic->esp, frame, at, spi, seq, inner, n, next, work);
	if (odd == SEAL_PADDING)
		work->op.text[work->op.text_len - 2] ^= 3;
	finish_outer(frame, at, n);
	put_eth(traffic, frame, port, peer->outer6 ? 6 : 4);
	frame->note.serial = traffic->serial;
	frame->note.inner = traffic->inner;
	frame->note.ports = traffic->ports;
	frame->note.tcp_seq = traffic->tcp_seq;
	frame->note.outer = odd;
	frame->note.peer = (unsigned)peer_index;
	frame->note.spi = spi;
	frame->note.seq = seq;
	return true;
}

/* After sealing. */
static void spoil_sealed(struct traffic *traffic, struct frame *frame, enum odd_seal odd)
{
	uint8_t *p = frame->bytes + ETH;
	bool v4 = p[0] >> 4 == 4;
	unsigned at = ETH + (v4 ? (p[0] & 15u) * 4 : 40) + (p[v4 ? 9 : 6] == 17 ? 8 : 0);

	if (odd == SEAL_CORRUPT)
		frame->bytes[frame->n - 1 - pick(traffic, 40)] ^= 1;
	if (odd == SEAL_SPI)
		frame->bytes[at + pick(traffic, 4)] ^= 4;
	if (odd == SEAL_TRAILING) {
		memset(frame->bytes + frame->n, 0, 6);
		frame->n += 6;
	}
	if (odd == SEAL_KEEPALIVE && p[v4 ? 9 : 6] == 17)
		eg_put32(frame->bytes + at, 0); /* non-ESP marker */
	if (odd == SEAL_FRAGMENT && v4) {       /* the first half only */
		eg_put16(p + 6, 0x2000);
		frame->n = at + (frame->n - at) / 2 / 8 * 8;
		eg_put16(p + 2, (uint16_t)(frame->n - ETH));
		put_ip_checksum(p);
	}
}

/* Does the path with the cache take it behind the ordinary ESP of its burst? */
static bool is_aside(const struct frame *frame)
{
	const uint8_t *p = frame->bytes + ETH;
	bool v4 = p[0] >> 4 == 4;
	unsigned head = v4 ? 20 : 40;
	uint8_t proto = p[v4 ? 9 : 6];

	if (frame->bytes[3] || (v4 && (p[0] != 0x45 || (eg_get16(p + 6) & 0x3fff))))
		return true;
	return proto != 50 &&
	       !(proto == 17 && eg_get16(p + head + 2) == 4500 && eg_get32(p + head + 8));
}

static void remember(struct traffic *traffic, const struct frame *frame, unsigned port)
{
	unsigned slot = traffic->n_old < COUNT(traffic->old) ? traffic->n_old++
							     : pick(traffic, COUNT(traffic->old));

	traffic->old[slot] = *frame;
	traffic->old_port[slot] = port;
}

static bool replay(struct traffic *traffic, struct frame *frame, unsigned port)
{
	unsigned slot = traffic->n_old ? pick(traffic, traffic->n_old) : 0;

	if (!traffic->n_old || traffic->old_port[slot] != port)
		return false;
	*frame = traffic->old[slot];
	return true;
}

/* Plain packets at an encrypted port, and transport mode's at a clear one. */
static void make_stray(struct traffic *traffic, struct frame *frame, unsigned port)
{
	struct connection once, *c = &once; /* not by a way that a connection has, too */
	unsigned peer = PEERS - 1;

	start_connection(traffic, c);
	frame->n = ETH + make_packet(traffic, c, pick(traffic, 2), frame->bytes + ETH);
	frame->flags = 0;
	frame->aside = port >= UP;
	put_eth(traffic, frame, port, c->version);
	if (port == LAN && traffic->world->peer[peer].transport) {
		struct packet packet = {.version = traffic->world->peer[peer].outer6 ? 6 : 4,
					.p = frame->bytes + ETH,
					.proto = 17};
		uint8_t ends[2][16];
		bool v4 = packet.version == 4;

		world_ends(traffic->world, peer, ends[0], ends[1]);
		memset(packet.p, 0, 200);
		packet.head = v4 ? 20 : 40;
		packet.p[0] = v4 ? 0x45 : 0x60;
		packet.p[v4 ? 8 : 7] = 64;
		memcpy(packet.p + (v4 ? 12 : 8), ends[0], v4 ? 4 : 16);
		memcpy(packet.p + (v4 ? 16 : 24), ends[1], v4 ? 4 : 16);
		eg_put16(packet.p + packet.head, 999);
		eg_put16(packet.p + packet.head + 4, 100);
		finish_ip(&packet, 100);
		frame->n = ETH + packet.n;
		put_eth(traffic, frame, port, packet.version);
	}
}

/* What is no ordinary ESP, and all that is behind it, is a batch of its own for the path with the
 * cache. Of a batch, all sequence numbers are checked before any of them moves the window, and all
 * endpoints move before anything is sealed. So that these make no difference, jumps of the sequence
 * number are in other bursts, and floating endpoints in other worlds. */
static bool may_jump(struct traffic *traffic)
{
	for (unsigned i = 0; i < PEERS; i++) {
		if (traffic->world->peer[i].present && traffic->world->peer[i].floats)
			return true;
	}
	return chance(traffic, 50);
}

static void encrypted_burst(struct traffic *traffic, struct burst *burst)
{
	struct esp_work work[BURST_MAX];
	enum odd_seal odd[BURST_MAX];
	unsigned of[BURST_MAX], n = 0;
	bool jumps = may_jump(traffic);

	for (unsigned i = 0; i < burst->n; i++) {
		struct frame *frame = &burst->frame[i];
		enum odd_seal how =
			chance(traffic, traffic->odd) ? 1 + pick(traffic, SEALS - 1) : SEAL_NOT;

		if (jumps ? how >= SEAL_FORMS
			  : how == SEAL_AHEAD || how == SEAL_BEHIND || how == SEAL_REPLAY)
			how = SEAL_NOT;
		if (how == SEAL_REPLAY && replay(traffic, frame, burst->port))
			continue;
		if ((!jumps && !pick(traffic, 300)) ||
		    !make_sealed(traffic, frame, burst->port, &work[n], &how)) {
			make_stray(traffic, frame, burst->port);
			continue;
		}
		odd[n] = how;
		of[n++] = i;
	}
	esp_seal(traffic->esp, work, n);
	for (unsigned k = 0; k < n; k++) {
		spoil_sealed(traffic, &burst->frame[of[k]], odd[k]);
		burst->frame[of[k]].aside = is_aside(&burst->frame[of[k]]);
		if (!pick(traffic, 40) && !burst->frame[of[k]].aside)
			remember(traffic, &burst->frame[of[k]], burst->port);
	}
}

void traffic_burst(struct traffic *traffic, struct burst *burst, unsigned port, unsigned most)
{
	unsigned n = pick(traffic, 100);

	traffic->burst += port == PORTS; /* what is received together is one burst */
	burst->port = n < 32 ? PODS : n < 50 ? LAN : n < 80 ? UP : UP2;
	if (port < PORTS)
		burst->port = port;
	if (port == PORTS && burst->port == UP2 && pick_peer(traffic, UP2) < 0)
		burst->port = UP;
	if (port == PORTS && burst->port == UP && pick_peer(traffic, UP) < 0)
		burst->port = PODS;
	burst->n = chance(traffic, 60)   ? 1 + pick(traffic, BURST_MAX)
		   : chance(traffic, 50) ? BURST_MAX
					 : 1 + pick(traffic, 4);
	if (burst->n > most)
		burst->n = most;
	if (burst->port >= UP) {
		encrypted_burst(traffic, burst);
		return;
	}
	for (unsigned i = 0; i < burst->n; i++) {
		burst->frame[i].aside = false;
		if (!pick(traffic, 60))
			make_stray(traffic, &burst->frame[i], burst->port);
		else
			make_plain(traffic, &burst->frame[i], burst->port);
	}
}
