#include "base/secret.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

void *eg_secret_alloc(size_t size, bool *swappable)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	if (madvise(p, size, MADV_DONTDUMP)) {
		int saved = errno;

		munmap(p, size);
		errno = saved;
		return NULL;
	}
	/* RLIMIT_MEMLOCK is small in many containers, where only the host can disable swap. The
	 * caller warns the operator. */
	if (mlock(p, size) && swappable)
		*swappable = true;
	return p;
}

void eg_secret_free(void *p, size_t size)
{
	if (!p)
		return;
	eg_secret_wipe(p, size);
	munmap(p, size);
}

void eg_secret_wipe(void *p, size_t size)
{
	explicit_bzero(p, size);
}

int eg_secret_random(void *p, size_t size)
{
	unsigned char *at = p;

	while (size) {
		ssize_t got = getrandom(at, size, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		at += got;
		size -= (size_t)got;
	}
	return 0;
}
