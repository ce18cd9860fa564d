/* The statistics block for operators, in testpmd's manner: totals and rates by port, by peer and
 * SA, every drop reason that occurred, cycles per packet by stage.
 *
 * The caller fills a report from counters; rendering does not know where they come from. Control
 * thread. All strings are borrowed. */
#ifndef EG_STAT_REPORT_H
#define EG_STAT_REPORT_H

#include "base/buf.h"
#include "base/vec.h"
#include "stat/stat.h"

struct eg_report_port {
	const char *name, *role;
	bool kernel; /* this row is the port's kernel device */
	bool link_down;
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
	uint64_t device_missed,
		device_errors; /* reported by the device: lost before rx or after tx */
};

struct eg_report_sa {
	const char *peer;
	bool out;
	uint32_t spi;
	const char *suite;
	uint64_t packets, bytes;
	uint16_t path_mtu;             /* of its peer, if one was learned; else 0 */
	char endpoint[EG_IP_TEXT + 8]; /* of its peer, if it floats; else "" */
	double idle_s;                 /* since the last packet; < 0: never used */
	double sends_in_s;             /* outbound, new: seconds until it is used to send */
	double removed_in_s;           /* no longer configured: seconds until it is removed */
	const char *lifetime;          /* "soft lifetime reached", "expired", or NULL */
	double forecast_s;             /* at the present rate, if forecast_limit is not NULL */
	const char *forecast_limit;    /* such as "sequence numbers" */
};

/* A peer with dead peer detection. */
struct eg_report_liveness {
	const char *peer;
	bool down;
	uint32_t changes; /* of `down` */
	double since_s;   /* since the last change */
	uint64_t probes_sent, probes_answered;
	uint64_t failed_over; /* packets that used other peers because this one was down */
};

/* A policy and direction, or one of its rules. */
struct eg_report_policy {
	char *name; /* "shop/web ingress", "shop/web ingress[0] (file:line)"; owned by the report */
	uint64_t count; /* policy: packets denied, counted for every policy that isolates the pod;
			   rule: connections allowed */
};

struct eg_report {
	double uptime_s;
	double busy_s; /* from the first packet to the last, over all workers */
	EG_VEC(struct eg_report_port) ports;
	EG_VEC(struct eg_report_sa) sas;
	EG_VEC(struct eg_report_liveness) liveness;
	EG_VEC(struct eg_report_policy) denied, allowed; /* by policy, by rule */
	EG_VEC(char *) quarantined;                      /* objects by name, with the reason */
	bool tracks; /* policy is enabled: connections are tracked */
	uint64_t connections, opened;
	uint64_t evicted;                   /* connections evicted from a full table */
	uint64_t audited[2];                /* ingress, egress: passed in audit mode only */
	uint64_t would_drop[EG_DROP_COUNT]; /* connections passed by audit mode, by reason */
	uint64_t drop[EG_DROP_COUNT];
	uint64_t cycles[EG_STAGE_COUNT];
	uint64_t packets[EG_STAGE_COUNT];
	uint64_t handed_over, gathered;
	uint64_t failover;
	uint64_t local[EG_LOCAL_COUNT];
	uint64_t consumed, limited;
	uint64_t clear_in[EG_CLEAR_COUNT], clear_out[EG_CLEAR_COUNT];
};

/* Free what the report owns, not borrowed strings. */
void eg_report_free(struct eg_report *report);

uint64_t eg_report_rx(const struct eg_report *report);
uint64_t eg_report_tx(const struct eg_report *report);
uint64_t eg_report_drops(const struct eg_report *report);
uint64_t eg_report_originated(const struct eg_report *report);

/* Every packet received or originated was sent, consumed, or dropped with a reason. */
static inline bool eg_report_balanced(const struct eg_report *report)
{
	return eg_report_rx(report) + eg_report_originated(report) ==
	       eg_report_tx(report) + report->consumed + eg_report_drops(report);
}

/* Append the block. `before` is an earlier report, for rates over the time between them, or NULL
 * for rates over the busy time (a finite capture ends long before the gateway stops). Rows of
 * `before` are matched by position. */
void eg_report_render(const struct eg_report *now, const struct eg_report *before,
		      struct eg_buf *out);

#endif
