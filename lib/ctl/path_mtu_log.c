/* Learned path MTUs: they age (RFC 1191 s6.3), and each change is logged once. */
#include "ctl/tunnel_events.h"

#include <rte_cycles.h>

/* Tunnels per call. */
#define SLICE 1024

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

/* One that is learned goes on the list of those that age; it is taken off when nothing is known of
 * it any more. */
void eg_ctl_examine_path_mtu(struct eg_ctl *ctl, const struct eg_tunnel *tunnel)
{
	unsigned bytes = eg_pmtu_get(tunnel->pmtu);

	if (bytes == tunnel->pmtu->logged)
		return;
	if (tunnel->pmtu->logged == EG_PMTU_NONE) {
		uint32_t *slot = eg_vec_add(&ctl->path_mtu.learned);

		if (!slot) {
			ctl->path_mtu.incomplete = true; /* then nothing is logged yet */
			return;
		}
		*slot = tunnel->id;
	}
	log_change(ctl, tunnel, bytes);
}

/* Still known? */
static bool age(struct eg_ctl *ctl, uint32_t id, uint32_t now_s)
{
	const struct eg_tunnel *tunnel = eg_tunnel_get(ctl->tunnels, id);

	if (!tunnel)
		return false;
	if (eg_pmtu_age(tunnel->pmtu, now_s))
		eg_tunnel_touch(ctl->tunnels, id);
	if (tunnel->pmtu->logged != EG_PMTU_NONE)
		eg_ctl_examine_path_mtu(ctl, tunnel);
	return tunnel->pmtu->logged != EG_PMTU_NONE;
}

void eg_ctl_age_path_mtus(struct eg_ctl *ctl)
{
	uint32_t now_s = (uint32_t)(rte_get_tsc_cycles() / rte_get_tsc_hz()); /* the workers' */
	size_t *at = &ctl->path_mtu.next;

	if (ctl->path_mtu.incomplete) {
		ctl->path_mtu.incomplete = false;
		eg_ctl_examine_all(ctl);
	}
	for (unsigned n = 0; n < SLICE && ctl->path_mtu.learned.n; n++) {
		if (*at >= ctl->path_mtu.learned.n) {
			*at = 0;
			return;
		}
		/* The last one takes the place of one that is forgotten. */
		if (age(ctl, ctl->path_mtu.learned.v[*at], now_s))
			++*at;
		else
			ctl->path_mtu.learned.v[*at] =
				ctl->path_mtu.learned.v[--ctl->path_mtu.learned.n];
	}
}
