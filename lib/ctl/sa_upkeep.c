/* Upkeep of SAs: lib/sa and lib/tunnel decide, this file logs. */
#include "ctl/ctl.h"

#include <string.h>

#include "base/clock.h"

/* How often a failure that lasts is logged. */
#define LOG_AGAIN_NS (10 * EG_NS_PER_S)

/* Tunnels per call: what is left is due at the next one. */
#define REKEY_MAX 500

static struct eg_now now(void)
{
	return (struct eg_now){eg_wall_ns(), eg_mono_ns()};
}

static void log_limit(void *arg, const struct eg_sa_event *event)
{
	struct eg_ctl *ctl = arg;
	bool out = event->spec->kind == EG_SA_KIND_OUT;
	char remote[EG_IP_TEXT];

	if (event->percent) {
		eg_log(ctl->log, EG_LOG_ESP, EG_LOG_WARNING,
		       "SA %s 0x%08x %s %s: %u %% of its 2^32 - 1 sequence numbers are used: "
		       "replace it soon, by one with esn: true if the peer can",
		       out ? "out" : "in", event->spec->spi, out ? "to" : "from",
		       eg_ip_print(&event->spec->remote, remote), event->percent);
		return;
	}
	eg_log(ctl->log, EG_LOG_ESP, event->hard ? EG_LOG_ERROR : EG_LOG_WARNING,
	       "SA %s 0x%08x %s %s: %s lifetime reached (%s): %s", out ? "out" : "in",
	       event->spec->spi, out ? "to" : "from", eg_ip_print(&event->spec->remote, remote),
	       event->hard ? "hard" : "soft", eg_lifetime_name(event->limit),
	       event->hard ? "it carries nothing more" : "replace it soon");
}

/* SAs continue with what is reserved, and stop where that ends (seq_reservation). */
static void log_failure(struct eg_ctl *ctl, int err)
{
	uint64_t mono_ns = eg_mono_ns();

	if (!err && ctl->sa_upkeep.failed_ns)
		eg_log(ctl->log, EG_LOG_ESP, EG_LOG_INFO, "state_dir: written again");
	if (!err)
		ctl->sa_upkeep.failed_ns = 0;
	if (!err || (ctl->sa_upkeep.failed_ns && mono_ns - ctl->sa_upkeep.failed_ns < LOG_AGAIN_NS))
		return;
	ctl->sa_upkeep.failed_ns = mono_ns;
	eg_log(ctl->log, EG_LOG_ESP, EG_LOG_ERROR,
	       "state_dir: %s: %s: outbound SAs stop where their reserved sequence numbers end",
	       ctl->config->state_dir, strerror(-err));
}

static void log_rekey(void *arg, const struct eg_rekey_event *event)
{
	struct eg_ctl *ctl = arg;
	const char *name = eg_tunnel_get(ctl->tunnels, event->tunnel)->name;

	if (ctl->sa_upkeep.lines++ >= EG_CTL_LINES_MAX)
		return;
	if (event->sending_spi)
		eg_log(ctl->log, EG_LOG_ESP, EG_LOG_INFO,
		       "rekey %s: now sending on 0x%x; %u SAs held", name, event->sending_spi,
		       event->n_sas);
	else
		eg_log(ctl->log, EG_LOG_ESP, EG_LOG_INFO, "rekey %s: %u SAs held", name,
		       event->n_sas);
}

/* Pending SAs begin to send, and retiring ones are removed, when their times have come. */
static void step_rekey(struct eg_ctl *ctl, uint64_t mono_ns)
{
	eg_tunnels_rekey(ctl->tunnels, mono_ns, REKEY_MAX, log_rekey, ctl);
}

void eg_ctl_upkeep_sas(struct eg_ctl *ctl)
{
	struct eg_now at = now();

	step_rekey(ctl, at.mono_ns);
	log_failure(ctl, eg_sa_store_step(ctl->sas, &at, log_limit, ctl));
}

void eg_ctl_finish_sas(struct eg_ctl *ctl)
{
	struct eg_now at = now();

	log_failure(ctl, eg_sa_store_finish(ctl->sas, &at));
}
