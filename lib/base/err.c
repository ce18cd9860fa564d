#include "base/err.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/buf.h"

/* Enough for a path and a quoted value; longer text is cut. */
#define TEXT_MAX 2000

/* Make the message one printable line whatever outside text it quotes: no byte may start a new line
 * or control the terminal (C0, DEL, and C1 in UTF-8). */
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

static size_t n_reported(const struct eg_errs *errs, enum eg_severity severity)
{
	switch (severity) {
	case EG_ERROR:
		return errs->n_errors;
	case EG_QUARANTINE:
		return errs->n_quarantined;
	default:
		return errs->n_warnings;
	}
}

static void count(struct eg_errs *errs, enum eg_severity severity)
{
	errs->n_errors += severity == EG_ERROR;
	errs->n_quarantined += severity == EG_QUARANTINE;
	errs->n_warnings += severity == EG_WARNING;
}

static void store(struct eg_errs *errs, enum eg_severity severity, char *text)
{
	struct eg_errmsg *msg = eg_vec_add(&errs->msgs);

	if (!msg) {
		free(text);
		return;
	}
	*msg = (struct eg_errmsg){severity, text};
	errs->n_stored[severity]++;
}

void eg_errs_add(struct eg_errs *errs, enum eg_severity severity, const struct eg_pos *pos,
		 const char *path, const char *fmt, ...)
{
	struct eg_buf text = {0};
	va_list ap;

	count(errs, severity);
	if (errs->n_stored[severity] >= EG_ERRS_MAX)
		return;

	if (pos && pos->file)
		eg_buf_add(&text, "%s:", pos->file);
	if (pos && pos->line)
		eg_buf_add(&text, "%u:%u:", pos->line, pos->column);
	if (text.n)
		eg_buf_add(&text, " ");
	if (severity == EG_WARNING)
		eg_buf_add(&text, "warning: ");
	else if (severity == EG_QUARANTINE)
		eg_buf_add(&text, "quarantined: ");
	if (path && *path)
		eg_buf_add(&text, "%s: ", path);
	va_start(ap, fmt);
	eg_buf_vadd(&text, fmt, ap);
	va_end(ap);
	make_line(&text);

	if (text.v)
		store(errs, severity, text.v);
}

size_t eg_errs_omitted(const struct eg_errs *errs, enum eg_severity severity)
{
	return n_reported(errs, severity) - errs->n_stored[severity];
}

const char *eg_severity_name(enum eg_severity severity)
{
	static const char *const names[EG_SEVERITIES] = {
		[EG_ERROR] = "errors",
		[EG_QUARANTINE] = "quarantined objects",
		[EG_WARNING] = "warnings",
	};

	return names[severity];
}

void eg_errs_print(const struct eg_errs *errs, FILE *out)
{
	for (int s = 0; s < EG_SEVERITIES; s++) {
		enum eg_severity severity = (enum eg_severity)s;
		size_t left_out = eg_errs_omitted(errs, severity);

		eg_vec_foreach (msg, &errs->msgs)
			if (msg->severity == severity)
				fprintf(out, "%s\n", msg->text);
		if (left_out)
			fprintf(out, "... and %zu more %s\n", left_out, eg_severity_name(severity));
	}
}

void eg_errs_free(struct eg_errs *errs)
{
	eg_vec_foreach (msg, &errs->msgs)
		free(msg->text);
	eg_vec_free(&errs->msgs);
	*errs = (struct eg_errs){0};
}
