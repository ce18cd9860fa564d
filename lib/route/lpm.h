/* Longest-prefix match for both families: address -> 31-bit value.
 *
 * Life cycle: eg_lpm_build() once -> lookups by any number of threads -> eg_lpm_free() once no
 * reader is left. The table is immutable, so readers need no lock; a change is a new table.
 *
 * Why not rte_lpm: it takes 64 MiB per table however few prefixes there are, needs a global name,
 * and its IPv6 sibling changed types between releases. Here several tables exist at once (old and
 * new snapshot), most of them small.
 *
 * Layout: a root of 2^16 entries per family, then tables of 2^8. A run of bytes shared by all
 * prefixes below is one skip node instead of a chain of tables, so a /128 costs only a few cache
 * lines: root, skip, table, skip. An IPv4 lookup touches at most three. */
#ifndef EG_ROUTE_LPM_H
#define EG_ROUTE_LPM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/ip.h"

#define EG_LPM_VALUE_MAX 0x7fffffffu

struct eg_lpm_entry {
	struct eg_prefix prefix; /* bits after the length are ignored */
	uint32_t value;          /* <= EG_LPM_VALUE_MAX */
};

/* A slot holds a value, or with EG_LPM_NODE the index of a table or skip node in `nodes`. */
#define EG_LPM_NODE       0x80000000u
#define EG_LPM_SKIP       0x40000000u
#define EG_LPM_INDEX      0x3fffffffu
#define EG_LPM_UNIT_BYTES 32

struct eg_lpm_skip {
	uint32_t miss; /* value if the address bytes differ */
	uint32_t next; /* next slot if they match */
	uint8_t n;
	uint8_t bytes[15];
};

/* Private, except to the inline lookups. */
struct eg_lpm {
	uint32_t *root[2]; /* IPv4, IPv6 */
	uint8_t *nodes;
	size_t n_units;
};

/* Build from n prefixes in any order; the last of several equal prefixes wins. Addresses without a
 * prefix get default_value. The caller frees the table with eg_lpm_free(). NULL with errno EINVAL
 * (a value or length out of range, no family) or ENOMEM. */
struct eg_lpm *eg_lpm_build(const struct eg_lpm_entry *entries, size_t n, uint32_t default_value);

/* NULL is allowed. */
void eg_lpm_free(struct eg_lpm *lpm);

/* Memory in bytes. */
size_t eg_lpm_bytes(const struct eg_lpm *lpm);

/* Mostly a byte or two: calling memcmp() would cost more. */
static inline bool eg_lpm_skip_matches(const struct eg_lpm_skip *skip, const uint8_t *rest)
{
	unsigned i = 0;

	while (i < skip->n && rest[i] == skip->bytes[i])
		i++;
	return i == skip->n;
}

/* Follow a slot down to its value; rest: the address bytes after the root's two. */
static inline uint32_t eg_lpm_walk(const struct eg_lpm *lpm, uint32_t slot, const uint8_t *rest)
{
	while (slot & EG_LPM_NODE) {
		const void *node = lpm->nodes + (size_t)(slot & EG_LPM_INDEX) * EG_LPM_UNIT_BYTES;

		if (slot & EG_LPM_SKIP) {
			const struct eg_lpm_skip *skip = node;

			if (!eg_lpm_skip_matches(skip, rest))
				return skip->miss;
			rest += skip->n;
			slot = skip->next;
		} else {
			slot = ((const uint32_t *)node)[*rest++];
		}
	}
	return slot;
}

/* Value of the longest prefix that contains the address (network byte order, any alignment). */
static inline uint32_t eg_lpm_lookup4(const struct eg_lpm *lpm, const uint8_t addr[4])
{
	return eg_lpm_walk(lpm, lpm->root[0][addr[0] << 8 | addr[1]], addr + 2);
}

static inline uint32_t eg_lpm_lookup6(const struct eg_lpm *lpm, const uint8_t addr[16])
{
	return eg_lpm_walk(lpm, lpm->root[1][addr[0] << 8 | addr[1]], addr + 2);
}

/* The same for either family, which must be set. */
static inline uint32_t eg_lpm_lookup(const struct eg_lpm *lpm, const struct eg_ip *ip)
{
	return ip->family == 4 ? eg_lpm_lookup4(lpm, ip->bytes) : eg_lpm_lookup6(lpm, ip->bytes);
}

#endif
