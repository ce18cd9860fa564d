/* Workers look up while the control thread changes everything: whatever they find is whole, belongs
 * to what they looked up, and stays until they report quiescence. Run under -Db_sanitize=thread and
 * =address, too. */
#include "tunnel/harness.h"

#include <endian.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define TUNNELS 16
#define ROUNDS  6000

struct shared {
	struct scene scene;
	_Atomic bool over;
	_Atomic unsigned ready;
};

/* What a worker keeps of a tunnel from poll to poll. */
struct kept {
	uint32_t generation;
	const struct eg_tunnel *tunnel;
	const struct eg_sa *sa; /* the first of the set, or NULL */
	uint16_t peer_port;
	uint32_t spi_be;
};

struct reader {
	struct shared *shared;
	unsigned w;
	struct kept kept[4 * TUNNELS];
	uint64_t tunnels, sas, outs, reused, wrong;
};

/* What a tunnel's version and its state say must agree, and its SPIs are made of its number. */
static void look_at_tunnel(struct reader *reader, uint32_t id)
{
	const struct eg_tunnels *tunnels = &reader->shared->scene.tunnels;
	const struct eg_tunnel *tunnel = eg_tunnel_get(tunnels, id);
	const struct eg_out_set *set = eg_tunnel_out(tunnels, id);

	if (tunnel) {
		unsigned n = (unsigned)strtoul(tunnel->name + 1, NULL, 10);

		reader->wrong += tunnel->id != id || tunnel->state->id != id ||
				 tunnel->peer_port != tunnel->n_sports ||
				 tunnel->remote.bytes[3] != 2 + n ||
				 !eg_ip_equal(&tunnel->remote, &tunnel->state->remote);
		reader->tunnels++;
	}
	for (uint32_t i = 0; set && i < set->n; i++) {
		reader->wrong += set->sa[i]->kind != EG_SA_KIND_OUT ||
				 set->sa[i]->suite != eg_suite_find("aes256gcm16");
		reader->outs++;
	}
}

/* What was kept before the last quiescent report is used only if the generation is the same. Then
 * it still is what it was, and is not freed (under -Db_sanitize=address). */
static void check_kept(struct reader *reader, uint32_t id)
{
	const struct eg_tunnels *tunnels = &reader->shared->scene.tunnels;
	struct kept *kept = &reader->kept[id];
	uint32_t generation = eg_tunnel_generation(tunnels, id);
	const struct eg_out_set *set;

	if (kept->tunnel && kept->generation == generation) {
		reader->wrong += kept->tunnel->id != id ||
				 kept->tunnel->peer_port != kept->peer_port ||
				 (kept->sa && kept->sa->spi_be != kept->spi_be);
		reader->reused++;
		return;
	}
	*kept = (struct kept){.generation = generation, .tunnel = eg_tunnel_get(tunnels, id)};
	set = eg_tunnel_out(tunnels, id);
	if (kept->tunnel)
		kept->peer_port = kept->tunnel->peer_port;
	if (!set)
		return;
	kept->sa = set->sa[0];
	kept->spi_be = kept->sa->spi_be;
}

static void look_at_sa(struct reader *reader, uint32_t spi)
{
	const struct eg_sa *sa = eg_sad_find(&reader->shared->scene.tunnels.sad, htobe32(spi));
	const struct eg_tunnel *tunnel;

	if (!sa)
		return;
	tunnel = eg_sa_tunnel(sa);
	reader->wrong += be32toh(sa->spi_be) != spi || sa->kind != EG_SA_KIND_IN || !sa->key ||
			 !tunnel || tunnel->peer_port != tunnel->n_sports ||
			 tunnel->remote.bytes[3] != 2 + (spi & 0xff) % TUNNELS;
	reader->sas++;
}

static void look_between(struct reader *reader, unsigned n)
{
	struct eg_tunnel_spec spec = spec_of("x", n);
	const struct eg_tunnel_state *at = NULL;
	const struct eg_tunnel *tunnel;

	while ((tunnel = eg_tunnels_between(&reader->shared->scene.tunnels, &spec.local,
					    &spec.remote, &at)))
		reader->wrong += tunnel->remote.bytes[3] != 2 + n;
}

static void *read_all(void *arg)
{
	struct reader *reader = arg;
	struct shared *shared = reader->shared;
	unsigned n = reader->w;

	eg_rcu_online(&shared->scene.rcu, reader->w);
	atomic_fetch_add(&shared->ready, 1);
	while (!atomic_load_explicit(&shared->over, memory_order_relaxed)) {
		const struct eg_id_list *list = &shared->scene.tunnels.keepalives;

		n++;
		for (uint32_t id = 0; id < 4 * TUNNELS; id++)
			look_at_tunnel(reader, id);
		for (uint32_t id = 0; id < 4 * TUNNELS; id++)
			check_kept(reader, id);
		for (uint32_t spi = 0; spi < 2 * TUNNELS; spi++)
			look_at_sa(reader, 0x1000 + spi);
		look_between(reader, n % TUNNELS);
		for (uint32_t i = 0; i < eg_id_list_n(list); i++)
			look_at_tunnel(reader, eg_id_list_at(list, i));
		eg_rcu_quiescent(&shared->scene.rcu, reader->w);
		sched_yield();
	}
	eg_rcu_offline(&shared->scene.rcu, reader->w);
	return NULL;
}

struct writer {
	struct scene *scene;
	struct rng rng;
	uint32_t id[TUNNELS];
	struct eg_sa *in[TUNNELS], *out[TUNNELS];
	unsigned key;
};

static struct eg_tunnel_spec random_spec(struct writer *writer, unsigned t, char name[8])
{
	struct eg_tunnel_spec spec;

	snprintf(name, 8, "t%u", t);
	spec = spec_of(name, t);
	spec.n_sports = spec.peer_port = (uint16_t)(1 + rng_below(&writer->rng, 1000));
	spec.encap = rng_below(&writer->rng, 2);
	return spec;
}

/* A new SA instead of the tunnel's one of that kind. */
static void replace(struct writer *writer, unsigned t, struct eg_sa **slot, enum eg_sa_kind kind)
{
	struct eg_tunnels *tunnels = &writer->scene->tunnels;
	uint32_t spi = 0x1000 + t + TUNNELS * (uint32_t)rng_below(&writer->rng, 2);
	struct eg_sa *sa = sa_of(writer->scene, kind, spi, ++writer->key);

	if (*slot)
		assert_int_equal(eg_tunnel_replace_sa(tunnels, writer->id[t], *slot, sa, NULL, 1),
				 0);
	else
		assert_int_equal(eg_tunnel_add_sa(tunnels, writer->id[t], sa), 0);
	*slot = sa;
}

static void write_once(struct writer *writer)
{
	struct eg_tunnels *tunnels = &writer->scene->tunnels;
	unsigned t = (unsigned)rng_below(&writer->rng, TUNNELS);
	struct eg_tunnel_spec spec;
	char name[8];

	spec = random_spec(writer, t, name);
	if (writer->id[t] == EG_TUNNEL_NONE) {
		assert_int_equal(eg_tunnel_add(tunnels, &spec, &writer->id[t]), 0);
		return;
	}
	switch (rng_below(&writer->rng, 8)) {
	case 0:
		eg_tunnel_remove(tunnels, writer->id[t]);
		eg_tunnels_recycle(tunnels);
		writer->id[t] = EG_TUNNEL_NONE;
		writer->in[t] = writer->out[t] = NULL;
		break;
	case 1:
		if (writer->in[t])
			assert_int_equal(eg_tunnel_remove_sa(tunnels, writer->id[t], writer->in[t]),
					 0);
		writer->in[t] = NULL;
		break;
	case 2:
	case 3:
		assert_int_equal(eg_tunnel_change(tunnels, writer->id[t], &spec), 0);
		break;
	case 4:
	case 5:
		replace(writer, t, &writer->out[t], EG_SA_KIND_OUT);
		break;
	default:
		replace(writer, t, &writer->in[t], EG_SA_KIND_IN);
	}
}

static void test_threads(void **state)
{
	static struct shared shared;
	static struct reader readers[WORKERS];
	pthread_t threads[WORKERS];
	struct writer writer = {.scene = &shared.scene};

	(void)state;
	writer.rng = rng_start("tunnel threads");
	memset(&shared, 0, sizeof(shared));
	scene_start(&shared.scene);
	for (unsigned t = 0; t < TUNNELS; t++)
		writer.id[t] = EG_TUNNEL_NONE;
	for (unsigned w = 0; w < WORKERS; w++) {
		readers[w] = (struct reader){.shared = &shared, .w = w};
		assert_int_equal(pthread_create(&threads[w], NULL, read_all, &readers[w]), 0);
	}
	while (atomic_load(&shared.ready) < WORKERS)
		sched_yield();
	for (unsigned i = 0; i < ROUNDS; i++) {
		write_once(&writer);
		eg_rcu_poll(&shared.scene.rcu);
		if (i % 8 == 0)
			sched_yield();
	}
	atomic_store(&shared.over, true);
	for (unsigned w = 0; w < WORKERS; w++) {
		pthread_join(threads[w], NULL);
		assert_int_equal(readers[w].wrong, 0);
		assert_true(readers[w].tunnels && readers[w].sas && readers[w].outs &&
			    readers[w].reused);
	}
	scene_end(&shared.scene);
}

int run_threads_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
