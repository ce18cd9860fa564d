#include "port/kernel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_ring.h>

#include "base/buf.h"
#include "port/interface.h"
#include "port/rtnl.h"

#define DESCRIPTORS 256 /* net_tap holds as many buffers */
#define RING_SIZE   2048

void eg_kernel_interface(const struct eg_conf_port *conf, char name[IF_NAMESIZE])
{
	const char *at = strstr(conf->kernel.device, ",iface=") + strlen(",iface=");

	snprintf(name, IF_NAMESIZE, "%.*s", (int)strcspn(at, ","), at);
}

static void report(const struct eg_conf_port *conf, int err, struct eg_errs *errs)
{
	char path[EG_CONF_NAME_MAX + 32];

	snprintf(path, sizeof(path), "ports.%s.kernel.device", conf->name);
	eg_error(errs, &conf->kernel.pos, path,
		 "%s: %s (DPDK's messages are above; a tap needs /dev/net/tun and CAP_NET_ADMIN)",
		 conf->kernel.device, rte_strerror(-err));
}

/* The driver sets the interface's MAC from its mac argument. */
static int plug(const struct eg_conf_port *conf, const struct eg_port_dev *port,
		struct eg_errs *errs)
{
	const char *device = conf->kernel.device, *mac = (const char *)port->mac;
	size_t len = strcspn(device, ",");
	struct eg_buf args = {0};
	char name[RTE_DEV_NAME_MAX_LEN];
	int err;

	snprintf(name, sizeof(name), "%.*s", (int)len, device);
	eg_buf_add(&args, "%s,mac=%02x:%02x:%02x:%02x:%02x:%02x", device + len + 1, mac[0] & 0xff,
		   mac[1] & 0xff, mac[2] & 0xff, mac[3] & 0xff, mac[4] & 0xff, mac[5] & 0xff);
	err = args.v ? rte_eal_hotplug_add("vdev", name, args.v) : -ENOMEM;
	eg_buf_free(&args);
	if (err)
		report(conf, err, errs);
	return err;
}

static int set_up(struct eg_ports *ports, unsigned p)
{
	const struct eg_port_dev *port = &ports->port[p];
	struct eg_kernel_device *kernel = &ports->kernel[p];
	struct rte_eth_conf eth = {0};
	struct rte_eth_dev_info info;
	uint16_t rxd = DESCRIPTORS, txd = DESCRIPTORS;
	int err = rte_eth_dev_info_get(kernel->dpdk_id, &info);

	if (err)
		return err;
	/* The limit of DPDK 22.11's tap is 1504. */
	kernel->mtu = eg_device_mtu(port->mtu, &info);
	eth.rxmode.mtu = kernel->mtu;
	err = rte_eth_dev_configure(kernel->dpdk_id, 1, 1, &eth);
	if (!err)
		err = rte_eth_dev_adjust_nb_rx_tx_desc(kernel->dpdk_id, &rxd, &txd);
	if (!err)
		err = rte_eth_rx_queue_setup(kernel->dpdk_id, 0, rxd, SOCKET_ID_ANY, NULL,
					     ports->pool);
	if (!err)
		err = rte_eth_tx_queue_setup(kernel->dpdk_id, 0, txd, SOCKET_ID_ANY, NULL);
	if (!err)
		err = rte_eth_dev_set_mtu(kernel->dpdk_id, kernel->mtu);
	if (!err || err == -ENOTSUP)
		err = rte_eth_dev_start(kernel->dpdk_id);
	if (!err)
		err = eg_rtnl_up(kernel->if_index, kernel->mtu);
	return err;
}

static int start(struct eg_ports *ports, unsigned p, struct eg_errs *errs)
{
	const struct eg_conf_port *conf = &ports->config->ports.v[p];
	struct eg_kernel_device *kernel = &ports->kernel[p];
	char name[RTE_DEV_NAME_MAX_LEN], interface[IF_NAMESIZE];
	int err;

	if (plug(conf, &ports->port[p], errs))
		return -1;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(conf->kernel.device, ","),
		 conf->kernel.device);
	eg_kernel_interface(conf, interface);
	err = rte_eth_dev_get_port_by_name(name, &kernel->dpdk_id);
	kernel->on = !err;
	kernel->if_index = if_nametoindex(interface);
	if (!err)
		err = set_up(ports, p);
	if (err) {
		report(conf, err, errs);
		return -1;
	}
	eg_log(ports->log, EG_LOG_PORT, EG_LOG_INFO, "%s: kernel device: interface %s, mtu %u",
	       conf->name, interface, kernel->mtu);
	return 0;
}

static int make_ring(struct eg_ports *ports, struct eg_errs *errs)
{
	if (ports->to_kernel)
		return 0;
	ports->to_kernel = rte_ring_create("eg_kernel", RING_SIZE, SOCKET_ID_ANY, RING_F_SC_DEQ);
	if (!ports->to_kernel)
		eg_error(errs, NULL, "ports", "no memory for kernel devices: %s",
			 rte_strerror(rte_errno));
	return ports->to_kernel ? 0 : -1;
}

int eg_kernels_start(struct eg_ports *ports, struct eg_errs *errs)
{
	size_t before = errs->n_errors;

	for (unsigned p = 0; p < ports->n; p++) {
		if (!ports->config->ports.v[p].kernel.device)
			continue;
		if (make_ring(ports, errs))
			return -1;
		start(ports, p, errs);
	}
	if (errs->n_errors != before)
		return -1;
	eg_kernels_address(ports, ports->config);
	return 0;
}

static void address(struct eg_ports *ports, unsigned p, const struct eg_prefix *prefix, bool there)
{
	int err = eg_rtnl_address(ports->kernel[p].if_index, prefix, there);
	char text[EG_PREFIX_TEXT];

	if (err)
		eg_log(ports->log, EG_LOG_PORT, EG_LOG_WARNING,
		       "%s: kernel device: cannot %s address %s: %s",
		       ports->config->ports.v[p].name, there ? "add" : "remove",
		       eg_prefix_print(prefix, text), strerror(-err));
}

static bool holds(const struct eg_prefix *v, size_t n, const struct eg_prefix *prefix)
{
	for (size_t i = 0; i < n; i++) {
		if (v[i].len == prefix->len && eg_ip_equal(&v[i].ip, &prefix->ip))
			return true;
	}
	return false;
}

void eg_kernels_address(struct eg_ports *ports, const struct eg_config *config)
{
	for (unsigned p = 0; p < ports->n; p++) {
		const struct eg_conf_port *conf = &config->ports.v[p];
		struct eg_kernel_device *kernel = &ports->kernel[p];

		if (!kernel->on)
			continue;
		for (size_t i = 0; i < kernel->n_addresses; i++) {
			if (!holds(conf->addresses.v, conf->addresses.n, &kernel->address[i]))
				address(ports, p, &kernel->address[i], false);
		}
		eg_vec_foreach (prefix, &conf->addresses) {
			if (!holds(kernel->address, kernel->n_addresses, prefix))
				address(ports, p, prefix, true);
		}
		kernel->n_addresses = conf->addresses.n;
		memcpy(kernel->address, conf->addresses.v,
		       conf->addresses.n * sizeof(*kernel->address));
	}
}

void eg_kernels_poll(struct eg_ports *ports)
{
	for (unsigned p = 0; p < ports->n; p++) {
		struct eg_kernel_device *kernel = &ports->kernel[p];
		bool lost = kernel->on && !eg_interface_has_link(kernel->if_index);

		if (lost == kernel->lost)
			continue;
		kernel->lost = lost;
		eg_log(ports->log, EG_LOG_PORT, lost ? EG_LOG_WARNING : EG_LOG_INFO,
		       "%s: kernel device: its interface is %s", ports->config->ports.v[p].name,
		       lost ? "down or gone" : "up");
	}
}

void eg_kernels_stop(struct eg_ports *ports)
{
	for (unsigned p = 0; p < ports->n; p++) {
		struct eg_kernel_device *kernel = &ports->kernel[p];

		if (!kernel->on)
			continue;
		rte_eth_dev_stop(kernel->dpdk_id);
		rte_eth_dev_close(kernel->dpdk_id);
		kernel->on = false;
	}
	rte_ring_free(ports->to_kernel);
	ports->to_kernel = NULL;
}
