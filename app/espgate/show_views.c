#include "show_views.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "show_table.h"

/* --- members of answers; what is missing is 0, false or "" */

static struct json_object *member(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	if (json_object_is_type(object, json_type_object))
		json_object_object_get_ex(object, key, &value);
	return value;
}

static double number(struct json_object *object, const char *key)
{
	struct json_object *value = member(object, key);

	/* Counters may exceed an int64_t. */
	return json_object_is_type(value, json_type_int) ? (double)json_object_get_uint64(value)
							 : json_object_get_double(value);
}

static uint64_t count(struct json_object *object, const char *key)
{
	return json_object_get_uint64(member(object, key));
}

static const char *text(struct json_object *object, const char *key)
{
	struct json_object *value = member(object, key);

	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

static bool is(struct json_object *object, const char *key)
{
	return json_object_get_boolean(member(object, key));
}

static struct json_object *row_at(struct json_object *view, size_t i)
{
	struct json_object *rows = member(view, "rows");

	return json_object_is_type(rows, json_type_array) && i < json_object_array_length(rows)
		       ? json_object_array_get_idx(rows, i)
		       : NULL;
}

#define foreach_row(row, view)                                                                     \
	for (size_t at_##row = 0; at_##row != SIZE_MAX; at_##row = SIZE_MAX)                       \
		for (struct json_object *row = row_at(view, at_##row); row;                        \
		     row = row_at(view, ++at_##row))

#define COLUMNS(table, ...)                                                                        \
	eg_table_columns(table, (const char *const[]){__VA_ARGS__},                                \
			 sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

/* The same row of the earlier sample, by its place; NULL if that is another one. */
static struct json_object *earlier(struct json_object *before, size_t i, struct json_object *row,
				   const char *key)
{
	struct json_object *other = before ? row_at(before, i) : NULL;

	return other && json_object_equal(member(other, key), member(row, key)) ? other : NULL;
}

static double elapsed_s(struct json_object *now, struct json_object *before)
{
	return before ? number(now, "uptime_s") - number(before, "uptime_s") : 0;
}

static double rate(struct json_object *now, struct json_object *before, const char *key, double s)
{
	double change = number(now, key) - number(before, key);

	return before && s > 0 && change > 0 ? change / s : 0;
}

/* --- views */

static void add_direction(struct eg_table *table, struct json_object *row,
			  struct json_object *before, const char *key, double s)
{
	struct json_object *now = member(row, key), *then = member(before, key);

	eg_table_cell(table, "%s", key);
	eg_table_count(table, number(now, "packets"));
	eg_table_bytes(table, count(now, "bytes"));
	if (s > 0) {
		eg_table_count(table, (double)(uint64_t)rate(now, then, "packets", s));
		eg_table_cell(table, "%.3f", rate(now, then, "bytes", s) * 8 / 1e9);
	} else {
		eg_table_cell(table, "-");
		eg_table_cell(table, "-");
	}
}

static void show_ports(struct json_object *now, struct json_object *before, struct eg_buf *out)
{
	struct eg_table table = {0};
	double s = elapsed_s(now, before), missed = 0, errors = 0;

	COLUMNS(&table, "~PORT", "ROLE", "LINK", ">MTU", "DIR", ">PACKETS", ">BYTES", ">PKT/S",
		">GBIT/S");
	foreach_row(row, now)
	{
		struct json_object *then = earlier(before, at_row, row, "name");
		bool kernel = is(row, "kernel_device");

		eg_table_cell(&table, "%s", text(row, "name"));
		eg_table_cell(&table, "%s", text(row, "role"));
		eg_table_cell(&table, "%s", kernel ? "-" : is(row, "link_up") ? "up" : "DOWN");
		if (kernel)
			eg_table_cell(&table, "-");
		else
			eg_table_cell(&table, "%.0f", number(row, "mtu_bytes"));
		add_direction(&table, row, then, "rx", s);
		for (int i = 0; i < 4; i++)
			eg_table_cell(&table, "%s", "");
		add_direction(&table, row, then, "tx", s);
		missed += number(row, "device_missed");
		errors += number(row, "device_errors");
	}
	eg_table_print(&table, out);
	if (missed > 0 || errors > 0)
		eg_buf_add(out, "devices: %.0f packets missed, %.0f errors\n", missed, errors);
}

/* Of one worker or of all: cycles per packet by stage, over the time between both samples; or since
 * the start, if there is one sample or no packet came. */
static void add_stages(struct json_object *now, struct json_object *before, struct eg_buf *out)
{
	struct eg_buf line = {0};

	foreach_row(row, now)
	{
		struct json_object *stages = member(row, "stages");
		struct json_object *then = member(earlier(before, at_row, row, "worker"), "stages");
		double sum = 0;

		if (!json_object_is_type(stages, json_type_object))
			continue;
		eg_buf_add(&line, "cycles per packet, worker %.0f:", number(row, "worker"));
		json_object_object_foreach(stages, name, stage)
		{
			struct json_object *old = member(then, name);
			double packets = number(stage, "packets") - number(old, "packets");
			double cycles = number(stage, "cycles") - number(old, "cycles");
			char cell[64];

			if (packets <= 0)
				continue;
			sum += cycles / packets;
			snprintf(cell, sizeof(cell), " %s %.1f", name, cycles / packets);
			if (line.n + strlen(cell) > EG_TABLE_WIDTH) {
				eg_buf_add(out, "%s\n", line.v);
				eg_buf_cut(&line, 0);
				eg_buf_add(&line, " ");
			}
			eg_buf_add(&line, "%s", cell);
		}
		eg_buf_add(out, "%s\n  sum %.1f\n", line.v ? line.v : "", sum);
		eg_buf_cut(&line, 0);
	}
	eg_buf_free(&line);
}

static void show_workers(struct json_object *now, struct json_object *before, struct eg_buf *out)
{
	struct eg_table table = {0};
	double s = elapsed_s(now, before), hz = number(now, "tsc_hz");

	COLUMNS(&table, ">WORKER", ">LCORE", ">QUEUES", ">ITERATIONS", ">BUSY %", ">PACKETS",
		">PKT/S", ">PKT/BURST");
	foreach_row(row, now)
	{
		struct json_object *then = earlier(before, at_row, row, "worker");
		double cycles = then ? number(row, "tsc") - number(then, "tsc")
				     : number(now, "uptime_s") * hz;
		double busy = number(row, "busy_cycles") - number(then, "busy_cycles");
		double bursts = number(row, "bursts") - number(then, "bursts");
		double packets = number(row, "packets") - number(then, "packets");

		eg_table_count(&table, number(row, "worker"));
		eg_table_count(&table, number(row, "lcore"));
		eg_table_count(&table, number(row, "rx_queues"));
		eg_table_count(&table, number(row, "iterations"));
		/* Both clocks are read one after the other. */
		eg_table_cell(&table, "%.1f",
			      cycles <= 0     ? 0
			      : busy > cycles ? 100
					      : 100 * busy / cycles);
		eg_table_count(&table, number(row, "packets"));
		eg_table_count(&table, (double)(uint64_t)rate(row, then, "packets", s));
		eg_table_cell(&table, "%.1f", bursts > 0 ? packets / bursts : 0);
	}
	eg_table_print(&table, out);
	add_stages(now, before, out);
}

static void show_peers(struct json_object *now, struct json_object *before, struct eg_buf *out)
{
	struct eg_table table = {0};

	(void)before;
	COLUMNS(&table, "~PEER", "~ENDPOINT", ">MTU", "STATE", ">SINCE", ">SAS", ">OUT PKTS",
		">OUT", ">IN PKTS", ">IN");
	foreach_row(row, now)
	{
		struct json_object *liveness = member(row, "liveness");
		const char *endpoint = text(row, "endpoint");

		eg_table_cell(&table, "%s", text(row, "name"));
		eg_table_cell(&table, "%s", *endpoint ? endpoint : text(row, "remote"));
		eg_table_cell(&table, "%.0f", number(row, "effective_mtu_bytes"));
		eg_table_cell(&table, "%s", !liveness ? "-" : is(liveness, "up") ? "up" : "DOWN");
		eg_table_time(&table,
			      member(liveness, "since_s") ? number(liveness, "since_s") : -1);
		eg_table_count(&table, number(row, "sas"));
		eg_table_count(&table, number(member(row, "out"), "packets"));
		eg_table_bytes(&table, count(member(row, "out"), "bytes"));
		eg_table_count(&table, number(member(row, "in"), "packets"));
		eg_table_bytes(&table, count(member(row, "in"), "bytes"));
	}
	eg_table_print(&table, out);
}

static void show_sas(struct json_object *now, struct json_object *before, struct eg_buf *out)
{
	struct eg_table table = {0};

	(void)before;
	COLUMNS(&table, "~PEER", "DIR", "SPI", "~SUITE", "USE", ">PACKETS", ">BYTES", ">IDLE",
		">LEFT");
	foreach_row(row, now)
	{
		const char *reached = text(row, "lifetime_reached");

		eg_table_cell(&table, "%s", text(row, "peer"));
		eg_table_cell(&table, "%s", text(row, "direction"));
		eg_table_cell(&table, "0x%08x", (unsigned)count(row, "spi"));
		eg_table_cell(&table, "%s", text(row, "suite"));
		eg_table_cell(&table, "%s",
			      !strcmp(reached, "hard") ? "EXPIRED" : text(row, "use"));
		eg_table_count(&table, number(row, "packets"));
		eg_table_bytes(&table, count(row, "bytes"));
		eg_table_time(&table, member(row, "idle_s") ? number(row, "idle_s") : -1);
		eg_table_time(&table,
			      member(row, "lifetime_left_s") ? number(row, "lifetime_left_s") : -1);
	}
	eg_table_print(&table, out);
}

/* "gw-a, gw-b". */
static void add_names(struct eg_buf *to, struct json_object *names)
{
	for (size_t i = 0; names && i < json_object_array_length(names); i++)
		eg_buf_add(to, "%s%s", i ? ", " : "",
			   json_object_get_string(json_object_array_get_idx(names, i)));
}

static void show_routes(struct json_object *now, struct json_object *before, struct eg_buf *out)
{
	struct eg_table table = {0};

	(void)before;
	COLUMNS(&table, "~TO", "KIND", "~BY", "~THROUGH");
	foreach_row(row, now)
	{
		struct eg_buf peers = {0};
		const char *via = text(row, "via");

		add_names(&peers, member(row, "peers"));
		eg_table_cell(&table, "%s", text(row, "to"));
		eg_table_cell(&table, "%s", text(row, "kind"));
		eg_table_cell(&table, "%s", peers.v ? "tunnel" : text(row, "port"));
		eg_table_cell(&table, "%s", peers.v ? peers.v : *via ? via : text(row, "mac"));
		eg_buf_free(&peers);
	}
	eg_table_print(&table, out);
}

static void show_neighbors(struct json_object *now, struct json_object *before, struct eg_buf *out)
{
	struct eg_table table = {0};

	(void)before;
	COLUMNS(&table, "~PORT", "ADDRESS", "MAC");
	foreach_row(row, now)
	{
		const char *mac = text(row, "mac");

		eg_table_cell(&table, "%s", text(row, "port"));
		eg_table_cell(&table, "%s", text(row, "address"));
		eg_table_cell(&table, "%s", *mac ? mac : "not resolved");
	}
	eg_table_print(&table, out);
}

static void show_policies(struct json_object *now, struct json_object *before, struct eg_buf *out)
{
	struct eg_table table = {0};

	(void)before;
	eg_buf_add(out, "policy mode: %s\n", text(now, "mode"));
	COLUMNS(&table, ">DENIED PKTS", ">ALLOWED CONNS", "~POLICY", "DIRECTION", "~PLACE");
	foreach_row(row, now)
	{
		if (member(row, "rule")) {
			eg_table_cell(&table, "%s", "");
			eg_table_count(&table, number(row, "allowed_connections"));
			eg_table_cell(&table, "  rule %.0f", number(row, "rule"));
		} else {
			eg_table_count(&table, number(row, "denied_packets"));
			eg_table_cell(&table, "%s", "");
			eg_table_cell(&table, "%s%s", text(row, "policy"),
				      is(row, "quarantined") ? " (quarantined)" : "");
		}
		eg_table_cell(&table, "%s", text(row, "direction"));
		eg_table_cell(&table, "%s", text(row, "place"));
	}
	eg_table_print(&table, out);
}

/* Long text, broken at spaces; following lines are indented. */
static void add_wrapped(const char *words, size_t indent, struct eg_buf *out)
{
	size_t space = EG_TABLE_WIDTH - indent;

	for (const char *rest = words; *rest;) {
		size_t n = strlen(rest);

		if (n > space) {
			for (n = space; n && rest[n] != ' '; n--)
				;
			if (!n)
				n = space;
		}
		eg_buf_add(out, "%*s%.*s\n", rest == words ? 0 : (int)indent, "", (int)n, rest);
		rest += n + strspn(rest + n, " ");
	}
}

static void show_quarantined(struct json_object *now, struct json_object *before,
			     struct eg_buf *out)
{
	size_t n = 0;

	(void)before;
	foreach_row(row, now)
	{
		struct eg_table line = {0};

		/* A cell, because that has no control characters. */
		eg_table_cell(&line, "%s", text(row, "object"));
		add_wrapped(line.cells.n ? line.cells.v[0] : "", 2, out);
		eg_vec_foreach (cell, &line.cells)
			free(*cell);
		eg_vec_free(&line.cells);
		n++;
	}
	if (!n)
		eg_buf_add(out, "nothing is quarantined\n");
}

static void show_drops(struct json_object *now, struct json_object *before, struct eg_buf *out)
{
	double s = elapsed_s(now, before);
	size_t n = 0;

	foreach_row(row, now)
	{
		double packets = number(row, "packets"),
		       audited = number(row, "audited_connections");
		struct json_object *then = earlier(before, at_row, row, "reason");

		if (packets <= 0 && audited <= 0)
			continue;
		n++;
		eg_buf_add(out, "%-22s %15.0f packets", text(row, "reason"), packets);
		if (s > 0)
			eg_buf_add(out, ", %.0f per second", rate(row, then, "packets", s));
		if (audited > 0)
			eg_buf_add(out, ", %.0f connections audited", audited);
		eg_buf_add(out, "\n    ");
		add_wrapped(text(row, "text"), 4, out);
	}
	if (!n)
		eg_buf_add(out, "no packet was dropped\n");
}

/* One row: a line for each member. */
static void show_members(struct json_object *now, struct json_object *before, struct eg_buf *out)
{
	struct json_object *row = row_at(now, 0);
	struct eg_table table = {0};

	(void)before;
	if (!row)
		return;
	COLUMNS(&table, "WHAT", "~VALUE");
	json_object_object_foreach(row, key, value)
	{
		char words[64];

		snprintf(words, sizeof(words), "%s", key);
		for (char *p = words; *p; p++)
			*p = *p == '_' ? ' ' : *p;
		eg_table_cell(&table, "%s", words);
		if (strlen(key) > 6 && !strcmp(key + strlen(key) - 6, "_bytes"))
			eg_table_bytes(&table, json_object_get_uint64(value));
		else if (json_object_is_type(value, json_type_boolean))
			eg_table_cell(&table, "%s", json_object_get_boolean(value) ? "yes" : "no");
		else
			eg_table_cell(&table, "%s", value ? json_object_get_string(value) : "-");
	}
	eg_table_print(&table, out);
}

static void show_memory(struct json_object *now, struct json_object *before, struct eg_buf *out)
{
	struct eg_table table = {0};

	(void)before;
	COLUMNS(&table, "~MEMORY", ">USED", ">TOTAL");
	foreach_row(row, now)
	{
		eg_table_cell(&table, "%s", text(row, "what"));
		eg_table_bytes(&table, count(row, "used_bytes"));
		eg_table_bytes(&table, count(row, "total_bytes"));
	}
	eg_table_print(&table, out);
}

static void show_health(struct json_object *now, struct json_object *before, struct eg_buf *out)
{
	struct eg_table table = {0};

	(void)before;
	eg_buf_add(out, "%s\n", text(now, "status"));
	COLUMNS(&table, "CHECK", "STATUS", "~DETAIL");
	foreach_row(row, now)
	{
		eg_table_cell(&table, "%s", text(row, "check"));
		eg_table_cell(&table, "%s", text(row, "status"));
		eg_table_cell(&table, "%s", text(row, "text"));
	}
	eg_table_print(&table, out);
}

typedef void show_fn(struct json_object *now, struct json_object *before, struct eg_buf *out);

static show_fn *const shows[EG_SHOW_COUNT] = {
	[EG_SHOW_PORTS] = show_ports,
	[EG_SHOW_WORKERS] = show_workers,
	[EG_SHOW_PEERS] = show_peers,
	[EG_SHOW_SAS] = show_sas,
	[EG_SHOW_ROUTES] = show_routes,
	[EG_SHOW_NEIGHBORS] = show_neighbors,
	[EG_SHOW_CONNECTIONS] = show_members,
	[EG_SHOW_POLICIES] = show_policies,
	[EG_SHOW_QUARANTINED] = show_quarantined,
	[EG_SHOW_DROPS] = show_drops,
	[EG_SHOW_CONFIG] = show_members,
	[EG_SHOW_MEMORY] = show_memory,
	[EG_SHOW_HEALTH] = show_health,
};

bool eg_show_view_has_rates(enum eg_control_show what)
{
	return what == EG_SHOW_PORTS || what == EG_SHOW_WORKERS;
}

void eg_show_view(enum eg_control_show what, struct json_object *now, struct json_object *before,
		  struct eg_buf *out)
{
	shows[what](now, before, out);
}
