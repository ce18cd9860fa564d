/* The statistics block that an operator reads, testpmd's way: totals and rates by port, by peer and
 * SA, every drop that happened, cycles a packet by stage.
 *
 * The caller fills a report from counters; rendering knows nothing of where they live. Control
 * thread. All strings are borrowed. */
#ifndef EG_STAT_REPORT_H
#define EG_STAT_REPORT_H

#include "base/buf.h"
#include "base/vec.h"
#include "stat/stat.h"

struct eg_report_port {
	const char *name, *role;
	bool kernel; /* it is that port's kernel device */
	bool link_down;
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
	uint64_t device_missed,
		device_errors; /* lost before rx or behind tx, by the device's word */
};

struct eg_report_sa {
	const char *peer;
	bool out;
	uint32_t spi;
	const char *suite;
	uint64_t packets, bytes;
	uint16_t path_mtu;             /* of its peer, where one was learned; else 0 */
	char endpoint[EG_IP_TEXT + 8]; /* of its peer, where it is followed; else "" */
	double idle_s;                 /* since it last carried something; < 0: it never did */
	double waits_s;                /* outbound, new: until it sends */
	double leaves_s;               /* no longer configured: until it goes */
	const char *life;              /* "soft lifetime reached", "expired", or NULL */
	double ends_s;                 /* forecast at the present rate, where ends_by is not NULL */
	const char *ends_by;           /* "sequence numbers" */
};

/* A peer that is asked whether it lives. */
struct eg_report_liveness {
	const char *peer;
	bool dead;
	uint32_t changes; /* of that */
	double for_s;     /* since the last one */
	uint64_t asked, answered;
	uint64_t moved; /* packets that went by others because it was dead */
};

/* A policy and direction, or one of its rules. */
struct eg_report_policy {
	char *name;     /* "shop/web ingress", "shop/web ingress[0] (file:line)"; the report's */
	uint64_t count; /* packets denied: one counts for every policy that isolates its end; of a
			 * rule: connections allowed */
};

struct eg_report {
	double uptime_s;
	double busy_s; /* from the first packet to the last, over all workers */
	EG_VEC(struct eg_report_port) ports;
	EG_VEC(struct eg_report_sa) sas;
	EG_VEC(struct eg_report_liveness) liveness;
	EG_VEC(struct eg_report_policy) denied, allowed; /* by policy, by rule */
	EG_VEC(char *) quarantined;                      /* objects by name, with the reason */
	bool tracks;                                     /* policy is on: connections are tracked */
	uint64_t connections, opened;
	uint64_t evicted;                   /* connections that gave way in a full table */
	uint64_t audited[2];                /* ingress, egress: passed in audit mode only */
	uint64_t would_drop[EG_DROP_COUNT]; /* connections that audit let pass, by reason */
	uint64_t drop[EG_DROP_COUNT];
	uint64_t cycles[EG_STAGE_COUNT];
	uint64_t packets[EG_STAGE_COUNT];
	uint64_t handed_over, gathered;
	uint64_t failover;
	uint64_t local[EG_LOCAL_COUNT];
	uint64_t taken, limited;
	uint64_t clear_in[EG_CLEAR_COUNT], clear_out[EG_CLEAR_COUNT];
};

/* Frees what the report holds, not borrowed strings. */
void eg_report_free(struct eg_report *report);

uint64_t eg_report_rx(const struct eg_report *report);
uint64_t eg_report_tx(const struct eg_report *report);
uint64_t eg_report_drops(const struct eg_report *report);
uint64_t eg_report_made(const struct eg_report *report);

/* Everything that came in or was made here went out, served here, or was dropped by name. */
static inline bool eg_report_balanced(const struct eg_report *report)
{
	return eg_report_rx(report) + eg_report_made(report) ==
	       eg_report_tx(report) + report->taken + eg_report_drops(report);
}

/* Append the block. `before` is an earlier report, for rates over the time between, or NULL for
 * rates over the busy time (a finite capture is gone long before the gateway stops). Rows of
 * `before` are matched by their place. */
void eg_report_render(const struct eg_report *now, const struct eg_report *before,
		      struct eg_buf *out);

#endif
