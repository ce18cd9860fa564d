#include "port/port.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_ethdev.h>

#include "port/driver.h"
#include "port/interface.h"

/* Frames per receive call when early frames are discarded. */
#define BURST 64

static int find(const struct eg_conf_port *conf, uint16_t *id, struct eg_errs *errs)
{
	size_t len = strcspn(conf->device, ",");
	char name[RTE_ETH_NAME_MAX_LEN];

	snprintf(name, sizeof(name), "%.*s", (int)len, conf->device);
	if (!rte_eth_dev_get_port_by_name(name, id))
		return 0;
	eg_error(errs, &conf->pos, conf->name,
		 "DPDK has no device \"%s\" (is its driver installed, and a PCI device bound to "
		 "it?)",
		 name);
	return -1;
}

static uint16_t rx_queues(const struct eg_ports *ports, const struct eg_conf_port *conf,
			  const struct rte_eth_dev_info *info)
{
	uint16_t most = info->max_rx_queues ? info->max_rx_queues : 1;

	if (conf->rx_queues)
		return conf->rx_queues;
	if (eg_driver_of(conf->device)->all_queues || ports->n_workers >= most)
		return most;
	return (uint16_t)ports->n_workers;
}

/* Distribute flows over queues; ESP by its SPI if the device can, else by outer addresses. */
static void set_rss(struct rte_eth_conf *eth, const struct rte_eth_dev_info *info)
{
	uint64_t want = RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_SCTP |
			RTE_ETH_RSS_ESP;

	if (!(info->flow_type_rss_offloads & want))
		return;
	eth->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	eth->rx_adv_conf.rss_conf.rss_hf = info->flow_type_rss_offloads & want;
}

static int set_mtu(const struct eg_conf_port *conf, uint16_t id,
		   const struct rte_eth_dev_info *info, struct eg_errs *errs)
{
	uint16_t now = 0;
	int err;

	if (!rte_eth_dev_get_mtu(id, &now) && now == conf->mtu)
		return 0;
	err = rte_eth_dev_set_mtu(id, conf->mtu);
	if (err && info->if_index && eg_driver_of(conf->device)->mtu_of_interface)
		err = eg_interface_raise_mtu(info->if_index, conf->mtu);
	if (!err || err == -ENOTSUP) /* pcap and the like accept any length */
		return 0;
	eg_error(errs, &conf->pos, conf->name, "mtu %u: %s", conf->mtu, rte_strerror(-err));
	return -1;
}

static int set_queues(struct eg_ports *ports, unsigned p, struct eg_errs *errs)
{
	const struct eg_conf_port *conf = &ports->config->ports.v[p];
	struct eg_port_dev *port = &ports->port[p];
	uint16_t rxd = EG_PORT_DESCRIPTORS, txd = EG_PORT_DESCRIPTORS;
	int socket = rte_eth_dev_socket_id(port->dpdk_id);
	int err = rte_eth_dev_adjust_nb_rx_tx_desc(port->dpdk_id, &rxd, &txd);

	for (uint16_t q = 0; !err && q < port->n_rx; q++)
		err = rte_eth_rx_queue_setup(port->dpdk_id, q, rxd, (unsigned)socket, NULL,
					     port->pool ? port->pool : ports->pool);
	for (uint16_t q = 0; !err && q < port->n_tx; q++)
		err = rte_eth_tx_queue_setup(port->dpdk_id, q, txd, (unsigned)socket, NULL);
	if (err)
		eg_error(errs, &conf->pos, conf->name, "queues: %s", rte_strerror(-err));
	return err;
}

/* A driver that reports no MTU limit and cannot set one (net_memif) must not be refused for it.
 * set_mtu() sets it where that is possible. */
uint16_t eg_device_mtu(uint16_t mtu, const struct rte_eth_dev_info *info)
{
	bool knows = info->max_mtu != UINT16_MAX && info->max_rx_pktlen > info->max_mtu;
	uint32_t around =
		knows ? info->max_rx_pktlen - info->max_mtu : RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;
	uint32_t most = RTE_MIN((uint32_t)info->max_mtu, info->max_rx_pktlen - around);

	return (uint16_t)RTE_MIN((uint32_t)mtu, most);
}

static int configure(struct eg_ports *ports, unsigned p, struct eg_errs *errs)
{
	const struct eg_conf_port *conf = &ports->config->ports.v[p];
	struct eg_port_dev *port = &ports->port[p];
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
	port->n_rx = rx_queues(ports, conf, &info);
	port->n_tx = info.max_tx_queues < ports->n_workers ? info.max_tx_queues
							   : (uint16_t)ports->n_workers;
	if (port->n_rx > info.max_rx_queues || !port->n_tx) {
		eg_error(errs, &conf->pos, conf->name,
			 "rx_queues %u: the device has at most %u receive and %u transmit queues",
			 port->n_rx, info.max_rx_queues, info.max_tx_queues);
		return -1;
	}
	eth.rxmode.offloads = info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM;
	port->checks_sums = eth.rxmode.offloads;
	eth.rxmode.mtu = eg_device_mtu(conf->mtu, &info);
	/* A frame longer than a buffer arrives in several, and is gathered. */
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

/* Discard frames from before the start, as if the link had just come up (port/driver.h). */
static void discard_early(const struct eg_port_dev *port, const struct eg_driver *driver)
{
	struct rte_mbuf *m[BURST];

	for (uint16_t q = 0; q < port->n_rx; q++) {
		for (unsigned bursts = 0; bursts < driver->early_frames / BURST; bursts++) {
			uint16_t n = rte_eth_rx_burst(port->dpdk_id, q, m, BURST);

			rte_pktmbuf_free_bulk(m, n);
			if (!n)
				break;
		}
	}
}

/* Senders on virtual interfaces leave checksums and segmentation to a device that does not exist.
 * espgate completes checksums, but unsegmented frames are longer than the MTU and are lost. */
static void check_offloads(struct eg_ports *ports, unsigned p)
{
	const struct eg_conf_port *conf = &ports->config->ports.v[p];
	const char *name = conf->name;
	char driver[32], interface[IF_NAMESIZE];
	struct rte_eth_dev_info info;

	if (!eg_driver_of(conf->device)->no_checksum_flags ||
	    rte_eth_dev_info_get(ports->port[p].dpdk_id, &info) || !info.if_index ||
	    !if_indextoname(info.if_index, interface) ||
	    !eg_interface_is_virtual(info.if_index, driver))
		return;
	ports->port[p].partial_sums = true;
	if (!strcmp(driver, "virtio_net"))
		eg_log(ports->log, EG_LOG_PORT, EG_LOG_WARNING,
		       "%s: %s does not flag partial checksums: those of TCP, UDP and SCTP are "
		       "completed, but frames larger than the MTU are lost; turn offloads off: "
		       "ethtool -K %s rx off gro off",
		       name, info.driver_name, interface);
	else
		eg_log(ports->log, EG_LOG_PORT, EG_LOG_WARNING,
		       "%s: %s does not flag partial checksums: those of TCP, UDP and SCTP are "
		       "completed, but frames larger than the MTU are lost; turn offloads off on "
		       "the interface that sends to %s (%s): ethtool -K IFACE tx off",
		       name, info.driver_name, interface, driver);
}

static int start(struct eg_ports *ports, unsigned p, struct eg_errs *errs)
{
	const struct eg_conf_port *conf = &ports->config->ports.v[p];
	struct eg_port_dev *port = &ports->port[p];
	int err = rte_eth_dev_start(port->dpdk_id);

	if (err) {
		eg_error(errs, &conf->pos, conf->name, "start: %s", rte_strerror(-err));
		return -1;
	}
	port->started = true;
	discard_early(port, eg_driver_of(conf->device));
	/* Devices without such a mode (pcap) return ENOTSUP; parse filters in any case. */
	if (conf->promiscuous)
		err = rte_eth_promiscuous_enable(port->dpdk_id);
	if (err && err != -ENOTSUP)
		eg_log(ports->log, EG_LOG_PORT, EG_LOG_WARNING, "%s: promiscuous: %s", conf->name,
		       rte_strerror(-err));
	/* Solicited-node groups (RFC 4291 s2.7.1) are many and change with the configuration. */
	err = rte_eth_allmulticast_enable(port->dpdk_id);
	if (err && err != -ENOTSUP)
		eg_log(ports->log, EG_LOG_PORT, EG_LOG_WARNING, "%s: all multicast: %s", conf->name,
		       rte_strerror(-err));
	eg_log(ports->log, EG_LOG_PORT, EG_LOG_INFO,
	       "%s: %s, %u receive and %u transmit queues, mtu %u, "
	       "mac %02x:%02x:%02x:%02x:%02x:%02x%s",
	       conf->name, conf->device, port->n_rx, port->n_tx, port->mtu, port->mac[0],
	       port->mac[1], port->mac[2], port->mac[3], port->mac[4], port->mac[5],
	       port->checks_sums ? ", IPv4 checksums by the device" : "");
	check_offloads(ports, p);
	return 0;
}

int eg_ports_start(struct eg_ports *ports, struct eg_errs *errs)
{
	size_t before = errs->n_errors;
	unsigned n = (unsigned)ports->config->ports.n;

	for (unsigned p = 0; p < n; p++) {
		if (ports->config->ports.v[p].vlan ||
		    find(&ports->config->ports.v[p], &ports->port[p].dpdk_id, errs))
			continue;
		configure(ports, p, errs);
	}
	if (errs->n_errors != before)
		return -1;
	ports->n = n;
	if (eg_buffers_make(ports, errs))
		return -1;
	for (unsigned p = 0; p < n; p++) {
		if (!ports->config->ports.v[p].vlan && !set_queues(ports, p, errs))
			start(ports, p, errs);
	}
	return errs->n_errors == before ? eg_subports_start(ports, errs) : -1;
}

void eg_ports_stop(struct eg_ports *ports)
{
	for (unsigned p = 0; p < ports->n; p++) {
		if (ports->config->ports.v[p].vlan)
			continue;
		if (ports->port[p].started)
			rte_eth_dev_stop(ports->port[p].dpdk_id);
		rte_eth_dev_close(ports->port[p].dpdk_id);
		ports->port[p].started = false;
	}
	eg_subports_stop(ports);
	eg_buffers_free(ports);
}
