#include "ctl/scene.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "ctl/reload.h"

static FILE *create(const char *path)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	assert_int_equal(chmod(path, 0600), 0);
	return out;
}

/* Another key for each file: 16 bytes and 4 of salt. */
static void write_key(const char *path, unsigned number)
{
	FILE *out = create(path);

	fprintf(out, "%08x00112233445566778899aabb00000000\n", number);
	fclose(out);
}

void scene_open(struct scene *scene, unsigned n_keys)
{
	char path[64];

	*scene = (struct scene){.dir = "/tmp/eg-test-ctl-XXXXXX"};
	assert_non_null(mkdtemp(scene->dir));
	snprintf(scene->config_file, sizeof(scene->config_file), "%s/conf.yaml", scene->dir);
	snprintf(scene->log_file, sizeof(scene->log_file), "%s/log", scene->dir);
	snprintf(path, sizeof(path), "%s/state", scene->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	for (unsigned n = 0; n < n_keys; n++) {
		snprintf(path, sizeof(path), "%s/out%u", scene->dir, n);
		write_key(path, 2 * n);
		snprintf(path, sizeof(path), "%s/in%u", scene->dir, n);
		write_key(path, 2 * n + 1);
	}
}

char *scene_peers(const struct scene *scene, unsigned n, const char *extra)
{
	struct eg_buf text = {0};

	eg_buf_add(&text, "peers:\n");
	for (unsigned i = 0; i < n; i++)
		eg_buf_add(&text,
			   "  p%u:\n"
			   "    local: 192.0.2.1\n"
			   "    remote: 192.0.2.%u\n"
			   "    subnets: [10.1.%u.0/24]\n"
			   "    sas:\n"
			   "      - {dir: out, spi: %u, suite: aes128gcm16, key_file: %s/out%u}\n"
			   "      - {dir: in, spi: %u, suite: aes128gcm16, key_file: %s/in%u}\n"
			   "%s",
			   i, 10 + i, i, 1000 + i, scene->dir, i, 2000 + i, scene->dir, i, extra);
	return text.v;
}

void scene_write(const struct scene *scene, const char *text)
{
	FILE *out = create(scene->config_file);

	fprintf(out,
		"version: 1\n"
		"log: {target: %s}\n"
		"state_dir: %s/state\n"
		"ports:\n"
		"  pods: {device: net_null0, role: clear, addresses: [10.244.1.1/24]}\n"
		"  wire: {device: net_null1, role: encrypted, addresses: [192.0.2.1/24]}\n"
		"%s",
		scene->log_file, scene->dir, text);
	fclose(out);
}

void scene_load(struct scene *scene)
{
	struct eg_errs errs = {0};

	scene->config = eg_config_load(scene->config_file, &errs);
	if (!scene->config)
		eg_errs_print(&errs, stderr);
	assert_non_null(scene->config);
	assert_int_equal(
		eg_log_open(&scene->log, scene->config->log.target, scene->config->log.level), 0);
	assert_int_equal(eg_rcu_init(&scene->rcu, SCENE_WORKERS), 0);
	eg_publisher_init(&scene->publisher, &scene->rcu);
	scene->sas = eg_sa_store_new(SCENE_WORKERS);
	assert_int_equal(
		eg_sa_store_open_state(scene->sas, scene->config->state_dir, false, NULL, &errs),
		0);
	scene->flows = eg_flow_table_new(1024);
	scene->queue = eg_event_queue_new(SCENE_WORKERS);
	assert_true(scene->sas && scene->flows && scene->queue);
	assert_int_equal(eg_tunnels_init(&scene->tunnels, &scene->rcu, scene->sas, SCENE_WORKERS),
			 0);
	for (unsigned w = 0; w < SCENE_WORKERS; w++) {
		scene->stats[w] = aligned_alloc(64, sizeof(**scene->stats));
		assert_non_null(scene->stats[w]);
		memset(scene->stats[w], 0, sizeof(**scene->stats));
	}
	scene->ctl = (struct eg_ctl){
		.log = &scene->log,
		.config = scene->config,
		.ports = &scene->ports,
		.rcu = &scene->rcu,
		.publisher = &scene->publisher,
		.tunnels = &scene->tunnels,
		.sas = scene->sas,
		.flows = scene->flows,
		.stats = scene->stats,
		.n_workers = SCENE_WORKERS,
		.event_queue = scene->queue,
	};
	if (eg_ctl_load(&scene->ctl, scene->config, &errs))
		eg_errs_print(&errs, stderr);
	assert_int_equal(errs.n_errors, 0);
	eg_errs_free(&errs);
}

static void collect(void *arg, uint32_t events)
{
	struct scene *scene = arg;

	(void)events;
	eg_builder_collect(scene->ctl.builder);
}

void scene_loop(struct scene *scene)
{
	scene->loop = scene->ctl.loop = eg_loop_new(NULL, NULL);
	scene->ctl.builder = eg_builder_new(NULL);
	assert_true(scene->loop && scene->ctl.builder);
	assert_int_equal(eg_ctl_follow_tunnels(&scene->ctl), 0);
	assert_non_null(eg_loop_add_fd(scene->loop, "reload", eg_builder_fd(scene->ctl.builder), 1,
				       collect, scene));
}

struct run {
	struct scene *scene;
	bool (*until)(struct scene *scene);
	uint64_t deadline_ns;
};

static void check(void *arg)
{
	struct run *run = arg;

	eg_ctl_free_deferred(&run->scene->ctl);
	if (run->until(run->scene) || eg_mono_ns() > run->deadline_ns)
		eg_loop_stop(run->scene->loop);
}

void scene_run(struct scene *scene, bool (*until)(struct scene *scene))
{
	struct run run = {scene, until, eg_mono_ns() + 20 * EG_NS_PER_S};
	struct eg_loop_source *timer = eg_loop_add_timer(scene->loop, "check", check, &run);

	eg_loop_set_timer(timer, 1, EG_NS_PER_MS);
	assert_int_equal(eg_loop_run(scene->loop), 0);
	eg_loop_remove(scene->loop, timer);
	assert_true(until(scene));
}

void scene_close(struct scene *scene)
{
	char command[64];

	if (scene->loop) {
		eg_ctl_unfollow_tunnels(&scene->ctl);
		eg_ctl_finish_reload(&scene->ctl);
		eg_builder_free(scene->ctl.builder);
		scene->ctl.builder = NULL;
		scene->ctl.loop = NULL;
		eg_loop_free(scene->loop);
	}
	eg_ctl_finish_logs(&scene->ctl);
	eg_tunnels_fini(&scene->tunnels);
	eg_rcu_fini(&scene->rcu);
	eg_ctl_free(&scene->ctl);
	eg_publisher_fini(&scene->publisher);
	eg_sa_store_free(scene->sas);
	eg_event_queue_free(scene->queue);
	eg_flow_table_free(scene->flows);
	for (unsigned w = 0; w < SCENE_WORKERS; w++)
		free(scene->stats[w]);
	eg_log_close(&scene->log);
	eg_config_free(scene->config);
	snprintf(command, sizeof(command), "rm -r %s", scene->dir);
	assert_int_equal(system(command), 0); /* NOLINT: a name of mkdtemp() */
}

unsigned scene_lines(const struct scene *scene, const char *words)
{
	char line[2048];
	FILE *in = fopen(scene->log_file, "r");
	unsigned n = 0;

	assert_non_null(in);
	while (fgets(line, sizeof(line), in))
		n += strstr(line, words) != NULL;
	fclose(in);
	return n;
}

const struct eg_tunnel *scene_tunnel(const struct scene *scene, const char *name)
{
	uint32_t id = eg_tunnel_find(&scene->tunnels, name);

	assert_int_not_equal(id, EG_TUNNEL_NONE);
	return eg_tunnel_get(&scene->tunnels, id);
}
