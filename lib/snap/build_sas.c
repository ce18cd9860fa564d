#include "snap/build.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/secret.h"
#include "sa/keyfile.h"
#include "snap/rekey.h"

/* Read one SA's key and take its runtime from the store. */
static struct eg_sa *acquire(struct eg_snap *snap, const struct eg_conf_peer *tunnel,
			     const struct eg_conf_sa *conf, struct eg_errs *errs)
{
	const struct eg_sa_spec spec = {
		.kind = conf->dir == EG_SA_OUT ? EG_SA_KIND_OUT : EG_SA_KIND_IN,
		.spi = conf->spi,
		.suite = conf->suite,
		.replay_window = conf->replay_window,
		.esn = conf->esn,
		.local = tunnel->local,
		.remote = tunnel->remote,
		.lifetime = tunnel->lifetime,
	};
	char path[EG_CONF_NAME_MAX + 64];
	struct eg_err_place place = {conf->pos, path};
	uint8_t material[EG_SUITE_KEY_MAX];
	struct eg_sa *sa = NULL;

	snprintf(path, sizeof(path), "peers.%s.sas[%zu].key_file", tunnel->name,
		 (size_t)(conf - tunnel->sas.v));
	if (!eg_keyfile_read(conf->key_file, conf->suite, &place, material, errs))
		sa = eg_sa_acquire(snap->store, &spec, material, &place, errs);
	eg_secret_wipe(material, sizeof(material));
	return sa;
}

static int keep(struct eg_snap *snap, struct eg_sa *sa, uint32_t tunnel,
		const struct eg_lifetime *lifetime)
{
	struct eg_snap_sa *slot = eg_vec_add(&snap->sas);

	if (!slot) {
		eg_sa_release(snap->store, sa);
		return -1;
	}
	*slot = (struct eg_snap_sa){.sa = sa, .tunnel = tunnel, .lifetime = *lifetime};
	return 0;
}

static int add_sas(struct eg_snap *snap, uint32_t index, const struct eg_conf_peer *conf,
		   struct eg_errs *errs)
{
	int failed = 0;

	eg_vec_foreach (sa_conf, &conf->sas) {
		struct eg_sa *sa = acquire(snap, conf, sa_conf, errs);

		if (!sa || keep(snap, sa, index, &conf->lifetime))
			failed = -1;
	}
	return failed;
}

/* Every key here is static: it outlives the daemon, and so must what it was used for. That no nonce
 * repeats lib/conf has seen to; what is left costs packets, or takes recorded ones again. */
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
			   "sends as seen, for its sequence numbers begin at 1 again (RFC 4303 "
			   "s3.3.3), and it accepts recordings of what it received before");
}

int eg_build_idles(struct eg_snap *snap)
{
	snap->idles = calloc(snap->n_tunnels + 1, sizeof(*snap->idles));
	for (uint32_t i = 0; snap->idles && i < snap->n_tunnels; i++) {
		if (snap->tunnels[i].encap)
			snap->idles[snap->n_idles++].tunnel = i;
	}
	return snap->idles ? 0 : -1;
}

int eg_build_ends(struct eg_snap *snap)
{
	return eg_ends_build(&snap->ends, snap->tunnels, snap->n_tunnels) ? -1 : 0;
}

/* In transport mode fragments are not sealed (RFC 4303 s3.1.1), and of IPv6 only the sender makes
 * any (RFC 8200 s4.5). */
static void set_fragment(struct eg_tunnel *tunnel, const struct eg_conf_peer *conf)
{
	bool transport = conf->mode == EG_MODE_TRANSPORT;

	tunnel->fragment_inner = conf->fragment == EG_FRAGMENT_BEFORE && !transport;
	tunnel->fragment_outer = conf->fragment != EG_FRAGMENT_DROP && conf->df != EG_DF_SET;
}

int eg_build_probes(struct eg_snap *snap)
{
	snap->probes = calloc(snap->n_tunnels + 1, sizeof(*snap->probes));
	for (uint32_t i = 0; snap->probes && i < snap->n_tunnels; i++) {
		if (snap->tunnels[i].liveness)
			snap->probes[snap->n_probes++] = i;
	}
	return snap->probes ? 0 : -1;
}

/* Who asks is settled here, for the daemon's life. */
static int add_alive(const struct eg_snap *snap, uint32_t index,
		     const struct eg_conf_liveness *conf)
{
	unsigned n_workers = snap->store ? eg_sa_store_workers(snap->store) : 1;
	struct eg_tunnel *tunnel = &snap->tunnels[index];

	if (!conf->target.family)
		return 0;
	tunnel->target = conf->target;
	tunnel->source = conf->source;
	tunnel->plan = (struct eg_liveness_plan){conf->interval_ns, conf->threshold};
	tunnel->liveness = eg_liveness_new(index % n_workers, n_workers);
	return tunnel->liveness ? 0 : -1;
}

int eg_build_peers(struct eg_snap *snap, const struct eg_config *config, struct eg_errs *errs)
{
	int failed = 0;

	snap->n_tunnels = (uint32_t)config->peers.n;
	snap->tunnels = eg_tunnels_new(snap->n_tunnels);
	for (uint32_t i = 0; snap->tunnels && i < snap->n_tunnels; i++) {
		const struct eg_conf_peer *conf = &config->peers.v[i];
		struct eg_tunnel *tunnel = &snap->tunnels[i];

		tunnel->name = strdup(conf->name);
		failed |= !tunnel->name;
		tunnel->local = conf->local;
		tunnel->remote = conf->remote;
		tunnel->transport = conf->mode == EG_MODE_TRANSPORT;
		tunnel->df_copied = conf->df == EG_DF_COPY ? EG_IP4_DF : 0;
		tunnel->df_set = conf->df == EG_DF_SET ? EG_IP4_DF : 0;
		tunnel->encap = conf->udp_encap;
		tunnel->accept_plain = conf->accept_plain;
		tunnel->peer_port = conf->peer_port;
		tunnel->n_sports = conf->source_ports;
		tunnel->floats = conf->floats;
		if (conf->floats) {
			tunnel->endpoint = eg_endpoint_new(&conf->remote, conf->peer_port);
			failed |= !tunnel->endpoint;
		}
		tunnel->mss_clamp = conf->mss_clamp;
		set_fragment(tunnel, conf);
		tunnel->learns_mtu = conf->path_mtu == EG_PATH_MTU_LEARN;
		tunnel->pmtu = eg_pmtu_new();
		failed |= !tunnel->pmtu;
		tunnel->into = (struct eg_hop){.kind = EG_HOP_TUNNEL, .tunnel = i};
		failed |= add_alive(snap, i, &conf->liveness);
		eg_tunnel_make_outer(tunnel);
	}
	if (snap->tunnels && !failed && !eg_build_idles(snap) && !eg_build_probes(snap) &&
	    !eg_build_ends(snap))
		return 0;
	eg_error(errs, NULL, "peers", "out of memory");
	return -1;
}

int eg_build_sas(struct eg_snap *snap, const struct eg_config *config,
		 const struct eg_snap_options *options, struct eg_errs *errs)
{
	size_t before = errs->n_errors;
	int failed = eg_build_peers(snap, config, errs);

	check_state(config, errs);

	for (uint32_t i = 0; snap->tunnels && i < snap->n_tunnels; i++)
		failed |= add_sas(snap, i, &config->peers.v[i], errs);
	if (!failed && !eg_rekey_inherit(snap, config, options, errs) && !eg_rekey_derive(snap))
		return 0;
	if (errs->n_errors == before)
		eg_error(errs, NULL, "peers", "out of memory");
	return -1;
}
