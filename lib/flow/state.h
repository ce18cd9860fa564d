/* What becomes of a connection: the state machines as tables, and how long each state may idle.
 *
 * The gateway sees packets, not sockets: states say only what matters for letting packets pass and
 * for forgetting in time. Which segments of TCP are believed is window.h's matter; the others are
 * EG_EVENT_STRAY here. Pure; any thread. */
#ifndef EG_FLOW_STATE_H
#define EG_FLOW_STATE_H

#include <stdbool.h>
#include <stdint.h>

enum eg_conn_state {
	EG_CONN_DEAD,        /* for good: nobody finds it, it waits for the sweep */
	EG_CONN_DENIED,      /* policy forbids it now */
	EG_CONN_NEW,         /* only its opener has spoken: TCP's SYN_SENT, one-way UDP */
	EG_CONN_ANSWERED,    /* the other end has answered: TCP's SYN_RECV, one exchange by UDP */
	EG_CONN_ESTABLISHED, /* and the opener has spoken again: a stream */
	EG_CONN_OPENER_LEFT, /* its opener has said goodbye and may repeat that */
	EG_CONN_OTHER_LEFT,  /* the other end has */
	EG_CONN_CLOSED,      /* both have, or one cut it off */
	EG_CONN_STATES,
};

enum eg_conn_event {
	EG_EVENT_DATA,  /* anything that is none of the others */
	EG_EVENT_OPEN,  /* TCP SYN, SCTP INIT, ICMP echo */
	EG_EVENT_FIN,   /* TCP FIN, SCTP SHUTDOWN */
	EG_EVENT_RESET, /* TCP RST, SCTP ABORT, SHUTDOWN COMPLETE */
	EG_EVENT_STRAY, /* TCP: none of the connection's window, so it proves nothing */
	EG_EVENTS,
};

/* What a packet asks of an existing connection. */
enum eg_conn_step {
	EG_STEP_PASS,   /* it belongs to the connection, which moves to the table's state */
	EG_STEP_ASK,    /* so it would, if policy allowed the connection by now */
	EG_STEP_REOPEN, /* it opens a connection anew: policy decides the packet */
};

/* Layer 4's event: `l4` has at least the header's bytes that parse has checked (TCP 20, SCTP 12,
 * ICMP 8; an SCTP packet may end there). */
enum eg_conn_event eg_conn_event(uint8_t proto, const uint8_t *l4, uint32_t l4_len);

/* One step: the packet comes from the connection's opener or goes to it. Sets *next, unless the
 * packet opens a connection anew. */
enum eg_conn_step eg_conn_step(enum eg_conn_state state, enum eg_conn_event event, int from_opener,
			       enum eg_conn_state *next);

/* May it give way to a new connection when the table is full? */
bool eg_conn_is_evictable(enum eg_conn_state state);

/* Seconds without a packet after which the connection is forgotten. */
uint32_t eg_conn_timeout_s(uint8_t proto, enum eg_conn_state state);

#endif
