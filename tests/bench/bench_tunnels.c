/* Measure what a change of a tunnel or an SA costs the control thread, with 10 tunnels and with
 * 100,000, each of two SAs, while a worker looks them up.
 *
 *   bench_tunnels [TUNNELS]...
 *
 * Prints microseconds: median and 99th percentile by the wall clock; the maximum by the wall clock
 * and by the thread's own CPU time, which other programs on the machine do not lengthen. An SA's
 * rows include making it from its key (eg_sa_acquire()). The goal is at most 50 us each, and the
 * same with any number of tunnels. Also prints the memory per tunnel with its SAs, and checks that
 * memory does not grow with the number of changes. */
#include <endian.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sa/store.h"
#include "tunnel/table.h"

#define ROUNDS 20000

enum operation {
	ADD_SA,
	REPLACE_SA,
	REMOVE_SA,
	ADD_TUNNEL,
	CHANGE_TUNNEL,
	REMOVE_TUNNEL,
	REKEY, /* one tunnel whose timer has run out */
	POLL,  /* frees what the operations of one round left */
	OPERATIONS,
};

static const char *const names[] = {
	[ADD_SA] = "add an SA",
	[REPLACE_SA] = "replace an SA",
	[REMOVE_SA] = "remove an SA",
	[ADD_TUNNEL] = "add a tunnel",
	[CHANGE_TUNNEL] = "change a tunnel",
	[REMOVE_TUNNEL] = "remove a tunnel and 2 SAs",
	[REKEY] = "rekey timer, one tunnel",
	[POLL] = "free after a grace period",
};

struct samples {
	uint32_t n;
	uint32_t wall_ns[4 * ROUNDS];
	uint32_t cpu_max_ns;
};

struct bench {
	struct eg_rcu rcu;
	struct eg_sa_store *store;
	struct eg_tunnels tunnels;
	uint32_t n;
	uint32_t *id;           /* of tunnel t */
	struct eg_sa *(*sa)[2]; /* of tunnel t: in, out */
	uint64_t key;           /* of the last SA */
	uint64_t random;
	struct samples samples[OPERATIONS];
	_Atomic bool over;
	_Atomic uint64_t lookups, wrong;
};

static uint64_t ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "bench_tunnels: %s\n", what);
	exit(1);
}

static uint32_t random_below(uint64_t *state, uint32_t n)
{
	*state += 0x9e3779b97f4a7c15ull;
	return (uint32_t)(eg_hash_u64(*state) % n);
}

/* Each tunnel has two inbound SPIs that it uses in turns. */
static uint32_t spi_of(uint32_t t, uint64_t key)
{
	return 0x1000 + 2 * t + (uint32_t)(key & 1);
}

static struct eg_sa *acquire(struct bench *bench, enum eg_sa_kind kind, uint32_t t)
{
	const struct eg_err_place place = {.path = "sa"};
	uint8_t material[EG_SUITE_KEY_MAX] = "a negotiated key of 32 bytes, and..salt";
	struct eg_errs errs = {0};
	struct eg_sa_spec spec = {
		.kind = kind,
		.spi = spi_of(t, ++bench->key),
		.suite = eg_suite_find("aes256gcm16"),
		.replay_window = 64,
		.esn = true,
		.ephemeral = true,
		.wire = {.tunnel = EG_SA_ANY_TUNNEL},
	};
	struct eg_sa *sa;

	memcpy(material, &bench->key, sizeof(bench->key));
	eg_ip_parse("192.0.2.1", &spec.local);
	spec.remote = (struct eg_ip){{10, (uint8_t)(t >> 16), (uint8_t)(t >> 8), (uint8_t)t}, 4};
	sa = eg_sa_acquire(bench->store, &spec, material, &place, &errs);
	if (!sa)
		die("out of memory");
	return sa;
}

static struct eg_tunnel_spec spec_of(uint32_t t, char name[16])
{
	struct eg_tunnel_spec spec = {
		.name = name,
		.remote = {{10, (uint8_t)(t >> 16), (uint8_t)(t >> 8), (uint8_t)t}, 4},
		.hop = {.kind = EG_HOP_PORT, .mac = {2}},
		.n_sports = 1,
		.peer_port = 4500,
	};

	snprintf(name, 16, "node-%u", t);
	eg_ip_parse("192.0.2.1", &spec.local);
	return spec;
}

struct watch {
	uint64_t wall_ns, cpu_ns;
};

static struct watch begin(void)
{
	struct watch watch = {.cpu_ns = ns(CLOCK_THREAD_CPUTIME_ID)};

	watch.wall_ns = ns(CLOCK_MONOTONIC);
	return watch;
}

static void end(struct bench *bench, enum operation operation, struct watch watch)
{
	uint64_t wall_ns = ns(CLOCK_MONOTONIC) - watch.wall_ns;
	uint64_t cpu_ns = ns(CLOCK_THREAD_CPUTIME_ID) - watch.cpu_ns;
	struct samples *samples = &bench->samples[operation];

	if (samples->n < sizeof(samples->wall_ns) / sizeof(*samples->wall_ns))
		samples->wall_ns[samples->n++] = (uint32_t)wall_ns;
	if (cpu_ns > samples->cpu_max_ns)
		samples->cpu_max_ns = (uint32_t)cpu_ns;
}

static void check(int err)
{
	if (err)
		die("an operation failed");
}

static void add_sa(struct bench *bench, uint32_t t, enum eg_sa_kind kind, struct eg_sa **slot)
{
	struct watch watch = begin();

	*slot = acquire(bench, kind, t);
	check(eg_tunnel_add_sa(&bench->tunnels, bench->id[t], *slot));
	end(bench, ADD_SA, watch);
}

static void remove_sa(struct bench *bench, uint32_t t, struct eg_sa *sa)
{
	struct watch watch = begin();

	check(eg_tunnel_remove_sa(&bench->tunnels, bench->id[t], sa));
	end(bench, REMOVE_SA, watch);
}

static void replace_sa(struct bench *bench, uint32_t t, enum eg_sa_kind kind, struct eg_sa **slot)
{
	struct watch watch = begin();
	struct eg_sa *sa = acquire(bench, kind, t);

	check(eg_tunnel_replace_sa(&bench->tunnels, bench->id[t], *slot, sa, NULL, 0));
	end(bench, REPLACE_SA, watch);
	*slot = sa;
}

static void add_tunnel(struct bench *bench, uint32_t t)
{
	char name[16];
	struct eg_tunnel_spec spec = spec_of(t, name);
	struct watch watch = begin();

	check(eg_tunnel_add(&bench->tunnels, &spec, &bench->id[t]));
	end(bench, ADD_TUNNEL, watch);
}

static void change_tunnel(struct bench *bench, uint32_t t)
{
	char name[16];
	struct eg_tunnel_spec spec = spec_of(t, name);
	struct watch watch;

	spec.mss_clamp = !eg_tunnel_get(&bench->tunnels, bench->id[t])->mss_clamp;
	watch = begin();
	check(eg_tunnel_change(&bench->tunnels, bench->id[t], &spec));
	end(bench, CHANGE_TUNNEL, watch);
}

static void remove_tunnel(struct bench *bench, uint32_t t)
{
	struct watch watch = begin();

	eg_tunnel_remove(&bench->tunnels, bench->id[t]);
	end(bench, REMOVE_TUNNEL, watch);
}

/* The outbound SA is replaced as a reload does it, and sends when its time has come. */
static void rekey(struct bench *bench, uint32_t t)
{
	const struct eg_rekey_times times = {.send_delay_ns = 1};
	struct eg_sa *sa = acquire(bench, EG_SA_KIND_OUT, t);
	struct watch watch;

	check(eg_tunnel_replace_sa(&bench->tunnels, bench->id[t], bench->sa[t][1], sa, &times, 1));
	bench->sa[t][1] = sa;
	watch = begin();
	eg_tunnels_rekey(&bench->tunnels, 10, 1, NULL, NULL);
	end(bench, REKEY, watch);
}

static void poll(struct bench *bench)
{
	struct watch watch = begin();

	eg_rcu_poll(&bench->rcu);
	end(bench, POLL, watch);
}

static void one_round(struct bench *bench)
{
	uint32_t t = random_below(&bench->random, bench->n);
	struct eg_sa *third;

	replace_sa(bench, t, EG_SA_KIND_IN, &bench->sa[t][0]);
	replace_sa(bench, t, EG_SA_KIND_OUT, &bench->sa[t][1]);
	poll(bench);
	t = random_below(&bench->random, bench->n);
	add_sa(bench, t, EG_SA_KIND_OUT, &third);
	remove_sa(bench, t, third);
	change_tunnel(bench, t);
	poll(bench);
	t = random_below(&bench->random, bench->n);
	rekey(bench, t);
	remove_tunnel(bench, t);
	add_tunnel(bench, t);
	add_sa(bench, t, EG_SA_KIND_IN, &bench->sa[t][0]);
	add_sa(bench, t, EG_SA_KIND_OUT, &bench->sa[t][1]);
	poll(bench);
	eg_tunnels_recycle(&bench->tunnels);
	/* A worker that others keep from the CPU would let memory grow, and hide a leak. */
	while (eg_rcu_pending(&bench->rcu) > 4096) {
		eg_rcu_poll(&bench->rcu);
		sched_yield();
	}
}

/* A worker: what a packet in each direction looks up. */
static void *look_up(void *arg)
{
	struct bench *bench = arg;
	uint64_t random = 1, lookups = 0, wrong = 0;

	eg_rcu_online(&bench->rcu, 0);
	while (!atomic_load_explicit(&bench->over, memory_order_relaxed)) {
		for (unsigned i = 0; i < 64; i++, lookups++) {
			uint32_t spi_be = htobe32(0x1000 + random_below(&random, 2 * bench->n));
			uint32_t id = random_below(&random, bench->n);
			const struct eg_sa *sa = eg_sad_find(&bench->tunnels.sad, spi_be);
			const struct eg_tunnel *tunnel = eg_tunnel_get(&bench->tunnels, id);
			const struct eg_out_set *set = eg_tunnel_out(&bench->tunnels, id);

			wrong += sa && (sa->spi_be != spi_be || !eg_sa_tunnel(sa) ||
					eg_sa_tunnel(sa)->local.family != 4);
			wrong += tunnel && tunnel->id != id;
			wrong += set && set->sa[0]->kind != EG_SA_KIND_OUT;
		}
		eg_rcu_quiescent(&bench->rcu, 0);
	}
	eg_rcu_offline(&bench->rcu, 0);
	atomic_store(&bench->lookups, lookups);
	atomic_store(&bench->wrong, wrong);
	return NULL;
}

static double resident_mib(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	unsigned long pages = 0;

	if (!file || fscanf(file, "%*u %lu", &pages) != 1)
		die("/proc/self/statm");
	fclose(file);
	return (double)pages * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void print(struct bench *bench)
{
	printf("%-28s %8s %8s %8s %8s\n", "", "median", "p99", "max", "max CPU");
	for (unsigned o = 0; o < OPERATIONS; o++) {
		struct samples *samples = &bench->samples[o];
		uint32_t n = samples->n;

		qsort(samples->wall_ns, n, sizeof(*samples->wall_ns), by_value);
		printf("%-28s %8.2f %8.2f %8.2f %8.2f\n", names[o], samples->wall_ns[n / 2] / 1e3,
		       samples->wall_ns[n - n / 100 - 1] / 1e3, samples->wall_ns[n - 1] / 1e3,
		       samples->cpu_max_ns / 1e3);
	}
}

static void build(struct bench *bench)
{
	if (eg_rcu_init(&bench->rcu, 1))
		die("out of memory");
	bench->store = eg_sa_store_new(1);
	bench->id = calloc(bench->n, sizeof(*bench->id));
	bench->sa = calloc(bench->n, sizeof(*bench->sa));
	if (!bench->store || !bench->id || !bench->sa ||
	    eg_tunnels_init(&bench->tunnels, &bench->rcu, bench->store, 1))
		die("out of memory");
	for (uint32_t t = 0; t < bench->n; t++) {
		add_tunnel(bench, t);
		add_sa(bench, t, EG_SA_KIND_IN, &bench->sa[t][0]);
		add_sa(bench, t, EG_SA_KIND_OUT, &bench->sa[t][1]);
	}
}

static void run(uint32_t n)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	double before = resident_mib(), built, early = 0;
	pthread_t reader;
	uint64_t start_ns;

	if (!bench || !n || n > EG_TUNNELS_MAX / 2)
		die("TUNNELS is a number up to 500000");
	bench->n = n;
	build(bench);
	built = resident_mib();
	memset(bench->samples, 0, sizeof(bench->samples));
	if (pthread_create(&reader, NULL, look_up, bench))
		die("pthread_create");
	start_ns = ns(CLOCK_MONOTONIC);
	for (unsigned round = 0; round < ROUNDS; round++) {
		if (round == ROUNDS / 10)
			early = resident_mib();
		one_round(bench);
	}
	start_ns = ns(CLOCK_MONOTONIC) - start_ns;
	printf("%u tunnels of two SAs: %.1f MiB, %.0f bytes per tunnel; %.1f MiB after %u rounds, "
	       "%.1f after %u\n",
	       n, built - before, (built - before) * (1 << 20) / n, early - before, ROUNDS / 10,
	       resident_mib() - before, ROUNDS);
	atomic_store(&bench->over, true);
	pthread_join(reader, NULL);
	print(bench);
	printf("%.1f million look-ups per second meanwhile, %lu wrong\n\n",
	       (double)bench->lookups / (double)start_ns * 1e3, (unsigned long)bench->wrong);
	if (bench->wrong)
		die("a look-up was wrong");
	eg_tunnels_fini(&bench->tunnels);
	eg_rcu_fini(&bench->rcu);
	eg_sa_store_free(bench->store);
	free(bench->id);
	free(bench->sa);
	free(bench);
}

static void print_cpu(void)
{
	FILE *file = fopen("/proc/cpuinfo", "r");
	char line[256];

	while (file && fgets(line, sizeof(line), file)) {
		if (!strncmp(line, "model name", 10)) {
			printf("%s", strchr(line, ':') + 2);
			break;
		}
	}
	if (file)
		fclose(file);
}

int main(int argc, char **argv)
{
	print_cpu();
	for (int i = 1; i < argc; i++)
		run((uint32_t)strtoul(argv[i], NULL, 10));
	if (argc == 1) {
		run(10);
		run(100000);
	}
	return 0;
}
