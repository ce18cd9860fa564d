/* Policy things in words that operators know from kubectl: "shop/web", "app=web, tier in (a, b)".
 * All append to a buffer of the caller's and read only; any thread. */
#ifndef EG_POLICY_DESCRIBE_H
#define EG_POLICY_DESCRIBE_H

#include "base/buf.h"
#include "policy/reference.h"

/* "ingress" or "egress". */
const char *eg_dir_name(enum eg_dir dir);

/* "TCP", "ICMP" ..., or NULL for a protocol without a name here. */
const char *eg_proto_name(uint8_t proto);

/* "TCP", or "protocol 50". */
void eg_describe_proto(uint8_t proto, struct eg_buf *out);

/* "file:line", or nothing where the position is not known. */
void eg_describe_pos(const struct eg_pos *pos, struct eg_buf *out);

/* "namespace/name". */
void eg_describe_pod(const struct eg_world *world, uint32_t pod, struct eg_buf *out);
void eg_describe_policy(const struct eg_world *world, uint32_t policy, struct eg_buf *out);

/* "namespace/name ingress[0] (file:line)". */
void eg_describe_rule(const struct eg_world *world, uint32_t policy, enum eg_dir dir, uint32_t rule,
		      struct eg_buf *out);

/* "app=web, tier in (a, b), !old"; "everything" for an empty one. */
void eg_describe_selector(const struct eg_world *world, const struct eg_selector *selector,
			  struct eg_buf *out);
void eg_describe_requirement(const struct eg_world *world, const struct eg_requirement *req,
			     struct eg_buf *out);

/* "TCP 80-90", "UDP dns", "SCTP". */
void eg_describe_port(const struct eg_world *world, const struct eg_port *port, struct eg_buf *out);

/* "10.0.0.1 -> 10.0.0.2 TCP 80". */
void eg_describe_key(const struct eg_packet_key *key, struct eg_buf *out);

#endif
