/* Peers whose endpoint moved (udp_encap: {float: true}), as the log and the statistics tell it:
 * workers follow, this thread looks once per second while they do. */
#include "base/clock.h"
#include "gateway.h"

#define PERIOD_NS EG_NS_PER_S
#define LINES_MAX 20 /* per period: when a big NAT restarts, all its peers move at once */

static uint64_t moves(const struct eg_gateway *gateway)
{
	uint64_t sum = 0;

	for (unsigned w = 0; w < gateway->n_workers; w++)
		sum += eg_counted(&gateway->stats[w]->endpoints);
	return sum;
}

static void log_moved(struct eg_gateway *gateway, uint64_t now_ns)
{
	const struct eg_snap *snap = eg_publisher_read(&gateway->publisher);
	uint64_t moved = moves(gateway);
	char text[EG_ENDPOINT_TEXT];
	unsigned lines = 0;

	if (!snap || moved == gateway->endpoints.moved || now_ns < gateway->endpoints.next_ns)
		return;
	gateway->endpoints.moved = moved;
	gateway->endpoints.next_ns = now_ns + PERIOD_NS;
	for (uint32_t i = 0; i < snap->n_tunnels; i++) {
		struct eg_endpoint *endpoint = snap->tunnels[i].endpoint;
		uint32_t version;

		if (!endpoint)
			continue;
		version = atomic_load_explicit(&endpoint->version, memory_order_acquire);
		if (version != endpoint->logged && lines++ < LINES_MAX)
			eg_log(&gateway->log, EG_LOG_ROUTE, EG_LOG_WARNING,
			       "peer %s: endpoint now %s", snap->tunnels[i].name,
			       eg_endpoint_print(endpoint, text));
		endpoint->logged = version;
	}
	if (lines > LINES_MAX)
		eg_log(&gateway->log, EG_LOG_ROUTE, EG_LOG_WARNING,
		       "%u more peers have new endpoints", lines - LINES_MAX);
}

void eg_endpoints_step(struct eg_gateway *gateway)
{
	log_moved(gateway, eg_mono_ns());
}

void eg_endpoints_finish(struct eg_gateway *gateway)
{
	log_moved(gateway, UINT64_MAX);
}
