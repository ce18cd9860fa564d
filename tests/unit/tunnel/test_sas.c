/* SAs one by one: add, replace, remove; what workers find, and who holds references. */
#include "tunnel/harness.h"

#include <endian.h>
#include <errno.h>

struct pair {
	struct scene scene;
	uint32_t a, b;
	char text[256];
};

static void start(struct pair *pair)
{
	struct eg_tunnel_spec spec = spec_of("a", 0);

	scene_start(&pair->scene);
	assert_int_equal(eg_tunnel_add(&pair->scene.tunnels, &spec, &pair->a), 0);
	spec = spec_of("b", 1);
	assert_int_equal(eg_tunnel_add(&pair->scene.tunnels, &spec, &pair->b), 0);
}

static struct eg_sa *find(const struct pair *pair, uint32_t spi)
{
	return eg_sad_find(&pair->scene.tunnels.sad, htobe32(spi));
}

static void test_add_remove(void **state)
{
	struct pair pair;
	struct eg_sa *in, *out, *out2;

	(void)state;
	start(&pair);
	in = sa_of(&pair.scene, EG_SA_KIND_IN, 0x1001, 0);
	out = sa_of(&pair.scene, EG_SA_KIND_OUT, 0x2001, 0);
	out2 = sa_of(&pair.scene, EG_SA_KIND_OUT, 0x2002, 0);
	assert_null(find(&pair, 0x1001));
	assert_int_equal(eg_tunnel_add_sa(&pair.scene.tunnels, pair.a, in), 0);
	assert_ptr_equal(find(&pair, 0x1001), in);
	assert_ptr_equal(eg_sa_tunnel(in), eg_tunnel_get(&pair.scene.tunnels, pair.a));
	assert_null(eg_tunnel_out(&pair.scene.tunnels, pair.a));
	assert_int_equal(eg_tunnel_add_sa(&pair.scene.tunnels, pair.a, out), 0);
	assert_int_equal(eg_tunnel_add_sa(&pair.scene.tunnels, pair.a, out2), 0);
	assert_int_equal(eg_tunnel_add_sa(&pair.scene.tunnels, pair.a, out2), -EINVAL);
	assert_string_equal(out_text(&pair.scene, pair.a, pair.text), "2001 2002");
	assert_string_equal(sas_text(&pair.scene, pair.a, pair.text),
			    "in 1001, out 2001, out 2002");
	assert_null(find(&pair, 0x2001)); /* outbound SPIs are the peer's to choose */
	assert_int_equal(pair.scene.tunnels.n_sas, 3);
	assert_int_equal(eg_tunnel_remove_sa(&pair.scene.tunnels, pair.b, out), -EINVAL);
	assert_int_equal(eg_tunnel_remove_sa(&pair.scene.tunnels, pair.a, out), 0);
	assert_string_equal(out_text(&pair.scene, pair.a, pair.text), "2002");
	assert_int_equal(eg_tunnel_remove_sa(&pair.scene.tunnels, pair.a, out2), 0);
	assert_null(eg_tunnel_out(&pair.scene.tunnels, pair.a));
	assert_int_equal(eg_tunnel_remove_sa(&pair.scene.tunnels, pair.a, in), 0);
	assert_null(find(&pair, 0x1001));
	assert_int_equal(pair.scene.tunnels.n_sas, 0);
	scene_end(&pair.scene);
}

/* A removed SA is whole until every worker has reported quiescence; then its reference goes. */
static void test_references(void **state)
{
	struct pair pair;
	struct eg_sa *in;

	(void)state;
	start(&pair);
	in = sa_of(&pair.scene, EG_SA_KIND_IN, 0x1001, 0);
	eg_sa_retain(in); /* the test's own */
	eg_rcu_online(&pair.scene.rcu, 0);
	assert_int_equal(eg_tunnel_add_sa(&pair.scene.tunnels, pair.a, in), 0);
	assert_int_equal(in->refs, 2);
	assert_int_equal(eg_tunnel_remove_sa(&pair.scene.tunnels, pair.a, in), 0);
	for (int i = 0; i < 3; i++)
		eg_rcu_poll(&pair.scene.rcu);
	assert_int_equal(in->refs, 2);
	/* It may come back before that. */
	eg_sa_retain(in);
	assert_int_equal(eg_tunnel_add_sa(&pair.scene.tunnels, pair.a, in), 0);
	assert_ptr_equal(find(&pair, 0x1001), in);
	assert_int_equal(in->refs, 3);
	assert_int_equal(eg_tunnel_remove_sa(&pair.scene.tunnels, pair.a, in), 0);
	eg_rcu_offline(&pair.scene.rcu, 0);
	scene_settle(&pair.scene);
	assert_int_equal(in->refs, 1);
	eg_sa_release(pair.scene.store, in);
	scene_end(&pair.scene);
}

/* Of two inbound SAs with one SPI the newer one is found; without it the older one again. */
static void test_same_spi(void **state)
{
	struct pair pair;
	struct eg_sa *old, *new;

	(void)state;
	start(&pair);
	old = sa_of(&pair.scene, EG_SA_KIND_IN, 0x1001, 1);
	new = sa_of(&pair.scene, EG_SA_KIND_IN, 0x1001, 2);
	assert_int_equal(eg_tunnel_add_sa(&pair.scene.tunnels, pair.a, old), 0);
	assert_int_equal(eg_tunnel_add_sa(&pair.scene.tunnels, pair.b, new), 0);
	assert_ptr_equal(find(&pair, 0x1001), new);
	assert_int_equal(eg_tunnel_remove_sa(&pair.scene.tunnels, pair.b, new), 0);
	assert_ptr_equal(find(&pair, 0x1001), old);
	eg_tunnel_remove(&pair.scene.tunnels, pair.a);
	assert_null(find(&pair, 0x1001));
	scene_end(&pair.scene);
}

/* A configuration gives an SA to another tunnel (its peer was renamed, say): there it is from now
 * on, and the tunnel that had it may go without taking it along. */
static void test_other_tunnel(void **state)
{
	struct pair pair;
	struct eg_tunnel_spec spec = spec_of("a", 0);
	struct eg_sa *in, *out;

	(void)state;
	start(&pair);
	in = sa_of(&pair.scene, EG_SA_KIND_IN, 0x1001, 0);
	out = sa_of(&pair.scene, EG_SA_KIND_OUT, 0x2001, 0);
	assert_int_equal(eg_tunnel_add_sa(&pair.scene.tunnels, pair.a, in), 0);
	assert_int_equal(eg_tunnel_add_sa(&pair.scene.tunnels, pair.a, out), 0);
	eg_sa_retain(in);
	eg_sa_retain(out);
	assert_int_equal(eg_tunnel_add_sa(&pair.scene.tunnels, pair.b, in), 0);
	assert_int_equal(eg_tunnel_add_sa(&pair.scene.tunnels, pair.b, out), 0);
	assert_ptr_equal(eg_sa_tunnel(in), eg_tunnel_get(&pair.scene.tunnels, pair.b));
	/* A change of the older holder is not the SA's. */
	spec.mss_clamp = true;
	assert_int_equal(eg_tunnel_change(&pair.scene.tunnels, pair.a, &spec), 0);
	assert_ptr_equal(eg_sa_tunnel(in), eg_tunnel_get(&pair.scene.tunnels, pair.b));
	eg_tunnel_remove(&pair.scene.tunnels, pair.a);
	scene_settle(&pair.scene);
	assert_ptr_equal(find(&pair, 0x1001), in);
	assert_ptr_equal(eg_sa_tunnel(in), eg_tunnel_get(&pair.scene.tunnels, pair.b));
	assert_string_equal(out_text(&pair.scene, pair.b, pair.text), "2001");
	assert_int_equal(in->refs, 1);
	scene_end(&pair.scene);
}

/* The other way round: the newer holder goes first. */
static void test_back_again(void **state)
{
	struct pair pair;
	struct eg_sa *in;

	(void)state;
	start(&pair);
	in = sa_of(&pair.scene, EG_SA_KIND_IN, 0x1001, 0);
	eg_sa_retain(in);
	assert_int_equal(eg_tunnel_add_sa(&pair.scene.tunnels, pair.a, in), 0);
	assert_int_equal(eg_tunnel_add_sa(&pair.scene.tunnels, pair.b, in), 0);
	eg_tunnel_remove(&pair.scene.tunnels, pair.b);
	scene_settle(&pair.scene);
	assert_ptr_equal(find(&pair, 0x1001), in);
	assert_ptr_equal(eg_sa_tunnel(in), eg_tunnel_get(&pair.scene.tunnels, pair.a));
	scene_end(&pair.scene);
}

/* Every version of the tunnel is its SAs'. */
static void test_change(void **state)
{
	struct pair pair;
	struct eg_tunnel_spec spec = spec_of("a", 0);
	struct eg_sa *in;

	(void)state;
	start(&pair);
	in = sa_of(&pair.scene, EG_SA_KIND_IN, 0x1001, 0);
	assert_int_equal(eg_tunnel_add_sa(&pair.scene.tunnels, pair.a, in), 0);
	for (int i = 0; i < 3; i++) {
		spec.mss_clamp = !spec.mss_clamp;
		assert_int_equal(eg_tunnel_change(&pair.scene.tunnels, pair.a, &spec), 0);
		assert_ptr_equal(eg_sa_tunnel(in), eg_tunnel_get(&pair.scene.tunnels, pair.a));
		scene_settle(&pair.scene);
	}
	scene_end(&pair.scene);
}

/* clang-format off */
static const struct {
	const char *line;
	enum eg_sa_kind kind;
	uint32_t spi, new_spi;
	struct eg_rekey_times times;
	const char *sas, *out;    /* at once */
	const char *later, *out_later; /* when all times are over */
} replaces[] = {
	{"outbound, at once", EG_SA_KIND_OUT, 0x2001, 0x2002, {0, 50},
	 "out 2002", "2002", "out 2002", "2002"},
	{"outbound, delayed", EG_SA_KIND_OUT, 0x2001, 0x2002, {10, 50},
	 "out 2002 pending 1010, out 2001 retiring 1010", "2001", "out 2002", "2002"},
	{"inbound, at once", EG_SA_KIND_IN, 0x1001, 0x1002, {10, 0},
	 "in 1002", "", "in 1002", ""},
	{"inbound, with grace", EG_SA_KIND_IN, 0x1001, 0x1002, {10, 50},
	 "in 1002, in 1001 retiring 1050", "", "in 1002", ""},
	{"inbound, same SPI", EG_SA_KIND_IN, 0x1001, 0x1001, {10, 50},
	 "in 1001", "", "in 1001", ""},
};
/* clang-format on */

static void test_replace(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(replaces); i++) {
		struct pair pair;
		struct eg_sa *old, *new, *other;

		print_message("%s\n", replaces[i].line);
		start(&pair);
		old = sa_of(&pair.scene, replaces[i].kind, replaces[i].spi, 1);
		new = sa_of(&pair.scene, replaces[i].kind, replaces[i].new_spi, 2);
		other = sa_of(&pair.scene,
			      replaces[i].kind == EG_SA_KIND_IN ? EG_SA_KIND_OUT : EG_SA_KIND_IN,
			      0x3000, 1);
		assert_int_equal(eg_tunnel_replace_sa(&pair.scene.tunnels, pair.a, old, new,
						      &replaces[i].times, 1000),
				 -EINVAL);
		assert_int_equal(eg_tunnel_add_sa(&pair.scene.tunnels, pair.a, old), 0);
		assert_int_equal(eg_tunnel_replace_sa(&pair.scene.tunnels, pair.a, old, other,
						      &replaces[i].times, 1000),
				 -EINVAL);
		assert_int_equal(eg_tunnel_replace_sa(&pair.scene.tunnels, pair.a, old, old,
						      &replaces[i].times, 1000),
				 -EINVAL);
		assert_int_equal(eg_tunnel_replace_sa(&pair.scene.tunnels, pair.a, old, new,
						      &replaces[i].times, 1000),
				 0);
		assert_string_equal(sas_text(&pair.scene, pair.a, pair.text), replaces[i].sas);
		assert_string_equal(out_text(&pair.scene, pair.a, pair.text), replaces[i].out);
		assert_int_equal(eg_tunnels_rekey(&pair.scene.tunnels, 2000, 10, NULL, NULL),
				 UINT64_MAX);
		assert_string_equal(sas_text(&pair.scene, pair.a, pair.text), replaces[i].later);
		assert_string_equal(out_text(&pair.scene, pair.a, pair.text),
				    replaces[i].out_later);
		if (replaces[i].kind == EG_SA_KIND_IN)
			assert_ptr_equal(find(&pair, replaces[i].new_spi), new);
		eg_sa_release(pair.scene.store, other);
		scene_end(&pair.scene);
	}
}

/* clang-format off */
static const struct {
	const char *line;
	struct eg_sa_wire wire;
	const char *remote;
	bool fits;
} wires[] = {
	{"as the tunnel", {false, true, 4500, 4500, EG_SA_ANY_TUNNEL}, "192.0.2.2", true},
	{"ports not said", {false, true, 0, 0, EG_SA_ANY_TUNNEL}, "192.0.2.2", true},
	{"this tunnel", {false, true, 0, 0, 0}, "192.0.2.2", true},
	{"another tunnel", {false, true, 0, 0, 1}, "192.0.2.2", false},
	{"another mode", {true, true, 0, 0, 0}, "192.0.2.2", false},
	{"no UDP", {false, false, 0, 0, 0}, "192.0.2.2", false},
	{"another source port", {false, true, 4501, 0, 0}, "192.0.2.2", false},
	{"another destination port", {false, true, 0, 4501, 0}, "192.0.2.2", false},
	{"another peer", {false, true, 0, 0, 0}, "192.0.2.3", false},
};
/* clang-format on */

static struct eg_sa *negotiated(struct scene *scene, const struct eg_sa_wire *wire,
				const char *remote)
{
	const struct eg_sa_spec spec = {
		.kind = EG_SA_KIND_OUT,
		.spi = 0x4001,
		.suite = eg_suite_find("aes256gcm16"),
		.local = ip("192.0.2.1"),
		.remote = ip(remote),
		.ephemeral = true,
		.wire = *wire,
	};
	const uint8_t material[EG_SUITE_KEY_MAX] = "a negotiated key of 32 bytes, and..salt";
	const struct eg_err_place place = {.path = "sa"};
	struct eg_errs errs = {0};
	struct eg_sa *sa = eg_sa_acquire(scene->store, &spec, material, &place, &errs);

	assert_non_null(sa);
	return sa;
}

/* An SA that was negotiated for another wire format is refused in every way in, and keeps its
 * tunnel as it is. */
static void test_wire(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(wires); i++) {
		struct eg_tunnel_spec spec = spec_of("w", 0);
		int err = wires[i].fits ? 0 : -EINVAL;
		struct eg_sa *sa, *other;
		struct scene scene;
		uint32_t id;

		print_message("%s\n", wires[i].line);
		scene_start(&scene);
		spec.encap = true;
		assert_int_equal(eg_tunnel_add(&scene.tunnels, &spec, &id), 0);
		assert_int_equal(id, 0);
		sa = negotiated(&scene, &wires[i].wire, wires[i].remote);
		other = sa_of(&scene, EG_SA_KIND_OUT, 0x4002, 0);
		assert_int_equal(eg_tunnel_add_sa(&scene.tunnels, id, other), 0);
		eg_sa_retain(sa); /* one for each way in */
		eg_sa_retain(sa);
		eg_sa_retain(sa);
		assert_int_equal(eg_tunnel_add_sa(&scene.tunnels, id, sa), err);
		if (!err)
			assert_int_equal(eg_tunnel_remove_sa(&scene.tunnels, id, sa), 0);
		assert_int_equal(eg_tunnel_set_sas(&scene.tunnels, id, &sa, 1,
						   &(const struct eg_rekey_times){1000, 0}, 1000,
						   NULL),
				 err);
		if (!err)
			assert_int_equal(eg_tunnel_remove_sa(&scene.tunnels, id, sa), 0);
		assert_int_equal(eg_tunnel_replace_sa(&scene.tunnels, id, other, sa, NULL, 1000),
				 err);
		spec.transport = true;
		assert_int_equal(eg_tunnel_change(&scene.tunnels, id, &spec), err ? 0 : -EINVAL);
		scene_settle(&scene);
		if (err) {
			eg_sa_release(scene.store, sa);
			eg_sa_release(scene.store, sa);
			eg_sa_release(scene.store, sa);
		}
		assert_int_equal(sa->refs, err ? 1 : 2);
		eg_sa_release(scene.store, sa);
		scene_end(&scene);
	}
}

int run_sas_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add_remove), cmocka_unit_test(test_references),
		cmocka_unit_test(test_same_spi),   cmocka_unit_test(test_other_tunnel),
		cmocka_unit_test(test_back_again), cmocka_unit_test(test_change),
		cmocka_unit_test(test_replace),    cmocka_unit_test(test_wire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
