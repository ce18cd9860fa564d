/* The lcore loop: turns of one burst from everything this worker owns, then a report of quiescence
 * (it holds no reference into the snapshot any more). Never blocks, allocates or logs. */
#include <sched.h>

#include <rte_pause.h>

#include "base/clock.h"
#include "gateway.h"
#include "tsan.h"

/* Give the CPU away only after so many empty turns, and only where it is shared. */
#define IDLE_TURNS 64

static unsigned turn(struct eg_worker *worker, enum eg_phase phase)
{
	const struct eg_snap *snap = eg_publisher_read(&worker->gateway->publisher);
	uint64_t now_ns = eg_mono_ns();
	unsigned packets = 0;

	if (phase == EG_PHASE_RUN) {
		eg_vec_foreach (rx, &worker->rx)
			packets += eg_path_receive(&worker->path, snap, rx->port, rx->queue);
	}
	if (phase == EG_PHASE_RUN && snap) {
		eg_path_send_keepalives(&worker->path, snap);
		eg_path_send_probes(&worker->path, snap, now_ns);
	}
	eg_path_expire(&worker->path, phase != EG_PHASE_RUN);
	if (worker->gateway->n_workers > 1)
		packets += eg_path_receive_handoff(&worker->path, snap);
	packets +=
		eg_path_resolve(&worker->path, snap, now_ns / EG_NS_PER_MS, phase != EG_PHASE_RUN);
	packets += eg_path_kernels(&worker->path, snap, phase == EG_PHASE_RUN);
	eg_vec_foreach (tx, &worker->tx)
		packets += eg_path_transmit(&worker->path, tx->port, tx->ring, tx->queue);
	return packets;
}

int eg_worker_main(void *arg)
{
	struct eg_worker *worker = arg;
	struct eg_gateway *gateway;
	unsigned w, idle = 0;

	eg_tsan_acquire(worker);
	gateway = worker->gateway;
	w = worker->path.worker;
	eg_rcu_online(&gateway->rcu, w);
	for (;;) {
		/* Acquire: pairs with the control thread's step, which saw all workers' last ack.
		 */
		enum eg_phase phase = atomic_load_explicit(&gateway->phase, memory_order_acquire);
		unsigned packets;

		if (phase == EG_PHASE_END)
			break;
		packets = turn(worker, phase);
		eg_count(&worker->iterations, 1);
		eg_rcu_quiescent(&gateway->rcu, w);
		if (packets) {
			idle = 0;
			continue;
		}
		/* An empty turn in this phase: what the phase forbids has stopped here, and what it
		 * wants emptied is empty. Release: our ring writes are seen before the ack. */
		atomic_store_explicit(&worker->acked, phase, memory_order_release);
		if (++idle >= IDLE_TURNS && worker->yields)
			sched_yield();
		else
			rte_pause();
	}
	eg_rcu_offline(&gateway->rcu, w);
	eg_tsan_release(worker);
	return 0;
}
