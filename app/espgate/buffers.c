/* Packet buffers: one pool whose buffers take the largest frame of any port in one segment, for
 * what most ports receive, what is gathered and what the gateway itself sends; one for each port
 * with an rx_buffer of its own, so that a jumbo MTU need not cost 10 kB a descriptor; and a small
 * one of 64 KiB buffers for what is reassembled (path/reassembly.h). */
#include "gateway.h"
#include "kernel.h"

#include <string.h>

#include <rte_errno.h>

#define LINK_HEADERS (EG_ETH_LEN + 2 * EG_VLAN_LEN)
#define POOL_CACHE   512
#define POOL_LEAST   8191
/* net_pcap with infinite_rx keeps its whole capture in the pool. */
#define POOL_CAPTURE 16384

/* What a queue's descriptors hold, and what is on its way from or to it; net_af_xdp fills rings of
 * its own size, whatever it is told. */
#define QUEUE_BUFFERS (EG_DESCRIPTORS + 512)
#define XDP_BUFFERS   (2 * 2048 + 512)
/* A buffer of net_af_xdp fits into a page with its headers. */
#define XDP_ROOM_MAX (4096 - 256)

static unsigned longest_frame(const struct eg_conf_port *conf)
{
	return LINK_HEADERS + conf->mtu;
}

bool eg_buffers_small(const struct eg_conf_port *conf)
{
	return conf->rx_buffer_bytes && conf->rx_buffer_bytes < longest_frame(conf);
}

static bool is_xdp(const struct eg_conf_port *conf)
{
	return conf->device && !strncmp(conf->device, "net_af_xdp", 10);
}

static unsigned queue_buffers(const struct eg_gateway *gateway, unsigned p)
{
	return is_xdp(&gateway->config->ports.v[p]) ? XDP_BUFFERS : QUEUE_BUFFERS;
}

static unsigned on_the_way(const struct eg_gateway *gateway)
{
	unsigned n =
		gateway->n_workers * (2 * POOL_CACHE + 4 * EG_BATCH_MAX + EG_REASSEMBLY_MAX + 2048);

	for (unsigned p = 0; p < gateway->n_ports; p++)
		n += gateway->port[p].n_tx *
		     queue_buffers(gateway, p); /* sub-ports have none yet */
	return n;
}

static unsigned received(const struct eg_gateway *gateway, unsigned p)
{
	const char *device = gateway->config->ports.v[p].device;
	bool capture = device && strstr(device, "infinite_rx=1");

	return gateway->port[p].n_rx * queue_buffers(gateway, p) + (capture ? POOL_CAPTURE : 0);
}

static struct rte_mempool *create_pool(const char *name, unsigned buffers, unsigned cache,
				       unsigned room, struct eg_errs *errs)
{
	struct rte_mempool *pool =
		rte_pktmbuf_pool_create(name, buffers, cache, 0, (uint16_t)room, SOCKET_ID_ANY);

	if (!pool)
		eg_error(errs, NULL, "ports",
			 "no memory for %u packet buffers of %u bytes: %s (give EAL more with -m "
			 "MEGABYTES)",
			 buffers, room, rte_strerror(rte_errno));
	return pool;
}

static struct rte_mempool *make_pool(const char *name, unsigned buffers, unsigned room,
				     struct eg_errs *errs)
{
	return create_pool(name, RTE_MAX(buffers, (unsigned)POOL_LEAST), POOL_CACHE, room, errs);
}

/* The room of the port's own buffers; 0: it has none, where those of all have `room`. */
static unsigned own_room(const struct eg_conf_port *conf, unsigned room)
{
	if (conf->rx_buffer_bytes)
		return RTE_PKTMBUF_HEADROOM + conf->rx_buffer_bytes;
	if (is_xdp(conf) && room > XDP_ROOM_MAX)
		return RTE_MAX((unsigned)RTE_MBUF_DEFAULT_BUF_SIZE,
			       RTE_PKTMBUF_HEADROOM + longest_frame(conf) + EG_TAILROOM);
	return 0;
}

static bool make_own(struct eg_gateway *gateway, unsigned p, unsigned room, struct eg_errs *errs)
{
	char name[RTE_MEMPOOL_NAMESIZE];

	snprintf(name, sizeof(name), "eg_port%u", p);
	gateway->port[p].pool =
		make_pool(name, on_the_way(gateway) + received(gateway, p), room, errs);
	return gateway->port[p].pool;
}

int eg_buffers_make(struct eg_gateway *gateway, struct eg_errs *errs)
{
	unsigned room = RTE_MBUF_DEFAULT_BUF_SIZE, buffers = on_the_way(gateway);

	for (unsigned p = 0; p < gateway->n_ports; p++) {
		/* net_af_packet asks for its own header's length too. */
		unsigned around = RTE_PKTMBUF_HEADROOM + 2 * EG_TAILROOM +
				  longest_frame(&gateway->config->ports.v[p]);

		room = RTE_MAX(room, RTE_ALIGN_CEIL(around, 64u));
	}
	for (unsigned p = 0; p < gateway->n_ports; p++) {
		unsigned local = own_room(&gateway->config->ports.v[p], room);

		if (gateway->config->ports.v[p].kernel.device)
			buffers += EG_KERNEL_BUFFERS;
		if (!local)
			buffers += received(gateway, p);
		else if (!make_own(gateway, p, local, errs))
			return -1;
	}
	gateway->pool = make_pool("eg_pool", buffers, room, errs);
	/* No cache: what a worker keeps back, others would miss. */
	gateway->large = create_pool("eg_large", gateway->n_workers * EG_LARGE_BUFFERS, 0,
				     EG_LARGE_BYTES, errs);
	return gateway->pool && gateway->large ? 0 : -1;
}

void eg_buffers_free(struct eg_gateway *gateway)
{
	for (unsigned p = 0; p < gateway->n_ports; p++) {
		rte_mempool_free(gateway->port[p].pool);
		gateway->port[p].pool = NULL;
	}
	rte_mempool_free(gateway->large);
	rte_mempool_free(gateway->pool);
	gateway->large = gateway->pool = NULL;
}
