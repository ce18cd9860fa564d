/* Errors are created when packets are dropped and queued until the end of the burst. They then form
 * a batch that is routed, sealed and sent like any other (path.c). */
#include "path/icmp.h"

#include "base/hash.h"
#include "net/bytes.h"
#include "net/checksum.h"
#include "path/drop.h"
#include "path/mtu.h"
#include "path/stages.h"

enum {
	ECHO_REPLY = 0,
	UNREACHABLE = 3,
	ECHO = 8,
	TIME_EXCEEDED = 11,
	PARAMETER = 12,
	ECHO6 = 128,
	ECHO6_REPLY = 129,
	REDIRECT6 = 137,
};

#define LOCAL_TTL 64
#define ICMP_LEN  8
/* RFC 1812 s4.3.2.3. RFC 4443 s2.4 c would allow 1280, but an error must also fit into a tunnel
 * over the smallest MTU, or it never reaches its sender. */
#define ERROR4_MAX 576
#define ERROR6_MAX 1180

/* The error for a drop reason. */
struct error {
	uint8_t type4, code4, type6, code6;
	uint8_t kind; /* enum eg_local_kind; EG_LOCAL_ARP_REQUEST (0): no error */
};

static const struct error errors[EG_DROP_COUNT] = {
	[EG_DROP_NO_ROUTE] = {UNREACHABLE, 0, 1, 0, EG_LOCAL_UNREACHABLE},
	[EG_DROP_MUST_ENCRYPT] = {UNREACHABLE, 0, 1, 0, EG_LOCAL_UNREACHABLE},
	[EG_DROP_NEIGHBOR_FAILED] = {UNREACHABLE, 1, 1, 3, EG_LOCAL_UNREACHABLE},
	[EG_DROP_LINK_DOWN] = {UNREACHABLE, 0, 1, 0, EG_LOCAL_UNREACHABLE},
	[EG_DROP_POLICY_EGRESS] = {UNREACHABLE, 13, 1, 1, EG_LOCAL_PROHIBITED},
	[EG_DROP_POLICY_INGRESS] = {UNREACHABLE, 13, 1, 1, EG_LOCAL_PROHIBITED},
	[EG_DROP_UNKNOWN_POD] = {UNREACHABLE, 13, 1, 1, EG_LOCAL_PROHIBITED},
	[EG_DROP_KERNEL_WAY] = {UNREACHABLE, 13, 1, 1, EG_LOCAL_PROHIBITED},
	[EG_DROP_KERNEL_DENIED] = {UNREACHABLE, 13, 1, 1, EG_LOCAL_PROHIBITED},
	[EG_DROP_TTL_EXPIRED] = {TIME_EXCEEDED, 0, 3, 0, EG_LOCAL_TIME_EXCEEDED},
	[EG_DROP_TOO_BIG] = {UNREACHABLE, 4, 2, 0, EG_LOCAL_TOO_BIG},
};

/* Queue a locally originated packet, to be sent at the end of the burst. */
static enum eg_verdict enqueue(struct eg_path *path, struct rte_mbuf *m, unsigned port)
{
	const struct eg_meta meta = {.port = (uint8_t)port, .local = true};

	return eg_batch_add(&path->local, m, meta) ? EG_CONSUMED : EG_DROP_NO_BUFFER;
}

static struct eg_ip source_of(const uint8_t *data, unsigned version)
{
	return eg_ip_from(version, eg_ip_src(data, version));
}

static struct eg_ip destination_of(const uint8_t *data, unsigned version)
{
	return eg_ip_from(version, eg_ip_dst(data, version));
}

static const struct eg_hop *route_to(const struct eg_snap_world *world, const struct eg_ip *ip)
{
	return &world->hops[eg_lpm_lookup(world->routes, ip)];
}

/* Do the RFCs allow an error about this packet (RFC 1812 s4.3.2.7, RFC 4443 s2.4 e)? Multicast and
 * broadcast destinations, and sources that are not a single host, need no check here: they are
 * dropped earlier, for reasons that have no error. */
static bool may_report(const struct eg_path *path, const struct eg_meta *meta, const uint8_t *data)
{
	unsigned type = meta->pkt.dport >> 8;
	bool v4 = meta->pkt.version == 4;

	if (!meta->pkt.l4_off || meta->local || meta->sealed || meta->pkt.frag == EG_FRAG_LATER)
		return false;
	if (meta->pkt.proto == EG_PROTO_ICMP && v4 && type != ECHO && type != ECHO_REPLY &&
	    !(type >= 13 && type <= 18)) /* queries (RFC 1122 s3.2.2) */
		return false;
	if (meta->pkt.proto == EG_PROTO_ICMP6 && !v4 && (type < ECHO6 || type == REDIRECT6))
		return false;
	if ((meta->verdict == EG_DROP_POLICY_EGRESS || meta->verdict == EG_DROP_POLICY_INGRESS ||
	     meta->verdict == EG_DROP_UNKNOWN_POD) &&
	    !path->policy->reject)
		return false;
	/* "Too big" only if routers may not fragment the packet (RFC 1191 s3). */
	return meta->verdict != EG_DROP_TOO_BIG || !v4 ||
	       eg_get16(data + offsetof(struct eg_ip4, frag_be)) & EG_IP4_DF;
}

/* The source of an error: an address of the port that received the packet (RFC 1812 s4.3.2.4). An
 * error about a packet from a tunnel goes back into the tunnel, and the far end accepts only
 * sources that are routed to this side, so there it is an address of a clear port. */
static const struct eg_local *error_source(const struct eg_path *path, unsigned port,
					   bool from_tunnel, const struct eg_ip *to)
{
	const struct eg_local *local;

	if (!from_tunnel)
		return eg_local_towards(&path->world->locals, port, to);
	for (unsigned p = 0; p < path->n_ports; p++) {
		local = path->port[p].encrypted ? NULL
						: eg_local_towards(&path->world->locals, p, to);
		if (local)
			return local;
	}
	return NULL;
}

/* The MTU that "too big" reports (RFC 1191 s4, RFC 4443 s3.2). */
static uint32_t next_mtu(const struct eg_path *path, const struct eg_meta *meta,
			 const uint8_t *data)
{
	if (meta->verdict != EG_DROP_TOO_BIG)
		return 0;
	if (meta->hop->kind == EG_HOP_TUNNEL)
		return eg_mtu_to_report(path, meta, data);
	if (meta->hop == &path->port[meta->hop->port].kernel.hop)
		return path->port[meta->hop->port].kernel.mtu;
	return path->port[meta->hop->port].mtu;
}

void eg_icmp_put_header(uint8_t *out, uint16_t len, const struct eg_ip *from,
			const struct eg_ip *to)
{
	struct eg_ip4 *ip4 = (struct eg_ip4 *)out;
	struct eg_ip6 *ip6 = (struct eg_ip6 *)out;
	unsigned head = from->family == 4 ? EG_IP4_LEN : EG_IP6_LEN;
	uint8_t *icmp = out + head;
	size_t n = (size_t)len - head;

	eg_put16(icmp + 2, 0);
	if (from->family == 4) {
		*ip4 = (struct eg_ip4){
			.ver_ihl = 0x45,
			.len_be = htobe16(len),
			.frag_be = htobe16(EG_IP4_DF), /* then it needs no identification (RFC
							  6864 s4) */
			.ttl = LOCAL_TTL,
			.proto = EG_PROTO_ICMP,
		};
		memcpy(ip4->src, from->bytes, 4);
		memcpy(ip4->dst, to->bytes, 4);
		eg_put16(out + offsetof(struct eg_ip4, check),
			 eg_checksum_fold(eg_checksum_add(0, out, EG_IP4_LEN)));
		eg_put16(icmp + 2, eg_checksum_fold(eg_checksum_add(0, icmp, n)));
	} else {
		*ip6 = (struct eg_ip6){
			.ver_tc_flow_be = htobe32(6u << 28),
			.payload_be = htobe16((uint16_t)n),
			.next = EG_PROTO_ICMP6,
			.hops = LOCAL_TTL,
		};
		memcpy(ip6->src, from->bytes, 16);
		memcpy(ip6->dst, to->bytes, 16);
		eg_put16(icmp + 2,
			 eg_checksum_fold(eg_checksum_add6(ip6, EG_PROTO_ICMP6, icmp, n)));
	}
}

/* Write an error that quotes `len` bytes, without its checksum. Returns the packet's length. */
static uint16_t put_error4(uint8_t *out, const struct error *error, uint32_t mtu,
			   const uint8_t *quote, uint16_t len)
{
	uint8_t *icmp = out + EG_IP4_LEN;

	len = len > ERROR4_MAX - EG_IP4_LEN - ICMP_LEN ? ERROR4_MAX - EG_IP4_LEN - ICMP_LEN : len;
	icmp[0] = error->type4;
	icmp[1] = error->code4;
	eg_put32(icmp + 4, mtu & 0xffff);
	memcpy(icmp + ICMP_LEN, quote, len);
	return (uint16_t)(EG_IP4_LEN + ICMP_LEN + len);
}

static uint16_t put_error6(uint8_t *out, const struct error *error, uint32_t mtu,
			   const uint8_t *quote, uint16_t len)
{
	uint8_t *icmp = out + EG_IP6_LEN;

	len = len > ERROR6_MAX - EG_IP6_LEN - ICMP_LEN ? ERROR6_MAX - EG_IP6_LEN - ICMP_LEN : len;
	icmp[0] = error->type6;
	icmp[1] = error->code6;
	eg_put32(icmp + 4, mtu);
	memcpy(icmp + ICMP_LEN, quote, len);
	return (uint16_t)(EG_IP6_LEN + ICMP_LEN + len);
}

/* Take a token from each of the source's two buckets; true if either had one. */
static bool take_source(const struct eg_path *path, struct eg_icmp_sources *sources,
			const struct eg_ip *ip, unsigned bytes, unsigned kind, unsigned pps,
			unsigned burst)
{
	uint64_t word[2] = {0, 0}, each = path->cycles_per_s / pps, hash;
	bool first, second;

	memcpy(word, ip->bytes, bytes);
	hash = eg_hash_u64(path->seed ^ word[0]);
	hash = eg_hash_u64(hash ^ word[1]);
	hash = eg_hash_u64(hash ^ (kind << 8 | ip->family));
	first = eg_tokens_take(&sources->cell[0][hash % EG_ICMP_CELLS], path->now.cycles, each,
			       burst);
	second = eg_tokens_take(&sources->cell[1][(hash >> 32) % EG_ICMP_CELLS], path->now.cycles,
				each, burst);
	return first || second;
}

static bool take_tokens(struct eg_path *path, const struct eg_ip *to, unsigned kind)
{
	bool v4 = to->family == 4;

	return take_source(path, &path->icmp.addresses, to, v4 ? 4 : 16, kind, EG_ICMP_ADDRESS_PPS,
			   EG_ICMP_ADDRESS_BURST) &&
	       take_source(path, &path->icmp.prefixes, to, v4 ? 3 : 8, kind, EG_ICMP_PREFIX_PPS,
			   EG_ICMP_PREFIX_BURST) &&
	       eg_tokens_take(&path->icmp.errors[kind], path->now.cycles,
			      path->cycles_per_s / EG_ICMP_PPS, EG_ICMP_BURST);
}

static void queue_error(struct eg_path *path, const struct eg_meta *meta, bool from_tunnel,
			const struct rte_mbuf *m)
{
	const struct error *error = &errors[meta->verdict];
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
	struct rte_mbuf *made;
	const struct eg_local *local;
	struct eg_ip to, from;
	uint8_t *out;
	uint16_t len;

	if (!error->kind || !may_report(path, meta, data))
		return;
	to = source_of(data, meta->pkt.version);
	local = error_source(path, meta->port, from_tunnel, &to);
	if (!local) /* the gateway has no address of that family there */
		return;
	/* The kernel drops packets whose source is one of its own addresses. */
	from = meta->kernel ? destination_of(data, meta->pkt.version) : local->address.ip;
	if (path->local.n == EG_BATCH_MAX || !take_tokens(path, &to, error->kind)) {
		eg_count(&path->stats->limited, 1);
		return;
	}
	made = rte_pktmbuf_alloc(path->pool);
	if (!made)
		return;
	out = rte_pktmbuf_mtod(made, uint8_t *);
	if (meta->pkt.version == 4)
		len = put_error4(out, error, next_mtu(path, meta, data), data, meta->pkt.len);
	else
		len = put_error6(out, error, next_mtu(path, meta, data), data, meta->pkt.len);
	eg_icmp_put_header(out, len, &from, &to);
	eg_mbuf_window(made, 0, len);
	eg_count(&path->stats->local[error->kind], 1);
	enqueue(path, made, meta->port);
}

void eg_icmp_error(struct eg_path *path, const struct eg_meta *meta, const struct rte_mbuf *m)
{
	queue_error(path, meta, meta->from_tunnel, m);
}

void eg_icmp_no_neighbor(struct eg_path *path, unsigned port, bool from_tunnel,
			 const struct rte_mbuf *m)
{
	struct eg_meta meta = {.port = (uint8_t)port, .verdict = EG_DROP_NEIGHBOR_FAILED};

	if (!eg_parse_ip(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, &meta.pkt))
		queue_error(path, &meta, from_tunnel, m);
}

static bool is_echo_request(const struct eg_pkt *pkt)
{
	unsigned type = pkt->dport >> 8;

	if (pkt->frag != EG_FRAG_NONE)
		return false;
	/* Not with options or extension headers: a reply would have to process them. */
	return pkt->version == 4
		       ? pkt->proto == EG_PROTO_ICMP && type == ECHO && pkt->l4_off == EG_IP4_LEN
		       : pkt->proto == EG_PROTO_ICMP6 && type == ECHO6 && pkt->l4_off == EG_IP6_LEN;
}

/* Turn a request into its reply (RFC 1122 s3.2.2.6, RFC 4443 s4.2). Swapping the addresses does not
 * change the ICMP checksum. */
static void make_reply(uint8_t *data, struct eg_pkt *pkt)
{
	uint8_t *icmp = data + pkt->l4_off, swap[16];
	unsigned before = eg_get16(icmp);

	icmp[0] = pkt->version == 4 ? ECHO_REPLY : ECHO6_REPLY;
	eg_checksum_update(icmp + 2, (uint16_t)before, eg_get16(icmp));
	pkt->dport = eg_get16(icmp);
	if (pkt->version == 4) {
		struct eg_ip4 *ip = (struct eg_ip4 *)data;

		memcpy(swap, ip->src, 4);
		memcpy(ip->src, ip->dst, 4);
		memcpy(ip->dst, swap, 4);
		ip->ttl = LOCAL_TTL;
		ip->check = 0;
		eg_put16(data + offsetof(struct eg_ip4, check),
			 eg_checksum_fold(eg_checksum_add(0, data, EG_IP4_LEN)));
	} else {
		struct eg_ip6 *ip = (struct eg_ip6 *)data;

		memcpy(swap, ip->src, 16);
		memcpy(ip->src, ip->dst, 16);
		memcpy(ip->dst, swap, 16);
		ip->hops = LOCAL_TTL;
	}
}

/* Peers' gateways send probes for dead peer detection: a flood of other echo requests must not use
 * up their tokens. No pod can use a gateway's address as its source (verify.c, at the far end). */
static struct eg_tokens *echo_tokens(struct eg_path *path, const struct eg_meta *meta,
				     const uint8_t *data)
{
	const struct eg_tunnel *tunnel;
	struct eg_ip from;

	if (!meta->from_tunnel)
		return &path->icmp.echo;
	tunnel = meta->from_tunnel;
	from = source_of(data, meta->pkt.version);
	return tunnel->liveness && eg_ip_equal(&from, &tunnel->target) ? &path->icmp.gateway_echo
								       : &path->icmp.echo;
}

enum eg_verdict eg_icmp_echo(struct eg_path *path, unsigned i)
{
	struct eg_meta *meta = &path->batch.meta[i];
	uint8_t *data = eg_batch_data(&path->batch, i);

	if (meta->local || !is_echo_request(&meta->pkt))
		return EG_DROP_TO_GATEWAY;
	if (!eg_tokens_take(echo_tokens(path, meta, data), path->now.cycles,
			    path->cycles_per_s / EG_ECHO_PPS, EG_ECHO_BURST))
		return EG_DROP_ECHO_RATE;
	make_reply(data, &meta->pkt);
	meta->local = true;
	eg_count(&path->stats->consumed, 1);
	eg_count(&path->stats->local[EG_LOCAL_ECHO_REPLY], 1);
	return EG_PASS;
}

bool eg_icmp_may_send(const struct eg_path *path, unsigned i, unsigned port)
{
	const struct eg_meta *meta = &path->batch.meta[i];
	const uint8_t *data = eg_batch_data(&path->batch, i);
	unsigned type = meta->pkt.l4_off ? data[meta->pkt.l4_off] : 0;
	struct eg_ip from;

	if (!meta->local || meta->port != port)
		return false;
	from = source_of(data, data[0] >> 4);
	if (!eg_local_find(&path->world->locals, port, &from))
		return false;
	return from.family == 4 ? data[9] == EG_PROTO_ICMP && type == ECHO_REPLY
				: data[6] == EG_PROTO_ICMP6 && type == ECHO6_REPLY;
}

/* The route back must lead out of the same port, in clear: traffic that belongs in a tunnel is
 * never answered outside of it. */
bool eg_icmp_is_wire_echo(const struct eg_path *path, unsigned i)
{
	const struct eg_meta *meta = &path->batch.meta[i];
	const uint8_t *data = eg_batch_data(&path->batch, i);
	const struct eg_hop *back;
	struct eg_ip to, from;

	if (!is_echo_request(&meta->pkt))
		return false;
	to = destination_of(data, meta->pkt.version);
	from = source_of(data, meta->pkt.version);
	back = route_to(path->world, &from);
	return eg_local_find(&path->world->locals, meta->port, &to) && eg_hop_is_port(back) &&
	       back->port == meta->port;
}

enum eg_verdict eg_icmp_wire_reply(struct eg_path *path, unsigned i)
{
	enum eg_verdict verdict = eg_icmp_echo(path, i);

	return verdict ? verdict : enqueue(path, path->batch.m[i], path->batch.meta[i].port);
}
