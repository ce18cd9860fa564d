/* Reading a tree against a schema, one small reader a value.
 *
 * Every reader reports what is wrong as `file:line:column: path: message` and goes on, so that one
 * pass finds all mistakes; where it fails its output keeps the default it held. Quotes around a
 * value make no difference but for null: JSON has no hex numbers, so "0x10" must do.
 *
 * The reader's state belongs to the caller: set errs, zero the rest, eg_read_end() it. Control
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

#define EG_READ_FIELDS_MAX 32 /* of one section */

struct eg_read {
	struct eg_errs *errs;
	struct eg_buf path;       /* "peers.node-b.sas[1]" */
	struct eg_config *config; /* for config.c's sections: what was read so far */
	const struct eg_node *root;
	unsigned unsound; /* for config.c's sections: bits of those with errors */
	bool failed;      /* memory was short: `config` misses elements */
};

/* Reads one value into the section's struct. */
typedef void eg_read_fn(struct eg_read *rd, const struct eg_node *node, void *into);

struct eg_field {
	const char *key;
	eg_read_fn *read;
	bool required;
};

/* Step into and out of a level of the path: "name" gets a dot before it, "[1]" none. Returns what
 * leave needs. */
size_t eg_read_enter(struct eg_read *rd, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void eg_read_leave(struct eg_read *rd, size_t mark);

/* Report at the path's present level. */
#define eg_read_error(rd, pos, ...)   eg_error((rd)->errs, pos, (rd)->path.v, __VA_ARGS__)
#define eg_read_warning(rd, pos, ...) eg_warning((rd)->errs, pos, (rd)->path.v, __VA_ARGS__)

/* Memory is short: report it once, and remember it. */
void eg_read_no_memory(struct eg_read *rd);

void eg_read_end(struct eg_read *rd);

/* Where a value is best pointed at: its key, or itself inside a sequence. */
const struct eg_pos *eg_node_place(const struct eg_node *node);

/* " (did you mean \"x\"?)" where one of the candidates is near to `word`, else "". `out` is
 * scratch. */
#define EG_HINT_MAX 100
const char *eg_read_hint(const struct eg_read *rd, const char *word, const char *const *candidates,
			 size_t n, char out[EG_HINT_MAX]);

/* Report a word that is none of `names`: the one that was meant, or where that is NULL all. */
void eg_read_unknown(struct eg_read *rd, const struct eg_node *node, const char *near,
		     const char *const *names, size_t n);

/* A map with known keys. Fields are read in the table's order, not the file's, so that a later one
 * may lean on an earlier one. Unknown and missing keys are reported. */
void eg_read_map(struct eg_read *rd, const struct eg_node *node, const struct eg_field *fields,
		 size_t n, void *into);

/* A sequence: `item` for each. A map: `value` for each, whatever its key. */
void eg_read_seq(struct eg_read *rd, const struct eg_node *node, eg_read_fn *item, void *into);
void eg_read_named(struct eg_read *rd, const struct eg_node *node, eg_read_fn *value, void *into);

/* The text of a scalar that is not null, or NULL after the error. */
const char *eg_read_text(struct eg_read *rd, const struct eg_node *node);

/* All below: true where *out was set. */

/* A copy that the caller frees; what *out held before is freed. Empty text is an error. */
bool eg_read_string(struct eg_read *rd, const struct eg_node *node, char **out);
bool eg_read_bool(struct eg_read *rd, const struct eg_node *node, bool *out);
bool eg_read_u64(struct eg_read *rd, const struct eg_node *node, uint64_t min, uint64_t max,
		 uint64_t *out);
bool eg_read_duration_ns(struct eg_read *rd, const struct eg_node *node, uint64_t *out_ns);
bool eg_read_bytes(struct eg_read *rd, const struct eg_node *node, uint64_t *out_bytes);
bool eg_read_ip(struct eg_read *rd, const struct eg_node *node, struct eg_ip *out);
/* Refuses addresses no single host on a network can have: unspecified, loopback, multicast,
 * reserved, IPv4-mapped. */
bool eg_read_host_ip(struct eg_read *rd, const struct eg_node *node, struct eg_ip *out);
/* A host's address with the length of its network, host bits kept. Refuses what that network uses
 * otherwise: its own and its broadcast address. */
bool eg_read_host_prefix(struct eg_read *rd, const struct eg_node *node, struct eg_prefix *out);
/* Refuses host bits. */
bool eg_read_prefix(struct eg_read *rd, const struct eg_node *node, struct eg_prefix *out);
/* The place of the word among `names`. */
bool eg_read_enum(struct eg_read *rd, const struct eg_node *node, const char *const *names,
		  size_t n, unsigned *out);

#endif
