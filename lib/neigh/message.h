/* ARP (RFC 826) and IPv6 neighbour discovery (RFC 4861) as one kind of message: bytes in, meaning
 * out, and back. Pure: any thread, nothing is kept. */
#ifndef EG_NEIGH_MESSAGE_H
#define EG_NEIGH_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ip.h"
#include "net/headers.h"

/* The longest frame that is built here: Ethernet, IPv6, NS or NA, one link-layer option. */
#define EG_NEIGH_FRAME_MAX 86

struct eg_neigh_message {
	bool asks;    /* ARP request, NS: who has `target`? */
	bool answers; /* ARP reply, NA with S: fits a question */
	bool probes;  /* asks from no address: duplicate address detection (RFC 5227, RFC 4862) */
	bool has_mac; /* `mac` is told to be of `sender` */
	bool over;    /* ... in place of another (RFC 4861 s4.4: O; ARP has no such thing) */
	struct eg_ip sender; /* whom it tells of: ARP sender, NS source, NA target; 0: nobody */
	struct eg_ip target; /* who is asked for; 0: no question */
	struct eg_ip source; /* NS: to whom the answer goes; ARP: the sender */
	uint8_t mac[6];
	uint8_t from[6]; /* the frame's source */
};

/* Read a frame that starts at its Ethernet header. False where it is neither or breaks a rule: ARP
 * for something else than IPv4 on Ethernet, a group MAC, an address no host has; RFC 4861 s7.1.1,
 * s7.1.2 (hop limit, checksum, code, lengths, what may go with :: and with a group). */
bool eg_neigh_parse(const uint8_t *frame, uint32_t len, struct eg_neigh_message *out);

/* Is this NS or NA by type? For an IPv6 packet without extension headers. */
static inline bool eg_neigh_is_nd(unsigned type)
{
	return type == EG_ND_SOLICIT || type == EG_ND_ADVERT;
}

/* Who sends: MAC and address of a port. */
struct eg_neigh_self {
	uint8_t mac[6];
	struct eg_ip ip; /* family 4 or 6 */
};

/* All build a frame of at most EG_NEIGH_FRAME_MAX bytes and return its length. */

/* "Who has target?": of all (station NULL), or of the one that had this MAC. */
uint32_t eg_neigh_request(uint8_t *frame, const struct eg_neigh_self *self,
			  const struct eg_ip *target, const uint8_t *station);

/* "I have self->ip", to whom asked. A probe is answered to all (RFC 4861 s7.2.4). */
uint32_t eg_neigh_answer(uint8_t *frame, const struct eg_neigh_self *self,
			 const struct eg_neigh_message *question);

/* The same unasked, to all: RFC 5227 s2.3's announcement, RFC 4861 s7.2.6. */
uint32_t eg_neigh_announce(uint8_t *frame, const struct eg_neigh_self *self);

/* fe80::/64 with the modified EUI-64 of a MAC (RFC 4291 appendix A). */
struct eg_ip eg_neigh_link_local(const uint8_t mac[6]);

#endif
