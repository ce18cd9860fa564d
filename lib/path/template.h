/* Templates: all that is the same in every packet of a tunnel, prepared for packets that the
 * forwarding cache knows. One per worker and tunnel.
 *
 * A template is valid as long as the tunnel's generation (tunnel/table.h) is the one that was read
 * before anything else of the tunnel was, the world is the same (a floating endpoint's next hop
 * depends on it), and its neighbour's MAC is. Its pointers may be followed only then: a tunnel's
 * version, SAs and keys are freed after a grace period that begins after the generation has
 * changed, so a worker that reads the old generation in this burst may use them until the burst
 * ends.
 *
 * Not for transport mode, whose packets keep their own header, nor for UDP over IPv6, whose
 * checksum covers the sealed bytes. */
#ifndef EG_PATH_TEMPLATE_H
#define EG_PATH_TEMPLATE_H

#include <stdbool.h>
#include <stdint.h>

#include "neigh/table.h"
#include "path/overhead.h"
#include "sa/sa.h"
#include "tunnel/table.h"

#define EG_TEMPLATE_FRONT 64

struct eg_template {
	/* Link header, with the tag of a sub-port, outer IP and UDP headers, right-aligned: where
	 * it ends, the ESP header begins. Written in one go, and then the fields that vary. */
	_Alignas(64) uint8_t front[EG_TEMPLATE_FRONT];

	_Alignas(64) struct eg_sa *sa; /* the worker's outbound SA; NULL: not prepared */
	const struct eg_crypto_key *key;
	const struct eg_suite *suite;
	uint32_t generation; /* of the tunnel */
	uint32_t world;      /* low half of its generation */
	uint32_t sum;        /* IPv4: checksum of the constant fields, not folded */
	uint32_t neigh;      /* entry of the next hop, or EG_NEIGH_NONE: its MAC is configured */
	uint32_t neigh_seq;
	uint16_t df_copied, df_set; /* as in struct eg_tunnel */
	uint16_t mtu;               /* effective MTU */
	uint16_t n_sports;          /* as in struct eg_tunnel */
	uint8_t port;               /* by which the packets leave */
	uint8_t link_len, ip_len, udp_len;
	struct eg_suite_sizes sizes;
	uint8_t iv_kind; /* enum eg_iv_kind */
	bool esn;
};

_Static_assert(sizeof(struct eg_template) == 128, "two cache lines");

/* world: generation of the one in force. */
static inline bool eg_template_is_valid(const struct eg_template *template,
					const struct eg_tunnels *tunnels, uint32_t id,
					uint64_t world)
{
	return template->sa && template->generation == eg_tunnel_generation(tunnels, id) &&
	       template->world == (uint32_t)world;
}

struct eg_path;

/* Is the MAC in it still its neighbour's? The neighbour counts as used. */
static inline bool eg_template_has_mac(const struct eg_template *template, struct eg_neighs *neighs)
{
	return template->neigh == EG_NEIGH_NONE ||
	       eg_neigh_reference_valid(neighs, template->neigh, template->neigh_seq);
}

/* Prepare the tunnel's template, unless it is valid. False if the tunnel's packets take the full
 * path: see above, and if the next hop's MAC is not known. Worker. */
bool eg_template_prepare(struct eg_path *path, uint32_t tunnel);

#endif
