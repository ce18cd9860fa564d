#include "capture.h"

#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

#include "flow/table.h"
#include "net/parse.h"

#define FLOWS_MAX EG_FLOW_MAX

/* A connection of the table, and the flow that each side of it opened: index + 1, 0 for none. */
struct opened {
	uint32_t by_side[2];
};

struct reader {
	struct eg_capture *capture;
	struct eg_flow_table *table;
	struct opened *opened; /* of the table's connections, by number */
	int link;
};

static int find_ip(const struct reader *reader, const uint8_t *frame, uint32_t len, uint16_t *off)
{
	*off = 0;
	if (reader->link == DLT_EN10MB)
		return eg_parse_link(frame, len, off);
	return EG_PASS; /* DLT_RAW: starts with the IP header */
}

static struct eg_flow_tuple make_tuple(const uint8_t *data, const struct eg_pkt *pkt)
{
	bool icmp = pkt->proto == EG_PROTO_ICMP || pkt->proto == EG_PROTO_ICMP6;

	return (struct eg_flow_tuple){
		.src = eg_ip_src(data, pkt->version),
		.dst = eg_ip_dst(data, pkt->version),
		.sport = pkt->sport,
		.dport = icmp ? pkt->sport : pkt->dport,
		.proto = pkt->proto,
		.version = pkt->version,
	};
}

/* Does it answer an opening that is not in the capture: a SYN-ACK, an echo reply? */
static bool is_answer(const uint8_t *data, const struct eg_pkt *pkt)
{
	unsigned type = pkt->dport >> 8;

	if (pkt->proto == EG_PROTO_TCP)
		return (data[pkt->l4_off + 13] & 0x12) == 0x12;
	return (pkt->proto == EG_PROTO_ICMP && type == 0) ||
	       (pkt->proto == EG_PROTO_ICMP6 && type == 129);
}

static bool follows(const struct eg_pkt *pkt)
{
	unsigned type = pkt->dport >> 8;

	return pkt->frag == EG_FRAG_LATER ||
	       (pkt->proto == EG_PROTO_ICMP && (type == 3 || type == 11 || type == 12)) ||
	       (pkt->proto == EG_PROTO_ICMP6 && type < 128);
}

static struct eg_capture_flow *add_flow(struct reader *reader, const struct eg_flow_key *key,
					unsigned side)
{
	struct eg_capture_flow *flow = eg_vec_add(&reader->capture->flows);

	if (!flow)
		return NULL;
	flow->key.src = eg_ip_from(key->version, key->addr[side]);
	flow->key.dst = eg_ip_from(key->version, key->addr[!side]);
	flow->key.proto = key->proto;
	flow->sport = key->port[side];
	flow->key.port = key->port[!side];
	return flow;
}

/* Count a packet in its flow: the one that its side opened, else the one that the other side did.
 */
static int count(struct reader *reader, const uint8_t *data, const struct eg_pkt *pkt)
{
	struct eg_flow_tuple tuple = make_tuple(data, pkt);
	enum eg_conn_event event =
		eg_conn_event(pkt->proto, data + pkt->l4_off, (uint32_t)pkt->len - pkt->l4_off);
	struct eg_flow_key key;
	unsigned side = eg_flow_key_make(&key, &tuple), opener;
	uint64_t hash = eg_flow_hash(&key, &reader->table->seed);
	uint32_t number = eg_conn_find(reader->table, &key, hash), *slot;
	/* Established: never evicted for another connection. */
	const struct eg_standing standing = {.state = EG_CONN_ESTABLISHED, .opener = (uint8_t)side};
	struct eg_capture_flow *flow;
	bool fresh;

	if (number == EG_CONN_NONE)
		number = eg_conn_insert(reader->table, &key, hash, standing, 0, &fresh);
	if (number >= EG_CONN_LIMITED)
		return -1;
	slot = reader->opened[number].by_side;
	opener = slot[side] || event == EG_EVENT_OPEN || (!slot[!side] && !is_answer(data, pkt))
			 ? side
			 : !side;
	if (slot[opener]) {
		flow = &reader->capture->flows.v[slot[opener] - 1];
	} else {
		flow = add_flow(reader, &key, opener);
		if (!flow)
			return -1;
		slot[opener] = (uint32_t)reader->capture->flows.n;
	}
	flow->packets++;
	flow->bytes += pkt->len;
	return 0;
}

static int take(struct reader *reader, const uint8_t *frame, uint32_t len)
{
	struct eg_pkt pkt;
	uint16_t off;

	reader->capture->packets++;
	if (find_ip(reader, frame, len, &off) || eg_parse_ip(frame + off, len - off, &pkt) ||
	    eg_parse_addresses(frame + off, &pkt)) {
		reader->capture->skipped++;
		return 0;
	}
	if (follows(&pkt)) {
		reader->capture->followers++;
		return 0;
	}
	return count(reader, frame + off, &pkt);
}

static int read_all(struct reader *reader, pcap_t *pcap, const char *path)
{
	struct pcap_pkthdr *head;
	const u_char *frame;
	int got;

	while ((got = pcap_next_ex(pcap, &head, &frame)) == 1) {
		if (take(reader, frame, head->caplen)) {
			fprintf(stderr, "espgate: %s: more than %u flows, or out of memory\n", path,
				FLOWS_MAX);
			return -1;
		}
	}
	if (got == PCAP_ERROR) {
		fprintf(stderr, "espgate: %s: %s\n", path, pcap_geterr(pcap));
		return -1;
	}
	return 0;
}

int eg_capture_read(const char *path, struct eg_capture *capture)
{
	struct reader reader = {.capture = capture};
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline(path, error);
	int ret = -1;

	*capture = (struct eg_capture){0};
	if (!pcap) {
		fprintf(stderr, "espgate: %s\n", error);
		return -1;
	}
	reader.link = pcap_datalink(pcap);
	reader.table = eg_flow_table_new(FLOWS_MAX);
	if (reader.table) {
		eg_flow_limit_source(reader.table, FLOWS_MAX);
		reader.opened = calloc(reader.table->n_numbers, sizeof(*reader.opened));
	}
	if (reader.link != DLT_EN10MB && reader.link != DLT_RAW)
		fprintf(stderr, "espgate: %s: link type %s; only Ethernet and raw IP are read\n",
			path, pcap_datalink_val_to_name(reader.link));
	else if (!reader.table || !reader.opened)
		fprintf(stderr, "espgate: out of memory\n");
	else
		ret = read_all(&reader, pcap, path);
	free(reader.opened);
	eg_flow_table_free(reader.table);
	pcap_close(pcap);
	return ret;
}

void eg_capture_free(struct eg_capture *capture)
{
	eg_vec_free(&capture->flows);
}
