/* Where a peer's UDP-encapsulated packets are sent now (udp_encap: {float: true}): to the source of
 * the last packet from it that was authentic and the newest of its SA (RFC 7296 s2.23), for NATs
 * that change a mapping's port or address.
 *
 * Life cycle: eg_endpoint_new() with a tunnel's first version that floats, at its configured
 * address and port; shared by the tunnel's versions, so that a reload keeps what was learned; freed
 * with the last version that has it. The control thread counts references.
 *
 * Synchronization: any worker may move it and any worker may read it, without locks and without
 * waiting for each other. There are two slots; `version` says which one is current (its lowest
 * bit). A writer fills the other slot and then publishes it. A reader that finds another version
 * after its copy than before may have a torn one, and copies again. Field stores are releases and
 * field loads acquires: a reader that sees a field of the next but one version also sees that
 * `version` moved. Of two writers at once the second one gives up: the peer's next packet moves it
 * anyway. */
#ifndef EG_TUNNEL_ENDPOINT_H
#define EG_TUNNEL_ENDPOINT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/ip.h"

/* An address and a UDP port. The family is the tunnel's. */
struct eg_endpoint_at {
	uint8_t address[16]; /* network order; IPv4 uses the first four, the rest is zero */
	uint16_t port;
};

struct eg_endpoint {
	_Atomic uint32_t version; /* counts changes; 0: as configured */
	_Atomic bool writing;
	struct {
		_Atomic uint64_t address[2];
		_Atomic uint32_t port;
	} slot[2];

	/* The control thread's. */
	unsigned refs;
	uint32_t logged; /* version that the log knows */
	uint8_t family;
};

/* At the configured address and port. NULL: out of memory. Control thread. */
struct eg_endpoint *eg_endpoint_new(const struct eg_ip *remote, uint16_t port);
struct eg_endpoint *eg_endpoint_retain(struct eg_endpoint *endpoint);
void eg_endpoint_release(struct eg_endpoint *endpoint); /* NULL is allowed */

/* The current endpoint, always a whole one. Any thread. */
struct eg_endpoint_at eg_endpoint_get(const struct eg_endpoint *endpoint);

/* Move to `at`. The caller has checked that the packet was authentic, that it was the newest of its
 * SA, and that the gateway may send there. True if that is a change: then the caller calls
 * eg_tunnel_touch(). Any worker. */
bool eg_endpoint_follow(struct eg_endpoint *endpoint, const struct eg_endpoint_at *at);

static inline bool eg_endpoint_at_equal(const struct eg_endpoint_at *a,
					const struct eg_endpoint_at *b)
{
	return a->port == b->port && !memcmp(a->address, b->address, sizeof(a->address));
}

/* "192.0.2.1:4500", "[2001:db8::1]:4500". Control thread. */
#define EG_ENDPOINT_TEXT (EG_IP_TEXT + 8)
const char *eg_endpoint_print(const struct eg_endpoint *endpoint, char out[EG_ENDPOINT_TEXT]);

#endif
