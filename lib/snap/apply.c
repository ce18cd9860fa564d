#include "snap/apply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "conf/config.h"

/* The clock is read once per so many tunnels. */
#define BETWEEN_CLOCKS 16

enum phase {
	ADD,
	MOVE,
	MAP_HOPS,
	MAP_GROUPS,
	PUBLISH,
	CHANGE,
	REMOVE,
	FINISH,
	UNDO,
	END,
};

struct eg_apply {
	struct eg_installed *installed;
	struct eg_candidate *candidate;
	struct eg_snap_world *world; /* the candidate's */
	enum phase phase;
	uint32_t at; /* how far the phase is */
	uint64_t now_ns;
	struct eg_errs *errs;
	uint32_t *ids;              /* of the candidate's tunnels */
	uint8_t *wanted;            /* a bit per id: the candidate has it */
	bool *is_new;               /* by the candidate's tunnels: this apply added it */
	struct eg_changes *changes; /* NULL: nobody asks */
};

struct eg_apply *eg_apply_new(struct eg_installed *installed, struct eg_candidate *candidate)
{
	struct eg_apply *apply = calloc(1, sizeof(*apply));

	if (!apply)
		return NULL;
	apply->installed = installed;
	apply->candidate = candidate;
	apply->world = candidate->snap->world;
	apply->ids = calloc(candidate->n_tunnels + 1, sizeof(*apply->ids));
	apply->is_new = calloc(candidate->n_tunnels + 1, sizeof(*apply->is_new));
	apply->wanted = calloc(EG_TUNNELS_MAX / 8, sizeof(*apply->wanted));
	if (apply->ids && apply->is_new && apply->wanted)
		return apply;
	apply->candidate = NULL;
	eg_apply_free(apply);
	return NULL;
}

void eg_apply_count(struct eg_apply *apply, struct eg_changes *changes)
{
	apply->changes = changes;
}

void eg_apply_free(struct eg_apply *apply)
{
	if (!apply)
		return;
	eg_candidate_free(apply->candidate);
	free(apply->ids);
	free(apply->is_new);
	free(apply->wanted);
	free(apply);
}

static struct eg_sa **sas_of(const struct eg_apply *apply, const struct eg_candidate_tunnel *tunnel)
{
	return tunnel->n_sas ? apply->candidate->sas.v + tunnel->first_sa : NULL;
}

static void report(struct eg_apply *apply, const struct eg_candidate_tunnel *tunnel, int err,
		   const char *what)
{
	eg_error(apply->errs, &tunnel->conf->pos, tunnel->conf->name, "%s%s",
		 err == -ENOSPC ? "too many tunnels" : "out of memory", what);
}

/* Give the tunnel the candidate's SAs for it, whose references go over. 0 or -errno. */
static int set_sas(struct eg_apply *apply, const struct eg_candidate_tunnel *tunnel)
{
	const struct eg_rekey_times times = {tunnel->conf->send_delay_ns, tunnel->conf->grace_ns};
	struct eg_sa **sas = sas_of(apply, tunnel);
	struct eg_rekey_result result;
	int err = eg_tunnel_set_sas(apply->installed->tunnels, tunnel->id, sas, tunnel->n_sas,
				    &times, apply->now_ns, &result);

	if (err)
		return err;
	for (uint32_t i = 0; i < tunnel->n_sas; i++)
		sas[i] = NULL;
	if (apply->changes) {
		apply->changes->sas_new += result.n_new;
		apply->changes->sas_retiring += result.n_retiring;
		apply->changes->sas_removed += result.n_removed;
	}
	if (result.reused_spi)
		eg_warning(apply->errs, &tunnel->conf->pos, tunnel->conf->name,
			   "inbound SPI 0x%x has a new key: what the other end still seals under "
			   "the old one is lost; a new key with a new SPI loses nothing (RFC 4303 "
			   "s2.1)",
			   result.reused_spi);
	return 0;
}

/* Does another tunnel have one of its SAs? Then it gets them last. */
static bool takes_over(const struct eg_apply *apply, const struct eg_candidate_tunnel *tunnel)
{
	for (uint32_t i = 0; i < tunnel->n_sas; i++) {
		if (sas_of(apply, tunnel)[i]->holder)
			return true;
	}
	return false;
}

static void refuse(struct eg_apply *apply, const struct eg_candidate_tunnel *tunnel, int err)
{
	report(apply, tunnel, err, "");
	apply->phase = UNDO;
	apply->at = 0;
}

/* The tunnel that the configuration's peer has already, or EG_TUNNEL_NONE. */
static uint32_t find_same(const struct eg_tunnels *tunnels, const struct eg_tunnel_spec *spec)
{
	uint32_t id = eg_tunnel_find(tunnels, spec->name);
	const struct eg_tunnel *tunnel = id == EG_TUNNEL_NONE ? NULL : eg_tunnel_get(tunnels, id);

	return tunnel && eg_ip_equal(&tunnel->local, &spec->local) &&
			       eg_ip_equal(&tunnel->remote, &spec->remote) &&
			       tunnel->protocol == spec->protocol
		       ? id
		       : EG_TUNNEL_NONE;
}

static void add(struct eg_apply *apply, uint32_t index)
{
	struct eg_candidate_tunnel *tunnel = &apply->candidate->tunnels[index];
	struct eg_tunnels *tunnels = apply->installed->tunnels;
	int err = 0;

	tunnel->id = find_same(tunnels, &tunnel->spec);
	if (tunnel->id == EG_TUNNEL_NONE) {
		tunnel->spec.replaces = true; /* the configuration's names are unique */
		err = eg_tunnel_add(tunnels, &tunnel->spec, &tunnel->id);
		apply->is_new[index] = !err;
		if (!err && apply->changes)
			eg_change_add(&apply->changes->peers_added, tunnel->spec.name);
		if (!err && !takes_over(apply, tunnel))
			err = set_sas(apply, tunnel);
	} else {
		apply->wanted[tunnel->id / 8] |= (uint8_t)(1u << tunnel->id % 8);
	}
	apply->ids[index] = tunnel->id;
	if (err)
		refuse(apply, tunnel, err);
}

/* New tunnels that have none of their SAs yet. */
static void move(struct eg_apply *apply, uint32_t index)
{
	const struct eg_candidate_tunnel *tunnel = &apply->candidate->tunnels[index];
	int err;

	if (!apply->is_new[index] || !tunnel->n_sas || !*sas_of(apply, tunnel))
		return;
	err = set_sas(apply, tunnel);
	if (err)
		refuse(apply, tunnel, err);
}

static void map_hop(struct eg_apply *apply, uint32_t index)
{
	struct eg_hop *hop = &apply->world->hops[index];

	if (hop->kind == EG_HOP_TUNNEL)
		hop->tunnel = apply->ids[hop->tunnel];
}

static void map_group(struct eg_apply *apply, uint32_t index)
{
	struct eg_group *group = apply->world->groups[index];

	for (uint32_t i = 0; i < group->n; i++)
		group->member[i].tunnel = apply->ids[group->member[i].tunnel];
}

static void publish(struct eg_apply *apply)
{
	eg_publish(apply->installed->publisher, apply->candidate->snap);
	apply->candidate->snap = NULL;
}

/* The only thing of a running SA that a configuration may change. */
static void set_lifetimes(struct eg_apply *apply, const struct eg_candidate_tunnel *tunnel)
{
	const struct eg_tunnel_sa *held = eg_tunnel_first_sa(apply->installed->tunnels, tunnel->id);

	for (; held; held = held->next) {
		if (held->use != EG_TUNNEL_SA_RETIRING)
			eg_sa_set_lifetime(apply->candidate->store, held->sa,
					   &tunnel->conf->lifetime);
	}
}

/* What fails here is not undone: the configuration is in force by now. */
static void change(struct eg_apply *apply, uint32_t index)
{
	struct eg_candidate_tunnel *tunnel = &apply->candidate->tunnels[index];

	if (!apply->is_new[index]) {
		if (eg_tunnel_change(apply->installed->tunnels, tunnel->id, &tunnel->spec))
			report(apply, tunnel, -ENOMEM,
			       ": the tunnel stays as it was until the next reload");
		if (set_sas(apply, tunnel))
			report(apply, tunnel, -ENOMEM,
			       ": its SAs stay as they were until the next reload");
	}
	set_lifetimes(apply, tunnel);
}

/* The index is that of the configuration before. */
static void remove_old(struct eg_apply *apply, uint32_t index)
{
	uint32_t id = apply->installed->ids[index];

	if (apply->wanted[id / 8] >> id % 8 & 1)
		return;
	if (apply->changes) {
		const struct eg_tunnel *tunnel = eg_tunnel_get(apply->installed->tunnels, id);

		eg_change_add(&apply->changes->peers_removed, tunnel->name);
		apply->changes->sas_removed += tunnel->state->n_sas;
	}
	eg_tunnel_remove(apply->installed->tunnels, id);
}

static void finish(struct eg_apply *apply)
{
	free(apply->installed->ids);
	apply->installed->ids = apply->ids;
	apply->installed->n_ids = apply->candidate->n_tunnels;
	apply->ids = NULL;
	eg_tunnels_recycle(apply->installed->tunnels);
}

static void undo(struct eg_apply *apply, uint32_t index)
{
	if (apply->is_new[index])
		eg_tunnel_remove(apply->installed->tunnels, apply->ids[index]);
}

/* How many calls the phase needs. */
static uint32_t phase_size(const struct eg_apply *apply)
{
	switch (apply->phase) {
	case ADD:
	case MOVE:
	case CHANGE:
	case UNDO:
		return apply->candidate->n_tunnels;
	case MAP_HOPS:
		return apply->world->n_hops;
	case MAP_GROUPS:
		return apply->world->n_groups;
	case REMOVE:
		return apply->installed->n_ids;
	case PUBLISH:
	case FINISH:
	case END:
		break;
	}
	return 1;
}

static void do_one(struct eg_apply *apply, uint32_t index)
{
	switch (apply->phase) {
	case ADD:
		add(apply, index);
		break;
	case MOVE:
		move(apply, index);
		break;
	case MAP_HOPS:
		map_hop(apply, index);
		break;
	case MAP_GROUPS:
		map_group(apply, index);
		break;
	case PUBLISH:
		publish(apply);
		break;
	case CHANGE:
		change(apply, index);
		break;
	case REMOVE:
		remove_old(apply, index);
		break;
	case FINISH:
		finish(apply);
		break;
	case UNDO:
		undo(apply, index);
		break;
	case END:
		break;
	}
}

enum eg_apply_state eg_apply_step(struct eg_apply *apply, uint64_t now_ns, struct eg_errs *errs)
{
	uint64_t end_ns = eg_mono_ns() + EG_APPLY_SLICE_NS;

	apply->now_ns = now_ns;
	apply->errs = errs;
	for (unsigned n = 1; n % BETWEEN_CLOCKS || eg_mono_ns() < end_ns; n++) {
		enum phase phase = apply->phase;

		if (apply->at < phase_size(apply)) {
			do_one(apply, apply->at++);
			if (apply->phase == UNDO && phase != UNDO)
				apply->at = 0;
			continue;
		}
		if (phase == UNDO)
			return EG_APPLY_REFUSED;
		apply->at = 0;
		apply->phase = phase + 1;
		if (phase == FINISH)
			return EG_APPLY_DONE;
	}
	return EG_APPLY_MORE;
}

int eg_apply_all(struct eg_installed *installed, struct eg_candidate *candidate, uint64_t now_ns,
		 struct eg_errs *errs)
{
	struct eg_apply *apply = eg_apply_new(installed, candidate);
	enum eg_apply_state state = EG_APPLY_MORE;

	if (!apply) {
		eg_error(errs, NULL, NULL, "out of memory");
		eg_candidate_free(candidate);
		return -1;
	}
	while (state == EG_APPLY_MORE)
		state = eg_apply_step(apply, now_ns, errs);
	eg_apply_free(apply);
	return state == EG_APPLY_DONE ? 0 : -1;
}
