/* Each drop reason, caused by a packet made for it, next to the most similar packet that must pass.
 */
#include "path/path_tests.h"

#include "common/hex.h"
#include "net/bytes.h"

/* 10.8.0.0/16 and fd00:8::/32 must not leave in clear, except 10.8.1.0/24 and fd00:8:1::/48; nor
 * 10.9.0.0/16, which has no route. */
static struct eg_lpm *encrypt_table(void)
{
	static const struct {
		const char *prefix;
		uint32_t must;
	} rows[] = {{"10.8.0.0/16", 1},
		    {"10.8.1.0/24", 0},
		    {"10.9.0.0/16", 1},
		    {"fd00:8::/32", 1},
		    {"fd00:8:1::/48", 0}};
	struct eg_lpm_entry entries[COUNT(rows)];

	for (size_t i = 0; i < COUNT(rows); i++) {
		entries[i].value = rows[i].must;
		eg_prefix_parse(rows[i].prefix, &entries[i].prefix);
	}
	return eg_lpm_build(entries, COUNT(rows), 0);
}

struct gw *open_crossing(void)
{
	struct gw *gw = gw_open((struct gw_spec){.site = 1});
	const struct eg_hop wire = {
		.kind = EG_HOP_PORT, .port = ENCRYPTED, .mac = {2, 0, 0, 0, 1, 1}};
	static const uint8_t material[] = "the second peer's key, 32 bytes!salt";
	struct eg_sa_spec spec = {
		.kind = EG_SA_KIND_OUT, .spi = 0x7001, .suite = eg_suite_find("aes128gcm16")};
	unsigned no_sa, no_hop, second;

	gw_route(gw, "10.3.0.0/16", wire);
	gw_route(gw, "10.4.0.0/16", (struct eg_hop){.kind = EG_HOP_NO_NEIGHBOR});
	no_sa = gw_peer(gw, "192.0.2.1", "192.0.2.5");
	gw_route(gw, "10.5.0.0/16", (struct eg_hop){.kind = EG_HOP_TUNNEL, .tunnel = no_sa});
	no_hop = gw_peer(gw, "192.0.2.1", "192.0.2.6");
	gw_tunnel(gw, no_hop)->hop.kind = EG_HOP_NO_NEIGHBOR;
	gw_route(gw, "10.6.0.0/16", (struct eg_hop){.kind = EG_HOP_TUNNEL, .tunnel = no_hop});
	second = gw_peer(gw, "192.0.2.1", "192.0.2.7");
	spec.local = gw_tunnel(gw, second)->local;
	spec.remote = gw_tunnel(gw, second)->remote;
	gw_sa(gw, second, &spec, material);
	gw_route(gw, "10.7.0.0/16", (struct eg_hop){.kind = EG_HOP_TUNNEL, .tunnel = second});
	gw_route(gw, "10.8.0.0/16",
		 (struct eg_hop){.kind = EG_HOP_PORT, .port = CLEAR, .mac = {2, 0, 0, 0, 1}});
	gw_route(gw, "fd00:8::/32",
		 (struct eg_hop){.kind = EG_HOP_PORT, .port = CLEAR, .mac = {2, 0, 0, 0, 1}});
	gw_ready(gw);
	gw->snap->world->encrypt = encrypt_table();
	return gw;
}

/* "12=86 13=dd": overwrite bytes of a frame, offsets from the Ethernet header. NULL: none. */
static void poke(struct frame *frame, const char *text)
{
	unsigned at, value;
	int used;

	for (; text && sscanf(text, " %u=%x%n", &at, &value, &used) == 2; text += used) {
		assert_true(at < frame->n && value < 256);
		frame->bytes[at] = (uint8_t)value;
	}
	assert_true(!text || !*text);
}

#define V6 .src = "fd00:1::5", .dst = "fd00:2::9"
#define TO(addr)                                                                                   \
	{                                                                                          \
		.src = "10.1.0.5", .dst = addr                                                     \
	}
#define TO6(addr)                                                                                  \
	{                                                                                          \
		.src = "fd00:1::5", .dst = addr                                                    \
	}

/* A frame of the flow with bytes overwritten, the IPv4 checksum fixed if the row says so, and bytes
 * cut off the end. */
enum {
	AS_IS,
	MEND,
};

/* clang-format off */
static const struct plain_case {
	const char *what;
	unsigned port;
	struct flow flow;
	const char *poke;
	int mend;
	uint16_t cut;
	enum eg_verdict want;
} plain_cases[] = {
	{"into the tunnel", CLEAR, {V4, .payload = 20}, NULL, 0, 0, EG_PASS},
	{"IPv6 into the tunnel", CLEAR, {V6, .payload = 20}, NULL, 0, 0, EG_PASS},
	{"from pod to pod", CLEAR, TO("10.1.0.6"), NULL, 0, 0, EG_PASS},
	{"from pod to the second peer", CLEAR, TO("10.7.0.6"), NULL, 0, 0, EG_PASS},
	/* The frame and its headers. */
	{"empty", CLEAR, {V4}, NULL, 0, 34, EG_DROP_SHORT_FRAME},
	{"13 bytes", CLEAR, {V4}, NULL, 0, 21, EG_DROP_SHORT_FRAME},
	{"Ethernet only", CLEAR, {V4}, NULL, 0, 20, EG_DROP_BAD_IP_LENGTH},
	{"another MAC", CLEAR, {V4}, "5=77", 0, 0, EG_DROP_NOT_OUR_MAC},
	{"IP unicast in a broadcast", CLEAR, {V4}, "0=ff", 0, 0, EG_DROP_NOT_OUR_MAC},
	{"ARP", CLEAR, {V4}, "13=06", 0, 0, EG_DROP_NOT_IP},
	{"type and version disagree", CLEAR, {V4}, "12=86 13=dd", 0, 0, EG_DROP_BAD_IP_HEADER},
	{"truncated", CLEAR, {V4, .payload = 20}, NULL, 0, 1, EG_DROP_BAD_IP_LENGTH},
	{"IPv6 truncated", CLEAR, {V6, .payload = 20}, NULL, 0, 1, EG_DROP_BAD_IP_LENGTH},
	{"header length 16", CLEAR, {V4}, "14=44", AS_IS, 0, EG_DROP_BAD_IP_HEADER},
	{"header checksum", CLEAR, {V4}, "18=77", AS_IS, 0, EG_DROP_BAD_IP_CHECKSUM},
	{"hop-by-hop of 64 bytes in 8", CLEAR, {V6, .payload = 8}, "20=00", 0, 0,
	 EG_DROP_BAD_IP6_EXTENSION},
	{"UDP of 7 bytes", CLEAR, {V4, .proto = 17, .payload = 7}, NULL, 0, 0, EG_DROP_SHORT_L4},
	{"UDP of 8 bytes", CLEAR, {V4, .proto = 17, .payload = 8}, NULL, 0, 0, EG_PASS},
	{"multicast", CLEAR, TO("224.0.0.5"), NULL, 0, 0, EG_DROP_MULTICAST},
	{"multicast in a group frame", CLEAR, TO("224.0.0.5"), "0=01", 0, 0, EG_DROP_MULTICAST},
	{"from 127/8", CLEAR, {.src = "127.0.0.1", .dst = "10.2.0.9"}, NULL, 0, 0,
	 EG_DROP_MARTIAN},
	{"to ::1", CLEAR, TO6("::1"), NULL, 0, 0, EG_DROP_MARTIAN},
	{"link-local", CLEAR, TO6("fe80::1"), NULL, 0, 0, EG_DROP_LINK_LOCAL},
	/* Plain packets where only ESP is allowed. */
	{"plain on ENCRYPTED", ENCRYPTED, {V4}, NULL, 0, 0, EG_DROP_PLAIN_ON_ENCRYPTED},
	{"plain from the peer's pods", ENCRYPTED, {.src = "10.2.0.9", .dst = "10.1.0.5"}, NULL, 0, 0,
	 EG_DROP_PLAIN_ON_ENCRYPTED},
	{"AH", ENCRYPTED, {.src = "192.0.2.2", .dst = "192.0.2.1", .proto = 51, .payload = 24},
	 NULL, 0, 0, EG_DROP_PLAIN_ON_ENCRYPTED},
	{"IP in IP", ENCRYPTED, {.src = "192.0.2.2", .dst = "192.0.2.1", .proto = 4, .payload = 40},
	 NULL, 0, 0, EG_DROP_PLAIN_ON_ENCRYPTED},
	/* Spoofed peers: plaintext is never accepted in place of ESP. */
	{"from the peer's pods", CLEAR, {.src = "10.2.0.9", .dst = "10.1.0.5", .payload = 8}, NULL, 0,
	 0, EG_DROP_PLAIN_FROM_PEER},
	{"first address of them", CLEAR, {.src = "10.2.0.0", .dst = "10.1.0.5"}, NULL, 0, 0,
	 EG_DROP_PLAIN_FROM_PEER},
	{"last address of them", CLEAR, {.src = "10.2.255.255", .dst = "10.1.0.5"}, NULL, 0, 0,
	 EG_DROP_PLAIN_FROM_PEER},
	{"IPv6 from the peer's pods", CLEAR, {.src = "fd00:2::9", .dst = "fd00:1::5"}, NULL, 0, 0,
	 EG_DROP_PLAIN_FROM_PEER},
	{"from the peer's pods to themselves", CLEAR, {.src = "10.2.0.9", .dst = "10.2.0.8"}, NULL, 0,
	 0, EG_DROP_PLAIN_FROM_PEER},
	{"from the second peer's pods to the first's", CLEAR, {.src = "10.7.0.9", .dst = "10.2.0.8"},
	 NULL, 0, 0, EG_DROP_PLAIN_FROM_PEER},
	{"from the pods of a peer that has no SA", CLEAR, {.src = "10.5.0.9", .dst = "10.1.0.5"}, NULL,
	 0, 0, EG_DROP_PLAIN_FROM_PEER},
	{"from the gateway itself", CLEAR, {.src = "192.0.2.1", .dst = "10.2.0.9"}, NULL, 0, 0,
	 EG_DROP_OWN_SOURCE},
	{"from the gateway to itself", CLEAR, {.src = "192.0.2.1", .dst = "192.0.2.1"}, NULL, 0, 0,
	 EG_DROP_OWN_SOURCE},
	{"from beside the peer's pods", CLEAR, {.src = "10.9.0.1", .dst = "10.1.0.5"}, NULL, 0, 0,
	 EG_DROP_SOURCE_CHECK},
	{"from behind ENCRYPTED", CLEAR, {.src = "10.3.0.1", .dst = "10.1.0.5"}, NULL, 0, 0,
	 EG_DROP_SOURCE_CHECK},
	{"from another network behind CLEAR", CLEAR, {.src = "10.8.0.1", .dst = "10.1.0.5"}, NULL, 0,
	 0, EG_PASS},
	{"IPv6 from nowhere", CLEAR, {.src = "fd00:9::5", .dst = "fd00:1::5"}, NULL, 0, 0,
	 EG_DROP_SOURCE_CHECK},
	/* Source routes. */
	{"loose source route", CLEAR, {V4, .payload = 20}, "14=46 34=83 35=04 36=04 37=00", MEND, 0,
	 EG_DROP_IP4_SOURCE_ROUTE},
	{"strict source route", CLEAR, {V4, .payload = 20}, "14=46 34=89 35=04 36=04 37=00", MEND, 0,
	 EG_DROP_IP4_SOURCE_ROUTE},
	{"router alert", CLEAR, {V4, .payload = 20}, "14=46 34=94 35=04 36=00 37=00", MEND, 0,
	 EG_PASS},
	{"routing header of type 0", CLEAR, {V6, .payload = 8},
	 "20=2b 54=3b 55=00 56=00 57=00 58=00 59=00 60=00 61=00", 0, 0, EG_DROP_IP6_ROUTING_0},
	{"routing header of type 4", CLEAR, {V6, .payload = 8},
	 "20=2b 54=3b 55=00 56=04 57=00 58=00 59=00 60=00 61=00", 0, 0, EG_PASS},
	/* encrypt */
	{"must be encrypted, and no tunnel takes it", CLEAR, TO("10.8.0.9"), NULL, 0, 0,
	 EG_DROP_MUST_ENCRYPT},
	{"at home inside it", CLEAR, TO("10.8.1.9"), NULL, 0, 0, EG_PASS},
	{"and no route leads there", CLEAR, TO("10.9.0.9"), NULL, 0, 0, EG_DROP_MUST_ENCRYPT},
	{"IPv6 must be encrypted", CLEAR, TO6("fd00:8:2::9"), NULL, 0, 0, EG_DROP_MUST_ENCRYPT},
	{"IPv6 at home inside it", CLEAR, TO6("fd00:8:1::9"), NULL, 0, 0, EG_PASS},
	/* Routes. */
	{"no route", CLEAR, TO("172.16.0.1"), NULL, 0, 0, EG_DROP_NO_ROUTE},
	{"IPv6 no route", CLEAR, TO6("fd00:99::1"), NULL, 0, 0, EG_DROP_NO_ROUTE},
	{"router unknown", CLEAR, TO("10.4.0.1"), NULL, 0, 0, EG_DROP_NO_NEIGHBOR},
	{"peer's router unknown", CLEAR, TO("10.6.0.1"), NULL, 0, 0, EG_DROP_NO_NEIGHBOR},
	{"peer without SA", CLEAR, TO("10.5.0.1"), NULL, 0, 0, EG_DROP_NO_OUT_SA},
	{"to the gateway", CLEAR, TO("192.0.2.1"), NULL, 0, 0, EG_DROP_TO_GATEWAY},
	{"plain out by ENCRYPTED", CLEAR, TO("10.3.0.1"), NULL, 0, 0, EG_DROP_PLAIN_TO_ENCRYPTED},
	{"TTL 0", CLEAR, {V4}, "22=00", MEND, 0, EG_DROP_TTL_EXPIRED},
	{"TTL 1", CLEAR, {V4, .ttl = 1}, NULL, 0, 0, EG_DROP_TTL_EXPIRED},
	{"TTL 2", CLEAR, {V4, .ttl = 2}, NULL, 0, 0, EG_PASS},
	{"hop limit 0", CLEAR, {V6}, "21=00", 0, 0, EG_DROP_TTL_EXPIRED},
	{"hop limit 1", CLEAR, {V6, .ttl = 1}, NULL, 0, 0, EG_DROP_TTL_EXPIRED},
	{"hop limit 2", CLEAR, {V6, .ttl = 2}, NULL, 0, 0, EG_PASS},
};
/* clang-format on */

static void test_plain(void **state)
{
	struct gw *gw = open_crossing();

	(void)state;
	for (size_t i = 0; i < COUNT(plain_cases); i++) {
		const struct plain_case *c = &plain_cases[i];
		struct frame frame = plain_frame(c->port, &c->flow);

		poke(&frame, c->poke);
		if (c->mend)
			fix_checksum(frame.bytes + 14);
		frame.n = (uint16_t)(frame.n - c->cut);
		gw_expect(gw, c->port, &frame, c->want, c->what);
	}
	gw_close(gw);
}

#define OUTER(from, to) .src = from, .dst = to
#define FROM(addr)                                                                                 \
	{                                                                                          \
		.src = addr, .dst = "10.1.0.5", .payload = 40                                      \
	}
#define IN(addr)                                                                                   \
	{                                                                                          \
		.src = "10.2.0.9", .dst = addr, .payload = 40                                      \
	}

/* clang-format off */
static const struct esp_case {
	const char *what;
	struct flow inner;   /* not set: from the peer's pod to ours, 60 bytes including the header */
	const char *trailer; /* padding, pad length, next header; not set: correct */
	uint16_t inner_cut;  /* bytes cut off the inner packet before it is sealed */
	uint8_t padding;     /* so many bytes of right padding; not set: as few as may be */
	uint16_t tfc;        /* zeros behind it (RFC 4303 s2.7) */
	const char *src, *dst;
	uint32_t spi;
	uint16_t esp_len;    /* cut the ESP packet to that, and the outer length with it */
	const char *poke;    /* behind the sealing; the outer checksum is mended */
	enum eg_verdict want;
} esp_cases[] = {
	{"right", .want = EG_PASS},
	/* sa_in */
	{"unknown SPI", .spi = 0x9999, .want = EG_DROP_ESP_UNKNOWN_SPI},
	{"SPI 0", .poke = "34=00 35=00 36=00 37=00", .want = EG_DROP_ESP_UNKNOWN_SPI},
	{"our outbound SPI", .spi = 0x1001, .want = EG_DROP_ESP_UNKNOWN_SPI},
	{"for another gateway", OUTER("192.0.2.2", "192.0.2.99"), .spi = 0x9999,
	 .want = EG_DROP_ESP_NOT_LOCAL},
	{"for another gateway, our SPI", OUTER("192.0.2.2", "192.0.2.99"),
	 .want = EG_DROP_ESP_WRONG_PEER},
	{"from a stranger", OUTER("192.0.2.3", "192.0.2.1"), .want = EG_DROP_ESP_WRONG_PEER},
	{"from another peer", OUTER("192.0.2.7", "192.0.2.1"), .want = EG_DROP_ESP_WRONG_PEER},
	{"IPv6 outside", OUTER("2001:db8::2", "2001:db8::1"), .want = EG_DROP_ESP_WRONG_PEER},
	{"IPv6 whose bytes begin alike", OUTER("c000:202::", "c000:201::"),
	 .want = EG_DROP_ESP_WRONG_PEER},
	{"first fragment", .poke = "20=20", .want = EG_DROP_REASSEMBLY_BAD}, /* of 100 bytes */
	{"first fragment from elsewhere", OUTER("192.0.2.9", "192.0.2.1"), .poke = "20=20",
	 .want = EG_DROP_ESP_FRAGMENT},
	{"later fragment from elsewhere", OUTER("192.0.2.9", "192.0.2.1"), .poke = "21=01",
	 .want = EG_DROP_ESP_FRAGMENT},
	{"7 bytes", .esp_len = 7, .want = EG_DROP_ESP_SHORT},
	{"no IV", .esp_len = 8, .want = EG_DROP_ESP_SHORT},
	{"no text", .esp_len = 32, .want = EG_DROP_ESP_SHORT},
	{"misaligned", .esp_len = 37, .want = EG_DROP_ESP_SHORT},
	{"shortest, but not sealed so", .esp_len = 36, .want = EG_DROP_ESP_AUTH},
	{"number 0", .poke = "38=00 39=00 40=00 41=00", .want = EG_DROP_ESP_REPLAY_SEEN},
	/* esp_in */
	{"forged ICV", .poke = "113=00 112=00 111=00", .want = EG_DROP_ESP_AUTH},
	{"padding of 2", .trailer = "0102 02 04", .want = EG_PASS},
	{"padding of 254", .padding = 254, .want = EG_PASS},
	{"padding begins wrong", .trailer = "0202 02 04", .want = EG_DROP_ESP_PADDING},
	{"padding counts from 0", .trailer = "0001 02 04", .want = EG_DROP_ESP_PADDING},
	{"padding of zeros", .trailer = "0000 02 04", .want = EG_DROP_ESP_PADDING},
	{"padding ends wrong", .trailer = "0103 02 04", .want = EG_DROP_ESP_PADDING},
	{"pad length behind the start", .trailer = "0102 ff 04", .want = EG_DROP_ESP_PADDING},
	{"pad length one too long", .trailer = "0102 3f 04", .want = EG_DROP_ESP_PADDING},
	{"pad length of all", .trailer = "0102 3e 04", .want = EG_DROP_ESP_PADDING},
	{"dummy", .trailer = "0102 02 3b", .want = EG_DROP_ESP_DUMMY},
	{"empty dummy", .inner_cut = 60, .trailer = "0102 02 3b", .want = EG_DROP_ESP_DUMMY},
	{"dummy with bad padding", .trailer = "0102 ff 3b", .want = EG_DROP_ESP_PADDING},
	{"transport mode UDP", .trailer = "0102 02 11", .want = EG_DROP_ESP_NEXT_HEADER},
	{"AGGFRAG (RFC 9347)", .trailer = "0102 02 90", .want = EG_DROP_ESP_NEXT_HEADER},
	{"says IPv6, is IPv4", .trailer = "0102 02 29", .want = EG_DROP_BAD_IP_HEADER},
	{"nothing inside", .inner_cut = 60, .trailer = "0102 02 04",
	 .want = EG_DROP_BAD_IP_HEADER},
	/* parse, inside */
	{"TFC padding", .tfc = 100, .want = EG_PASS},
	{"inner truncated", .inner_cut = 4, .want = EG_DROP_BAD_IP_LENGTH},
	{"inner header truncated", .inner_cut = 44, .want = EG_DROP_BAD_IP_LENGTH},
	{"inner UDP of 7", {.src = "10.2.0.9", .dst = "10.1.0.5", .proto = 17, .payload = 7},
	 .want = EG_DROP_SHORT_L4},
	{"inner multicast", IN("224.0.0.1"), .want = EG_DROP_MULTICAST},
	{"inner martian", FROM("127.0.0.1"), .want = EG_DROP_MARTIAN},
	/* verify */
	{"from a stranger's address", FROM("10.9.9.9"), .want = EG_DROP_INNER_SOURCE},
	{"from our own pods", FROM("10.1.0.7"), .want = EG_DROP_INNER_SOURCE},
	{"from the gateway", FROM("192.0.2.1"), .want = EG_DROP_INNER_SOURCE},
	{"from the peer's outer address", FROM("192.0.2.2"), .want = EG_DROP_INNER_SOURCE},
	{"from the second peer's pods", FROM("10.7.0.1"), .want = EG_DROP_INNER_SOURCE},
	{"IPv6 from a stranger", {.src = "fd00:9::1", .dst = "fd00:1::5"},
	 .want = EG_DROP_INNER_SOURCE},
	/* route and behind */
	{"IPv6 inside", {.src = "fd00:2::9", .dst = "fd00:1::5", .payload = 40}, .want = EG_PASS},
	{"no route", IN("172.16.0.1"), .want = EG_DROP_NO_ROUTE},
	{"to the gateway", IN("192.0.2.1"), .want = EG_DROP_TO_GATEWAY},
	{"router unknown", IN("10.4.0.1"), .want = EG_DROP_NO_NEIGHBOR},
	{"out by ENCRYPTED in clear", IN("10.3.0.1"), .want = EG_DROP_PLAIN_TO_ENCRYPTED},
	{"TTL 1", {.src = "10.2.0.9", .dst = "10.1.0.5", .ttl = 1}, .want = EG_DROP_TTL_EXPIRED},
	{"on into the second peer's tunnel", IN("10.7.0.1"), .want = EG_PASS},
	{"back into the same tunnel", IN("10.2.0.8"), .want = EG_PASS},
};
/* clang-format on */

/* The text to seal: the inner packet of the row, and its trailer. */
static size_t make_text(const struct esp_case *c, uint8_t *text)
{
	static const struct flow usual = {.src = "10.2.0.9", .dst = "10.1.0.5", .payload = 40};
	struct frame inner = {0};
	size_t n, padding;

	add_packet(&inner, c->inner.src ? &c->inner : &usual);
	n = inner.n - c->inner_cut;
	memcpy(text, inner.bytes, n);
	memset(text + n, 0, c->tfc);
	n += c->tfc;
	if (c->trailer)
		return n + hex_bytes(c->trailer, text + n, 8);
	padding = c->padding ? c->padding : -(n + 2) % 4;
	for (size_t i = 0; i < padding; i++)
		text[n++] = (uint8_t)(i + 1);
	text[n] = (uint8_t)padding;
	text[n + 1] = inner.bytes[0] >> 4 == 4 ? 4 : 41;
	return n + 2;
}

static struct frame make_esp(const struct esp_case *c, struct tunnel tunnel, uint64_t seq)
{
	uint8_t text[1024];
	size_t n = make_text(c, text);
	struct frame frame;

	if (c->src) {
		tunnel.src = c->src;
		tunnel.dst = c->dst;
	}
	if (c->spi)
		tunnel.spi = c->spi;
	frame = esp_frame(&tunnel, seq, text, n);
	poke(&frame, c->poke);
	if (c->esp_len) {
		frame.n = (uint16_t)(34 + c->esp_len);
		eg_put16(frame.bytes + 16, (uint16_t)(20 + c->esp_len));
	}
	fix_checksum(frame.bytes + 14);
	return frame;
}

static void test_esp(void **state)
{
	struct gw *gw = open_crossing();
	struct tunnel tunnel = tunnel_to(gw);

	(void)state;
	for (size_t i = 0; i < COUNT(esp_cases); i++) {
		struct frame frame = make_esp(&esp_cases[i], tunnel, i + 1);

		gw_expect(gw, ENCRYPTED, &frame, esp_cases[i].want, esp_cases[i].what);
	}
	gw_close(gw);
}

/* A pad length one byte too long, reaching over a text that counts 1, 2, 3 into the IV. */
static void test_padding_over_iv(void **state)
{
	struct gw *gw = open_crossing();
	struct tunnel tunnel = tunnel_to(gw);
	uint8_t text[64];
	struct frame frame;
	uint64_t seq = 1;

	(void)state;
	for (unsigned i = 0; i < 62; i++)
		text[i] = (uint8_t)(i + 2);
	text[62] = 63;
	text[63] = 4;
	do
		frame = esp_frame(&tunnel, seq++, text, sizeof(text));
	while (frame.bytes[34 + 15] != 1); /* the last byte of the IV */
	gw_expect(gw, ENCRYPTED, &frame, EG_DROP_ESP_PADDING, "padding over the IV");
	gw_close(gw);
}

/* Even if the route stage failed, tx checks again. */
static void test_encrypt_at_tx(void **state)
{
	const struct flow flows[] = {TO("10.8.0.9"), TO6("fd00:8:2::9")};
	const struct eg_hop out = {.kind = EG_HOP_PORT, .port = CLEAR, .mac = {2, 0, 0, 0, 1}};

	(void)state;
	for (unsigned i = 0; i < COUNT(flows); i++) {
		struct gw *gw = open_crossing();
		struct frame frame = plain_frame(CLEAR, &flows[i]);
		struct eg_path *path = gw->path[0];
		struct rte_mbuf *m = rte_pktmbuf_alloc(bench_pool());

		assert_non_null(m);
		memcpy(rte_pktmbuf_append(m, (uint16_t)(frame.n - 14)), frame.bytes + 14,
		       frame.n - 14u);
		eg_path_use(path, gw->snap);
		path->batch.n = 1;
		path->batch.n_removed = 0;
		path->batch.m[0] = m;
		path->batch.meta[0] = (struct eg_meta){.port = CLEAR, .hop = &out, .local = true};
		eg_tx(path);
		assert_int_equal(gw_discard(gw, CLEAR), 0);
		assert_int_equal(gw_drops(gw, EG_DROP_MUST_ENCRYPT), 1);
		/* For the balance: it was received here. */
		eg_count(&gw->stats[0]->port[CLEAR].rx_packets, 1);
		gw_close(gw);
	}
}

/* Ethernet pads to 60 bytes; padding is not part of the packet. */
static void test_link_padding(void **state)
{
	struct gw *gw = open_crossing();
	struct tunnel out = tunnel_from(gw), in = tunnel_to(gw);
	struct flow flow = {.src = "10.2.0.9", .dst = "10.1.0.5", .payload = 2};
	struct frame plain = plain_frame(CLEAR, &(struct flow){V4, .payload = 2});
	struct frame sealed = tunnel_frame(&in, 1, &flow), left;

	(void)state;
	memset(plain.bytes + plain.n, 0xee, 24);
	plain.n = (uint16_t)(plain.n + 24);
	gw_send(gw, CLEAR, &plain, 1);
	assert_int_equal(gw_sent(gw, ENCRYPTED, &left, 1), 1);
	assert_int_equal(open_frame(&out, &left, 1).n, 22);

	memset(sealed.bytes + sealed.n, 0xee, 24);
	sealed.n = (uint16_t)(sealed.n + 24);
	gw_send(gw, ENCRYPTED, &sealed, 1);
	assert_int_equal(gw_sent(gw, CLEAR, &left, 1), 1);
	assert_int_equal(left.n, 14 + 22);

	plain.n = 14 + 22 + 24; /* from pod to pod */
	memcpy(plain.bytes + 30, "\x0a\x01\x00\x06", 4);
	fix_checksum(plain.bytes + 14);
	gw_send(gw, CLEAR, &plain, 1);
	assert_int_equal(gw_sent(gw, CLEAR, &left, 1), 1);
	assert_int_equal(left.n, 14 + 22);
	gw_close(gw);
}

/* The daemon starts without a snapshot. */
static void test_no_snapshot(void **state)
{
	struct gw *gw = open_crossing();
	struct frame frame = plain_frame(CLEAR, &(struct flow){V4});

	(void)state;
	gw->closed_start = true;
	gw_expect(gw, CLEAR, &frame, EG_DROP_NO_SNAPSHOT, "before the first snapshot");
	gw->closed_start = false;
	gw_expect(gw, CLEAR, &frame, EG_PASS, "behind it");
	gw_close(gw);
}

static void test_promiscuous(void **state)
{
	struct gw *gw = open_crossing();
	struct frame frame = plain_frame(CLEAR, &(struct flow){V4});

	(void)state;
	gw->path[0]->port[CLEAR].promiscuous = true;
	poke(&frame, "5=77");
	gw_expect(gw, CLEAR, &frame, EG_PASS, "another MAC, promiscuous");
	poke(&frame, "0=ff");
	gw_expect(gw, CLEAR, &frame, EG_DROP_NOT_OUR_MAC, "broadcast, promiscuous");
	gw_close(gw);
}

int run_drop_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),           cmocka_unit_test(test_esp),
		cmocka_unit_test(test_padding_over_iv), cmocka_unit_test(test_link_padding),
		cmocka_unit_test(test_encrypt_at_tx),   cmocka_unit_test(test_no_snapshot),
		cmocka_unit_test(test_promiscuous),
	};

	return cmocka_run_group_tests_name("path drops", tests, NULL, NULL);
}
