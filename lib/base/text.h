/* Parsing of numbers and words written by people. Any thread; stateless. */
#ifndef EG_BASE_TEXT_H
#define EG_BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* The candidate nearest to `word` by edit distance, or NULL if none is similar enough. */
const char *eg_text_nearest(const char *word, const char *const *candidates, size_t n);

/* Whole number: decimal, 0x hex or 2^n. Returns 0 and *out, -EINVAL for anything else, -ERANGE
 * beyond 64 bits. */
int eg_text_u64(const char *text, uint64_t *out);

/* Duration with a unit (ns us ms s m h d); plain 0 is allowed. Returns as eg_text_u64(). */
int eg_text_duration_ns(const char *text, uint64_t *out_ns);

/* Size in bytes, optionally with KiB MiB GiB TiB or kB MB GB TB. Returns as eg_text_u64(). */
int eg_text_bytes(const char *text, uint64_t *out_bytes);

#endif
