/* A table for people: columns with units in their titles, aligned, at most 80 characters wide.
 *
 * Life cycle: zeroed -> columns -> rows, cell by cell -> print, which empties it. */
#ifndef ESPGATE_SHOW_TABLE_H
#define ESPGATE_SHOW_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/vec.h"

#define EG_TABLE_WIDTH   80
#define EG_TABLE_COLUMNS 12

struct eg_table_column {
	const char *title; /* borrowed */
	bool right;        /* aligned: numbers */
	bool flexible;     /* cut, with '~' at the end, where the table is too wide */
};

struct eg_table {
	struct eg_table_column column[EG_TABLE_COLUMNS];
	unsigned n_columns;
	EG_VEC(char *) cells; /* row by row; owned */
};

/* Titles in order: "PORT~" is flexible, ">RX" is aligned to the right. */
void eg_table_columns(struct eg_table *table, const char *const *titles, unsigned n);

/* The next cell. Control characters become '?': names may come from tenants. */
void eg_table_cell(struct eg_table *table, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* A number with at most four digits and a unit prefix: 999, 12.35k, 1.234M; of powers of 1000. */
void eg_table_count(struct eg_table *table, double value);

/* "1.50 KiB". */
void eg_table_bytes(struct eg_table *table, uint64_t bytes);

/* "12.3 h"; < 0: "-". */
void eg_table_time(struct eg_table *table, double seconds);

void eg_table_print(struct eg_table *table, struct eg_buf *out);

#endif
