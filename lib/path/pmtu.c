/* ICMP "too big" in clear on an encrypted port lowers the path MTU of the tunnel whose packet it
 * quotes.
 *
 * Anybody can send one, so it is believed only if it quotes a recently sent packet (RFC 4301
 * s8.2.1, RFC 5927 s4.1): between a tunnel's outer addresses, with the SPI of an outbound SA, with
 * a sequence number that was used in the last one or two seconds (on an idle SA there is none),
 * with the IV that belongs to it if that is quoted, longer than the reported MTU, and over IPv4
 * with DF. Failed attempts are limited to one per second and peer, so that guessing takes years on
 * a slow SA and hours on a fast one. An attacker who sees the packets could drop them just as well.
 * Nobody can lower the path MTU below a fixed minimum. */
#include "path/pmtu.h"

#include "base/hash.h"
#include "net/bytes.h"
#include "net/checksum.h"
#include "path/drop.h"
#include "path/follow.h"
#include "path/stages.h"

enum {
	UNREACHABLE = 3,
	FRAGMENTATION_NEEDED = 4, /* code (RFC 1191 s4) */
	TOO_BIG6 = 2,             /* RFC 4443 s3.2 */
};

#define ICMP_LEN 8

/* A sealed packet, as far as it is quoted. */
struct quote {
	struct eg_ip local, remote;
	const uint8_t *esp; /* SPI and sequence number; NULL: not quoted */
	const uint8_t *end; /* of the quote */
	uint16_t len;       /* of the whole packet */
	uint16_t dport;     /* of UDP */
	bool encap, may_fragment;
};

/* False if it is no packet of a tunnel. A quote may end anywhere behind the first 8 bytes of
 * payload (RFC 792); its lengths and checksums are those of the whole packet. */
static bool read_quote4(const uint8_t *at, uint32_t left, struct quote *quote)
{
	const struct eg_ip4 *ip = (const struct eg_ip4 *)at;
	uint32_t head;

	if (left < EG_IP4_LEN || at[0] >> 4 != 4)
		return false;
	head = (at[0] & 15u) * 4;
	if (head < EG_IP4_LEN || left < head + 8 || be16toh(ip->frag_be) & EG_IP4_FRAGMASK)
		return false;
	quote->local = eg_ip_from(4, ip->src);
	quote->remote = eg_ip_from(4, ip->dst);
	quote->len = be16toh(ip->len_be);
	quote->may_fragment = !(be16toh(ip->frag_be) & EG_IP4_DF);
	quote->encap = ip->proto == EG_PROTO_UDP;
	quote->esp = at + head;
	return quote->encap || ip->proto == EG_PROTO_ESP;
}

static bool read_quote6(const uint8_t *at, uint32_t left, struct quote *quote)
{
	const struct eg_ip6 *ip = (const struct eg_ip6 *)at;
	uint32_t head = EG_IP6_LEN;
	uint8_t proto;

	if (left < EG_IP6_LEN + 8 || at[0] >> 4 != 6)
		return false;
	proto = ip->next;
	if (proto == EG_PROTO_FRAGMENT) { /* the first one may be quoted (RFC 8201 s4) */
		if (left < EG_IP6_LEN + EG_IP6_FRAGMENT_LEN + 8 || eg_get16(at + head + 2) & 0xfff8)
			return false;
		proto = at[head];
		head += EG_IP6_FRAGMENT_LEN;
	}
	quote->local = eg_ip_from(6, ip->src);
	quote->remote = eg_ip_from(6, ip->dst);
	quote->len = (uint16_t)(EG_IP6_LEN + be16toh(ip->payload_be));
	quote->encap = proto == EG_PROTO_UDP;
	quote->esp = at + head;
	return quote->encap || proto == EG_PROTO_ESP;
}

/* With UDP, the ESP header follows if that much is quoted. */
static bool read_quote(const uint8_t *data, const struct eg_pkt *pkt, struct quote *quote)
{
	const uint8_t *at = data + pkt->l4_off + ICMP_LEN, *end = data + pkt->len;
	uint32_t left = (uint32_t)(end - at);

	if (pkt->version == 4 ? !read_quote4(at, left, quote) : !read_quote6(at, left, quote))
		return false;
	quote->end = end;
	if (!quote->encap)
		return true;
	quote->dport = eg_get16(quote->esp + 2);
	quote->esp += EG_UDP_LEN;
	if (end - quote->esp < EG_ESP_LEN)
		quote->esp = NULL;
	return true;
}

static bool sent_recently(const struct eg_path *path, const struct eg_tunnel *tunnel,
			  const struct quote *quote)
{
	const struct eg_out_set *out = eg_tunnel_out(path->tunnels, tunnel->id);

	if (!quote->esp || tunnel->encap != quote->encap)
		return false;
	for (uint32_t i = 0; out && i < out->n; i++) {
		const struct eg_sa *sa = out->sa[i];
		bool has_iv = sa->iv_kind == EG_IV_CLOCK &&
			      quote->end - quote->esp >= EG_ESP_LEN + sa->iv_bytes;
		uint64_t iv = has_iv ? eg_get64(quote->esp + EG_ESP_LEN) : 0;

		if (!memcmp(quote->esp, &sa->spi_be, 4) &&
		    eg_sa_sent_lately(sa, eg_get32(quote->esp + 4), has_iv ? &iv : NULL))
			return true;
	}
	return false;
}

static bool is_checksum_right(const uint8_t *data, const struct eg_pkt *pkt)
{
	const uint8_t *icmp = data + pkt->l4_off;
	size_t len = (size_t)pkt->len - pkt->l4_off;

	return !eg_checksum_fold(pkt->version == 4 ? eg_checksum_add(0, icmp, len)
						   : eg_checksum_add6((const struct eg_ip6 *)data,
								      EG_PROTO_ICMP6, icmp, len));
}

/* The reported MTU, as far as it is believed; 0: not at all. */
static uint16_t reported_mtu(const uint8_t *icmp, unsigned version, const struct quote *quote)
{
	uint32_t mtu = version == 4 ? eg_get16(icmp + 6) : eg_get32(icmp + 4);

	if (version == 6) /* RFC 8201 s4: less must be discarded */
		return mtu < EG_PMTU_MIN6 || mtu >= EG_PMTU_NONE ? 0 : (uint16_t)mtu;
	if (!mtu)
		mtu = eg_pmtu_plateau(quote->len);
	if (mtu < EG_PMTU_MIN4) /* the minimum, if the packet was longer than that */
		return quote->len > EG_PMTU_MIN4 ? EG_PMTU_MIN4 : 0;
	return (uint16_t)mtu;
}

/* The tunnel that it is about; *drop: why it is not believed. */
static const struct eg_tunnel *find_tunnel(const struct eg_path *path, const struct quote *quote,
					   uint16_t mtu, enum eg_verdict *verdict)
{
	const struct eg_tunnel *tunnel;
	const struct eg_tunnel_state *at = NULL;

	while ((tunnel = eg_tunnels_between(path->tunnels, &quote->local, &quote->remote, &at))) {
		if (quote->encap && quote->dport != eg_follow_port(tunnel))
			continue;
		*verdict = EG_DROP_PATH_MTU_FORGED;
		if (!sent_recently(path, tunnel, quote) || quote->may_fragment || quote->len <= mtu)
			continue;
		*verdict = tunnel->learns_mtu ? EG_PASS : EG_DROP_PATH_MTU_IGNORED;
		return tunnel;
	}
	return NULL;
}

bool eg_pmtu_is_message(const struct eg_pkt *pkt)
{
	if (pkt->frag)
		return false;
	return pkt->version == 4 ? pkt->proto == EG_PROTO_ICMP &&
					   pkt->dport == (UNREACHABLE << 8 | FRAGMENTATION_NEEDED)
				 : pkt->proto == EG_PROTO_ICMP6 && pkt->dport >> 8 == TOO_BIG6;
}

enum eg_verdict eg_pmtu_message(struct eg_path *path, unsigned i, enum eg_verdict verdict)
{
	const struct eg_meta *meta = &path->batch.meta[i];
	const uint8_t *data = eg_batch_data(&path->batch, i);
	const struct eg_tunnel *tunnel;
	struct eg_tokens *forged;
	enum eg_verdict why = EG_PASS;
	struct quote quote = {0};
	struct eg_ip to;
	uint32_t now_s;
	uint16_t mtu;

	if (!read_quote(data, &meta->pkt, &quote))
		return verdict;
	to = eg_ip_from(meta->pkt.version, eg_ip_dst(data, meta->pkt.version));
	mtu = reported_mtu(data + meta->pkt.l4_off, meta->pkt.version, &quote);
	tunnel = find_tunnel(path, &quote, mtu, &why);
	forged = &path->icmp.forged[eg_hash_u64(path->seed ^ eg_tunnels_between_hash(
								     &quote.local, &quote.remote)) %
				    EG_ICMP_FORGED_CELLS];
	if (!tunnel && !why)
		return verdict; /* not between a tunnel's ends */
	/* Not even an authentic one is believed then, or guessing would show which one it is. */
	if (!eg_tokens_left(forged, path->now.cycles, path->cycles_per_s / EG_PMTU_FORGED_PPS,
			    EG_PMTU_FORGED_BURST))
		return EG_DROP_PATH_MTU_RATE;
	if (!mtu || !is_checksum_right(data, &meta->pkt))
		why = EG_DROP_PATH_MTU_BAD;
	else if (!why && !eg_ip_equal(&to, &quote.local))
		why = EG_DROP_PATH_MTU_FORGED;
	if (why && why != EG_DROP_PATH_MTU_IGNORED)
		eg_tokens_take(forged, path->now.cycles, path->cycles_per_s / EG_PMTU_FORGED_PPS,
			       EG_PMTU_FORGED_BURST);
	if (why)
		return why;
	now_s = (uint32_t)(path->now.cycles / path->cycles_per_s);
	if (eg_pmtu_is_news(tunnel->pmtu, mtu, now_s)) {
		if (!eg_tokens_take(&path->icmp.mtus, path->now.cycles,
				    path->cycles_per_s / EG_PMTU_PPS, EG_PMTU_BURST))
			return EG_DROP_PATH_MTU_RATE;
		if (eg_pmtu_learn(tunnel->pmtu, mtu, now_s))
			eg_tunnel_touch(path->tunnels, tunnel->id);
		eg_count(&path->stats->path_mtus, 1);
		eg_path_report(path, EG_TUNNEL_EVENT_PATH_MTU, tunnel->id);
	}
	return eg_consume(path, path->batch.m[i]);
}
