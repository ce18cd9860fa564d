/* Reads a tree against a schema; each type of value has a small reader.
 *
 * A reader reports mistakes as `file:line:column: path: message` and continues, so that one pass
 * finds them all. On failure its output keeps the default. Quotes matter only for null: JSON has no
 * hex numbers, so "0x10" must be accepted.
 *
 * The caller owns the reader's state: set errs, zero the rest, and call eg_read_end(). Control
 * thread. */
#ifndef EG_CONF_READ_H
#define EG_CONF_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/ip.h"
#include "conf/tree.h"

#define EG_READ_FIELDS_MAX 32 /* per section */

struct eg_read {
	struct eg_errs *errs;
	struct eg_buf path;       /* "peers.node-b.sas[1]" */
	struct eg_config *config; /* the sections read so far (configuration only) */
	const struct eg_node *root;
	unsigned invalid_sections; /* sections with errors: EG_INVALID_* (configuration only) */
	bool failed;               /* out of memory: `config` is incomplete */
};

/* Reads one value into the section's struct. */
typedef void eg_read_fn(struct eg_read *rd, const struct eg_node *node, void *into);

struct eg_field {
	const char *key;
	eg_read_fn *read;
	bool required;
};

/* Enter and leave one level of the path. "name" is appended after a dot, "[1]" without one. Pass
 * the result of enter to leave. */
size_t eg_read_enter(struct eg_read *rd, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void eg_read_leave(struct eg_read *rd, size_t mark);

/* Report with the current path. */
#define eg_read_error(rd, pos, ...)   eg_error((rd)->errs, pos, (rd)->path.v, __VA_ARGS__)
#define eg_read_warning(rd, pos, ...) eg_warning((rd)->errs, pos, (rd)->path.v, __VA_ARGS__)

/* Report "out of memory", once, and set `failed`. */
void eg_read_no_memory(struct eg_read *rd);

void eg_read_end(struct eg_read *rd);

/* The position to report for a value: its key's in a map, its own in a list. */
const struct eg_pos *eg_node_error_pos(const struct eg_node *node);

/* " (did you mean \"x\"?)" if one of the candidates is close to `word`, else "". `out` is scratch
 * space. */
#define EG_HINT_MAX 100
const char *eg_read_hint(const struct eg_read *rd, const char *word, const char *const *candidates,
			 size_t n, char out[EG_HINT_MAX]);

/* Report a word that is not in `names`: suggest `near`, or list all names if it is NULL. */
void eg_read_unknown(struct eg_read *rd, const struct eg_node *node, const char *near,
		     const char *const *names, size_t n);

/* A map with known keys. Fields are read in the order of the table, not of the file, so that a
 * reader may depend on earlier fields. Unknown and missing keys are reported. */
void eg_read_map(struct eg_read *rd, const struct eg_node *node, const struct eg_field *fields,
		 size_t n, void *into);

/* A sequence: call `item` for each. A map: call `value` for each, whatever its key. */
void eg_read_seq(struct eg_read *rd, const struct eg_node *node, eg_read_fn *item, void *into);
void eg_read_named(struct eg_read *rd, const struct eg_node *node, eg_read_fn *value, void *into);

/* The text of a non-null scalar; NULL after an error. */
const char *eg_read_text(struct eg_read *rd, const struct eg_node *node);

/* The readers below return true if *out was set. */

/* A copy owned by the caller; frees the previous *out. Empty text is an error. */
bool eg_read_string(struct eg_read *rd, const struct eg_node *node, char **out);
bool eg_read_bool(struct eg_read *rd, const struct eg_node *node, bool *out);
bool eg_read_u64(struct eg_read *rd, const struct eg_node *node, uint64_t min, uint64_t max,
		 uint64_t *out);
bool eg_read_duration_ns(struct eg_read *rd, const struct eg_node *node, uint64_t *out_ns);
bool eg_read_bytes(struct eg_read *rd, const struct eg_node *node, uint64_t *out_bytes);
bool eg_read_ip(struct eg_read *rd, const struct eg_node *node, struct eg_ip *out);
/* Rejects addresses that no single host can have: unspecified, loopback, multicast, reserved,
 * IPv4-mapped. */
bool eg_read_host_ip(struct eg_read *rd, const struct eg_node *node, struct eg_ip *out);
/* A host's address with its prefix length; keeps the host bits. Rejects the network's own address
 * and its broadcast address. */
bool eg_read_host_prefix(struct eg_read *rd, const struct eg_node *node, struct eg_prefix *out);
/* Rejects host bits. */
bool eg_read_prefix(struct eg_read *rd, const struct eg_node *node, struct eg_prefix *out);
/* Index of the word in `names`. */
bool eg_read_enum(struct eg_read *rd, const struct eg_node *node, const char *const *names,
		  size_t n, unsigned *out);

#endif
