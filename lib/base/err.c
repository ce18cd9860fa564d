#include "base/err.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/buf.h"

/* Long enough for a path and a quoted value; a quoted megabyte is no message. */
#define TEXT_MAX 2000

/* One message is one line, whatever the outside text it quotes: no byte of it may start a line or
 * drive the terminal (C0, DEL, and C1 as UTF-8 spells it). */
static void make_line(struct eg_buf *text)
{
	size_t end = TEXT_MAX;

	if (text->n > TEXT_MAX) {
		while (end && ((unsigned char)text->v[end] & 0xc0) == 0x80)
			end--;
		eg_buf_cut(text, end);
		eg_buf_add(text, "...");
	}
	for (size_t i = 0; i < text->n; i++) {
		unsigned char c = (unsigned char)text->v[i];
		bool c1 = c == 0xc2 && (unsigned char)text->v[i + 1] < 0xa0;

		if (c < 0x20 || c == 0x7f || c1)
			text->v[i] = '?';
		if (c1 && text->v[i + 1])
			text->v[++i] = '?';
	}
}

void eg_errs_add(struct eg_errs *errs, enum eg_severity severity, const struct eg_pos *pos,
		 const char *path, const char *fmt, ...)
{
	struct eg_buf text = {0};
	struct eg_errmsg *msg;
	va_list ap;

	if (severity == EG_ERROR)
		errs->n_errors++;
	else
		errs->n_warnings++;
	if (errs->msgs.n >= EG_ERRS_MAX)
		return;

	if (pos && pos->file)
		eg_buf_add(&text, "%s:", pos->file);
	if (pos && pos->line)
		eg_buf_add(&text, "%u:%u:", pos->line, pos->column);
	if (text.n)
		eg_buf_add(&text, " ");
	if (severity == EG_WARNING)
		eg_buf_add(&text, "warning: ");
	if (path && *path)
		eg_buf_add(&text, "%s: ", path);
	va_start(ap, fmt);
	eg_buf_vadd(&text, fmt, ap);
	va_end(ap);
	make_line(&text);

	msg = text.v ? eg_vec_add(&errs->msgs) : NULL;
	if (!msg) {
		eg_buf_free(&text);
		return;
	}
	msg->severity = severity;
	msg->text = text.v;
}

void eg_errs_print(const struct eg_errs *errs, FILE *out)
{
	size_t all = errs->n_errors + errs->n_warnings;

	eg_vec_foreach (msg, &errs->msgs)
		fprintf(out, "%s\n", msg->text);
	if (all > errs->msgs.n)
		fprintf(out, "... and %zu more\n", all - errs->msgs.n);
}

void eg_errs_free(struct eg_errs *errs)
{
	eg_vec_foreach (msg, &errs->msgs)
		free(msg->text);
	eg_vec_free(&errs->msgs);
	errs->n_errors = errs->n_warnings = 0;
}
