/* Memory for keys: page-aligned, excluded from core dumps, locked into RAM if permitted, and wiped
 * before it is released.
 *
 * Owned by the caller: one free per alloc, with the same size. Any thread, but not on the packet
 * path: every call maps or unmaps pages. */
#ifndef EG_BASE_SECRET_H
#define EG_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/* Map `size` zeroed bytes, or return NULL with errno set. *swappable (may be NULL) is set to true
 * if the pages could not be locked; it is never cleared. */
void *eg_secret_alloc(size_t size, bool *swappable);

/* Wipe and unmap. NULL is allowed. */
void eg_secret_free(void *p, size_t size);

/* Overwrite memory; the compiler cannot optimize this away. */
void eg_secret_wipe(void *p, size_t size);

/* Fill with random bytes from getrandom(2). Returns 0, or -1 with errno set. */
int eg_secret_random(void *p, size_t size);

#endif
