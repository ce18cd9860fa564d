/* Driver quirks: one table of how DPDK's drivers differ from a NIC's, with the reason for each row.
 * The rest of the program queries properties, never driver names.
 *
 * Pure; any thread. */
#ifndef EG_PORT_DRIVER_H
#define EG_PORT_DRIVER_H

#include <stdbool.h>

/* Descriptors of a queue, where the device leaves the choice. */
#define EG_PORT_DESCRIPTORS 1024

/* What a device requires on this machine before DPDK can open it (port/host.h). */
enum eg_driver_needs {
	EG_NEEDS_NOTHING,
	EG_NEEDS_PCI,       /* a PCI device with that address */
	EG_NEEDS_INTERFACE, /* the kernel interface that `iface` names, and a raw socket on it */
	EG_NEEDS_TUN,       /* /dev/net/tun: it creates its interface */
	EG_NEEDS_FILES,     /* the captures that its arguments name */
};

struct eg_driver {
	const char *name; /* "net_af_packet" of "net_af_packet0,iface=eth0"; NULL: a NIC */
	enum eg_driver_needs needs;
	bool all_queues;        /* poll all its queues, even with fewer workers */
	bool mtu_of_interface;  /* it reports a wrong MTU limit: use the kernel interface's */
	bool frame_ring;        /* its ring's frame size is set by arguments (framesz, blocksz) */
	unsigned early_frames;  /* most frames that a queue may hold from before it was bound */
	bool no_checksum_flags; /* it delivers frames from the kernel without the kernel's checksum
				 * state */
	unsigned queue_buffers; /* buffers that a queue holds, including those in flight */
	unsigned buffer_max;    /* bytes of a receive buffer with its headroom; 0: any */
	unsigned capture_buffers; /* buffers that a capture in a loop (infinite_rx) holds */
};

/* The row of a port's device. */
const struct eg_driver *eg_driver_of(const char *device);

/* "0000:8a:00.1" or "8a:00.1". */
bool eg_device_is_pci(const char *device);

#endif
