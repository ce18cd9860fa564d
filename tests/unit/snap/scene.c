#include "snap/scene.h"

void scene_open(struct scene *scene, unsigned n_workers)
{
	*scene = (struct scene){.store = eg_sa_store_new(n_workers)};
	assert_non_null(scene->store);
	assert_int_equal(eg_rcu_init(&scene->rcu, 1), 0);
	assert_int_equal(eg_tunnels_init(&scene->tunnels, &scene->rcu, scene->store, n_workers), 0);
	eg_publisher_init(&scene->publisher, &scene->rcu);
	scene->installed.tunnels = &scene->tunnels;
	scene->installed.publisher = &scene->publisher;
	eg_rcu_online(&scene->rcu, 0);
}

void scene_close(struct scene *scene)
{
	eg_rcu_offline(&scene->rcu, 0);
	eg_tunnels_fini(&scene->tunnels);
	eg_rcu_fini(&scene->rcu);
	eg_publisher_fini(&scene->publisher);
	free(scene->installed.ids);
	eg_sa_store_free(scene->store);
}

const struct eg_snap *scene_snap(const struct scene *scene)
{
	return eg_publisher_read(&scene->publisher);
}

struct eg_candidate *scene_build(struct scene *scene, const struct eg_config *config,
				 struct eg_errs *errs)
{
	const struct eg_candidate_options options = {
		.before = scene_snap(scene) ? scene_snap(scene)->policy : NULL,
		.tolerance = EG_QUARANTINE_ALL,
	};
	struct eg_candidate *candidate = eg_candidate_build(config, scene->store, &options, errs);

	if (!candidate)
		eg_errs_print(errs, stderr);
	assert_non_null(candidate);
	return candidate;
}

void scene_load(struct scene *scene, struct eg_config *config, uint64_t now_ns,
		struct eg_errs *errs)
{
	struct eg_candidate *candidate = scene_build(scene, config, errs);

	assert_int_equal(eg_apply_all(&scene->installed, candidate, now_ns, errs), 0);
	eg_config_free(config);
}

void scene_pass(struct scene *scene)
{
	for (int i = 0; i < 3; i++) {
		eg_rcu_quiescent(&scene->rcu, 0);
		while (eg_rcu_poll(&scene->rcu))
			;
	}
	assert_int_equal(eg_rcu_pending(&scene->rcu), 0);
}

const struct eg_tunnel *scene_tunnel(const struct scene *scene, const char *name)
{
	uint32_t id = eg_tunnel_find(&scene->tunnels, name);

	if (id == EG_TUNNEL_NONE)
		fail_msg("no tunnel %s", name);
	return eg_tunnel_get(&scene->tunnels, id);
}
