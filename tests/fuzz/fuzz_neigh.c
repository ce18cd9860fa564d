/* ARP and ND from anyone, through the real path: an input is a sequence of frames, packets that
 * need neighbour resolution, and time.
 *
 * A step is a kind byte, a length byte and that many bytes. Some kinds get a correct ICMPv6
 * checksum, which a fuzzer cannot compute. In every case no message creates an entry, none changes
 * the MAC of a fresh one, and all buffers are freed in the end. Seeds: make_seeds.py. */
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>

#include "net/bytes.h"
#include "net/checksum.h"
#include "path/packets.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	FRAME_CLEAR,
	FRAME_WIRE,
	FRAME_CLEAR_MENDED,
	FRAME_WIRE_MENDED,
	PACKET, /* to 10.1.0.<first byte>, or fd00:1::<first byte> if the second is odd */
	TIME,   /* in tenths of a second */
	KINDS,
};

#define WATCHED 64 /* entries are allocated from the start of the table */

static struct gw *gw;
static uint64_t now_ms = 1000;

static void require(int truth)
{
	if (!truth)
		abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	__lsan_disable(); /* created once (see fuzz_esp_in.c) */
	bench_open();
	gw = gw_open((struct gw_spec){.site = 1});
	gw_local(gw, CLEAR, "10.1.0.1/16");
	gw_local(gw, CLEAR, "fd00:1::1/64");
	gw_local(gw, ENCRYPTED, "192.0.2.1/24");
	gw_local(gw, ENCRYPTED, "2001:db8::1/64");
	gw_ready(gw);
	gw->path[0]->sample_cycles = 1;
	__lsan_enable();
	return 0;
}

/* Set the ICMPv6 checksum of an IPv6 packet, if the frame is long enough. */
static void fix_checksums(uint8_t *frame, size_t n)
{
	size_t len = n >= 58 ? eg_get16(frame + 18) : 0;

	if (len < 4 || len > n - 54 || eg_get16(frame + 12) != 0x86dd)
		return;
	eg_put16(frame + 56, 0);
	eg_put16(frame + 56, eg_checksum_fold(eg_checksum_add6((const void *)(frame + 14), 58,
							       frame + 54, len)));
}

/* Receive a frame that ends at the boundary of its allocation, for ASan. */
static void receive(unsigned port, const uint8_t *data, size_t n)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(bench_pool());
	char *at = rte_pktmbuf_append(m, (uint16_t)n), *buffer = m->buf_addr;
	size_t room = rte_pktmbuf_tailroom(m), end = m->buf_len;

	memcpy(at, data, n);
	ASAN_POISON_MEMORY_REGION(buffer + end - room, room);
	gw_send_mbuf(gw, port, m);
	gw_resolve(gw, now_ms);
	ASAN_UNPOISON_MEMORY_REGION(buffer + end - room, room);
}

static void receive_frame(unsigned port, const uint8_t *data, size_t n, bool fixed)
{
	const struct eg_neighs *neighs = gw->resolver_shared.neighs;
	uint64_t mac[WATCHED];
	bool fresh[WATCHED];
	uint32_t used = neighs->n_used;
	struct eg_neigh_message message;
	uint8_t frame[UINT8_MAX];

	memcpy(frame, data, n);
	if (fixed)
		fix_checksums(frame, n);
	for (unsigned i = 0; i < WATCHED; i++) {
		fresh[i] = neighs->entry[i].state == EG_NEIGH_REACHABLE;
		mac[i] = atomic_load(&neighs->entry[i].mac);
	}
	receive(port, frame, n);
	/* A frame that is not ARP or ND may be a packet that needs its next hop. */
	if (eg_neigh_parse(frame, (uint32_t)n, &message))
		require(neighs->n_used <= used);
	for (unsigned i = 0; i < WATCHED; i++)
		require(!fresh[i] || atomic_load(&neighs->entry[i].mac) == mac[i]);
}

static void resolve(uint8_t last, uint8_t v6)
{
	char dst[32];
	struct flow flow = {.src = v6 % 2 ? "fd00:1::5" : "10.1.0.5", .dst = dst};
	struct frame frame;

	snprintf(dst, sizeof(dst), v6 % 2 ? "fd00:1::%x" : "10.1.0.%u", last);
	frame = plain_frame(CLEAR, &flow);
	gw_send(gw, CLEAR, &frame, 1);
	gw_resolve(gw, now_ms);
}

static void step(unsigned kind, const uint8_t *data, size_t n)
{
	switch (kind) {
	case FRAME_CLEAR:
	case FRAME_WIRE:
	case FRAME_CLEAR_MENDED:
	case FRAME_WIRE_MENDED:
		if (n)
			receive_frame(kind % 2 ? ENCRYPTED : CLEAR, data, n,
				      kind >= FRAME_CLEAR_MENDED);
		break;
	case PACKET:
		if (n >= 2)
			resolve(data[0], data[1]);
		break;
	default:
		now_ms += n ? data[0] * 100u : 0;
		gw_resolve(gw, now_ms);
		break;
	}
	gw_discard(gw, CLEAR);
	gw_discard(gw, ENCRYPTED);
}

/* Start every input with an empty table and full token buckets. */
static void reset(void)
{
	now_ms += 100000;
	for (unsigned i = 0; i < EG_NEIGH_MAX && gw->resolver_shared.neighs->n_used; i++) {
		if (gw->resolver_shared.neighs->entry[i].state != EG_NEIGH_FREE)
			eg_neigh_remove(gw->resolver_shared.neighs,
					&gw->resolver_shared.neighs->entry[i]);
	}
	gw->path[0]->limits = (struct eg_resolver_limits){0};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct eg_drop_record record;

	while (size >= 2) {
		unsigned kind = data[0] % KINDS;
		size_t n = data[1];

		data += 2;
		size -= 2;
		n = n < size ? n : size;
		step(kind, data, n);
		data += n;
		size -= n;
	}
	eg_path_resolve(gw->path[0], gw->snap, now_ms, true);
	gw_discard(gw, CLEAR);
	gw_discard(gw, ENCRYPTED);
	require(bench_in_use() == 0);
	require(gw->resolver_shared.neighs->n_held == 0);
	while (eg_drop_ring_take(&gw->stats[0]->dropped, &record))
		require(record.reason > EG_PASS && record.reason < EG_DROP_COUNT);
	reset();
	return 0;
}
