/* ICMP messages that the gateway originates: echo replies, and errors about packets that it does
 * not forward (RFC 792, RFC 1812 s4.3, RFC 4443). Used by one worker, like the rest of path. */
#ifndef EG_PATH_ICMP_H
#define EG_PATH_ICMP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/tokens.h"
#include "stat/stat.h"

struct eg_ip;
struct eg_path;
struct eg_meta;
struct rte_mbuf;

/* Token buckets for the sources that errors are sent to, by kind of error and by address or prefix.
 * Memory is fixed: a seeded hash maps each source to one bucket in each of two rows, and sources
 * may share a bucket. An error is suppressed only if both buckets are empty. */
#define EG_ICMP_CELLS 1024 /* per row */

#define EG_ICMP_FORGED_CELLS 256

struct eg_icmp_sources {
	struct eg_tokens cell[2][EG_ICMP_CELLS];
};

/* A worker's rate limiters (RFC 1812 s4.3.2.8, RFC 4443 s2.4 f). An error needs three tokens: one
 * for its destination address, one for the prefix of that address (IPv4 /24, IPv6 /64), and one for
 * its kind. A flood therefore suppresses neither other kinds of errors nor errors to other
 * destinations. */
struct eg_icmp_limits {
	struct eg_tokens echo, mtus;
	struct eg_tokens gateway_echo; /* echo requests from peers' gateways (DPD probes) */
	struct eg_tokens errors[EG_LOCAL_COUNT];
	struct eg_icmp_sources addresses, prefixes;
	struct eg_tokens
		forged[EG_ICMP_FORGED_CELLS]; /* "too big", by the peer whose packet is quoted */
};

/* Limit on rejected "too big" messages per peer. Beyond it, all further ones about that peer are
 * ignored. */
#define EG_PMTU_FORGED_PPS   1
#define EG_PMTU_FORGED_BURST 32

#define EG_ECHO_PPS   1000
#define EG_ECHO_BURST 128
/* Errors of one kind: in total, per prefix, per address. */
#define EG_ICMP_PPS           1000
#define EG_ICMP_BURST         320
#define EG_ICMP_PREFIX_PPS    500
#define EG_ICMP_PREFIX_BURST  192
#define EG_ICMP_ADDRESS_PPS   200
#define EG_ICMP_ADDRESS_BURST 128

/* Queue the ICMP error for a dropped packet, if its drop reason has one, to be sent at the end of
 * the burst. An error that is rate limited, or that the RFCs forbid, is not counted as a drop. */
void eg_icmp_error(struct eg_path *path, const struct eg_meta *meta, const struct rte_mbuf *m);

/* The same for a packet whose neighbour could not be resolved. It was received on that port, or
 * came out of a tunnel (RFC 1812 s4.3.3.1: host unreachable, RFC 4443 s3.1: address unreachable).
 */
void eg_icmp_no_neighbor(struct eg_path *path, unsigned port, bool from_tunnel,
			 const struct rte_mbuf *m);

/* Write the IP header of a locally originated ICMP packet of `len` bytes, and the checksum of the
 * ICMP message behind it, which is otherwise complete. */
void eg_icmp_put_header(uint8_t *out, uint16_t len, const struct eg_ip *from,
			const struct eg_ip *to);

/* Packet i is addressed to the gateway. Turns an echo request into its reply, in place. EG_PASS, or
 * the reason to drop it. */
enum eg_verdict eg_icmp_echo(struct eg_path *path, unsigned i);

/* May packet i be sent in clear on an encrypted port? True for an echo reply that the gateway
 * originated, from an address of that port. The final check before transmission, on the packet's
 * bytes. */
bool eg_icmp_may_send(const struct eg_path *path, unsigned i, unsigned port);

/* Packet i was received in clear on an encrypted port. _is_wire_echo: is it an echo request to an
 * address of that port, from a source that is routed to that port, in clear? demux then calls
 * _wire_reply: EG_CONSUMED, or the reason to drop it. */
bool eg_icmp_is_wire_echo(const struct eg_path *path, unsigned i);
enum eg_verdict eg_icmp_wire_reply(struct eg_path *path, unsigned i);

#endif
