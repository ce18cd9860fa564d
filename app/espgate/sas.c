/* The life of SAs as the daemon drives and tells it: lib/sa decides, this file logs. */
#include <string.h>

#include "base/clock.h"
#include "gateway.h"

/* A disk that stays full is told again after so long. */
#define TELL_AGAIN_NS (10 * EG_NS_PER_S)

static struct eg_now now(void)
{
	return (struct eg_now){eg_wall_ns(), eg_mono_ns()};
}

static void tell_limit(void *arg, const struct eg_sa_event *event)
{
	struct eg_gateway *gateway = arg;
	bool out = event->spec->kind == EG_SA_KIND_OUT;
	char remote[EG_IP_TEXT];

	if (event->percent) {
		eg_log(&gateway->log, EG_LOG_ESP, EG_LOG_WARNING,
		       "SA %s 0x%08x %s %s: %u %% of its 2^32 - 1 sequence numbers are used: "
		       "replace it soon, by one with esn: true if the peer can",
		       out ? "out" : "in", event->spec->spi, out ? "to" : "from",
		       eg_ip_print(&event->spec->remote, remote), event->percent);
		return;
	}
	eg_log(&gateway->log, EG_LOG_ESP, event->hard ? EG_LOG_ERROR : EG_LOG_WARNING,
	       "SA %s 0x%08x %s %s: %s lifetime reached (%s): %s", out ? "out" : "in",
	       event->spec->spi, out ? "to" : "from", eg_ip_print(&event->spec->remote, remote),
	       event->hard ? "hard" : "soft", eg_lifetime_name(event->limit),
	       event->hard ? "it carries nothing more" : "replace it soon");
}

/* SAs go on with what is reserved, and stop by name where that ends. */
static void tell_failure(struct eg_gateway *gateway, int err)
{
	uint64_t mono_ns = eg_mono_ns();

	if (!err && gateway->state_failed_ns)
		eg_log(&gateway->log, EG_LOG_ESP, EG_LOG_INFO, "state_dir: written again");
	if (!err)
		gateway->state_failed_ns = 0;
	if (!err ||
	    (gateway->state_failed_ns && mono_ns - gateway->state_failed_ns < TELL_AGAIN_NS))
		return;
	gateway->state_failed_ns = mono_ns;
	eg_log(&gateway->log, EG_LOG_ESP, EG_LOG_ERROR,
	       "state_dir: %s: %s: outbound SAs stop where their reserved sequence numbers end",
	       gateway->config->state_dir, strerror(-err));
}

/* SAs that waited begin, and those that left end. */
static void step_rekey(struct eg_gateway *gateway, uint64_t mono_ns)
{
	struct eg_snap *before =
		atomic_load_explicit(&gateway->publisher.snap, memory_order_relaxed);
	struct eg_snap *snap = before ? eg_snap_step(before, mono_ns) : NULL;

	if (!snap)
		return;
	eg_publish(&gateway->publisher, snap);
	eg_log(&gateway->log, EG_LOG_ESP, EG_LOG_INFO,
	       "SAs changed by their times: %zu are held now", snap->sas.n);
}

void eg_sas_step(struct eg_gateway *gateway)
{
	struct eg_now at = now();

	step_rekey(gateway, at.mono_ns);
	tell_failure(gateway, eg_sa_store_step(gateway->sas, &at, tell_limit, gateway));
}

void eg_sas_finish(struct eg_gateway *gateway)
{
	struct eg_now at = now();

	tell_failure(gateway, eg_sa_store_finish(gateway->sas, &at));
}
