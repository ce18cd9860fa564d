/* For the flow and policy stages: a packet's ends, and what belongs to a connection without being
 * of it. An ICMP error belongs to the connection whose packet it quotes; fragments behind the first
 * belong where that went. One worker's. */
#ifndef EG_PATH_RELATED_H
#define EG_PATH_RELATED_H

#include "path/path.h"

/* RFC 792, RFC 4443 */
enum {
	EG_ICMP_ECHO_REPLY = 0,
	EG_ICMP_UNREACHABLE = 3,
	EG_ICMP_ECHO = 8,
	EG_ICMP_TIME_EXCEEDED = 11,
	EG_ICMP_PARAMETER = 12,
	EG_ICMP6_ECHO = 128, /* those below are errors */
	EG_ICMP6_ECHO_REPLY = 129,
};

/* Addresses and protocol of the IP packet at data; ports are the caller's to fill. */
static inline struct eg_flow_tuple eg_packet_ends(const uint8_t *data, uint8_t version,
						  uint8_t proto)
{
	bool v4 = version == 4;

	return (struct eg_flow_tuple){
		.src = data + (v4 ? offsetof(struct eg_ip4, src) : offsetof(struct eg_ip6, src)),
		.dst = data + (v4 ? offsetof(struct eg_ip4, dst) : offsetof(struct eg_ip6, dst)),
		.proto = proto,
		.version = version,
	};
}

static inline struct eg_policy_packet eg_policy_question(const struct eg_flow_tuple *tuple)
{
	return (struct eg_policy_packet){.src = tuple->src,
					 .dst = tuple->dst,
					 .port = tuple->dport,
					 .proto = tuple->proto,
					 .family = tuple->version};
}

/* An echo's identifier is the port of the end that asks; so both ends may ask under the same one.
 * False where the message (of 8 bytes at least) is no echo. */
bool eg_echo_ports(struct eg_flow_tuple *tuple, const uint8_t *icmp);

/* Is packet i an ICMP error that quotes a connection which policy allows now? */
bool eg_is_related_error(const struct eg_path *path, unsigned i);

/* In the order of arrival, with the verdicts marked: a first fragment that passes opens the way for
 * those behind it; others are lost by name. */
void eg_follow_fragments(struct eg_path *path);

#endif
