#include "sa/sad.h"

#include <errno.h>
#include <sys/mman.h>

#define BYTES (EG_SAD_BUCKETS * sizeof(_Atomic(struct eg_sa *)))

/* On x86-64 the heads are exactly one huge page: a look-up then costs no TLB miss. */
#define HUGE_PAGE (2ul << 20)

/* Mapped on a boundary of huge pages; NULL: no memory. */
static void *map_heads(void)
{
	char *at = mmap(NULL, BYTES + HUGE_PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t front;

	if (at == MAP_FAILED)
		return NULL;
	front = -(uintptr_t)at % HUGE_PAGE;
	if (front)
		munmap(at, front);
	munmap(at + front + BYTES, HUGE_PAGE - front);
	/* If the kernel has none, small pages do. */
	madvise(at + front, BYTES, MADV_HUGEPAGE);
	return at + front;
}

int eg_sad_init(struct eg_sad *sad)
{
	*sad = (struct eg_sad){.head = map_heads()};
	return sad->head ? 0 : -ENOMEM;
}

void eg_sad_fini(struct eg_sad *sad)
{
	if (sad->head)
		munmap(sad->head, BYTES);
	*sad = (struct eg_sad){.head = NULL};
}

static void count(struct eg_sad *sad, int n)
{
	uint32_t now = atomic_load_explicit(&sad->n, memory_order_relaxed);

	atomic_store_explicit(&sad->n, now + (uint32_t)n, memory_order_relaxed);
}

void eg_sad_insert(struct eg_sad *sad, struct eg_sa *sa)
{
	_Atomic(struct eg_sa *) *head = eg_sad_chain(sad, sa->spi_be);
	struct eg_sa *first = atomic_load_explicit(head, memory_order_relaxed);

	/* Release: also for a reader that has been on this SA since before it was removed. */
	atomic_store_explicit(&sa->next_in_chain, first, memory_order_release);
	atomic_store_explicit(head, sa, memory_order_release);
	count(sad, 1);
}

bool eg_sad_remove(struct eg_sad *sad, const struct eg_sa *sa)
{
	_Atomic(struct eg_sa *) *at = eg_sad_chain(sad, sa->spi_be);
	struct eg_sa *here = atomic_load_explicit(at, memory_order_relaxed);

	while (here && here != sa) {
		at = &here->next_in_chain;
		here = atomic_load_explicit(at, memory_order_relaxed);
	}
	if (!here)
		return false;
	/* Release: the next SA was published by a different store. */
	atomic_store_explicit(at, atomic_load_explicit(&here->next_in_chain, memory_order_relaxed),
			      memory_order_release);
	count(sad, -1);
	return true;
}
