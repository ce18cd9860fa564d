/* Any bytes come in on the encrypted port, through the real stages to the end.
 *
 * A fuzzer cannot make an ICV, so the first byte of an input says how the rest is used: as a whole
 * frame; as the text that the peer seals, behind its outer TOS and sequence number; as such a frame
 * with one byte spoiled behind the sealing; or as one that comes in pieces, with lengths that may
 * be lies. It meets one of two gateways: one whose peer sends bare ESP, or one whose peer sends ESP
 * in UDP and floats; both complete partial checksums. Whatever comes, the packet leaves by the
 * clear port or is dropped by one name, every buffer comes back, and no byte behind the frame is
 * touched (ASan). Seeds: make_seeds.py. */
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>

#include <rte_ethdev.h>

#include "net/bytes.h"
#include "path/packets.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct gw *gws[2], *gw;

static void require(int truth)
{
	if (!truth)
		abort();
}

/* Both without their outbound SAs: esp_out writes behind a packet, where ASan keeps watch here. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	/* Made once for the program's life, and held from secret memory, which is mapped: no leak
	 * checker looks for pointers there. */
	__lsan_disable();
	bench_open();
	for (unsigned i = 0; i < 2; i++) {
		struct eg_tunnel *peer;

		gw = gws[i] = gw_open((struct gw_spec){.site = 1 + i, .window = 1024, .encap = i});
		peer = gw_tunnel(gw, 0);
		if (i) {
			peer->floats = true;
			peer->endpoint = eg_endpoint_new(&peer->remote, peer->peer_port);
			require(peer->endpoint != NULL);
		}
		gw_ready(gw);
		require(!eg_tunnel_remove_sa(&gw->tunnels, 0, gw_sa_out(gw)));
		gw->path[0]->sample_cycles = 1;
		gw->path[0]->port[ENCRYPTED].partial = true;
	}
	__lsan_enable();
	return 0;
}

static struct frame sealed(const uint8_t *data, size_t size)
{
	struct tunnel tunnel = tunnel_to(gw);

	tunnel.tos = data[0];
	return esp_frame(&tunnel, eg_get16(data + 1), data + 3, size - 3);
}

/* Overwrite one place: where, with what, then the text. */
static struct frame spoiled(const uint8_t *data, size_t size)
{
	struct frame frame = sealed(data + 3, size - 3);
	unsigned at = eg_get16(data) % frame.n;

	frame.bytes[at] ^= data[2];
	fix_checksum(frame.bytes + 14);
	return frame;
}

static struct frame raw(const uint8_t *data, size_t size)
{
	struct frame frame = {.n = (uint16_t)size};

	memcpy(frame.bytes, data, size);
	return frame;
}

/* A sealed frame in up to eight pieces; each byte of the text's first ones says where one ends, and
 * the last three what the driver says wrongly of number, length and a piece. */
static void receive_pieces(const uint8_t *data, size_t size)
{
	struct frame frame = sealed(data + 11, size - 11);
	struct rte_mbuf *head = NULL, **at = &head;
	unsigned done = 0;

	for (unsigned i = 0; i < 8; i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(bench_pool());
		unsigned n = i == 7 ? frame.n - done : RTE_MIN(data[i], frame.n - done);

		memcpy(rte_pktmbuf_append(m, (uint16_t)n), frame.bytes + done, n);
		done += n;
		*at = m;
		at = &m->next;
	}
	head->nb_segs = (uint16_t)(8 + (int8_t)(data[8] & 1 ? data[8] : 0));
	head->pkt_len = (uint32_t)(frame.n + (int8_t)(data[9] & 1 ? data[9] : 0));
	if (data[10] & 1)
		head->next->data_len = (uint16_t)(data[10] << 8);
	if (head->nb_segs < 2) /* one piece is not looked at twice */
		head->nb_segs = 2;
	gw_send_mbuf(gw, ENCRYPTED, head);
}

/* Receive one mbuf that ends where its frame ends, for ASan: nothing inbound needs room behind it.
 */
static void receive(const struct frame *frame)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(bench_pool());
	char *at = rte_pktmbuf_append(m, frame->n), *buffer = m->buf_addr;
	size_t room = rte_pktmbuf_tailroom(m), end = m->buf_len;

	memcpy(at, frame->bytes, frame->n);
	ASAN_POISON_MEMORY_REGION(buffer + end - room, room);
	gw_send_mbuf(gw, ENCRYPTED, m);
	ASAN_UNPOISON_MEMORY_REGION(buffer + end - room, room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct eg_drop_record record;
	struct eg_replay *replay;
	static struct frame frame;
	uint64_t drops;

	if (size < 16 || size > 2048)
		return 0;
	gw = gws[data[0] >> 5 & 1];
	drops = gw_drops_all(gw);
	replay = &gw_sa_in(gw)->replay;
	/* Each input meets the same window: none is a replay of another. */
	gw->path[0]->reassembly.closed = false;
	replay->top = 0;
	memset(replay->bits, 0, eg_replay_bytes(replay->size));
	frame = data[0] % 3 == 0   ? raw(data + 1, size - 1)
		: data[0] % 3 == 1 ? sealed(data + 1, size - 1)
				   : spoiled(data + 1, size - 1);
	if (data[0] >= 0xc0)
		receive_pieces(data + 1, size - 1);
	else
		receive(&frame);
	eg_path_expire(gw->path[0], true); /* a fragment that was held */
	drops = gw_drops_all(gw) - drops;
	require(gw_sent(gw, CLEAR, &frame, 1) + drops == 1);
	require(gw_discard(gw, ENCRYPTED) == 0);
	require(bench_in_use() == 0);
	/* Never to where no peer can be. */
	require(gw == gws[0] || eg_endpoint_get(gw_tunnel(gw, 0)->endpoint).port);
	while (eg_drop_ring_take(&gw->stats[0]->dropped, &record))
		require(record.reason > EG_PASS && record.reason < EG_DROP_COUNT);
	return 0;
}
