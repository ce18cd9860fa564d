/* What becomes of a connection: the state machines as tables, and how long each state may idle.
 *
 * The gateway sees packets, not sockets: states say only what matters for letting packets pass and
 * for forgetting in time. Sequence numbers are not followed. Pure; any thread. */
#ifndef EG_FLOW_STATE_H
#define EG_FLOW_STATE_H

#include <stdint.h>

enum eg_conn_state {
	EG_CONN_DEAD,        /* forbidden or closed for good: as if it were not there */
	EG_CONN_NEW,         /* only its opener has spoken */
	EG_CONN_ESTABLISHED, /* both have */
	EG_CONN_CLOSING,     /* one end has said goodbye */
	EG_CONN_CLOSED,      /* both have, or one cut it off */
	EG_CONN_STATES,
};

enum eg_conn_event {
	EG_EVENT_DATA,  /* anything that is none of the others */
	EG_EVENT_OPEN,  /* TCP SYN, SCTP INIT */
	EG_EVENT_FIN,   /* TCP FIN, SCTP SHUTDOWN */
	EG_EVENT_RESET, /* TCP RST, SCTP ABORT, SHUTDOWN COMPLETE */
	EG_EVENTS,
};

/* What a packet asks of an existing connection. */
enum eg_conn_step {
	EG_STEP_PASS,   /* it belongs to the connection, which moves to the table's state */
	EG_STEP_REOPEN, /* it opens a connection anew: policy decides again */
};

/* Layer 4's event: `l4` has at least the header's bytes that parse has checked (TCP 20, SCTP 12;
 * an SCTP packet may end there). */
enum eg_conn_event eg_conn_event(uint8_t proto, const uint8_t *l4, uint32_t l4_len);

/* One step: the packet comes from the connection's opener or goes to it. Sets *next. */
enum eg_conn_step eg_conn_step(enum eg_conn_state state, enum eg_conn_event event, int from_opener,
			       enum eg_conn_state *next);

/* Seconds without a packet after which the connection is forgotten. */
uint32_t eg_conn_timeout_s(uint8_t proto, enum eg_conn_state state);

#endif
