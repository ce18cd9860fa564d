/* Peers that die and come back, as the log and the statistics tell it: workers judge, this thread
 * looks now and then. */
#include "base/clock.h"
#include "gateway.h"

static bool has_no_link(const struct eg_gateway *gateway, const struct eg_tunnel *peer)
{
	uint32_t down = atomic_load_explicit(&gateway->links_down, memory_order_relaxed);

	return eg_hop_leaves(&peer->hop) && down >> peer->hop.port & 1;
}

static void tell(struct eg_gateway *gateway, const struct eg_tunnel *peer, uint32_t changes)
{
	struct eg_alive *alive = peer->alive;
	char target[EG_IP_TEXT];

	eg_ip_print(&peer->target, target);
	if (eg_alive_is(alive))
		eg_log(&gateway->log, EG_LOG_ROUTE, EG_LOG_WARNING,
		       "peer %s lives again: %s answers; its flows return to it", peer->name,
		       target);
	else if (has_no_link(gateway, peer))
		eg_log(&gateway->log, EG_LOG_ROUTE, EG_LOG_WARNING,
		       "peer %s is dead: port %s has no link; its flows go by the peers that "
		       "share its subnets, if any",
		       peer->name, gateway->config->ports.v[peer->hop.port].name);
	else
		eg_log(&gateway->log, EG_LOG_ROUTE, EG_LOG_WARNING,
		       "peer %s is dead: %s did not answer for %.3g s; its flows go by the peers "
		       "that share its subnets, if any",
		       peer->name, target,
		       (double)(peer->plan.interval_ns * peer->plan.threshold) / EG_NS_PER_S);
	if (changes - alive->told > 1)
		eg_log(&gateway->log, EG_LOG_ROUTE, EG_LOG_WARNING,
		       "peer %s changed %u times since the last look", peer->name,
		       changes - alive->told);
	alive->told = changes;
}

void eg_alive_log(struct eg_gateway *gateway)
{
	const struct eg_snap *snap = eg_publisher_read(&gateway->publisher);

	for (uint32_t i = 0; snap && i < snap->n_probes; i++) {
		const struct eg_tunnel *peer = &snap->peers[snap->probes[i]];
		/* Acquire: what it changed to is seen, too. */
		uint32_t changes =
			atomic_load_explicit(&peer->alive->changes, memory_order_acquire);

		if (changes != peer->alive->told)
			tell(gateway, peer, changes);
	}
}

void eg_alive_report(const struct eg_snap *snap, struct eg_report *report)
{
	uint64_t now_ns = eg_mono_ns();

	for (uint32_t i = 0; i < snap->n_probes; i++) {
		const struct eg_tunnel *peer = &snap->peers[snap->probes[i]];
		const struct eg_alive *alive = peer->alive;
		struct eg_report_alive *row = eg_vec_add(&report->alive);
		uint64_t since_ns;

		if (!row)
			return;
		*row = (struct eg_report_alive){
			.peer = peer->name,
			.dead = !eg_alive_is(alive),
			.changes = atomic_load_explicit(&alive->changes, memory_order_acquire),
			.asked = atomic_load_explicit(&alive->asked, memory_order_relaxed),
			.answered = atomic_load_explicit(&alive->answers, memory_order_relaxed),
			.moved = eg_alive_moved(alive),
		};
		since_ns = atomic_load_explicit(&alive->since_ns, memory_order_relaxed);
		if (row->changes && now_ns > since_ns)
			row->for_s = (double)(now_ns - since_ns) / EG_NS_PER_S;
	}
}
