/* Endpoints that moved (udp_encap: {float: true}), in the log. Workers follow them. */
#include "ctl/tunnel_events.h"

void eg_ctl_examine_endpoint(struct eg_ctl *ctl, const struct eg_tunnel *tunnel)
{
	struct eg_endpoint *endpoint = tunnel->endpoint;
	char text[EG_ENDPOINT_TEXT];
	uint32_t version;

	if (!endpoint)
		return;
	/* Acquire: what it moved to is seen, too. */
	version = atomic_load_explicit(&endpoint->version, memory_order_acquire);
	if (version == endpoint->logged)
		return;
	endpoint->logged = version;
	if (ctl->endpoints.lines++ < EG_CTL_LINES_MAX)
		eg_log(ctl->log, EG_LOG_ROUTE, EG_LOG_WARNING, "peer %s: endpoint now %s",
		       tunnel->name, eg_endpoint_print(endpoint, text));
}
