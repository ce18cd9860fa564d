/* Small words for reading what people write. Any thread; nothing is kept. */
#ifndef EG_BASE_TEXT_H
#define EG_BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* The candidate nearest to `word` by edit distance, or NULL where none is near enough to be meant.
 */
const char *eg_text_nearest(const char *word, const char *const *candidates, size_t n);

/* Whole number: decimal, 0x hex or 2^n. 0 and *out, -EINVAL for other text, -ERANGE past 64 bits.
 */
int eg_text_u64(const char *text, uint64_t *out);

/* Duration with a unit (ns us ms s m h d), a plain 0 allowed. Returns as eg_text_u64(). */
int eg_text_duration_ns(const char *text, uint64_t *out_ns);

/* Size: plain bytes, or with KiB MiB GiB TiB or kB MB GB TB. Returns as eg_text_u64(). */
int eg_text_bytes(const char *text, uint64_t *out_bytes);

#endif
