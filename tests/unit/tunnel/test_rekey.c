/* SAs that a configuration lists, over reloads and time: who sends and what is accepted at each
 * moment. */
#include "tunnel/harness.h"

#include <endian.h>

#define S 1000000000ull

/* clang-format off */
static const struct {
	uint64_t at_s;
	const char *out, *in; /* a reload to these; NULL: only time passes */
	const char *sends, *accepts;
	size_t held;          /* SAs in all */
	uint32_t reused;      /* an SPI with a new key */
} script[] = {
	{0, "301", "302", "301", "302", 2, 0},             /* at the start nothing waits */
	{5, "301", "302", "301", "302", 2, 0},             /* nothing changed */
	{10, "303", "304", "301", "302 304", 4, 0},        /* rotation */
	{19, NULL, NULL, "301", "302 304", 4, 0},
	{20, NULL, NULL, "303", "302 304", 3, 0},          /* the delay is over */
	{69, NULL, NULL, "303", "302 304", 3, 0},
	{70, NULL, NULL, "303", "304", 2, 0},              /* the grace is over */
	{100, "305", "306", "303", "304 306", 4, 0},       /* two rotations */
	{105, "307", "308", "303", "304 306 308", 5, 0},   /* at once: 305 never sends */
	{115, NULL, NULL, "307", "304 306 308", 4, 0},
	{160, NULL, NULL, "307", "306 308", 3, 0},
	{165, NULL, NULL, "307", "308", 2, 0},
	{200, "307 309", "308", "307", "308", 3, 0},       /* a sibling (RFC 9611) */
	{205, "307 309", "308", "307", "308", 3, 0},       /* a reload starts no new delay */
	{210, NULL, NULL, "307 309", "308", 3, 0},
	{220, "309", "308", "309", "308", 2, 0},           /* one less: the other takes over */
	{230, "301", "302", "309", "302 308", 4, 0},       /* old keys go on */
	{233, "309", "308", "309", "302 308", 3, 0},       /* back again: 309 never stopped */
	{300, NULL, NULL, "309", "308", 2, 0},
	{310, "309", "308x", "309", "308", 2, 308},        /* a new key under an old SPI */
	{320, "309x", "308x", "309", "308", 3, 0},
	{330, NULL, NULL, "309", "308", 2, 0},
	{335, "309x 309x", "308x", "309", "308", 2, 0},    /* listed twice: held once */
	{336, "301 301 309x", "308x", "309", "308", 3, 0},
	{337, "309x", "308x", "309", "308", 2, 0},
	{340, "", "308x", "", "308", 1, 0},                /* nothing shall be sent */
	{350, "303x", "", "303", "308", 2, 0},             /* nothing was: at once */
	{360, "", "", "", "308", 1, 0},
	{420, NULL, NULL, "", "", 0, 0},
};
/* clang-format on */

static size_t add_sas(struct scene *scene, enum eg_sa_kind kind, const char *list,
		      struct eg_sa **sas)
{
	size_t n = 0;

	while (*list) {
		char *end;
		uint32_t spi = (uint32_t)strtoul(list, &end, 10);
		bool other_key = *end == 'x';

		sas[n++] = sa_of(scene, kind, spi, other_key);
		list = end + other_key;
		list += *list == ' ';
	}
	return n;
}

static const char *senders(const struct scene *scene, uint32_t id, char *text)
{
	const struct eg_out_set *set = eg_tunnel_out(&scene->tunnels, id);
	int n = 0;

	*text = 0;
	for (uint32_t i = 0; set && i < set->n; i++)
		n += snprintf(text + n, 256 - (size_t)n, n ? " %u" : "%u",
			      be32toh(set->sa[i]->spi_be));
	return text;
}

static const char *accepted(const struct scene *scene, char *text)
{
	int n = 0;

	*text = 0;
	for (uint32_t spi = 301; spi <= 309; spi++) {
		if (eg_sad_find(&scene->tunnels.sad, htobe32(spi)))
			n += snprintf(text + n, 256 - (size_t)n, n ? " %u" : "%u", spi);
	}
	return text;
}

static size_t count(const struct eg_tunnel_sa *held)
{
	size_t n = 0;

	for (; held; held = held->next)
		n++;
	return n;
}

static void test_script(void **state)
{
	const struct eg_rekey_times times = {10 * S, 60 * S};
	struct eg_tunnel_spec spec = spec_of("a", 0);
	struct scene scene;
	char text[256];
	uint32_t id;

	(void)state;
	scene_start(&scene);
	assert_int_equal(eg_tunnel_add(&scene.tunnels, &spec, &id), 0);
	for (size_t i = 0; i < COUNT(script); i++) {
		uint64_t now_ns = (1000 + script[i].at_s) * S;
		struct eg_rekey_result result = {0};
		struct eg_sa *sas[8];
		size_t n;

		print_message("at %u s\n", (unsigned)script[i].at_s);
		assert_true(eg_tunnels_rekey(&scene.tunnels, now_ns, 1, NULL, NULL) > now_ns);
		if (script[i].out) {
			n = add_sas(&scene, EG_SA_KIND_OUT, script[i].out, sas);
			n += add_sas(&scene, EG_SA_KIND_IN, script[i].in, sas + n);
			assert_int_equal(eg_tunnel_set_sas(&scene.tunnels, id, sas, n, &times,
							   now_ns, &result),
					 0);
		}
		assert_int_equal(result.reused_spi, script[i].reused);
		assert_string_equal(senders(&scene, id, text), script[i].sends);
		assert_string_equal(accepted(&scene, text), script[i].accepts);
		assert_int_equal(count(eg_tunnel_first_sa(&scene.tunnels, id)), script[i].held);
		assert_int_equal(scene.tunnels.n_sas, script[i].held);
		scene_settle(&scene);
		for (const struct eg_tunnel_sa *held = eg_tunnel_first_sa(&scene.tunnels, id); held;
		     held = held->next)
			assert_int_equal(held->sa->refs, 1); /* none is lost, none is left */
	}
	scene_end(&scene);
}

/* A reload that changes nothing publishes nothing. */
static void test_no_change(void **state)
{
	const struct eg_rekey_times times = {10 * S, 60 * S};
	struct eg_tunnel_spec spec = spec_of("a", 0);
	const struct eg_out_set *set;
	struct eg_rekey_result result;
	struct scene scene;
	struct eg_sa *sas[2];
	uint32_t id;

	(void)state;
	scene_start(&scene);
	assert_int_equal(eg_tunnel_add(&scene.tunnels, &spec, &id), 0);
	sas[0] = sa_of(&scene, EG_SA_KIND_OUT, 301, 0);
	sas[1] = sa_of(&scene, EG_SA_KIND_IN, 302, 0);
	assert_int_equal(eg_tunnel_set_sas(&scene.tunnels, id, sas, 2, &times, 1, &result), 0);
	assert_int_equal(result.n_new, 2);
	assert_int_equal(eg_rcu_pending(&scene.rcu), 0);
	set = eg_tunnel_out(&scene.tunnels, id);
	eg_sa_retain(sas[0]);
	eg_sa_retain(sas[1]);
	assert_int_equal(eg_tunnel_set_sas(&scene.tunnels, id, sas, 2, &times, 2, &result), 0);
	assert_int_equal(result.n_new, 0);
	assert_ptr_equal(eg_tunnel_out(&scene.tunnels, id), set);
	assert_int_equal(eg_rcu_pending(&scene.rcu), 0);
	assert_int_equal(sas[0]->refs, 1);
	assert_int_equal(eg_tunnels_rekey(&scene.tunnels, UINT64_MAX - 1, 9, NULL, NULL),
			 UINT64_MAX);
	scene_end(&scene);
}

struct events {
	unsigned n;
	struct eg_rekey_event last;
};

static void tell(void *arg, const struct eg_rekey_event *event)
{
	struct events *events = arg;

	events->n++;
	events->last = *event;
}

/* Many tunnels whose times end together are done a few per call, earliest first. */
static void test_bounded(void **state)
{
	const struct eg_rekey_times times = {10 * S, 60 * S};
	struct events events = {0};
	struct scene scene;
	uint32_t ids[20];

	(void)state;
	scene_start(&scene);
	for (unsigned i = 0; i < COUNT(ids); i++) {
		char name[8];
		struct eg_tunnel_spec spec;
		struct eg_sa *old = sa_of(&scene, EG_SA_KIND_OUT, 1000 + i, 0);
		struct eg_sa *new = sa_of(&scene, EG_SA_KIND_OUT, 2000 + i, 0);

		snprintf(name, sizeof(name), "n%u", i);
		spec = spec_of(name, i);
		assert_int_equal(eg_tunnel_add(&scene.tunnels, &spec, &ids[i]), 0);
		assert_int_equal(eg_tunnel_add_sa(&scene.tunnels, ids[i], old), 0);
		assert_int_equal(eg_tunnel_replace_sa(&scene.tunnels, ids[i], old, new, &times,
						      (20 - i) * S),
				 0);
	}
	assert_int_equal(eg_tunnels_rekey(&scene.tunnels, 5 * S, 100, tell, &events), 11 * S);
	assert_int_equal(events.n, 0);
	assert_int_equal(eg_tunnels_rekey(&scene.tunnels, 12 * S, 100, tell, &events), 13 * S);
	assert_int_equal(events.n, 2);
	assert_int_equal(events.last.tunnel, ids[18]);
	assert_int_equal(events.last.sending_spi, 2018);
	assert_int_equal(events.last.n_sas, 1);
	for (unsigned i = 0; i < 6; i++) {
		assert_true(eg_tunnels_rekey(&scene.tunnels, 100 * S, 3, tell, &events) <=
			    (i < 5 ? 100 * S : UINT64_MAX));
		assert_int_equal(events.n, 2 + 3 * (i + 1));
	}
	assert_int_equal(eg_tunnels_rekey(&scene.tunnels, 100 * S, 3, tell, &events), UINT64_MAX);
	assert_int_equal(events.n, 20);
	scene_end(&scene);
}

/* A tunnel that goes takes its timer along. */
static void test_removed(void **state)
{
	const struct eg_rekey_times times = {10 * S, 60 * S};
	struct eg_tunnel_spec spec = spec_of("a", 0);
	struct scene scene;
	struct eg_sa *old, *new;
	uint32_t id;

	(void)state;
	scene_start(&scene);
	assert_int_equal(eg_tunnel_add(&scene.tunnels, &spec, &id), 0);
	old = sa_of(&scene, EG_SA_KIND_OUT, 301, 0);
	new = sa_of(&scene, EG_SA_KIND_OUT, 302, 0);
	assert_int_equal(eg_tunnel_add_sa(&scene.tunnels, id, old), 0);
	assert_int_equal(eg_tunnel_replace_sa(&scene.tunnels, id, old, new, &times, S), 0);
	eg_tunnel_remove(&scene.tunnels, id);
	scene_settle(&scene);
	assert_int_equal(eg_tunnels_rekey(&scene.tunnels, 100 * S, 9, NULL, NULL), UINT64_MAX);
	scene_end(&scene);
}

int run_rekey_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_script),
		cmocka_unit_test(test_no_change),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
