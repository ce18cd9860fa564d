/* Reloads by the builder thread and the loop: what comes into force, what is refused, and what is
 * superseded. Run under -Db_sanitize=thread too. */
#include "ctl_tests.h"

#include <unistd.h>

#include "ctl/reload.h"
#include "ctl/scene.h"

/* Of the reloads of a test: one at a time. */
static struct {
	unsigned applied;
} seen;

static void on_applied(void *arg, const struct eg_config *config)
{
	struct scene *scene = arg;

	assert_non_null(scene);
	assert_non_null(config);
	seen.applied++;
}

static bool is_idle(struct scene *scene)
{
	return !eg_builder_busy(scene->ctl.builder) && !scene->ctl.reload.applying &&
	       !scene->ctl.reload.next;
}

static bool is_freed(struct scene *scene)
{
	return is_idle(scene) && !eg_rcu_pending(&scene->rcu);
}

static void write_peers(struct scene *scene, unsigned n, const char *more)
{
	char *peers = scene_peers(scene, n, "");
	struct eg_buf text = {0};

	eg_buf_add(&text, "%s%s", peers, more);
	scene_write(scene, text.v);
	eg_buf_free(&text);
	free(peers);
}

static void open_scene(struct scene *scene, unsigned n_keys, unsigned n)
{
	seen.applied = 0;
	scene_open(scene, n_keys);
	write_peers(scene, n, "");
	scene_load(scene);
	scene_loop(scene);
}

static void reload(struct scene *scene)
{
	eg_ctl_reload(&scene->ctl, on_applied, scene);
}

static uint64_t generation(const struct scene *scene)
{
	return eg_publisher_read(&scene->publisher)->generation;
}

/* What became of the reloads of a test. */
struct ends {
	unsigned n;
	uint64_t number;
	bool refused;
	size_t errors;
	uint64_t added, removed, sas_new, sas_removed;
	char name[64]; /* of the first peer added or removed */
};

static void on_reloaded(void *arg, const struct eg_reload_result *result)
{
	struct ends *ends = arg;
	const struct eg_changes *changes = result->changes;

	*ends = (struct ends){
		.n = ends->n + 1,
		.number = result->number,
		.refused = result->refused,
		.errors = result->errs->n_errors,
		.added = changes->peers_added.n,
		.removed = changes->peers_removed.n,
		.sas_new = changes->sas_new,
		.sas_removed = changes->sas_removed,
	};
	if (changes->peers_added.names.n)
		snprintf(ends->name, sizeof(ends->name), "%s", changes->peers_added.names.v[0]);
	if (changes->peers_removed.names.n)
		snprintf(ends->name, sizeof(ends->name), "%s", changes->peers_removed.names.v[0]);
}

/* Each reload's end is reported once, with what it changed; a superseded one's is not. */
static void test_reported(void **state)
{
	struct ends ends = {0};
	struct scene scene;

	(void)state;
	open_scene(&scene, 4, 2);
	scene.ctl.reload.reloaded = on_reloaded;
	scene.ctl.reload.reloaded_arg = &ends;
	write_peers(&scene, 3, "");
	reload(&scene);
	scene_run(&scene, is_freed);
	assert_true(ends.n == 1 && ends.number == 1 && !ends.refused && ends.errors == 0);
	assert_true(ends.added == 1 && ends.removed == 0 && ends.sas_new == 2);
	assert_string_equal(ends.name, "p2");
	write_peers(&scene, 3, "routes: [{to: 10.9.0.0/16, port: nowhere}]\n");
	reload(&scene);
	scene_run(&scene, is_freed);
	assert_true(ends.n == 2 && ends.number == 2 && ends.refused && ends.errors == 1);
	write_peers(&scene, 2, "");
	reload(&scene);
	reload(&scene);
	scene_run(&scene, is_freed);
	assert_true(ends.n == 3 && ends.number == 4 && !ends.refused);
	assert_true(ends.added == 0 && ends.removed == 1 && ends.sas_new == 0);
	assert_int_equal(ends.sas_removed, 2);
	assert_string_equal(ends.name, "p2");
	assert_int_equal(scene.ctl.reload.in_force, 2);
	assert_int_equal(scene.ctl.reload.refused, 1);
	scene_close(&scene);
}

static void test_applied(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene, 4, 2);
	write_peers(&scene, 4, "");
	reload(&scene);
	assert_int_equal(seen.applied, 0); /* not in the caller's time */
	scene_run(&scene, is_freed);
	assert_int_equal(seen.applied, 1);
	assert_int_equal(generation(&scene), 2);
	assert_int_equal(scene_lines(&scene, "configuration 2 in force after"), 1);
	assert_int_equal(scene_lines(&scene, "4 peers, 8 SAs"), 1);
	scene_tunnel(&scene, "p3");
	/* And fewer again. */
	write_peers(&scene, 1, "");
	reload(&scene);
	scene_run(&scene, is_freed);
	assert_int_equal(generation(&scene), 3);
	assert_int_equal(scene.tunnels.n, 1);
	assert_int_equal(eg_tunnel_find(&scene.tunnels, "p3"), EG_TUNNEL_NONE);
	scene_close(&scene);
}

/* Refused: all errors with their positions, and nothing has changed. */
static void test_refused(void **state)
{
	struct scene scene;
	char path[64];

	(void)state;
	open_scene(&scene, 3, 2);
	write_peers(&scene, 2, "polcy: {}\nrotes: []\n");
	reload(&scene);
	scene_run(&scene, is_freed);
	assert_int_equal(scene_lines(&scene, "unknown key \"polcy\""), 1);
	assert_int_equal(scene_lines(&scene, "unknown key \"rotes\""), 1);
	assert_int_equal(scene_lines(&scene, "reload refused"), 1);
	/* A key that is missing: what was acquired before is released. */
	write_peers(&scene, 3, "");
	snprintf(path, sizeof(path), "%s/in2", scene.dir);
	assert_int_equal(unlink(path), 0);
	reload(&scene);
	scene_run(&scene, is_freed);
	assert_int_equal(scene_lines(&scene, "reload refused"), 2);
	/* Another port needs a restart. */
	write_peers(&scene, 2, "");
	assert_int_equal(truncate(scene.config_file, 0), 0);
	reload(&scene);
	scene_run(&scene, is_freed);
	assert_int_equal(scene_lines(&scene, "reload refused"), 3);
	assert_int_equal(seen.applied, 0);
	assert_int_equal(generation(&scene), 1);
	assert_int_equal(scene.tunnels.n, 2);
	/* It still can. */
	write_peers(&scene, 1, "");
	reload(&scene);
	scene_run(&scene, is_freed);
	assert_int_equal(generation(&scene), 2);
	scene_close(&scene);
}

/* Many at once: the last one is in force in the end, and each that was not superseded applied. */
static void test_superseded(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene, 12, 1);
	for (unsigned n = 2; n <= 12; n++) {
		write_peers(&scene, n, "");
		reload(&scene);
	}
	scene_run(&scene, is_freed);
	assert_int_equal(scene.tunnels.n, 12);
	assert_true(seen.applied >= 1 && seen.applied <= 11);
	assert_int_equal(generation(&scene), 1 + seen.applied);
	assert_int_equal(scene_lines(&scene, "in force after"), 1 + seen.applied);
	assert_int_equal(scene_lines(&scene, "refused"), 0);
	scene_close(&scene);
}

/* The end, with a reload under way in each place. */
static void test_end(void **state)
{
	struct scene scene;

	(void)state;
	for (unsigned wait_us = 0; wait_us < 8000; wait_us += 500) {
		open_scene(&scene, 12, 1);
		write_peers(&scene, 12, "");
		reload(&scene);
		usleep(wait_us);
		if (wait_us > 2000)
			eg_builder_collect(scene.ctl.builder);
		scene_close(&scene);
	}
}

/* The log goes where the configuration says; one that cannot be opened refuses the reload. */
static void test_log(void **state)
{
	struct scene scene;
	char text[64], other[64];

	(void)state;
	open_scene(&scene, 1, 1);
	snprintf(other, sizeof(other), "%s/other", scene.dir);
	memcpy(text, scene.log_file, sizeof(text));
	snprintf(scene.log_file, sizeof(scene.log_file), "/nowhere/log");
	write_peers(&scene, 1, "");
	memcpy(scene.log_file, text, sizeof(text));
	reload(&scene);
	scene_run(&scene, is_freed);
	assert_int_equal(scene_lines(&scene, "log.target: /nowhere/log"), 1);
	assert_int_equal(scene_lines(&scene, "reload refused"), 1);
	memcpy(scene.log_file, other, sizeof(other));
	write_peers(&scene, 1, "");
	reload(&scene);
	scene_run(&scene, is_freed);
	assert_int_equal(generation(&scene), 2);
	memcpy(scene.log_file, text, sizeof(text));
	assert_int_equal(scene_lines(&scene, "the log goes on in"), 1);
	scene_close(&scene);
}

int run_reload_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reported), cmocka_unit_test(test_applied),
		cmocka_unit_test(test_refused),  cmocka_unit_test(test_superseded),
		cmocka_unit_test(test_end),      cmocka_unit_test(test_log),
	};

	return cmocka_run_group_tests_name("ctl reload", tests, NULL, NULL);
}
