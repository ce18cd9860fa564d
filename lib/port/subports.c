/* VLAN sub-ports: each uses its parent's device, and enters its VLAN in the parent's table. */
#include "port/port.h"

#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_ethdev.h>

_Static_assert(EG_CONF_PORTS_MAX < EG_PORT_NONE,
	       "a port's index is one byte, and differs from none");

/* Make the device accept frames for one more MAC: by its filter, or in promiscuous mode without
 * one.
 */
static int add_mac(const struct eg_conf_port *conf, uint16_t dpdk_id, struct eg_errs *errs)
{
	struct rte_ether_addr mac;
	int err;

	memcpy(mac.addr_bytes, conf->mac, sizeof(mac.addr_bytes));
	err = rte_eth_dev_mac_addr_add(dpdk_id, &mac, 0);
	if (err)
		err = rte_eth_promiscuous_enable(dpdk_id);
	if (!err || err == -ENOTSUP) /* pcap and the like filter nothing */
		return 0;
	eg_error(errs, &conf->pos, conf->name, "mac: %s", rte_strerror(-err));
	return -1;
}

/* VLAN 0 (priority only) and untagged frames belong to the parent. */
static uint8_t *make_vlans(unsigned parent)
{
	uint8_t *vlans = malloc(EG_PORT_VLANS);

	if (!vlans)
		return NULL;
	memset(vlans, EG_PORT_NONE, EG_PORT_VLANS);
	vlans[0] = (uint8_t)parent;
	return vlans;
}

static int start(struct eg_ports *ports, unsigned p, struct eg_errs *errs)
{
	const struct eg_conf_port *conf = &ports->config->ports.v[p];
	struct eg_port_dev *parent = &ports->port[conf->parent], *port = &ports->port[p];

	if (!parent->vlans)
		parent->vlans = make_vlans(conf->parent);
	if (!parent->vlans) {
		eg_error(errs, &conf->pos, conf->name, "out of memory");
		return -1;
	}
	parent->vlans[conf->vlan] = (uint8_t)p;
	port->dpdk_id = parent->dpdk_id;
	port->if_index = parent->if_index;
	port->partial_sums = parent->partial_sums;
	port->n_tx = parent->n_tx;
	port->mtu = conf->mtu;
	memcpy(port->mac, conf->has_mac ? conf->mac : parent->mac, sizeof(port->mac));
	eg_log(ports->log, EG_LOG_PORT, EG_LOG_INFO,
	       "%s: VLAN %u of %s, mtu %u, mac %02x:%02x:%02x:%02x:%02x:%02x", conf->name,
	       conf->vlan, ports->config->ports.v[conf->parent].name, port->mtu, port->mac[0],
	       port->mac[1], port->mac[2], port->mac[3], port->mac[4], port->mac[5]);
	return conf->has_mac ? add_mac(conf, port->dpdk_id, errs) : 0;
}

int eg_subports_start(struct eg_ports *ports, struct eg_errs *errs)
{
	for (unsigned p = 0; p < ports->n; p++) {
		if (ports->config->ports.v[p].vlan && start(ports, p, errs))
			return -1;
	}
	return 0;
}

void eg_subports_stop(struct eg_ports *ports)
{
	for (unsigned p = 0; p < ports->n; p++) {
		free(ports->port[p].vlans);
		ports->port[p].vlans = NULL;
	}
}
