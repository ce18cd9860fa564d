/* What the control thread logs and collects: changes that workers report, samples of drops,
 * counters. */
#include "ctl_tests.h"

#include <unistd.h>

#include <rte_cycles.h>

#include "ctl/scene.h"
#include "tunnel/event.h"

/* Whatever was posted has been handled: the queue is armed and empty. */
static bool is_handled(struct scene *scene)
{
	return eg_event_queue_arm(scene->queue);
}

static void post(struct scene *scene, enum eg_tunnel_event kind, const char *name)
{
	eg_event_post(scene->queue, 1, kind, scene_tunnel(scene, name)->id);
}

static void load(struct scene *scene, unsigned n, const char *extra)
{
	char *peers;

	scene_open(scene, n);
	peers = scene_peers(scene, n, extra);
	scene_write(scene, peers);
	free(peers);
	scene_load(scene);
	scene_loop(scene);
}

static void test_load(void **state)
{
	struct scene scene;

	(void)state;
	load(&scene, 3, "");
	assert_int_equal(scene_lines(&scene, "configuration 1 in force after"), 1);
	assert_int_equal(scene_lines(&scene, "3 peers, 6 SAs; no policy is enforced"), 1);
	scene_close(&scene);
}

/* A worker decides; the log says why, and how often it changed if that was more than once. */
static void test_liveness(void **state)
{
	struct eg_liveness *liveness;
	struct scene scene;

	(void)state;
	load(&scene, 1, "    alive: {target: 10.1.0.1}\n");
	liveness = scene_tunnel(&scene, "p0")->liveness;
	assert_non_null(liveness);
	eg_liveness_link_down(liveness, eg_mono_ns());
	post(&scene, EG_TUNNEL_EVENT_LIVENESS, "p0");
	post(&scene, EG_TUNNEL_EVENT_LIVENESS, "p0"); /* known already */
	scene_run(&scene, is_handled);
	assert_int_equal(scene_lines(&scene, "10.1.0.1 did not answer for 3 s"), 1);
	assert_int_equal(scene_lines(&scene, "warning route: peer p0 "), 1);
	atomic_store(&liveness->down, false);
	atomic_fetch_add(&liveness->changes, 1);
	eg_liveness_link_down(liveness, eg_mono_ns());
	atomic_store(&scene.ports.links_down, 1u << 1);
	post(&scene, EG_TUNNEL_EVENT_LIVENESS, "p0");
	scene_run(&scene, is_handled);
	assert_int_equal(scene_lines(&scene, "port wire has no link"), 1);
	assert_int_equal(scene_lines(&scene, "peer p0 changed 2 times"), 1);
	scene_close(&scene);
}

/* A path MTU is logged once per change, and again when it is forgotten. */
static void test_path_mtu(void **state)
{
	uint32_t now_s = (uint32_t)(rte_get_tsc_cycles() / rte_get_tsc_hz()), generation;
	struct scene scene;

	(void)state;
	load(&scene, 2, "");
	eg_pmtu_learn(scene_tunnel(&scene, "p1")->pmtu, 1300, now_s);
	for (unsigned i = 0; i < 3; i++)
		post(&scene, EG_TUNNEL_EVENT_PATH_MTU, "p1");
	post(&scene, EG_TUNNEL_EVENT_PATH_MTU, "p0"); /* nothing is known of it */
	scene_run(&scene, is_handled);
	assert_int_equal(scene_lines(&scene, "peer p1: the path to 192.0.2.11 carries 1300"), 1);
	assert_int_equal(scene_lines(&scene, "peer p0"), 0);
	eg_pmtu_learn(scene_tunnel(&scene, "p1")->pmtu, 1200, now_s);
	post(&scene, EG_TUNNEL_EVENT_PATH_MTU, "p1");
	scene_run(&scene, is_handled);
	assert_int_equal(scene_lines(&scene, "carries 1200"), 1);
	/* Only what was learned ages, and it leaves the list then. */
	assert_int_equal(scene.ctl.path_mtu.learned.n, 1);
	eg_ctl_age_path_mtus(&scene.ctl);
	assert_int_equal(scene.ctl.path_mtu.learned.n, 1);
	eg_pmtu_forget(scene_tunnel(&scene, "p1")->pmtu);
	eg_ctl_age_path_mtus(&scene.ctl);
	eg_ctl_age_path_mtus(&scene.ctl);
	assert_int_equal(scene_lines(&scene, "peer p1: 1200 bytes to 192.0.2.11"), 1);
	assert_int_equal(scene.ctl.path_mtu.learned.n, 0);
	/* One that is too old is forgotten, and workers see that the tunnel changed. */
	eg_pmtu_learn(scene_tunnel(&scene, "p1")->pmtu, 1250, now_s - EG_PMTU_AGE_S - 1);
	post(&scene, EG_TUNNEL_EVENT_PATH_MTU, "p1");
	scene_run(&scene, is_handled);
	generation = eg_tunnel_generation(&scene.tunnels, scene_tunnel(&scene, "p1")->id);
	eg_ctl_age_path_mtus(&scene.ctl);
	eg_ctl_age_path_mtus(&scene.ctl);
	assert_int_equal(eg_pmtu_get(scene_tunnel(&scene, "p1")->pmtu), EG_PMTU_NONE);
	assert_int_equal(eg_tunnel_generation(&scene.tunnels, scene_tunnel(&scene, "p1")->id),
			 generation + 1);
	assert_int_equal(scene.ctl.path_mtu.learned.n, 0);
	/* A tunnel that is removed while it is on the list. */
	eg_pmtu_learn(scene_tunnel(&scene, "p1")->pmtu, 1300, now_s);
	post(&scene, EG_TUNNEL_EVENT_PATH_MTU, "p1");
	post(&scene, EG_TUNNEL_EVENT_PATH_MTU, "p0");
	scene_run(&scene, is_handled);
	assert_int_equal(scene.ctl.path_mtu.learned.n, 1);
	post(&scene, EG_TUNNEL_EVENT_PATH_MTU, "p1");
	eg_tunnel_remove(&scene.tunnels, scene_tunnel(&scene, "p1")->id);
	scene_run(&scene, is_handled);
	eg_ctl_age_path_mtus(&scene.ctl);
	assert_int_equal(scene.ctl.path_mtu.learned.n, 0);
	scene_close(&scene);
}

static void move(const struct eg_tunnel *tunnel, uint16_t port)
{
	struct eg_endpoint_at at = {.address = {192, 0, 2, 200}, .port = port};

	assert_true(eg_endpoint_follow(tunnel->endpoint, &at));
}

#define MOVED 25

/* A line for each that moved, up to 20 per second; the others are summed up. */
static void test_endpoints(void **state)
{
	struct scene scene;
	char name[16];

	(void)state;
	load(&scene, MOVED, "    udp_encap: {float: true}\n");
	for (unsigned i = 0; i < MOVED; i++) {
		snprintf(name, sizeof(name), "p%u", i);
		move(scene_tunnel(&scene, name), 5000);
		post(&scene, EG_TUNNEL_EVENT_ENDPOINT, name);
		post(&scene, EG_TUNNEL_EVENT_ENDPOINT, name);
	}
	scene_run(&scene, is_handled);
	assert_int_equal(scene_lines(&scene, ": endpoint now 192.0.2.200:5000"), 20);
	eg_ctl_log_omitted(&scene.ctl);
	assert_int_equal(scene_lines(&scene, "5 more peers have new endpoints"), 1);
	eg_ctl_log_omitted(&scene.ctl);
	assert_int_equal(scene_lines(&scene, "more peers have new endpoints"), 1);
	move(scene_tunnel(&scene, "p24"), 5001);
	post(&scene, EG_TUNNEL_EVENT_ENDPOINT, "p24");
	scene_run(&scene, is_handled);
	assert_int_equal(scene_lines(&scene, "peer p24: endpoint now 192.0.2.200:5001"), 1);
	scene_close(&scene);
}

/* The same for rekeys: after a reload with new keys, the times of all peers come at once. */
static void test_rekeys(void **state)
{
	const struct eg_rekey_times times = {.grace_ns = 1};
	struct scene scene;
	char name[16];

	(void)state;
	load(&scene, MOVED, "");
	for (unsigned i = 0; i < MOVED; i++) {
		snprintf(name, sizeof(name), "p%u", i);
		assert_int_equal(eg_tunnel_set_sas(&scene.tunnels, scene_tunnel(&scene, name)->id,
						   NULL, 0, &times, eg_mono_ns(), NULL),
				 0);
	}
	eg_ctl_upkeep_sas(&scene.ctl);
	assert_int_equal(scene_lines(&scene, ": 0 SAs held"), 20);
	eg_ctl_log_omitted(&scene.ctl);
	assert_int_equal(scene_lines(&scene, "5 more peers were rekeyed"), 1);
	eg_ctl_log_omitted(&scene.ctl);
	assert_int_equal(scene_lines(&scene, "more peers were rekeyed"), 1);
	scene_close(&scene);
}

/* Lost events: all tunnels are examined, and none twice. */
static void test_lost(void **state)
{
	struct scene scene;

	(void)state;
	load(&scene, 5, "    udp_encap: {float: true}\n");
	for (unsigned i = 0; i < EG_EVENT_RING; i++)
		post(&scene, EG_TUNNEL_EVENT_LIVENESS, "p0"); /* p0 is not probed */
	move(scene_tunnel(&scene, "p4"), 5000);
	post(&scene, EG_TUNNEL_EVENT_ENDPOINT, "p4");             /* lost */
	eg_pmtu_learn(scene_tunnel(&scene, "p3")->pmtu, 1300, 1); /* its event lost, too */
	scene_run(&scene, is_handled);
	while (scene.ctl.tunnel_events.examining)
		scene_run(&scene, is_handled);
	assert_int_equal(scene_lines(&scene, "peer p4: endpoint now 192.0.2.200:5000"), 1);
	assert_int_equal(scene_lines(&scene, "peer p3: the path to"), 1);
	scene_close(&scene);
}

/* What is in the queue when the workers have ended is logged at the end. */
static void test_finish(void **state)
{
	struct scene scene;

	(void)state;
	load(&scene, 1, "    udp_encap: {float: true}\n");
	move(scene_tunnel(&scene, "p0"), 5000);
	post(&scene, EG_TUNNEL_EVENT_ENDPOINT, "p0");
	eg_ctl_unfollow_tunnels(&scene.ctl);
	eg_ctl_finish_logs(&scene.ctl);
	assert_int_equal(scene_lines(&scene, "peer p0: endpoint now"), 1);
	scene_close(&scene);
}

static void test_drops(void **state)
{
	struct scene scene;
	struct eg_drop_record *record;

	(void)state;
	load(&scene, 1, "");
	scene.config->log.level[EG_LOG_ESP] = EG_LOG_INFO;
	for (unsigned w = 0; w < SCENE_WORKERS; w++) {
		record = eg_drop_ring_slot(&scene.stats[w]->dropped);
		assert_non_null(record);
		*record = (struct eg_drop_record){
			.reason = EG_DROP_NO_ROUTE, .port = 1, .bytes = 60 + (uint16_t)w};
		record->src = (struct eg_ip){.family = 4, .bytes = {10, 0, 0, 1}};
		record->dst = (struct eg_ip){.family = 4, .bytes = {10, 0, 0, 2}};
		record->proto = 17;
		record->dport = 53;
		eg_drop_ring_publish(&scene.stats[w]->dropped);
	}
	eg_ctl_log_drops(&scene.ctl);
	assert_int_equal(scene_lines(&scene, "drop=no_route port=wire len=60 src=10.0.0.1 "
					     "dst=10.0.0.2 proto=17 sport=0 dport=53"),
			 1);
	assert_int_equal(scene_lines(&scene, "drop=no_route port=wire len=61"), 1);
	eg_ctl_log_drops(&scene.ctl);
	assert_int_equal(scene_lines(&scene, "drop=no_route"), 2);
	scene_close(&scene);
}

/* Counters of all workers are summed up; SAs and tunnels have their rows. */
static void test_collect(void **state)
{
	struct eg_report report;
	struct scene scene;

	(void)state;
	load(&scene, 2, "");
	for (unsigned w = 0; w < SCENE_WORKERS; w++) {
		eg_count(&scene.stats[w]->drop[EG_DROP_NO_ROUTE], 5 + w);
		eg_count(&scene.stats[w]->handed_over, 10);
		eg_count(&scene.stats[w]->local[EG_LOCAL_TOO_BIG], 1);
	}
	eg_ctl_collect(&scene.ctl, &report);
	assert_int_equal(report.drop[EG_DROP_NO_ROUTE], 11);
	assert_int_equal(report.handed_over, 20);
	assert_int_equal(report.local[EG_LOCAL_TOO_BIG], 2);
	assert_int_equal(report.sas.n, 4);
	assert_int_equal(report.ports.n, 0); /* none was started */
	assert_false(report.tracks);
	eg_report_free(&report);
	scene_close(&scene);
}

int run_step_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_load),     cmocka_unit_test(test_liveness),
		cmocka_unit_test(test_path_mtu), cmocka_unit_test(test_endpoints),
		cmocka_unit_test(test_rekeys),   cmocka_unit_test(test_lost),
		cmocka_unit_test(test_finish),   cmocka_unit_test(test_drops),
		cmocka_unit_test(test_collect),
	};

	return cmocka_run_group_tests_name("ctl steps", tests, NULL, NULL);
}
