/* What may pass in clear between the wire and the kernel's device of an encrypted port: the
 * configuration's list in the form in which workers ask it (path/allow.h). A plain value; zeroed it
 * allows nothing. */
#ifndef EG_BASE_ALLOW_H
#define EG_BASE_ALLOW_H

#include <stdbool.h>
#include <stdint.h>

#define EG_ALLOW_MAX 16 /* ports beside the words */

struct eg_allow {
	bool ike;  /* UDP 500, and 4500 behind the non-ESP marker (RFC 3948 s2.2) */
	bool icmp; /* echo asked by the node, and errors */
	uint8_t n;
	struct eg_allow_port {
		uint8_t proto; /* TCP or UDP */
		uint16_t port;
	} port[EG_ALLOW_MAX];
};

#endif
