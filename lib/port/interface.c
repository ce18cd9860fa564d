#include "port/interface.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <rte_common.h>

#include "net/headers.h"
#include "port/driver.h"

/* Bytes before the packet in a frame of the driver's ring: the kernel's header (TPACKET2_HDRLEN, 16
 * bytes for a link header, rounded up), and two VLAN tags. */
#define RING_HEADERS (80 + 2 * EG_VLAN_LEN)
#define RING_FRAME   2048 /* the driver's default */
#define RING_ALIGN   64   /* so that 64 frames end with a page */

static int request(unsigned if_index, unsigned long what, struct ifreq *ifr)
{
	int fd, err = 0;

	if (!if_indextoname(if_index, ifr->ifr_name))
		return -errno;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, what, ifr))
		err = -errno;
	close(fd);
	return err;
}

int eg_interface_raise_mtu(unsigned if_index, uint16_t mtu)
{
	struct ifreq ifr = {0};
	int err = request(if_index, SIOCGIFMTU, &ifr);

	if (err || ifr.ifr_mtu >= mtu)
		return err;
	ifr.ifr_mtu = mtu;
	return request(if_index, SIOCSIFMTU, &ifr);
}

bool eg_interface_is_virtual(unsigned if_index, char driver[32])
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	struct ifreq ifr = {.ifr_data = (char *)&info};

	if (request(if_index, SIOCETHTOOL, &ifr))
		memset(&info, 0, sizeof(info));
	snprintf(driver, 32, "%.*s", (int)sizeof(info.driver) - 1,
		 info.driver[0] ? info.driver : "virtual");
	/* A physical device has a bus address ("0000:03:00.0"), but so does virtio. */
	return !strchr(info.bus_info, ':') || !strcmp(info.driver, "virtio_net");
}

bool eg_interface_has_link(unsigned if_index)
{
	/* The carrier as it is now; IFF_RUNNING lags by up to a second. */
	struct ethtool_value link = {.cmd = ETHTOOL_GLINK};
	struct ifreq ifr = {.ifr_data = (char *)&link};
	int err = request(if_index, SIOCETHTOOL, &ifr);

	if (err != -EOPNOTSUPP)
		return !err && link.data; /* on an error, it is gone */
	ifr = (struct ifreq){0};
	err = request(if_index, SIOCGIFFLAGS, &ifr);
	return !err && ifr.ifr_flags & IFF_UP && ifr.ifr_flags & IFF_RUNNING;
}

void eg_interface_device_args(const struct eg_conf_port *conf, struct eg_buf *args)
{
	unsigned frame = RTE_ALIGN_CEIL(RING_HEADERS + conf->mtu, (unsigned)RING_ALIGN);

	eg_buf_add(args, "%s", conf->device);
	/* Longer frames would be truncated when received, and lost when sent. */
	if (eg_driver_of(conf->device)->frame_ring && !strstr(conf->device, "framesz=") &&
	    !strstr(conf->device, "blocksz=") && frame > RING_FRAME)
		eg_buf_add(args, ",framesz=%u,blocksz=%u", frame, 64 * frame);
}
