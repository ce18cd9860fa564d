/* What a packet from an encrypted port is, and what becomes of it: one table, one row per kind. */
#include "path/demux.h"

#include "net/bytes.h"
#include "path/drop.h"
#include "path/icmp.h"
#include "path/outer_ends.h"
#include "path/pmtu.h"
#include "path/stages.h"

/* The first row that recognizes the packet decides, so that a row need not exclude those above it.
 *
 * WireGuard is recognized by its message types and lengths on any UDP port: no tunnel has that
 * protocol yet, so no port is configured for it, and nothing here opens it. Like other plain UDP it
 * is dropped as plain_on_encrypted, unless the port's allow list passes it to a WireGuard program
 * behind the port's kernel device. */
/* clang-format off */
#define KINDS(X) \
	/* kind       recognized by    what becomes of it */ \
	X(ESP,        is_esp,          to_sa_in)    /* as it is */ \
	X(FRAGMENT,   is_fragment,     reassemble)  /* of ESP or of UDP; once it is whole, from the top */ \
	X(BAD_UDP,    is_bad_udp,      drop_bad)    /* to port 4500, of an impossible length */ \
	X(KEEPALIVE,  is_keepalive,    ignore)      /* of a NAT mapping (RFC 3948 s2.3) */ \
	X(IKE,        is_ike,          take_ike)    /* UDP 500, or 4500 behind the non-ESP marker (s2.2) */ \
	X(ESP_IN_UDP, is_esp_in_udp,   unwrap)      /* to sa_in (s2.1) */ \
	X(WIREGUARD,  is_wireguard,    to_kernel)   /* see above */ \
	X(PATH_MTU,   is_path_mtu,     learn_mtu)   /* ICMP "too big", if about a packet that we sealed */ \
	X(ECHO,       is_echo,         answer)      /* request to an address of the port */ \
	X(LOCAL,      is_local,        to_kernel)   /* anything else to such an address */ \
	X(PLAIN,      is_anything,     drop_plain)  /* none of these */
/* clang-format on */

#define X(kind, recognize, take) +1
_Static_assert(0 KINDS(X) == EG_WIRE_KINDS, "a row for each kind");
#undef X

/* A packet to be recognized. */
struct arrival {
	const struct eg_path *path;
	unsigned i; /* its place in the batch */
	const uint8_t *data;
	const struct eg_pkt *pkt;
};

static inline bool is_esp(const struct arrival *a)
{
	return a->pkt->proto == EG_PROTO_ESP && !a->pkt->frag;
}

/* A later fragment has no ports, so any UDP fragment may be ESP in UDP. */
static inline bool is_fragment(const struct arrival *a)
{
	return a->pkt->frag && (a->pkt->proto == EG_PROTO_ESP || a->pkt->proto == EG_PROTO_UDP);
}

/* For the rows below that one. */
static inline bool is_udp(const struct arrival *a)
{
	return a->pkt->proto == EG_PROTO_UDP;
}

static inline bool is_udp_esp(const struct arrival *a)
{
	return is_udp(a) && a->pkt->dport == EG_UDP_PORT_ESP;
}

/* By UDP's own length, which may be shorter than the packet. */
static inline unsigned udp_len(const struct arrival *a)
{
	return eg_get16(a->data + a->pkt->l4_off + offsetof(struct eg_udp, len_be));
}

static inline const uint8_t *udp_body(const struct arrival *a)
{
	return a->data + a->pkt->l4_off + EG_UDP_LEN;
}

static inline bool is_bad_udp(const struct arrival *a)
{
	return is_udp_esp(a) &&
	       (udp_len(a) < EG_UDP_LEN || a->pkt->l4_off + udp_len(a) > a->pkt->len);
}

static inline bool is_keepalive(const struct arrival *a)
{
	return is_udp_esp(a) && udp_len(a) == EG_UDP_LEN + 1 && *udp_body(a) == 0xff;
}

static inline bool is_ike(const struct arrival *a)
{
	if (is_udp_esp(a))
		return udp_len(a) >= EG_UDP_LEN + 4 && !eg_get32(udp_body(a));
	return is_udp(a) && a->pkt->dport == EG_UDP_PORT_IKE;
}

static inline bool is_esp_in_udp(const struct arrival *a)
{
	return is_udp_esp(a);
}

/* Three kinds of message have one length each; a data message is a header of 16 bytes, a text
 * padded to 16, and an ICV of 16. Behind the type stand three bytes of 0. */
static bool is_wireguard(const struct arrival *a)
{
	enum {
		INITIATION = 1,
		RESPONSE = 2,
		COOKIE = 3,
		DATA = 4
	};
	unsigned len = is_udp(a) ? udp_len(a) : 0;

	if (len < EG_UDP_LEN + 32 || a->pkt->l4_off + len > a->pkt->len)
		return false;
	len -= EG_UDP_LEN;
	switch (eg_get32(udp_body(a))) {
	case INITIATION << 24:
		return len == 148;
	case RESPONSE << 24:
		return len == 92;
	case COOKIE << 24:
		return len == 64;
	case DATA << 24:
		return len % 16 == 0;
	default:
		return false;
	}
}

static bool is_path_mtu(const struct arrival *a)
{
	return eg_pmtu_is_message(a->pkt);
}

static bool is_echo(const struct arrival *a)
{
	return eg_icmp_is_wire_echo(a->path, a->i);
}

static bool is_local(const struct arrival *a)
{
	unsigned version = a->pkt->version;
	struct eg_ip to = eg_ip_from(version, eg_ip_dst(a->data, version));

	return eg_local_find(&a->path->world->locals, a->path->batch.meta[a->i].port, &to);
}

static inline bool is_anything(const struct arrival *a)
{
	(void)a;
	return true;
}

static inline enum eg_wire_kind kind_of(const struct eg_path *path, unsigned i)
{
	const struct arrival a = {path, i, eg_batch_data(&path->batch, i),
				  &path->batch.meta[i].pkt};

#define X(kind, recognize, take)                                                                   \
	if (recognize(&a))                                                                         \
		return EG_WIRE_##kind;
	KINDS(X)
#undef X
	return EG_WIRE_PLAIN;
}

enum eg_wire_kind eg_demux_kind(const struct eg_path *path, unsigned i)
{
	return kind_of(path, i);
}

static enum eg_verdict take(struct eg_path *path, unsigned i, enum eg_wire_kind kind);

static inline enum eg_verdict to_sa_in(struct eg_path *path, unsigned i)
{
	(void)path;
	(void)i;
	return EG_PASS;
}

/* ESP begins and ends with the UDP packet. The UDP checksum is not verified (RFC 3948 s2.1): the
 * ICV is stronger. */
static inline enum eg_verdict unwrap(struct eg_path *path, unsigned i)
{
	const struct arrival a = {path, i, eg_batch_data(&path->batch, i),
				  &path->batch.meta[i].pkt};
	struct eg_pkt *pkt = &path->batch.meta[i].pkt;

	pkt->len = (uint16_t)(pkt->l4_off + udp_len(&a));
	pkt->l4_off = (uint16_t)(pkt->l4_off + EG_UDP_LEN);
	return EG_PASS;
}

static enum eg_verdict drop_plain(struct eg_path *path, unsigned i)
{
	(void)path;
	(void)i;
	return EG_DROP_PLAIN_ON_ENCRYPTED;
}

static enum eg_verdict to_kernel(struct eg_path *path, unsigned i)
{
	return eg_exception_wire(path, i, EG_DROP_PLAIN_ON_ENCRYPTED);
}

/* Addressed to another host, it is like any other plain packet. */
static enum eg_verdict if_ours(const struct eg_path *path, unsigned i, enum eg_verdict verdict)
{
	return eg_is_ours(path, eg_batch_data(&path->batch, i), &path->batch.meta[i].pkt)
		       ? verdict
		       : EG_DROP_PLAIN_ON_ENCRYPTED;
}

static enum eg_verdict drop_bad(struct eg_path *path, unsigned i)
{
	return if_ours(path, i, EG_DROP_SHORT_L4);
}

static enum eg_verdict ignore(struct eg_path *path, unsigned i)
{
	return if_ours(path, i, EG_DROP_UDP_KEEPALIVE);
}

static enum eg_verdict take_ike(struct eg_path *path, unsigned i)
{
	bool marked = path->batch.meta[i].pkt.dport == EG_UDP_PORT_ESP;

	return eg_exception_wire(path, i,
				 marked ? if_ours(path, i, EG_DROP_UDP_NON_ESP)
					: EG_DROP_PLAIN_ON_ENCRYPTED);
}

static enum eg_verdict learn_mtu(struct eg_path *path, unsigned i)
{
	enum eg_verdict verdict = eg_pmtu_message(path, i, EG_DROP_PLAIN_ON_ENCRYPTED);

	return verdict == EG_DROP_PLAIN_ON_ENCRYPTED ? to_kernel(path, i) : verdict;
}

static enum eg_verdict answer(struct eg_path *path, unsigned i)
{
	return eg_icmp_wire_reply(path, i);
}

/* A whole packet is in the fragment's place, and is not a fragment: this ends. */
static enum eg_verdict reassemble(struct eg_path *path, unsigned i)
{
	enum eg_verdict verdict = eg_reassemble(path, i);

	if (!verdict)
		return take(path, i, kind_of(path, i));
	return verdict == EG_DROP_PLAIN_ON_ENCRYPTED ? to_kernel(path, i) : verdict;
}

static enum eg_verdict take(struct eg_path *path, unsigned i, enum eg_wire_kind kind)
{
	switch (kind) {
#define X(kind, recognize, take)                                                                   \
	case EG_WIRE_##kind:                                                                       \
		return take(path, i);
		KINDS(X)
#undef X
	}
	return EG_DROP_PLAIN_ON_ENCRYPTED;
}

void eg_demux(struct eg_path *path)
{
	struct eg_batch *batch = &path->batch;

	for (unsigned i = 0; i < batch->n; i++) {
		enum eg_verdict verdict = take(path, i, kind_of(path, i));

		if (verdict)
			eg_batch_remove(batch, i, verdict);
	}
	eg_batch_sweep(path);
}
