/* Connection state machines as tables, and the idle timeout per state.
 *
 * The gateway sees packets, not sockets: states only distinguish what matters for passing packets
 * and for expiry. Window checks of TCP are in window.h; segments that fail them are EG_EVENT_STRAY
 * here. Stateless: any thread. */
#ifndef EG_FLOW_STATE_H
#define EG_FLOW_STATE_H

#include <stdbool.h>
#include <stdint.h>

enum eg_conn_state {
	EG_CONN_DEAD,        /* final: cannot be found, waits for the sweep */
	EG_CONN_DENIED,      /* policy forbids it now */
	EG_CONN_NEW,         /* only the opener has sent: TCP's SYN_SENT, one-way UDP */
	EG_CONN_ANSWERED,    /* the responder has answered: TCP's SYN_RECV, one exchange over UDP */
	EG_CONN_ESTABLISHED, /* and the opener has sent again: a stream */
	EG_CONN_OPENER_FIN,  /* the opener has sent FIN and may retransmit it */
	EG_CONN_RESPONDER_FIN, /* the responder has sent FIN */
	EG_CONN_CLOSED,        /* both have sent FIN, or one has reset it */
	EG_CONN_STATES,
};

enum eg_conn_event {
	EG_EVENT_DATA,  /* anything else */
	EG_EVENT_OPEN,  /* TCP SYN, SCTP INIT, ICMP echo */
	EG_EVENT_FIN,   /* TCP FIN, SCTP SHUTDOWN */
	EG_EVENT_RESET, /* TCP RST, SCTP ABORT, SHUTDOWN COMPLETE */
	EG_EVENT_STRAY, /* TCP: outside the window, so it proves nothing */
	EG_EVENTS,
};

/* Effect of a packet on an existing connection. */
enum eg_conn_step {
	EG_STEP_PASS,     /* part of the connection, which moves to *next */
	EG_STEP_REDECIDE, /* the same once policy allows the connection */
	EG_STEP_REOPEN,   /* opens the connection anew: policy decides the packet */
};

/* Event of a layer 4 header: `l4` has at least the header bytes checked by the parser (TCP 20, SCTP
 * 12, ICMP 8; an SCTP packet may end there). */
enum eg_conn_event eg_conn_event(uint8_t proto, const uint8_t *l4, uint32_t l4_len);

/* Step the state machine for a packet from or to the connection's opener. Sets *next, except for
 * EG_STEP_REOPEN. */
enum eg_conn_step eg_conn_step(enum eg_conn_state state, enum eg_conn_event event, int from_opener,
			       enum eg_conn_state *next);

/* May it be evicted for a new connection when the table is full? */
bool eg_conn_is_evictable(enum eg_conn_state state);

/* Idle timeout in seconds. */
uint32_t eg_conn_timeout_s(uint8_t proto, enum eg_conn_state state);

#endif
