/* Tunnels: what workers find before and after each operation, and what a change leaves alone. */
#include "tunnel/harness.h"

#include <errno.h>
#include <stdatomic.h>

#include "net/checksum.h"

static uint32_t add(struct scene *scene, const struct eg_tunnel_spec *spec)
{
	uint32_t id = EG_TUNNEL_NONE;

	assert_int_equal(eg_tunnel_add(&scene->tunnels, spec, &id), 0);
	return id;
}

/* The outer header's template, as it was with the snapshot's tunnels. */
static void test_version(void **state)
{
	struct eg_tunnel_spec spec = spec_of("a", 0);
	const struct eg_tunnel *tunnel;
	struct scene scene;
	uint32_t id;

	(void)state;
	scene_start(&scene);
	id = add(&scene, &spec);
	tunnel = eg_tunnel_get(&scene.tunnels, id);
	assert_non_null(tunnel);
	assert_int_equal((uintptr_t)tunnel % 64, 0);
	assert_string_equal(tunnel->name, "a");
	assert_int_equal(tunnel->id, id);
	assert_int_equal(tunnel->ip_len, 20);
	assert_int_equal(tunnel->outer_len, 20);
	assert_int_equal(tunnel->outer.ip4.proto, EG_PROTO_ESP);
	assert_int_equal(tunnel->outer.ip4.ttl, 64);
	assert_memory_equal(tunnel->outer.ip4.dst, spec.remote.bytes, 4);
	assert_int_equal(eg_checksum_fold(tunnel->outer_sum),
			 eg_checksum_fold(eg_checksum_add(0, &tunnel->outer.ip4, 20)));
	assert_int_equal(tunnel->into.kind, EG_HOP_TUNNEL);
	assert_int_equal(tunnel->into.tunnel, id);
	assert_int_equal(eg_pmtu_get(tunnel->pmtu), EG_PMTU_NONE);
	assert_null(tunnel->endpoint);
	assert_null(tunnel->liveness);
	assert_null(eg_tunnel_out(&scene.tunnels, id));

	spec = spec_of("b", 1);
	spec.local = ip("2001:db8::1");
	spec.remote = ip("2001:db8::2");
	spec.encap = true;
	tunnel = eg_tunnel_get(&scene.tunnels, add(&scene, &spec));
	assert_int_equal(tunnel->ip_len, 40);
	assert_int_equal(tunnel->outer_len, 48);
	assert_int_equal(tunnel->outer.ip6.next, EG_PROTO_UDP);
	assert_memory_equal(tunnel->outer.ip6.src, spec.local.bytes, 16);
	scene_end(&scene);
}

static void test_names(void **state)
{
	struct eg_tunnel_spec spec = spec_of("a", 0);
	struct scene scene;
	uint32_t a, b, other;

	(void)state;
	scene_start(&scene);
	assert_int_equal(eg_tunnel_find(&scene.tunnels, "a"), EG_TUNNEL_NONE);
	a = add(&scene, &spec);
	assert_int_equal(eg_tunnel_add(&scene.tunnels, &spec, &other), -EEXIST);
	spec.name = "b";
	b = add(&scene, &spec); /* the same ends are no obstacle */
	assert_int_not_equal(a, b);
	assert_int_equal(eg_tunnel_find(&scene.tunnels, "a"), a);
	assert_int_equal(eg_tunnel_find(&scene.tunnels, "b"), b);
	assert_int_equal(eg_tunnel_find(&scene.tunnels, ""), EG_TUNNEL_NONE);
	eg_tunnel_remove(&scene.tunnels, a);
	assert_null(eg_tunnel_get(&scene.tunnels, a));
	assert_int_equal(eg_tunnel_find(&scene.tunnels, "a"), EG_TUNNEL_NONE);
	assert_int_equal(eg_tunnel_find(&scene.tunnels, "b"), b);
	spec.name = "a";
	other = add(&scene, &spec);
	assert_int_not_equal(other, a); /* a world may still name it */
	eg_tunnel_remove(&scene.tunnels, other);
	scene_settle(&scene);
	eg_tunnels_recycle(&scene.tunnels);
	scene_settle(&scene);
	other = add(&scene, &spec);
	assert_int_equal(other, a);
	assert_int_equal(eg_tunnels_next(&scene.tunnels, 0), a);
	assert_int_equal(eg_tunnels_next(&scene.tunnels, a + 1), b);
	assert_int_equal(eg_tunnels_next(&scene.tunnels, b + 1), EG_TUNNEL_NONE);
	assert_int_equal(scene.tunnels.n, 2);
	scene_end(&scene);
}

/* A peer whose addresses change is another tunnel: for a moment there are two of its name, and the
 * new one is found. */
static void test_replaces(void **state)
{
	struct eg_tunnel_spec spec = spec_of("a", 0);
	struct scene scene;
	uint32_t old, new, other;

	(void)state;
	scene_start(&scene);
	old = add(&scene, &spec);
	spec = spec_of("a", 1);
	assert_int_equal(eg_tunnel_add(&scene.tunnels, &spec, &other), -EEXIST);
	spec.replaces = true;
	new = add(&scene, &spec);
	assert_int_not_equal(new, old);
	assert_int_equal(eg_tunnel_find(&scene.tunnels, "a"), new);
	eg_tunnel_remove(&scene.tunnels, old);
	assert_int_equal(eg_tunnel_find(&scene.tunnels, "a"), new);
	/* The other way round, when the configuration is refused after all. */
	spec = spec_of("a", 2);
	spec.replaces = true;
	other = add(&scene, &spec);
	eg_tunnel_remove(&scene.tunnels, other);
	assert_int_equal(eg_tunnel_find(&scene.tunnels, "a"), new);
	scene_end(&scene);
}

/* A change makes a new version; a worker keeps the one that it has until it reports quiescence. */
static void test_change(void **state)
{
	struct eg_tunnel_spec spec = spec_of("a", 0), other;
	const struct eg_tunnel *before, *after;
	struct scene scene;
	uint32_t id;

	(void)state;
	scene_start(&scene);
	id = add(&scene, &spec);
	eg_rcu_online(&scene.rcu, 0);
	before = eg_tunnel_get(&scene.tunnels, id);
	assert_int_equal(eg_tunnel_change(&scene.tunnels, id, &spec), 0);
	assert_ptr_equal(eg_tunnel_get(&scene.tunnels, id), before); /* it is that already */
	assert_int_equal(eg_rcu_pending(&scene.rcu), 0);
	spec.hop.port = 2;
	spec.mss_clamp = true;
	assert_int_equal(eg_tunnel_change(&scene.tunnels, id, &spec), 0);
	after = eg_tunnel_get(&scene.tunnels, id);
	assert_ptr_not_equal(after, before);
	for (int i = 0; i < 3; i++)
		eg_rcu_poll(&scene.rcu);
	assert_int_equal(before->hop.port, 1);
	assert_int_equal(after->hop.port, 2);
	assert_ptr_equal(after->state, before->state);
	assert_ptr_equal(after->pmtu, before->pmtu);
	assert_int_equal(eg_rcu_pending(&scene.rcu), 1);
	eg_rcu_quiescent(&scene.rcu, 0);
	eg_rcu_poll(&scene.rcu);
	assert_int_equal(eg_rcu_pending(&scene.rcu), 0);

	other = spec;
	other.name = "b";
	assert_int_equal(eg_tunnel_change(&scene.tunnels, id, &other), -EINVAL);
	other = spec;
	other.remote = ip("192.0.2.99");
	assert_int_equal(eg_tunnel_change(&scene.tunnels, id, &other), -EINVAL);
	other = spec;
	other.local = ip("192.0.2.99");
	assert_int_equal(eg_tunnel_change(&scene.tunnels, id, &other), -EINVAL);
	assert_ptr_equal(eg_tunnel_get(&scene.tunnels, id), after);
	eg_rcu_offline(&scene.rcu, 0);
	scene_end(&scene);
}

/* Each field that a change may touch makes a new version: a comparison that forgot one would leave
 * the old configuration in force. */
static void test_each_field(void **state)
{
	struct eg_tunnel_spec first = spec_of("a", 0), specs[20];
	unsigned n = 0;
	struct scene scene;
	uint32_t id;

	(void)state;
	scene_start(&scene);
	first.target = ip("10.0.0.1");
	first.source = ip("10.0.0.2");
	first.plan = (struct eg_liveness_plan){1000, 3};
	first.hop.kind = EG_HOP_VIA;
	first.via = ip("192.0.2.254");
	for (unsigned i = 0; i < COUNT(specs); i++)
		specs[i] = first;
	specs[n++].hop.kind = EG_HOP_LINK;
	specs[n++].hop.port = 9;
	specs[n++].hop.mac[5] = 9;
	specs[n++].via = ip("192.0.2.253");
	specs[n++].transport = true;
	specs[n++].encap = true;
	specs[n++].accept_plain = true;
	specs[n++].floats = true;
	specs[n++].fragment_inner = true;
	specs[n++].fragment_outer = true;
	specs[n++].learns_mtu = true;
	specs[n++].mss_clamp = true;
	specs[n++].n_sports = 9;
	specs[n++].peer_port = 9;
	specs[n++].df_copied = 9;
	specs[n++].df_set = 9;
	specs[n++].target = ip("10.0.0.9");
	specs[n++].source = ip("10.0.0.9");
	specs[n++].plan.interval_ns = 9;
	specs[n++].plan.threshold = 9;
	assert_int_equal(n, COUNT(specs));
	id = add(&scene, &first);
	for (unsigned i = 0; i < n; i++) {
		const struct eg_tunnel *before = eg_tunnel_get(&scene.tunnels, id);

		assert_int_equal(eg_tunnel_change(&scene.tunnels, id, &specs[i]), 0);
		assert_ptr_not_equal(eg_tunnel_get(&scene.tunnels, id), before);
		before = eg_tunnel_get(&scene.tunnels, id);
		assert_int_equal(eg_tunnel_change(&scene.tunnels, id, &specs[i]), 0);
		assert_ptr_equal(eg_tunnel_get(&scene.tunnels, id), before);
		assert_int_equal(eg_tunnel_change(&scene.tunnels, id, &first), 0);
	}
	scene_end(&scene);
}

/* What was learned stays where it still applies, and is forgotten where it does not. */
static void test_learned(void **state)
{
	struct eg_tunnel_spec spec = spec_of("a", 0);
	const struct eg_endpoint_at moved = {{203, 0, 113, 1}, 1234};
	const struct eg_tunnel *tunnel;
	struct eg_endpoint_at at;
	struct scene scene;
	uint32_t id;
	uint16_t probe_id;

	(void)state;
	scene_start(&scene);
	spec.encap = spec.floats = spec.learns_mtu = true;
	spec.target = ip("10.0.0.1");
	spec.source = ip("10.0.0.2");
	spec.plan = (struct eg_liveness_plan){1000, 3};
	id = add(&scene, &spec);
	tunnel = eg_tunnel_get(&scene.tunnels, id);
	eg_pmtu_learn(tunnel->pmtu, 1400, 1);
	assert_true(eg_endpoint_follow(tunnel->endpoint, &moved));
	assert_int_equal(tunnel->liveness->worker, eg_tunnel_worker(id, WORKERS));
	probe_id = tunnel->liveness->id;

	spec.mss_clamp = true;
	assert_int_equal(eg_tunnel_change(&scene.tunnels, id, &spec), 0);
	scene_settle(&scene);
	tunnel = eg_tunnel_get(&scene.tunnels, id);
	assert_int_equal(eg_pmtu_get(tunnel->pmtu), 1400);
	at = eg_endpoint_get(tunnel->endpoint);
	assert_true(eg_endpoint_at_equal(&at, &moved));
	assert_int_equal(tunnel->liveness->id, probe_id);

	spec.peer_port = 4501; /* a port of its own: the old endpoint says nothing about it */
	spec.learns_mtu = false;
	assert_int_equal(eg_tunnel_change(&scene.tunnels, id, &spec), 0);
	scene_settle(&scene);
	tunnel = eg_tunnel_get(&scene.tunnels, id);
	assert_int_equal(eg_pmtu_get(tunnel->pmtu), EG_PMTU_NONE);
	at = eg_endpoint_get(tunnel->endpoint);
	assert_int_equal(at.port, 4501);
	assert_memory_equal(at.address, spec.remote.bytes, 16);

	spec.floats = false;
	spec.target = (struct eg_ip){.family = 0};
	assert_int_equal(eg_tunnel_change(&scene.tunnels, id, &spec), 0);
	tunnel = eg_tunnel_get(&scene.tunnels, id);
	assert_null(tunnel->endpoint);
	assert_null(tunnel->liveness);
	scene_end(&scene);
}

/* Up and down, for groups: of a tunnel that is probed, that is no longer, and that is gone. */
static void test_down(void **state)
{
	struct eg_tunnel_spec spec = spec_of("a", 0);
	const struct eg_tunnel *tunnel;
	struct scene scene;
	uint32_t id;

	(void)state;
	scene_start(&scene);
	spec.target = ip("10.0.0.1");
	spec.source = ip("10.0.0.2");
	spec.plan = (struct eg_liveness_plan){1000, 3};
	id = add(&scene, &spec);
	tunnel = eg_tunnel_get(&scene.tunnels, id);
	assert_true(eg_tunnel_is_up(&scene.tunnels, id));
	eg_liveness_link_down(tunnel->liveness, 1);
	eg_tunnel_note_liveness(&scene.tunnels, tunnel);
	assert_false(eg_tunnel_is_up(&scene.tunnels, id));
	spec.mss_clamp = true;
	assert_int_equal(eg_tunnel_change(&scene.tunnels, id, &spec), 0);
	scene_settle(&scene);
	assert_false(eg_tunnel_is_up(&scene.tunnels, id)); /* a reload does not revive it */

	/* Its worker still judges by the version before, until it reports. */
	eg_rcu_online(&scene.rcu, 1);
	tunnel = eg_tunnel_get(&scene.tunnels, id);
	spec.target.family = 0;
	assert_int_equal(eg_tunnel_change(&scene.tunnels, id, &spec), 0);
	eg_rcu_poll(&scene.rcu);
	eg_tunnel_note_liveness(&scene.tunnels, tunnel);
	eg_rcu_offline(&scene.rcu, 1);
	scene_settle(&scene);
	assert_true(eg_tunnel_is_up(&scene.tunnels, id));
	eg_tunnel_remove(&scene.tunnels, id);
	assert_false(eg_tunnel_is_up(&scene.tunnels, id));
	scene_end(&scene);
}

static unsigned count_between(const struct scene *scene, const struct eg_tunnel_spec *spec,
			      uint32_t id)
{
	const struct eg_tunnel_state *at = NULL;
	const struct eg_tunnel *tunnel;
	unsigned n = 0, found = 0;

	while ((tunnel = eg_tunnels_between(&scene->tunnels, &spec->local, &spec->remote, &at))) {
		n++;
		found += tunnel->id == id;
	}
	assert_true(found <= 1);
	return n * 10 + found;
}

static void test_between(void **state)
{
	struct eg_tunnel_spec spec = spec_of("a", 0), far = spec_of("far", 7);
	struct scene scene;
	uint32_t a, b;

	(void)state;
	scene_start(&scene);
	assert_int_equal(count_between(&scene, &spec, 0), 0);
	a = add(&scene, &spec);
	spec.name = "b";
	b = add(&scene, &spec);
	add(&scene, &far);
	assert_int_equal(count_between(&scene, &spec, a), 21);
	assert_int_equal(count_between(&scene, &spec, b), 21);
	assert_int_equal(count_between(&scene, &far, a), 10);
	eg_tunnel_remove(&scene.tunnels, a);
	assert_int_equal(count_between(&scene, &spec, b), 11);
	spec.mss_clamp = true;
	assert_int_equal(eg_tunnel_change(&scene.tunnels, b, &spec), 0);
	assert_int_equal(count_between(&scene, &spec, b), 11);
	scene_end(&scene);
}

/* The lists that workers walk for keepalives and probes. */
static void test_lists(void **state)
{
	struct scene scene;
	uint32_t ids[8];

	(void)state;
	scene_start(&scene);
	for (unsigned i = 0; i < COUNT(ids); i++) {
		char name[8];
		struct eg_tunnel_spec spec;

		snprintf(name, sizeof(name), "n%u", i);
		spec = spec_of(name, i);
		spec.encap = i % 2;
		if (i % 4 == 0)
			spec.target = ip("10.0.0.1");
		ids[i] = add(&scene, &spec);
	}
	assert_int_equal(eg_id_list_n(&scene.tunnels.keepalives), 4);
	assert_int_equal(eg_id_list_n(&scene.tunnels.probes), 2);
	eg_tunnel_remove(&scene.tunnels, ids[1]);
	assert_int_equal(eg_id_list_n(&scene.tunnels.keepalives), 3);
	assert_int_equal(eg_id_list_at(&scene.tunnels.keepalives, 0), ids[7]);
	eg_tunnel_remove(&scene.tunnels, ids[7]);
	assert_int_equal(eg_id_list_n(&scene.tunnels.keepalives), 2);
	for (uint32_t i = 0; i < 2; i++)
		assert_true(eg_id_list_at(&scene.tunnels.keepalives, i) == ids[3] ||
			    eg_id_list_at(&scene.tunnels.keepalives, i) == ids[5]);
	eg_tunnel_remove(&scene.tunnels, ids[0]);
	eg_tunnel_remove(&scene.tunnels, ids[4]);
	assert_int_equal(eg_id_list_n(&scene.tunnels.probes), 0);
	scene_end(&scene);
}

int run_table_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_version),    cmocka_unit_test(test_names),
		cmocka_unit_test(test_replaces),   cmocka_unit_test(test_change),
		cmocka_unit_test(test_each_field), cmocka_unit_test(test_learned),
		cmocka_unit_test(test_down),       cmocka_unit_test(test_between),
		cmocka_unit_test(test_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
