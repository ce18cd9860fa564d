#include "snap/build.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/secret.h"
#include "sa/keyfile.h"

/* Read one SA's key and take its runtime from the store. */
static struct eg_sa *acquire(struct eg_snap *snap, const struct eg_conf_peer *peer,
			     const struct eg_conf_sa *conf, struct eg_errs *errs)
{
	const struct eg_sa_spec spec = {
		.kind = conf->dir == EG_SA_OUT ? EG_SA_KIND_OUT : EG_SA_KIND_IN,
		.spi = conf->spi,
		.suite = conf->suite,
		.replay_window = conf->replay_window,
		.esn = conf->esn,
		.local = peer->local,
		.remote = peer->remote,
	};
	char path[EG_CONF_NAME_MAX + 64];
	struct eg_keyfile_ref ref = {conf->pos, path};
	uint8_t material[EG_SUITE_KEY_MAX];
	struct eg_sa *sa = NULL;

	snprintf(path, sizeof(path), "peers.%s.sas[%zu].key_file", peer->name,
		 (size_t)(conf - peer->sas.v));
	if (!eg_keyfile_read(conf->key_file, conf->suite, &ref, material, errs)) {
		sa = eg_sa_acquire(snap->store, &spec, material);
		if (!sa)
			eg_error(errs, &conf->pos, path, "out of memory");
	}
	eg_secret_wipe(material, sizeof(material));
	return sa;
}

static int keep(struct eg_snap *snap, struct eg_sa *sa, uint32_t peer)
{
	struct eg_snap_sa *slot = eg_vec_add(&snap->sas);

	if (!slot) {
		eg_sa_release(snap->store, sa);
		return -1;
	}
	*slot = (struct eg_snap_sa){sa, peer};
	return 0;
}

static int add_sas(struct eg_snap *snap, uint32_t index, const struct eg_conf_peer *conf,
		   struct eg_errs *errs)
{
	struct eg_tunnel *peer = &snap->peers[index];
	int failed = 0;

	peer->out = calloc(conf->sas.n + 1, sizeof(struct eg_sa *));
	if (!peer->out)
		return -1;
	eg_vec_foreach (sa_conf, &conf->sas) {
		struct eg_sa *sa = acquire(snap, conf, sa_conf, errs);

		if (!sa || keep(snap, sa, index))
			failed = -1;
		else if (sa->kind == EG_SA_KIND_OUT)
			peer->out[peer->n_out++] = sa;
	}
	return failed;
}

/* One key and salt under two SAs would repeat nonces (RFC 4106 s10). */
static int check_keys(const struct eg_snap *snap, const struct eg_config *config,
		      struct eg_errs *errs)
{
	struct eg_sa **sas = malloc((snap->sas.n + 1) * sizeof(struct eg_sa *));
	const struct eg_sa *twice;

	if (!sas)
		return -1;
	for (size_t i = 0; i < snap->sas.n; i++)
		sas[i] = snap->sas.v[i].sa;
	twice = eg_sa_find_shared_key(sas, snap->sas.n);
	if (twice)
		eg_error(errs, &(struct eg_pos){.file = config->file}, "peers",
			 "SA 0x%x and another use the same key and salt (RFC 4106 s10: make one "
			 "key each with espgate keygen)",
			 be32toh(twice->spi_be));
	free(sas);
	return twice ? -1 : 0;
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
				(struct eg_sad_entry){held->sa, held->sa->spi_be, held->peer};
	}
	err = eg_sad_build(&snap->sad, entries, n);
	free(entries);
	return err;
}

int eg_build_peers(struct eg_snap *snap, const struct eg_config *config, struct eg_errs *errs)
{
	int failed = 0;

	snap->n_peers = (uint32_t)config->peers.n;
	snap->peers = calloc(snap->n_peers + 1, sizeof(*snap->peers));
	for (uint32_t i = 0; snap->peers && i < snap->n_peers; i++) {
		const struct eg_conf_peer *conf = &config->peers.v[i];
		struct eg_tunnel *peer = &snap->peers[i];

		peer->name = strdup(conf->name);
		failed |= !peer->name;
		peer->local = conf->local;
		peer->remote = conf->remote;
		peer->mss_clamp = conf->mss_clamp;
		eg_tunnel_make_outer(peer);
	}
	if (snap->peers && !failed)
		return 0;
	eg_error(errs, NULL, "peers", "out of memory");
	return -1;
}

int eg_build_sas(struct eg_snap *snap, const struct eg_config *config, struct eg_errs *errs)
{
	size_t before = errs->n_errors;
	int failed = eg_build_peers(snap, config, errs);

	for (uint32_t i = 0; snap->peers && i < snap->n_peers; i++)
		failed |= add_sas(snap, i, &config->peers.v[i], errs);
	if (!failed && !check_keys(snap, config, errs) && !build_sad(snap))
		return 0;
	if (errs->n_errors == before)
		eg_error(errs, NULL, "peers", "out of memory");
	return -1;
}
