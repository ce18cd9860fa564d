/* Where DPDK's drivers differ from what a NIC's driver does: one table, with a reason for each row.
 * The rest of the program asks for a property, never for a driver's name.
 *
 * Pure; any thread. */
#ifndef EG_PORT_DRIVER_H
#define EG_PORT_DRIVER_H

#include <stdbool.h>

/* Descriptors of a queue, where the device leaves the choice. */
#define EG_PORT_DESCRIPTORS 1024

/* What a device needs of this machine before DPDK may open it (port/host.h). */
enum eg_driver_needs {
	EG_NEEDS_NOTHING,
	EG_NEEDS_PCI,       /* a PCI device of that address */
	EG_NEEDS_INTERFACE, /* the kernel interface that `iface` names, and a raw socket on it */
	EG_NEEDS_TUN,       /* /dev/net/tun: it makes its interface itself */
	EG_NEEDS_FILES,     /* the captures that its arguments name */
};

struct eg_driver {
	const char *name; /* "net_af_packet" of "net_af_packet0,iface=eth0"; NULL: a NIC */
	enum eg_driver_needs needs;
	bool all_queues;          /* poll every queue that it has, even if workers are fewer */
	bool mtu_of_interface;    /* its own MTU limit is wrong: the kernel interface's counts */
	bool frame_ring;          /* its ring's frame size is an argument (framesz, blocksz) */
	unsigned early_frames;    /* frames that may be in a queue before it was bound, at most */
	bool no_checksum_flags;   /* it brings frames from the kernel, and not the kernel's word on
				   * their checksums */
	unsigned queue_buffers;   /* buffers that a queue holds, with those on their way */
	unsigned buffer_max;      /* bytes of a receive buffer with its headroom; 0: any */
	unsigned capture_buffers; /* buffers that a capture in a loop (infinite_rx) holds */
};

/* The row of a port's device. */
const struct eg_driver *eg_driver_of(const char *device);

/* "0000:8a:00.1" or "8a:00.1". */
bool eg_device_is_pci(const char *device);

#endif
