/* The table of drivers: which row a device has, and what follows from it. */
#include "port_tests.h"

#include <rte_ethdev.h>

#include "port/driver.h"
#include "port/interface.h"
#include "port/port.h"

static void test_rows(void **state)
{
	static const struct {
		const char *device, *row;
		enum eg_driver_needs needs;
	} cases[] = {
		{"net_af_packet0,iface=eth0", "net_af_packet", EG_NEEDS_INTERFACE},
		{"net_af_packet12", "net_af_packet", EG_NEEDS_INTERFACE},
		{"net_af_xdp0,iface=eth0", "net_af_xdp", EG_NEEDS_INTERFACE},
		{"net_tap0,iface=gw", "net_tap", EG_NEEDS_TUN},
		{"net_tun1", "net_tun", EG_NEEDS_TUN},
		{"net_memif0,role=server", "net_memif", EG_NEEDS_NOTHING},
		{"net_pcap0,rx_pcap=in.pcap", "net_pcap", EG_NEEDS_FILES},
		{"net_null0,size=64", "net_null", EG_NEEDS_NOTHING},
		{"net_ring_a", "net_ring", EG_NEEDS_NOTHING},
		{"virtio_user0,path=/dev/vhost-net,iface=gw", NULL, EG_NEEDS_NOTHING},
		{"net_af_packe", NULL, EG_NEEDS_NOTHING},
		{"0000:8a:00.1", NULL, EG_NEEDS_PCI},
		{"8a:00.1,arg=1", NULL, EG_NEEDS_PCI},
		{"", NULL, EG_NEEDS_NOTHING},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct eg_driver *driver = eg_driver_of(cases[i].device);

		if (cases[i].row)
			assert_string_equal(driver->name, cases[i].row);
		else
			assert_null(driver->name);
		assert_int_equal(driver->needs, cases[i].needs);
		assert_int_equal(eg_device_is_pci(cases[i].device), cases[i].needs == EG_NEEDS_PCI);
		/* Every queue holds its descriptors at least. */
		assert_true(driver->queue_buffers > EG_PORT_DESCRIPTORS);
	}
}

/* What the drivers of DPDK 22.11 report, and what is configured. */
static void test_mtu(void **state)
{
	static const struct {
		const char *driver;
		uint16_t max_mtu;
		uint32_t max_rx_pktlen;
		uint16_t want, is;
	} cases[] = {
		{"a NIC", 9582, 9600, 9000, 9000},
		{"a NIC", 9582, 9600, 9600, 9582},
		{"a NIC that counts tags", 9674, 9700, 9674, 9674},
		{"net_af_packet", UINT16_MAX, 1518, 9000, 1500},
		{"net_memif", UINT16_MAX, 1518, 1400, 1400},
		{"net_memif", UINT16_MAX, 1518, 9000, 1500},
		{"net_pcap", UINT16_MAX, UINT32_MAX, 9000, 9000},
		{"net_null", UINT16_MAX, UINT32_MAX, 9600, 9600},
		{"net_tap", 1504, 1522, 1500, 1500},
		{"net_tap", 1504, 1522, 9000, 1504},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct rte_eth_dev_info info = {.max_mtu = cases[i].max_mtu,
						      .max_rx_pktlen = cases[i].max_rx_pktlen};

		if (eg_device_mtu(cases[i].want, &info) != cases[i].is)
			fail_msg("%s: mtu %u is %u, not %u", cases[i].driver, cases[i].want,
				 eg_device_mtu(cases[i].want, &info), cases[i].is);
	}
}

/* net_af_packet's ring: frames of the default size take 1960 bytes of MTU at most. */
static void test_arguments(void **state)
{
	static const struct {
		const char *device;
		uint16_t mtu;
		const char *args;
	} cases[] = {
		{"net_af_packet0,iface=a", 1500, "net_af_packet0,iface=a"},
		{"net_af_packet0,iface=a", 1960, "net_af_packet0,iface=a"},
		{"net_af_packet0,iface=a", 1961,
		 "net_af_packet0,iface=a,framesz=2112,blocksz=135168"},
		{"net_af_packet0,iface=a", 9000,
		 "net_af_packet0,iface=a,framesz=9088,blocksz=581632"},
		{"net_af_packet0,iface=a,framesz=4096", 9000,
		 "net_af_packet0,iface=a,framesz=4096"},
		{"net_af_packet0,iface=a,blocksz=4096", 9000,
		 "net_af_packet0,iface=a,blocksz=4096"},
		{"net_af_xdp0,iface=a", 9000, "net_af_xdp0,iface=a"},
		{"0000:8a:00.1", 9000, "0000:8a:00.1"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct eg_conf_port conf = {.device = (char *)(uintptr_t)cases[i].device,
					    .mtu = cases[i].mtu};
		struct eg_buf args = {0};

		eg_interface_device_args(&conf, &args);
		assert_string_equal(args.v, cases[i].args);
		eg_buf_free(&args);
	}
}

int run_driver_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_mtu),
		cmocka_unit_test(test_arguments),
	};

	return cmocka_run_group_tests_name("port drivers", tests, NULL, NULL);
}
