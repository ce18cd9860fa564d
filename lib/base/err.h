/* Errors with the place they come from: `file:line:column: path: what is wrong`.
 *
 * A reader of outside text reports every mistake into one eg_errs and goes on, so that a person
 * sees all of them at once. Owner: the caller of the reader; eg_errs_free() ends it. Not
 * thread-safe. Secrets never go into a message: callers name what a value should be, not what a key
 * file held. */
#ifndef EG_BASE_ERR_H
#define EG_BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/vec.h"

/* Where something stands in a file; line and column count from 1, 0 means "not known". */
struct eg_pos {
	const char *file; /* borrowed: must outlive what points here */
	unsigned line, column;
};

enum eg_severity {
	EG_ERROR,      /* refuses the input */
	EG_QUARANTINE, /* one object was taken out in the safe direction; refuses nothing else */
	EG_WARNING,    /* told to the operator, refuses nothing */
	EG_SEVERITIES,
};

struct eg_errmsg {
	enum eg_severity severity;
	char *text; /* whole line without newline, owned */
};

struct eg_errs {
	EG_VEC(struct eg_errmsg) msgs; /* in the order they came; shown by severity */
	size_t n_errors;               /* all that were reported, also those past the cap */
	size_t n_quarantined;
	size_t n_warnings;
	size_t n_stored[EG_SEVERITIES]; /* messages, by severity */
};

/* At most this many messages of each severity are kept; the rest only count (a hostile file could
 * make millions). One severity never takes another's place. */
#define EG_ERRS_MAX 100

/* Add one message. pos and path may be NULL. What is quoted may come from outside: control bytes
 * are replaced and long texts cut, so that a message is one printable line. Keeps copies; never
 * fails visibly: where memory is short the message is lost but the error still counts. */
void eg_errs_add(struct eg_errs *errs, enum eg_severity severity, const struct eg_pos *pos,
		 const char *path, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

#define eg_error(errs, pos, path, ...)   eg_errs_add(errs, EG_ERROR, pos, path, __VA_ARGS__)
#define eg_warning(errs, pos, path, ...) eg_errs_add(errs, EG_WARNING, pos, path, __VA_ARGS__)

/* How many messages of a severity were reported but not kept. */
size_t eg_errs_omitted(const struct eg_errs *errs, enum eg_severity severity);

/* "errors", "warnings" ... */
const char *eg_severity_name(enum eg_severity severity);

/* Write all messages, one a line and errors first, and how many of each severity were left out. */
void eg_errs_print(const struct eg_errs *errs, FILE *out);

/* Free the messages and leave an empty list. */
void eg_errs_free(struct eg_errs *errs);

#endif
