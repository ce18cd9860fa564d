#include "snap/rekey.h"

#include <endian.h>
#include <stdlib.h>

#include "snap/build.h"

#define NONE UINT32_MAX

/* What is known of a peer of the new snapshot. */
struct turn {
	bool sends;       /* the snapshot before sends to it */
	uint64_t next_ns; /* when its first waiting SA begins; 0: none waits */
};

struct carry {
	struct eg_snap *snap;
	const struct eg_snap *before;
	const struct eg_config *config;
	uint64_t now_ns;
	uint32_t *tunnel_of; /* of each peer before: the same one now, or NONE */
	struct turn *turns;
	const struct eg_snap_sa **was; /* those before, in the order of their SAs' addresses */
	size_t n_was;
	uint32_t *spis; /* inbound, of the new snapshot, in order */
	size_t n_spis;
};

static int by_name(const void *a, const void *b)
{
	const struct eg_tunnel *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static int by_sa(const void *a, const void *b)
{
	const struct eg_snap_sa *const *x = a, *const *y = b;

	return ((*x)->sa > (*y)->sa) - ((*x)->sa < (*y)->sa);
}

static int by_address(const void *a, const void *b)
{
	const uintptr_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* A reload neither forgets that a peer is dead nor begins to ask anew; nor what its path carries,
 * nor where its packets go. */
static void inherit_state(struct eg_tunnel *tunnel, const struct eg_tunnel *was)
{
	if (tunnel->learns_mtu) {
		eg_pmtu_release(tunnel->pmtu);
		tunnel->pmtu = eg_pmtu_retain(was->pmtu);
	}
	if (tunnel->endpoint && was->endpoint && tunnel->peer_port == was->peer_port) {
		eg_endpoint_release(tunnel->endpoint);
		tunnel->endpoint = eg_endpoint_retain(was->endpoint);
	}
	if (!tunnel->liveness || !was->liveness)
		return;
	eg_liveness_release(tunnel->liveness);
	tunnel->liveness = eg_liveness_retain(was->liveness);
}

static int map_tunnels(struct carry *carry)
{
	const struct eg_snap *before = carry->before;
	struct eg_tunnel **names = calloc(carry->snap->n_tunnels + 1, sizeof(struct eg_tunnel *));

	carry->tunnel_of = calloc(before->n_tunnels + 1, sizeof(uint32_t));
	if (!names || !carry->tunnel_of) {
		free(names);
		return -1;
	}
	for (uint32_t i = 0; i < carry->snap->n_tunnels; i++)
		names[i] = &carry->snap->tunnels[i];
	qsort(names, carry->snap->n_tunnels, sizeof(*names), by_name);
	for (uint32_t i = 0; i < before->n_tunnels; i++) {
		const struct eg_tunnel *was = &before->tunnels[i];
		struct eg_tunnel **found =
			bsearch(&was, names, carry->snap->n_tunnels, sizeof(*names), by_name);

		carry->tunnel_of[i] = found && eg_ip_equal(&(*found)->local, &was->local) &&
						      eg_ip_equal(&(*found)->remote, &was->remote)
					      ? (uint32_t)(*found - carry->snap->tunnels)
					      : NONE;
		if (carry->tunnel_of[i] != NONE)
			inherit_state(*found, was);
	}
	free(names);
	return 0;
}

/* SAs before by address, SPIs now by number, and who sends. */
static int index_sas(struct carry *carry)
{
	const struct eg_snap *before = carry->before;

	carry->turns = calloc(carry->snap->n_tunnels + 1, sizeof(*carry->turns));
	carry->was = calloc(before->sas.n + 1, sizeof(struct eg_snap_sa *));
	carry->spis = calloc(carry->snap->sas.n + 1, sizeof(*carry->spis));
	if (!carry->turns || !carry->was || !carry->spis)
		return -1;
	eg_vec_foreach (held, &before->sas) {
		uint32_t tunnel = carry->tunnel_of[held->tunnel];

		carry->was[carry->n_was++] = held;
		if (tunnel != NONE && held->sa->kind == EG_SA_KIND_OUT &&
		    held->use != EG_SA_PENDING)
			carry->turns[tunnel].sends = true;
	}
	qsort(carry->was, carry->n_was, sizeof(*carry->was), by_sa);
	eg_vec_foreach (held, &carry->snap->sas) {
		if (held->sa->kind == EG_SA_KIND_IN)
			carry->spis[carry->n_spis++] = held->sa->spi_be;
	}
	qsort(carry->spis, carry->n_spis, sizeof(*carry->spis), by_number);
	return 0;
}

/* The use of an SA that the configuration names. */
static void place_wanted(struct carry *carry, struct eg_snap_sa *held)
{
	const struct eg_snap_sa **found =
		bsearch(&held, carry->was, carry->n_was, sizeof(*carry->was), by_sa);
	const struct eg_conf_peer *conf = &carry->config->peers.v[held->tunnel];
	struct turn *turn = &carry->turns[held->tunnel];

	if (found && (*found)->use == EG_SA_PENDING) {
		held->use = EG_SA_PENDING;
		held->at_ns = (*found)->at_ns;
	} else if (!found && held->sa->kind == EG_SA_KIND_OUT && turn->sends &&
		   conf->send_delay_ns) {
		held->use = EG_SA_PENDING;
		held->at_ns = carry->now_ns + conf->send_delay_ns;
	}
	if (held->use == EG_SA_PENDING && (!turn->next_ns || held->at_ns < turn->next_ns))
		turn->next_ns = held->at_ns;
}

/* How long an SA that the configuration no longer names stays; 0: not at all. */
static uint64_t stays_until(const struct carry *carry, const struct eg_snap_sa *was,
			    uint32_t tunnel, struct eg_errs *errs)
{
	const struct eg_conf_peer *conf = &carry->config->peers.v[tunnel];

	if (was->sa->kind == EG_SA_KIND_OUT)
		return was->use == EG_SA_PENDING ? 0 : carry->turns[tunnel].next_ns;
	if (bsearch(&was->sa->spi_be, carry->spis, carry->n_spis, sizeof(*carry->spis),
		    by_number)) {
		eg_warning(errs, &conf->pos, conf->name,
			   "inbound SPI 0x%x has a new key: what the other end still seals under "
			   "the old one is lost; a new key with a new SPI loses nothing (RFC 4303 "
			   "s2.1)",
			   be32toh(was->sa->spi_be));
		return 0;
	}
	return was->use == EG_SA_RETIRING ? was->at_ns : carry->now_ns + conf->grace_ns;
}

static int add_leaving(struct carry *carry, const struct eg_snap_sa *was, struct eg_errs *errs)
{
	uint32_t tunnel = carry->tunnel_of[was->tunnel];
	uint64_t until_ns = tunnel == NONE ? 0 : stays_until(carry, was, tunnel, errs);
	struct eg_snap_sa *slot;

	if (until_ns <= carry->now_ns)
		return 0;
	slot = eg_vec_add(&carry->snap->sas);
	if (!slot)
		return -1;
	*slot = *was;
	slot->tunnel = tunnel;
	slot->use = EG_SA_RETIRING;
	slot->at_ns = until_ns;
	eg_sa_retain(was->sa);
	return 0;
}

static int carry_over(struct carry *carry, struct eg_errs *errs)
{
	struct eg_snap *snap = carry->snap;
	size_t n = snap->sas.n;
	uintptr_t *wanted = calloc(n + 1, sizeof(*wanted));
	int ret = 0;

	if (!wanted)
		return -1;
	for (size_t i = 0; i < n; i++) {
		place_wanted(carry, &snap->sas.v[i]);
		wanted[i] = (uintptr_t)snap->sas.v[i].sa;
	}
	qsort(wanted, n, sizeof(*wanted), by_address);
	eg_vec_foreach (was, &carry->before->sas) {
		const uintptr_t sa = (uintptr_t)was->sa;

		if (!bsearch(&sa, wanted, n, sizeof(*wanted), by_address))
			ret |= add_leaving(carry, was, errs);
	}
	free(wanted);
	return ret;
}

int eg_rekey_inherit(struct eg_snap *snap, const struct eg_config *config,
		     const struct eg_snap_options *options, struct eg_errs *errs)
{
	struct carry carry = {
		.snap = snap,
		.before = options->before,
		.config = config,
		.now_ns = options->now_ns,
	};
	int ret;

	if (!carry.before)
		return 0;
	ret = map_tunnels(&carry) || index_sas(&carry) || carry_over(&carry, errs) ? -1 : 0;
	free(carry.tunnel_of);
	free(carry.turns);
	free(carry.was);
	free(carry.spis);
	return ret;
}

static int build_sad(struct eg_snap *snap)
{
	struct eg_sad_entry *entries = calloc(snap->sas.n + 1, sizeof(*entries));
	size_t n = 0;
	int err;

	if (!entries)
		return -1;
	eg_vec_foreach (held, &snap->sas) {
		if (held->sa->kind == EG_SA_KIND_IN)
			entries[n++] =
				(struct eg_sad_entry){held->sa, held->sa->spi_be, held->tunnel};
	}
	err = eg_sad_table_build(&snap->sad, entries, n);
	free(entries);
	return err;
}

int eg_rekey_derive(struct eg_snap *snap)
{
	/* Count, make room, fill. */
	snap->next_step_ns = UINT64_MAX;
	eg_vec_foreach (held, &snap->sas) {
		if (held->sa->kind == EG_SA_KIND_OUT && held->use != EG_SA_PENDING)
			snap->tunnels[held->tunnel].n_out++;
		if (held->use != EG_SA_IN_USE && held->at_ns < snap->next_step_ns)
			snap->next_step_ns = held->at_ns;
	}
	for (uint32_t i = 0; i < snap->n_tunnels; i++) {
		struct eg_tunnel *tunnel = &snap->tunnels[i];

		tunnel->out = calloc(tunnel->n_out + 1, sizeof(struct eg_sa *));
		if (!tunnel->out)
			return -1;
		tunnel->n_out = 0;
	}
	eg_vec_foreach (held, &snap->sas) {
		struct eg_tunnel *tunnel = &snap->tunnels[held->tunnel];

		if (held->sa->kind == EG_SA_KIND_OUT && held->use != EG_SA_PENDING)
			tunnel->out[tunnel->n_out++] = held->sa;
	}
	return build_sad(snap);
}

/* The peers of a snapshot without their lists. */
static int copy_tunnels(struct eg_snap *snap, const struct eg_snap *before)
{
	snap->tunnels = eg_tunnels_new(before->n_tunnels);
	if (!snap->tunnels)
		return -1;
	snap->n_tunnels = before->n_tunnels;
	for (uint32_t i = 0; i < snap->n_tunnels; i++) {
		snap->tunnels[i] = before->tunnels[i];
		eg_liveness_retain(snap->tunnels[i].liveness);
		eg_pmtu_retain(snap->tunnels[i].pmtu);
		eg_endpoint_retain(snap->tunnels[i].endpoint);
		snap->tunnels[i].out = NULL;
		snap->tunnels[i].n_out = 0;
		snap->tunnels[i].name = strdup(before->tunnels[i].name);
		if (!snap->tunnels[i].name)
			return -1;
	}
	return 0;
}

static int step_sas(struct eg_snap *snap, const struct eg_snap *before, uint64_t now_ns)
{
	eg_vec_foreach (held, &before->sas) {
		bool over = held->use != EG_SA_IN_USE && held->at_ns <= now_ns;
		struct eg_snap_sa *slot;

		if (over && held->use == EG_SA_RETIRING)
			continue;
		slot = eg_vec_add(&snap->sas);
		if (!slot)
			return -1;
		*slot = *held;
		if (over)
			slot->use = EG_SA_IN_USE;
		eg_sa_retain(held->sa);
	}
	return 0;
}

/* The same tunnels, with the SAs of that time; without world and policy. */
static struct eg_snap *make_step(const struct eg_snap *before, uint64_t now_ns)
{
	struct eg_snap *snap = calloc(1, sizeof(*snap));

	if (!snap)
		return NULL;
	snap->store = before->store;
	if (copy_tunnels(snap, before) || eg_build_idles(snap) || eg_build_probes(snap) ||
	    eg_build_ends(snap) || step_sas(snap, before, now_ns) || eg_rekey_derive(snap)) {
		eg_snap_free(snap);
		return NULL;
	}
	return snap;
}

struct eg_snap *eg_snap_step(const struct eg_snap *before, uint64_t now_ns)
{
	struct eg_snap *snap = now_ns < before->next_step_ns ? NULL : make_step(before, now_ns);

	if (!snap)
		return NULL;
	snap->world = eg_snap_world_retain(before->world);
	snap->policy = eg_snap_policy_retain(before->policy);
	return snap;
}
