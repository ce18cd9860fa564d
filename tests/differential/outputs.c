#include "outputs.h"

#include "base/hash.h"
#include "net/bytes.h"
#include "require.h"

#define ETH   14
#define ARENA (RECORDS_MAX * 2048u)

void outputs_init(struct outputs *outputs)
{
	memset(outputs, 0, sizeof(*outputs));
	outputs->arena = malloc(ARENA + 65536);
	require(outputs->arena, "memory");
}

void outputs_free(struct outputs *outputs)
{
	free(outputs->arena);
}

static uint64_t mix(uint64_t hash, const uint8_t *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		hash = (hash ^ p[i]) * 0x100000001b3ull;
	return hash;
}

/* Packets of a TCP or UDP connection, without those that the forwarding cache never takes: these
 * may be overtaken by the rest of their burst. */
static uint64_t flow_of(const uint8_t *p, unsigned n)
{
	bool v4 = n >= 20 && p[0] >> 4 == 4, special;
	unsigned head = v4 ? (p[0] & 15u) * 4 : 40;
	uint64_t hash = 0xcbf29ce484222325ull;
	uint8_t proto;

	if (n < 20 || (!v4 && n < 40))
		return 1;
	proto = p[v4 ? 9 : 6];
	hash = mix(hash, p + (v4 ? 12 : 8), v4 ? 8 : 32);
	hash = mix(hash, &proto, 1);
	special = v4 && (head > 20 || (eg_get16(p + 6) & 0x3fff));
	if (special)
		return mix(hash, p + 4, 2) | 1;
	if ((proto == 6 && n >= head + 14) || (proto == 17 && n >= head + 8)) {
		hash = mix(hash, p + head, 4);
		special = proto == 6 && (p[head + 13] & 7); /* FIN, SYN, RST */
	} else {
		if (proto == 1 || proto == 58) /* errors about different packets are no flow */
			hash = mix(hash, p + head, n - head < 80 ? n - head : 80);
		special = true;
	}
	return (hash & ~1ull) | special;
}

/* Where ESP begins behind the outer header at p, or 0. *udp: behind UDP's. */
static unsigned find_esp(const uint8_t *p, unsigned n, bool *udp)
{
	bool v4 = p[0] >> 4 == 4;
	unsigned head = v4 ? (p[0] & 15u) * 4 : 40;
	uint8_t proto = p[v4 ? 9 : 6];

	*udp = false;
	while (!v4 && (proto == 0 || proto == 43 || proto == 60) && n > head + 8) {
		proto = p[head];
		head += 8 + p[head + 1] * 8u;
	}
	if (proto == 17 && n > head + 16 && eg_get32(p + head + 8) &&
	    (eg_get16(p + head) == 4500 || eg_get16(p + head) >= 49152)) {
		*udp = true;
		return head + 8;
	}
	return proto == 50 && n > head + 8 ? head : 0;
}

static void check_ip_checksum(const uint8_t *p)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < (p[0] & 15u) * 4; i += 2)
		sum += eg_get16(p + i);
	sum = (sum & 0xffff) + (sum >> 16);
	require(sum == 0xffff || sum + (sum >> 16) == 0xffff, "an outer IPv4 checksum");
}

/* Over IPv6 it is right (RFC 6935 s5), and over IPv4 zero. */
static void check_udp_checksum(const uint8_t *p, unsigned n)
{
	uint64_t sum = 17 + (n - 40);

	for (unsigned i = 8; i < n; i++)
		sum += i % 2 ? p[i] : (unsigned)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	require(sum == 0xffff, "a UDP checksum over IPv6");
}

static void add_sealed(struct outputs *outputs, struct record *record, struct esp_end *esp)
{
	uint8_t *p = record->bytes + ETH;
	unsigned n = record->n - ETH, at;
	bool udp;

	at = find_esp(p, n, &udp);
	if (!at)
		return;
	if (p[0] >> 4 == 4) {
		require(!udp || !eg_get16(p + at - 2), "UDP's checksum over IPv4 is zero");
		if (!record->fragmented)
			check_ip_checksum(p);
		eg_put16(p + 4, 0);
		eg_put16(p + 10, 0);
	} else if (udp) {
		check_udp_checksum(p, n);
		eg_put16(p + at - 2, 0);
	}
	require(esp_unwrap(esp, p + at, n - at, &outputs->work[outputs->n_sealed]),
		"a sealed packet is one of an SA that is known");
	outputs->of[outputs->n_sealed++] = record;
	record->sealed = true;
}

/* A piece of a packet that was fragmented after sealing is put behind those before it. False: it is
 * the first one, or they left before: waiting for a neighbour separates them. */
static bool join_piece(struct outputs *outputs, unsigned port, const uint8_t *frame, unsigned n,
		       bool *last)
{
	const uint8_t *p = frame + ETH;
	struct record *record = outputs->n ? &outputs->record[outputs->n - 1] : NULL;
	unsigned skip = p[0] >> 4 == 4 ? 20 : 48, offset, more;

	if (p[0] >> 4 == 4) {
		offset = (eg_get16(p + 6) & 0x1fffu) * 8;
		more = eg_get16(p + 6) & 0x2000;
	} else {
		offset = eg_get16(p + 42) & 0xfff8u;
		more = p[43] & 1;
	}
	*last = !more;
	if (!offset || !record || !record->fragmented || record->port != port || record->sealed ||
	    record->n != ETH + skip - (skip == 48 ? 8 : 0) + offset)
		return false;
	memcpy(record->bytes + record->n, p + skip, n - ETH - skip);
	record->n += n - ETH - skip;
	outputs->used += n - ETH - skip;
	record->sizes = eg_hash_u64(record->sizes ^ n);
	return true;
}

static bool is_outer_fragment(const uint8_t *frame, unsigned n)
{
	if (eg_get16(frame + 12) == 0x0800)
		return n >= 34 && (frame[ETH] & 15) == 5 &&
		       (frame[ETH + 9] == 50 || frame[ETH + 9] == 17) &&
		       (eg_get16(frame + ETH + 6) & 0x3fff);
	return eg_get16(frame + 12) == 0x86dd && n >= 62 && frame[ETH + 6] == 44;
}

/* The first piece of several: as if it were a whole packet. */
static void start_pieces(struct record *record)
{
	uint8_t *p = record->bytes + ETH;

	record->fragmented = true;
	record->sizes = record->n;
	if (p[0] >> 4 == 4) {
		eg_put16(p + 2, 0);
		eg_put16(p + 6, eg_get16(p + 6) & 0x4000);
		return;
	}
	p[6] = p[40];
	eg_put16(p + 4, 0);
	memmove(p + 40, p + 48, record->n - ETH - 48);
	record->n -= 8;
}

static int quote(struct outputs *outputs, const uint8_t *frame)
{
	struct frame *quoted = &outputs->quotes[outputs->n_quotes];

	if (outputs->n_quotes == QUOTES)
		return -1;
	quoted->n = 200;
	memcpy(quoted->bytes, frame, quoted->n);
	return (int)outputs->n_quotes++;
}

static void add(struct outputs *outputs, unsigned port, const struct rte_mbuf *m,
		struct esp_end *esp)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	bool piece = port >= UP && is_outer_fragment(frame, m->data_len), last = false;
	struct record *record;

	require(m->nb_segs == 1 && m->data_len == m->pkt_len, "one segment");
	require(outputs->used + m->data_len + 64 <= ARENA && outputs->n < RECORDS_MAX,
		"room for what was sent");
	if (piece && join_piece(outputs, port, frame, m->data_len, &last)) {
		if (last)
			add_sealed(outputs, &outputs->record[outputs->n - 1], esp);
		return;
	}
	record = &outputs->record[outputs->n];
	*record = (struct record){.order = outputs->n++,
				  .n = m->data_len,
				  .quote = -1,
				  .port = (uint8_t)port,
				  .bytes = outputs->arena + outputs->used};
	memcpy(record->bytes, frame, m->data_len);
	outputs->used += m->data_len;
	if (piece) {
		start_pieces(record);
	} else if (port >= UP && eg_get16(frame + 12) != 0x0806) {
		add_sealed(outputs, record, esp);
		if (record->sealed && record->n > 1000)
			record->quote = quote(outputs, frame);
	}
}

/* Of a packet that left in part, all that is encrypted and the identification differ. */
static void forget_piece(struct record *record)
{
	uint8_t *p = record->bytes + ETH;
	unsigned head = p[0] >> 4 == 4 ? 20 : 40;

	if (head == 20) {
		eg_put16(p + 4, 0);
		eg_put16(p + 10, 0);
	}
	memset(p + head, 0, record->n - ETH - head);
	record->flow = record->n | 1;
}

/* Sequence number, IV and ICV differ; the flow is the inner packet's. */
static void forget_numbers(struct record *record, const struct esp_work *work)
{
	uint8_t *text = work->op.text;
	uint8_t *esp = record->bytes + ETH;
	unsigned at;
	bool udp;

	at = find_esp(esp, record->n - ETH, &udp);
	esp += at;
	memset(esp + 4, 0, (size_t)(text - esp) - 4);
	memset(work->op.icv, 0, (size_t)(record->bytes + record->n - work->op.icv));
	record->flow = flow_of(text, work->op.text_len);
	if (record->fragmented)
		record->flow |= 1;
}

/* Without reports of unknown pods: which one is first with an address depends on the order. */
static void take_drops(struct outputs *outputs, struct gateway *gateway)
{
	for (unsigned w = 0; w < gateway->workers; w++) {
		struct eg_drop_ring *ring = &gateway->stats[w].dropped;

		outputs->drops_lost |= ring->head - ring->tail >= EG_DROP_RING;

		while (outputs->n_drops < DROPS_MAX &&
		       eg_drop_ring_take(ring, &outputs->drop[outputs->n_drops]))
			outputs->n_drops += !outputs->drop[outputs->n_drops].unknown.family;
	}
}

void outputs_collect(struct outputs *outputs, struct gateway *gateway, struct esp_end *esp)
{
	struct rte_mbuf *m;
	unsigned port;

	outputs->n = outputs->n_drops = outputs->n_sealed = 0;
	outputs->used = 0;
	outputs->n_quotes = 0;
	outputs->drops_lost = false;
	for (unsigned device = 0; device < PORTS; device++) {
		while (port = device, (m = gateway_sent(gateway, &port))) {
			add(outputs, port, m, esp);
			rte_pktmbuf_free(m);
		}
	}
	require(esp_open(esp, outputs->work, outputs->n_sealed),
		"every sealed packet is authentic");
	for (unsigned i = 0; i < outputs->n; i++) {
		struct record *record = &outputs->record[i];

		if (record->fragmented && !record->sealed)
			forget_piece(record);
		else if (!record->sealed)
			record->flow = flow_of(record->bytes + ETH, record->n - ETH);
	}
	for (unsigned i = 0; i < outputs->n_sealed; i++)
		forget_numbers(outputs->of[i], &outputs->work[i]);
	take_drops(outputs, gateway);
}

static int by_flow(const void *a, const void *b)
{
	const struct record *ra = a, *rb = b;

	if (ra->port != rb->port)
		return ra->port < rb->port ? -1 : 1;
	if (ra->flow != rb->flow)
		return ra->flow < rb->flow ? -1 : 1;
	return ra->order < rb->order ? -1 : ra->order > rb->order;
}

/* Everything but the time, and the sequence number that was given to the packet. */
static void drop_text(const struct eg_drop_record *drop, char text[256])
{
	char src[EG_IP_TEXT] = "-", dst[EG_IP_TEXT] = "-", neighbor[EG_IP_TEXT] = "-";
	bool inbound = drop->reason < EG_DROP_NO_OUT_SA;

	if (drop->src.family)
		eg_ip_print(&drop->src, src);
	if (drop->dst.family)
		eg_ip_print(&drop->dst, dst);
	if (drop->neighbor.family)
		eg_ip_print(&drop->neighbor, neighbor);
	snprintf(text, 256, "%s port %u bytes %u %s %s proto %u %u %u spi %x seq %x%s %s",
		 eg_drop_name(drop->reason), drop->port, drop->bytes, src, dst, drop->proto,
		 drop->sport, drop->dport, drop->spi, inbound ? drop->seq : 0,
		 drop->audited ? " audited" : "", neighbor);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static bool drops_equal(const struct outputs *a, const struct outputs *b)
{
	static char text[2][DROPS_MAX][256];
	const struct outputs *of[2] = {a, b};
	bool equal = true;

	/* A full ring loses samples: then the counters, which are compared too, must do. */
	if (a->drops_lost || b->drops_lost)
		return true;
	for (unsigned g = 0; g < 2; g++) {
		for (unsigned i = 0; i < of[g]->n_drops; i++)
			drop_text(&of[g]->drop[i], text[g][i]);
		qsort(text[g], of[g]->n_drops, sizeof(text[g][0]), by_text);
	}
	for (unsigned i = 0, k = 0; i < a->n_drops || k < b->n_drops;) {
		int order = i == a->n_drops   ? 1
			    : k == b->n_drops ? -1
					      : strcmp(text[0][i], text[1][k]);

		equal &= !order;
		if (order < 0)
			printf("dropped by the full path:   %s\n", text[0][i]);
		else if (order > 0)
			printf("dropped by the cached path: %s\n", text[1][k]);
		i += order <= 0;
		k += order >= 0;
	}
	return equal;
}

static void print_record(const char *what, const struct record *record)
{
	printf("  %s port %u%s%s, %u bytes:", what, record->port, record->sealed ? ", sealed" : "",
	       record->fragmented ? ", fragmented" : "", record->n);
	for (unsigned i = 0; i < record->n && i < 160; i++)
		printf("%s%02x", i % 4 ? "" : " ", record->bytes[i]);
	printf("\n");
}

static bool same(const struct record *a, const struct record *b)
{
	return a->port == b->port && a->flow == b->flow && a->n == b->n && a->sealed == b->sealed &&
	       a->sizes == b->sizes && !memcmp(a->bytes, b->bytes, a->n);
}

/* Without one, that of an earlier burst stays. */
static void choose_quote(struct outputs *a, struct outputs *b, unsigned i)
{
	const struct record *ra = &a->record[i], *rb = &b->record[i];

	if (ra->quote < 0 || rb->quote < 0)
		return;
	a->quoted = a->quotes[ra->quote];
	b->quoted = b->quotes[rb->quote];
	a->quoted_port = ra->port;
}

bool outputs_equal(struct outputs *a, struct outputs *b)
{
	qsort(a->record, a->n, sizeof(a->record[0]), by_flow);
	qsort(b->record, b->n, sizeof(b->record[0]), by_flow);
	for (unsigned i = 0; i < a->n || i < b->n; i++) {
		if (i < a->n && i < b->n && same(&a->record[i], &b->record[i])) {
			choose_quote(a, b, i);
			continue;
		}
		printf("frames differ (%u of %u and %u):\n", i, a->n, b->n);
		if (i < a->n)
			print_record("full:  ", &a->record[i]);
		if (i < b->n)
			print_record("cached:", &b->record[i]);
		drops_equal(a, b);
		return false;
	}
	return drops_equal(a, b);
}
