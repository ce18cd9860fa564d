/* Subnets that several peers have, as the world has them; and that liveness outlives a reload. */
#include "snap/snap_tests.h"

#include "base/buf.h"
#include "base/clock.h"
#include "conf/config.h"
#include "snap/scene.h"

#define ALIVE "alive: {target: 10.1.0.1, interval: 50ms, threshold: 4}"

/* Peers without SAs, each from its name, remote, subnets and what else is said of it. */
struct peer {
	const char *name, *remote, *subnets, *more;
};

static struct eg_config *config_of(const struct peer *peers, size_t n)
{
	struct eg_errs errs = {0};
	struct eg_buf text = {0};
	struct eg_config *config;

	eg_buf_add(&text, "version: 1\n"
			  "ports:\n"
			  "  c: {device: d0, role: clear, addresses: [10.9.0.1/24]}\n"
			  "  u: {device: d1, role: encrypted, addresses: [192.0.2.1/24]}\n"
			  "peers:\n");
	for (size_t i = 0; i < n; i++)
		eg_buf_add(&text, "  %s: {local: 192.0.2.1, remote: %s, subnets: [%s], %s}\n",
			   peers[i].name, peers[i].remote, peers[i].subnets, peers[i].more);
	config = eg_config_parse(text.v, text.n, "t", &errs);
	if (!config)
		eg_errs_print(&errs, stderr);
	assert_non_null(config);
	eg_errs_free(&errs);
	eg_buf_free(&text);
	return config;
}

static void load(struct scene *scene, const struct peer *peers, size_t n)
{
	struct eg_errs errs = {0};

	scene_load(scene, config_of(peers, n), 1000 * EG_NS_PER_S, &errs);
	eg_errs_free(&errs);
	scene_pass(scene);
}

static const struct eg_hop *route(const struct scene *scene, const char *address)
{
	const struct eg_snap_world *world = scene_snap(scene)->world;
	struct eg_ip ip;

	assert_int_equal(eg_ip_parse(address, &ip), 0);
	return &world->hops[eg_lpm_lookup(world->routes, &ip)];
}

static const char *name_of(const struct scene *scene, uint32_t id)
{
	assert_non_null(eg_tunnel_get(&scene->tunnels, id));
	return eg_tunnel_get(&scene->tunnels, id)->name;
}

/* "b d": the peers of an address's group, in their order, or the only one. */
static const char *peers_of(const struct scene *scene, const char *address)
{
	const struct eg_hop *hop = route(scene, address);
	const struct eg_group *group;
	static char text[100];
	size_t n = 0;

	if (hop->kind == EG_HOP_TUNNEL)
		return name_of(scene, hop->tunnel);
	assert_int_equal(hop->kind, EG_HOP_GROUP);
	group = scene_snap(scene)->world->groups[hop->group];
	for (uint32_t i = 0; i < group->n; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, n ? " %s" : "%s",
				      name_of(scene, group->member[i].tunnel));
	return text;
}

static void test_groups(void **state)
{
	static const struct peer peers[] = {
		{"b", "192.0.2.2", "10.1.0.0/16, \"fd00:1::/64\", 10.2.0.0/16",
		 "priority: 1, weight: 7, " ALIVE},
		{"d", "192.0.2.3", "10.1.0.0/16, \"fd00:1::/64\", 10.3.0.0/16", "priority: 2"},
		{"e", "192.0.2.4", "10.3.0.0/16, 10.4.0.0/16", "priority: 0"},
		{"f", "192.0.2.5", "10.5.0.0/16", "df: copy"},
	};
	const struct eg_group_member *member;
	const struct eg_tunnel *tunnel;
	struct scene scene;

	(void)state;
	scene_open(&scene, 2);
	load(&scene, peers, COUNT(peers));
	assert_string_equal(peers_of(&scene, "10.1.0.0"), "b d");
	assert_string_equal(peers_of(&scene, "10.1.255.255"), "b d");
	assert_string_equal(peers_of(&scene, "fd00:1::9"), "b d");
	assert_string_equal(peers_of(&scene, "10.2.0.1"), "b");
	assert_string_equal(peers_of(&scene, "10.3.0.1"), "d e");
	assert_string_equal(peers_of(&scene, "10.4.0.1"), "e");
	assert_string_equal(peers_of(&scene, "10.5.0.1"), "f");
	/* The same peers are one group, whatever the subnet. */
	assert_int_equal(scene_snap(&scene)->world->n_groups, 2);
	assert_int_equal(route(&scene, "10.1.0.1")->group, route(&scene, "fd00:1::1")->group);

	member = scene_snap(&scene)->world->groups[route(&scene, "10.1.0.1")->group]->member;
	assert_int_equal(member[0].priority, 1);
	assert_int_equal(member[0].weight, 7);
	assert_true(member[0].id == eg_group_id("b"));
	tunnel = eg_tunnel_get(&scene.tunnels, member[0].tunnel);
	assert_non_null(tunnel->liveness);
	assert_int_equal(member[1].priority, 2);
	assert_int_equal(member[1].weight, 1);
	assert_null(eg_tunnel_get(&scene.tunnels, member[1].tunnel)->liveness);
	assert_int_equal(eg_id_list_n(&scene.tunnels.probes), 1);
	assert_int_equal(eg_id_list_at(&scene.tunnels.probes, 0), tunnel->id);
	assert_int_equal(tunnel->plan.interval_ns, 50 * EG_NS_PER_MS);
	assert_int_equal(tunnel->plan.threshold, 4);
	assert_int_equal(tunnel->source.bytes[1], 9);
	assert_int_equal(tunnel->into.kind, EG_HOP_TUNNEL);
	assert_int_equal(tunnel->into.tunnel, tunnel->id);
	scene_close(&scene);
}

/* A peer's liveness is the same object while its name and addresses are; members come and go. */
static void test_reload(void **state)
{
	struct peer peers[] = {
		{"b", "192.0.2.2", "10.1.0.0/16", "priority: 1, " ALIVE},
		{"d", "192.0.2.3", "10.1.0.0/16", "priority: 1, " ALIVE},
		{"e", "192.0.2.4", "10.1.0.0/16", "priority: 1, " ALIVE},
	};
	struct eg_liveness *b, *d, *e;
	struct scene scene;
	uint32_t id;

	(void)state;
	scene_open(&scene, 1);
	load(&scene, peers, 2);
	b = scene_tunnel(&scene, "b")->liveness;
	d = scene_tunnel(&scene, "d")->liveness;
	atomic_store(&d->down, true);
	eg_tunnel_note_liveness(&scene.tunnels, scene_tunnel(&scene, "d"));
	load(&scene, peers, 3); /* one more */
	assert_ptr_equal(scene_tunnel(&scene, "b")->liveness, b);
	assert_ptr_equal(scene_tunnel(&scene, "d")->liveness, d);
	e = scene_tunnel(&scene, "e")->liveness;
	assert_true(e != b && e != d);
	assert_string_equal(peers_of(&scene, "10.1.0.1"), "b d e");
	id = scene_snap(&scene)->world->groups[0]->member[1].tunnel;
	assert_ptr_equal(eg_tunnel_get(&scene.tunnels, id)->liveness, d);
	assert_false(eg_tunnel_is_up(&scene.tunnels, id));
	assert_int_equal(d->refs, 1);
	assert_true(atomic_load(&d->down));

	peers[1].more = "priority: 9, alive: {target: 10.1.0.3, threshold: 2}";
	load(&scene, peers, 2); /* asked otherwise, but the same */
	assert_ptr_equal(scene_tunnel(&scene, "d")->liveness, d);
	assert_int_equal(scene_tunnel(&scene, "d")->plan.threshold, 2);
	assert_int_equal(d->refs, 1);
	assert_int_equal(scene.tunnels.n, 2);

	peers[1].remote = "192.0.2.9"; /* another gateway under this name */
	eg_liveness_retain(d);
	load(&scene, peers, 2);
	assert_int_equal(d->refs, 1);
	assert_true(scene_tunnel(&scene, "d")->liveness != d);
	eg_liveness_release(d);
	assert_false(atomic_load(&scene_tunnel(&scene, "d")->liveness->down));
	assert_true(eg_tunnel_is_up(&scene.tunnels, scene_tunnel(&scene, "d")->id));
	assert_ptr_equal(scene_tunnel(&scene, "b")->liveness, b);
	assert_int_equal(scene.tunnels.n, 2);

	peers[0].more = "priority: 1"; /* asked no more: then it cannot be dead */
	load(&scene, peers, 1);
	assert_null(scene_tunnel(&scene, "b")->liveness);
	assert_int_equal(eg_id_list_n(&scene.tunnels.probes), 0);
	assert_int_equal(scene_snap(&scene)->world->n_groups, 0);
	assert_string_equal(peers_of(&scene, "10.1.0.1"), "b");
	assert_int_equal(scene.tunnels.n, 1);
	scene_close(&scene);
}

/* Members are named by the ids of their tunnels, whatever their order in the configuration. */
static void test_order(void **state)
{
	static const struct peer peers[] = {
		{"b", "192.0.2.2", "10.1.0.0/16", "priority: 1"},
		{"d", "192.0.2.3", "10.1.0.0/16", "priority: 1"},
	};
	static const struct peer others[] = {
		{"x", "192.0.2.7", "10.7.0.0/16", "df: copy"},
		{"d", "192.0.2.3", "10.1.0.0/16", "priority: 1"},
		{"b", "192.0.2.2", "10.1.0.0/16", "priority: 1"},
	};
	struct scene scene;

	(void)state;
	scene_open(&scene, 1);
	load(&scene, peers, 2);
	assert_string_equal(peers_of(&scene, "10.1.0.1"), "b d");
	load(&scene, others, 3);
	assert_string_equal(peers_of(&scene, "10.1.0.1"), "d b");
	assert_string_equal(peers_of(&scene, "10.7.0.1"), "x");
	scene_close(&scene);
}

/* The first member by priority that is up. */
static void test_choice(void **state)
{
	static const struct peer peers[] = {
		{"b", "192.0.2.2", "10.1.0.0/16", "priority: 1, " ALIVE},
		{"d", "192.0.2.3", "10.1.0.0/16", "priority: 2, " ALIVE},
	};
	const struct eg_group_member *first;
	const struct eg_group *group;
	const struct eg_tunnel *b;
	struct scene scene;

	(void)state;
	scene_open(&scene, 1);
	load(&scene, peers, 2);
	assert_int_equal(eg_id_list_n(&scene.tunnels.probes), 2);
	assert_string_equal(peers_of(&scene, "10.1.0.1"), "b d");
	group = scene_snap(&scene)->world->groups[0];
	b = scene_tunnel(&scene, "b");
	assert_int_equal(eg_group_choose(group, 7, scene.tunnels.down, &first)->tunnel, b->id);
	atomic_store(&b->liveness->down, true);
	eg_tunnel_note_liveness(&scene.tunnels, b);
	assert_string_equal(
		name_of(&scene, eg_group_choose(group, 7, scene.tunnels.down, &first)->tunnel),
		"d");
	assert_int_equal(first->tunnel, b->id);
	scene_close(&scene);
}

int run_share_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_choice),
	};

	return cmocka_run_group_tests_name("snap shares", tests, NULL, NULL);
}
