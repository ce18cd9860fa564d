/* Workers over devices without hardware: who polls which queue, and how they begin and end. */
#include <unistd.h>

#include "common/test.h"

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>

#include "port/eal.h"
#include "worker/worker.h"
#include "worker_tests.h"

#define WORKERS 3

static const char text[] = "version: 1\n"
			   "workers: {pin: [{port: c, queue: 0, lcore: 3}]}\n"
			   "ports:\n"
			   "  a: {device: net_null0, role: clear, rx_queues: 1}\n"
			   "  b: {device: net_null1, role: encrypted, rx_queues: 1}\n"
			   "  c: {device: net_null2, role: clear, rx_queues: 1}\n"
			   "  v: {parent: b, vlan: 100, role: clear}\n";

struct scene {
	struct eg_config *config;
	struct eg_log log;
	struct eg_rcu rcu;
	struct eg_publisher publisher;
	struct eg_ports ports;
	struct eg_workers workers;
	struct eg_flow_table *flows;
	struct eg_errs errs;
};

static struct eg_config *parse(const char *yaml, struct eg_errs *errs)
{
	struct eg_config *config = eg_config_parse(yaml, strlen(yaml), "test.yaml", errs);

	if (!config)
		eg_errs_print(errs, stderr);
	return config;
}

static int start_eal(void **state)
{
	char *args[] = {(char[]){"--no-huge"}, (char[]){"-m"}, (char[]){"512"},
			(char[]){"--lcores=0@0,1@0,2@0,3@0"}, (char[]){"--log-level=error"}};
	struct eg_errs errs = {0};
	struct eg_config *config = parse(text, &errs);
	int err = config ? eg_eal_start(config, args, COUNT(args), &errs) : -1;

	(void)state;
	if (err)
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

static void set_up(struct scene *scene, const char *yaml)
{
	*scene = (struct scene){.flows = eg_flow_table_new(4096)};
	assert_non_null(scene->flows);
	scene->config = parse(yaml, &scene->errs);
	assert_non_null(scene->config);
	assert_int_equal(eg_log_open(&scene->log, "/dev/null", scene->config->log.level), 0);
	scene->workers.config = scene->config;
	scene->workers.ports = &scene->ports;
	scene->workers.publisher = &scene->publisher;
	scene->workers.flows = scene->flows;
	assert_int_equal(eg_workers_make(&scene->workers, &scene->errs), 0);
	assert_int_equal(scene->workers.n, WORKERS);
	assert_int_equal(eg_rcu_init(&scene->rcu, WORKERS), 0);
	eg_publisher_init(&scene->publisher, &scene->rcu);
	scene->ports.config = scene->config;
	scene->ports.log = &scene->log;
	scene->ports.n_workers = WORKERS;
	scene->ports.needs = eg_worker_buffer_needs();
}

static void tear_down(struct scene *scene)
{
	eg_ports_stop(&scene->ports);
	eg_rcu_fini(&scene->rcu);
	eg_publisher_fini(&scene->publisher);
	eg_workers_free(&scene->workers);
	eg_flow_table_free(scene->flows);
	eg_log_close(&scene->log);
	eg_errs_free(&scene->errs);
	eg_config_free(scene->config);
}

/* Every receive queue has one worker, and the pinned one the right one. */
static void check_rx(const struct scene *scene)
{
	unsigned polled[EG_CONF_PORTS_MAX] = {0};

	for (unsigned w = 0; w < WORKERS; w++) {
		eg_vec_foreach (rx, &scene->workers.worker[w]->rx) {
			assert_int_equal(rx->queue, 0);
			assert_true(rx->port < scene->ports.n);
			polled[rx->port]++;
			if (rx->port == 2)
				assert_int_equal(scene->workers.worker[w]->lcore, 3);
		}
	}
	assert_int_equal(polled[0], 1);
	assert_int_equal(polled[1], 1);
	assert_int_equal(polled[2], 1);
	assert_int_equal(polled[3], 0); /* a sub-port receives by its parent */
}

/* A transmit queue has one writer: its worker, or the ring in front of it. */
static void check_tx(const struct scene *scene)
{
	for (unsigned p = 0; p < scene->ports.n; p++) {
		unsigned n_tx = scene->ports.port[p].n_tx, writers[WORKERS] = {0};

		for (unsigned w = 0; w < WORKERS; w++) {
			const struct eg_path_port_parts *port =
				&scene->workers.worker[w]->parts.port[p];

			assert_true(port->tx_queue < n_tx);
			if (!port->ring)
				writers[port->tx_queue]++;
			else
				assert_ptr_equal(port->ring,
						 scene->ports.port[p].tx_ring[port->tx_queue]);
		}
		for (unsigned q = 0; q < n_tx; q++)
			assert_int_equal(writers[q], 1);
	}
}

static void until_all_iterate(const struct scene *scene, uint64_t more)
{
	for (unsigned w = 0; w < WORKERS; w++) {
		const _Atomic uint64_t *iterations = &scene->workers.worker[w]->iterations;
		uint64_t from = atomic_load(iterations);

		for (unsigned i = 0; atomic_load(iterations) < from + more; i++) {
			assert_true(i < 100000);
			usleep(100);
		}
	}
}

/* These devices always bring packets. Worker 0 empties the resolver's rings nevertheless. */
static void check_busy(const struct scene *scene)
{
	struct rte_ring *rings[] = {scene->workers.resolver_shared.messages,
				    scene->workers.resolver_shared.packets};

	for (unsigned i = 0; i < COUNT(rings); i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(scene->ports.pool);

		assert_non_null(m);
		assert_int_equal(rte_ring_mp_enqueue(rings[i], m), 0);
		for (unsigned k = 0; !rte_ring_empty(rings[i]); k++) {
			assert_true(k < 100000);
			usleep(100);
		}
	}
}

/* Without a snapshot everything is dropped, and named; ended twice they stay ended. */
static void check_run(struct scene *scene)
{
	uint64_t received = 0, dropped = 0;

	assert_int_equal(eg_workers_launch(&scene->workers, &scene->errs), 0);
	until_all_iterate(scene, 3);
	check_busy(scene);
	eg_workers_sample(&scene->workers, 100);
	for (unsigned w = 0; w < WORKERS; w++)
		assert_int_equal(scene->workers.worker[w]->path.sample_cycles,
				 rte_get_tsc_hz() / 100);
	assert_true(eg_workers_end(&scene->workers));
	for (unsigned w = 0; w < WORKERS; w++) {
		for (unsigned p = 0; p < scene->ports.n; p++)
			received += eg_counted(&scene->workers.stats[w]->port[p].rx_packets);
		for (unsigned i = 0; i < EG_DROP_COUNT; i++)
			dropped += eg_counted(&scene->workers.stats[w]->drop[i]);
		assert_int_equal(rte_eal_get_lcore_state(scene->workers.worker[w]->lcore), WAIT);
	}
	assert_true(received > 0);
	assert_int_equal(received + 1, dropped); /* and the packet that waited to be resolved */
}

static bool says(const struct eg_errs *errs, const char *words)
{
	eg_vec_foreach (msg, &errs->msgs) {
		if (strstr(msg->text, words))
			return true;
	}
	return false;
}

/* A pin to a queue or an lcore that is not there. Before test_run(), which closes the devices. */
static void test_pins(void **state)
{
	struct scene scene;

	(void)state;
	set_up(&scene,
	       "version: 1\n"
	       "workers: {pin: [{port: a, queue: 0, lcore: 9}, {port: b, queue: 7, lcore: 1}]}\n"
	       "ports:\n"
	       "  a: {device: net_null0, role: clear}\n"
	       "  b: {device: net_null1, role: encrypted}\n");
	scene.ports.n = 2; /* not started: no queues */
	assert_int_equal(eg_workers_wire(&scene.workers, &scene.errs), -1);
	assert_true(says(&scene.errs, "workers.pin: lcore 9"));
	assert_true(says(&scene.errs, "workers.pin: b has 0 receive queues"));
	scene.ports.n = 0;
	tear_down(&scene);
}

static void test_run(void **state)
{
	struct scene scene;

	(void)state;
	set_up(&scene, text);
	assert_int_equal(eg_ports_start(&scene.ports, &scene.errs), 0);
	assert_int_equal(eg_workers_wire(&scene.workers, &scene.errs), 0);
	check_rx(&scene);
	check_tx(&scene);
	check_run(&scene);
	tear_down(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pins),
		cmocka_unit_test(test_run),
	};

	return run_housekeeping_tests() +
	       cmocka_run_group_tests_name("workers", tests, start_eal, stop_eal);
}
