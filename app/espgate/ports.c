#include "gateway.h"

#include <string.h>

#include <rte_errno.h>
#include <rte_ethdev.h>

#define DESCRIPTORS  1024
#define LINK_HEADERS (EG_ETH_LEN + 2 * EG_VLAN_LEN)
/* Behind the packet: ESP trailer and ICV, of the longest suite. */
#define TAILROOM   64
#define POOL_CACHE 512
#define POOL_LEAST 8191
/* net_pcap with infinite_rx keeps its whole capture in the pool. */
#define POOL_CAPTURE 16384

static int find(const struct eg_conf_port *conf, uint16_t *id, struct eg_errs *errs)
{
	size_t len = strcspn(conf->device, ",");
	char name[RTE_ETH_NAME_MAX_LEN];

	snprintf(name, sizeof(name), "%.*s", (int)len, conf->device);
	if (!rte_eth_dev_get_port_by_name(name, id))
		return 0;
	eg_error(errs, &conf->pos, conf->name,
		 "DPDK has no device \"%s\" (is its driver there, and a PCI device bound to it?)",
		 name);
	return -1;
}

static bool keeps_capture(const struct eg_conf_port *conf)
{
	return strstr(conf->device, "infinite_rx=1") != NULL;
}

/* A capture's or ring's queues all hold packets: leave none unread. A NIC's are made as needed. */
static uint16_t rx_queues(const struct eg_gateway *gateway, const struct eg_conf_port *conf,
			  const struct rte_eth_dev_info *info)
{
	bool fixed = !strncmp(conf->device, "net_pcap", 8) || !strncmp(conf->device, "net_ring", 8);
	uint16_t most = info->max_rx_queues ? info->max_rx_queues : 1;

	if (conf->rx_queues)
		return conf->rx_queues;
	if (fixed || gateway->n_workers >= most)
		return most;
	return (uint16_t)gateway->n_workers;
}

/* Spread flows over queues; ESP by its SPI where the device can, else by outer address. */
static void set_rss(struct rte_eth_conf *eth, const struct rte_eth_dev_info *info)
{
	uint64_t want = RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_SCTP |
			RTE_ETH_RSS_ESP;

	if (!(info->flow_type_rss_offloads & want))
		return;
	eth->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	eth->rx_adv_conf.rss_conf.rss_hf = info->flow_type_rss_offloads & want;
}

static int set_mtu(const struct eg_conf_port *conf, uint16_t id, struct eg_errs *errs)
{
	uint16_t now = 0;
	int err;

	if (!rte_eth_dev_get_mtu(id, &now) && now == conf->mtu)
		return 0;
	err = rte_eth_dev_set_mtu(id, conf->mtu);
	if (!err || err == -ENOTSUP) /* pcap and the like take any length */
		return 0;
	eg_error(errs, &conf->pos, conf->name, "mtu %u: %s", conf->mtu, rte_strerror(-err));
	return -1;
}

static int set_queues(struct eg_gateway *gateway, unsigned p, struct eg_errs *errs)
{
	const struct eg_conf_port *conf = &gateway->config->ports.v[p];
	struct eg_gateway_port *port = &gateway->port[p];
	uint16_t rxd = DESCRIPTORS, txd = DESCRIPTORS;
	int socket = rte_eth_dev_socket_id(port->dpdk_id);
	int err = rte_eth_dev_adjust_nb_rx_tx_desc(port->dpdk_id, &rxd, &txd);

	for (uint16_t q = 0; !err && q < port->n_rx; q++)
		err = rte_eth_rx_queue_setup(port->dpdk_id, q, rxd, (unsigned)socket, NULL,
					     gateway->pool);
	for (uint16_t q = 0; !err && q < port->n_tx; q++)
		err = rte_eth_tx_queue_setup(port->dpdk_id, q, txd, (unsigned)socket, NULL);
	if (err)
		eg_error(errs, &conf->pos, conf->name, "queues: %s", rte_strerror(-err));
	return err;
}

/* What to ask of the device: its own limit where it has a lower one, for a driver that cannot be
 * told (memif says 1518 and carries any length) must not be refused for it. set_mtu() asks those
 * that can. */
static uint16_t device_mtu(uint16_t mtu, const struct rte_eth_dev_info *info)
{
	bool knows = info->max_mtu != UINT16_MAX && info->max_rx_pktlen > info->max_mtu;
	uint32_t around =
		knows ? info->max_rx_pktlen - info->max_mtu : RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;
	uint32_t most = RTE_MIN((uint32_t)info->max_mtu, info->max_rx_pktlen - around);

	return (uint16_t)RTE_MIN((uint32_t)mtu, most);
}

static int configure(struct eg_gateway *gateway, unsigned p, struct eg_errs *errs)
{
	const struct eg_conf_port *conf = &gateway->config->ports.v[p];
	struct eg_gateway_port *port = &gateway->port[p];
	struct rte_eth_conf eth = {0};
	struct rte_eth_dev_info info;
	struct rte_ether_addr mac;
	int err = rte_eth_dev_info_get(port->dpdk_id, &info);

	if (err) {
		eg_error(errs, &conf->pos, conf->name, "%s", rte_strerror(-err));
		return -1;
	}
	port->mtu = conf->mtu;
	port->n_rx = rx_queues(gateway, conf, &info);
	port->n_tx = info.max_tx_queues < gateway->n_workers ? info.max_tx_queues
							     : (uint16_t)gateway->n_workers;
	if (port->n_rx > info.max_rx_queues || !port->n_tx) {
		eg_error(errs, &conf->pos, conf->name,
			 "rx_queues %u: the device has at most %u receive and %u transmit queues",
			 port->n_rx, info.max_rx_queues, info.max_tx_queues);
		return -1;
	}
	eth.rxmode.mtu = device_mtu(conf->mtu, &info);
	if (port->n_rx > 1)
		set_rss(&eth, &info);
	err = rte_eth_dev_configure(port->dpdk_id, port->n_rx, port->n_tx, &eth);
	if (!err)
		err = rte_eth_macaddr_get(port->dpdk_id, &mac);
	if (err) {
		eg_error(errs, &conf->pos, conf->name, "%s", rte_strerror(-err));
		return -1;
	}
	memcpy(port->mac, mac.addr_bytes, sizeof(port->mac));
	return set_mtu(conf, port->dpdk_id, errs);
}

static int start(struct eg_gateway *gateway, unsigned p, struct eg_errs *errs)
{
	const struct eg_conf_port *conf = &gateway->config->ports.v[p];
	struct eg_gateway_port *port = &gateway->port[p];
	int err = rte_eth_dev_start(port->dpdk_id);

	if (err) {
		eg_error(errs, &conf->pos, conf->name, "start: %s", rte_strerror(-err));
		return -1;
	}
	port->started = true;
	/* Devices without such a mode (pcap) answer ENOTSUP; parse filters all the same. */
	if (conf->promiscuous)
		err = rte_eth_promiscuous_enable(port->dpdk_id);
	if (err && err != -ENOTSUP)
		eg_log(&gateway->log, EG_LOG_PORT, EG_LOG_WARNING, "%s: promiscuous: %s",
		       conf->name, rte_strerror(-err));
	/* Solicited-node groups (RFC 4291 s2.7.1) are many and change with the configuration. */
	err = rte_eth_allmulticast_enable(port->dpdk_id);
	if (err && err != -ENOTSUP)
		eg_log(&gateway->log, EG_LOG_PORT, EG_LOG_WARNING, "%s: all multicast: %s",
		       conf->name, rte_strerror(-err));
	eg_log(&gateway->log, EG_LOG_PORT, EG_LOG_INFO,
	       "%s: %s, %u receive and %u transmit queues, mtu %u, "
	       "mac %02x:%02x:%02x:%02x:%02x:%02x",
	       conf->name, conf->device, port->n_rx, port->n_tx, port->mtu, port->mac[0],
	       port->mac[1], port->mac[2], port->mac[3], port->mac[4], port->mac[5]);
	return 0;
}

/* One pool for all: every buffer takes the largest frame of any port in one segment. */
static int make_pool(struct eg_gateway *gateway, struct eg_errs *errs)
{
	unsigned room = 0,
		 buffers = gateway->n_workers * (2 * POOL_CACHE + 4 * EG_BATCH_MAX + 2048);

	for (unsigned p = 0; p < gateway->n_ports; p++) {
		const struct eg_conf_port *conf = &gateway->config->ports.v[p];
		const struct eg_gateway_port *port = &gateway->port[p];

		room = RTE_MAX(room, (unsigned)RTE_PKTMBUF_HEADROOM + LINK_HEADERS + conf->mtu +
					     TAILROOM);
		buffers += (unsigned)(port->n_rx + port->n_tx) * (DESCRIPTORS + 512);
		if (keeps_capture(conf))
			buffers += POOL_CAPTURE;
	}
	room = RTE_MAX(RTE_ALIGN_CEIL(room, 64u), (unsigned)RTE_MBUF_DEFAULT_BUF_SIZE);
	gateway->pool = rte_pktmbuf_pool_create("eg_pool", RTE_MAX(buffers, POOL_LEAST * 1u),
						POOL_CACHE, 0, (uint16_t)room, SOCKET_ID_ANY);
	if (gateway->pool)
		return 0;
	eg_error(
		errs, NULL, "ports",
		"no memory for %u packet buffers of %u bytes: %s (give EAL more with -m MEGABYTES)",
		buffers, room, rte_strerror(rte_errno));
	return -1;
}

int eg_ports_start(struct eg_gateway *gateway, struct eg_errs *errs)
{
	size_t before = errs->n_errors;
	unsigned n = (unsigned)gateway->config->ports.n;

	for (unsigned p = 0; p < n; p++) {
		if (find(&gateway->config->ports.v[p], &gateway->port[p].dpdk_id, errs))
			continue;
		configure(gateway, p, errs);
	}
	if (errs->n_errors != before)
		return -1;
	gateway->n_ports = n;
	if (make_pool(gateway, errs))
		return -1;
	for (unsigned p = 0; p < n; p++) {
		if (!set_queues(gateway, p, errs))
			start(gateway, p, errs);
	}
	return errs->n_errors == before ? 0 : -1;
}

void eg_ports_stop(struct eg_gateway *gateway)
{
	for (unsigned p = 0; p < gateway->n_ports; p++) {
		if (gateway->port[p].started)
			rte_eth_dev_stop(gateway->port[p].dpdk_id);
		rte_eth_dev_close(gateway->port[p].dpdk_id);
		gateway->port[p].started = false;
	}
	rte_mempool_free(gateway->pool);
	gateway->pool = NULL;
}
