#include "flow/state.h"

#include "net/headers.h"

enum {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_ACK = 0x10,
};

enum { /* RFC 9260 s3.2 */
	SCTP_INIT = 1,
	SCTP_ABORT = 6,
	SCTP_SHUTDOWN = 7,
	SCTP_SHUTDOWN_COMPLETE = 14,
};

static enum eg_conn_event tcp_event(uint8_t flags)
{
	if (flags & TCP_RST)
		return EG_EVENT_RESET;
	if ((flags & (TCP_SYN | TCP_ACK)) == TCP_SYN)
		return EG_EVENT_OPEN;
	return flags & TCP_FIN ? EG_EVENT_FIN : EG_EVENT_DATA;
}

/* The first chunk tells: INIT, ABORT, SHUTDOWN COMPLETE and their like stand alone (RFC 9260
 * s6.10). */
static enum eg_conn_event sctp_event(uint8_t chunk)
{
	switch (chunk) {
	case SCTP_INIT:
		return EG_EVENT_OPEN;
	case SCTP_SHUTDOWN:
		return EG_EVENT_FIN;
	case SCTP_ABORT:
	case SCTP_SHUTDOWN_COMPLETE:
		return EG_EVENT_RESET;
	default:
		return EG_EVENT_DATA;
	}
}

enum eg_conn_event eg_conn_event(uint8_t proto, const uint8_t *l4, uint32_t l4_len)
{
	if (proto == EG_PROTO_TCP)
		return tcp_event(l4[13]);
	if (proto == EG_PROTO_SCTP && l4_len > 12)
		return sctp_event(l4[12]);
	return EG_EVENT_DATA;
}

/* An OPEN from the other end is a connection attempt of its own, whatever is known of the ports: a
 * server must not call its client back under the client's permission. An OPEN from the opener
 * repeats itself (a lost SYN), but behind a goodbye it is a new connection. */
enum eg_conn_step eg_conn_step(enum eg_conn_state state, enum eg_conn_event event, int from_opener,
			       enum eg_conn_state *next)
{
	enum {
		OPEN_AGAIN = EG_CONN_STATES
	};
#define NEW    EG_CONN_NEW
#define EST    EG_CONN_ESTABLISHED
#define CLOSES EG_CONN_CLOSING
#define CLOSED EG_CONN_CLOSED
	static const uint8_t opener[EG_CONN_STATES][EG_EVENTS] = {
		/*                 DATA        OPEN        FIN         RESET */
		[EG_CONN_DEAD] = {OPEN_AGAIN, OPEN_AGAIN, OPEN_AGAIN, OPEN_AGAIN},
		[EG_CONN_NEW] = {NEW, NEW, CLOSES, CLOSED},
		[EG_CONN_ESTABLISHED] = {EST, EST, CLOSES, CLOSED},
		[EG_CONN_CLOSING] = {CLOSES, OPEN_AGAIN, CLOSED, CLOSED},
		[EG_CONN_CLOSED] = {CLOSED, OPEN_AGAIN, CLOSED, CLOSED},
	};
	static const uint8_t other[EG_CONN_STATES][EG_EVENTS] = {
		[EG_CONN_DEAD] = {OPEN_AGAIN, OPEN_AGAIN, OPEN_AGAIN, OPEN_AGAIN},
		[EG_CONN_NEW] = {EST, OPEN_AGAIN, CLOSES, CLOSED},
		[EG_CONN_ESTABLISHED] = {EST, OPEN_AGAIN, CLOSES, CLOSED},
		[EG_CONN_CLOSING] = {CLOSES, OPEN_AGAIN, CLOSED, CLOSED},
		[EG_CONN_CLOSED] = {CLOSED, OPEN_AGAIN, CLOSED, CLOSED},
	};
#undef NEW
#undef EST
#undef CLOSES
#undef CLOSED
	uint8_t to = from_opener ? opener[state][event] : other[state][event];

	if (to == OPEN_AGAIN)
		return EG_STEP_REOPEN;
	*next = (enum eg_conn_state)to;
	return EG_STEP_PASS;
}

uint32_t eg_conn_timeout_s(uint8_t proto, enum eg_conn_state state)
{
	/* TCP: RFC 5382 REQ-5 asks 2 h 4 min of an established one at least, 4 min of the others;
	 * a gateway that only forgets, and picks up what policy allows, may be quicker on those.
	 * UDP: RFC 4787 REQ-5, two minutes at least. */
	static const uint32_t with_state[EG_CONN_STATES] = {0, 30, 7440, 120, 10};
	static const uint32_t udp[EG_CONN_STATES] = {0, 30, 180, 10, 10};
	static const uint32_t icmp[EG_CONN_STATES] = {0, 30, 30, 10, 10};
	static const uint32_t others[EG_CONN_STATES] = {0, 60, 600, 10, 10};

	switch (proto) {
	case EG_PROTO_TCP:
	case EG_PROTO_SCTP:
		return with_state[state];
	case EG_PROTO_UDP:
		return udp[state];
	case EG_PROTO_ICMP:
	case EG_PROTO_ICMP6:
		return icmp[state];
	default:
		return others[state];
	}
}
