/* All security associations of the daemon, over all snapshots.
 *
 * Life cycle: eg_sa_store_new() -> eg_sa_acquire() for each SA of a new snapshot, eg_sa_release()
 * for each of a retired one -> eg_sa_store_free(). Control thread only. A snapshot is retired only
 * after the workers' grace period, so a released SA has no reader. */
#ifndef EG_SA_STORE_H
#define EG_SA_STORE_H

#include "base/ip.h"
#include "sa/sa.h"

struct eg_sa_store;

/* What makes an SA the same one over a reload: all of this. */
struct eg_sa_spec {
	enum eg_sa_kind kind;
	uint32_t spi; /* host order */
	const struct eg_suite *suite;
	uint32_t replay_window;
	bool esn;
	struct eg_ip local, remote; /* tunnel end points */
};

/* n_workers is fixed for the daemon's life: it decides owners and sharing. */
struct eg_sa_store *eg_sa_store_new(unsigned n_workers);
unsigned eg_sa_store_workers(const struct eg_sa_store *store);
void eg_sa_store_free(struct eg_sa_store *store);

/* The running SA of that spec and key material, or a new one. The caller still owns and wipes
 * `material`, and calls eg_sa_release() once. NULL where memory is short. */
struct eg_sa *eg_sa_acquire(struct eg_sa_store *store, const struct eg_sa_spec *spec,
			    const uint8_t *material);
void eg_sa_release(struct eg_sa_store *store, struct eg_sa *sa);

/* Sort n SAs so that equal keys lie side by side, and return the first SA whose key and salt equal
 * its successor's, or NULL. One key under two SAs would repeat nonces (RFC 4106 s10). */
const struct eg_sa *eg_sa_find_shared_key(struct eg_sa **sas, size_t n);

#endif
