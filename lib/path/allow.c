#include "path/allow.h"

#include "net/bytes.h"

enum {
	PORT_SSH = 22,
	PORT_BGP = 179,
	PORT_IKE = 500,
};

enum {
	TCP_FLAGS = 13, /* offset (RFC 9293 s3.1) */
	TCP_SYN = 0x02,
	TCP_ACK = 0x10,
};

enum direction {
	IN, /* from the wire */
	OUT,
};

static bool lists(const struct eg_allow *allow, unsigned proto, uint16_t port)
{
	for (unsigned i = 0; i < allow->n; i++) {
		if (allow->port[i].proto == proto && allow->port[i].port == port)
			return true;
	}
	return false;
}

static enum eg_clear_kind tcp_kind(uint16_t port)
{
	return port == PORT_BGP ? EG_CLEAR_BGP : port == PORT_SSH ? EG_CLEAR_SSH : EG_CLEAR_TCP;
}

static enum eg_clear_kind tcp(const struct eg_allow *allow, const uint8_t *tcp, enum direction dir,
			      uint16_t ours, uint16_t theirs)
{
	bool opens = (tcp[TCP_FLAGS] & (TCP_SYN | TCP_ACK)) == TCP_SYN;

	if (lists(allow, EG_PROTO_TCP, ours))
		return tcp_kind(ours);
	if (lists(allow, EG_PROTO_TCP, theirs) && !(dir == IN && opens))
		return tcp_kind(theirs);
	return EG_CLEAR_NONE;
}

/* The `n` bytes behind the UDP header: an IKE message, or when sending also a NAT keepalive.
 * Anything else on port 4500 is ESP that espgate did not make, and must not leave in clear. */
static bool is_ike(const uint8_t *body, unsigned n, enum direction dir, uint16_t ours)
{
	if (ours == PORT_IKE)
		return true;
	if (ours != EG_UDP_PORT_ESP)
		return false;
	if (n >= 4 && !eg_get32(body))
		return true;
	return dir == OUT && n == 1 && *body == 0xff;
}

static enum eg_clear_kind udp(const struct eg_allow *allow, const uint8_t *udp, unsigned n,
			      enum direction dir, uint16_t ours)
{
	if (allow->ike && is_ike(udp + EG_UDP_LEN, n - EG_UDP_LEN, dir, ours))
		return EG_CLEAR_IKE;
	return lists(allow, EG_PROTO_UDP, ours) ? EG_CLEAR_UDP : EG_CLEAR_NONE;
}

/* No redirects, router advertisements or neighbour discovery: they could divert the node's traffic.
 */
static bool icmp4_passes(unsigned type, enum direction dir)
{
	return type == 3 || type == 11 || type == 12 || type == (dir == IN ? 0 : 8);
}

static bool icmp6_passes(unsigned type, enum direction dir)
{
	return (type >= 1 && type <= 4) || type == (dir == IN ? 129 : 128);
}

static enum eg_clear_kind decide(const struct eg_allow *allow, const uint8_t *data,
				 const struct eg_pkt *pkt, enum direction dir)
{
	uint16_t ours = dir == IN ? pkt->dport : pkt->sport;
	uint16_t theirs = dir == IN ? pkt->sport : pkt->dport;
	const uint8_t *l4 = data + pkt->l4_off;
	bool v4 = pkt->version == 4, passes;

	if (pkt->frag != EG_FRAG_NONE)
		return EG_CLEAR_NONE;
	switch (pkt->proto) {
	case EG_PROTO_TCP:
		return tcp(allow, l4, dir, ours, theirs);
	case EG_PROTO_UDP:
		return udp(allow, l4, (unsigned)pkt->len - pkt->l4_off, dir, ours);
	case EG_PROTO_ICMP:
		passes = allow->icmp && v4 && icmp4_passes(*l4, dir);
		return passes ? EG_CLEAR_ICMP : EG_CLEAR_NONE;
	case EG_PROTO_ICMP6:
		passes = allow->icmp && !v4 && icmp6_passes(*l4, dir);
		return passes ? EG_CLEAR_ICMP : EG_CLEAR_NONE;
	default:
		return EG_CLEAR_NONE;
	}
}

enum eg_clear_kind eg_allow_in(const struct eg_allow *allow, const uint8_t *data,
			       const struct eg_pkt *pkt)
{
	return decide(allow, data, pkt, IN);
}

enum eg_clear_kind eg_allow_out(const struct eg_allow *allow, const uint8_t *data,
				const struct eg_pkt *pkt)
{
	return decide(allow, data, pkt, OUT);
}
