/* The ports' kernel devices (path/kernel.h): made behind the ports, whose MACs they take. A device
 * that fails later costs its own packets only. */
#include "kernel.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_ring.h>

#include "base/buf.h"
#include "base/clock.h"
#include "rtnl.h"

#define DESCRIPTORS 256 /* of which tap keeps as many buffers */
#define RING_SIZE   2048

/* The interface's name stands in the device's arguments: the configuration demands it. */
static void interface_of(const struct eg_conf_port *conf, char name[IF_NAMESIZE])
{
	const char *at = strstr(conf->kernel.device, ",iface=") + strlen(",iface=");

	snprintf(name, IF_NAMESIZE, "%.*s", (int)strcspn(at, ","), at);
}

static void report(const struct eg_conf_port *conf, int err, struct eg_errs *errs)
{
	char path[EG_CONF_NAME_MAX + 32];

	snprintf(path, sizeof(path), "ports.%s.kernel.device", conf->name);
	eg_error(errs, &conf->kernel.pos, path,
		 "%s: %s (DPDK's own words are above; a tap needs /dev/net/tun and CAP_NET_ADMIN)",
		 conf->kernel.device, rte_strerror(-err));
}

/* The driver gives the interface the MAC that its own argument names. */
static int plug(const struct eg_conf_port *conf, const struct eg_gateway_port *port,
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

static int set_up(struct eg_gateway *gateway, unsigned p)
{
	const struct eg_gateway_port *port = &gateway->port[p];
	struct eg_gateway_kernel *kernel = &gateway->kernel[p];
	struct rte_eth_conf eth = {0};
	struct rte_eth_dev_info info;
	uint16_t rxd = DESCRIPTORS, txd = DESCRIPTORS;
	int err = rte_eth_dev_info_get(kernel->dpdk_id, &info);

	if (err)
		return err;
	/* DPDK 22.11's tap takes no more than 1504. */
	kernel->mtu = eg_device_mtu(port->mtu, &info);
	eth.rxmode.mtu = kernel->mtu;
	err = rte_eth_dev_configure(kernel->dpdk_id, 1, 1, &eth);
	if (!err)
		err = rte_eth_dev_adjust_nb_rx_tx_desc(kernel->dpdk_id, &rxd, &txd);
	if (!err)
		err = rte_eth_rx_queue_setup(kernel->dpdk_id, 0, rxd, SOCKET_ID_ANY, NULL,
					     gateway->pool);
	if (!err)
		err = rte_eth_tx_queue_setup(kernel->dpdk_id, 0, txd, SOCKET_ID_ANY, NULL);
	if (!err)
		err = rte_eth_dev_set_mtu(kernel->dpdk_id, kernel->mtu);
	if (!err || err == -ENOTSUP)
		err = rte_eth_dev_start(kernel->dpdk_id);
	if (!err)
		err = eg_rtnl_up(kernel->ifindex, kernel->mtu);
	return err;
}

static int start(struct eg_gateway *gateway, unsigned p, struct eg_errs *errs)
{
	const struct eg_conf_port *conf = &gateway->config->ports.v[p];
	struct eg_gateway_kernel *kernel = &gateway->kernel[p];
	char name[RTE_DEV_NAME_MAX_LEN], interface[IF_NAMESIZE];
	int err;

	if (plug(conf, &gateway->port[p], errs))
		return -1;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(conf->kernel.device, ","),
		 conf->kernel.device);
	interface_of(conf, interface);
	err = rte_eth_dev_get_port_by_name(name, &kernel->dpdk_id);
	kernel->on = !err;
	kernel->ifindex = if_nametoindex(interface);
	if (!err)
		err = set_up(gateway, p);
	if (err) {
		report(conf, err, errs);
		return -1;
	}
	eg_log(&gateway->log, EG_LOG_PORT, EG_LOG_INFO, "%s: the kernel has it as %s, mtu %u",
	       conf->name, interface, kernel->mtu);
	return 0;
}

static int make_ring(struct eg_gateway *gateway, struct eg_errs *errs)
{
	if (gateway->to_kernel)
		return 0;
	gateway->to_kernel = rte_ring_create("eg_kernel", RING_SIZE, SOCKET_ID_ANY, RING_F_SC_DEQ);
	if (!gateway->to_kernel)
		eg_error(errs, NULL, "ports", "no memory for kernel devices: %s",
			 rte_strerror(rte_errno));
	return gateway->to_kernel ? 0 : -1;
}

int eg_kernels_start(struct eg_gateway *gateway, struct eg_errs *errs)
{
	size_t before = errs->n_errors;

	for (unsigned p = 0; p < gateway->n_ports; p++) {
		if (!gateway->config->ports.v[p].kernel.device)
			continue;
		if (make_ring(gateway, errs))
			return -1;
		start(gateway, p, errs);
	}
	if (errs->n_errors != before)
		return -1;
	eg_kernels_address(gateway, gateway->config);
	return 0;
}

void eg_kernels_wire(struct eg_gateway *gateway)
{
	for (unsigned w = 0; w < gateway->n_workers; w++) {
		struct eg_path *path = &gateway->worker[w]->path;

		path->kernel_shared.packets = gateway->to_kernel;
		for (unsigned p = 0; p < gateway->n_ports; p++)
			path->port[p].kernel = (struct eg_kernel){
				.on = gateway->kernel[p].on,
				.mtu = gateway->kernel[p].mtu,
				.dpdk_id = gateway->kernel[p].dpdk_id,
				.hop = {.kind = EG_HOP_LINK, .port = (uint8_t)p},
			};
	}
}

static void address(struct eg_gateway *gateway, unsigned p, const struct eg_prefix *prefix,
		    bool there)
{
	int err = eg_rtnl_address(gateway->kernel[p].ifindex, prefix, there);
	char text[EG_PREFIX_TEXT];

	if (err)
		eg_log(&gateway->log, EG_LOG_PORT, EG_LOG_WARNING,
		       "%s: kernel device: cannot %s address %s: %s",
		       gateway->config->ports.v[p].name, there ? "add" : "remove",
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

void eg_kernels_address(struct eg_gateway *gateway, const struct eg_config *config)
{
	for (unsigned p = 0; p < gateway->n_ports; p++) {
		const struct eg_conf_port *conf = &config->ports.v[p];
		struct eg_gateway_kernel *kernel = &gateway->kernel[p];

		if (!kernel->on)
			continue;
		for (size_t i = 0; i < kernel->n_addresses; i++) {
			if (!holds(conf->addresses.v, conf->addresses.n, &kernel->address[i]))
				address(gateway, p, &kernel->address[i], false);
		}
		eg_vec_foreach (prefix, &conf->addresses) {
			if (!holds(kernel->address, kernel->n_addresses, prefix))
				address(gateway, p, prefix, true);
		}
		kernel->n_addresses = conf->addresses.n;
		memcpy(kernel->address, conf->addresses.v,
		       conf->addresses.n * sizeof(*kernel->address));
	}
}

void eg_kernels_step(struct eg_gateway *gateway)
{
	for (unsigned p = 0; p < gateway->n_ports; p++) {
		struct eg_gateway_kernel *kernel = &gateway->kernel[p];
		bool lost = kernel->on && !eg_iface_has_link(kernel->ifindex);

		if (lost == kernel->lost)
			continue;
		kernel->lost = lost;
		eg_log(&gateway->log, EG_LOG_PORT, lost ? EG_LOG_WARNING : EG_LOG_INFO,
		       "%s: kernel device: its interface is %s", gateway->config->ports.v[p].name,
		       lost ? "down or gone" : "up");
	}
}

static bool has_address(const struct eg_conf_port *port, const struct eg_ip *ip)
{
	eg_vec_foreach (address, &port->addresses) {
		if (eg_ip_equal(&address->ip, ip))
			return true;
	}
	return false;
}

void eg_kernel_explain(const struct eg_config *config, const struct eg_ip *dst, struct eg_buf *out)
{
	char interface[IF_NAMESIZE];

	eg_vec_foreach (port, &config->ports) {
		if (!port->kernel.device || !has_address(port, dst))
			continue;
		interface_of(port, interface);
		eg_buf_add(out, "the gateway itself: to the kernel by %s%s\n", interface,
			   port->role == EG_ROLE_ENCRYPTED ? ", where allow names it" : "");
		return;
	}
	eg_buf_add(out, "the gateway itself: dropped as to_gateway\n");
}

void eg_kernels_stop(struct eg_gateway *gateway)
{
	for (unsigned p = 0; p < gateway->n_ports; p++) {
		struct eg_gateway_kernel *kernel = &gateway->kernel[p];

		if (!kernel->on)
			continue;
		rte_eth_dev_stop(kernel->dpdk_id);
		rte_eth_dev_close(kernel->dpdk_id);
		kernel->on = false;
	}
	rte_ring_free(gateway->to_kernel);
	gateway->to_kernel = NULL;
}
