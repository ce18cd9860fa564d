/* show ports, workers, drops. */
#include <rte_cycles.h>

#include "control/show.h"

static void add_direction(struct json_object *row, const char *key, uint64_t packets,
			  uint64_t bytes)
{
	struct json_object *direction = eg_json_object(row, key);

	eg_json_u64(direction, "packets", packets);
	eg_json_u64(direction, "bytes", bytes);
}

void eg_view_ports(struct eg_page *page)
{
	const struct eg_ctl *ctl = page->source->ctl;
	struct eg_report report = {0};

	eg_ctl_collect_ports(ctl, &report);
	for (size_t i = 0; i < report.ports.n; i++) {
		const struct eg_report_port *port = &report.ports.v[i];
		struct json_object *row = eg_page_row(page);

		if (!row)
			continue;
		eg_json_text(row, "name", port->name);
		eg_json_text(row, "role", port->role);
		eg_json_bool(row, "kernel_device", port->kernel);
		if (!port->kernel) { /* ports come first, in the configuration's order */
			eg_json_bool(row, "link_up", !port->link_down);
			eg_json_u64(row, "mtu_bytes", ctl->ports->port[i].mtu);
			eg_json_u64(row, "rx_queues", ctl->ports->port[i].n_rx);
			eg_json_u64(row, "tx_queues", ctl->ports->port[i].n_tx);
		}
		add_direction(row, "rx", port->rx_packets, port->rx_bytes);
		add_direction(row, "tx", port->tx_packets, port->tx_bytes);
		eg_json_u64(row, "device_missed", port->device_missed);
		eg_json_u64(row, "device_errors", port->device_errors);
	}
	eg_report_free(&report);
}

static void add_stages(struct json_object *row, const struct eg_stats *stats)
{
	struct json_object *stages = eg_json_object(row, "stages");

	for (int s = 0; s < EG_STAGE_COUNT; s++) {
		uint64_t packets = eg_counted(&stats->packets[s]);
		struct json_object *stage;

		if (!packets)
			continue;
		stage = eg_json_object(stages, eg_stage_name((enum eg_stage)s));
		eg_json_u64(stage, "packets", packets);
		eg_json_u64(stage, "cycles", eg_counted(&stats->cycles[s]));
	}
}

void eg_view_workers(struct eg_page *page)
{
	const struct eg_workers *workers = page->source->workers;

	eg_json_u64(page->result, "tsc_hz", rte_get_tsc_hz());
	for (unsigned w = 0; w < workers->n; w++) {
		const struct eg_worker *worker = workers->worker[w];
		const struct eg_stats *stats = workers->stats[w];
		struct json_object *row = eg_page_row(page);

		if (!row)
			continue;
		eg_json_u64(row, "worker", w);
		eg_json_u64(row, "lcore", worker->lcore);
		eg_json_bool(row, "yields", worker->yields);
		eg_json_u64(row, "rx_queues", worker->rx.n);
		eg_json_u64(row, "tsc", rte_get_tsc_cycles());
		eg_json_u64(row, "iterations", eg_counted(&worker->iterations));
		eg_json_u64(row, "bursts", eg_counted(&stats->bursts));
		eg_json_u64(row, "packets", eg_counted(&stats->burst_packets));
		eg_json_u64(row, "busy_cycles", eg_counted(&stats->busy_cycles));
		add_stages(row, stats);
	}
}

void eg_view_drops(struct eg_page *page)
{
	const struct eg_ctl *ctl = page->source->ctl;

	for (int i = EG_PASS + 1; i < EG_DROP_COUNT; i++) {
		struct json_object *row = eg_page_row(page);
		uint64_t dropped = 0, would_drop = 0;

		if (!row)
			continue;
		for (unsigned w = 0; w < ctl->n_workers; w++) {
			dropped += eg_counted(&ctl->stats[w]->drop[i]);
			would_drop += eg_counted(&ctl->stats[w]->would_drop[i]);
		}
		eg_json_text(row, "reason", eg_drop_name((enum eg_verdict)i));
		eg_json_u64(row, "packets", dropped);
		eg_json_u64(row, "audited_connections", would_drop);
		eg_json_text(row, "text", eg_drop_text((enum eg_verdict)i));
	}
}
