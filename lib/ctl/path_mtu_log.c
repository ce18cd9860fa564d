/* Learned path MTUs: they age (RFC 1191 s6.3), and each change is logged once. Workers learn them;
 * they are checked when a worker did, and once per second from then on. */
#include "ctl/ctl.h"

#include <rte_cycles.h>

#include "base/clock.h"

#define CHECK_NS EG_NS_PER_S

static void log_change(struct eg_ctl *ctl, const struct eg_tunnel *tunnel, unsigned bytes)
{
	char remote[EG_IP_TEXT];

	eg_ip_print(&tunnel->remote, remote);
	if (bytes != EG_PMTU_NONE)
		eg_log(ctl->log, EG_LOG_ROUTE, EG_LOG_WARNING,
		       "peer %s: the path to %s carries %u bytes (ICMP too big)", tunnel->name,
		       remote, bytes);
	else
		eg_log(ctl->log, EG_LOG_ROUTE, EG_LOG_INFO,
		       "peer %s: %u bytes to %s were %d s ago: trying what the port carries",
		       tunnel->name, tunnel->pmtu->logged, remote, EG_PMTU_AGE_S);
	tunnel->pmtu->logged = (uint16_t)bytes;
}

static uint64_t messages(const struct eg_ctl *ctl)
{
	uint64_t sum = 0;

	for (unsigned w = 0; w < ctl->n_workers; w++)
		sum += eg_counted(&ctl->stats[w]->path_mtus);
	return sum;
}

void eg_ctl_log_path_mtus(struct eg_ctl *ctl)
{
	uint32_t now_s = (uint32_t)(rte_get_tsc_cycles() / rte_get_tsc_hz()); /* the workers' */
	uint64_t learned = messages(ctl), now_ns = eg_mono_ns();

	if (learned == ctl->path_mtu.learned && (!learned || now_ns < ctl->path_mtu.next_check_ns))
		return;
	ctl->path_mtu.learned = learned;
	ctl->path_mtu.next_check_ns = now_ns + CHECK_NS;
	for (uint32_t id = eg_tunnels_next(ctl->tunnels, 0); id != EG_TUNNEL_NONE;
	     id = eg_tunnels_next(ctl->tunnels, id + 1)) {
		const struct eg_tunnel *tunnel = eg_tunnel_get(ctl->tunnels, id);
		unsigned bytes;

		eg_pmtu_age(tunnel->pmtu, now_s);
		bytes = eg_pmtu_get(tunnel->pmtu);
		if (bytes != tunnel->pmtu->logged)
			log_change(ctl, tunnel, bytes);
	}
}
