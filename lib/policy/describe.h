/* Text for policies, pods, rules and selectors in kubectl's notation: "shop/web", "app=web, tier in
 * (a, b)". All functions append to the caller's buffer and only read the rest; any thread. */
#ifndef EG_POLICY_DESCRIBE_H
#define EG_POLICY_DESCRIBE_H

#include "base/buf.h"
#include "policy/reference.h"

/* "ingress" or "egress". */
const char *eg_dir_name(enum eg_dir dir);

/* "TCP", "ICMP" and so on; NULL for a protocol without a known name. */
const char *eg_proto_name(uint8_t proto);

/* "TCP", or "protocol 50". */
void eg_describe_proto(uint8_t proto, struct eg_buf *out);

/* "file:line", or nothing if the position is unknown. */
void eg_describe_pos(const struct eg_pos *pos, struct eg_buf *out);

/* "namespace/name". */
void eg_describe_pod(const struct eg_cluster *cluster, uint32_t pod, struct eg_buf *out);
void eg_describe_policy(const struct eg_cluster *cluster, uint32_t policy, struct eg_buf *out);

/* "namespace/name ingress[0] (file:line)". */
void eg_describe_rule(const struct eg_cluster *cluster, uint32_t policy, enum eg_dir dir,
		      uint32_t rule, struct eg_buf *out);

/* "app=web, tier in (a, b), !old"; "everything" for an empty one. */
void eg_describe_selector(const struct eg_cluster *cluster, const struct eg_selector *selector,
			  struct eg_buf *out);
void eg_describe_requirement(const struct eg_cluster *cluster, const struct eg_requirement *req,
			     struct eg_buf *out);

/* "TCP 80-90", "UDP dns", "SCTP". */
void eg_describe_port(const struct eg_cluster *cluster, const struct eg_port *port,
		      struct eg_buf *out);

/* "10.0.0.1 -> 10.0.0.2 TCP 80". */
void eg_describe_key(const struct eg_packet_key *key, struct eg_buf *out);

#endif
