#include "port/driver.h"

#include <stddef.h>
#include <string.h>

/* What a queue's descriptors hold, and what is on its way from or to it. */
#define QUEUE_BUFFERS (EG_PORT_DESCRIPTORS + 512)

/* A row without a property behaves like a NIC in it. */
static const struct eg_driver drivers[] = {
	{
		/* A socket of the kernel on an interface. It reports a limit of 1518 bytes and
		 * carries what its interface does. It cannot be told a frame's size but by
		 * arguments, and cuts off longer frames. Between socket() and bind() its ring
		 * receives from every interface of the namespace: an encrypted port would hold
		 * frames of a clear one. No ring with the default arguments has more than 4096. */
		.name = "net_af_packet",
		.needs = EG_NEEDS_INTERFACE,
		.mtu_of_interface = true,
		.frame_ring = true,
		.early_frames = 4096,
		.no_checksum_flags = true,
		.queue_buffers = QUEUE_BUFFERS,
	},
	{
		/* It fills rings of its own size (2048 each way), whatever it is told. A receive
		 * buffer lies in one page, with mbuf and headers. */
		.name = "net_af_xdp",
		.needs = EG_NEEDS_INTERFACE,
		.no_checksum_flags = true,
		.queue_buffers = 2 * 2048 + 512,
		.buffer_max = 4096 - 256,
	},
	{
		/* It makes its interface. DPDK 22.11 takes an MTU of at most 1504, as its limits
		 * say, and holds as many buffers as a queue has descriptors. */
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
		/* Shared memory with another process. It reports a limit of 1518 bytes, cannot be
		 * told an MTU and carries any length: eg_device_mtu() asks for no more than the
		 * limit, and no driver is refused for an MTU that it cannot set. */
		.name = "net_memif",
		.needs = EG_NEEDS_NOTHING,
		.queue_buffers = QUEUE_BUFFERS,
	},
	{
		/* Captures: each receive queue is a file to be read whole. In a loop, all its
		 * packets are in buffers of the pool. On an interface, libpcap hands over frames
		 * without the kernel's word on their checksums. No MTU, no MAC filter. */
		.name = "net_pcap",
		.needs = EG_NEEDS_FILES,
		.all_queues = true,
		.no_checksum_flags = true,
		.queue_buffers = QUEUE_BUFFERS,
		.capture_buffers = 16384,
	},
	{
		/* Nothing comes in but empty frames, and nothing gets out: for measurements. It
		 * takes any MTU. */
		.name = "net_null",
		.needs = EG_NEEDS_NOTHING,
		.queue_buffers = QUEUE_BUFFERS,
	},
	{
		/* Rings of this process: each may hold packets. */
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

/* A device's name is its driver's with a suffix, mostly a number; so "net_ring_x" is net_ring's. No
 * driver's name begins with another one's. */
const struct eg_driver *eg_driver_of(const char *device)
{
	for (size_t i = 0; i < sizeof(drivers) / sizeof(*drivers); i++) {
		if (!strncmp(device, drivers[i].name, strlen(drivers[i].name)))
			return &drivers[i];
	}
	return eg_device_is_pci(device) ? &nic : &other;
}
