#include "base/err.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/buf.h"

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
