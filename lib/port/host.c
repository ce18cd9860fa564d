#include "port/host.h"

#include <errno.h>
#include <libgen.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "port/driver.h"

struct host {
	struct eg_errs *errs;
	bool starting;
	/* of the device being checked */
	const char *device;
	const struct eg_pos *pos;
	const char *path;
};

#define host_error(host, ...) eg_error((host)->errs, (host)->pos, (host)->path, __VA_ARGS__)

static bool has_capability(unsigned number)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

	/* If the kernel does not report it, the driver will fail. */
	if (syscall(SYS_capget, &header, data))
		return true;
	return data[number / 32].effective >> number % 32 & 1;
}

static void need_capability(const struct host *host, unsigned number, const char *name)
{
	if (!has_capability(number))
		eg_errs_add(host->errs, host->starting ? EG_ERROR : EG_WARNING, host->pos,
			    host->path, "%.*s needs the capability %s, which this user lacks",
			    (int)strcspn(host->device, ","), host->device, name);
}

static void check_interface(const struct host *host, const char *name)
{
	if (!if_nametoindex(name))
		host_error(host, "no interface \"%s\" here (ip link lists them)", name);
}

static void check_read(const struct host *host, const char *file)
{
	if (access(file, R_OK))
		host_error(host, "%s: %s (DPDK's %.*s must read it)", file, strerror(errno),
			   (int)strcspn(host->device, ","), host->device);
}

/* It exists and is writable, or can be created. */
static void check_write(const struct host *host, const char *file)
{
	char *copy = strdup(file);

	if (copy && access(file, W_OK) && (errno != ENOENT || access(dirname(copy), W_OK | X_OK)))
		host_error(host, "%s: %s (DPDK's %.*s must write it)", file, strerror(errno),
			   (int)strcspn(host->device, ","), host->device);
	free(copy);
}

static const struct {
	const char *key;
	void (*check)(const struct host *host, const char *value);
} arguments[] = {
	{"iface", check_interface},    {"rx_iface", check_interface},
	{"tx_iface", check_interface}, {"rx_iface_in", check_interface},
	{"rx_pcap", check_read},       {"tx_pcap", check_write},
};

static void check_arguments(const struct host *host)
{
	char *copy = strdup(host->device), *rest = copy, *argument;

	while (copy && (argument = strsep(&rest, ","))) {
		char *value = strchr(argument, '=');

		if (!value)
			continue;
		*value++ = '\0';
		for (size_t i = 0; i < sizeof(arguments) / sizeof(*arguments); i++) {
			if (!strcmp(argument, arguments[i].key))
				arguments[i].check(host, value);
		}
	}
	free(copy);
}

static void check_pci(const struct host *host)
{
	int n = (int)strcspn(host->device, ",");
	struct eg_buf path = {0};
	bool whole = n > 8; /* with its domain: 0000:8a:00.1 */

	eg_buf_add(&path, "/sys/bus/pci/devices/%s%.*s", whole ? "" : "0000:", n, host->device);
	if (path.v && access(path.v, F_OK))
		host_error(host, "no PCI device %.*s here (lspci -D lists them)", n, host->device);
	eg_buf_free(&path);
}

static void check_tun(const struct host *host)
{
	if (access("/dev/net/tun", R_OK | W_OK))
		host_error(host, "/dev/net/tun: %s", strerror(errno));
	need_capability(host, CAP_NET_ADMIN, "CAP_NET_ADMIN");
}

static void check_device(const struct host *host)
{
	switch (eg_driver_of(host->device)->needs) {
	case EG_NEEDS_NOTHING:
		break;
	case EG_NEEDS_PCI:
		check_pci(host);
		break;
	case EG_NEEDS_TUN:
		check_tun(host);
		break;
	case EG_NEEDS_FILES:
		check_arguments(host);
		break;
	case EG_NEEDS_INTERFACE:
		check_arguments(host);
		need_capability(host, CAP_NET_RAW, "CAP_NET_RAW");
		/* The driver sets the interface's flags and MTU. */
		need_capability(host, CAP_NET_ADMIN, "CAP_NET_ADMIN");
		break;
	}
}

void eg_host_check_devices(const struct eg_config *config, bool starting, struct eg_errs *errs)
{
	eg_vec_foreach (port, &config->ports) {
		struct host host = {.errs = errs, .starting = starting};
		struct eg_buf path = {0};
		size_t n;

		eg_buf_add(&path, "ports.%s.device", port->name);
		host.device = port->device;
		host.pos = &port->at[EG_PORT_KEY_DEVICE];
		host.path = path.v;
		if (host.device)
			check_device(&host);
		n = path.n - strlen("device");
		eg_buf_cut(&path, n);
		eg_buf_add(&path, "kernel.device");
		host.device = port->kernel.device;
		host.pos = &port->at[EG_PORT_KEY_KERNEL];
		host.path = path.v;
		if (host.device)
			check_device(&host);
		eg_buf_free(&path);
	}
}

void eg_host_check_lcores(const struct eg_config *config, struct eg_errs *errs)
{
	cpu_set_t usable;

	eg_vec_foreach (arg, &config->eal_args) {
		/* The arguments map lcores to CPUs. */
		if (!strncmp(*arg, "--lcores", 8) || !strncmp(*arg, "-l", 2) ||
		    !strncmp(*arg, "-c", 2))
			return;
	}
	if (sched_getaffinity(0, sizeof(usable), &usable))
		return;
	eg_vec_foreach (lcore, &config->lcores) {
		if (*lcore >= CPU_SETSIZE || !CPU_ISSET(*lcore, &usable))
			eg_error(errs, &config->lcores_pos, "workers.lcores",
				 "lcore %u is not a CPU that this process may use (it may use %d "
				 "CPUs)",
				 *lcore, CPU_COUNT(&usable));
	}
}
