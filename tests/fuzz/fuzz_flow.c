/* Packets and reloads through the real parse, flow and policy stages, over a small fixed cluster.
 * The packets that pass are checked against the reference model and a plain list of those that
 * passed before:
 *
 * - a packet that the model denies never passes, unless it does not open a connection (SYN, INIT,
 *   echo request) and answers one that passed, which the model allows under the current policy (or
 *   which that policy keeps);
 * - an ICMP error that the model denies quotes addresses between which something passed;
 * - a fragment passes after its first one, or if the model allows every port;
 * - an opening packet that the model allows passes.
 *
 * Input: records of 8 bytes, see take_record(). */
#include <stdlib.h>

#include "gate/gate.h"
#include "net/bytes.h"
#include "net/checksum.h"
#include "policy/reference.h"

#define POLICIES 4
#define KNOWN    1024

/* A packet allowed by policy itself, which may have opened a connection. */
struct known {
	struct eg_packet_key key;
	uint16_t sport;
};

struct first {
	struct eg_ip src, dst;
	uint32_t id;
	uint8_t proto;
};

struct oracle {
	struct gate *gate;
	struct known known[KNOWN];
	struct first first[KNOWN];
	unsigned n_known, n_first;
};

static const char *const policies[POLICIES] = {
	"",
	/* all pods of x are isolated; c may reach s on two ports */
	"{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: a, namespace: "
	"x}, "
	"spec: {podSelector: {}, policyTypes: [Ingress, Egress]}}\n"
	"---\n"
	"{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: b, namespace: "
	"x}, "
	"spec: {podSelector: {}, policyTypes: [Ingress, Egress], "
	"ingress: [{from: [{podSelector: {matchLabels: {pod: c}}}], "
	"ports: [{port: 1}, {port: 2, protocol: UDP}, {port: 3, protocol: SCTP}]}], "
	"egress: [{to: [{podSelector: {matchLabels: {pod: s}}}], "
	"ports: [{port: 1}, {port: 2, protocol: UDP}, {port: 3, protocol: SCTP}]}]}}\n",
	/* s accepts everything from c, and nothing from others */
	"{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: a, namespace: "
	"x}, "
	"spec: {podSelector: {matchLabels: {pod: s}}, policyTypes: [Ingress, Egress], "
	"ingress: [{from: [{podSelector: {matchLabels: {pod: c}}}]}]}}\n",
	/* the reverse, and n by address */
	"{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: a, namespace: "
	"x}, "
	"spec: {podSelector: {}, policyTypes: [Ingress], "
	"ingress: [{from: [{podSelector: {matchLabels: {pod: s}}}]}]}}\n"
	"---\n"
	"{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: b, namespace: "
	"y}, "
	"spec: {podSelector: {}, policyTypes: [Ingress], ingress: [{from: [{ipBlock: "
	"{cidr: 10.0.0.0/8, except: [10.0.0.102/31]}}], ports: [{port: 1, endPort: 2}]}]}}\n",
};

/* Compiled once, borrowed by the gate of each input. */
static struct eg_snap_policy *compiled[POLICIES];

static struct gate *start(void)
{
	struct gate *gate;

	gate_eal_open();
	gate = gate_open(1024);
	eg_flow_limit_source(gate->table, UINT32_MAX); /* an allowed opening packet passes */
	for (unsigned p = 0; p < POLICIES; p++) {
		compiled[p] = gate_policies(gate, policies[p]);
		gate->snap.policy = NULL;
	}
	return gate;
}

/* Reset: remove connections and fragments of the previous input. */
static void reset(struct gate *gate)
{
	for (unsigned w = 0; w < GATE_WORKERS; w++)
		memset(&gate->path[w]->flow->frags, 0, sizeof(struct eg_frags));
	eg_flow_sweep(gate->table, gate->table->bucket_mask + 1,
		      gate->path[0]->lookups.now.s + 100000);
	while (eg_flow_reclaim_begin(gate->table))
		eg_flow_reclaim_finish(gate->table);
	gate->snap.policy = compiled[1];
	gate->snap.policy->keep_existing = false;
	gate->snap.policy->generation = ++gate->generation;
}

static void report_violation(const char *what)
{
	fprintf(stderr, "fuzz_flow: %s\n", what);
	abort();
}

static bool allows(const struct oracle *oracle, const struct eg_packet_key *key)
{
	const struct eg_cluster *cluster = &oracle->gate->snap.policy->cluster;

	return eg_ref_passes(eg_ref_evaluate(cluster, EG_INGRESS, key).why) &&
	       eg_ref_passes(eg_ref_evaluate(cluster, EG_EGRESS, key).why);
}

/* The fields of a packet that the oracle uses. */
struct seen {
	struct eg_packet_key key;
	uint16_t sport;
	bool opening, error;
	struct eg_pkt pkt;
};

static bool is_icmp(const struct eg_pkt *pkt)
{
	return pkt->proto == EG_PROTO_ICMP || pkt->proto == EG_PROTO_ICMP6;
}

static bool parse_packet(const struct packet *packet, struct seen *seen)
{
	const uint8_t *p = packet->bytes;
	unsigned version = p[0] >> 4, type;

	*seen = (struct seen){.sport = 0};
	if (eg_parse_ip(p, packet->n, &seen->pkt) || eg_parse_addresses(p, &seen->pkt))
		return false;
	seen->key.src = eg_ip_from(version, p + (version == 4 ? 12 : 8));
	seen->key.dst = eg_ip_from(version, p + (version == 4 ? 16 : 24));
	seen->key.proto = seen->pkt.proto;
	if (seen->pkt.frag == EG_FRAG_LATER)
		return true;
	p += seen->pkt.l4_off;
	if (!is_icmp(&seen->pkt)) {
		seen->key.port = seen->pkt.dport;
		seen->sport = seen->pkt.sport;
		seen->opening = (seen->pkt.proto == 6 && (p[13] & 0x16) == 2) ||
				(seen->pkt.proto == 132 && seen->pkt.len - seen->pkt.l4_off > 12 &&
				 p[12] == 1);
		return true;
	}
	type = p[0];
	seen->opening = type == (seen->pkt.proto == EG_PROTO_ICMP ? 8 : 128);
	seen->error = version == 4 ? type == 3 || type == 11 || type == 12 : type < 128;
	seen->sport = seen->pkt.sport; /* the identifier */
	return true;
}

/* `back` may be a reply to what `there` opened. */
static bool answers(const struct oracle *oracle, const struct known *there, const struct seen *back)
{
	if (there->key.proto != back->key.proto || !eg_ip_equal(&there->key.src, &back->key.dst) ||
	    !eg_ip_equal(&there->key.dst, &back->key.src))
		return false;
	if (is_icmp(&back->pkt) ? there->sport != back->sport
				: there->sport != back->key.port || there->key.port != back->sport)
		return false;
	return oracle->gate->snap.policy->keep_existing || allows(oracle, &there->key);
}

static bool is_same(const struct known *there, const struct seen *again)
{
	return there->key.proto == again->key.proto && there->sport == again->sport &&
	       there->key.port == again->key.port &&
	       eg_ip_equal(&there->key.src, &again->key.src) &&
	       eg_ip_equal(&there->key.dst, &again->key.dst);
}

static bool is_permitted_reply(const struct oracle *oracle, const struct seen *seen)
{
	bool keep = oracle->gate->snap.policy->keep_existing;

	if (seen->opening && !keep)
		return false;
	for (unsigned i = 0; i < oracle->n_known; i++) {
		const struct known *there = &oracle->known[i];

		if (keep && is_same(there, seen))
			return true;
		if (!seen->opening && answers(oracle, there, seen))
			return true;
	}
	return false;
}

/* Has anything passed between the addresses that an error quotes? */
static bool quotes_known(const struct oracle *oracle, const struct packet *packet,
			 const struct seen *seen)
{
	const uint8_t *q = packet->bytes + seen->pkt.l4_off + 8;
	unsigned version = seen->pkt.version;
	struct eg_ip src, dst;

	if (seen->pkt.len < seen->pkt.l4_off + 8 + (version == 4 ? 28 : 48))
		return false;
	src = eg_ip_from(version, q + (version == 4 ? 12 : 8));
	dst = eg_ip_from(version, q + (version == 4 ? 16 : 24));
	for (unsigned i = 0; i < oracle->n_known; i++) {
		const struct eg_packet_key *key = &oracle->known[i].key;

		if ((eg_ip_equal(&key->src, &src) && eg_ip_equal(&key->dst, &dst)) ||
		    (eg_ip_equal(&key->src, &dst) && eg_ip_equal(&key->dst, &src)))
			return eg_ip_equal(&src, &seen->key.dst);
	}
	return false;
}

static bool follows_first_fragment(const struct oracle *oracle, const struct seen *seen)
{
	struct eg_packet_key any = seen->key;

	any.proto = EG_PROTO_NONE;
	any.port = 0;
	if (allows(oracle, &any))
		return true;
	for (unsigned i = 0; i < oracle->n_first; i++) {
		const struct first *first = &oracle->first[i];

		if (eg_ip_equal(&first->src, &seen->key.src) &&
		    eg_ip_equal(&first->dst, &seen->key.dst) && first->id == seen->pkt.frag_id &&
		    (seen->pkt.version == 6 || first->proto == seen->key.proto))
			return true;
	}
	return false;
}

static void record(struct oracle *oracle, const struct seen *seen, bool allowed)
{
	if (allowed && oracle->n_known < KNOWN)
		oracle->known[oracle->n_known++] = (struct known){seen->key, seen->sport};
	if (seen->pkt.frag == EG_FRAG_FIRST && oracle->n_first < KNOWN)
		oracle->first[oracle->n_first++] = (struct first){
			seen->key.src, seen->key.dst, seen->pkt.frag_id, seen->key.proto};
}

static void check_packet(struct oracle *oracle, const struct packet *packet, bool passed)
{
	struct seen seen;
	bool allowed;

	if (!parse_packet(packet, &seen)) {
		if (passed)
			report_violation("what cannot be parsed passed");
		return;
	}
	if (seen.pkt.frag == EG_FRAG_LATER) {
		if (passed && !follows_first_fragment(oracle, &seen))
			report_violation("a fragment without its first one passed");
		return;
	}
	allowed = allows(oracle, &seen.key);
	if (!passed && allowed && seen.opening)
		report_violation("an opening that the model allows was dropped");
	if (passed && !allowed && !is_permitted_reply(oracle, &seen) &&
	    !(seen.error && quotes_known(oracle, packet, &seen)))
		report_violation("a packet that the model denies passed");
	if (passed)
		record(oracle, &seen, allowed);
}

/* --- input */

struct input {
	const uint8_t *at;
	size_t left;
};

struct batch {
	struct packet packets[EG_BATCH_MAX];
	unsigned n;
	uint8_t last[7]; /* record of the last packet, for replies to it */
};

static void flush(struct oracle *oracle, struct batch *batch, unsigned worker)
{
	bool passed[EG_BATCH_MAX];

	gate_burst(oracle->gate, worker, batch->packets, batch->n, passed);
	for (unsigned i = 0; i < batch->n; i++)
		check_packet(oracle, &batch->packets[i], passed[i]);
	batch->n = 0;
}

static void fix_checksum(struct packet *packet)
{
	unsigned head = (packet->bytes[0] & 15u) * 4;

	if (packet->bytes[0] >> 4 != 4 || head > packet->n)
		return;
	eg_put16(packet->bytes + 10, 0);
	eg_put16(packet->bytes + 10, eg_checksum_fold(eg_checksum_add(0, packet->bytes, head)));
}

/* A packet of the small cluster. r: endpoints, protocol and version, ports, flags, fragment. */
static struct packet make_packet(const uint8_t *r)
{
	static const char *const protos[] = {"tcp", "udp", "sctp", "icmp",
					     "47",  "tcp", "tcp",  "icmp"};
	static const char *const flags[] = {"S", "SA", "A", "FA", "R", "PA", "S", "SF"};
	static const uint8_t types4[] = {8, 0, 3, 11, 13, 8, 0, 5};
	static const uint8_t types6[] = {128, 129, 1, 2, 135, 128, 129, 3};
	bool v6 = r[1] & 8;
	const char *names = v6 ? "CSONFGEE" : "csonfgee", *proto = protos[r[1] & 7];
	unsigned a = r[2] & 3, b = r[2] >> 2 & 3;
	char line[96], last[16], fragment[48] = "";

	if (!strcmp(proto, "icmp"))
		a = (v6 ? types6 : types4)[r[3] & 7];
	snprintf(last, sizeof(last), "%s", flags[r[3] & 7]);
	if (!strcmp(proto, "sctp"))
		snprintf(last, sizeof(last), "%u", r[3] & 15);
	if (r[4] & 0x80)
		snprintf(fragment, sizeof(fragment), " id=%u off=%u%s", r[4] & 3, (r[5] & 15) * 8,
			 r[4] & 0x40 ? " mf" : "");
	snprintf(line, sizeof(line), "%c %c %s %u %u %s%s", names[r[0] & 7], names[r[0] >> 4 & 7],
		 proto, a, b, last, fragment);
	return packet_of(line);
}

/* Swap endpoints and ports of a record. */
static void reverse(uint8_t *r)
{
	r[0] = (uint8_t)(r[0] >> 4 | r[0] << 4);
	r[2] = (uint8_t)((r[2] & 3) << 2 | (r[2] >> 2 & 3));
}

static struct packet modify_last(uint8_t *last, const uint8_t *r)
{
	last[3] = r[1];
	if (r[2] & 1)
		last[4] = r[3];
	return make_packet(last);
}

/* A record is a command and seven bytes of arguments. */
static void take_record(struct oracle *oracle, struct batch *batch, const uint8_t *r)
{
	struct packet *packet = &batch->packets[batch->n];
	struct gate *gate = oracle->gate;

	switch (r[0] & 15) {
	case 0: /* reload */
		flush(oracle, batch, 0);
		gate->snap.policy = compiled[r[1] % POLICIES];
		gate->snap.policy->keep_existing = r[2] & 1;
		gate->snap.policy->generation = ++gate->generation;
		return;
	case 1: /* advance the clock */
		flush(oracle, batch, 1);
		eg_flow_sweep(gate->table, gate->table->bucket_mask + 1,
			      gate->path[0]->lookups.now.s + r[1] * 40u);
		if (eg_flow_reclaim_begin(gate->table))
			eg_flow_reclaim_finish(gate->table);
		return;
	case 2: /* an ICMP error about the last packet */
		if (batch->n) {
			bool v6 = packet[-1].bytes[0] >> 4 == 6;
			char ends[4] = {(v6 ? "CSONFGEE" : "csonfgee")[r[1] & 7], ' ',
					(v6 ? "CSONFGEE" : "csonfgee")[r[1] >> 4 & 7], 0};

			*packet = error_about(ends, v6 ? 1 : 3, &packet[-1],
					      r[2] % (packet[-1].n + 1u));
			batch->n++;
		}
		break;
	case 3: /* the last packet with bytes changed */
		if (batch->n) {
			*packet = packet[-1];
			packet->bytes[r[1] % packet->n] ^= r[2];
			packet->bytes[r[3] % packet->n] ^= r[4];
			if (r[5] & 1)
				fix_checksum(packet);
			if (r[5] & 2)
				packet->n = (uint16_t)(1 + r[6] % packet->n);
			batch->n++;
		}
		break;
	case 4:
		flush(oracle, batch, r[1] & 1);
		return;
	case 5: /* a reply to the last packet */
	case 6:
	case 7:
		reverse(batch->last);
		*packet = modify_last(batch->last, r);
		batch->n++;
		break;
	case 8: /* or the last packet with other flags */
		*packet = modify_last(batch->last, r);
		batch->n++;
		break;
	default:
		memcpy(batch->last, r + 1, sizeof(batch->last));
		*packet = make_packet(batch->last);
		batch->n++;
		break;
	}
	if (batch->n == EG_BATCH_MAX)
		flush(oracle, batch, r[7] & 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct oracle oracle;
	static struct batch batch;

	if (!oracle.gate)
		oracle.gate = start();
	reset(oracle.gate);
	oracle.n_known = oracle.n_first = 0;
	memset(batch.last, 0, sizeof(batch.last));
	for (; size >= 8; data += 8, size -= 8)
		take_record(&oracle, &batch, data);
	flush(&oracle, &batch, 0);
	gate_check(oracle.gate);
	return 0;
}
