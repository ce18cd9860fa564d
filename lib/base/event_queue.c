#include "base/event_queue.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define CACHE_LINE 64

_Static_assert((EG_EVENT_RING & (EG_EVENT_RING - 1)) == 0, "positions are masked");

struct ring {
	_Alignas(CACHE_LINE) _Atomic uint32_t head; /* written by the worker */
	_Alignas(CACHE_LINE) _Atomic uint32_t tail; /* written by the control thread */
	struct eg_event event[EG_EVENT_RING];
};

struct eg_event_queue {
	_Alignas(CACHE_LINE) _Atomic bool armed;
	_Atomic uint32_t lost;
	int fd;
	unsigned n_rings, next; /* next: the ring to take from first */
	struct ring ring[];
};

struct eg_event_queue *eg_event_queue_new(unsigned n_workers)
{
	size_t bytes = sizeof(struct eg_event_queue) + n_workers * sizeof(struct ring);
	struct eg_event_queue *queue = aligned_alloc(CACHE_LINE, bytes);

	if (!queue)
		return NULL;
	memset(queue, 0, bytes);
	queue->n_rings = n_workers;
	queue->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (queue->fd >= 0)
		return queue;
	free(queue);
	return NULL;
}

void eg_event_queue_free(struct eg_event_queue *queue)
{
	if (!queue)
		return;
	close(queue->fd);
	free(queue);
}

/* Whoever disarms writes: once per arming, and after what there is to see. */
static void wake(struct eg_event_queue *queue)
{
	uint64_t one = 1;
	ssize_t n;

	if (!atomic_load(&queue->armed) || !atomic_exchange(&queue->armed, false))
		return;
	n = write(queue->fd, &one, sizeof(one));
	(void)n; /* it cannot be full: one per arming */
}

/* Sequentially consistent, as in eg_event_queue_arm(): either this worker sees that the queue is
 * armed, or the control thread sees the event. */
void eg_event_post(struct eg_event_queue *queue, unsigned worker, uint32_t kind, uint32_t id)
{
	struct ring *ring = &queue->ring[worker];
	uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	/* Acquire: the control thread has read what the place held. */
	uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);

	if (head - tail == EG_EVENT_RING) {
		atomic_fetch_or(&queue->lost, 1u << kind);
	} else {
		ring->event[head % EG_EVENT_RING] = (struct eg_event){kind, id};
		atomic_store(&ring->head, head + 1);
	}
	wake(queue);
}

static size_t take(struct ring *ring, struct eg_event *events, size_t max)
{
	uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	uint32_t n = atomic_load_explicit(&ring->head, memory_order_acquire) - tail;

	if (n > max)
		n = (uint32_t)max;
	for (uint32_t i = 0; i < n; i++)
		events[i] = ring->event[(tail + i) % EG_EVENT_RING];
	atomic_store_explicit(&ring->tail, tail + n, memory_order_release);
	return n;
}

size_t eg_event_take(struct eg_event_queue *queue, struct eg_event *events, size_t max)
{
	size_t n = 0;

	for (unsigned i = 0; i < queue->n_rings && n < max; i++) {
		n += take(&queue->ring[queue->next], events + n, max - n);
		queue->next = (queue->next + 1) % queue->n_rings;
	}
	return n;
}

uint32_t eg_event_take_lost(struct eg_event_queue *queue)
{
	return atomic_exchange(&queue->lost, 0);
}

static bool is_empty(struct eg_event_queue *queue)
{
	for (unsigned i = 0; i < queue->n_rings; i++) {
		struct ring *ring = &queue->ring[i];

		if (atomic_load(&ring->head) !=
		    atomic_load_explicit(&ring->tail, memory_order_relaxed))
			return false;
	}
	return !atomic_load(&queue->lost);
}

bool eg_event_queue_arm(struct eg_event_queue *queue)
{
	atomic_store(&queue->armed, true);
	if (is_empty(queue))
		return true;
	/* A worker may have written to the descriptor in between: one wake-up for nothing. */
	atomic_store(&queue->armed, false);
	return false;
}

int eg_event_queue_fd(const struct eg_event_queue *queue)
{
	return queue->fd;
}

void eg_event_queue_clear(struct eg_event_queue *queue)
{
	uint64_t count;
	ssize_t n = read(queue->fd, &count, sizeof(count));

	(void)n; /* nothing to read is fine */
}
