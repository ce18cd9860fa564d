/* Memory that holds keys: page-aligned, kept out of core dumps and (where allowed) out of swap,
 * and wiped before it is given back.
 *
 * Owner: the caller, one free for each alloc, with the same size. Any thread, but not a worker's
 * packet path: every call maps pages. */
#ifndef EG_BASE_SECRET_H
#define EG_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/* Map `size` zeroed bytes, or return NULL with errno set. *swappable (which may be NULL) becomes
 * true where they could not be locked, so that they may be swapped out; it is never cleared. */
void *eg_secret_alloc(size_t size, bool *swappable);

/* Wipe and unmap; NULL is allowed. */
void eg_secret_free(void *p, size_t size);

/* Overwrite in a way the compiler keeps. */
void eg_secret_wipe(void *p, size_t size);

/* Fill with random bytes from getrandom(2). 0, or -1 with errno set. */
int eg_secret_random(void *p, size_t size);

#endif
