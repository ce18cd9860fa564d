#include "gateway.h"

#include <net/if.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_ethdev.h>

/* Frames: no ring of net_af_packet that eg_iface_args() asks for has more. */
#define EARLY_MAX 4096

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

/* A driver that believes in 1518 bytes and carries what its kernel interface does. */
static bool carries_any(const struct rte_eth_dev_info *info)
{
	return info->if_index && info->driver_name && !strcmp(info->driver_name, "net_af_packet");
}

static int set_mtu(const struct eg_conf_port *conf, uint16_t id,
		   const struct rte_eth_dev_info *info, struct eg_errs *errs)
{
	uint16_t now = 0;
	int err;

	if (!rte_eth_dev_get_mtu(id, &now) && now == conf->mtu)
		return 0;
	err = rte_eth_dev_set_mtu(id, conf->mtu);
	if (err && carries_any(info))
		err = eg_iface_raise_mtu(info->if_index, conf->mtu);
	if (!err || err == -ENOTSUP) /* pcap and the like take any length */
		return 0;
	eg_error(errs, &conf->pos, conf->name, "mtu %u: %s", conf->mtu, rte_strerror(-err));
	return -1;
}

static int set_queues(struct eg_gateway *gateway, unsigned p, struct eg_errs *errs)
{
	const struct eg_conf_port *conf = &gateway->config->ports.v[p];
	struct eg_gateway_port *port = &gateway->port[p];
	uint16_t rxd = EG_DESCRIPTORS, txd = EG_DESCRIPTORS;
	int socket = rte_eth_dev_socket_id(port->dpdk_id);
	int err = rte_eth_dev_adjust_nb_rx_tx_desc(port->dpdk_id, &rxd, &txd);

	for (uint16_t q = 0; !err && q < port->n_rx; q++)
		err = rte_eth_rx_queue_setup(port->dpdk_id, q, rxd, (unsigned)socket, NULL,
					     port->pool ? port->pool : gateway->pool);
	for (uint16_t q = 0; !err && q < port->n_tx; q++)
		err = rte_eth_tx_queue_setup(port->dpdk_id, q, txd, (unsigned)socket, NULL);
	if (err)
		eg_error(errs, &conf->pos, conf->name, "queues: %s", rte_strerror(-err));
	return err;
}

/* A driver that cannot be told (memif says 1518 and carries any length) must not be refused for it.
 * set_mtu() asks those that can. */
uint16_t eg_device_mtu(uint16_t mtu, const struct rte_eth_dev_info *info)
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
	port->if_index = info.if_index;
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
	eth.rxmode.offloads = info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM;
	port->sums = eth.rxmode.offloads;
	eth.rxmode.mtu = eg_device_mtu(conf->mtu, &info);
	/* What its buffers do not take comes in several, and is gathered. Drivers without this flag
	 * do as they can. */
	if (eg_buffers_small(conf))
		eth.rxmode.offloads |= info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
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
	return set_mtu(conf, port->dpdk_id, &info, errs);
}

/* The socket of net_af_packet receives from every interface of the namespace between socket() and
 * bind(), so its ring may hold frames of other ports, a clear port's on an encrypted one. What came
 * before the start is discarded, as if the link had come up now. More than the ring is not there.
 */
static void discard_early(const struct eg_gateway_port *port)
{
	struct rte_mbuf *m[EG_BATCH_MAX];
	struct rte_eth_dev_info info;

	if (rte_eth_dev_info_get(port->dpdk_id, &info) || strcmp(info.driver_name, "net_af_packet"))
		return;
	for (uint16_t q = 0; q < port->n_rx; q++) {
		for (unsigned bursts = 0; bursts < EARLY_MAX / EG_BATCH_MAX; bursts++) {
			uint16_t n = rte_eth_rx_burst(port->dpdk_id, q, m, EG_BATCH_MAX);

			rte_pktmbuf_free_bulk(m, n);
			if (!n)
				break;
		}
	}
}

/* Drivers that take frames from the kernel, without its word on their checksums. */
static bool is_blind(const struct rte_eth_dev_info *info)
{
	return info->if_index && info->driver_name &&
	       (!strcmp(info->driver_name, "net_af_packet") ||
		!strcmp(info->driver_name, "net_af_xdp") || !strcmp(info->driver_name, "net_pcap"));
}

/* Senders on virtual interfaces leave checksums, and the cutting into segments, to a device that is
 * none. The first espgate makes up for; a frame of many segments it does not even get whole. */
static void check_offloads(struct eg_gateway *gateway, unsigned p)
{
	const char *name = gateway->config->ports.v[p].name;
	char driver[32], interface[IF_NAMESIZE];
	struct rte_eth_dev_info info;

	if (rte_eth_dev_info_get(gateway->port[p].dpdk_id, &info) || !is_blind(&info) ||
	    !if_indextoname(info.if_index, interface) ||
	    !eg_iface_is_virtual(info.if_index, driver))
		return;
	gateway->port[p].partial = true;
	if (!strcmp(driver, "virtio_net"))
		eg_log(&gateway->log, EG_LOG_PORT, EG_LOG_WARNING,
		       "%s: %s cannot tell partial checksums: those of TCP, UDP and SCTP are "
		       "completed, but larger frames than the MTU are lost; turn offloads off: "
		       "ethtool -K %s rx off gro off",
		       name, info.driver_name, interface);
	else
		eg_log(&gateway->log, EG_LOG_PORT, EG_LOG_WARNING,
		       "%s: %s cannot tell partial checksums: those of TCP, UDP and SCTP are "
		       "completed, but larger frames than the MTU are lost; turn offloads off on "
		       "the interface that sends to %s (%s): ethtool -K IFACE tx off",
		       name, info.driver_name, interface, driver);
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
	discard_early(port);
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
	       "mac %02x:%02x:%02x:%02x:%02x:%02x%s",
	       conf->name, conf->device, port->n_rx, port->n_tx, port->mtu, port->mac[0],
	       port->mac[1], port->mac[2], port->mac[3], port->mac[4], port->mac[5],
	       port->sums ? ", IPv4 checksums by the device" : "");
	check_offloads(gateway, p);
	return 0;
}

int eg_ports_start(struct eg_gateway *gateway, struct eg_errs *errs)
{
	size_t before = errs->n_errors;
	unsigned n = (unsigned)gateway->config->ports.n;

	for (unsigned p = 0; p < n; p++) {
		if (gateway->config->ports.v[p].vlan ||
		    find(&gateway->config->ports.v[p], &gateway->port[p].dpdk_id, errs))
			continue;
		configure(gateway, p, errs);
	}
	if (errs->n_errors != before)
		return -1;
	gateway->n_ports = n;
	if (eg_buffers_make(gateway, errs))
		return -1;
	for (unsigned p = 0; p < n; p++) {
		if (!gateway->config->ports.v[p].vlan && !set_queues(gateway, p, errs))
			start(gateway, p, errs);
	}
	return errs->n_errors == before ? eg_subports_start(gateway, errs) : -1;
}

void eg_ports_stop(struct eg_gateway *gateway)
{
	for (unsigned p = 0; p < gateway->n_ports; p++) {
		if (gateway->config->ports.v[p].vlan)
			continue;
		if (gateway->port[p].started)
			rte_eth_dev_stop(gateway->port[p].dpdk_id);
		rte_eth_dev_close(gateway->port[p].dpdk_id);
		gateway->port[p].started = false;
	}
	eg_subports_stop(gateway);
	eg_buffers_free(gateway);
}
