#include "snap/build.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/secret.h"
#include "sa/keyfile.h"
#include "snap/rekey.h"

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
		.lifetime = peer->lifetime,
	};
	char path[EG_CONF_NAME_MAX + 64];
	struct eg_keyfile_ref ref = {conf->pos, path};
	uint8_t material[EG_SUITE_KEY_MAX];
	struct eg_sa *sa = NULL;

	snprintf(path, sizeof(path), "peers.%s.sas[%zu].key_file", peer->name,
		 (size_t)(conf - peer->sas.v));
	if (!eg_keyfile_read(conf->key_file, conf->suite, &ref, material, errs))
		sa = eg_sa_acquire(snap->store, &spec, material, &ref, errs);
	eg_secret_wipe(material, sizeof(material));
	return sa;
}

static int keep(struct eg_snap *snap, struct eg_sa *sa, uint32_t peer,
		const struct eg_lifetime *lifetime)
{
	struct eg_snap_sa *slot = eg_vec_add(&snap->sas);

	if (!slot) {
		eg_sa_release(snap->store, sa);
		return -1;
	}
	*slot = (struct eg_snap_sa){.sa = sa, .peer = peer, .lifetime = *lifetime};
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
	snap->idles = calloc(snap->n_peers + 1, sizeof(*snap->idles));
	for (uint32_t i = 0; snap->idles && i < snap->n_peers; i++) {
		if (snap->peers[i].encap)
			snap->idles[snap->n_idles++].peer = i;
	}
	return snap->idles ? 0 : -1;
}

int eg_build_ends(struct eg_snap *snap)
{
	return eg_ends_build(&snap->ends, snap->peers, snap->n_peers) ? -1 : 0;
}

/* In transport mode fragments are not sealed (RFC 4303 s3.1.1), and of IPv6 only the sender makes
 * any (RFC 8200 s4.5). */
static void set_fragment(struct eg_tunnel *peer, const struct eg_conf_peer *conf)
{
	bool transport = conf->mode == EG_MODE_TRANSPORT;

	peer->fragment_inner = conf->fragment == EG_FRAGMENT_BEFORE && !transport;
	peer->fragment_outer = conf->fragment != EG_FRAGMENT_DROP && conf->df != EG_DF_SET;
}

int eg_build_probes(struct eg_snap *snap)
{
	snap->probes = calloc(snap->n_peers + 1, sizeof(*snap->probes));
	for (uint32_t i = 0; snap->probes && i < snap->n_peers; i++) {
		if (snap->peers[i].alive)
			snap->probes[snap->n_probes++] = i;
	}
	return snap->probes ? 0 : -1;
}

/* Who asks is settled here, for the daemon's life. */
static int add_alive(const struct eg_snap *snap, uint32_t index, const struct eg_conf_alive *conf)
{
	unsigned n_workers = snap->store ? eg_sa_store_workers(snap->store) : 1;
	struct eg_tunnel *peer = &snap->peers[index];

	if (!conf->target.family)
		return 0;
	peer->target = conf->target;
	peer->source = conf->source;
	peer->plan = (struct eg_alive_plan){conf->interval_ns, conf->threshold};
	peer->alive = eg_alive_new(index % n_workers, n_workers);
	return peer->alive ? 0 : -1;
}

int eg_build_peers(struct eg_snap *snap, const struct eg_config *config, struct eg_errs *errs)
{
	int failed = 0;

	snap->n_peers = (uint32_t)config->peers.n;
	snap->peers = eg_tunnels_new(snap->n_peers);
	for (uint32_t i = 0; snap->peers && i < snap->n_peers; i++) {
		const struct eg_conf_peer *conf = &config->peers.v[i];
		struct eg_tunnel *peer = &snap->peers[i];

		peer->name = strdup(conf->name);
		failed |= !peer->name;
		peer->local = conf->local;
		peer->remote = conf->remote;
		peer->transport = conf->mode == EG_MODE_TRANSPORT;
		peer->df_copied = conf->df == EG_DF_COPY ? EG_IP4_DF : 0;
		peer->df_set = conf->df == EG_DF_SET ? EG_IP4_DF : 0;
		peer->encap = conf->udp_encap;
		peer->accept_plain = conf->accept_plain;
		peer->peer_port = conf->peer_port;
		peer->n_sports = conf->source_ports;
		peer->floats = conf->floats;
		if (conf->floats) {
			peer->endpoint = eg_endpoint_new(&conf->remote, conf->peer_port);
			failed |= !peer->endpoint;
		}
		peer->mss_clamp = conf->mss_clamp;
		set_fragment(peer, conf);
		peer->learns_mtu = conf->path_mtu == EG_PATH_MTU_LEARN;
		peer->pmtu = eg_pmtu_new();
		failed |= !peer->pmtu;
		peer->into = (struct eg_hop){.kind = EG_HOP_PEER, .peer = i};
		failed |= add_alive(snap, i, &conf->alive);
		eg_tunnel_make_outer(peer);
	}
	if (snap->peers && !failed && !eg_build_idles(snap) && !eg_build_probes(snap) &&
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

	for (uint32_t i = 0; snap->peers && i < snap->n_peers; i++)
		failed |= add_sas(snap, i, &config->peers.v[i], errs);
	if (!failed && !eg_rekey_carry(snap, config, options, errs) && !eg_rekey_derive(snap))
		return 0;
	if (errs->n_errors == before)
		eg_error(errs, NULL, "peers", "out of memory");
	return -1;
}
