/* Kernel interfaces: MTU, link and addresses of lo, in a network namespace of its own. */
#include "port_tests.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/ip.h"
#include "port/interface.h"
#include "port/rtnl.h"

#define NO_INTERFACE 999999

static unsigned lo(void)
{
	return if_nametoindex("lo");
}

static int request(unsigned long what, struct ifreq *ifr)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err;

	snprintf(ifr->ifr_name, sizeof(ifr->ifr_name), "lo");
	err = ioctl(fd, what, ifr);
	close(fd);
	return err;
}

static unsigned mtu_of_lo(void)
{
	struct ifreq ifr = {0};

	assert_int_equal(request(SIOCGIFMTU, &ifr), 0);
	return (unsigned)ifr.ifr_mtu;
}

static void test_mtu(void **state)
{
	(void)state;
	if (!own_network())
		skip();
	assert_int_equal(eg_rtnl_up(lo(), 1500), 0);
	assert_int_equal(mtu_of_lo(), 1500);
	assert_int_equal(eg_interface_raise_mtu(lo(), 9000), 0);
	assert_int_equal(mtu_of_lo(), 9000);
	/* Only up, never down. */
	assert_int_equal(eg_interface_raise_mtu(lo(), 1500), 0);
	assert_int_equal(mtu_of_lo(), 9000);
	assert_int_equal(eg_interface_raise_mtu(NO_INTERFACE, 1500), -ENXIO);
	assert_int_equal(eg_rtnl_up(NO_INTERFACE, 1500), -ENODEV);
}

static void test_link(void **state)
{
	struct ifreq ifr = {0};
	char driver[32];

	(void)state;
	if (!own_network())
		skip();
	assert_int_equal(eg_rtnl_up(lo(), 1500), 0);
	assert_true(eg_interface_has_link(lo()));
	assert_true(eg_interface_is_virtual(lo(), driver));
	assert_string_equal(driver, "virtual");
	assert_int_equal(request(SIOCGIFFLAGS, &ifr), 0);
	ifr.ifr_flags &= (short)~IFF_UP;
	assert_int_equal(request(SIOCSIFFLAGS, &ifr), 0);
	assert_false(eg_interface_has_link(lo()));
	assert_int_equal(eg_rtnl_up(lo(), 1500), 0);
	assert_true(eg_interface_has_link(lo()));
	assert_false(eg_interface_has_link(NO_INTERFACE));
}

/* How often the kernel has that address, with that prefix length, on lo. */
static unsigned count(const struct eg_prefix *prefix)
{
	bool v4 = prefix->ip.family == 4;
	size_t len = v4 ? 4 : 16;
	struct ifaddrs *all;
	unsigned n = 0;

	assert_int_equal(getifaddrs(&all), 0);
	for (struct ifaddrs *at = all; at; at = at->ifa_next) {
		const uint8_t *address, *mask;
		unsigned bits = 0;

		if (!at->ifa_addr || at->ifa_addr->sa_family != (v4 ? AF_INET : AF_INET6) ||
		    strcmp(at->ifa_name, "lo"))
			continue;
		address = v4 ? (void *)&((struct sockaddr_in *)at->ifa_addr)->sin_addr
			     : (void *)&((struct sockaddr_in6 *)at->ifa_addr)->sin6_addr;
		mask = v4 ? (void *)&((struct sockaddr_in *)at->ifa_netmask)->sin_addr
			  : (void *)&((struct sockaddr_in6 *)at->ifa_netmask)->sin6_addr;
		for (size_t i = 0; i < len; i++)
			bits += (unsigned)__builtin_popcount(mask[i]);
		n += !memcmp(address, prefix->ip.bytes, len) && bits == prefix->len;
	}
	freeifaddrs(all);
	return n;
}

static void test_addresses(void **state)
{
	static const char *const addresses[] = {"10.244.1.1/24", "fd00:1::1/64", "192.0.2.1/32"};

	(void)state;
	if (!own_network())
		skip();
	assert_int_equal(eg_rtnl_up(lo(), 1500), 0);
	for (size_t i = 0; i < COUNT(addresses); i++) {
		struct eg_prefix prefix;

		assert_int_equal(eg_prefix_parse(addresses[i], &prefix), 0);
		for (unsigned twice = 0; twice < 2; twice++) {
			assert_int_equal(eg_rtnl_address(lo(), &prefix, true), 0);
			assert_int_equal(count(&prefix), 1);
		}
		for (unsigned twice = 0; twice < 2; twice++) {
			assert_int_equal(eg_rtnl_address(lo(), &prefix, false), 0);
			assert_int_equal(count(&prefix), 0);
		}
		assert_int_equal(eg_rtnl_address(NO_INTERFACE, &prefix, true), -ENODEV);
	}
}

int run_interface_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mtu),
		cmocka_unit_test(test_link),
		cmocka_unit_test(test_addresses),
	};

	return cmocka_run_group_tests_name("kernel interfaces", tests, NULL, NULL);
}
