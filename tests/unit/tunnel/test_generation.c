/* Generations: each change of what a packet into a tunnel depends on makes that tunnel's generation
 * another one, and no other tunnel's. */
#include "tunnel/harness.h"

struct gen {
	struct scene scene;
	struct eg_tunnel_spec spec;
	struct eg_sa *out[2], *in;
	uint32_t id, other;
};

static struct eg_tunnel_spec probed_spec(const char *name, unsigned n)
{
	struct eg_tunnel_spec spec = spec_of(name, n);

	spec.encap = spec.floats = spec.learns_mtu = true;
	spec.target = ip("10.0.0.1");
	spec.source = ip("10.0.0.2");
	spec.plan = (struct eg_liveness_plan){1000, 3};
	return spec;
}

static void gen_start(struct gen *gen)
{
	struct eg_tunnel_spec other = probed_spec("other", 1);

	scene_start(&gen->scene);
	gen->spec = probed_spec("a", 0);
	gen->out[0] = sa_of(&gen->scene, EG_SA_KIND_OUT, 0x1001, 1);
	gen->out[1] = sa_of(&gen->scene, EG_SA_KIND_OUT, 0x1002, 2);
	gen->in = sa_of(&gen->scene, EG_SA_KIND_IN, 0x2001, 3);
	assert_int_equal(eg_tunnel_add(&gen->scene.tunnels, &gen->spec, &gen->id), 0);
	assert_int_equal(eg_tunnel_add(&gen->scene.tunnels, &other, &gen->other), 0);
}

static void gen_end(struct gen *gen)
{
	for (unsigned i = 0; i < COUNT(gen->out); i++)
		eg_sa_release(gen->scene.store, gen->out[i]);
	eg_sa_release(gen->scene.store, gen->in);
	scene_end(&gen->scene);
}

/* A reference for the tunnel. */
static struct eg_sa *ref(struct eg_sa *sa)
{
	eg_sa_retain(sa);
	return sa;
}

/* The change: another generation for its tunnel only. */
#define expect_change(gen, change) check_change(gen, (change), true, #change)
#define expect_none(gen, change)   check_change(gen, (change), false, #change)

static uint32_t seen[2]; /* by the step before: this tunnel's and the other one's */

static void observe(const struct gen *gen)
{
	seen[0] = eg_tunnel_generation(&gen->scene.tunnels, gen->id);
	seen[1] = eg_tunnel_generation(&gen->scene.tunnels, gen->other);
}

static void check_change(const struct gen *gen, int result, bool changes, const char *what)
{
	uint32_t before = seen[0], other = seen[1];

	if (result < 0)
		fail_msg("%s: %d", what, result);
	observe(gen);
	if ((seen[0] != before) != changes)
		fail_msg("%s: the generation is %s", what, changes ? "the same" : "another one");
	if (seen[1] != other)
		fail_msg("%s: another tunnel's generation changed", what);
}

static int change_tunnel(struct gen *gen)
{
	return eg_tunnel_change(&gen->scene.tunnels, gen->id, &gen->spec);
}

static void test_versions(void **state)
{
	struct gen gen;
	struct eg_tunnels *tunnels = &gen.scene.tunnels;
	uint32_t removed, id;

	(void)state;
	gen_start(&gen);
	observe(&gen);
	expect_none(&gen, change_tunnel(&gen)); /* it is that already */
	gen.spec.mss_clamp = true;
	expect_change(&gen, change_tunnel(&gen));
	gen.spec.hop.mac[5]++;
	expect_change(&gen, change_tunnel(&gen));
	gen.spec.peer_port++; /* another endpoint */
	expect_change(&gen, change_tunnel(&gen));
	gen.spec.remote = ip("192.0.2.77");
	assert_true(change_tunnel(&gen) < 0); /* refused: nothing has changed */
	expect_none(&gen, 0);

	eg_tunnel_remove(tunnels, gen.id);
	expect_change(&gen, 0);
	scene_settle(&gen.scene);
	eg_tunnels_recycle(tunnels);
	scene_settle(&gen.scene);
	removed = gen.id;
	id = EG_TUNNEL_NONE;
	gen.spec = probed_spec("b", 5);
	expect_change(&gen, eg_tunnel_add(tunnels, &gen.spec, &id));
	assert_int_equal(id, removed); /* the id is used again */
	gen_end(&gen);
}

static int set_sas(struct gen *gen, struct eg_sa *const *sas, size_t n, uint64_t delay_ns)
{
	const struct eg_rekey_times times = {.send_delay_ns = delay_ns, .grace_ns = 1000};

	for (size_t i = 0; i < n; i++)
		eg_sa_retain(sas[i]);
	return eg_tunnel_set_sas(&gen->scene.tunnels, gen->id, sas, n, &times, 5000, NULL);
}

/* Outbound SAs: those that may send. */
static void test_sas(void **state)
{
	struct gen gen;
	struct eg_tunnels *tunnels = &gen.scene.tunnels;
	struct eg_sa *next;

	(void)state;
	gen_start(&gen);
	next = sa_of(&gen.scene, EG_SA_KIND_OUT, 0x1003, 4);
	observe(&gen);
	expect_change(&gen, eg_tunnel_add_sa(tunnels, gen.id, ref(gen.out[0])));
	expect_none(&gen, eg_tunnel_add_sa(tunnels, gen.id, ref(gen.in)));
	expect_change(&gen, eg_tunnel_replace_sa(tunnels, gen.id, gen.out[0], ref(gen.out[1]), NULL,
						 1000));
	expect_none(&gen, set_sas(&gen, &gen.out[1], 1, 0));
	/* A rekey: the new one is pending, and sends later. */
	expect_none(&gen, set_sas(&gen, &next, 1, 500));
	eg_sa_release(gen.scene.store, next);
	eg_tunnels_rekey(tunnels, 5499, 10, NULL, NULL);
	expect_none(&gen, 0);
	eg_tunnels_rekey(tunnels, 5500, 10, NULL, NULL);
	expect_change(&gen, 0);
	expect_change(&gen, eg_tunnel_remove_sa(tunnels, gen.id, next)); /* the last one */
	assert_null(eg_tunnel_out(tunnels, gen.id));
	gen_end(&gen);
}

static void note_down(struct gen *gen, bool down)
{
	const struct eg_tunnel *tunnel = eg_tunnel_get(&gen->scene.tunnels, gen->id);

	atomic_store(&tunnel->liveness->down, down);
	eg_tunnel_note_liveness(&gen->scene.tunnels, tunnel);
}

static void expect_liveness(struct gen *gen, unsigned changes, uint32_t *before)
{
	uint32_t now = eg_tunnels_liveness_changes(&gen->scene.tunnels);

	assert_int_equal(now - *before, changes);
	*before = now;
}

/* Every store that changes whether a tunnel is up is counted, and nothing else. */
static void test_liveness(void **state)
{
	struct gen gen;
	struct eg_tunnels *tunnels = &gen.scene.tunnels;
	const struct eg_tunnel *tunnel;
	uint32_t before, id;

	(void)state;
	gen_start(&gen);
	before = eg_tunnels_liveness_changes(tunnels);
	note_down(&gen, false);
	expect_liveness(&gen, 0, &before);
	note_down(&gen, true);
	expect_liveness(&gen, 1, &before);
	note_down(&gen, true);
	expect_liveness(&gen, 0, &before);
	note_down(&gen, false);
	expect_liveness(&gen, 1, &before);

	/* No longer probed: it is up as soon as no worker says otherwise. */
	note_down(&gen, true);
	expect_liveness(&gen, 1, &before);
	gen.spec.target.family = 0;
	assert_int_equal(change_tunnel(&gen), 0);
	scene_settle(&gen.scene);
	assert_true(eg_tunnel_is_up(tunnels, gen.id));
	expect_liveness(&gen, 1, &before);

	/* One that is gone is down; its id is up again with the next tunnel. */
	tunnel = eg_tunnel_get(tunnels, gen.id);
	assert_null(tunnel->liveness);
	eg_tunnel_remove(tunnels, gen.id);
	expect_liveness(&gen, 1, &before);
	scene_settle(&gen.scene);
	eg_tunnels_recycle(tunnels);
	scene_settle(&gen.scene);
	assert_int_equal(eg_tunnel_add(tunnels, &gen.spec, &id), 0);
	assert_int_equal(id, gen.id);
	expect_liveness(&gen, 1, &before);
	gen_end(&gen);
}

/* A change of the tunnel that forgets its path MTU: the generation is another one after that, too,
 * for workers that met the new version with the old path MTU. */
static void test_forgets_mtu(void **state)
{
	struct gen gen;
	uint32_t before, with_mtu, without;

	(void)state;
	gen_start(&gen);
	gen.spec.learns_mtu = false;
	before = eg_tunnel_generation(&gen.scene.tunnels, gen.id);
	assert_int_equal(change_tunnel(&gen), 0);
	without = eg_tunnel_generation(&gen.scene.tunnels, gen.id) - before;
	gen.spec.learns_mtu = true;
	assert_int_equal(change_tunnel(&gen), 0);
	eg_pmtu_learn(eg_tunnel_get(&gen.scene.tunnels, gen.id)->pmtu, 1300, 1);
	gen.spec.learns_mtu = false;
	before = eg_tunnel_generation(&gen.scene.tunnels, gen.id);
	assert_int_equal(change_tunnel(&gen), 0);
	with_mtu = eg_tunnel_generation(&gen.scene.tunnels, gen.id) - before;
	assert_int_equal(with_mtu, without + 1);
	gen_end(&gen);
}

int run_generation_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_sas),
		cmocka_unit_test(test_liveness),
		cmocka_unit_test(test_forgets_mtu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
