/* Arbitrary frames from the ports' kernel devices, from pods and from the wire, through the real
 * path with an exception port on either side.
 *
 * A step is a kind byte, a length byte and that many bytes: a frame. Odd kinds get a correct IPv4
 * header checksum, which a fuzzer cannot compute. In every case: what leaves the encrypted port in
 * clear is from its own address to the wire's network, and is IKE or an echo reply, checked here by
 * other code than the path's; what the kernel receives is a whole IP packet in a frame to its
 * interface; all buffers are freed. Seeds: make_seeds.py. */
#include <sanitizer/lsan_interface.h>

#include "net/bytes.h"
#include "path/packets.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	KERNEL_CLEAR,
	KERNEL_WIRE,
	PODS,
	WIRE,
	KINDS,
};

static struct gw *gw;

static void require(int truth)
{
	if (!truth)
		abort();
}

/* Site 1 without its outbound SA: nothing is sealed, so every frame sent can be checked. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const struct eg_allow allow = {.ike = true};
	static const char *const nets[2][2] = {{"10.1.0.1/16", "fd00:1::1/64"},
					       {"192.0.2.1/24", "2001:db8::1/64"}};

	(void)argc;
	(void)argv;
	__lsan_disable(); /* created once (see fuzz_esp_in.c) */
	bench_open();
	gw = gw_open((struct gw_spec){.site = 1});
	for (unsigned port = 0; port < 2; port++) {
		gw_kernel(gw, port, &allow);
		for (unsigned v6 = 0; v6 < 2; v6++) {
			gw_local(gw, port, nets[port][v6]);
			gw_route(gw, nets[port][v6],
				 (struct eg_hop){.kind = EG_HOP_PORT,
						 .port = (uint8_t)port,
						 .mac = {2, 0, 0, 0, 1, (uint8_t)port}});
		}
	}
	gw_ready(gw);
	eg_tunnel_remove_sa(&gw->tunnels, 0, gw_sa_out(gw));
	gw->path[0]->sample_cycles = 1;
	__lsan_enable();
	return 0;
}

/* Set the right MAC address, so that the frame is accepted; if odd, also a correct IPv4
 * checksum. */
static void fix_addresses(struct frame *frame, unsigned port, bool sum)
{
	const uint8_t mac[6] = {2, 0, 0, 0, 0, (uint8_t)port};

	if (frame->n >= 14 && !(frame->bytes[0] & 1))
		memcpy(frame->bytes, mac, 6);
	if (sum && frame->n >= 34 && frame->bytes[14] == 0x45)
		fix_checksum(frame->bytes + 14);
}

/* Judged by its bytes only. */
static void check_clear_frame(const struct frame *frame)
{
	static const uint8_t own4[4] = {192, 0, 2, 1};
	static const uint8_t own6[16] = {0x20, 1, 0xd, 0xb8, [15] = 1};
	const uint8_t *ip = frame->bytes + 14;
	bool v4 = ip[0] >> 4 == 4;
	unsigned proto = ip[v4 ? 9 : 6], head = v4 ? (ip[0] & 15u) * 4 : 40, port;
	const uint8_t *l4 = ip + head;

	require(frame->n >= 14 + head + 8);
	if (v4)
		require(!memcmp(ip + 12, own4, 4) && !memcmp(ip + 16, own4, 3));
	else
		require(!memcmp(ip + 8, own6, 16) && !memcmp(ip + 24, own6, 8));
	if (proto == (v4 ? 1 : 58)) {
		require(*l4 == (v4 ? 0 : 129));
		return;
	}
	if (!v4 && proto != 17) /* behind extension headers: checked by the path */
		return;
	require(proto == 17);
	port = eg_get16(l4);
	if (port == 500)
		return;
	require(port == 4500 && frame->n > 14 + head + 8);
	require((frame->n >= 14 + head + 12 && !eg_get32(l4 + 8)) ||
		(l4[8] == 0xff && eg_get16(ip + (v4 ? 2 : 4)) == (v4 ? head : 0) + 9));
}

static void check_kernel_frame(const struct frame *frame, unsigned port)
{
	struct eg_pkt pkt;

	require(frame->n > 14 && frame->bytes[5] == port && frame->bytes[0] == 2);
	require(frame->bytes[11] == port && frame->bytes[6] == 0);
	if (eg_get16(frame->bytes + 12) == 0x0806)
		return;
	require(!eg_parse_ip(frame->bytes + 14, frame->n - 14u, &pkt));
}

static void check_out(void)
{
	static struct frame frame;

	while (gw_frames(gw, ENCRYPTED, &frame, 1)) {
		if (eg_get16(frame.bytes + 12) != 0x0806 &&
		    !(frame.bytes[14] >> 4 == 6 && eg_neigh_is_nd(frame.bytes[54])))
			check_clear_frame(&frame);
	}
	for (unsigned port = 0; port < 2; port++) {
		while (gw_to_kernel(gw, port, &frame, 1))
			check_kernel_frame(&frame, port);
	}
	gw_discard(gw, CLEAR);
}

/* Start every input with full token buckets. */
static void start(void)
{
	struct eg_path *path = gw->path[0];

	for (unsigned port = 0; port < 2; port++)
		path->port[port].kernel.tokens = path->port[port].kernel.answers =
			(struct eg_tokens){0};
	path->icmp = (struct eg_icmp_limits){0};
	path->limits = (struct eg_resolver_limits){0};
	path->reassembly.closed = false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct frame frame;

	if (size > 4096)
		return 0;
	start();
	while (size >= 2) {
		unsigned kind = data[0] / 2 % KINDS, n = data[1], port = kind % 2;

		n = n > size - 2 ? (unsigned)size - 2 : n;
		if (n) {
			frame.n = (uint16_t)n;
			memcpy(frame.bytes, data + 2, n);
			fix_addresses(&frame, port, data[0] & 1);
			if (kind < PODS)
				gw_from_kernel(gw, port, &frame);
			else
				gw_send(gw, port, &frame, 1);
			check_out();
		}
		data += 2 + n;
		size -= 2 + n;
	}
	gw_resolve(gw, 1000);
	check_out();
	eg_path_expire(gw->path[0], true);
	require(bench_in_use() == 0);
	return 0;
}
