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

/* The first chunk decides: INIT, ABORT, SHUTDOWN COMPLETE and the like are never bundled after
 * others (RFC 9260 s6.10). */
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

/* An OPEN from the responder is a connection attempt of its own, whatever is known of the ports: a
 * server must not connect back under its client's permission. An OPEN from the opener is a
 * retransmission (a lost SYN), but after a FIN it opens a new connection.
 *
 * A connection that a new policy forbids is remembered as denied. If it were forgotten, the
 * server's next segment would be a first packet in the other direction, which policy may well
 * allow, and the forbidden packets would pass as replies to it. */
enum eg_conn_step eg_conn_step(enum eg_conn_state state, enum eg_conn_event event, int from_opener,
			       enum eg_conn_state *next)
{
#define NEW    EG_CONN_NEW
#define ANSW   EG_CONN_ANSWERED
#define EST    EG_CONN_ESTABLISHED
#define OPFIN  EG_CONN_OPENER_FIN
#define REFIN  EG_CONN_RESPONDER_FIN
#define CLOSED EG_CONN_CLOSED
#define REOPEN EG_CONN_STATES
	/* clang-format off */
	static const uint8_t opener[EG_CONN_STATES][EG_EVENTS] = {
		/*                         DATA    OPEN    FIN     RESET   STRAY */
		[EG_CONN_DEAD] =          {REOPEN, REOPEN, REOPEN, REOPEN, REOPEN},
		[EG_CONN_DENIED] =        {NEW,    REOPEN, OPFIN,  CLOSED, NEW},
		[EG_CONN_NEW] =           {NEW,    NEW,    OPFIN,  CLOSED, NEW},
		[EG_CONN_ANSWERED] =      {EST,    ANSW,   OPFIN,  CLOSED, ANSW},
		[EG_CONN_ESTABLISHED] =   {EST,    EST,    OPFIN,  CLOSED, EST},
		[EG_CONN_OPENER_FIN] =    {OPFIN,  REOPEN, OPFIN,  CLOSED, OPFIN},
		[EG_CONN_RESPONDER_FIN] = {REFIN,  REOPEN, CLOSED, CLOSED, REFIN},
		[EG_CONN_CLOSED] =        {CLOSED, REOPEN, CLOSED, CLOSED, CLOSED},
	};
	static const uint8_t responder[EG_CONN_STATES][EG_EVENTS] = {
		/*                         DATA    OPEN    FIN     RESET   STRAY */
		[EG_CONN_DEAD] =          {REOPEN, REOPEN, REOPEN, REOPEN, REOPEN},
		[EG_CONN_DENIED] =        {ANSW,   REOPEN, REFIN,  CLOSED, NEW},
		[EG_CONN_NEW] =           {ANSW,   REOPEN, REFIN,  CLOSED, NEW},
		[EG_CONN_ANSWERED] =      {ANSW,   REOPEN, REFIN,  CLOSED, ANSW},
		[EG_CONN_ESTABLISHED] =   {EST,    REOPEN, REFIN,  CLOSED, EST},
		[EG_CONN_OPENER_FIN] =    {OPFIN,  REOPEN, CLOSED, CLOSED, OPFIN},
		[EG_CONN_RESPONDER_FIN] = {REFIN,  REOPEN, REFIN,  CLOSED, REFIN},
		[EG_CONN_CLOSED] =        {CLOSED, REOPEN, CLOSED, CLOSED, CLOSED},
	};
	/* clang-format on */
#undef NEW
#undef ANSW
#undef EST
#undef OPFIN
#undef REFIN
#undef CLOSED
#undef REOPEN
	uint8_t to = from_opener ? opener[state][event] : responder[state][event];

	if (to == EG_CONN_STATES)
		return EG_STEP_REOPEN;
	*next = (enum eg_conn_state)to;
	return state == EG_CONN_DENIED ? EG_STEP_REDECIDE : EG_STEP_PASS;
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
	/* TCP: RFC 5382 REQ-5: 2 h 4 min when established, 4 min when closing. Unanswered and
	 * half-open connections expire sooner, so that a scan or a SYN flood does not fill the
	 * table. UDP: RFC 4787 REQ-5: two minutes for a stream, with the same exception. ICMP: RFC
	 * 5508 REQ-2: one minute. Denied: longer than the slowest retransmission (RFC 6298 s2.5
	 * allows a bound of 60 s or more; Linux: 120 s). */
	enum {
		WITH_STATE,
		UDP,
		ICMP,
		OTHER
	};
	/* clang-format off */
	static const uint16_t table[][EG_CONN_STATES] = {
		/*               dead denied new answered established opener responder closed */
		/*                                                    fin    fin              */
		[WITH_STATE] =  {0,   300,   30, 60,      7440,       240,   240,      10},
		[UDP] =         {0,   300,   30, 30,      180,        10,    10,       10},
		[ICMP] =        {0,   300,   60, 60,      60,         10,    10,       10},
		[OTHER] =       {0,   300,   60, 60,      600,        10,    10,       10},
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
