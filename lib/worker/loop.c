/* The lcore loop: each iteration polls every queue of this worker for one burst, then reports
 * quiescence (it has no pointer into the snapshot any more). Never blocks, allocates or logs. */
#include <sched.h>

#include <rte_pause.h>

#include "base/clock.h"
#include "worker/tsan.h"
#include "worker/worker.h"

/* Yield the CPU only after so many empty iterations, and only if it is shared. */
#define IDLE_ITERATIONS 64

/* Returns how many packets and messages there were to work on. */
static unsigned do_housekeeping(struct eg_worker *worker, const struct eg_snap *snap,
				enum eg_phase phase)
{
	uint64_t now_ns = eg_mono_ns();
	bool ending = phase != EG_PHASE_RUN;
	unsigned packets;

	if (!ending && snap) {
		eg_path_send_keepalives(&worker->path, snap);
		eg_path_send_probes(&worker->path, snap, now_ns);
	}
	eg_path_expire(&worker->path, ending);
	packets = eg_path_resolve(&worker->path, snap, now_ns / EG_NS_PER_MS, ending);
	packets += eg_path_kernels(&worker->path, snap, !ending);
	if (packets)
		eg_housekeeping_again(&worker->housekeeping);
	return packets;
}

static unsigned iterate(struct eg_worker *worker, enum eg_phase phase)
{
	const struct eg_snap *snap = eg_publisher_read(worker->workers->publisher);
	struct eg_path *path = &worker->path;
	unsigned packets = 0;

	if (phase == EG_PHASE_RUN) {
		eg_vec_foreach (rx, &worker->rx)
			packets += eg_path_receive(path, snap, rx->port, rx->queue);
	}
	if (worker->workers->n > 1)
		packets += eg_path_receive_handoff(path, snap);
	if (eg_housekeeping_is_due(&worker->housekeeping,
				   phase != EG_PHASE_RUN || !packets || eg_path_has_work(path),
				   path->now.cycles, path->cycles_per_s))
		packets += do_housekeeping(worker, snap, phase);
	eg_vec_foreach (tx, &worker->tx)
		packets += eg_path_transmit(&worker->path, tx->port, tx->ring, tx->queue);
	return packets;
}

int eg_worker_main(void *arg)
{
	struct eg_worker *worker = arg;
	struct eg_workers *workers;
	unsigned w, idle = 0;

	eg_tsan_acquire(worker);
	workers = worker->workers;
	w = worker->path.worker;
	eg_rcu_online(workers->publisher->rcu, w);
	for (;;) {
		/* Acquire: pairs with the control thread's step, which saw all workers' last ack.
		 */
		enum eg_phase phase = atomic_load_explicit(&workers->phase, memory_order_acquire);
		unsigned packets;

		if (phase == EG_PHASE_END)
			break;
		packets = iterate(worker, phase);
		eg_count(&worker->iterations, 1);
		eg_rcu_quiescent(workers->publisher->rcu, w);
		if (packets) {
			idle = 0;
			continue;
		}
		/* An empty iteration in this phase: this worker does nothing that the phase forbids
		 * any more, and the rings that it empties are empty. Release: this worker's ring
		 * writes are visible before the ack. */
		atomic_store_explicit(&worker->acked, phase, memory_order_release);
		if (++idle >= IDLE_ITERATIONS && worker->yields)
			sched_yield();
		else
			rte_pause();
	}
	eg_rcu_offline(workers->publisher->rcu, w);
	eg_tsan_release(worker);
	return 0;
}
