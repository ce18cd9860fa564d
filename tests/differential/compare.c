#include "compare.h"

#include "flow/slot.h"

/* Counters between two members of eg_stats, as an array. */
struct range {
	const char *name;
	size_t from, to;
};

#define RANGE(first, behind)                                                                       \
	{                                                                                          \
#first, offsetof(struct eg_stats, first), offsetof(struct eg_stats, behind)        \
	}

static bool fail(const char *what, uint64_t which, uint64_t a, uint64_t b)
{
	printf("%s %llu: full %llu, cached %llu\n", what, (unsigned long long)which,
	       (unsigned long long)a, (unsigned long long)b);
	return false;
}

/* Not the stages' cycles and packets, nor when the first and last burst was. */
static bool stats_equal(const struct eg_stats *a, const struct eg_stats *b)
{
	static const struct range ranges[] = {RANGE(port, cycles), RANGE(local, first_cycles)};

	bool equal = true;

	for (unsigned r = 0; r < sizeof(ranges) / sizeof(*ranges); r++) {
		size_t n = (ranges[r].to - ranges[r].from) / sizeof(eg_counter);
		const eg_counter *va = (const eg_counter *)((const char *)a + ranges[r].from);
		const eg_counter *vb = (const eg_counter *)((const char *)b + ranges[r].from);

		for (size_t i = 0; i < n; i++) {
			if (eg_counted(&va[i]) != eg_counted(&vb[i]))
				equal = fail(ranges[r].name, i, eg_counted(&va[i]),
					     eg_counted(&vb[i]));
		}
	}
	return equal;
}

bool counters_equal(const struct gateway *a, const struct gateway *b)
{
	for (unsigned w = 0; w < a->workers; w++) {
		if (!stats_equal(&a->stats[w], &b->stats[w]))
			return false;
	}
	return true;
}

static bool sa_equal(const struct eg_sa *a, const struct eg_sa *b)
{
	uint32_t spi = be32toh(a->spi_be);

	if (a->spi_be != b->spi_be || a->kind != b->kind)
		return fail("the SPI beside", spi, a->kind, be32toh(b->spi_be));
	if (a->kind == EG_SA_KIND_IN && a->seq != b->seq)
		return fail("sequence number of SA", spi, a->seq, b->seq);
	if (a->packets != b->packets)
		return fail("packets of SA", spi, a->packets, b->packets);
	if (a->bytes != b->bytes)
		return fail("bytes of SA", spi, a->bytes, b->bytes);
	if (a->replay.top != b->replay.top ||
	    (a->kind == EG_SA_KIND_IN &&
	     memcmp(a->replay.bits, b->replay.bits, eg_replay_bytes(a->replay.size))))
		return fail("anti-replay window of SA", spi, a->replay.top, b->replay.top);
	return true;
}

static bool liveness_equal(const struct eg_tunnel *a, const struct eg_tunnel *b)
{
	const struct eg_liveness *la = a->liveness, *lb = b->liveness;

	if (!la != !lb)
		return fail("is probed: tunnel", a->id, la != NULL, lb != NULL);
	if (!la)
		return true;
	if (la->down != lb->down || la->requests != lb->requests || la->answers != lb->answers)
		return fail("liveness of tunnel", a->id, la->requests, lb->requests);
	if (eg_liveness_rerouted(la) != eg_liveness_rerouted(lb))
		return fail("rerouted packets of tunnel", a->id, eg_liveness_rerouted(la),
			    eg_liveness_rerouted(lb));
	return true;
}

static bool tunnel_equal(struct gateway *ga, struct gateway *gb, uint32_t id)
{
	const struct eg_tunnel *a = eg_tunnel_get(&ga->tunnels, id);
	const struct eg_tunnel *b = eg_tunnel_get(&gb->tunnels, id);
	const struct eg_tunnel_sa *sa = eg_tunnel_first_sa(&ga->tunnels, id);
	const struct eg_tunnel_sa *sb = eg_tunnel_first_sa(&gb->tunnels, id);

	if (a->pmtu->word != b->pmtu->word)
		return fail("path MTU of tunnel", id, a->pmtu->word, b->pmtu->word);
	if (eg_tunnel_is_up(&ga->tunnels, id) != eg_tunnel_is_up(&gb->tunnels, id))
		return fail("up: tunnel", id, eg_tunnel_is_up(&ga->tunnels, id),
			    eg_tunnel_is_up(&gb->tunnels, id));
	if (a->state->keepalive.cycles != b->state->keepalive.cycles)
		return fail("last sent at: tunnel", id, a->state->keepalive.cycles,
			    b->state->keepalive.cycles);
	if (a->endpoint) {
		struct eg_endpoint_at at[2] = {eg_endpoint_get(a->endpoint),
					       eg_endpoint_get(b->endpoint)};

		if (!eg_endpoint_at_equal(&at[0], &at[1]))
			return fail("endpoint of tunnel", id, at[0].port, at[1].port);
	}
	for (; sa && sb; sa = sa->next, sb = sb->next) {
		if (!sa_equal(sa->sa, sb->sa))
			return false;
	}
	return (!sa == !sb || fail("SAs of tunnel", id, sa != NULL, sb != NULL)) &&
	       liveness_equal(a, b);
}

static bool tunnels_equal(struct gateway *a, struct gateway *b)
{
	uint32_t id = eg_tunnels_next(&a->tunnels, 0), other = eg_tunnels_next(&b->tunnels, 0);

	while (id != EG_TUNNEL_NONE && other == id) {
		if (!tunnel_equal(a, b, id))
			return false;
		id = eg_tunnels_next(&a->tunnels, id + 1);
		other = eg_tunnels_next(&b->tunnels, other + 1);
	}
	return id == other || fail("the tunnel beside", id, id, other);
}

static bool neighs_equal(const struct eg_neighs *a, const struct eg_neighs *b)
{
	if (a->n_used != b->n_used || a->n_held != b->n_held)
		return fail("neighbours", 0, a->n_used, b->n_used);
	for (unsigned i = 0; i < EG_NEIGH_MAX && i < 2 * a->n_used + 64; i++) {
		const struct eg_neigh *na = &a->entry[i], *nb = &b->entry[i];

		if (na->state != nb->state || na->mac != nb->mac || na->n_held != nb->n_held ||
		    na->since_ms != nb->since_ms)
			return fail("neighbour", i, na->state, nb->state);
	}
	return true;
}

static bool connection_equal(const struct gateway *ga, const struct eg_conn *a,
			     const struct gateway *gb)
{
	uint64_t hash = eg_flow_hash(&a->key, &ga->flows->seed);
	struct eg_standing sa = eg_conn_standing(a), sb;
	uint32_t number = eg_conn_find(gb->flows, &a->key, hash);
	const struct eg_conn *b;

	if (sa.state == EG_CONN_DEAD)
		return true;
	if (number == EG_CONN_NONE)
		return fail("a connection is missing; state, protocol", sa.state, a->key.proto, 0);
	b = &gb->flows->conns[number];
	sb = eg_conn_standing(b);

	if (sa.state != sb.state || sa.generation != sb.generation || sa.opener != sb.opener ||
	    sa.charged != sb.charged)
		return fail("state of a connection; protocol", a->key.proto, sa.state, sb.state);
	if (a->seen_s != b->seen_s)
		return fail("last packet of a connection; state", sa.state, a->seen_s, b->seen_s);
	for (unsigned side = 0; side < 2; side++) {
		/* A denied connection's packets are decided again, whatever their numbers. */
		if (sa.state != EG_CONN_DENIED && a->next_seq[side] != b->next_seq[side])
			return fail("next sequence number of a connection; state", sa.state,
				    a->next_seq[side], b->next_seq[side]);
	}
	return true;
}

static bool connections_equal(const struct gateway *a, const struct gateway *b)
{
	for (uint32_t i = 0; i <= a->flows->bucket_mask; i++) {
		for (unsigned s = 0; s < EG_BUCKET_SLOTS; s++) {
			uint32_t slot = a->flows->buckets[i].slot[s];

			if (slot && !connection_equal(a, &a->flows->conns[eg_slot_number(slot)], b))
				return false;
		}
	}
	return eg_flow_in_use(a->flows) == eg_flow_in_use(b->flows) ||
	       fail("connections", 0, eg_flow_in_use(a->flows), eg_flow_in_use(b->flows));
}

static bool array_equal(const char *what, const uint64_t *a, const uint64_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (a[i] != b[i])
			return fail(what, i, a[i], b[i]);
	}
	return true;
}

static bool policies_equal(const struct gateway *a, const struct gateway *b)
{
	const struct eg_snap_policy *pa = eg_publisher_read(&a->publisher)->policy;
	const struct eg_snap_policy *pb = eg_publisher_read(&b->publisher)->policy;
	struct eg_policy_totals ta, tb;
	bool equal;

	if (!pa || !pb)
		return pa == pb || fail("a policy is in force", 0, pa != NULL, pb != NULL);
	if (eg_snap_policy_totals(pa, &ta) || eg_snap_policy_totals(pb, &tb))
		return fail("memory", 0, 0, 0);
	equal = array_equal("connections allowed by rule", ta.allowed, tb.allowed,
			    eg_policy_stats(pa->compiled)->n_rules);
	for (unsigned dir = 0; equal && dir < EG_DIRS; dir++)
		equal = array_equal("packets denied by policy", ta.denied[dir], tb.denied[dir],
				    pa->cluster.policies.n);
	eg_policy_totals_free(&ta);
	eg_policy_totals_free(&tb);
	return equal;
}

void equalize_uses(const struct gateway *a, struct gateway *b)
{
	for (unsigned i = 0; i < EG_NEIGH_MAX && i < 2 * a->resolver.neighs->n_used + 64; i++)
		b->resolver.neighs->entry[i].used = a->resolver.neighs->entry[i].used;
}

bool states_equal(struct gateway *a, struct gateway *b)
{
	return tunnels_equal(a, b) && neighs_equal(a->resolver.neighs, b->resolver.neighs) &&
	       connections_equal(a, b) && policies_equal(a, b);
}
