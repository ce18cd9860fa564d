/* Endpoints that moved (udp_encap: {float: true}). Workers follow them; the log gets a line for
 * each, once per second. */
#include "ctl/ctl.h"

#include "base/clock.h"

#define PERIOD_NS EG_NS_PER_S
#define LINES_MAX 20 /* per period: if a big NAT restarts, all peers behind it move at once */

static uint64_t moves(const struct eg_ctl *ctl)
{
	uint64_t sum = 0;

	for (unsigned w = 0; w < ctl->n_workers; w++)
		sum += eg_counted(&ctl->stats[w]->endpoints);
	return sum;
}

static void log_moved(struct eg_ctl *ctl, uint64_t now_ns)
{
	uint64_t moved = moves(ctl);
	char text[EG_ENDPOINT_TEXT];
	unsigned lines = 0;

	if (moved == ctl->endpoints.moved || now_ns < ctl->endpoints.next_check_ns)
		return;
	ctl->endpoints.moved = moved;
	ctl->endpoints.next_check_ns = now_ns + PERIOD_NS;
	for (uint32_t id = eg_tunnels_next(ctl->tunnels, 0); id != EG_TUNNEL_NONE;
	     id = eg_tunnels_next(ctl->tunnels, id + 1)) {
		const struct eg_tunnel *tunnel = eg_tunnel_get(ctl->tunnels, id);
		struct eg_endpoint *endpoint = tunnel->endpoint;
		uint32_t version;

		if (!endpoint)
			continue;
		version = atomic_load_explicit(&endpoint->version, memory_order_acquire);
		if (version != endpoint->logged && lines++ < LINES_MAX)
			eg_log(ctl->log, EG_LOG_ROUTE, EG_LOG_WARNING, "peer %s: endpoint now %s",
			       tunnel->name, eg_endpoint_print(endpoint, text));
		endpoint->logged = version;
	}
	if (lines > LINES_MAX)
		eg_log(ctl->log, EG_LOG_ROUTE, EG_LOG_WARNING, "%u more peers have new endpoints",
		       lines - LINES_MAX);
}

void eg_ctl_log_endpoints(struct eg_ctl *ctl)
{
	log_moved(ctl, eg_mono_ns());
}

void eg_ctl_finish_endpoints(struct eg_ctl *ctl)
{
	log_moved(ctl, UINT64_MAX);
}
