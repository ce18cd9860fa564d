/* ICMP of the gateway's own: answers to echo, and errors about what it does not forward (RFC 792,
 * RFC 1812 s4.3, RFC 4443). One worker's, as the rest of path. */
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

/* Token buckets of the sources that errors go to, by kind of error and by address or prefix. A
 * bucket is shared by whom a seeded hash brings there: so memory is fixed. Each has two, in two
 * rows, and is refused where both are empty. */
#define EG_ICMP_CELLS 1024 /* in a row */

#define EG_ICMP_FORGED_CELLS 256

struct eg_icmp_sources {
	struct eg_tokens cell[2][EG_ICMP_CELLS];
};

/* A worker's rate limiters (RFC 1812 s4.3.2.8, RFC 4443 s2.4 f). An error needs a token of its
 * receiver's address, one of the address's prefix (IPv4 /24, IPv6 /64), and one of its kind: so no
 * flood silences the other kinds, or other receivers. */
struct eg_icmp_limits {
	struct eg_tokens echo, mtus;
	struct eg_tokens life; /* echo again, for peers' gateways */
	struct eg_tokens errors[EG_LOCAL_COUNT];
	struct eg_icmp_sources addresses, prefixes;
	struct eg_tokens
		forged[EG_ICMP_FORGED_CELLS]; /* too big, by whose peer's packet it quotes */
};

/* "Too big" messages that were not believed, for each peer: then no more are heard about it. */
#define EG_PMTU_FORGED_PPS   1
#define EG_PMTU_FORGED_BURST 32

#define EG_ECHO_PPS   1000
#define EG_ECHO_BURST 128
/* Errors of a kind: to all, to a prefix, to an address. */
#define EG_ICMP_PPS           1000
#define EG_ICMP_BURST         320
#define EG_ICMP_PREFIX_PPS    500
#define EG_ICMP_PREFIX_BURST  192
#define EG_ICMP_ADDRESS_PPS   200
#define EG_ICMP_ADDRESS_BURST 128

/* A packet is lost: make the error about it where there is one, to be sent at the burst's end. What
 * the rates or the rules leave out is no loss. */
void eg_icmp_about(struct eg_path *path, const struct eg_meta *meta, const struct rte_mbuf *m);

/* The same of a packet that waited for a neighbour who never answered: it had come in by that port,
 * or out of a tunnel (RFC 1812 s4.3.3.1: host unreachable, RFC 4443 s3.1: address unreachable). */
void eg_icmp_no_neighbor(struct eg_path *path, unsigned port, bool from_tunnel,
			 const struct rte_mbuf *m);

/* The IP header of a packet of our own, `len` bytes in all, in front of an ICMP message that is
 * whole but for its checksum; and that checksum. */
void eg_icmp_wrap(uint8_t *out, uint16_t len, const struct eg_ip *from, const struct eg_ip *to);

/* Packet i is addressed to the gateway: an echo request becomes its own answer, in place. EG_PASS,
 * or why it is lost. */
enum eg_verdict eg_icmp_echo(struct eg_path *path, unsigned i);

/* May packet i leave in clear by an encrypted port? An answer to echo or an error of ours, from an
 * address of that port. The last look, by its bytes. */
bool eg_icmp_may_send(const struct eg_path *path, unsigned i, unsigned port);

/* Packet i came in clear by an encrypted port. Is it an echo request to an address of that port,
 * and the way back by that port, in clear? Then demux lets it be answered: EG_CONSUMED, or why it
 * is dropped. */
bool eg_icmp_is_wire_echo(const struct eg_path *path, unsigned i);
enum eg_verdict eg_icmp_answer_wire(struct eg_path *path, unsigned i);

#endif
