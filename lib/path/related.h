/* For the flow and policy stages: a packet's endpoints, and packets that are related to a
 * connection without matching it. An ICMP error is related to the connection whose packet it
 * quotes; later fragments are related to the connection of their first one. Used by one worker. */
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
	EG_ICMP6_ECHO = 128, /* lower types are errors */
	EG_ICMP6_ECHO_REPLY = 129,
};

/* Addresses and protocol of the IP packet at data. The caller fills in the ports. */
static inline struct eg_flow_tuple eg_packet_ends(const uint8_t *data, uint8_t version,
						  uint8_t proto)
{
	return (struct eg_flow_tuple){
		.src = eg_ip_src(data, version),
		.dst = eg_ip_dst(data, version),
		.proto = proto,
		.version = version,
	};
}

/* The input of policy evaluation for a packet with that tuple. */
static inline struct eg_policy_packet eg_policy_packet_of(const struct eg_flow_tuple *tuple)
{
	return (struct eg_policy_packet){.src = tuple->src,
					 .dst = tuple->dst,
					 .port = tuple->dport,
					 .proto = tuple->proto,
					 .family = tuple->version};
}

/* Set the tuple's ports for an ICMP echo: the identifier is the port of the requester, and the
 * other port is 0, so that both ends may use the same identifier. False if the message (of at least
 * 8 bytes) is not an echo. */
bool eg_echo_ports(struct eg_flow_tuple *tuple, const uint8_t *icmp);

/* Is packet i an ICMP error that quotes a packet of a connection that policy allows now? */
bool eg_is_related_error(const struct eg_path *path, unsigned i);

/* Runs in order of arrival, after policy has set its verdicts. Later fragments pass if their first
 * one did; otherwise they are dropped, for a reason of their own. */
void eg_follow_fragments(struct eg_path *path);

#endif
