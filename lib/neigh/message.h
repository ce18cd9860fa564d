/* ARP (RFC 826) and IPv6 neighbour discovery (RFC 4861) as one kind of message: parsing and
 * building. Stateless: any thread. */
#ifndef EG_NEIGH_MESSAGE_H
#define EG_NEIGH_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ip.h"
#include "net/headers.h"

/* Longest frame built here: Ethernet, IPv6, NS or NA, one link-layer option. */
#define EG_NEIGH_FRAME_MAX 86

struct eg_neigh_message {
	bool request; /* ARP request, NS: who has `target`? */
	bool reply;   /* ARP reply, NA with S: answers a request */
	bool probe; /* request without a source address: duplicate address detection (RFC 5227, RFC
		       4862) */
	bool has_mac;  /* `mac` belongs to `owner` */
	bool override; /* ... and may replace another one (RFC 4861 s4.4: O; always set for ARP) */
	struct eg_ip owner;    /* announced address: ARP sender, NS source, NA target; 0: none */
	struct eg_ip target;   /* requested address; 0: not a request */
	struct eg_ip reply_to; /* where a reply goes: NS source, ARP sender */
	uint8_t mac[6];
	uint8_t from[6]; /* source MAC of the frame */
};

/* Parse a frame that starts at its Ethernet header. False if it is neither or invalid: ARP for
 * anything but IPv4 on Ethernet, a group MAC, an address that no host can have; RFC 4861 s7.1.1,
 * s7.1.2 (hop limit, checksum, code, lengths, rules for :: and multicast). */
bool eg_neigh_parse(const uint8_t *frame, uint32_t len, struct eg_neigh_message *out);

/* Is this ICMPv6 type NS or NA? For packets without extension headers. */
static inline bool eg_neigh_is_nd(unsigned type)
{
	return type == EG_ND_SOLICIT || type == EG_ND_ADVERT;
}

/* The sender: a port's MAC and address. */
struct eg_neigh_self {
	uint8_t mac[6];
	struct eg_ip ip; /* family 4 or 6 */
};

/* All of these build a frame of at most EG_NEIGH_FRAME_MAX bytes and return its length. */

/* Request target's MAC: from everyone (station NULL), or from the station with a known MAC. */
uint32_t eg_neigh_request(uint8_t *frame, const struct eg_neigh_self *self,
			  const struct eg_ip *target, const uint8_t *station);

/* Reply that self->ip is here. The reply to a probe is multicast (RFC 4861 s7.2.4). */
uint32_t eg_neigh_answer(uint8_t *frame, const struct eg_neigh_self *self,
			 const struct eg_neigh_message *question);

/* Announce self->ip unsolicited: RFC 5227 s2.3, RFC 4861 s7.2.6. */
uint32_t eg_neigh_announce(uint8_t *frame, const struct eg_neigh_self *self);

/* fe80::/64 with the modified EUI-64 of a MAC (RFC 4291 appendix A). */
struct eg_ip eg_neigh_link_local(const uint8_t mac[6]);

#endif
