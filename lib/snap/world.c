#include "snap/world.h"

#include <stdlib.h>
#include <string.h>

#include "snap/build.h"

struct eg_snap_world *eg_snap_world_new(unsigned n_ports)
{
	struct eg_snap_world *world = calloc(1, sizeof(*world));

	if (!world)
		return NULL;
	atomic_init(&world->refs, 1);
	world->n_ports = n_ports;
	world->allow = calloc(n_ports + 1, sizeof(*world->allow));
	world->source_check = calloc(n_ports + 1, sizeof(*world->source_check));
	world->addresses_since = calloc(n_ports + 1, sizeof(*world->addresses_since));
	if (world->allow && world->source_check && world->addresses_since)
		return world;
	eg_snap_world_release(world);
	return NULL;
}

struct eg_snap_world *eg_snap_world_retain(struct eg_snap_world *world)
{
	if (world)
		atomic_fetch_add_explicit(&world->refs, 1, memory_order_relaxed);
	return world;
}

void eg_snap_world_release(struct eg_snap_world *world)
{
	/* Acquire and release: the thread that frees sees the last use by all others. */
	if (!world || atomic_fetch_sub_explicit(&world->refs, 1, memory_order_acq_rel) > 1)
		return;
	for (uint32_t i = 0; i < world->n_groups; i++)
		free(world->groups[i]);
	free(world->groups);
	free(world->hops);
	free(world->vias);
	free(world->prefixes);
	free(world->locals.v);
	free(world->allow);
	free(world->source_check);
	free(world->addresses_since);
	eg_lpm_free(world->routes);
	eg_lpm_free(world->encrypt);
	free(world);
}

/* The next address of the port at or after *at, or NULL. */
static const struct eg_local *next_of_port(const struct eg_locals *locals, unsigned port,
					   size_t *at)
{
	while (*at < locals->n) {
		const struct eg_local *local = &locals->v[(*at)++];

		if (local->port == port)
			return local;
	}
	return NULL;
}

static bool same_addresses(const struct eg_locals *a, const struct eg_locals *b, unsigned port)
{
	size_t at_a = 0, at_b = 0;

	for (;;) {
		const struct eg_local *x = next_of_port(a, port, &at_a);
		const struct eg_local *y = next_of_port(b, port, &at_b);

		if (!x || !y)
			return x == y;
		if (x->address.len != y->address.len ||
		    !eg_ip_equal(&x->address.ip, &y->address.ip))
			return false;
	}
}

void eg_snap_world_follow(struct eg_snap_world *world, const struct eg_snap_world *before,
			  uint64_t generation)
{
	world->generation = generation;
	for (unsigned p = 0; p < world->n_ports; p++) {
		bool same = before && p < before->n_ports &&
			    same_addresses(&world->locals, &before->locals, p);

		world->addresses_since[p] = same ? before->addresses_since[p] : generation;
	}
}
