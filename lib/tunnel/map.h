/* Private to lib/tunnel: large arrays that never move and take memory only where they are touched.
 */
#ifndef EG_TUNNEL_MAP_H
#define EG_TUNNEL_MAP_H

#include <stddef.h>
#include <sys/mman.h>

/* Zeroed, or NULL. */
static inline void *eg_map_zeroed(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

static inline void eg_unmap(void *at, size_t bytes)
{
	if (at)
		munmap(at, bytes);
}

#endif
