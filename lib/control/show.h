/* The views of `show`, as JSON (espgate/control_protocol.h). They only read: counters through
 * relaxed atomics, as the statistics report does, and what the control thread owns. No view has key
 * material.
 *
 * Control thread. A call costs at most as much as a page of EG_CONTROL_ROWS_MAX rows. */
#ifndef EG_CONTROL_SHOW_H
#define EG_CONTROL_SHOW_H

#include "control/protocol.h"
#include "ctl/ctl.h"
#include "worker/worker.h"

/* Whether workers poll: sampled by eg_show_sample(). */
struct eg_show_pulse {
	uint64_t iterations[EG_WORKERS_MAX];
	uint64_t changed_ns[EG_WORKERS_MAX]; /* monotonic: when that was last another number */
};

/* What is shown. Borrowed. */
struct eg_show_source {
	const struct eg_ctl *ctl;
	const struct eg_workers *workers;
	struct eg_show_pulse pulse;
};

/* How often eg_show_sample() is called, and how long a worker may not poll until it counts as
 * stuck. */
#define EG_SHOW_SAMPLE_NS (EG_NS_PER_S / 2)
#define EG_SHOW_STUCK_NS  (5 * EG_NS_PER_S)

/* Note how far each worker is. */
void eg_show_sample(struct eg_show_source *source);

/* A page of a view. The caller ends it with json_object_put(). NULL: out of memory. */
struct json_object *eg_show(const struct eg_show_source *source, enum eg_control_show what,
			    uint64_t from, unsigned limit);

/* --- private to lib/control */

/* The page that a view fills. */
struct eg_page {
	const struct eg_show_source *source;
	const struct eg_snap *snap; /* NULL: none is in force yet */
	struct json_object *result, *rows;
	uint64_t from;
	unsigned left;
	uint64_t at;   /* of rows that were offered one by one */
	uint64_t next; /* where the next page begins; 0: nowhere */
};

/* The next of rows that a view offers in their order, from the first one on: a new row if it
 * belongs to the page, or NULL. */
struct json_object *eg_page_row(struct eg_page *page);

/* A new row at cursor `at`, which the view counts itself; NULL, and `next` set: the page is full.
 */
struct json_object *eg_page_row_at(struct eg_page *page, uint64_t at);

typedef void eg_view_fn(struct eg_page *page);

eg_view_fn eg_view_ports, eg_view_workers, eg_view_drops;              /* show_counters.c */
eg_view_fn eg_view_peers, eg_view_sas;                                 /* show_peers.c */
eg_view_fn eg_view_routes, eg_view_neighbors;                          /* show_routes.c */
eg_view_fn eg_view_connections, eg_view_policies, eg_view_quarantined; /* show_policy.c */
eg_view_fn eg_view_config, eg_view_memory, eg_view_health;             /* show_state.c */

#endif
