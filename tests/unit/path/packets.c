#include "path/packets.h"

#include "common/peer.h"
#include "net/bytes.h"

#define ETH 14

const uint8_t *site_material(unsigned from)
{
	static uint8_t keys[2][EG_SUITE_KEY_MAX];

	for (unsigned i = 0; i < EG_SUITE_KEY_MAX; i++)
		keys[from - 1][i] = (uint8_t)(from * 100 + i * 7);
	return keys[from - 1];
}

uint32_t site_spi(unsigned from)
{
	return 0x1001 * from;
}

static struct tunnel tunnel(const struct gw *gw, unsigned from)
{
	bool v6 = gw->spec.outer == 6;
	const char *one = v6 ? "2001:db8::1" : "192.0.2.1", *two = v6 ? "2001:db8::2" : "192.0.2.2";

	return (struct tunnel){
		.src = from == 1 ? one : two,
		.dst = from == 1 ? two : one,
		.spi = site_spi(from),
		.suite = gw->spec.suite,
		.material = site_material(from),
		.esn = gw->spec.esn,
		.sport = gw->spec.encap ? 4500 : 0,
	};
}

struct tunnel tunnel_to(const struct gw *gw)
{
	return tunnel(gw, 3 - gw->spec.site);
}

struct tunnel tunnel_from(const struct gw *gw)
{
	return tunnel(gw, gw->spec.site);
}

uint16_t naive_checksum(const uint8_t *p, size_t n)
{
	unsigned sum = 0;

	for (size_t i = 0; i < n; i++) {
		sum += i % 2 ? p[i] : (unsigned)p[i] << 8;
		sum = sum > 0xffff ? sum - 0xffff : sum;
	}
	return (uint16_t)(0xffff - sum);
}

void fix_checksum(uint8_t *p)
{
	if (p[0] >> 4 != 4)
		return;
	eg_put16(p + 10, 0);
	eg_put16(p + 10, naive_checksum(p, (p[0] & 15u) * 4));
}

/* An IP header for n bytes of payload; returns its length. */
static size_t write_header(uint8_t *p, const char *src, const char *dst, const struct flow *flow,
			   size_t n)
{
	struct eg_ip from, to;

	assert_int_equal(eg_ip_parse(src, &from), 0);
	assert_int_equal(eg_ip_parse(dst, &to), 0);
	assert_int_equal(from.family, to.family);
	memset(p, 0, 40);
	if (from.family == 4) {
		p[0] = 0x45;
		p[1] = flow->tos;
		eg_put16(p + 2, (uint16_t)(20 + n));
		eg_put16(p + 4, (uint16_t)flow->seed);
		eg_put16(p + 6, flow->df ? 0x4000 : 0);
		p[8] = flow->ttl;
		p[9] = flow->proto;
		memcpy(p + 12, from.bytes, 4);
		memcpy(p + 16, to.bytes, 4);
		fix_checksum(p);
		return 20;
	}
	eg_put32(p, 6u << 28 | (uint32_t)flow->tos << 20 | (flow->seed & 0xfffff));
	eg_put16(p + 4, (uint16_t)n);
	p[6] = flow->proto;
	p[7] = flow->ttl;
	memcpy(p + 8, from.bytes, 16);
	memcpy(p + 24, to.bytes, 16);
	return 40;
}

void add_packet(struct frame *frame, const struct flow *flow)
{
	struct flow full = *flow;
	uint8_t *p = frame->bytes + frame->n;
	size_t header;

	full.ttl = flow->ttl ? flow->ttl : 64;
	full.proto = flow->proto ? flow->proto : 253;
	assert_true(frame->n + 40u + flow->payload <= FRAME_MAX);
	header = write_header(p, flow->src, flow->dst, &full, flow->payload);
	for (unsigned i = 0; i < flow->payload; i++)
		p[header + i] = (uint8_t)(flow->seed * 31 + i * 7 + i / 251);
	frame->n = (uint16_t)(frame->n + header + flow->payload);
}

void start_frame(struct frame *frame, unsigned port, unsigned version)
{
	const uint8_t eth[ETH] = {2, 0, 0, 0, 0, (uint8_t)port, 2, 0, 0, 0, 1, (uint8_t)port};

	memcpy(frame->bytes, eth, sizeof(eth));
	eg_put16(frame->bytes + 12, version == 4 ? 0x0800 : 0x86dd);
	frame->n = ETH;
}

struct frame plain_frame(unsigned port, const struct flow *flow)
{
	struct frame frame;

	start_frame(&frame, port, strchr(flow->src, ':') ? 6 : 4);
	add_packet(&frame, flow);
	return frame;
}

/* The peer's op for an ESP packet. aad is the caller's memory: after the at most 12 authenticated
 * bytes it holds an implicit IV (RFC 8750 s4). */
static struct eg_crypto_op op_of(const struct tunnel *t, uint8_t *esp, uint64_t seq,
				 uint32_t text_len, uint8_t aad[20])
{
	uint8_t *text = esp + 8 + t->suite->iv_bytes;

	eg_put64(aad + 12, t->esn ? seq : (uint32_t)seq);
	eg_put32(aad, t->spi);
	if (t->esn)
		eg_put64(aad + 4, seq);
	else
		eg_put32(aad + 4, (uint32_t)seq);
	return (struct eg_crypto_op){
		.text = text,
		.aad = aad,
		.iv = t->suite->iv == EG_IV_SEQ ? aad + 12 : esp + 8,
		.icv = text + text_len,
		.text_len = text_len,
		.aad_len = t->esn ? 12 : 8,
	};
}

struct frame esp_frame(const struct tunnel *t, uint64_t seq, const uint8_t *text, size_t n)
{
	size_t iv_bytes = t->suite->iv_bytes, esp_len = 8 + iv_bytes + n + t->suite->icv_bytes;
	size_t udp_len = t->sport ? 8 : 0;
	struct flow outer = {.tos = t->tos, .ttl = 64, .proto = t->sport ? 17 : 50, .df = true};
	bool v6 = strchr(t->src, ':');
	struct eg_crypto_op op;
	struct frame frame;
	uint8_t *esp, aad[20];

	start_frame(&frame, ENCRYPTED, v6 ? 6 : 4);
	esp = frame.bytes + ETH +
	      write_header(frame.bytes + ETH, t->src, t->dst, &outer, udp_len + esp_len);
	if (udp_len) {
		eg_put16(esp, t->sport);
		eg_put16(esp + 2, 4500);
		eg_put16(esp + 4, (uint16_t)(8 + esp_len));
		eg_put16(esp + 6, 0);
		esp += udp_len;
	}
	assert_true(esp + esp_len <= frame.bytes + FRAME_MAX);
	eg_put32(esp, t->spi);
	eg_put32(esp + 4, (uint32_t)seq);
	for (size_t i = 0; i < iv_bytes; i++)
		esp[8 + i] = (uint8_t)(seq * 1000003 >>
				       (iv_bytes - 1 - i) % 8 * 8); /* any unique number */
	op = op_of(t, esp, seq, (uint32_t)n, aad);
	memcpy(op.text, text, n);
	peer_seal(t->suite, t->material, &op);
	frame.n = (uint16_t)((size_t)(esp - frame.bytes) + esp_len);
	return frame;
}

struct frame tunnel_packet(const struct tunnel *t, uint64_t seq, const uint8_t *packet, size_t n)
{
	uint8_t text[FRAME_MAX];
	uint8_t padding = 0;

	memcpy(text, packet, n);
	while ((n + padding + 2) % t->suite->align_bytes) {
		text[n + padding] = (uint8_t)(padding + 1);
		padding++;
	}
	text[n + padding] = padding;
	text[n + padding + 1] = packet[0] >> 4 == 4 ? 4 : 41;
	return esp_frame(t, seq, text, n + padding + 2);
}

struct frame tunnel_frame(const struct tunnel *t, uint64_t seq, const struct flow *flow)
{
	struct frame inner = {0};

	add_packet(&inner, flow);
	return tunnel_packet(t, seq, inner.bytes, inner.n);
}

const uint8_t *frame_packet(const struct frame *frame, size_t *n)
{
	assert_true(frame->n > ETH);
	assert_int_equal(eg_get16(frame->bytes + 12),
			 frame->bytes[ETH] >> 4 == 4 ? 0x0800 : 0x86dd);
	*n = frame->n - ETH;
	return frame->bytes + ETH;
}

/* RFC 3948 s2.1; over IPv6 the checksum is there (RFC 8200 s8.1). */
static void check_udp(const struct tunnel *t, const uint8_t *udp, size_t n, const uint8_t *ip6)
{
	static uint8_t pseudo[FRAME_MAX + 40];

	assert_int_equal(eg_get16(udp), t->sport);
	assert_int_equal(eg_get16(udp + 2), 4500);
	assert_int_equal(eg_get16(udp + 4), n);
	if (!ip6) {
		assert_int_equal(eg_get16(udp + 6), 0);
		return;
	}
	assert_int_not_equal(eg_get16(udp + 6), 0);
	memcpy(pseudo, ip6 + 8, 32);
	eg_put32(pseudo + 32, (uint32_t)n);
	eg_put32(pseudo + 36, 17);
	memcpy(pseudo + 40, udp, n);
	assert_int_equal(naive_checksum(pseudo, 40 + n), 0);
}

static void check_outer(const struct tunnel *t, const uint8_t *p, size_t n)
{
	uint8_t want[40];
	struct flow outer = {.tos = get_tos(p), .ttl = 64, .proto = t->sport ? 17 : 50};
	size_t header = p[0] >> 4 == 4 ? 20 : 40;

	if (header == 20) { /* identification and DF: checked by the tests */
		outer.seed = eg_get16(p + 4);
		outer.df = p[6] & 0x40;
	}
	write_header(want, t->src, t->dst, &outer, n - header);
	assert_memory_equal(p, want, header);
	if (t->sport)
		check_udp(t, p + header, n - header, header == 40 ? p : NULL);
}

struct frame open_frame(const struct tunnel *t, const struct frame *frame, uint64_t seq)
{
	size_t n, around = 8u + t->suite->iv_bytes + t->suite->icv_bytes, text_len, padding;
	struct frame copy = *frame, inner = {0};
	const uint8_t *p = frame_packet(frame, &n);
	uint8_t *esp = copy.bytes + ETH + (p[0] >> 4 == 4 ? 20 : 40) + (t->sport ? 8 : 0), aad[20];
	struct eg_crypto_op op;

	check_outer(t, p, n);
	text_len = frame->n - (size_t)(esp - copy.bytes) - around;
	assert_true(text_len >= 2 && text_len < FRAME_MAX);
	assert_int_equal(text_len % t->suite->align_bytes, 0);
	assert_int_equal(eg_get32(esp), t->spi);
	assert_int_equal(eg_get32(esp + 4), (uint32_t)seq);
	op = op_of(t, esp, seq, (uint32_t)text_len, aad);
	assert_true(peer_open(t->suite, t->material, &op));

	padding = op.text[text_len - 2];
	assert_true(padding < t->suite->align_bytes); /* no more than RFC 4303 s2.4 requires */
	assert_int_equal(op.text[text_len - 1], op.text[0] >> 4 == 4 ? 4 : 41);
	inner.n = (uint16_t)(text_len - 2 - padding);
	memcpy(inner.bytes, op.text, inner.n);
	for (size_t i = 0; i < padding; i++)
		assert_int_equal(op.text[inner.n + i], i + 1);
	return inner;
}

void age(uint8_t *packet, unsigned hops)
{
	uint8_t *ttl = packet + (packet[0] >> 4 == 4 ? 8 : 7);

	*ttl = (uint8_t)(*ttl - hops);
	fix_checksum(packet);
}

void set_tos(uint8_t *packet, uint8_t tos)
{
	if (packet[0] >> 4 == 4)
		packet[1] = tos;
	else
		eg_put32(packet, (eg_get32(packet) & 0xf00fffff) | (uint32_t)tos << 20);
	fix_checksum(packet);
}

uint8_t get_tos(const uint8_t *packet)
{
	return packet[0] >> 4 == 4 ? packet[1] : (uint8_t)(eg_get32(packet) >> 20);
}
