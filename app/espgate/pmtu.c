/* Path MTUs age (RFC 1191 s6.3), and the log tells once of each change: workers learn, this thread
 * looks when they did, and once a second from then on. It also notes what SAs send, for workers to
 * know what was sent lately. */
#include <rte_cycles.h>

#include "base/clock.h"
#include "gateway.h"

#define LOOK_NS EG_NS_PER_S

static void tell(struct eg_gateway *gateway, const struct eg_tunnel *tunnel, unsigned bytes)
{
	char remote[EG_IP_TEXT];

	eg_ip_print(&tunnel->remote, remote);
	if (bytes != EG_PMTU_NONE)
		eg_log(&gateway->log, EG_LOG_ROUTE, EG_LOG_WARNING,
		       "peer %s: the path to %s carries %u bytes (ICMP too big)", tunnel->name,
		       remote, bytes);
	else
		eg_log(&gateway->log, EG_LOG_ROUTE, EG_LOG_INFO,
		       "peer %s: %u bytes to %s were %d s ago: trying what the port carries",
		       tunnel->name, tunnel->pmtu->told, remote, EG_PMTU_AGE_S);
	tunnel->pmtu->told = (uint16_t)bytes;
}

static uint64_t messages(const struct eg_gateway *gateway)
{
	uint64_t sum = 0;

	for (unsigned w = 0; w < gateway->n_workers; w++)
		sum += eg_counted(&gateway->stats[w]->path_mtus);
	return sum;
}

/* What each outbound SA has sent so far, so that workers know what was sent lately. */
static void note_sent(struct eg_gateway *gateway, const struct eg_snap *snap, uint64_t now_ns)
{
	if (now_ns < gateway->pmtu.next_note_ns)
		return;
	gateway->pmtu.next_note_ns = now_ns + EG_SA_NOTE_NS;
	for (uint32_t i = 0; snap && i < snap->n_tunnels; i++) {
		for (uint32_t k = 0; k < snap->tunnels[i].n_out; k++)
			eg_sa_note_sent(snap->tunnels[i].out[k]);
	}
}

void eg_pmtu_step(struct eg_gateway *gateway)
{
	const struct eg_snap *snap = eg_publisher_read(&gateway->publisher);
	uint32_t now_s = (uint32_t)(rte_get_tsc_cycles() / rte_get_tsc_hz()); /* the workers' */
	uint64_t heard = messages(gateway), now_ns = eg_mono_ns();

	note_sent(gateway, snap, now_ns);
	if (heard == gateway->pmtu.heard && (!heard || now_ns < gateway->pmtu.next_ns))
		return;
	gateway->pmtu.heard = heard;
	gateway->pmtu.next_ns = now_ns + LOOK_NS;
	for (uint32_t i = 0; snap && i < snap->n_tunnels; i++) {
		const struct eg_tunnel *tunnel = &snap->tunnels[i];
		unsigned bytes;

		eg_pmtu_age(tunnel->pmtu, now_s);
		bytes = eg_pmtu_get(tunnel->pmtu);
		if (bytes != tunnel->pmtu->told)
			tell(gateway, tunnel, bytes);
	}
}
