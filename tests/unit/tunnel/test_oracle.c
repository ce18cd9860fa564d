/* Random operations on tunnels and SAs against lists that are searched from end to end. */
#include "tunnel/harness.h"

#include <endian.h>

#define TUNNELS 12
#define SAS     40
#define STEPS   30000

struct model_sa {
	struct eg_sa *sa; /* a reference of the test's */
	int holder[4];    /* tunnels, newest first; -1: none */
	uint64_t
		inserted; /* when it got its first holder; of two with one SPI the later is found */
};

struct model {
	struct scene scene;
	struct rng rng;
	uint32_t id[TUNNELS]; /* EG_TUNNEL_NONE: not there */
	bool mss[TUNNELS];
	unsigned pair[TUNNELS]; /* which ends */
	char name[TUNNELS][8];
	struct model_sa sa[SAS];
	unsigned list[TUNNELS][SAS], n_list[TUNNELS]; /* SAs in their order */
	uint64_t clock;
};

static struct eg_tunnel_spec model_spec(const struct model *model, unsigned t)
{
	struct eg_tunnel_spec spec = spec_of(model->name[t], model->pair[t]);

	spec.mss_clamp = model->mss[t];
	return spec;
}

static void check_tunnel(const struct model *model, unsigned t)
{
	const struct eg_tunnel *tunnel = eg_tunnel_get(&model->scene.tunnels, model->id[t]);
	const struct eg_out_set *set = eg_tunnel_out(&model->scene.tunnels, model->id[t]);
	const struct eg_tunnel_sa *held;
	uint32_t n_out = 0, i = 0;

	assert_non_null(tunnel);
	assert_string_equal(tunnel->name, model->name[t]);
	assert_int_equal(tunnel->mss_clamp, model->mss[t]);
	assert_int_equal(eg_tunnel_find(&model->scene.tunnels, model->name[t]), model->id[t]);
	held = eg_tunnel_first_sa(&model->scene.tunnels, model->id[t]);
	for (; held; held = held->next, i++) {
		const struct model_sa *sa = &model->sa[model->list[t][i]];

		assert_ptr_equal(held->sa, sa->sa);
		if (held->sa->kind == EG_SA_KIND_OUT)
			assert_ptr_equal(set->sa[n_out++], sa->sa);
	}
	assert_int_equal(i, model->n_list[t]);
	assert_int_equal(set ? set->n : 0, n_out);
}

static void check_sa(const struct model *model, unsigned s)
{
	const struct model_sa *sa = &model->sa[s], *found = NULL;

	if (sa->sa->kind != EG_SA_KIND_IN)
		return;
	for (unsigned k = 0; k < SAS; k++) {
		const struct model_sa *other = &model->sa[k];

		if (other->sa->kind == EG_SA_KIND_IN && other->sa->spi_be == sa->sa->spi_be &&
		    other->holder[0] >= 0 && (!found || other->inserted > found->inserted))
			found = other;
	}
	assert_ptr_equal(eg_sad_find(&model->scene.tunnels.sad, sa->sa->spi_be),
			 found ? found->sa : NULL);
	if (sa->holder[0] >= 0)
		assert_ptr_equal(eg_sa_tunnel(sa->sa),
				 eg_tunnel_get(&model->scene.tunnels, model->id[sa->holder[0]]));
}

static void check_between(const struct model *model, unsigned pair)
{
	struct eg_tunnel_spec spec = spec_of("x", pair);
	const struct eg_tunnel_state *at = NULL;
	unsigned n = 0, wanted = 0;

	while (eg_tunnels_between(&model->scene.tunnels, &spec.local, &spec.remote, &at))
		n++;
	for (unsigned t = 0; t < TUNNELS; t++)
		wanted += model->id[t] != EG_TUNNEL_NONE && model->pair[t] == pair;
	assert_int_equal(n, wanted);
}

static void check(const struct model *model)
{
	unsigned n = 0, n_sas = 0;

	for (unsigned t = 0; t < TUNNELS; t++) {
		if (model->id[t] == EG_TUNNEL_NONE) {
			assert_int_equal(eg_tunnel_find(&model->scene.tunnels, model->name[t]),
					 EG_TUNNEL_NONE);
			continue;
		}
		check_tunnel(model, t);
		n_sas += model->n_list[t];
		n++;
	}
	assert_int_equal(model->scene.tunnels.n, n);
	assert_int_equal(model->scene.tunnels.n_sas, n_sas);
	for (unsigned s = 0; s < SAS; s++)
		check_sa(model, s);
	for (unsigned pair = 0; pair < 3; pair++)
		check_between(model, pair);
}

static bool holds(const struct model *model, unsigned s, unsigned t)
{
	for (unsigned i = 0; i < COUNT(model->sa[s].holder); i++) {
		if (model->sa[s].holder[i] == (int)t)
			return true;
	}
	return false;
}

static unsigned n_holders(const struct model_sa *sa)
{
	unsigned n = 0;

	for (unsigned i = 0; i < COUNT(sa->holder); i++)
		n += sa->holder[i] >= 0;
	return n;
}

static void model_attach(struct model *model, unsigned s, unsigned t)
{
	struct model_sa *sa = &model->sa[s];

	if (sa->holder[0] < 0)
		sa->inserted = ++model->clock;
	memmove(sa->holder + 1, sa->holder, 3 * sizeof(*sa->holder));
	sa->holder[0] = (int)t;
	model->list[t][model->n_list[t]++] = s;
}

static void model_detach(struct model *model, unsigned s, unsigned t)
{
	struct model_sa *sa = &model->sa[s];
	unsigned *list = model->list[t], n = model->n_list[t];

	for (unsigned i = 0; i < COUNT(sa->holder); i++) {
		if (sa->holder[i] != (int)t)
			continue;
		memmove(sa->holder + i, sa->holder + i + 1, (3 - i) * sizeof(*sa->holder));
		sa->holder[3] = -1;
		break;
	}
	for (unsigned i = 0; i < n; i++) {
		if (list[i] == s)
			memmove(list + i, list + i + 1, (n - i - 1) * sizeof(*list));
	}
	model->n_list[t]--;
}

static void add_or_remove(struct model *model, unsigned t)
{
	struct eg_tunnel_spec spec;

	if (model->id[t] == EG_TUNNEL_NONE) {
		model->pair[t] = (unsigned)rng_below(&model->rng, 3);
		spec = model_spec(model, t);
		assert_int_equal(eg_tunnel_add(&model->scene.tunnels, &spec, &model->id[t]), 0);
		for (unsigned k = 0; k < TUNNELS; k++)
			assert_true(k == t || model->id[k] != model->id[t]);
		return;
	}
	eg_tunnel_remove(&model->scene.tunnels, model->id[t]);
	while (model->n_list[t])
		model_detach(model, model->list[t][0], t);
	model->id[t] = EG_TUNNEL_NONE;
}

static void change_sas(struct model *model, unsigned t, unsigned s)
{
	struct eg_tunnels *tunnels = &model->scene.tunnels;
	struct eg_sa *sa = model->sa[s].sa;
	unsigned other;

	if (holds(model, s, t)) {
		assert_int_equal(eg_tunnel_remove_sa(tunnels, model->id[t], sa), 0);
		model_detach(model, s, t);
		return;
	}
	if (n_holders(&model->sa[s]) == COUNT(model->sa[s].holder))
		return;
	eg_sa_retain(sa);
	other = model->n_list[t] ? model->list[t][rng_below(&model->rng, model->n_list[t])] : s;
	if (other == s || model->sa[other].sa->kind != sa->kind || rng_below(&model->rng, 2)) {
		assert_int_equal(eg_tunnel_add_sa(tunnels, model->id[t], sa), 0);
		model_attach(model, s, t);
		return;
	}
	assert_int_equal(
		eg_tunnel_replace_sa(tunnels, model->id[t], model->sa[other].sa, sa, NULL, 1000),
		0);
	model_attach(model, s, t);
	model_detach(model, other, t);
}

static void step(struct model *model)
{
	unsigned t = (unsigned)rng_below(&model->rng, TUNNELS);
	unsigned s = (unsigned)rng_below(&model->rng, SAS);
	struct eg_tunnel_spec spec;

	switch (rng_below(&model->rng, 10)) {
	case 0:
		add_or_remove(model, t);
		break;
	case 1:
		if (model->id[t] == EG_TUNNEL_NONE)
			break;
		model->mss[t] = rng_below(&model->rng, 2);
		spec = model_spec(model, t);
		assert_int_equal(eg_tunnel_change(&model->scene.tunnels, model->id[t], &spec), 0);
		break;
	case 2:
		eg_tunnels_recycle(&model->scene.tunnels);
		break;
	case 3:
		eg_rcu_poll(&model->scene.rcu);
		break;
	default:
		if (model->id[t] != EG_TUNNEL_NONE)
			change_sas(model, t, s);
	}
}

static void test_random(void **state)
{
	static struct model model;

	(void)state;
	memset(&model, 0, sizeof(model));
	model.rng = rng_start("tunnel oracle");
	scene_start(&model.scene);
	for (unsigned t = 0; t < TUNNELS; t++) {
		model.id[t] = EG_TUNNEL_NONE;
		snprintf(model.name[t], sizeof(model.name[t]), "t%u", t);
	}
	for (unsigned s = 0; s < SAS; s++) {
		/* Few SPIs, so that several inbound SAs have the same one. */
		model.sa[s].sa = sa_of(&model.scene, s % 2 ? EG_SA_KIND_IN : EG_SA_KIND_OUT,
				       0x100 + s / 4, s);
		for (unsigned i = 0; i < COUNT(model.sa[s].holder); i++)
			model.sa[s].holder[i] = -1;
	}
	for (unsigned i = 0; i < STEPS; i++) {
		step(&model);
		check(&model);
	}
	assert_true(model.scene.tunnels.end < 4 * TUNNELS); /* ids come back */
	for (unsigned t = 0; t < TUNNELS; t++) {
		if (model.id[t] != EG_TUNNEL_NONE)
			add_or_remove(&model, t);
	}
	scene_settle(&model.scene);
	for (unsigned s = 0; s < SAS; s++) {
		assert_int_equal(model.sa[s].sa->refs, 1);
		eg_sa_release(model.scene.store, model.sa[s].sa);
	}
	scene_end(&model.scene);
}

int run_oracle_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
