/* Key files: hex, one key per line: the encryption key, followed by its salt (RFC 4106 s8.1) if the
 * suite has one, then the authentication key if there is one (RFC 4868 s2.1.1). `#` starts a
 * comment. Never accessible to group or others.
 *
 * No byte of a key appears in an error, and buffers that held text of a key file are wiped. Control
 * thread or a verb without a daemon; stateless. */
#ifndef EG_SA_KEYFILE_H
#define EG_SA_KEYFILE_H

#include <stdint.h>

#include "base/err.h"
#include "base/suite.h"

/* Read `path` for `suite` into material (EG_SUITE_KEY_MAX bytes; the caller wipes it). Errors in
 * the text are reported as file:line, others at `place`. 0 or -1. */
int eg_keyfile_read(const char *path, const struct eg_suite *suite,
		    const struct eg_err_place *place, uint8_t *material, struct eg_errs *errs);

/* Create a key with getrandom(2) and write it to `path` with mode 0600; an existing file is never
 * overwritten. "-" is standard output. 0 or -1. */
int eg_keyfile_create(const char *path, const struct eg_suite *suite, struct eg_errs *errs);

#endif
