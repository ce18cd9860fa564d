/* Counters into a report. */
#include "ctl/ctl.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "base/clock.h"
#include "policy/describe.h"
#include "policy/quarantine.h"

uint64_t eg_ctl_received(const struct eg_ctl *ctl)
{
	uint64_t sum = 0;

	for (unsigned w = 0; w < ctl->n_workers; w++) {
		for (unsigned p = 0; p < ctl->ports->n; p++)
			sum += eg_counted(&ctl->stats[w]->port[p].rx_packets);
	}
	return sum;
}

static void add_port(const struct eg_ctl *ctl, unsigned p, struct eg_report *report)
{
	const struct eg_conf_port *conf = &ctl->config->ports.v[p];
	struct eg_report_port *row = eg_vec_add(&report->ports);
	struct rte_eth_stats device;

	if (!row)
		return;
	row->name = conf->name;
	row->link_down =
		atomic_load_explicit(&ctl->ports->links_down, memory_order_relaxed) >> p & 1;
	row->role = conf->role == EG_ROLE_CLEAR ? "clear" : "encrypted";
	for (unsigned w = 0; w < ctl->n_workers; w++) {
		const struct eg_port_stats *s = &ctl->stats[w]->port[p];

		row->rx_packets += eg_counted(&s->rx_packets);
		row->rx_bytes += eg_counted(&s->rx_bytes);
		row->tx_packets += eg_counted(&s->tx_packets);
		row->tx_bytes += eg_counted(&s->tx_bytes);
	}
	if (!conf->vlan && !rte_eth_stats_get(ctl->ports->port[p].dpdk_id, &device)) {
		row->device_missed = device.imissed + device.rx_nombuf;
		row->device_errors = device.ierrors + device.oerrors;
	}
}

/* A kernel device is a row of its own: rx is what came from the kernel. */
static void add_kernel(const struct eg_ctl *ctl, unsigned p, struct eg_report *report)
{
	struct eg_report_port *row;

	if (!ctl->ports->kernel[p].on)
		return;
	row = eg_vec_add(&report->ports);
	if (!row)
		return;
	row->name = ctl->config->ports.v[p].name;
	row->role = "kernel";
	row->kernel = true;
	for (unsigned w = 0; w < ctl->n_workers; w++) {
		const struct eg_port_stats *s = &ctl->stats[w]->kernel[p];

		row->rx_packets += eg_counted(&s->rx_packets);
		row->rx_bytes += eg_counted(&s->rx_bytes);
		row->tx_packets += eg_counted(&s->tx_packets);
		row->tx_bytes += eg_counted(&s->tx_bytes);
	}
}

static double seconds_until(const struct eg_tunnel_sa *held, enum eg_tunnel_sa_use use,
			    uint64_t mono_ns)
{
	return held->use == use && held->at_ns > mono_ns
		       ? (double)(held->at_ns - mono_ns) / EG_NS_PER_S
		       : 0;
}

static void add_lifetime(const struct eg_tunnel_sa *held, const struct eg_now *now,
			 struct eg_report_sa *row)
{
	struct eg_sa_status status = eg_sa_status(held->sa, now);

	row->idle_s = status.idle_s;
	row->sends_in_s = seconds_until(held, EG_TUNNEL_SA_PENDING, now->mono_ns);
	row->removed_in_s = seconds_until(held, EG_TUNNEL_SA_RETIRING, now->mono_ns);
	row->lifetime = status.hard ? "expired" : status.soft ? "soft lifetime reached" : NULL;
	row->forecast_s = status.forecast.seconds;
	if (status.forecast.limit && !status.hard)
		row->forecast_limit = eg_lifetime_name(status.forecast.limit);
}

static void add_sa(const struct eg_tunnel *tunnel, const struct eg_tunnel_sa *held,
		   const struct eg_now *now, struct eg_report *report)
{
	struct eg_report_sa *row = eg_vec_add(&report->sas);
	const struct eg_sa *sa = held->sa;

	if (!row)
		return;
	*row = (struct eg_report_sa){
		.peer = tunnel->name,
		.out = sa->kind == EG_SA_KIND_OUT,
		.spi = be32toh(sa->spi_be),
		.suite = sa->suite->name,
		.packets = eg_counted(&sa->packets),
		.bytes = eg_counted(&sa->bytes),
	};
	if (eg_pmtu_get(tunnel->pmtu) != EG_PMTU_NONE)
		row->path_mtu = (uint16_t)eg_pmtu_get(tunnel->pmtu);
	if (tunnel->endpoint)
		eg_endpoint_print(tunnel->endpoint, row->endpoint);
	add_lifetime(held, now, row);
}

/* Of the configuration's tunnels, in its order: all of the wanted SAs, then all that retire. */
static void add_sas(const struct eg_ctl *ctl, bool retiring, struct eg_report *report)
{
	const struct eg_installed *installed = &ctl->reload.installed;
	const struct eg_now now = {eg_wall_ns(), eg_mono_ns()};

	for (uint32_t i = 0; i < installed->n_ids; i++) {
		/* NULL: a reload that is being applied has removed it. */
		const struct eg_tunnel *tunnel = eg_tunnel_get(ctl->tunnels, installed->ids[i]);
		const struct eg_tunnel_sa *held =
			tunnel ? eg_tunnel_first_sa(ctl->tunnels, tunnel->id) : NULL;

		for (; held; held = held->next) {
			if ((held->use == EG_TUNNEL_SA_RETIRING) == retiring)
				add_sa(tunnel, held, &now, report);
		}
	}
}

static void add_denied(const struct eg_snap_policy *policy, uint32_t index, enum eg_dir dir,
		       uint64_t count, struct eg_report *report)
{
	struct eg_report_policy *row = count ? eg_vec_add(&report->denied) : NULL;
	struct eg_buf name = {0};

	if (!row)
		return;
	eg_describe_policy(&policy->cluster, index, &name);
	eg_buf_add(&name, " %s", eg_dir_name(dir));
	*row = (struct eg_report_policy){name.v, count};
}

static void add_allowed(const struct eg_snap_policy *policy, uint32_t rule, uint64_t count,
			struct eg_report *report)
{
	const struct eg_rule_ref *ref = eg_policy_rule(policy->compiled, rule + EG_POLICY_RULE);
	struct eg_report_policy *row = count ? eg_vec_add(&report->allowed) : NULL;
	struct eg_buf name = {0};

	if (!row)
		return;
	eg_describe_rule(&policy->cluster, ref->policy, ref->dir, ref->rule, &name);
	*row = (struct eg_report_policy){name.v, count};
}

static void add_quarantined(const struct eg_cluster *cluster, struct eg_report *report)
{
	eg_vec_foreach (object, &cluster->quarantined) {
		struct eg_buf text = {0};
		char **row;

		eg_describe_quarantined(cluster, object, &text);
		row = text.v ? eg_vec_add(&report->quarantined) : NULL;
		if (row)
			*row = text.v;
		else
			eg_buf_free(&text);
	}
}

/* Only what did something: a cluster has thousands of policies. */
static void add_policies(const struct eg_snap_policy *policy, struct eg_report *report)
{
	struct eg_policy_totals totals;

	add_quarantined(&policy->cluster, report);
	if (!eg_snap_policy_totals(policy, &totals)) {
		for (uint32_t p = 0; p < policy->cluster.policies.n; p++)
			for (int dir = 0; dir < EG_DIRS; dir++)
				add_denied(policy, p, (enum eg_dir)dir, totals.denied[dir][p],
					   report);
		for (uint32_t r = 0; r < eg_policy_stats(policy->compiled)->n_rules; r++)
			add_allowed(policy, r, totals.allowed[r], report);
	}
	eg_policy_totals_free(&totals);
}

/* From the first packet of any worker to the last of any. */
static double busy_seconds(const struct eg_ctl *ctl)
{
	uint64_t first = UINT64_MAX, last = 0;

	for (unsigned w = 0; w < ctl->n_workers; w++) {
		uint64_t from = eg_counted(&ctl->stats[w]->first_cycles);
		uint64_t to = eg_counted(&ctl->stats[w]->last_cycles);

		if (from && from < first)
			first = from;
		if (to > last)
			last = to;
	}
	return last > first ? (double)(last - first) / (double)rte_get_tsc_hz() : 0;
}

void eg_ctl_collect_ports(const struct eg_ctl *ctl, struct eg_report *report)
{
	for (unsigned p = 0; p < ctl->ports->n; p++)
		add_port(ctl, p, report);
	for (unsigned p = 0; p < ctl->ports->n; p++)
		add_kernel(ctl, p, report);
}

void eg_ctl_collect(const struct eg_ctl *ctl, struct eg_report *report)
{
	const struct eg_snap *snap = eg_publisher_read(ctl->publisher);

	*report = (struct eg_report){0};
	report->uptime_s = (double)(eg_mono_ns() - ctl->started_ns) / EG_NS_PER_S;
	report->busy_s = busy_seconds(ctl);
	eg_ctl_collect_ports(ctl, report);
	if (snap) {
		add_sas(ctl, false, report);
		add_sas(ctl, true, report);
		eg_ctl_collect_liveness(ctl->tunnels, report);
	}
	report->tracks = snap && snap->policy;
	report->connections = eg_flow_in_use(ctl->flows);
	report->evicted = eg_flow_evicted(ctl->flows);
	if (report->tracks)
		add_policies(snap->policy, report);
	for (unsigned w = 0; w < ctl->n_workers; w++) {
		const struct eg_stats *stats = ctl->stats[w];

		for (int i = 0; i < EG_DROP_COUNT; i++) {
			report->drop[i] += eg_counted(&stats->drop[i]);
			report->would_drop[i] += eg_counted(&stats->would_drop[i]);
		}
		for (int i = 0; i < EG_STAGE_COUNT; i++) {
			report->cycles[i] += eg_counted(&stats->cycles[i]);
			report->packets[i] += eg_counted(&stats->packets[i]);
		}
		report->opened += eg_counted(&stats->opened);
		report->audited[EG_INGRESS] += eg_counted(&stats->audited[EG_INGRESS]);
		report->audited[EG_EGRESS] += eg_counted(&stats->audited[EG_EGRESS]);
		report->handed_over += eg_counted(&stats->handed_over);
		report->gathered += eg_counted(&stats->gathered);
		report->failover += eg_counted(&stats->failover);
		report->limited += eg_counted(&stats->limited);
		report->consumed += eg_counted(&stats->consumed);
		for (int i = 0; i < EG_CLEAR_COUNT; i++) {
			report->clear_in[i] += eg_counted(&stats->clear_in[i]);
			report->clear_out[i] += eg_counted(&stats->clear_out[i]);
		}
		for (int i = 0; i < EG_LOCAL_COUNT; i++)
			report->local[i] += eg_counted(&stats->local[i]);
	}
}
