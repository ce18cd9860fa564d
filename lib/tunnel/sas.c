#include "tunnel/sas.h"

#include <errno.h>
#include <stdlib.h>

#include "sa/store.h"
#include "tunnel/timers.h"

struct eg_tunnel_sa *eg_tunnel_sa_new(struct eg_tunnels *tunnels, uint32_t tunnel, struct eg_sa *sa)
{
	struct eg_tunnel_sa *held = calloc(1, sizeof(*held));

	if (held) {
		held->tunnels = tunnels;
		held->tunnel = tunnel;
		held->sa = sa;
	}
	return held;
}

bool eg_tunnel_sa_fits(const struct eg_tunnel *tunnel, const struct eg_sa *sa)
{
	const struct eg_sa_spec *spec = eg_sa_spec(sa);
	const struct eg_sa_wire *wire = &spec->wire;

	if (!spec->ephemeral)
		return true;
	return wire->transport == tunnel->transport && wire->encap == tunnel->encap &&
	       (wire->tunnel == EG_SA_ANY_TUNNEL || wire->tunnel == tunnel->id) &&
	       (!wire->sport || wire->sport == EG_UDP_PORT_ESP || tunnel->n_sports > 1) &&
	       (!wire->dport || tunnel->floats || wire->dport == tunnel->peer_port) &&
	       eg_ip_equal(&spec->local, &tunnel->local) &&
	       eg_ip_equal(&spec->remote, &tunnel->remote);
}

/* An SA has more than one holder only while a configuration gives it from one tunnel to another. */
struct eg_tunnel_sa *eg_tunnel_sa_find(uint32_t tunnel, const struct eg_sa *sa)
{
	struct eg_tunnel_sa *held = sa->holder;

	while (held && held->tunnel != tunnel)
		held = held->next_holder;
	return held;
}

void eg_tunnel_sa_point(const struct eg_tunnel_sa *held)
{
	/* Release: a version is complete before a worker finds it here. */
	if (held->sa->holder == held)
		atomic_store_explicit(&held->sa->tunnel, eg_tunnel_get(held->tunnels, held->tunnel),
				      memory_order_release);
}

static void link_behind(struct eg_tunnel_state *state, struct eg_tunnel_sa *held,
			struct eg_tunnel_sa *after)
{
	held->prev = after;
	held->next = after ? after->next : state->first_sa;
	*(held->prev ? &held->prev->next : &state->first_sa) = held;
	*(held->next ? &held->next->prev : &state->last_sa) = held;
	state->n_sas++;
}

static void unlink_from(struct eg_tunnel_state *state, struct eg_tunnel_sa *held)
{
	*(held->prev ? &held->prev->next : &state->first_sa) = held->next;
	*(held->next ? &held->next->prev : &state->last_sa) = held->prev;
	state->n_sas--;
}

void eg_tunnel_sa_attach(struct eg_tunnel_state *state, struct eg_tunnel_sa *held,
			 struct eg_tunnel_sa *after)
{
	struct eg_tunnels *tunnels = held->tunnels;
	bool is_new = !held->sa->holder;

	link_behind(state, held, after ? after : state->last_sa);
	tunnels->n_sas++;
	held->next_holder = held->sa->holder;
	held->sa->holder = held;
	eg_tunnel_sa_point(held);
	if (is_new && held->sa->kind == EG_SA_KIND_IN)
		eg_sad_insert(&tunnels->sad, held->sa);
}

void eg_tunnel_sa_to_end(struct eg_tunnel_state *state, struct eg_tunnel_sa *held)
{
	unlink_from(state, held);
	link_behind(state, held, state->last_sa);
}

static void release(struct eg_rcu_node *node)
{
	struct eg_tunnel_sa *held = eg_rcu_container(node, struct eg_tunnel_sa, rcu);

	eg_sa_release(held->tunnels->store, held->sa);
	free(held);
}

void eg_tunnel_sa_detach(struct eg_tunnel_state *state, struct eg_tunnel_sa *held)
{
	struct eg_tunnels *tunnels = held->tunnels;
	struct eg_sa *sa = held->sa;
	struct eg_tunnel_sa *first = sa->holder;

	unlink_from(state, held);
	tunnels->n_sas--;
	if (first == held) {
		sa->holder = held->next_holder;
	} else {
		while (first->next_holder != held)
			first = first->next_holder;
		first->next_holder = held->next_holder;
	}
	if (sa->holder)
		eg_tunnel_sa_point(sa->holder);
	else if (sa->kind == EG_SA_KIND_IN)
		eg_sad_remove(&tunnels->sad, sa);
	eg_rcu_defer(tunnels->rcu, &held->rcu, release);
}

struct eg_out_set *eg_out_set_new(uint32_t n)
{
	size_t bytes = sizeof(struct eg_out_set) + n * sizeof(struct eg_sa *);
	struct eg_out_set *set = aligned_alloc(64, (bytes + 63) & ~(size_t)63);

	if (set)
		set->n = 0;
	return set;
}

static void free_set(struct eg_rcu_node *node)
{
	free(eg_rcu_container(node, struct eg_out_set, rcu));
}

static bool same_set(const struct eg_out_set *a, const struct eg_out_set *b)
{
	return a && a->n == b->n && !memcmp(a->sa, b->sa, a->n * sizeof(*a->sa));
}

void eg_tunnel_sas_publish(struct eg_tunnels *tunnels, struct eg_tunnel_state *state,
			   struct eg_out_set *spare)
{
	_Atomic(const struct eg_out_set *) *out = &tunnels->slot[state->id].out;
	const struct eg_out_set *before = atomic_load_explicit(out, memory_order_relaxed);
	uint64_t next_ns = UINT64_MAX;

	for (struct eg_tunnel_sa *held = state->first_sa; held; held = held->next) {
		if (eg_tunnel_sa_sends(held))
			spare->sa[spare->n++] = held->sa;
		if (held->use != EG_TUNNEL_SA_IN_USE && held->at_ns < next_ns)
			next_ns = held->at_ns;
	}
	eg_timers_set(tunnels->timers, state, next_ns);
	if (spare && (!spare->n || same_set(before, spare))) {
		bool same = spare->n;

		free(spare);
		if (same)
			return;
		spare = NULL;
	}
	/* Release: the set is complete. */
	atomic_store_explicit(out, spare, memory_order_release);
	eg_tunnel_touch(tunnels, state->id);
	if (before)
		eg_rcu_defer(tunnels->rcu, &((struct eg_out_set *)before)->rcu, free_set);
}

int eg_tunnel_add_sa(struct eg_tunnels *tunnels, uint32_t id, struct eg_sa *sa)
{
	struct eg_tunnel_state *state = eg_tunnel_state_of(tunnels, id);
	struct eg_tunnel_sa *held;
	struct eg_out_set *set;

	if (eg_tunnel_sa_find(id, sa) || !eg_tunnel_sa_fits(eg_tunnel_get(tunnels, id), sa))
		return -EINVAL;
	held = eg_tunnel_sa_new(tunnels, id, sa);
	set = eg_out_set_new(state->n_sas + 1);
	if (!held || !set) {
		free(held);
		free(set);
		return -ENOMEM;
	}
	eg_tunnel_sa_attach(state, held, NULL);
	eg_tunnel_sas_publish(tunnels, state, set);
	return 0;
}

int eg_tunnel_remove_sa(struct eg_tunnels *tunnels, uint32_t id, struct eg_sa *sa)
{
	struct eg_tunnel_state *state = eg_tunnel_state_of(tunnels, id);
	struct eg_tunnel_sa *held = eg_tunnel_sa_find(id, sa);
	struct eg_out_set *set;

	if (!held)
		return -EINVAL;
	set = eg_out_set_new(state->n_sas);
	if (!set)
		return -ENOMEM;
	eg_tunnel_sa_detach(state, held);
	eg_tunnel_sas_publish(tunnels, state, set);
	return 0;
}

const struct eg_tunnel_sa *eg_tunnel_first_sa(const struct eg_tunnels *tunnels, uint32_t id)
{
	return eg_tunnel_state_of(tunnels, id)->first_sa;
}
