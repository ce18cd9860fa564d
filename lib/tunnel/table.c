#include "tunnel/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "tunnel/ids.h"
#include "tunnel/map.h"
#include "tunnel/sas.h"
#include "tunnel/timers.h"
#include "tunnel/version.h"

#define SLOT_BYTES    (EG_TUNNELS_MAX * sizeof(struct eg_tunnel_slot))
#define DOWN_BYTES    (EG_TUNNELS_MAX * sizeof(_Atomic bool))
#define LIST_BYTES    (EG_TUNNELS_MAX * sizeof(_Atomic uint32_t))
#define BETWEEN_BYTES (EG_TUNNELS_BUCKETS * sizeof(_Atomic(struct eg_tunnel_state *)))
#define NAMES_BYTES   (EG_TUNNELS_BUCKETS * sizeof(struct eg_tunnel_state *))

int eg_tunnels_init(struct eg_tunnels *tunnels, struct eg_rcu *rcu, struct eg_sa_store *store,
		    unsigned n_workers)
{
	*tunnels = (struct eg_tunnels){.rcu = rcu, .store = store, .n_workers = n_workers};
	tunnels->slot = eg_map_zeroed(SLOT_BYTES);
	tunnels->between = eg_map_zeroed(BETWEEN_BYTES);
	tunnels->down = eg_map_zeroed(DOWN_BYTES);
	tunnels->keepalives.id = eg_map_zeroed(LIST_BYTES);
	tunnels->probes.id = eg_map_zeroed(LIST_BYTES);
	tunnels->names = eg_map_zeroed(NAMES_BYTES);
	tunnels->ids = eg_ids_new(EG_TUNNELS_MAX);
	tunnels->timers = eg_timers_new(EG_TUNNELS_MAX);
	if (tunnels->slot && tunnels->between && tunnels->down && tunnels->keepalives.id &&
	    tunnels->probes.id && tunnels->names && tunnels->ids && tunnels->timers &&
	    !eg_sad_init(&tunnels->sad))
		return 0;
	eg_tunnels_fini(tunnels);
	return -ENOMEM;
}

void eg_tunnels_fini(struct eg_tunnels *tunnels)
{
	for (uint32_t id = 0; tunnels->n; id++) {
		if (eg_tunnel_get(tunnels, id))
			eg_tunnel_remove(tunnels, id);
	}
	/* What was removed refers to the table until it is freed. */
	if (tunnels->rcu)
		eg_rcu_synchronize(tunnels->rcu);
	eg_sad_fini(&tunnels->sad);
	eg_timers_free(tunnels->timers);
	eg_ids_free(tunnels->ids);
	eg_unmap(tunnels->names, NAMES_BYTES);
	eg_unmap(tunnels->probes.id, LIST_BYTES);
	eg_unmap(tunnels->keepalives.id, LIST_BYTES);
	eg_unmap(tunnels->down, DOWN_BYTES);
	eg_unmap(tunnels->between, BETWEEN_BYTES);
	eg_unmap(tunnels->slot, SLOT_BYTES);
	*tunnels = (struct eg_tunnels){.slot = NULL};
}

/* By name. */

static uint32_t hash_name(const char *name)
{
	uint64_t hash = 0;

	for (; *name; name++)
		hash = eg_hash_u64(hash ^ (uint8_t)*name) + 1;
	return (uint32_t)hash;
}

static struct eg_tunnel_state *find_name(const struct eg_tunnels *tunnels, const char *name)
{
	uint32_t hash = hash_name(name);
	struct eg_tunnel_state *state = tunnels->names[hash % EG_TUNNELS_BUCKETS];

	while (state && (state->name_hash != hash || strcmp(state->name, name)))
		state = state->next_name;
	return state;
}

static void link_name(struct eg_tunnels *tunnels, struct eg_tunnel_state *state)
{
	struct eg_tunnel_state **head = &tunnels->names[state->name_hash % EG_TUNNELS_BUCKETS];

	state->next_name = *head;
	*head = state;
}

static void unlink_name(struct eg_tunnels *tunnels, const struct eg_tunnel_state *state)
{
	struct eg_tunnel_state **at = &tunnels->names[state->name_hash % EG_TUNNELS_BUCKETS];

	while (*at != state)
		at = &(*at)->next_name;
	*at = state->next_name;
}

uint32_t eg_tunnel_find(const struct eg_tunnels *tunnels, const char *name)
{
	const struct eg_tunnel_state *state = find_name(tunnels, name);

	return state ? state->id : EG_TUNNEL_NONE;
}

/* By ends. Chained as SAs are (sa/sad.h), and for the same reasons. */

uint32_t eg_tunnels_between_hash(const struct eg_ip *local, const struct eg_ip *remote)
{
	uint64_t l[2], r[2];

	memcpy(l, local->bytes, sizeof(l));
	memcpy(r, remote->bytes, sizeof(r));
	return (uint32_t)eg_hash_u64(l[0] ^
				     eg_hash_u64(l[1] ^ eg_hash_u64(r[0] ^ eg_hash_u64(r[1]))));
}

static _Atomic(struct eg_tunnel_state *) *between(const struct eg_tunnels *tunnels,
						  const struct eg_ip *local,
						  const struct eg_ip *remote)
{
	return &tunnels->between[eg_tunnels_between_hash(local, remote) % EG_TUNNELS_BUCKETS];
}

static void link_between(struct eg_tunnels *tunnels, struct eg_tunnel_state *state)
{
	_Atomic(struct eg_tunnel_state *) *head = between(tunnels, &state->local, &state->remote);

	atomic_init(&state->next_between, atomic_load_explicit(head, memory_order_relaxed));
	/* Release: the state is complete before a worker can find it. */
	atomic_store_explicit(head, state, memory_order_release);
}

static void unlink_between(struct eg_tunnels *tunnels, const struct eg_tunnel_state *state)
{
	_Atomic(struct eg_tunnel_state *) *at = between(tunnels, &state->local, &state->remote);
	struct eg_tunnel_state *here;

	while ((here = atomic_load_explicit(at, memory_order_relaxed)) != state)
		at = &here->next_between;
	atomic_store_explicit(at, atomic_load_explicit(&state->next_between, memory_order_relaxed),
			      memory_order_release);
}

const struct eg_tunnel *eg_tunnels_between(const struct eg_tunnels *tunnels,
					   const struct eg_ip *local, const struct eg_ip *remote,
					   const struct eg_tunnel_state **at)
{
	const struct eg_tunnel_state *state =
		*at ? atomic_load_explicit(&(*at)->next_between, memory_order_acquire)
		    : atomic_load_explicit(between(tunnels, local, remote), memory_order_acquire);

	for (; state; state = atomic_load_explicit(&state->next_between, memory_order_acquire)) {
		const struct eg_tunnel *tunnel;

		if (!eg_ip_equal(&state->local, local) || !eg_ip_equal(&state->remote, remote))
			continue;
		tunnel = eg_tunnel_get(tunnels, state->id);
		if (!tunnel) /* it is being removed */
			continue;
		*at = state;
		return tunnel;
	}
	return NULL;
}

/* The lists that workers walk. */

static void list_add(struct eg_id_list *list, uint32_t id, uint32_t *place)
{
	uint32_t n = atomic_load_explicit(&list->n, memory_order_relaxed);

	*place = n;
	atomic_store_explicit(&list->id[n], id, memory_order_relaxed);
	/* Release: the id is there before the list is longer. */
	atomic_store_explicit(&list->n, n + 1, memory_order_release);
}

/* The last id takes its place. Returns that id: its place has changed. */
static uint32_t list_remove(struct eg_id_list *list, uint32_t *place)
{
	uint32_t last = atomic_load_explicit(&list->n, memory_order_relaxed) - 1;
	uint32_t id = atomic_load_explicit(&list->id[last], memory_order_relaxed);

	atomic_store_explicit(&list->id[*place], id, memory_order_relaxed);
	atomic_store_explicit(&list->n, last, memory_order_release);
	return id;
}

static void set_keepalive(struct eg_tunnels *tunnels, struct eg_tunnel_state *state, bool on)
{
	uint32_t place = state->keepalive_at;

	if (on == (place != EG_TUNNEL_NONE))
		return;
	if (on) {
		list_add(&tunnels->keepalives, state->id, &state->keepalive_at);
		return;
	}
	eg_tunnel_state_of(tunnels, list_remove(&tunnels->keepalives, &place))->keepalive_at =
		place;
	state->keepalive_at = EG_TUNNEL_NONE;
}

static void set_probe(struct eg_tunnels *tunnels, struct eg_tunnel_state *state, bool on)
{
	uint32_t place = state->probe_at;

	if (on == (place != EG_TUNNEL_NONE))
		return;
	if (on) {
		list_add(&tunnels->probes, state->id, &state->probe_at);
		return;
	}
	eg_tunnel_state_of(tunnels, list_remove(&tunnels->probes, &place))->probe_at = place;
	state->probe_at = EG_TUNNEL_NONE;
}

/* Tunnels. */

static struct eg_tunnel_state *new_state(struct eg_tunnels *tunnels,
					 const struct eg_tunnel_spec *spec, uint32_t id)
{
	size_t name_bytes = strlen(spec->name) + 1;
	size_t bytes = (sizeof(struct eg_tunnel_state) + name_bytes + 63) & ~(size_t)63;
	struct eg_tunnel_state *state = aligned_alloc(64, bytes);

	if (!state)
		return NULL;
	memset(state, 0, bytes);
	eg_pmtu_init(&state->pmtu);
	state->tunnels = tunnels;
	state->local = spec->local;
	state->remote = spec->remote;
	state->id = id;
	state->name_hash = hash_name(spec->name);
	state->next_ns = UINT64_MAX;
	state->timer = state->keepalive_at = state->probe_at = EG_TUNNEL_NONE;
	memcpy(state->name, spec->name, name_bytes);
	return state;
}

static void free_state(struct eg_rcu_node *node)
{
	free(eg_rcu_container(node, struct eg_tunnel_state, rcu));
}

/* Until now the worker that probed it may have published what its liveness said. */
static void free_version(struct eg_rcu_node *node)
{
	struct eg_tunnel *tunnel = eg_rcu_container(node, struct eg_tunnel, rcu);
	struct eg_tunnels *tunnels = tunnel->state->tunnels;
	const struct eg_tunnel *now = eg_tunnel_get(tunnels, tunnel->id);

	if (now && !now->liveness)
		eg_tunnel_set_down(tunnels, tunnel->id, false);
	eg_tunnel_version_free(tunnel);
}

static void publish(struct eg_tunnels *tunnels, struct eg_tunnel_state *state,
		    const struct eg_tunnel *tunnel)
{
	/* Release: the version is complete. */
	const struct eg_tunnel *before = atomic_exchange_explicit(&tunnels->slot[state->id].tunnel,
								  tunnel, memory_order_acq_rel);

	eg_tunnel_touch(tunnels, state->id);
	if (before)
		eg_rcu_defer(tunnels->rcu, &((struct eg_tunnel *)before)->rcu, free_version);
}

int eg_tunnel_add(struct eg_tunnels *tunnels, const struct eg_tunnel_spec *spec, uint32_t *id)
{
	struct eg_tunnel_state *state;
	struct eg_tunnel *tunnel;

	if (!spec->replaces && find_name(tunnels, spec->name))
		return -EEXIST;
	*id = eg_ids_get(tunnels->ids, tunnels->rcu);
	if (*id == UINT32_MAX)
		return -ENOSPC;
	state = new_state(tunnels, spec, *id);
	tunnel = state ? eg_tunnel_version_new(tunnels, spec, state, NULL) : NULL;
	if (!tunnel) {
		free(state);
		eg_ids_unget(tunnels->ids, *id);
		return -ENOMEM;
	}
	eg_tunnel_set_down(tunnels, *id, false);
	publish(tunnels, state, tunnel);
	link_name(tunnels, state);
	link_between(tunnels, state);
	set_keepalive(tunnels, state, tunnel->encap);
	set_probe(tunnels, state, tunnel->liveness);
	tunnels->n++;
	tunnels->end = tunnels->ids->end;
	return 0;
}

int eg_tunnel_change(struct eg_tunnels *tunnels, uint32_t id, const struct eg_tunnel_spec *spec)
{
	const struct eg_tunnel *before = eg_tunnel_get(tunnels, id);
	struct eg_tunnel_state *state = before->state;
	struct eg_tunnel *tunnel;

	if (strcmp(before->name, spec->name) || !eg_ip_equal(&before->local, &spec->local) ||
	    !eg_ip_equal(&before->remote, &spec->remote) || before->protocol != spec->protocol)
		return -EINVAL;
	if (eg_tunnel_version_is(before, spec))
		return 0;
	tunnel = eg_tunnel_version_new(tunnels, spec, state, before);
	if (!tunnel)
		return -ENOMEM;
	for (struct eg_tunnel_sa *held = state->first_sa; held; held = held->next) {
		if (!eg_tunnel_sa_fits(tunnel, held->sa)) {
			eg_tunnel_version_free(tunnel);
			return -EINVAL;
		}
	}
	publish(tunnels, state, tunnel);
	for (struct eg_tunnel_sa *held = state->first_sa; held; held = held->next)
		eg_tunnel_sa_point(held);
	if (!tunnel->learns_mtu && eg_pmtu_forget(&state->pmtu))
		eg_tunnel_touch(tunnels, id);
	set_keepalive(tunnels, state, tunnel->encap);
	set_probe(tunnels, state, tunnel->liveness);
	return 0;
}

void eg_tunnel_remove(struct eg_tunnels *tunnels, uint32_t id)
{
	struct eg_tunnel_state *state = eg_tunnel_state_of(tunnels, id);

	while (state->first_sa)
		eg_tunnel_sa_detach(state, state->first_sa);
	eg_tunnel_sas_publish(tunnels, state, NULL);
	set_keepalive(tunnels, state, false);
	set_probe(tunnels, state, false);
	unlink_name(tunnels, state);
	unlink_between(tunnels, state);
	eg_tunnel_set_down(tunnels, id, true);
	publish(tunnels, state, NULL);
	eg_rcu_defer(tunnels->rcu, &state->rcu, free_state);
	eg_ids_retire(tunnels->ids, id);
	tunnels->n--;
}

void eg_tunnels_recycle(struct eg_tunnels *tunnels)
{
	eg_ids_recycle(tunnels->ids, tunnels->rcu);
}

uint32_t eg_tunnels_next(const struct eg_tunnels *tunnels, uint32_t from)
{
	while (from < tunnels->end && !eg_tunnel_get(tunnels, from))
		from++;
	return from < tunnels->end ? from : EG_TUNNEL_NONE;
}
