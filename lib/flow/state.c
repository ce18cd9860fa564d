#include "flow/state.h"

#include "net/headers.h"

enum {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_ACK = 0x10,
};

enum { /* RFC 792, RFC 4443 s4.1 */
	ICMP_ECHO = 8,
	ICMP6_ECHO = 128,
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
	if ((proto == EG_PROTO_ICMP && l4[0] == ICMP_ECHO) ||
	    (proto == EG_PROTO_ICMP6 && l4[0] == ICMP6_ECHO))
		return EG_EVENT_OPEN;
	return EG_EVENT_DATA;
}

/* An OPEN from the other end is a connection attempt of its own, whatever is known of the ports: a
 * server must not call its client back under the client's permission. An OPEN from the opener
 * repeats itself (a lost SYN), but behind a goodbye it is a new connection.
 *
 * A connection that a new policy forbids is remembered as denied: forgotten, its server's next
 * segment would be a first packet in the other direction, which policy may well allow, and then the
 * forbidden one would go on as replies to that. */
enum eg_conn_step eg_conn_step(enum eg_conn_state state, enum eg_conn_event event, int from_opener,
			       enum eg_conn_state *next)
{
#define NEW    EG_CONN_NEW
#define ANSW   EG_CONN_ANSWERED
#define EST    EG_CONN_ESTABLISHED
#define LEFT   EG_CONN_OPENER_LEFT
#define OLEFT  EG_CONN_OTHER_LEFT
#define CLOSED EG_CONN_CLOSED
#define AGAIN  EG_CONN_STATES
	/* clang-format off */
	static const uint8_t opener[EG_CONN_STATES][EG_EVENTS] = {
		/*                       DATA    OPEN   FIN     RESET   STRAY */
		[EG_CONN_DEAD] =        {AGAIN,  AGAIN, AGAIN,  AGAIN,  AGAIN},
		[EG_CONN_DENIED] =      {NEW,    AGAIN, LEFT,   CLOSED, NEW},
		[EG_CONN_NEW] =         {NEW,    NEW,   LEFT,   CLOSED, NEW},
		[EG_CONN_ANSWERED] =    {EST,    ANSW,  LEFT,   CLOSED, ANSW},
		[EG_CONN_ESTABLISHED] = {EST,    EST,   LEFT,   CLOSED, EST},
		[EG_CONN_OPENER_LEFT] = {LEFT,   AGAIN, LEFT,   CLOSED, LEFT},
		[EG_CONN_OTHER_LEFT] =  {OLEFT,  AGAIN, CLOSED, CLOSED, OLEFT},
		[EG_CONN_CLOSED] =      {CLOSED, AGAIN, CLOSED, CLOSED, CLOSED},
	};
	static const uint8_t other[EG_CONN_STATES][EG_EVENTS] = {
		[EG_CONN_DEAD] =        {AGAIN,  AGAIN, AGAIN,  AGAIN,  AGAIN},
		[EG_CONN_DENIED] =      {ANSW,   AGAIN, OLEFT,  CLOSED, NEW},
		[EG_CONN_NEW] =         {ANSW,   AGAIN, OLEFT,  CLOSED, NEW},
		[EG_CONN_ANSWERED] =    {ANSW,   AGAIN, OLEFT,  CLOSED, ANSW},
		[EG_CONN_ESTABLISHED] = {EST,    AGAIN, OLEFT,  CLOSED, EST},
		[EG_CONN_OPENER_LEFT] = {LEFT,   AGAIN, CLOSED, CLOSED, LEFT},
		[EG_CONN_OTHER_LEFT] =  {OLEFT,  AGAIN, OLEFT,  CLOSED, OLEFT},
		[EG_CONN_CLOSED] =      {CLOSED, AGAIN, CLOSED, CLOSED, CLOSED},
	};
	/* clang-format on */
#undef NEW
#undef ANSW
#undef EST
#undef LEFT
#undef OLEFT
#undef CLOSED
#undef AGAIN
	uint8_t to = from_opener ? opener[state][event] : other[state][event];

	if (to == EG_CONN_STATES)
		return EG_STEP_REOPEN;
	*next = (enum eg_conn_state)to;
	return state == EG_CONN_DENIED ? EG_STEP_ASK : EG_STEP_PASS;
}

bool eg_conn_is_evictable(enum eg_conn_state state)
{
	static const bool table[EG_CONN_STATES] = {
		[EG_CONN_NEW] = true,
		[EG_CONN_ANSWERED] = true,
		[EG_CONN_CLOSED] = true,
	};

	return table[state];
}

uint32_t eg_conn_timeout_s(uint8_t proto, enum eg_conn_state state)
{
	/* TCP: RFC 5382 REQ-5: 2 h 4 min for an established one, 4 min for one that closes; one
	 * that nobody answers, or whose handshake is not finished, goes sooner, so that a scan or a
	 * flood of SYNs does not fill the table. UDP: RFC 4787 REQ-5: two minutes for a stream, the
	 * same exception. ICMP: RFC 5508 REQ-2: a minute. Denied: past the slowest repetition of a
	 * segment (RFC 6298 s2.5 lets it be bounded at 60 s or more; Linux: 120 s). */
	enum {
		WITH_STATE,
		UDP,
		ICMP,
		OTHER
	};
	/* clang-format off */
	static const uint16_t table[][EG_CONN_STATES] = {
		/*               dead denied new answered established opener other closed */
		/*                                                    left   left         */
		[WITH_STATE] =  {0,   300,   30, 60,      7440,       240,   240,  10},
		[UDP] =         {0,   300,   30, 30,      180,        10,    10,   10},
		[ICMP] =        {0,   300,   60, 60,      60,         10,    10,   10},
		[OTHER] =       {0,   300,   60, 60,      600,        10,    10,   10},
	};
	/* clang-format on */

	switch (proto) {
	case EG_PROTO_TCP:
	case EG_PROTO_SCTP:
		return table[WITH_STATE][state];
	case EG_PROTO_UDP:
		return table[UDP][state];
	case EG_PROTO_ICMP:
	case EG_PROTO_ICMP6:
		return table[ICMP][state];
	default:
		return table[OTHER][state];
	}
}
