/* Of each configured peer: what makes its tunnel, and its SAs. */
#include <stdio.h>
#include <stdlib.h>

#include "base/secret.h"
#include "sa/keyfile.h"
#include "snap/build.h"

/* In transport mode fragments are not sealed (RFC 4303 s3.1.1), and IPv6 packets are fragmented by
 * their sender only (RFC 8200 s4.5). */
static void set_fragment(struct eg_tunnel_spec *spec, const struct eg_conf_peer *conf)
{
	bool transport = conf->mode == EG_MODE_TRANSPORT;

	spec->fragment_inner = conf->fragment == EG_FRAGMENT_BEFORE && !transport;
	spec->fragment_outer = conf->fragment != EG_FRAGMENT_DROP && conf->df != EG_DF_SET;
}

/* All but the hop to the remote end. */
static struct eg_tunnel_spec spec_of(const struct eg_conf_peer *conf)
{
	struct eg_tunnel_spec spec = {
		.name = conf->name,
		.local = conf->local,
		.remote = conf->remote,
		.protocol = EG_TUNNEL_ESP,
		.transport = conf->mode == EG_MODE_TRANSPORT,
		.encap = conf->udp_encap,
		.accept_plain = conf->accept_plain,
		.floats = conf->floats,
		.learns_mtu = conf->path_mtu == EG_PATH_MTU_LEARN,
		.mss_clamp = conf->mss_clamp,
		.n_sports = conf->source_ports,
		.peer_port = conf->peer_port,
		.df_copied = conf->df == EG_DF_COPY ? EG_IP4_DF : 0,
		.df_set = conf->df == EG_DF_SET ? EG_IP4_DF : 0,
	};

	set_fragment(&spec, conf);
	if (conf->liveness.target.family) {
		spec.target = conf->liveness.target;
		spec.source = conf->liveness.source;
		spec.plan = (struct eg_liveness_plan){conf->liveness.interval_ns,
						      conf->liveness.threshold};
	}
	return spec;
}

int eg_build_tunnels(struct eg_candidate *candidate, const struct eg_config *config,
		     struct eg_errs *errs)
{
	candidate->tunnels = calloc(config->peers.n + 1, sizeof(*candidate->tunnels));
	if (!candidate->tunnels) {
		eg_error(errs, NULL, "peers", "out of memory");
		return -1;
	}
	candidate->n_tunnels = (uint32_t)config->peers.n;
	for (uint32_t i = 0; i < candidate->n_tunnels; i++) {
		const struct eg_conf_peer *conf = &config->peers.v[i];

		candidate->tunnels[i] = (struct eg_candidate_tunnel){
			.spec = spec_of(conf),
			.conf = conf,
			.id = EG_TUNNEL_NONE,
		};
	}
	return 0;
}

/* Read one SA's key and take its runtime from the store. */
static struct eg_sa *acquire(struct eg_sa_store *store, const struct eg_conf_peer *peer,
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
		.lifetime = peer->lifetime,
	};
	char path[EG_CONF_NAME_MAX + 64];
	struct eg_err_place place = {conf->pos, path};
	uint8_t material[EG_SUITE_KEY_MAX];
	struct eg_sa *sa = NULL;

	snprintf(path, sizeof(path), "peers.%s.sas[%zu].key_file", peer->name,
		 (size_t)(conf - peer->sas.v));
	if (!eg_keyfile_read(conf->key_file, conf->suite, &place, material, errs))
		sa = eg_sa_acquire(store, &spec, material, &place, errs);
	eg_secret_wipe(material, sizeof(material));
	return sa;
}

/* 0 or -1; a failure is in errs. */
static int add_sa(struct eg_candidate *candidate, struct eg_candidate_tunnel *tunnel,
		  const struct eg_conf_sa *conf, struct eg_errs *errs)
{
	struct eg_sa *sa = acquire(candidate->store, tunnel->conf, conf, errs);
	struct eg_sa **slot = sa ? eg_vec_add(&candidate->sas) : NULL;

	if (slot) {
		*slot = sa;
		tunnel->n_sas++;
		return 0;
	}
	if (sa) {
		eg_error(errs, &conf->pos, "peers", "out of memory");
		eg_sa_release(candidate->store, sa);
	}
	return -1;
}

/* Every key here is static: it outlives the daemon, and so must the record of its use. lib/conf has
 * made sure that no nonce repeats; what remains costs packets, or accepts recorded ones again. */
static void check_state(const struct eg_config *config, struct eg_errs *errs)
{
	bool any = false;

	if (config->state_dir)
		return;
	for (size_t i = 0; !any && i < config->peers.n; i++)
		any = config->peers.v[i].sas.n > 0;
	if (any)
		eg_warning(errs, &(struct eg_pos){.file = config->file}, NULL,
			   "state_dir is missing: after a restart receivers drop what this gateway "
			   "sends as seen, because its sequence numbers begin at 1 again (RFC 4303 "
			   "s3.3.3), and it accepts recordings of what it received before");
}

int eg_build_sas(struct eg_candidate *candidate, const struct eg_config *config,
		 struct eg_errs *errs)
{
	int failed = 0;

	check_state(config, errs);
	for (uint32_t i = 0; i < candidate->n_tunnels; i++) {
		struct eg_candidate_tunnel *tunnel = &candidate->tunnels[i];

		tunnel->first_sa = (uint32_t)candidate->sas.n;
		eg_vec_foreach (conf, &tunnel->conf->sas)
			failed |= add_sa(candidate, tunnel, conf, errs);
	}
	return failed;
}
