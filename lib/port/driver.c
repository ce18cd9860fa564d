#include "port/driver.h"

#include <stddef.h>
#include <string.h>

/* Buffers in a queue's descriptors, and in flight to or from it. */
#define QUEUE_BUFFERS (EG_PORT_DESCRIPTORS + 512)

/* A property that a row does not set is that of a NIC. */
static const struct eg_driver drivers[] = {
	{
		/* A packet socket on a kernel interface. It reports a limit of 1518 bytes, but the
		 * interface's MTU applies. The frame size can be set only by arguments, and longer
		 * frames are truncated. Between socket() and bind(), its ring receives from every
		 * interface of the namespace: an encrypted port could hold frames of a clear one.
		 * A ring with the default arguments holds at most 4096 frames. */
		.name = "net_af_packet",
		.needs = EG_NEEDS_INTERFACE,
		.mtu_of_interface = true,
		.frame_ring = true,
		.early_frames = 4096,
		.no_checksum_flags = true,
		.queue_buffers = QUEUE_BUFFERS,
	},
	{
		/* Its rings have a fixed size (2048 each way), whatever is requested. A receive
		 * buffer, with mbuf and headers, must fit into one page. */
		.name = "net_af_xdp",
		.needs = EG_NEEDS_INTERFACE,
		.no_checksum_flags = true,
		.queue_buffers = 2 * 2048 + 512,
		.buffer_max = 4096 - 256,
	},
	{
		/* It creates its interface. In DPDK 22.11 its MTU is at most 1504, as it reports,
		 * and it holds as many buffers as a queue has descriptors. */
		.name = "net_tap",
		.needs = EG_NEEDS_TUN,
		.queue_buffers = QUEUE_BUFFERS,
	},
	{
		/* As net_tap, without a link header. */
		.name = "net_tun",
		.needs = EG_NEEDS_TUN,
		.queue_buffers = QUEUE_BUFFERS,
	},
	{
		/* Shared memory with another process. It reports a limit of 1518 bytes, cannot set
		 * an MTU, and accepts frames of any length. eg_device_mtu() requests no more than
		 * the limit, and a driver that cannot set an MTU is not refused. */
		.name = "net_memif",
		.needs = EG_NEEDS_NOTHING,
		.queue_buffers = QUEUE_BUFFERS,
	},
	{
		/* Captures: each receive queue is a file to be read whole. In a loop
		 * (infinite_rx), all its packets are in buffers of the pool. On an interface,
		 * libpcap delivers frames without the kernel's checksum state. No MTU, no MAC
		 * filter. */
		.name = "net_pcap",
		.needs = EG_NEEDS_FILES,
		.all_queues = true,
		.no_checksum_flags = true,
		.queue_buffers = QUEUE_BUFFERS,
		.capture_buffers = 16384,
	},
	{
		/* Receives only empty frames and discards what is sent: for measurements. Accepts
		 * any MTU. */
		.name = "net_null",
		.needs = EG_NEEDS_NOTHING,
		.queue_buffers = QUEUE_BUFFERS,
	},
	{
		/* Rings of this process: each of them may hold packets, so all are polled. */
		.name = "net_ring",
		.needs = EG_NEEDS_NOTHING,
		.all_queues = true,
		.queue_buffers = QUEUE_BUFFERS,
	},
};

static const struct eg_driver nic = {.needs = EG_NEEDS_PCI, .queue_buffers = QUEUE_BUFFERS};
static const struct eg_driver other = {.needs = EG_NEEDS_NOTHING, .queue_buffers = QUEUE_BUFFERS};

bool eg_device_is_pci(const char *device)
{
	return strspn(device, "0123456789abcdefABCDEF:.") == strcspn(device, ",") &&
	       strchr(device, ':');
}

/* A device's name is its driver's name with a suffix, usually a number: "net_ring_x" belongs to
 * net_ring. No driver's name is a prefix of another. */
const struct eg_driver *eg_driver_of(const char *device)
{
	for (size_t i = 0; i < sizeof(drivers) / sizeof(*drivers); i++) {
		if (!strncmp(device, drivers[i].name, strlen(drivers[i].name)))
			return &drivers[i];
	}
	return eg_device_is_pci(device) ? &nic : &other;
}
