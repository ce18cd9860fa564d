/* show connections, policies, quarantined. */
#include "control/show.h"
#include "policy/describe.h"
#include "policy/quarantine.h"

void eg_view_connections(struct eg_page *page)
{
	const struct eg_ctl *ctl = page->source->ctl;
	struct json_object *row = eg_page_row(page);
	uint64_t opened = 0, audited[EG_DIRS] = {0};

	for (unsigned w = 0; w < ctl->n_workers; w++) {
		opened += eg_counted(&ctl->stats[w]->opened);
		for (int dir = 0; dir < EG_DIRS; dir++)
			audited[dir] += eg_counted(&ctl->stats[w]->audited[dir]);
	}
	eg_json_bool(row, "tracked", page->snap && page->snap->policy);
	eg_json_u64(row, "now", eg_flow_in_use(ctl->flows));
	eg_json_u64(row, "max", ctl->flows->n_conns);
	eg_json_u64(row, "max_per_source",
		    atomic_load_explicit(&ctl->flows->source_limit, memory_order_relaxed));
	eg_json_u64(row, "opened", opened);
	eg_json_u64(row, "evicted", eg_flow_evicted(ctl->flows));
	eg_json_u64(row, "audited_ingress_packets", audited[EG_INGRESS]);
	eg_json_u64(row, "audited_egress_packets", audited[EG_EGRESS]);
	eg_json_u64(row, "table_bytes", ctl->flows->bytes);
}

static void add_place(struct json_object *row, const struct eg_pos *pos)
{
	struct eg_buf text = {0};

	eg_describe_pos(pos, &text);
	eg_json_text(row, "place", text.v);
	eg_buf_free(&text);
}

static void fill_policy(struct json_object *row, const struct eg_cluster *cluster, uint32_t p,
			enum eg_dir dir, uint64_t denied)
{
	const struct eg_netpol *policy = &cluster->policies.v[p];
	struct eg_buf name = {0};

	eg_describe_policy(cluster, p, &name);
	eg_json_text(row, "policy", name.v);
	eg_buf_free(&name);
	eg_json_text(row, "direction", eg_dir_name(dir));
	eg_json_bool(row, "quarantined", policy->quarantined);
	eg_json_u64(row, "rules", policy->rules[dir].n);
	eg_json_u64(row, "denied_packets", denied);
	add_place(row, &policy->pos);
}

static void fill_rule(struct json_object *row, const struct eg_cluster *cluster, uint32_t p,
		      enum eg_dir dir, uint32_t rule, uint64_t allowed)
{
	struct eg_buf name = {0};

	eg_describe_policy(cluster, p, &name);
	eg_json_text(row, "policy", name.v);
	eg_buf_free(&name);
	eg_json_text(row, "direction", eg_dir_name(dir));
	eg_json_u64(row, "rule", rule);
	eg_json_u64(row, "allowed_connections", allowed);
	add_place(row, &cluster->policies.v[p].rules[dir].v[rule].pos);
}

/* A row for each direction in which a policy isolates, followed by one for each of its rules. */
static void add_policy(struct eg_page *page, const struct eg_policy_totals *totals, uint32_t p,
		       enum eg_dir dir)
{
	const struct eg_snap_policy *policy = page->snap->policy;
	const struct eg_netpol *netpol = &policy->cluster.policies.v[p];
	struct json_object *row;

	if (!netpol->isolates[dir])
		return;
	row = eg_page_row(page);
	if (row)
		fill_policy(row, &policy->cluster, p, dir, totals->denied[dir][p]);
	for (uint32_t r = 0; r < netpol->rules[dir].n; r++) {
		uint32_t number;

		row = eg_page_row(page);
		if (!row)
			continue;
		number = eg_policy_rule_number(policy->compiled, p, dir, r);
		fill_rule(row, &policy->cluster, p, dir, r,
			  number == EG_NONE ? 0 : totals->allowed[number]);
	}
}

void eg_view_policies(struct eg_page *page)
{
	const struct eg_snap_policy *policy = page->snap ? page->snap->policy : NULL;
	struct eg_policy_totals totals;

	eg_json_text(page->result, "mode", !policy ? "off" : policy->audit ? "audit" : "enforce");
	if (!policy)
		return;
	if (!eg_snap_policy_totals(policy, &totals)) {
		for (uint32_t p = 0; p < policy->cluster.policies.n && !page->next; p++) {
			add_policy(page, &totals, p, EG_INGRESS);
			add_policy(page, &totals, p, EG_EGRESS);
		}
	}
	eg_policy_totals_free(&totals);
}

void eg_view_quarantined(struct eg_page *page)
{
	const struct eg_snap_policy *policy = page->snap ? page->snap->policy : NULL;

	for (uint64_t i = page->from; policy && i < policy->cluster.quarantined.n; i++) {
		struct json_object *row = eg_page_row_at(page, i);
		struct eg_buf text = {0};

		if (!row)
			return;
		eg_describe_quarantined(&policy->cluster, &policy->cluster.quarantined.v[i], &text);
		eg_json_text(row, "object", text.v);
		eg_buf_free(&text);
	}
}
