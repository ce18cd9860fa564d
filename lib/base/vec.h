/* A growable array, typed at its use: EG_VEC(struct eg_prefix) subnets;
 *
 * Owner: whoever holds the struct; eg_vec_free() gives the memory back, not what the elements own.
 * Zeroed memory is an empty vector. Not thread-safe: the control thread's, never a worker's. */
#ifndef EG_BASE_VEC_H
#define EG_BASE_VEC_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define EG_VEC(type)                                                                               \
	struct {                                                                                   \
		type *v;                                                                           \
		size_t n, cap;                                                                     \
	}

/* Make room for one more zeroed element and return its address, or NULL where memory is short. */
#define eg_vec_add(vec)                                                                            \
	((__typeof__((vec)->v))eg_vec_grow((void **)&(vec)->v, &(vec)->n, &(vec)->cap,             \
					   sizeof(*(vec)->v)))

#define eg_vec_free(vec)                                                                           \
	do {                                                                                       \
		free((vec)->v);                                                                    \
		(vec)->v = NULL;                                                                   \
		(vec)->n = (vec)->cap = 0;                                                         \
	} while (0)

/* An empty vector has no array, and C11 6.5.6 lets nobody add even 0 to NULL. */
#define eg_vec_foreach(it, vec)                                                                    \
	for (__typeof__(&*(vec)->v) it = (vec)->v; it && it < (vec)->v + (vec)->n; it++)

static inline void *eg_vec_grow(void **v, size_t *n, size_t *cap, size_t size)
{
	if (*n == *cap) {
		size_t want = *cap ? *cap * 2 : 8;
		void *p = reallocarray(*v, want, size);

		if (!p)
			return NULL;
		*v = p;
		*cap = want;
	}
	return memset((char *)*v + (*n)++ * size, 0, size);
}

#endif
