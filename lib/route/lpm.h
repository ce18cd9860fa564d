/* Longest-prefix match over both families: address -> 31-bit value.
 *
 * Life cycle: eg_lpm_build() once -> lookups by any number of threads -> eg_lpm_free() when no
 * reader is left. Nothing changes in between, so readers need no lock; a change is a new table.
 *
 * Why not rte_lpm: it takes 64 MiB a table however few prefixes there are, needs a global name, and
 * its IPv6 sibling changed types between releases. Several tables live at once here (old and new
 * snapshot), most of them small.
 *
 * Shape: a root of 2^16 entries a family, then tables of 2^8. A run of bytes that all prefixes
 * below share is one skip node instead of a chain of tables, so that a /128 costs a handful of
 * cache lines: root, skip, table, skip. An IPv4 lookup touches at most three. */
#ifndef EG_ROUTE_LPM_H
#define EG_ROUTE_LPM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/ip.h"

#define EG_LPM_VALUE_MAX 0x7fffffffu

struct eg_lpm_entry {
	struct eg_prefix prefix; /* bits behind the length are ignored */
	uint32_t value;          /* <= EG_LPM_VALUE_MAX */
};

/* A slot holds a value, or with EG_LPM_NODE the place of a table or skip node in `nodes`. */
#define EG_LPM_NODE       0x80000000u
#define EG_LPM_SKIP       0x40000000u
#define EG_LPM_PLACE      0x3fffffffu
#define EG_LPM_UNIT_BYTES 32

struct eg_lpm_skip {
	uint32_t miss; /* value where the address has other bytes */
	uint32_t next; /* slot to go on with where it has these */
	uint8_t n;
	uint8_t bytes[15];
};

/* Private but for the inline lookups. */
struct eg_lpm {
	uint32_t *root[2]; /* IPv4, IPv6 */
	uint8_t *nodes;
	size_t n_units;
};

/* Build from n prefixes in any order; of two equal prefixes the later one counts. Addresses that no
 * prefix covers get default_value. The table is the caller's: eg_lpm_free(). NULL with errno
 * EINVAL (a value or length out of range, no family) or ENOMEM. */
struct eg_lpm *eg_lpm_build(const struct eg_lpm_entry *entries, size_t n, uint32_t default_value);

/* NULL is allowed. */
void eg_lpm_free(struct eg_lpm *lpm);

/* Memory held, bytes. */
size_t eg_lpm_bytes(const struct eg_lpm *lpm);

/* A byte or two of most addresses: a call of memcmp() costs more. */
static inline bool eg_lpm_skips(const struct eg_lpm_skip *skip, const uint8_t *rest)
{
	unsigned i = 0;

	while (i < skip->n && rest[i] == skip->bytes[i])
		i++;
	return i == skip->n;
}

/* From a slot down to its value; rest: the address bytes behind the root's two. */
static inline uint32_t eg_lpm_walk(const struct eg_lpm *lpm, uint32_t slot, const uint8_t *rest)
{
	while (slot & EG_LPM_NODE) {
		const void *node = lpm->nodes + (size_t)(slot & EG_LPM_PLACE) * EG_LPM_UNIT_BYTES;

		if (slot & EG_LPM_SKIP) {
			const struct eg_lpm_skip *skip = node;

			if (!eg_lpm_skips(skip, rest))
				return skip->miss;
			rest += skip->n;
			slot = skip->next;
		} else {
			slot = ((const uint32_t *)node)[*rest++];
		}
	}
	return slot;
}

/* The value of the longest prefix that holds the address (network byte order, any alignment). */
static inline uint32_t eg_lpm_lookup4(const struct eg_lpm *lpm, const uint8_t addr[4])
{
	return eg_lpm_walk(lpm, lpm->root[0][addr[0] << 8 | addr[1]], addr + 2);
}

static inline uint32_t eg_lpm_lookup6(const struct eg_lpm *lpm, const uint8_t addr[16])
{
	return eg_lpm_walk(lpm, lpm->root[1][addr[0] << 8 | addr[1]], addr + 2);
}

/* The same by the address's own family, which must be set. */
static inline uint32_t eg_lpm_lookup(const struct eg_lpm *lpm, const struct eg_ip *ip)
{
	return ip->family == 4 ? eg_lpm_lookup4(lpm, ip->bytes) : eg_lpm_lookup6(lpm, ip->bytes);
}

#endif
