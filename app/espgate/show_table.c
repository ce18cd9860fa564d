#include "show_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GAP 2 /* between columns */

/* No flexible column gets narrower. */
#define FLEXIBLE_MIN 8

void eg_table_columns(struct eg_table *table, const char *const *titles, unsigned n)
{
	for (unsigned c = 0; c < n && c < EG_TABLE_COLUMNS; c++) {
		const char *title = titles[c];
		struct eg_table_column *column = &table->column[c];

		column->right = *title == '>';
		title += column->right;
		column->flexible = *title == '~';
		column->title = title + column->flexible;
	}
	table->n_columns = n;
}

void eg_table_cell(struct eg_table *table, const char *fmt, ...)
{
	char **slot = eg_vec_add(&table->cells);
	struct eg_buf text = {0};
	va_list ap;

	va_start(ap, fmt);
	eg_buf_vadd(&text, fmt, ap);
	va_end(ap);
	for (unsigned char *p = (unsigned char *)text.v; p && *p; p++) {
		if (*p < ' ' || *p > '~')
			*p = '?';
	}
	if (slot)
		*slot = text.v;
	else
		eg_buf_free(&text);
}

void eg_table_count(struct eg_table *table, double value)
{
	static const char *const prefixes[] = {"", "k", "M", "G", "T", "P", "E"};
	size_t p = 0;

	if (value < 100000 && value == (double)(uint64_t)value) {
		eg_table_cell(table, "%.0f", value);
		return;
	}
	while (value >= 999.95 && p + 1 < sizeof(prefixes) / sizeof(*prefixes)) {
		value /= 1000;
		p++;
	}
	eg_table_cell(table, "%.*f%s", value < 10 ? 3 : value < 100 ? 2 : 1, value, prefixes[p]);
}

void eg_table_bytes(struct eg_table *table, uint64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	double value = (double)bytes;
	size_t u = 0;

	while (value >= 1000 && u + 1 < sizeof(units) / sizeof(*units)) {
		value /= 1024;
		u++;
	}
	if (u)
		eg_table_cell(table, "%.*f %s", value < 10 ? 2 : 1, value, units[u]);
	else
		eg_table_cell(table, "%" PRIu64 " B", bytes);
}

void eg_table_time(struct eg_table *table, double seconds)
{
	static const struct {
		double seconds;
		const char *unit;
	} units[] = {{365.25 * 86400, "years"}, {86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
	size_t u = 0;

	if (seconds < 0) {
		eg_table_cell(table, "-");
		return;
	}
	while (u + 1 < sizeof(units) / sizeof(*units) && seconds < 2 * units[u].seconds)
		u++;
	if (seconds / units[u].seconds > 999)
		eg_table_cell(table, "> 999 %s", units[u].unit);
	else
		eg_table_cell(table, "%.1f %s", seconds / units[u].seconds, units[u].unit);
}

static const char *cell_at(const struct eg_table *table, size_t row, unsigned column)
{
	size_t i = row * table->n_columns + column;

	return i < table->cells.n && table->cells.v[i] ? table->cells.v[i] : "";
}

/* How wide each column is: as its widest cell; flexible ones as far as there is space, the widest
 * cut first. */
static void measure(const struct eg_table *table, size_t rows, size_t width[EG_TABLE_COLUMNS])
{
	size_t total = 0;

	for (unsigned c = 0; c < table->n_columns; c++) {
		width[c] = strlen(table->column[c].title);
		for (size_t r = 0; r < rows; r++) {
			size_t n = strlen(cell_at(table, r, c));

			width[c] = n > width[c] ? n : width[c];
		}
		total += width[c] + (c ? GAP : 0);
	}
	while (total > EG_TABLE_WIDTH) {
		unsigned widest = EG_TABLE_COLUMNS;

		for (unsigned c = 0; c < table->n_columns; c++) {
			if (table->column[c].flexible && width[c] > FLEXIBLE_MIN &&
			    (widest == EG_TABLE_COLUMNS || width[c] > width[widest]))
				widest = c;
		}
		if (widest == EG_TABLE_COLUMNS)
			return;
		width[widest]--;
		total--;
	}
}

static void add_cell(const struct eg_table *table, unsigned c, const char *text, size_t width,
		     struct eg_buf *line)
{
	bool cut = table->column[c].flexible && strlen(text) > width;
	int space = (int)width;

	if (c)
		eg_buf_add(line, "%*s", GAP, "");
	if (cut)
		eg_buf_add(line, "%.*s~", space - 1, text);
	else
		eg_buf_add(line, "%*s", table->column[c].right ? space : -space, text);
}

static void end_line(struct eg_buf *line, struct eg_buf *out)
{
	while (line->n && line->v[line->n - 1] == ' ')
		eg_buf_cut(line, line->n - 1);
	eg_buf_add(out, "%s\n", line->v ? line->v : "");
	eg_buf_cut(line, 0);
}

void eg_table_print(struct eg_table *table, struct eg_buf *out)
{
	size_t rows =
		table->n_columns ? (table->cells.n + table->n_columns - 1) / table->n_columns : 0;
	size_t width[EG_TABLE_COLUMNS];
	struct eg_buf line = {0};

	measure(table, rows, width);
	for (unsigned c = 0; c < table->n_columns; c++)
		add_cell(table, c, table->column[c].title, width[c], &line);
	end_line(&line, out);
	for (size_t r = 0; r < rows; r++) {
		for (unsigned c = 0; c < table->n_columns; c++)
			add_cell(table, c, cell_at(table, r, c), width[c], &line);
		end_line(&line, out);
	}
	eg_buf_free(&line);
	eg_vec_foreach (cell, &table->cells)
		free(*cell);
	eg_vec_free(&table->cells);
	*table = (struct eg_table){0};
}
