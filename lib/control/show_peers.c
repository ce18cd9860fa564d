/* show peers, sas. */
#include <endian.h>

#include "control/show.h"
#include "path/overhead.h"

/* A cursor: the tunnel's index in the configuration, and the SA's in the tunnel's list. */
#define SA_BITS 20

/* NULL: a reload that is being applied has removed it. */
static const struct eg_tunnel *tunnel_at(const struct eg_ctl *ctl, uint64_t index)
{
	return eg_tunnel_get(ctl->tunnels, ctl->reload.installed.ids[index]);
}

static double seconds_between(uint64_t from_ns, uint64_t to_ns)
{
	return to_ns > from_ns ? (double)(to_ns - from_ns) / EG_NS_PER_S : 0;
}

/* The longest packet that fits the tunnel now; 0: it cannot send. */
static unsigned effective_mtu(const struct eg_ctl *ctl, const struct eg_tunnel *tunnel)
{
	const struct eg_out_set *out = eg_tunnel_out(ctl->tunnels, tunnel->id);
	unsigned mtu, learned = eg_pmtu_get(tunnel->pmtu);
	struct eg_overhead overhead;

	if (!out || !eg_hop_is_port(&tunnel->hop))
		return 0;
	mtu = ctl->ports->port[tunnel->hop.port].mtu;
	overhead = eg_tunnel_overhead(tunnel, eg_suite_sizes(out->sa[0]->suite), tunnel->ip_len);
	return eg_effective_mtu(&overhead, learned < mtu ? learned : mtu);
}

static void add_addresses(struct json_object *row, const struct eg_ctl *ctl,
			  const struct eg_tunnel *tunnel)
{
	char text[EG_ENDPOINT_TEXT];

	eg_json_text(row, "local", eg_ip_print(&tunnel->local, text));
	eg_json_text(row, "remote", eg_ip_print(&tunnel->remote, text));
	eg_json_text(row, "endpoint",
		     tunnel->endpoint ? eg_endpoint_print(tunnel->endpoint, text) : NULL);
	eg_json_text(row, "port",
		     eg_hop_is_port(&tunnel->hop) ? ctl->config->ports.v[tunnel->hop.port].name
						  : NULL);
}

static void add_liveness(struct json_object *row, const struct eg_liveness *liveness)
{
	struct json_object *to = liveness ? eg_json_object(row, "liveness") : NULL;
	uint32_t changes;

	if (!to)
		return;
	/* Acquire: what it changed to is seen, too. */
	changes = atomic_load_explicit(&liveness->changes, memory_order_acquire);
	eg_json_bool(to, "up", eg_liveness_is_up(liveness));
	eg_json_u64(to, "changes", changes);
	if (changes)
		eg_json_real(to, "since_s",
			     seconds_between(atomic_load_explicit(&liveness->since_ns,
								  memory_order_relaxed),
					     eg_mono_ns()));
	eg_json_u64(to, "probes_sent",
		    atomic_load_explicit(&liveness->requests, memory_order_relaxed));
	eg_json_u64(to, "probes_answered",
		    atomic_load_explicit(&liveness->answers, memory_order_relaxed));
	eg_json_u64(to, "packets_failed_over", eg_liveness_rerouted(liveness));
}

/* Sums over the SAs that it has now. */
static void add_traffic(struct json_object *row, const struct eg_ctl *ctl,
			const struct eg_tunnel *tunnel)
{
	static const char *const keys[] = {[EG_SA_KIND_OUT] = "out", [EG_SA_KIND_IN] = "in"};
	uint64_t packets[2] = {0, 0}, bytes[2] = {0, 0}, n = 0;
	const struct eg_tunnel_sa *held = eg_tunnel_first_sa(ctl->tunnels, tunnel->id);

	for (; held; held = held->next, n++) {
		packets[held->sa->kind] += eg_counted(&held->sa->packets);
		bytes[held->sa->kind] += eg_counted(&held->sa->bytes);
	}
	eg_json_u64(row, "sas", n);
	for (int kind = 0; kind < 2; kind++) {
		struct json_object *direction = eg_json_object(row, keys[kind]);

		eg_json_u64(direction, "packets", packets[kind]);
		eg_json_u64(direction, "bytes", bytes[kind]);
	}
}

void eg_view_peers(struct eg_page *page)
{
	const struct eg_ctl *ctl = page->source->ctl;

	for (uint64_t i = page->from; i < ctl->reload.installed.n_ids; i++) {
		const struct eg_tunnel *tunnel = tunnel_at(ctl, i);
		struct json_object *row = tunnel ? eg_page_row_at(page, i) : NULL;

		if (!tunnel)
			continue;
		if (!row)
			return;
		eg_json_text(row, "name", tunnel->name);
		eg_json_text(row, "protocol", "esp");
		eg_json_text(row, "mode", tunnel->transport ? "transport" : "tunnel");
		eg_json_bool(row, "udp_encap", tunnel->encap);
		add_addresses(row, ctl, tunnel);
		eg_json_u64(row, "effective_mtu_bytes", effective_mtu(ctl, tunnel));
		if (eg_pmtu_get(tunnel->pmtu) != EG_PMTU_NONE)
			eg_json_u64(row, "path_mtu_bytes", eg_pmtu_get(tunnel->pmtu));
		add_liveness(row, tunnel->liveness);
		add_traffic(row, ctl, tunnel);
	}
}

static const char *use_of(const struct eg_tunnel_sa *held)
{
	switch (held->use) {
	case EG_TUNNEL_SA_IN_USE:
		break;
	case EG_TUNNEL_SA_PENDING:
		return "pending";
	case EG_TUNNEL_SA_RETIRING:
		return "retiring";
	}
	return "in_use";
}

static void add_lifetime(struct json_object *row, const struct eg_sa *sa, const struct eg_now *now)
{
	struct eg_sa_status status = eg_sa_status(sa, now);

	if (status.idle_s >= 0)
		eg_json_real(row, "idle_s", status.idle_s);
	eg_json_text(row, "lifetime_reached", status.hard ? "hard" : status.soft ? "soft" : NULL);
	if (status.hard || !status.forecast.limit)
		return;
	eg_json_real(row, "lifetime_left_s", status.forecast.seconds);
	eg_json_text(row, "lifetime_limit", eg_lifetime_name(status.forecast.limit));
}

static void fill_sa(struct json_object *row, const struct eg_tunnel *tunnel,
		    const struct eg_tunnel_sa *held, const struct eg_now *now)
{
	const struct eg_sa *sa = held->sa;

	eg_json_text(row, "peer", tunnel->name);
	eg_json_text(row, "direction", sa->kind == EG_SA_KIND_OUT ? "out" : "in");
	eg_json_u64(row, "spi", be32toh(sa->spi_be));
	eg_json_text(row, "suite", sa->suite->name);
	eg_json_bool(row, "esn", sa->esn);
	eg_json_text(row, "use", use_of(held));
	if (held->use != EG_TUNNEL_SA_IN_USE)
		eg_json_real(row, "use_changes_in_s", seconds_between(now->mono_ns, held->at_ns));
	eg_json_u64(row, "packets", eg_counted(&sa->packets));
	eg_json_u64(row, "bytes", eg_counted(&sa->bytes));
	eg_json_u64(row, "sequence", atomic_load_explicit(&sa->seq, memory_order_relaxed));
	add_lifetime(row, sa, now);
}

void eg_view_sas(struct eg_page *page)
{
	const struct eg_ctl *ctl = page->source->ctl;
	const struct eg_now now = {eg_wall_ns(), eg_mono_ns()};
	uint64_t skip = page->from & ((1u << SA_BITS) - 1);

	for (uint64_t i = page->from >> SA_BITS; i < ctl->reload.installed.n_ids; i++) {
		const struct eg_tunnel *tunnel = tunnel_at(ctl, i);
		const struct eg_tunnel_sa *held =
			tunnel ? eg_tunnel_first_sa(ctl->tunnels, tunnel->id) : NULL;
		uint64_t k = 0;

		for (; held; held = held->next, k++) {
			struct json_object *row;

			if (k < skip)
				continue;
			row = eg_page_row_at(page, i << SA_BITS | k);
			if (!row)
				return;
			fill_sa(row, tunnel, held, &now);
		}
		skip = 0;
	}
}
