/* Allow list of an encrypted port: what may pass in clear between the wire and the kernel device.
 * This is the form that workers evaluate (path/allow.h). A plain value; when zeroed it allows
 * nothing. */
#ifndef EG_BASE_ALLOW_H
#define EG_BASE_ALLOW_H

#include <stdbool.h>
#include <stdint.h>

#define EG_ALLOW_MAX 16 /* ports, in addition to ike and icmp */

struct eg_allow {
	bool ike;  /* UDP 500, and 4500 behind the non-ESP marker (RFC 3948 s2.2) */
	bool icmp; /* echo requests from the node, and ICMP errors */
	uint8_t n;
	struct eg_allow_port {
		uint8_t proto; /* TCP or UDP */
		uint16_t port;
	} port[EG_ALLOW_MAX];
};

#endif
