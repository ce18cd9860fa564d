/* Private to lib/tunnel: the list of a tunnel's SAs, and what workers see of it: the set of
 * outbound SAs and the SA database. Control thread.
 *
 * An operation allocates first: entries for its new SAs, and a set for all that may send
 * afterwards. From then on it cannot fail. */
#ifndef EG_TUNNEL_SAS_H
#define EG_TUNNEL_SAS_H

#include "tunnel/table.h"

/* Did the other end agree to what the tunnel does with packets? A static SA's format is its
 * tunnel's; a negotiated one's is its own. */
bool eg_tunnel_sa_fits(const struct eg_tunnel *tunnel, const struct eg_sa *sa);

/* An entry for `sa`, in no list. NULL: out of memory. free(). */
struct eg_tunnel_sa *eg_tunnel_sa_new(struct eg_tunnels *tunnels, uint32_t tunnel,
				      struct eg_sa *sa);

/* The tunnel's entry for the SA, or NULL. */
struct eg_tunnel_sa *eg_tunnel_sa_find(uint32_t tunnel, const struct eg_sa *sa);

/* Put it into the list, behind `after` (NULL: at the end), and let workers find an inbound SA. */
void eg_tunnel_sa_attach(struct eg_tunnel_state *state, struct eg_tunnel_sa *held,
			 struct eg_tunnel_sa *after);

/* Let its SA name the tunnel's current version, unless a newer holder's is the SA's. */
void eg_tunnel_sa_point(const struct eg_tunnel_sa *held);

/* Move it to the end of the list. */
void eg_tunnel_sa_to_end(struct eg_tunnel_state *state, struct eg_tunnel_sa *held);

/* Out of the list and of what workers find; free it and its reference after the grace period. */
void eg_tunnel_sa_detach(struct eg_tunnel_state *state, struct eg_tunnel_sa *held);

/* A set with space for n SAs. NULL: out of memory. */
struct eg_out_set *eg_out_set_new(uint32_t n);

/* Publish the list's outbound SAs that may send now, in `spare` (NULL only if there is none); and
 * set the timer to the first time in the list. */
void eg_tunnel_sas_publish(struct eg_tunnels *tunnels, struct eg_tunnel_state *state,
			   struct eg_out_set *spare);

static inline struct eg_tunnel_state *eg_tunnel_state_of(const struct eg_tunnels *tunnels,
							 uint32_t id)
{
	return atomic_load_explicit(&tunnels->slot[id].tunnel, memory_order_relaxed)->state;
}

static inline bool eg_tunnel_sa_sends(const struct eg_tunnel_sa *held)
{
	return held->sa->kind == EG_SA_KIND_OUT && held->use != EG_TUNNEL_SA_PENDING;
}

#endif
