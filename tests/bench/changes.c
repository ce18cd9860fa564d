#include "changes.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"

/* SPIs that no configuration of tools/bench has. */
#define SPI 0x70000000u

static struct eg_sa *acquire(struct changes *changes, const struct eg_tunnel *tunnel,
			     enum eg_sa_kind kind)
{
	const struct eg_err_place place = {.path = "sa"};
	uint8_t material[EG_SUITE_KEY_MAX] = "a negotiated key and its salt";
	const struct eg_sa_spec spec = {
		.kind = kind,
		.spi = SPI + (uint32_t)++changes->key % 0x10000000u,
		.suite = eg_suite_find("aes128gcm16"),
		.replay_window = 64,
		.esn = true,
		.local = tunnel->local,
		.remote = tunnel->remote,
		.ephemeral = true,
		.wire = {.tunnel = EG_SA_ANY_TUNNEL},
	};
	struct eg_errs errs = {0};

	memcpy(material, &changes->key, sizeof(changes->key));
	return eg_sa_acquire(changes->sas, &spec, material, &place, &errs);
}

/* One SA comes and another one goes: as a rekeying does it. The new one is the last of its
 * tunnel's, so worker 0 goes on with the first. */
static bool rekey(struct changes *changes, const struct eg_tunnel *tunnel, enum eg_sa_kind kind)
{
	const struct eg_tunnel_sa *held = eg_tunnel_first_sa(changes->tunnels, tunnel->id);
	struct eg_sa *sa = acquire(changes, tunnel, kind), *old = NULL;

	if (!sa)
		return false;
	for (; held; held = held->next) {
		if (be32toh(held->sa->spi_be) >= SPI && held->sa->kind == kind)
			old = held->sa;
	}
	return !(old ? eg_tunnel_replace_sa(changes->tunnels, tunnel->id, old, sa, NULL, 0)
		     : eg_tunnel_add_sa(changes->tunnels, tunnel->id, sa));
}

static bool change_one(struct changes *changes)
{
	const struct eg_tunnel *tunnel;

	changes->id = eg_tunnels_next(changes->tunnels, changes->id + 1);
	if (changes->id == EG_TUNNEL_NONE)
		changes->id = eg_tunnels_next(changes->tunnels, 0);
	tunnel = eg_tunnel_get(changes->tunnels, changes->id);
	return rekey(changes, tunnel, changes->key % 2 ? EG_SA_KIND_OUT : EG_SA_KIND_IN);
}

static void *run(void *arg)
{
	struct changes *changes = arg;
	const uint64_t period_ns = EG_NS_PER_S / changes->per_s;

	while (!atomic_load(&changes->over)) {
		uint64_t start = eg_mono_ns(), took;

		if (atomic_load(&changes->on)) {
			if (!change_one(changes))
				break;
			took = eg_mono_ns() - start;
			if (took > atomic_load(&changes->longest_ns))
				atomic_store(&changes->longest_ns, took);
			atomic_fetch_add(&changes->done, 1);
		}
		eg_rcu_poll(changes->rcu);
		took = eg_mono_ns() - start;
		if (took < period_ns)
			nanosleep(&(struct timespec){.tv_nsec = (long)(period_ns - took)}, NULL);
	}
	return NULL;
}

bool changes_start(struct changes *changes)
{
	changes->id = EG_TUNNEL_NONE - 1;
	return eg_tunnels_next(changes->tunnels, 0) != EG_TUNNEL_NONE &&
	       !pthread_create(&changes->thread, NULL, run, changes);
}

void changes_stop(struct changes *changes)
{
	atomic_store(&changes->over, true);
	pthread_join(changes->thread, NULL);
}
