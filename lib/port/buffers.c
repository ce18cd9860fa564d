/* Packet buffers. One pool whose buffers fit the largest frame of any port in one segment, for most
 * ports' receive queues, gathered frames and locally originated packets. One pool for each port
 * that sets rx_buffer, so that a jumbo MTU need not cost 10 kB per descriptor. And a small pool of
 * 64 KiB buffers for reassembled packets. */
#include "port/port.h"

#include <stdio.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_mbuf.h>

#include "net/headers.h"
#include "port/driver.h"
#include "port/kernel.h"

#define LINK_HEADERS (EG_ETH_LEN + 2 * EG_VLAN_LEN)
#define POOL_CACHE   512
#define POOL_LEAST   8191

static unsigned longest_frame(const struct eg_conf_port *conf)
{
	return LINK_HEADERS + conf->mtu;
}

bool eg_buffers_small(const struct eg_conf_port *conf)
{
	return conf->rx_buffer_bytes && conf->rx_buffer_bytes < longest_frame(conf);
}

/* A sub-port has no queues. */
static unsigned queue_buffers(const struct eg_ports *ports, unsigned p)
{
	const char *device = ports->config->ports.v[p].device;

	return device ? eg_driver_of(device)->queue_buffers : 0;
}

/* Buffers held by workers and transmit queues. */
static unsigned in_flight(const struct eg_ports *ports)
{
	unsigned n = ports->n_workers * (2 * POOL_CACHE + ports->needs.per_worker);

	for (unsigned p = 0; p < ports->n; p++)
		n += ports->port[p].n_tx * queue_buffers(ports, p);
	return n;
}

/* Buffers held by a port's receive queues. */
static unsigned rx_buffers(const struct eg_ports *ports, unsigned p)
{
	const char *device = ports->config->ports.v[p].device;
	bool repeats = device && strstr(device, "infinite_rx=1");

	return ports->port[p].n_rx * queue_buffers(ports, p) +
	       (repeats ? eg_driver_of(device)->capture_buffers : 0);
}

static struct rte_mempool *create_pool(const char *name, unsigned buffers, unsigned cache,
				       unsigned bytes, struct eg_errs *errs)
{
	struct rte_mempool *pool =
		rte_pktmbuf_pool_create(name, buffers, cache, 0, (uint16_t)bytes, SOCKET_ID_ANY);

	if (!pool)
		eg_error(errs, NULL, "ports",
			 "no memory for %u packet buffers of %u bytes: %s (give EAL more with -m "
			 "MEGABYTES)",
			 buffers, bytes, rte_strerror(rte_errno));
	return pool;
}

static struct rte_mempool *make_pool(const char *name, unsigned buffers, unsigned bytes,
				     struct eg_errs *errs)
{
	return create_pool(name, RTE_MAX(buffers, (unsigned)POOL_LEAST), POOL_CACHE, bytes, errs);
}

/* Size in bytes of the port's private buffers; 0: it uses the common ones, of `common` bytes. */
static unsigned private_bytes(const struct eg_ports *ports, const struct eg_conf_port *conf,
			      unsigned common)
{
	unsigned max = conf->device ? eg_driver_of(conf->device)->buffer_max : 0;

	if (conf->rx_buffer_bytes)
		return RTE_PKTMBUF_HEADROOM + conf->rx_buffer_bytes;
	if (max && common > max)
		return RTE_MAX((unsigned)RTE_MBUF_DEFAULT_BUF_SIZE,
			       RTE_PKTMBUF_HEADROOM + longest_frame(conf) + ports->needs.tailroom);
	return 0;
}

static bool make_private(struct eg_ports *ports, unsigned p, unsigned bytes, struct eg_errs *errs)
{
	char name[RTE_MEMPOOL_NAMESIZE];

	snprintf(name, sizeof(name), "eg_port%u", p);
	ports->port[p].pool = make_pool(name, in_flight(ports) + rx_buffers(ports, p), bytes, errs);
	return ports->port[p].pool;
}

int eg_buffers_make(struct eg_ports *ports, struct eg_errs *errs)
{
	unsigned common = RTE_MBUF_DEFAULT_BUF_SIZE, buffers = in_flight(ports);

	for (unsigned p = 0; p < ports->n; p++) {
		/* Twice the tailroom: net_af_packet counts its ring's header as part of the frame.
		 */
		unsigned bytes = RTE_PKTMBUF_HEADROOM + 2 * ports->needs.tailroom +
				 longest_frame(&ports->config->ports.v[p]);

		common = RTE_MAX(common, RTE_ALIGN_CEIL(bytes, 64u));
	}
	for (unsigned p = 0; p < ports->n; p++) {
		unsigned bytes = private_bytes(ports, &ports->config->ports.v[p], common);

		if (ports->config->ports.v[p].kernel.device)
			buffers += EG_KERNEL_BUFFERS;
		if (!bytes)
			buffers += rx_buffers(ports, p);
		else if (!make_private(ports, p, bytes, errs))
			return -1;
	}
	ports->pool = make_pool("eg_pool", buffers, common, errs);
	/* No cache: there are few, and buffers in one worker's cache would be missing elsewhere. */
	ports->large = create_pool("eg_large", ports->n_workers * ports->needs.large_per_worker, 0,
				   ports->needs.large_bytes, errs);
	return ports->pool && ports->large ? 0 : -1;
}

void eg_buffers_free(struct eg_ports *ports)
{
	for (unsigned p = 0; p < ports->n; p++) {
		rte_mempool_free(ports->port[p].pool);
		ports->port[p].pool = NULL;
	}
	rte_mempool_free(ports->large);
	rte_mempool_free(ports->pool);
	ports->large = ports->pool = NULL;
}
