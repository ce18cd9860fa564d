/* Errors with their location: `file:line:column: path: what is wrong`.
 *
 * A reader of outside text reports every mistake into one eg_errs and continues, so that the user
 * sees all of them at once. Owned by the caller of the reader; release with eg_errs_free(). Not
 * thread-safe. Never put secrets into a message: say what a value should be, not what a key file
 * contained. */
#ifndef EG_BASE_ERR_H
#define EG_BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/vec.h"

/* A location in a file; line and column count from 1, 0 means unknown. */
struct eg_pos {
	const char *file; /* borrowed: must outlive the struct */
	unsigned line, column;
};

/* Where in the configuration something is named, for errors about that thing. */
struct eg_err_place {
	struct eg_pos pos;
	const char *path; /* "peers.node-b.sas[1].key_file"; borrowed; may be NULL */
};

enum eg_severity {
	EG_ERROR,      /* the input is refused */
	EG_QUARANTINE, /* one object was quarantined on the safe side; nothing else is refused */
	EG_WARNING,    /* reported to the operator; nothing is refused */
	EG_SEVERITIES,
};

struct eg_errmsg {
	enum eg_severity severity;
	char *text; /* the whole line without newline, owned */
};

struct eg_errs {
	EG_VEC(struct eg_errmsg) msgs; /* in order of arrival; printed by severity */
	size_t n_errors;               /* all reported errors, including those over the cap */
	size_t n_quarantined;
	size_t n_warnings;
	size_t n_stored[EG_SEVERITIES]; /* stored messages, by severity */
};

/* At most this many messages are stored per severity, the rest are only counted: a hostile file
 * could cause millions. No severity can crowd out another. */
#define EG_ERRS_MAX 100

/* Add one message, which is copied. pos and path may be NULL. Arguments may quote outside text:
 * control bytes are replaced and long text is cut, so that a message is one printable line. If
 * memory is short the message is lost, but it is still counted. */
void eg_errs_add(struct eg_errs *errs, enum eg_severity severity, const struct eg_pos *pos,
		 const char *path, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

#define eg_error(errs, pos, path, ...)   eg_errs_add(errs, EG_ERROR, pos, path, __VA_ARGS__)
#define eg_warning(errs, pos, path, ...) eg_errs_add(errs, EG_WARNING, pos, path, __VA_ARGS__)

/* Number of messages of a severity that were reported but not stored. */
size_t eg_errs_omitted(const struct eg_errs *errs, enum eg_severity severity);

/* Plural, for example "errors". */
const char *eg_severity_name(enum eg_severity severity);

/* Print all messages, one per line and errors first, and the number omitted per severity. */
void eg_errs_print(const struct eg_errs *errs, FILE *out);

/* Free the messages and leave an empty list. */
void eg_errs_free(struct eg_errs *errs);

#endif
