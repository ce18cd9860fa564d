/* Ports of a real EAL, over devices without hardware: what a start makes of a configuration. */
#include "port_tests.h"

#include <fcntl.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_ring.h>

#include "port/eal.h"
#include "port/kernel.h"
#include "port/rtnl.h"

#define WORKERS 2

static const char text[] = "version: 1\n"
			   "ports:\n"
			   "  ring: {device: net_ring0, role: clear, mtu: 1500}\n"
			   "  wire: {device: net_null0, role: encrypted, mtu: 9000, rx_queues: 1}\n"
			   "  small: {device: net_null1, role: clear, mtu: 9000, rx_buffer: 2048}\n"
			   "  v100: {parent: wire, vlan: 100, role: clear, mtu: 1400}\n"
			   "  v200: {parent: wire, vlan: 200, role: encrypted, mtu: 1300,\n"
			   "         mac: 02:00:00:00:00:aa}\n";

enum {
	RING,
	WIRE,
	SMALL,
	V100,
	V200,
	N_PORTS,
};

struct scene {
	struct eg_config *config;
	struct eg_log log;
	struct eg_ports ports;
	char path[64]; /* of the log */
};

static struct eg_config *parse(const char *yaml)
{
	struct eg_errs errs = {0};
	struct eg_config *config = eg_config_parse(yaml, strlen(yaml), "test.yaml", &errs);

	if (!config)
		eg_errs_print(&errs, stderr);
	assert_non_null(config);
	eg_errs_free(&errs);
	return config;
}

/* How many lines of the log contain it. */
static unsigned lines(const struct scene *scene, const char *words)
{
	char line[1024];
	FILE *in = fopen(scene->path, "r");
	unsigned n = 0;

	assert_non_null(in);
	while (fgets(line, sizeof(line), in))
		n += strstr(line, words) != NULL;
	fclose(in);
	return n;
}

static bool says(const struct eg_errs *errs, const char *words)
{
	eg_vec_foreach (msg, &errs->msgs) {
		if (strstr(msg->text, words))
			return true;
	}
	return false;
}

static void set_up(struct scene *scene, const char *yaml)
{
	enum eg_log_level level[EG_LOG_MODULES];

	for (int m = 0; m < EG_LOG_MODULES; m++)
		level[m] = EG_LOG_INFO;
	*scene = (struct scene){.path = "/tmp/eg-test-ports-XXXXXX"};
	close(mkstemp(scene->path));
	assert_int_equal(eg_log_open(&scene->log, scene->path, level), 0);
	scene->config = parse(yaml);
	scene->ports.config = scene->config;
	scene->ports.log = &scene->log;
	scene->ports.n_workers = WORKERS;
	scene->ports.needs = (struct eg_buffer_needs){.per_worker = 512,
						      .tailroom = 64,
						      .large_per_worker = 24,
						      .large_bytes = UINT16_MAX};
}

static void tear_down(struct scene *scene)
{
	eg_log_close(&scene->log);
	unlink(scene->path);
	eg_config_free(scene->config);
}

/* EAL, with the devices that the configuration names. */
static int start_eal(void **state)
{
	char *args[] = {(char[]){"--no-huge"}, (char[]){"-m"}, (char[]){"512"},
			(char[]){"--lcores=0"}, (char[]){"--log-level=error"}};
	struct eg_errs errs = {0};
	struct eg_config *config = parse(text);
	int err = eg_eal_start(config, args, COUNT(args), &errs);

	(void)state;
	eg_errs_print(&errs, stderr);
	eg_errs_free(&errs);
	eg_config_free(config);
	return err;
}

static int stop_eal(void **state)
{
	(void)state;
	return rte_eal_cleanup();
}

/* All errors of a start at once, each with its port; and everything is given back. */
static void test_refused(void **state)
{
	struct scene scene;
	struct eg_errs errs = {0};

	(void)state;
	set_up(&scene, "version: 1\n"
		       "ports:\n"
		       "  a: {device: net_null9, role: clear}\n"
		       "  b: {device: net_ring9, role: encrypted}\n");
	assert_int_equal(eg_ports_start(&scene.ports, &errs), -1);
	assert_int_equal(errs.n_errors, 2);
	assert_true(says(&errs, "DPDK has no device \"net_null9\""));
	assert_true(says(&errs, "DPDK has no device \"net_ring9\""));
	assert_int_equal(scene.ports.n, 0);
	eg_ports_stop(&scene.ports);
	eg_errs_free(&errs);
	tear_down(&scene);
}

static unsigned pool_bytes(const struct rte_mempool *pool)
{
	return rte_pktmbuf_data_room_size((struct rte_mempool *)(uintptr_t)pool);
}

static void check_buffers(const struct eg_ports *ports)
{
	/* The largest frame of any port, with two tags, between headroom and tailroom. */
	assert_true(pool_bytes(ports->pool) >= RTE_PKTMBUF_HEADROOM + 9000 + 14 + 8 + 64);
	assert_null(ports->port[RING].pool);
	assert_null(ports->port[WIRE].pool);
	assert_non_null(ports->port[SMALL].pool);
	assert_int_equal(pool_bytes(ports->port[SMALL].pool), RTE_PKTMBUF_HEADROOM + 2048);
	assert_int_equal(pool_bytes(ports->large), UINT16_MAX);
	assert_int_equal(ports->large->size, WORKERS * 24);
}

static void check_subports(const struct eg_ports *ports)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 0xaa};
	const struct eg_port_dev *parent = &ports->port[WIRE];

	assert_null(ports->port[RING].vlans);
	assert_non_null(parent->vlans);
	for (unsigned vlan = 0; vlan < EG_PORT_VLANS; vlan++)
		assert_int_equal(parent->vlans[vlan], vlan == 0     ? WIRE
						      : vlan == 100 ? V100
						      : vlan == 200 ? V200
								    : EG_PORT_NONE);
	for (unsigned p = V100; p <= V200; p++) {
		assert_int_equal(ports->port[p].dpdk_id, parent->dpdk_id);
		assert_int_equal(ports->port[p].n_rx, 0);
		assert_int_equal(ports->port[p].n_tx, parent->n_tx);
	}
	assert_int_equal(ports->port[V100].mtu, 1400);
	assert_memory_equal(ports->port[V100].mac, parent->mac, 6);
	assert_memory_equal(ports->port[V200].mac, mac, 6);
}

/* The device's link: one line and one bit per change, none while nothing changes. */
static void check_links(struct scene *scene)
{
	struct eg_ports *ports = &scene->ports;
	uint16_t id = ports->port[RING].dpdk_id;

	eg_links_poll(ports);
	assert_int_equal(atomic_load(&ports->links_down), 0);
	assert_int_equal(rte_eth_dev_set_link_down(id), 0);
	for (unsigned twice = 0; twice < 2; twice++) {
		eg_links_poll(ports);
		assert_int_equal(atomic_load(&ports->links_down), 1u << RING);
		assert_int_equal(lines(scene, "warning port: ring: link is down"), 1);
	}
	assert_int_equal(rte_eth_dev_set_link_up(id), 0);
	eg_links_poll(ports);
	assert_int_equal(atomic_load(&ports->links_down), 0);
	assert_int_equal(lines(scene, "info port: ring: link is up"), 1);
}

static void test_start(void **state)
{
	struct scene scene;
	struct eg_ports *ports = &scene.ports;
	struct eg_errs errs = {0};
	struct rte_eth_dev_info info;

	(void)state;
	set_up(&scene, text);
	if (eg_ports_start(ports, &errs))
		eg_errs_print(&errs, stderr);
	assert_int_equal(errs.n_errors, 0);
	assert_int_equal(ports->n, N_PORTS);
	/* A ring's queues may all hold packets; a NIC's are made as workers need them. */
	assert_int_equal(rte_eth_dev_info_get(ports->port[RING].dpdk_id, &info), 0);
	assert_int_equal(ports->port[RING].n_rx, info.max_rx_queues);
	assert_int_equal(ports->port[WIRE].n_rx, 1);
	assert_true(ports->port[WIRE].n_tx >= 1 && ports->port[WIRE].n_tx <= WORKERS);
	for (unsigned p = 0; p < N_PORTS; p++)
		assert_int_equal(lines(&scene, scene.config->ports.v[p].name) >= 1, 1);
	assert_int_equal(lines(&scene, "v100: VLAN 100 of wire, mtu 1400"), 1);
	check_buffers(ports);
	check_subports(ports);
	check_links(&scene);
	eg_ports_stop(ports);
	assert_null(ports->pool);
	assert_null(ports->large);
	assert_null(ports->port[SMALL].pool);
	assert_null(ports->port[WIRE].vlans);
	assert_int_equal(rte_eth_dev_count_avail(), 0);
	eg_errs_free(&errs);
	tear_down(&scene);
}

int run_port_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_start),
	};

	return cmocka_run_group_tests_name("ports", tests, start_eal, stop_eal);
}
