/* Memory runs out at every single allocation of every operation in turn: the operation fails and
 * has changed nothing, nothing leaks (under ASan), and it succeeds when tried again. */
#include "tunnel/harness.h"

#include <errno.h>
#include <sys/mman.h>

static long until_failure = -1; /* allocations that still succeed; negative: all */

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t n);
void *__real_mmap64(void *at, size_t n, int protection, int flags, int fd, off_t offset);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t n);
void *__wrap_mmap64(void *at, size_t n, int protection, int flags, int fd, off_t offset);

static bool fails(void)
{
	return until_failure >= 0 && until_failure-- == 0;
}

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t n)
{
	return fails() ? NULL : __real_aligned_alloc(alignment, n);
}

void *__wrap_mmap64(void *at, size_t n, int protection, int flags, int fd, off_t offset)
{
	return fails() ? MAP_FAILED : __real_mmap64(at, n, protection, flags, fd, offset);
}

struct stage {
	struct scene scene;
	struct eg_tunnel_spec spec;
	uint32_t id, added;
	struct eg_sa *in, *out, *new_in, *new_out;
};

/* All that can be seen of the table. */
static void describe(const struct stage *stage, char *out, size_t n)
{
	const struct eg_tunnels *tunnels = &stage->scene.tunnels;
	char sas[256], sends[256];

	snprintf(out, n, "%u tunnels, %u SAs, version %p (%s; %s), new one %x, %lu deferred, %u %u",
		 tunnels->n, tunnels->n_sas, (const void *)eg_tunnel_get(tunnels, stage->id),
		 sas_text(&stage->scene, stage->id, sas), out_text(&stage->scene, stage->id, sends),
		 eg_tunnel_find(tunnels, "b"), (unsigned long)eg_rcu_pending(&stage->scene.rcu),
		 eg_id_list_n(&tunnels->keepalives), eg_id_list_n(&tunnels->probes));
}

static int do_add(struct stage *stage)
{
	struct eg_tunnel_spec spec = stage->spec;

	spec.name = "b";
	return eg_tunnel_add(&stage->scene.tunnels, &spec, &stage->added);
}

static int do_change(struct stage *stage)
{
	struct eg_tunnel_spec spec = stage->spec;

	spec.peer_port = 4501;
	spec.floats = spec.encap = true;
	spec.target = ip("10.0.0.1");
	spec.source = ip("10.0.0.2");
	return eg_tunnel_change(&stage->scene.tunnels, stage->id, &spec);
}

static int do_add_sa(struct stage *stage)
{
	return eg_tunnel_add_sa(&stage->scene.tunnels, stage->id, stage->new_out);
}

static int do_replace_sa(struct stage *stage)
{
	const struct eg_rekey_times times = {10, 10};

	return eg_tunnel_replace_sa(&stage->scene.tunnels, stage->id, stage->in, stage->new_in,
				    &times, 1000);
}

static int do_remove_sa(struct stage *stage)
{
	return eg_tunnel_remove_sa(&stage->scene.tunnels, stage->id, stage->out);
}

static int do_set_sas(struct stage *stage)
{
	const struct eg_rekey_times times = {10, 10};
	struct eg_sa *sas[] = {stage->new_in, stage->new_out};

	return eg_tunnel_set_sas(&stage->scene.tunnels, stage->id, sas, 2, &times, 1000, NULL);
}

static const struct {
	const char *line;
	int (*run)(struct stage *stage);
	bool takes_in, takes_out; /* the references to the new SAs, if it succeeds */
} operations[] = {
	{"add", do_add, false, false},
	{"change", do_change, false, false},
	{"add_sa", do_add_sa, false, true},
	{"replace_sa", do_replace_sa, true, false},
	{"remove_sa", do_remove_sa, false, false},
	{"set_sas", do_set_sas, true, true},
};

static void start(struct stage *stage)
{
	scene_start(&stage->scene);
	stage->spec = spec_of("a", 0);
	stage->spec.encap = stage->spec.floats = true;
	stage->spec.target = ip("10.0.0.1");
	stage->spec.source = ip("10.0.0.2");
	assert_int_equal(eg_tunnel_add(&stage->scene.tunnels, &stage->spec, &stage->id), 0);
	stage->in = sa_of(&stage->scene, EG_SA_KIND_IN, 0x1001, 0);
	stage->out = sa_of(&stage->scene, EG_SA_KIND_OUT, 0x2001, 0);
	stage->new_in = sa_of(&stage->scene, EG_SA_KIND_IN, 0x1002, 0);
	stage->new_out = sa_of(&stage->scene, EG_SA_KIND_OUT, 0x2002, 0);
	assert_int_equal(eg_tunnel_add_sa(&stage->scene.tunnels, stage->id, stage->in), 0);
	assert_int_equal(eg_tunnel_add_sa(&stage->scene.tunnels, stage->id, stage->out), 0);
	scene_settle(&stage->scene);
}

/* Fails at allocation k; false: there are not so many. */
static bool run_with_failure(size_t o, long k)
{
	char before[700], after[700];
	struct stage stage;
	bool failed;
	int err;

	start(&stage);
	describe(&stage, before, sizeof(before));
	until_failure = k;
	err = operations[o].run(&stage);
	failed = until_failure < 0;
	until_failure = -1;
	if (failed) {
		assert_int_equal(err, -ENOMEM);
		describe(&stage, after, sizeof(after));
		assert_string_equal(after, before);
		assert_int_equal(stage.new_in->refs, 1);
		assert_int_equal(stage.new_out->refs, 1);
		err = operations[o].run(&stage);
	}
	assert_int_equal(err, 0);
	assert_int_equal(stage.scene.tunnels.end, operations[o].run == do_add ? 2 : 1);
	describe(&stage, after, sizeof(after));
	assert_string_not_equal(after, before);
	if (!operations[o].takes_in)
		eg_sa_release(stage.scene.store, stage.new_in);
	if (!operations[o].takes_out)
		eg_sa_release(stage.scene.store, stage.new_out);
	scene_end(&stage.scene);
	return failed;
}

static void test_operations(void **state)
{
	(void)state;
	for (size_t o = 0; o < COUNT(operations); o++) {
		long k = 0;

		while (run_with_failure(o, k))
			k++;
		print_message("%s: %ld allocations\n", operations[o].line, k);
		assert_true(k > 0);
	}
}

/* Rekeying is tried again a little later. */
static void test_rekey(void **state)
{
	struct stage stage;
	char text[256];
	uint64_t next_ns;

	(void)state;
	start(&stage);
	assert_int_equal(do_set_sas(&stage), 0);
	until_failure = 0;
	next_ns = eg_tunnels_rekey(&stage.scene.tunnels, 5000, 9, NULL, NULL);
	until_failure = -1;
	assert_true(next_ns > 5000 && next_ns < UINT64_MAX);
	assert_string_equal(out_text(&stage.scene, stage.id, text), "2001");
	assert_int_equal(eg_tunnels_rekey(&stage.scene.tunnels, next_ns, 9, NULL, NULL),
			 UINT64_MAX);
	assert_string_equal(out_text(&stage.scene, stage.id, text), "2002");
	assert_string_equal(sas_text(&stage.scene, stage.id, text), "in 1002, out 2002");
	scene_end(&stage.scene);
}

static void test_init(void **state)
{
	struct eg_tunnels tunnels;
	struct eg_rcu rcu;
	int err;
	long k = 0;

	(void)state;
	assert_int_equal(eg_rcu_init(&rcu, 1), 0);
	do {
		until_failure = k++;
		err = eg_tunnels_init(&tunnels, &rcu, NULL, 1);
		assert_int_equal(err, until_failure < 0 ? -ENOMEM : 0);
		until_failure = -1;
		eg_tunnels_fini(&tunnels);
	} while (err);
	assert_true(k > 8);
	eg_rcu_fini(&rcu);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_operations),
		cmocka_unit_test(test_rekey),
		cmocka_unit_test(test_init),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
