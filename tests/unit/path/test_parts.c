/* A path as a whole: how it is built, its time, the counters of its stages. */
#include <errno.h>

#include "path/path_tests.h"

static void test_impossible_parts(void **state)
{
	static struct eg_path path;
	static struct eg_stats stats;
	static struct eg_path_parts parts;
	static const struct {
		int number;
		unsigned worker, n_workers, n_ports;
		bool no_stats;
		int want;
	} rows[] = {
		{1, 0, 1, 0, false, 0},
		{2, 1, 2, EG_STAT_PORTS, false, 0},
		{3, 0, 0, 1, false, -EINVAL},
		{4, 2, 2, 1, false, -EINVAL},
		{5, 0, 1, EG_STAT_PORTS + 1, false, -EINVAL},
		{6, 0, 1, 1, true, -EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		parts.worker = rows[i].worker;
		parts.n_workers = rows[i].n_workers;
		parts.n_ports = rows[i].n_ports;
		parts.stats = rows[i].no_stats ? NULL : &stats;
		if (eg_path_init(&path, &parts) != rows[i].want)
			fail_msg("row %d", rows[i].number);
	}
}

/* What a port's parts say is what the path has, and only the ports that are counted. */
static void test_port_parts(void **state)
{
	static uint8_t vlans[EG_VLANS];
	static struct eg_path path;
	static struct eg_stats stats;
	static struct eg_path_parts parts;
	const struct eg_path_port_parts given = {
		.dpdk_id = 3,
		.tx_queue = 4,
		.mtu = 1400,
		.encrypted = true,
		.promiscuous = true,
		.vlan = 7,
		.vlans = vlans,
		.partial = true,
		.small_buffers = true,
		.mac = {2, 1, 2, 3, 4, 5},
		.ring = (struct rte_ring *)&stats, /* not used */
		.kernel = true,
		.kernel_dpdk_id = 9,
		.kernel_mtu = 1300,
	};
	const struct eg_path_port *port = &path.port[2];

	(void)state;
	parts = (struct eg_path_parts){.n_workers = 1, .stats = &stats, .n_ports = 3};
	parts.port[2] = given;
	memset(&path, 0xff, sizeof(path));
	assert_int_equal(eg_path_init(&path, &parts), 0);
	assert_int_equal(port->dpdk_id, 3);
	assert_int_equal(port->tx_queue, 4);
	assert_int_equal(port->mtu, 1400);
	assert_true(port->encrypted && port->promiscuous && port->partial && port->small_buffers);
	assert_int_equal(port->vlan, 7);
	assert_ptr_equal(port->vlans, vlans);
	assert_memory_equal(port->mac, given.mac, 6);
	assert_ptr_equal(port->ring, given.ring);
	assert_true(port->kernel.on);
	assert_int_equal(port->kernel.dpdk_id, 9);
	assert_int_equal(port->kernel.mtu, 1300);
	assert_int_equal(port->kernel.hop.kind, EG_HOP_LINK);
	assert_int_equal(port->kernel.hop.port, 2);
	assert_int_equal(port->n_tx, 0);
	assert_false(path.port[1].kernel.on || path.resolver.on || path.local.n || path.vlan.n);
}

/* Each burst reads its own time: IVs come from the wall clock. */
static void test_time(void **state)
{
	struct gw *gw = gw_open((struct gw_spec){.site = 1});
	struct frame frame = plain_frame(CLEAR, &(struct flow){V4, .payload = 40});
	uint64_t wall_ns = 0, cycles = 0;

	(void)state;
	gw_ready(gw);
	for (unsigned burst = 0; burst < 3; burst++) {
		gw_send(gw, CLEAR, &frame, 1);
		assert_int_equal(gw_discard(gw, ENCRYPTED), 1);
		assert_true(gw->path[0]->now.wall_ns > wall_ns);
		assert_true(gw->path[0]->now.cycles > cycles);
		wall_ns = gw->path[0]->now.wall_ns;
		cycles = gw->path[0]->now.cycles;
	}
	gw_close(gw);
}

/* The first burst is timed: each stage that it meets counts its packet, and no other does. */
static void test_stage_counters(void **state)
{
	static const enum eg_stage met[] = {
		EG_STAGE_RX,    EG_STAGE_CACHE, EG_STAGE_LEARN,  EG_STAGE_PARSE,   EG_STAGE_VERIFY,
		EG_STAGE_ROUTE, EG_STAGE_MSS,   EG_STAGE_SA_OUT, EG_STAGE_ESP_OUT, EG_STAGE_TX};
	struct gw *gw = gw_open((struct gw_spec){.site = 1});
	struct frame frame = plain_frame(CLEAR, &(struct flow){V4, .payload = 40});

	(void)state;
	gw_ready(gw);
	gw_send(gw, CLEAR, &frame, 1);
	assert_int_equal(gw_discard(gw, ENCRYPTED), 1);
	for (unsigned stage = 0; stage < EG_STAGE_COUNT; stage++) {
		uint64_t want = 0;

		for (size_t i = 0; i < COUNT(met); i++)
			want += met[i] == stage;
		if (eg_counted(&gw->stats[0]->packets[stage]) != want)
			fail_msg("%s counted %d", eg_stage_name(stage),
				 (int)eg_counted(&gw->stats[0]->packets[stage]));
	}
	gw_close(gw);
}

/* More addresses to announce than a batch has places: all are announced in one poll. */
static void test_many_frames(void **state)
{
	static struct frame frames[200];
	struct gw *gw = gw_open((struct gw_spec){.site = 1});
	char address[32];

	(void)state;
	for (unsigned i = 0; i < 150; i++) {
		snprintf(address, sizeof(address), "10.1.0.%u/32", i + 1);
		gw_local(gw, CLEAR, address);
	}
	gw_ready(gw);
	eg_snap_world_follow(gw->snap->world, NULL, 1);
	gw->path[0]->resolver.next_ms = 0;
	eg_path_resolve(gw->path[0], gw->snap, 1000, false);
	assert_int_equal(gw_frames(gw, CLEAR, frames, 200), 150);
	gw_close(gw);
}

int run_parts_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_impossible_parts),
		cmocka_unit_test(test_port_parts),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_stage_counters),
		cmocka_unit_test(test_many_frames),
	};

	return cmocka_run_group_tests_name("parts", tests, NULL, NULL);
}
