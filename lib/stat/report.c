#include "stat/report.h"

#include <inttypes.h>

void eg_report_free(struct eg_report *report)
{
	eg_vec_free(&report->ports);
	eg_vec_free(&report->sas);
	eg_vec_free(&report->liveness);
	eg_vec_foreach (row, &report->denied)
		free(row->name);
	eg_vec_foreach (row, &report->allowed)
		free(row->name);
	eg_vec_free(&report->denied);
	eg_vec_free(&report->allowed);
	eg_vec_foreach (text, &report->quarantined)
		free(*text);
	eg_vec_free(&report->quarantined);
}

uint64_t eg_report_rx(const struct eg_report *report)
{
	uint64_t sum = 0;

	eg_vec_foreach (port, &report->ports)
		sum += port->rx_packets;
	return sum;
}

uint64_t eg_report_tx(const struct eg_report *report)
{
	uint64_t sum = 0;

	eg_vec_foreach (port, &report->ports)
		sum += port->tx_packets;
	return sum;
}

uint64_t eg_report_drops(const struct eg_report *report)
{
	uint64_t sum = 0;

	for (int i = EG_PASS + 1; i < EG_DROP_COUNT; i++)
		sum += report->drop[i];
	return sum;
}

uint64_t eg_report_originated(const struct eg_report *report)
{
	uint64_t sum = 0;

	for (int i = 0; i < EG_LOCAL_COUNT; i++)
		sum += report->local[i];
	return sum;
}

static double per_second(uint64_t now, uint64_t before, double seconds)
{
	return seconds > 0 ? (double)(now - before) / seconds : 0;
}

static void render_direction(const char *name, const uint64_t now[2], const uint64_t before[2],
			     double seconds, struct eg_buf *out)
{
	double pps = per_second(now[0], before[0], seconds);
	double bits = per_second(now[1], before[1], seconds) * 8;

	eg_buf_add(out,
		   "    %s %14" PRIu64 " packets %16" PRIu64 " bytes %14.0f pps %9.3f Gbit/s\n",
		   name, now[0], now[1], pps, bits / 1e9);
}

static void render_ports(const struct eg_report *now, const struct eg_report *before,
			 double seconds, struct eg_buf *out)
{
	for (size_t i = 0; i < now->ports.n; i++) {
		static const struct eg_report_port zero;
		const struct eg_report_port *p = &now->ports.v[i];
		const struct eg_report_port *b =
			before && i < before->ports.n ? &before->ports.v[i] : &zero;

		eg_buf_add(out, "  port %s%s (%s)%s\n", p->name, p->kernel ? "/kernel" : "",
			   p->role, p->link_down ? ", link down" : "");
		render_direction("rx", (uint64_t[]){p->rx_packets, p->rx_bytes},
				 (uint64_t[]){b->rx_packets, b->rx_bytes}, seconds, out);
		render_direction("tx", (uint64_t[]){p->tx_packets, p->tx_bytes},
				 (uint64_t[]){b->tx_packets, b->tx_bytes}, seconds, out);
		if (p->device_missed || p->device_errors)
			eg_buf_add(out, "    device: %" PRIu64 " missed, %" PRIu64 " errors\n",
				   p->device_missed, p->device_errors);
	}
}

/* A gateway may have thousands of SAs and policies: show only active ones, and no more than a
 * reader can take in. */
#define ROWS_MAX 24

/* Totals per direction over all SAs of the peer whose rows start at `first`. */
static void render_peer(const struct eg_report *now, size_t first, struct eg_buf *out)
{
	const char *peer = now->sas.v[first].peer;
	uint64_t packets[2] = {0, 0}, bytes[2] = {0, 0};

	for (size_t i = first; i < now->sas.n && now->sas.v[i].peer == peer; i++) {
		packets[now->sas.v[i].out] += now->sas.v[i].packets;
		bytes[now->sas.v[i].out] += now->sas.v[i].bytes;
	}
	eg_buf_add(out,
		   "  peer %s: out %" PRIu64 " packets %" PRIu64 " bytes, in %" PRIu64
		   " packets %" PRIu64 " bytes",
		   peer, packets[true], bytes[true], packets[false], bytes[false]);
	if (now->sas.v[first].path_mtu)
		eg_buf_add(out, ", path MTU %u", now->sas.v[first].path_mtu);
	if (now->sas.v[first].endpoint[0])
		eg_buf_add(out, ", endpoint %s", now->sas.v[first].endpoint);
	eg_buf_add(out, "\n");
}

/* Longer forecasts are useless. */
#define FORECAST_MAX_S (10 * 365 * 86400.0)

/* As people would say it: "12.3 h". */
static void add_time(double seconds, struct eg_buf *out)
{
	static const struct {
		double seconds;
		const char *unit;
	} units[] = {{365.25 * 86400, "years"}, {86400, "d"}, {3600, "h"}, {60, "min"}, {0, "s"}};
	size_t i = 0;

	while (seconds < 2 * units[i].seconds)
		i++;
	eg_buf_add(out, "%.1f %s", units[i].seconds > 0 ? seconds / units[i].seconds : seconds,
		   units[i].unit);
}

static void add_note(const char *before, double seconds, struct eg_buf *out)
{
	eg_buf_add(out, "%s", before);
	add_time(seconds, out);
}

/* State of an SA beside its counters. */
static void render_lifetime(const struct eg_report_sa *sa, struct eg_buf *out)
{
	if (sa->sends_in_s > 0)
		add_note(", sends in ", sa->sends_in_s, out);
	if (sa->removed_in_s > 0)
		add_note(", removed in ", sa->removed_in_s, out);
	if (sa->removed_in_s > 0 && sa->idle_s >= 0)
		add_note(", idle for ", sa->idle_s, out);
	if (sa->lifetime)
		eg_buf_add(out, ", %s", sa->lifetime);
	if (sa->forecast_limit && sa->forecast_s < FORECAST_MAX_S) {
		eg_buf_add(out, ", out of %s in ", sa->forecast_limit);
		add_time(sa->forecast_s, out);
	}
}

static void render_sas(const struct eg_report *now, struct eg_buf *out)
{
	const char *peer = NULL;
	size_t used = 0, first = 0;

	for (size_t i = 0; i < now->sas.n; i++) {
		const struct eg_report_sa *sa = &now->sas.v[i];
		bool changes = sa->sends_in_s > 0 || sa->removed_in_s > 0 || sa->lifetime;

		if (i && sa->peer != now->sas.v[i - 1].peer)
			first = i;
		if ((!sa->packets && !changes) || used++ >= ROWS_MAX)
			continue;
		if (sa->peer != peer)
			render_peer(now, first, out);
		peer = sa->peer;
		eg_buf_add(out, "    SA %s 0x%08x %-14s %12" PRIu64 " packets %16" PRIu64 " bytes",
			   sa->out ? "out" : "in ", sa->spi, sa->suite, sa->packets, sa->bytes);
		render_lifetime(sa, out);
		eg_buf_add(out, "\n");
	}
	if (used > ROWS_MAX)
		eg_buf_add(out, "    and %zu more SAs\n", used - ROWS_MAX);
}

/* Peers that are down are always shown. */
static void render_liveness(const struct eg_report *now, struct eg_buf *out)
{
	size_t used = 0;

	eg_vec_foreach (row, &now->liveness) {
		if (!row->down && used >= ROWS_MAX)
			continue;
		used++;
		eg_buf_add(out, "  peer %s is %s", row->peer, row->down ? "DOWN" : "up");
		if (row->changes)
			add_note(" for ", row->since_s, out);
		eg_buf_add(out,
			   ": %" PRIu64 " probes sent, %" PRIu64 " answered, %u changes, "
			   "%" PRIu64 " packets failed over\n",
			   row->probes_sent, row->probes_answered, row->changes, row->failed_over);
	}
	if (used < now->liveness.n)
		eg_buf_add(out, "  and %zu more that are up\n", now->liveness.n - used);
}

static void render_counts(const struct eg_report_policy *rows, size_t n, const char *what,
			  struct eg_buf *out)
{
	size_t used = 0;

	for (size_t i = 0; i < n; i++) {
		if (rows[i].count && used++ < ROWS_MAX)
			eg_buf_add(out, "    %12" PRIu64 " %s %s\n", rows[i].count, what,
				   rows[i].name);
	}
	if (used > ROWS_MAX)
		eg_buf_add(out, "    and %zu more\n", used - ROWS_MAX);
}

/* Objects under quarantine deny traffic until someone repairs them. */
static void render_quarantined(const struct eg_report *now, struct eg_buf *out)
{
	if (now->quarantined.n)
		eg_buf_add(out, "    %12zu objects quarantined\n", now->quarantined.n);
	for (size_t i = 0; i < now->quarantined.n && i < ROWS_MAX; i++)
		eg_buf_add(out, "      %s\n", now->quarantined.v[i]);
	if (now->quarantined.n > ROWS_MAX)
		eg_buf_add(out, "      and %zu more\n", now->quarantined.n - ROWS_MAX);
}

static void render_policies(const struct eg_report *now, struct eg_buf *out)
{
	if (!now->tracks)
		return;
	eg_buf_add(out, "  policy: %" PRIu64 " connections now, %" PRIu64 " opened",
		   now->connections, now->opened);
	if (now->evicted)
		eg_buf_add(out, ", %" PRIu64 " unanswered ones evicted", now->evicted);
	eg_buf_add(out, "\n");
	render_quarantined(now, out);
	render_counts(now->allowed.v, now->allowed.n, "connections allowed by", out);
	render_counts(now->denied.v, now->denied.n, "packets denied under", out);
	if (now->audited[0] || now->audited[1])
		eg_buf_add(out,
			   "    audit: %" PRIu64 " packets passed that egress, and %" PRIu64
			   " that ingress policy would drop\n",
			   now->audited[1], now->audited[0]);
	for (int i = EG_PASS + 1; i < EG_DROP_COUNT; i++) {
		if (now->would_drop[i])
			eg_buf_add(out,
				   "    audit: would have dropped %" PRIu64 " connection%s as %s\n",
				   now->would_drop[i], now->would_drop[i] == 1 ? "" : "s",
				   eg_drop_name((enum eg_verdict)i));
	}
}

static void render_cycles(const struct eg_report *now, struct eg_buf *out)
{
	double sum = 0;

	eg_buf_add(out, "  cycles per packet:");
	for (int i = 0; i < EG_STAGE_COUNT; i++) {
		double each;

		if (!now->packets[i])
			continue;
		each = (double)now->cycles[i] / (double)now->packets[i];
		sum += each;
		eg_buf_add(out, " %s %.1f", eg_stage_name((enum eg_stage)i), each);
	}
	eg_buf_add(out, " | sum %.1f\n", sum);
}

/* Locally originated and consumed packets; nothing if the gateway has no addresses. */
static void render_local(const struct eg_report *now, struct eg_buf *out)
{
	if (!eg_report_originated(now) && !now->consumed)
		return;
	eg_buf_add(out, "  local:");
	for (int i = 0; i < EG_LOCAL_COUNT; i++) {
		if (now->local[i])
			eg_buf_add(out, " %s %" PRIu64, eg_local_name((enum eg_local_kind)i),
				   now->local[i]);
	}
	eg_buf_add(out, " | consumed %" PRIu64, now->consumed);
	if (now->limited)
		eg_buf_add(out, " | errors suppressed by the rate limit %" PRIu64, now->limited);
	eg_buf_add(out, "\n");
}

/* Packets in clear between encrypted ports and the kernel. */
static void render_clear(const struct eg_report *now, struct eg_buf *out)
{
	bool any = false;

	for (int i = 0; i < EG_CLEAR_COUNT; i++) {
		if (!now->clear_in[i] && !now->clear_out[i])
			continue;
		eg_buf_add(out, "%s %s in %" PRIu64 " out %" PRIu64,
			   any ? "," : "  allowed in clear:", eg_clear_name((enum eg_clear_kind)i),
			   now->clear_in[i], now->clear_out[i]);
		any = true;
	}
	eg_buf_add(out, any ? "\n" : "");
}

static void render_total(const struct eg_report *now, struct eg_buf *out)
{
	uint64_t made = eg_report_originated(now), in = eg_report_rx(now) + made;
	uint64_t end = eg_report_tx(now) + now->consumed + eg_report_drops(now);

	eg_buf_add(out, "  total: rx %" PRIu64, eg_report_rx(now));
	if (made || now->consumed)
		eg_buf_add(out, " + originated %" PRIu64, made);
	eg_buf_add(out, " = tx %" PRIu64, eg_report_tx(now));
	if (made || now->consumed)
		eg_buf_add(out, " + consumed %" PRIu64, now->consumed);
	eg_buf_add(out, " + drops %" PRIu64, eg_report_drops(now));
	if (in != end)
		eg_buf_add(out, " + in flight %" PRId64, (int64_t)(in - end));
	eg_buf_add(out, "\n");
}

void eg_report_render(const struct eg_report *now, const struct eg_report *before,
		      struct eg_buf *out)
{
	double seconds = before ? now->uptime_s - before->uptime_s : now->busy_s;
	uint64_t drops = eg_report_drops(now);

	eg_buf_add(out, "---- espgate after %.1f s (rates over %.6g s) ----\n", now->uptime_s,
		   seconds);
	render_ports(now, before, seconds, out);
	render_sas(now, out);
	render_liveness(now, out);
	render_policies(now, out);
	eg_buf_add(out, "  drops %s\n", drops ? "" : "none");
	for (int i = EG_PASS + 1; i < EG_DROP_COUNT; i++) {
		if (now->drop[i])
			eg_buf_add(out, "    %-20s %14" PRIu64 "  %s\n",
				   eg_drop_name((enum eg_verdict)i), now->drop[i],
				   eg_drop_text((enum eg_verdict)i));
	}
	if (now->failover)
		eg_buf_add(out,
			   "  failover: %" PRIu64
			   " packets took another peer than the first choice\n",
			   now->failover);
	if (now->handed_over)
		eg_buf_add(out, "  handed over between workers: %" PRIu64 " packets\n",
			   now->handed_over);
	if (now->gathered)
		eg_buf_add(out, "  gathered: %" PRIu64 " multi-segment frames linearized\n",
			   now->gathered);
	render_local(now, out);
	render_clear(now, out);
	if (eg_report_rx(now))
		render_cycles(now, out);
	render_total(now, out);
}
