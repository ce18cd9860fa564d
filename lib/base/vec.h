/* A growable typed array: EG_VEC(struct eg_prefix) subnets;
 *
 * Owned by the holder of the struct; eg_vec_free() releases the array, not what its elements own.
 * Zeroed memory is an empty vector. Not thread-safe: control thread only, never workers. */
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

/* Append one zeroed element and return its address, or NULL if memory is short. */
#define eg_vec_add(vec)                                                                            \
	((__typeof__((vec)->v))eg_vec_grow((void **)&(vec)->v, &(vec)->n, &(vec)->cap,             \
					   sizeof(*(vec)->v)))

#define eg_vec_free(vec)                                                                           \
	do {                                                                                       \
		free((vec)->v);                                                                    \
		(vec)->v = NULL;                                                                   \
		(vec)->n = (vec)->cap = 0;                                                         \
	} while (0)

/* The array of an empty vector is NULL, and adding even 0 to NULL is undefined (C11 6.5.6). */
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
