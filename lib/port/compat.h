/* Differences between DPDK 22.11 and 24.11. */
#ifndef EG_PORT_COMPAT_H
#define EG_PORT_COMPAT_H

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include <rte_lcore.h>
#include <rte_thread.h>
#include <rte_version.h>

/* Create a thread on a CPU without a worker if there is one. 0 or an error number, negative or not.
 * The caller joins it with pthread_join(). DPDK 23.11 replaced rte_ctrl_thread_create() by a
 * function that takes a thread function of another type. */
static inline int eg_control_thread_create(pthread_t *thread, const char *name,
					   void *(*main)(void *), void *arg);

#if RTE_VERSION >= RTE_VERSION_NUM(23, 11, 0, 0)

struct eg_thread_start {
	void *(*main)(void *);
	void *arg;
};

static inline uint32_t eg_thread_enter(void *arg)
{
	const struct eg_thread_start start = *(struct eg_thread_start *)arg;

	free(arg);
	start.main(start.arg);
	return 0;
}

static inline int eg_control_thread_create(pthread_t *thread, const char *name,
					   void *(*main)(void *), void *arg)
{
	struct eg_thread_start *start = malloc(sizeof(*start));
	rte_thread_t id;
	int err;

	if (!start)
		return ENOMEM;
	*start = (struct eg_thread_start){main, arg};
	err = rte_thread_create_control(&id, name, eg_thread_enter, start);
	if (err)
		free(start);
	else
		*thread = (pthread_t)id.opaque_id;
	return err;
}

#else

static inline int eg_control_thread_create(pthread_t *thread, const char *name,
					   void *(*main)(void *), void *arg)
{
	return rte_ctrl_thread_create(thread, name, NULL, main, arg);
}

#endif

#endif
