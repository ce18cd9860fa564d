/* Exception ports: which packets go to the kernel, where packets from the kernel go, and the drop
 * reasons of all others. See path/kernel.h. */
#include "path/path_tests.h"

#include <rte_ethdev.h>

#include "net/bytes.h"
#include "path/drop.h"

#define TCP 6
#define UDP 17

static const struct eg_allow ike_and_bgp = {.ike = true, .n = 1, .port = {{TCP, 179}}};

static const char *const local[2][2] = {{"10.1.0.1", "fd00:1::1"}, {"192.0.2.1", "2001:db8::1"}};
static const char *const pod[2] = {"10.1.0.5", "fd00:1::5"};
static const char *const far_pod[2] = {"10.2.0.9", "fd00:2::9"};
static const char *const far[2] = {"192.0.2.2", "2001:db8::2"};
static const char *const shared_pod[2] = {"10.8.0.9", "fd00:8::9"}; /* behind one of several */
static const char *const nowhere[2] = {"172.16.0.1", "fd99::1"};

/* Site 1 with addresses on both ports; all neighbours are known. `kernels`: bit mask of ports. */
static struct gw *open_with(unsigned kernels, unsigned workers)
{
	struct gw *gw = gw_open((struct gw_spec){.site = 1, .workers = workers});

	for (unsigned port = 0; port < 2; port++) {
		for (unsigned v6 = 0; v6 < 2; v6++) {
			struct eg_hop hop = {.kind = EG_HOP_PORT,
					     .port = (uint8_t)port,
					     .mac = {2, 0, 0, 0, 1, (uint8_t)port}};
			char net[32];

			snprintf(net, sizeof(net), "%s/%u", local[port][v6],
				 v6              ? 64
				 : port == CLEAR ? 16
						 : 24);
			gw_local(gw, port, net);
			gw_route(gw, net, hop);
		}
		if (kernels & 1u << port)
			gw_kernel(gw, port, &ike_and_bgp);
	}
	gw_route(gw, "10.8.0.0/16", (struct eg_hop){.kind = EG_HOP_GROUP});
	gw_route(gw, "fd00:8::/64", (struct eg_hop){.kind = EG_HOP_GROUP});
	gw_ready(gw);
	return gw;
}

/* A packet to or from a port; UDP bodies begin with the non-ESP marker. */
static struct frame packet(const char *src, const char *dst, unsigned proto, unsigned sport,
			   unsigned dport)
{
	struct flow flow = {.src = src, .dst = dst, .proto = (uint8_t)proto, .payload = 60};
	struct frame frame = {0};
	uint8_t *l4 = frame.bytes + (strchr(src, ':') ? 40 : 20);

	add_packet(&frame, &flow);
	if (proto == TCP || proto == UDP) {
		eg_put16(l4, (uint16_t)sport);
		eg_put16(l4 + 2, (uint16_t)dport);
	}
	if (proto == TCP)
		l4[13] = 2; /* SYN */
	if (proto == UDP) {
		eg_put16(l4 + 4, 60);
		eg_put32(l4 + 8, 0);
	}
	if (proto == 1)
		l4[0] = l4[1] = 0; /* echo reply */
	return frame;
}

static struct frame framed(unsigned port, const struct frame *p)
{
	struct frame frame;

	start_frame(&frame, port, p->bytes[0] >> 4);
	memcpy(frame.bytes + frame.n, p->bytes, p->n);
	frame.n = (uint16_t)(frame.n + p->n);
	return frame;
}

enum from {
	PODS,
	WIRE,
	TUNNEL,
	KERNEL_OF_PODS, /* the kernel device of the clear port */
	KERNEL_OF_WIRE,
};

enum to {
	LOST,
	TO_KERNEL_OF_PODS,
	TO_KERNEL_OF_WIRE,
	TO_PODS,
	TO_WIRE,
	TO_TUNNEL,
};

#define BOTH (1u << CLEAR | 1u << ENCRYPTED)

static const struct row {
	unsigned kernels; /* ports with a kernel device */
	enum from from;
	const char *const *src, *const *dst;
	unsigned proto, sport, dport;
	enum to to;
	enum eg_verdict drop;
} table[] = {
	/* 0: from pods, to the address of their port: everything except echo */
	{BOTH, PODS, pod, local[0], TCP, 40000, 22, TO_KERNEL_OF_PODS, 0},
	{BOTH, PODS, pod, local[0], UDP, 500, 500, TO_KERNEL_OF_PODS, 0},
	{BOTH, PODS, pod, local[0], 89, 0, 0, TO_KERNEL_OF_PODS, 0},
	{BOTH, PODS, pod, local[0], 50, 0, 0, TO_KERNEL_OF_PODS, 0},
	{0, PODS, pod, local[0], TCP, 40000, 22, LOST, EG_DROP_TO_GATEWAY},
	{1u << ENCRYPTED, PODS, pod, local[0], TCP, 40000, 22, LOST, EG_DROP_TO_GATEWAY},
	/* 6: an address of another port is not this port's */
	{BOTH, PODS, pod, local[1], TCP, 40000, 179, LOST, EG_DROP_TO_GATEWAY},
	/* 7: a source that claims to be in a tunnel is refused */
	{BOTH, PODS, far_pod, local[0], TCP, 40000, 22, LOST, EG_DROP_PLAIN_FROM_PEER},
	/* 8: packets of pods are forwarded, kernel device or not */
	{BOTH, PODS, pod, far_pod, TCP, 40000, 22, TO_TUNNEL, 0},
	/* 9: from the wire: what the allow list includes */
	{BOTH, WIRE, far, local[1], UDP, 500, 500, TO_KERNEL_OF_WIRE, 0},
	{BOTH, WIRE, far, local[1], UDP, 4500, 4500, TO_KERNEL_OF_WIRE, 0},
	{BOTH, WIRE, far, local[1], TCP, 40000, 179, TO_KERNEL_OF_WIRE, 0},
	{BOTH, WIRE, far, local[1], TCP, 40000, 22, LOST, EG_DROP_EXCEPTION_DENIED},
	{BOTH, WIRE, far, local[1], TCP, 179, 22, LOST, EG_DROP_EXCEPTION_DENIED},
	{BOTH, WIRE, far, local[1], 89, 0, 0, LOST, EG_DROP_EXCEPTION_DENIED},
	/* 15: without a kernel device there, as before */
	{1u << CLEAR, WIRE, far, local[1], UDP, 500, 500, LOST, EG_DROP_PLAIN_ON_ENCRYPTED},
	{1u << CLEAR, WIRE, far, local[1], UDP, 4500, 4500, LOST, EG_DROP_UDP_NON_ESP},
	/* 17: to other addresses than this port's; from other sources than that wire's stations */
	{BOTH, WIRE, far, local[0], UDP, 500, 500, LOST, EG_DROP_PLAIN_ON_ENCRYPTED},
	{BOTH, WIRE, far, pod, TCP, 40000, 179, LOST, EG_DROP_PLAIN_ON_ENCRYPTED},
	{BOTH, WIRE, far_pod, local[1], UDP, 500, 500, LOST, EG_DROP_PLAIN_FROM_PEER},
	{BOTH, WIRE, pod, local[1], UDP, 500, 500, LOST, EG_DROP_PLAIN_ON_ENCRYPTED},
	{BOTH, WIRE, nowhere, local[1], UDP, 500, 500, LOST, EG_DROP_PLAIN_ON_ENCRYPTED},
	{BOTH, WIRE, local[1], local[1], UDP, 500, 500, LOST, EG_DROP_PLAIN_ON_ENCRYPTED},
	/* 23: out of the tunnel: to addresses of clear ports, never to the wire's */
	{BOTH, TUNNEL, far_pod, local[0], TCP, 40000, 22, TO_KERNEL_OF_PODS, 0},
	{BOTH, TUNNEL, far_pod, local[0], UDP, 500, 500, TO_KERNEL_OF_PODS, 0},
	{BOTH, TUNNEL, far_pod, local[1], TCP, 40000, 179, LOST, EG_DROP_TO_GATEWAY},
	{1u << ENCRYPTED, TUNNEL, far_pod, local[0], TCP, 40000, 22, LOST, EG_DROP_TO_GATEWAY},
	{BOTH, TUNNEL, pod, local[0], TCP, 40000, 22, LOST, EG_DROP_INNER_SOURCE},
	{BOTH, TUNNEL, far_pod, pod, TCP, 40000, 22, TO_PODS, 0},
	/* 29: the clear port's kernel: through its port, and into tunnels */
	{BOTH, KERNEL_OF_PODS, local[0], pod, TCP, 22, 40000, TO_PODS, 0},
	{BOTH, KERNEL_OF_PODS, local[0], far_pod, TCP, 22, 40000, TO_TUNNEL, 0},
	{BOTH, KERNEL_OF_PODS, local[0], far_pod, UDP, 500, 500, TO_TUNNEL, 0},
	{BOTH, KERNEL_OF_PODS, local[0], far, UDP, 500, 500, LOST, EG_DROP_KERNEL_WAY},
	{BOTH, KERNEL_OF_PODS, local[0], local[1], TCP, 22, 40000, LOST, EG_DROP_KERNEL_WAY},
	{BOTH, KERNEL_OF_PODS, local[1], pod, TCP, 22, 40000, LOST, EG_DROP_KERNEL_SOURCE},
	{BOTH, KERNEL_OF_PODS, pod, far_pod, TCP, 22, 40000, LOST, EG_DROP_KERNEL_SOURCE},
	{BOTH, KERNEL_OF_PODS, nowhere, far_pod, TCP, 22, 40000, LOST, EG_DROP_KERNEL_SOURCE},
	/* 37: the encrypted port's kernel: through its port, what the allow list includes */
	{BOTH, KERNEL_OF_WIRE, local[1], far, UDP, 500, 500, TO_WIRE, 0},
	{BOTH, KERNEL_OF_WIRE, local[1], far, UDP, 4500, 4500, TO_WIRE, 0},
	{BOTH, KERNEL_OF_WIRE, local[1], far, TCP, 40000, 179, TO_WIRE, 0},
	{BOTH, KERNEL_OF_WIRE, local[1], far, TCP, 40000, 22, LOST, EG_DROP_KERNEL_DENIED},
	{BOTH, KERNEL_OF_WIRE, local[1], far, UDP, 53, 53, LOST, EG_DROP_KERNEL_DENIED},
	{BOTH, KERNEL_OF_WIRE, local[1], far, 89, 0, 0, LOST, EG_DROP_KERNEL_DENIED},
	/* 43: nothing that belongs in a tunnel, or to pods */
	{BOTH, KERNEL_OF_WIRE, local[1], far_pod, UDP, 500, 500, LOST, EG_DROP_KERNEL_WAY},
	{BOTH, KERNEL_OF_WIRE, local[1], far_pod, TCP, 179, 40000, LOST, EG_DROP_KERNEL_WAY},
	{BOTH, KERNEL_OF_WIRE, local[1], pod, UDP, 500, 500, LOST, EG_DROP_KERNEL_WAY},
	{BOTH, KERNEL_OF_WIRE, local[0], far, UDP, 500, 500, LOST, EG_DROP_KERNEL_SOURCE},
	{BOTH, KERNEL_OF_WIRE, far_pod, far, UDP, 500, 500, LOST, EG_DROP_KERNEL_SOURCE},
	{BOTH, KERNEL_OF_WIRE, local[1], shared_pod, UDP, 500, 500, LOST, EG_DROP_KERNEL_WAY},
	{BOTH, WIRE, shared_pod, local[1], UDP, 500, 500, LOST, EG_DROP_PLAIN_FROM_PEER},
	/* 50: nor without a route */
	{BOTH, KERNEL_OF_WIRE, local[1], nowhere, UDP, 500, 500, LOST, EG_DROP_NO_ROUTE},
	{BOTH, KERNEL_OF_PODS, local[0], nowhere, UDP, 500, 500, LOST, EG_DROP_NO_ROUTE},
};

static void send_row(struct gw *gw, enum from from, const struct frame *p)
{
	struct tunnel in = tunnel_to(gw);
	struct frame frame;

	if (from == TUNNEL)
		frame = tunnel_packet(&in, 1, p->bytes, p->n);
	else
		frame = framed(from == WIRE || from == KERNEL_OF_WIRE ? ENCRYPTED : CLEAR, p);
	if (from >= KERNEL_OF_PODS)
		gw_from_kernel(gw, from == KERNEL_OF_WIRE ? ENCRYPTED : CLEAR, &frame);
	else
		gw_send(gw, from == PODS ? CLEAR : ENCRYPTED, &frame, 1);
}

/* Where a packet came out, and the IP packet itself. */
static enum to find(struct gw *gw, struct frame *out)
{
	static struct frame frames[2];
	struct tunnel from = tunnel_from(gw);
	enum to to = LOST;
	unsigned n = 0;

	for (unsigned port = 0; port < 2; port++) {
		if (gw_to_kernel(gw, port, frames, 2) == 1) {
			to = port == CLEAR ? TO_KERNEL_OF_PODS : TO_KERNEL_OF_WIRE;
			*out = frames[0];
			n++;
		}
		if (gw_sent(gw, port, frames, 2) == 1) {
			to = port == CLEAR ? TO_PODS : TO_WIRE;
			*out = frames[0];
			n++;
		}
	}
	assert_true(n <= 1);
	if (!n)
		return LOST;
	if (to == TO_WIRE && (out->bytes[14 + 9] == 50 || out->bytes[14 + 6] == 50)) {
		*out = open_frame(&from, out, 1);
		return TO_TUNNEL;
	}
	memmove(out->bytes, out->bytes + 14, out->n - 14u);
	out->n = (uint16_t)(out->n - 14);
	return to;
}

static void test_table(void **state)
{
	(void)state;
	for (unsigned i = 0; i < COUNT(table); i++) {
		for (unsigned v6 = 0; v6 < 2; v6++) {
			const struct row *row = &table[i];
			struct gw *gw = open_with(row->kernels, 1);
			struct frame p = packet(row->src[v6], row->dst[v6], row->proto, row->sport,
						row->dport);
			struct frame got = {0};
			enum to to;

			send_row(gw, row->from, &p);
			/* ICMP errors to the kernel are tested elsewhere. */
			to = row->to == LOST ? LOST : find(gw, &got);
			if (to != row->to || gw_drops_all(gw) != (row->to == LOST) ||
			    (row->drop && !gw_drops(gw, row->drop)))
				fail_msg("row %u, IPv%u: to %u, %lu drops", i, v6 ? 6 : 4, to,
					 (unsigned long)gw_drops_all(gw));
			if (to != LOST) {
				/* Unchanged, except for the TTL if it was forwarded. */
				age(p.bytes, row->from == PODS && to == TO_TUNNEL);
				age(p.bytes, row->from == TUNNEL && to == TO_PODS);
				assert_int_equal(got.n, p.n);
				assert_memory_equal(got.bytes, p.bytes, p.n);
			}
			for (unsigned port = 0; port < 2 && row->from < KERNEL_OF_PODS; port++)
				assert_int_equal(gw_to_kernel(gw, port, &got, 1), 0);
			assert_int_equal(gw_discard(gw, CLEAR), 0);
			assert_int_equal(gw_discard(gw, ENCRYPTED), 0);
			gw_close(gw);
		}
	}
}

/* Frames to the kernel's interface have the port's MAC as destination and another station's as
 * source. */
static void test_link(void **state)
{
	static const uint8_t want[12] = {2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1};
	struct gw *gw = open_with(BOTH, 1);
	struct frame p = packet(far[0], local[1][0], UDP, 500, 500), frame = framed(ENCRYPTED, &p);

	(void)state;
	gw_send(gw, ENCRYPTED, &frame, 1);
	assert_int_equal(gw_to_kernel(gw, ENCRYPTED, &frame, 1), 1);
	assert_memory_equal(frame.bytes, want, 12);
	assert_int_equal(eg_get16(frame.bytes + 12), 0x0800);
	assert_int_equal(eg_counted(&gw->stats[0]->kernel[ENCRYPTED].tx_packets), 1);
	assert_int_equal(eg_counted(&gw->stats[0]->kernel[ENCRYPTED].tx_bytes), frame.n);
	assert_int_equal(eg_counted(&gw->stats[0]->clear_in[EG_CLEAR_IKE]), 1);

	p = packet(local[1][0], far[0], TCP, 40000, 179);
	frame = framed(ENCRYPTED, &p);
	gw_from_kernel(gw, ENCRYPTED, &frame);
	assert_int_equal(gw_discard(gw, ENCRYPTED), 1);
	assert_int_equal(eg_counted(&gw->stats[0]->kernel[ENCRYPTED].rx_packets), 1);
	assert_int_equal(eg_counted(&gw->stats[0]->clear_out[EG_CLEAR_BGP]), 1);
	gw_close(gw);
}

/* Pods reach the kernel only by the address of their own port; what came out of a tunnel reaches it
 * by any clear port's. */
static void test_other_port(void **state)
{
	enum {
		OTHER = 2
	};
	struct gw *gw = gw_open((struct gw_spec){.site = 1});
	struct eg_path *path = gw->path[0];
	struct tunnel to = tunnel_to(gw);
	struct flow flow = {.src = pod[0], .dst = "10.6.0.1", .payload = 40};
	struct frame frame = plain_frame(CLEAR, &flow);

	(void)state;
	gw_local(gw, CLEAR, "10.1.0.1/16");
	gw_route(
		gw, "10.1.0.0/16",
		(struct eg_hop){.kind = EG_HOP_PORT, .port = CLEAR, .mac = {2, 0, 0, 0, 1, CLEAR}});
	gw_local(gw, OTHER, "10.6.0.1/16");
	gw_kernel(gw, CLEAR, &ike_and_bgp);
	path->port[OTHER] = path->port[CLEAR]; /* its kernel device is the same one */
	path->port[OTHER].kernel.hop.port = OTHER;
	path->n_ports = 3;
	gw_ready(gw);
	gw_expect(gw, CLEAR, &frame, EG_DROP_TO_GATEWAY, "from a pod");
	assert_int_equal(gw_to_kernel(gw, CLEAR, &frame, 1), 0);
	flow.src = far_pod[0];
	frame = tunnel_frame(&to, 1, &flow);
	gw_send(gw, ENCRYPTED, &frame, 1);
	assert_int_equal(gw_to_kernel(gw, CLEAR, &frame, 1), 1);
	gw_close(gw);
}

/* Echo requests for the port's address are answered here, on the wire and on the pods' side. */
static void test_echo(void **state)
{
	struct gw *gw = open_with(BOTH, 1);
	struct frame p = packet(far[0], local[1][0], 1, 0, 0), frame;

	(void)state;
	p.bytes[20] = 8;
	frame = framed(ENCRYPTED, &p);
	gw_send(gw, ENCRYPTED, &frame, 1);
	assert_int_equal(gw_discard(gw, ENCRYPTED), 1);
	assert_int_equal(gw_to_kernel(gw, ENCRYPTED, &frame, 1), 0);
	p = packet(pod[0], local[0][0], 1, 0, 0);
	frame = framed(CLEAR, &p); /* the reply to a ping from the kernel */
	gw_send(gw, CLEAR, &frame, 1);
	assert_int_equal(gw_to_kernel(gw, CLEAR, &frame, 1), 1);
	assert_int_equal(gw_discard(gw, CLEAR), 0);
	gw_close(gw);
}

static struct frame question(unsigned port, const char *target, const char *from)
{
	struct eg_neigh_self self = {.mac = {2, 0, 0, 0, 0, (uint8_t)port}};
	struct frame frame;
	struct eg_ip ip;

	assert_int_equal(eg_ip_parse(target, &ip), 0);
	assert_int_equal(eg_ip_parse(from, &self.ip), 0);
	frame.n = (uint16_t)eg_neigh_request(frame.bytes, &self, &ip, NULL);
	return frame;
}

/* The kernel sees one MAC for every address but the port's own. */
static void test_discovery(void **state)
{
	static const uint8_t other[6] = {0, 0, 0, 0, 0, 1};
	struct gw *gw = open_with(BOTH, 1);
	struct eg_neigh_message message;
	struct eg_ip ip;
	struct frame frame;

	(void)state;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		frame = question(ENCRYPTED, far[v6], local[1][v6]);
		gw_from_kernel(gw, ENCRYPTED, &frame);
		assert_int_equal(gw_to_kernel(gw, ENCRYPTED, &frame, 1), 1);
		assert_true(eg_neigh_parse(frame.bytes, frame.n, &message));
		assert_true(message.reply);
		assert_int_equal(eg_ip_parse(far[v6], &ip), 0);
		assert_true(eg_ip_equal(&message.owner, &ip));
		assert_memory_equal(message.mac, other, 6);
		assert_int_equal(frame.bytes[5], ENCRYPTED); /* to the port's MAC */

		frame = question(ENCRYPTED, local[1][v6], local[1][v6]); /* announces itself */
		gw_from_kernel(gw, ENCRYPTED, &frame);
		frame = question(ENCRYPTED, nowhere[v6], v6 ? "::" : "0.0.0.0"); /* probes */
		if (!v6)
			gw_from_kernel(gw, ENCRYPTED, &frame);
		assert_int_equal(gw_to_kernel(gw, ENCRYPTED, &frame, 1), 0);
	}
	assert_int_equal(eg_counted(&gw->stats[0]->local[EG_LOCAL_ARP_REPLY]), 1);
	assert_int_equal(eg_counted(&gw->stats[0]->local[EG_LOCAL_ND_ADVERT]), 1);
	assert_int_equal(eg_counted(&gw->stats[0]->consumed), 5);
	assert_int_equal(gw_drops_all(gw), 0);

	/* Whatever sender it claims: the answer goes to the interface. */
	frame = question(ENCRYPTED, far[0], local[1][0]);
	memset(frame.bytes + 6, 2, 6);
	memset(frame.bytes + 14 + 8, 2, 6);
	gw_from_kernel(gw, ENCRYPTED, &frame);
	assert_int_equal(gw_to_kernel(gw, ENCRYPTED, &frame, 1), 1);
	assert_memory_equal(frame.bytes, ((uint8_t[]){2, 0, 0, 0, 0, 1}), 6);

	frame.n = 30; /* truncated */
	eg_put16(frame.bytes + 12, 0x0806);
	gw_from_kernel(gw, ENCRYPTED, &frame);
	assert_int_equal(gw_drops(gw, EG_DROP_BAD_DISCOVERY), 1);
	assert_int_equal(gw_discard(gw, ENCRYPTED) + gw_discard(gw, CLEAR), 0);
	gw_close(gw);
}

/* Frames from the kernel may be as hostile as any. */
static void test_hostile_frames(void **state)
{
	struct gw *gw = open_with(BOTH, 1);
	struct frame p = packet(local[0][0], pod[0], TCP, 22, 40000), frame;

	(void)state;
	frame = framed(CLEAR, &p);
	for (frame.n = 1; frame.n < 14 + p.n; frame.n++)
		gw_from_kernel(gw, CLEAR, &frame);
	assert_int_equal(gw_drops_all(gw), 14u + p.n - 1);
	assert_int_equal(gw_drops(gw, EG_DROP_SHORT_FRAME), 13);
	frame.n = (uint16_t)(14 + p.n);
	frame.bytes[0] = 0xff;
	gw_from_kernel(gw, CLEAR, &frame);
	assert_int_equal(gw_drops(gw, EG_DROP_MULTICAST), 1);
	eg_put16(frame.bytes + 12, 0x88cc);
	gw_from_kernel(gw, CLEAR, &frame);
	assert_int_equal(gw_drops(gw, EG_DROP_NOT_IP), 1);
	assert_int_equal(gw_discard(gw, CLEAR), 0);
	gw_close(gw);
}

/* A flood from one port only costs that port's packets, with a named reason. */
static void test_rate(void **state)
{
	struct gw *gw = open_with(BOTH, 1);
	struct frame p = packet(pod[0], local[0][0], TCP, 40000, 22), frame = framed(CLEAR, &p),
		     out;
	uint64_t got = 0;

	(void)state;
	gw->path[0]->cycles_per_s *= 1000; /* no time passes */
	for (unsigned i = 0; i < 3 * EG_KERNEL_BURST; i++) {
		gw_send(gw, CLEAR, &frame, 1);
		got += gw_to_kernel(gw, CLEAR, &out, 1);
	}
	assert_int_equal(gw_drops(gw, EG_DROP_EXCEPTION_RATE), gw_drops_all(gw));
	assert_int_equal(got + gw_drops(gw, EG_DROP_EXCEPTION_RATE), 3 * EG_KERNEL_BURST);
	assert_in_range(got, EG_KERNEL_BURST, EG_KERNEL_BURST + 100);
	p = packet(far[0], local[1][0], UDP, 500, 500);
	frame = framed(ENCRYPTED, &p);
	gw_send(gw, ENCRYPTED, &frame, 1);
	assert_int_equal(gw_to_kernel(gw, ENCRYPTED, &out, 1), 1);
	gw_close(gw);
}

/* Nobody drains the ring, then the device: dropped with a named reason, and traffic continues. */
static void test_full(void **state)
{
	struct gw *gw = open_with(BOTH, 1);
	struct frame p = packet(pod[0], local[0][0], TCP, 40000, 22), frame = framed(CLEAR, &p);
	struct eg_drop_record record;
	char text[EG_IP_TEXT];
	uint64_t full;

	(void)state;
	gw->path[0]->sample_cycles = 1;
	for (unsigned i = 0; i < 70; i++)
		gw_send(gw, CLEAR, &frame, 1);
	full = gw_drops(gw, EG_DROP_EXCEPTION_FULL);
	assert_int_equal(full, 70 - 63);
	assert_true(eg_drop_ring_take(&gw->stats[0]->dropped, &record));
	assert_int_equal(record.dport, 22);
	/* It is an IP packet again. */
	assert_string_equal(eg_ip_print(&record.dst, text), "10.1.0.1");
	for (unsigned i = 0; i < 30; i++) {
		assert_true(eg_path_kernels(gw->path[0], gw->snap, false) > 0);
		gw->path[0]->port[CLEAR].kernel.tokens.full_at = 0;
		for (unsigned k = 0; k < 60; k++)
			gw_send(gw, CLEAR, &frame, 1);
	}
	assert_true(gw_drops(gw, EG_DROP_EXCEPTION_FULL) > full + 100);
	assert_int_equal(gw_drops(gw, EG_DROP_EXCEPTION_FULL), gw_drops_all(gw));
	p = packet(pod[0], far_pod[0], TCP, 40000, 22);
	frame = framed(CLEAR, &p);
	gw_send(gw, CLEAR, &frame, 1);
	assert_int_equal(gw_discard(gw, ENCRYPTED), 1);
	gw_close(gw);
}

/* ICMP errors about the kernel's own packets go to the kernel, with the address that they were sent
 * to as source: it would not believe its own address. None of them is sent on a wire. */
static void test_errors(void **state)
{
	static const struct {
		unsigned port;
		const char *const *to;
		unsigned proto, size, type4, code4, type6, code6;
	} cases[] = {
		{CLEAR, nowhere, UDP, 60, 3, 0, 1, 0},
		{CLEAR, far_pod, 253, 1490, 3, 4, 2, 0},
		{ENCRYPTED, far, UDP, 60, 3, 13, 1, 1},
		{ENCRYPTED, far_pod, UDP, 60, 3, 13, 1, 1},
	};

	(void)state;
	for (unsigned i = 0; i < COUNT(cases); i++) {
		for (unsigned v6 = 0; v6 < 2; v6++) {
			struct gw *gw = open_with(BOTH, 1);
			struct flow flow = {.src = local[cases[i].port][v6],
					    .dst = cases[i].to[v6],
					    .proto = (uint8_t)cases[i].proto,
					    .df = true,
					    .payload = (uint16_t)cases[i].size};
			struct frame frame = plain_frame(cases[i].port, &flow);
			const uint8_t *ip = frame.bytes + 14, *icmp = ip + (v6 ? 40 : 20);
			struct eg_ip want;

			gw->path[0]->port[ENCRYPTED].mtu = 1500;
			gw_from_kernel(gw, cases[i].port, &frame);
			assert_int_equal(gw_drops_all(gw), 1);
			assert_int_equal(gw_to_kernel(gw, cases[i].port, &frame, 1), 1);
			assert_int_equal(icmp[0], v6 ? cases[i].type6 : cases[i].type4);
			assert_int_equal(icmp[1], v6 ? cases[i].code6 : cases[i].code4);
			assert_int_equal(eg_ip_parse(cases[i].to[v6], &want), 0);
			assert_memory_equal(ip + (v6 ? 8 : 12), want.bytes, v6 ? 16 : 4);
			assert_int_equal(gw_discard(gw, ENCRYPTED) + gw_discard(gw, CLEAR), 0);
			gw_close(gw);
		}
	}
}

/* Packets longer than the port's MTU do not go to its kernel; a sender behind a tunnel is told
 * through it. */
static void test_size(void **state)
{
	struct gw *gw = open_with(BOTH, 1);
	struct tunnel in = tunnel_to(gw), back = tunnel_from(gw);
	struct flow flow = {.src = far_pod[1], .dst = local[0][1], .payload = 1461};
	struct frame frame = tunnel_frame(&in, 1, &flow), out;

	(void)state;
	gw->path[0]->port[CLEAR].kernel.mtu = 1500;
	gw_send(gw, ENCRYPTED, &frame, 1);
	assert_int_equal(gw_drops(gw, EG_DROP_TOO_BIG), 1);
	assert_int_equal(gw_to_kernel(gw, CLEAR, &out, 1), 0);
	assert_int_equal(eg_counted(&gw->stats[0]->local[EG_LOCAL_TOO_BIG]), 1);
	assert_int_equal(gw_sent(gw, ENCRYPTED, &out, 1), 1);
	out = open_frame(&back, &out, 1);
	assert_int_equal(eg_get32(out.bytes + 44), 1500);
	flow.payload = 1460;
	frame = tunnel_frame(&in, 2, &flow);
	gw_send(gw, ENCRYPTED, &frame, 1);
	assert_int_equal(gw_to_kernel(gw, CLEAR, &out, 1), 1);
	gw_close(gw);
}

/* IPv4 packets that may be fragmented are, and the kernel reassembles them. */
static void test_fragments(void **state)
{
	static struct frame got[3];
	struct gw *gw = open_with(BOTH, 1);
	struct tunnel in = tunnel_to(gw);
	struct flow flow = {.src = far_pod[0], .dst = local[0][0], .payload = 2000};
	struct frame whole = {0}, frame = tunnel_frame(&in, 1, &flow);

	(void)state;
	add_packet(&whole, &flow);
	gw->path[0]->port[CLEAR].kernel.mtu = 1500;
	gw_send(gw, ENCRYPTED, &frame, 1);
	assert_int_equal(gw_drops_all(gw), 0);
	assert_int_equal(gw_to_kernel(gw, CLEAR, got, 3), 2);
	assert_int_equal(got[0].n, 14 + 20 + 1480);
	assert_int_equal(got[1].n, 14 + 20 + 520);
	assert_memory_equal(got[0].bytes + 34, whole.bytes + 20, 1480);
	assert_memory_equal(got[1].bytes + 34, whole.bytes + 1500, 520);
	gw_close(gw);
}

/* The last check does not trust any stage before it. */
static unsigned look(struct gw *gw, const struct frame *p, bool kernel, unsigned port)
{
	struct eg_path *path = gw->path[0];
	struct rte_mbuf *m = rte_pktmbuf_alloc(bench_pool());
	static const struct eg_hop hop = {
		.kind = EG_HOP_PORT, .port = ENCRYPTED, .mac = {2, 0, 0, 0, 1, 1}};

	memcpy(rte_pktmbuf_append(m, p->n), p->bytes, p->n);
	eg_count(&gw->stats[0]->port[CLEAR].rx_packets, 1); /* it was received somewhere */
	eg_path_use(path, gw->snap);
	path->batch.n = 1;
	path->batch.n_removed = 0;
	path->batch.m[0] = m;
	path->batch.meta[0] = (struct eg_meta){
		.port = (uint8_t)port, .kernel = kernel, .hop = &hop, .pkt.version = 4};
	eg_tx(path);
	return gw_discard(gw, ENCRYPTED);
}

static void test_last_look(void **state)
{
	struct gw *gw = open_with(BOTH, 1);
	struct frame right = packet(local[1][0], far[0], UDP, 500, 500);
	struct frame kind = packet(local[1][0], far[0], UDP, 501, 501);
	struct frame source = packet(local[0][0], far[0], UDP, 500, 500);
	struct frame protected = packet(local[1][0], far_pod[0], UDP, 500, 500);
	struct frame way = packet(local[1][0], pod[0], UDP, 500, 500);
	struct frame broken = right;

	(void)state;
	broken.bytes[10] ^= 1;
	assert_int_equal(look(gw, &right, true, ENCRYPTED), 1);
	assert_int_equal(eg_counted(&gw->stats[0]->clear_out[EG_CLEAR_IKE]), 1);
	assert_int_equal(look(gw, &right, false, ENCRYPTED), 0);
	assert_int_equal(look(gw, &right, true, CLEAR), 0);
	assert_int_equal(look(gw, &kind, true, ENCRYPTED), 0);
	assert_int_equal(look(gw, &source, true, ENCRYPTED), 0);
	assert_int_equal(look(gw, &protected, true, ENCRYPTED), 0);
	assert_int_equal(look(gw, &way, true, ENCRYPTED), 0);
	assert_int_equal(look(gw, &broken, true, ENCRYPTED), 0);
	assert_int_equal(gw_drops(gw, EG_DROP_PLAIN_TO_ENCRYPTED), 7);
	assert_int_equal(eg_counted(&gw->stats[0]->clear_out[EG_CLEAR_IKE]), 1);
	gw_close(gw);
}

/* Another worker queues; the resolver worker delivers. Only it touches the devices. */
static void test_workers(void **state)
{
	struct gw *gw = open_with(BOTH, 2);
	struct frame p = packet(pod[0], local[0][0], TCP, 40000, 22), frame = framed(CLEAR, &p);
	struct rte_mbuf *m = rte_pktmbuf_alloc(bench_pool());

	(void)state;
	memcpy(rte_pktmbuf_append(m, frame.n), frame.bytes, frame.n);
	assert_int_equal(rte_eth_tx_burst(gw->path[1]->port[CLEAR].dpdk_id, 0, &m, 1), 1);
	assert_int_equal(eg_path_receive(gw->path[1], gw->snap, CLEAR, 0), 1);
	assert_int_equal(eg_path_kernels(gw->path[1], gw->snap, true), 0);
	assert_int_equal(gw_to_kernel(gw, CLEAR, &frame, 1), 1);
	assert_int_equal(eg_counted(&gw->stats[1]->kernel[CLEAR].tx_packets), 0);
	assert_int_equal(eg_counted(&gw->stats[0]->kernel[CLEAR].tx_packets), 1);
	gw_close(gw);
}

int run_exception_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),          cmocka_unit_test(test_link),
		cmocka_unit_test(test_echo),           cmocka_unit_test(test_discovery),
		cmocka_unit_test(test_hostile_frames), cmocka_unit_test(test_rate),
		cmocka_unit_test(test_full),           cmocka_unit_test(test_errors),
		cmocka_unit_test(test_size),           cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_last_look),      cmocka_unit_test(test_workers),
		cmocka_unit_test(test_other_port),
	};

	return cmocka_run_group_tests_name("path exception", tests, NULL, NULL);
}
