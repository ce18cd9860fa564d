/* Tunnels that go down and come up, in the log and in the statistics. Workers probe and decide. */
#include "ctl/tunnel_events.h"

#include "base/clock.h"

static bool has_no_link(const struct eg_ctl *ctl, const struct eg_tunnel *tunnel)
{
	uint32_t down = atomic_load_explicit(&ctl->ports->links_down, memory_order_relaxed);

	return eg_hop_is_port(&tunnel->hop) && down >> tunnel->hop.port & 1;
}

static void log_change(struct eg_ctl *ctl, const struct eg_tunnel *tunnel, uint32_t changes)
{
	struct eg_liveness *liveness = tunnel->liveness;
	char target[EG_IP_TEXT];

	eg_ip_print(&tunnel->target, target);
	if (eg_liveness_is_up(liveness))
		eg_log(ctl->log, EG_LOG_ROUTE, EG_LOG_WARNING,
		       "peer %s is up: %s answers; its flows return to it", tunnel->name, target);
	else if (has_no_link(ctl, tunnel))
		eg_log(ctl->log, EG_LOG_ROUTE, EG_LOG_WARNING,
		       "peer %s is down: port %s has no link; its flows move to the peers that "
		       "share its subnets, if any",
		       tunnel->name, ctl->config->ports.v[tunnel->hop.port].name);
	else
		eg_log(ctl->log, EG_LOG_ROUTE, EG_LOG_WARNING,
		       "peer %s is down: %s did not answer for %.3g s; its flows move to the "
		       "peers that share its subnets, if any",
		       tunnel->name, target,
		       (double)(tunnel->plan.interval_ns * tunnel->plan.threshold) / EG_NS_PER_S);
	if (changes - liveness->logged > 1)
		eg_log(ctl->log, EG_LOG_ROUTE, EG_LOG_WARNING,
		       "peer %s changed %u times since the last poll", tunnel->name,
		       changes - liveness->logged);
	liveness->logged = changes;
}

void eg_ctl_examine_liveness(struct eg_ctl *ctl, const struct eg_tunnel *tunnel)
{
	uint32_t changes;

	if (!tunnel->liveness)
		return;
	/* Acquire: what it changed to is seen, too. */
	changes = atomic_load_explicit(&tunnel->liveness->changes, memory_order_acquire);
	if (changes != tunnel->liveness->logged)
		log_change(ctl, tunnel, changes);
}

void eg_ctl_collect_liveness(const struct eg_tunnels *tunnels, struct eg_report *report)
{
	uint64_t now_ns = eg_mono_ns();

	for (uint32_t i = 0; i < eg_id_list_n(&tunnels->probes); i++) {
		const struct eg_tunnel *tunnel =
			eg_tunnel_get(tunnels, eg_id_list_at(&tunnels->probes, i));
		const struct eg_liveness *liveness = tunnel->liveness;
		struct eg_report_liveness *row = eg_vec_add(&report->liveness);
		uint64_t since_ns;

		if (!row)
			return;
		*row = (struct eg_report_liveness){
			.peer = tunnel->name,
			.down = !eg_liveness_is_up(liveness),
			.changes = atomic_load_explicit(&liveness->changes, memory_order_acquire),
			.probes_sent =
				atomic_load_explicit(&liveness->requests, memory_order_relaxed),
			.probes_answered =
				atomic_load_explicit(&liveness->answers, memory_order_relaxed),
			.failed_over = eg_liveness_rerouted(liveness),
		};
		since_ns = atomic_load_explicit(&liveness->since_ns, memory_order_relaxed);
		if (row->changes && now_ns > since_ns)
			row->since_s = (double)(now_ns - since_ns) / EG_NS_PER_S;
	}
}
