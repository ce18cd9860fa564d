/* Put a candidate in force, or leave everything as it was: the difference between what a
 * configuration wants and what is there becomes single operations on tunnels and SAs.
 *
 * The order loses no packet:
 *	1. add the tunnels that are new, with their SAs
 *	2. give them those SAs that another tunnel has now (a peer that was renamed)
 *	3. let hops and groups of the new world name tunnels by id
 *	4. publish world and policy together, by one pointer
 *	5. change the tunnels that stay, and their SAs by the rules of rekeying (tunnel/rekey.h)
 *	6. remove the tunnels that the configuration before named and this one does not
 * Until 4 everything can be undone, and is, if memory is short: then the candidate is refused.
 * From 4 on the candidate is in force.
 *
 * A tunnel stays the same one if its name and both its addresses do. Tunnels that others have added
 * are not touched.
 *
 * Life cycle: eg_apply_new() -> eg_apply_step() until it is done -> eg_apply_free().
 * Synchronization: all of it is the control thread's, in slices, so that a job of its event loop
 * can run it (ctl/loop.h). One apply at a time. */
#ifndef EG_SNAP_APPLY_H
#define EG_SNAP_APPLY_H

#include "snap/candidate.h"
#include "snap/changes.h"
#include "snap/publish.h"

/* What is in force, and what the configuration has put there. Zeroed, then set the first two. */
struct eg_installed {
	struct eg_tunnels *tunnels;
	struct eg_publisher *publisher;
	uint32_t *ids; /* of the configuration's tunnels; free() at the end */
	uint32_t n_ids;
};

struct eg_apply;

/* Takes over the candidate. NULL if out of memory: then the candidate is still the caller's. */
struct eg_apply *eg_apply_new(struct eg_installed *installed, struct eg_candidate *candidate);

/* Count peers and SAs there as they change. Borrowed until the apply is freed; before the first
 * step. */
void eg_apply_count(struct eg_apply *apply, struct eg_changes *changes);

/* The longest that a step takes. */
#define EG_APPLY_SLICE_NS 2000000ull

enum eg_apply_state {
	EG_APPLY_MORE,    /* call again */
	EG_APPLY_DONE,    /* the candidate is in force */
	EG_APPLY_REFUSED, /* everything is as it was; why is in errs */
};

/* The next slice. now_ns: monotonic. Warnings, and what could not be done, go to errs. */
enum eg_apply_state eg_apply_step(struct eg_apply *apply, uint64_t now_ns, struct eg_errs *errs);

/* Free it, and release what the candidate still has. After DONE or REFUSED only, or NULL. */
void eg_apply_free(struct eg_apply *apply);

/* All steps at once: for a start, and for tests. Takes over the candidate. 0 or -1 (refused). */
int eg_apply_all(struct eg_installed *installed, struct eg_candidate *candidate, uint64_t now_ns,
		 struct eg_errs *errs);

#endif
