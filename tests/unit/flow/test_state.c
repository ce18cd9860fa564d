/* The state machine and its timeouts as numbered truth tables. */
#include "flow_tests.h"

#include "net/headers.h"

#define DEAD      EG_CONN_DEAD
#define DENIED    EG_CONN_DENIED
#define NEW       EG_CONN_NEW
#define ANSW      EG_CONN_ANSWERED
#define EST       EG_CONN_ESTABLISHED
#define OPFIN     EG_CONN_OPENER_FIN
#define REFIN     EG_CONN_RESPONDER_FIN
#define CLOSED    EG_CONN_CLOSED
#define DATA      EG_EVENT_DATA
#define OPEN      EG_EVENT_OPEN
#define FIN       EG_EVENT_FIN
#define RESET     EG_EVENT_RESET
#define STRAY     EG_EVENT_STRAY
#define PASS      EG_STEP_PASS
#define REDECIDE  EG_STEP_REDECIDE
#define REOPEN    EG_STEP_REOPEN
#define OPENER    1
#define RESPONDER 0
#define NOTHING   EG_CONN_STATES

/* RFC 9293 s3.3.2 (TCP), RFC 9260 s4 (SCTP), as far as a gateway can tell from packets. */
static void test_steps(void **context)
{
	static const struct {
		int number;
		enum eg_conn_state state;
		int from;
		enum eg_conn_event event;
		enum eg_conn_step step;
		enum eg_conn_state next;
	} rows[] = {
		/* Dead: as if it did not exist; every packet is a first packet. */
		{1, DEAD, OPENER, DATA, REOPEN, NOTHING},
		{2, DEAD, OPENER, OPEN, REOPEN, NOTHING},
		{3, DEAD, OPENER, FIN, REOPEN, NOTHING},
		{4, DEAD, OPENER, RESET, REOPEN, NOTHING},
		{5, DEAD, OPENER, STRAY, REOPEN, NOTHING},
		{6, DEAD, RESPONDER, DATA, REOPEN, NOTHING},
		{7, DEAD, RESPONDER, OPEN, REOPEN, NOTHING},
		{8, DEAD, RESPONDER, FIN, REOPEN, NOTHING},
		{9, DEAD, RESPONDER, RESET, REOPEN, NOTHING},
		{10, DEAD, RESPONDER, STRAY, REOPEN, NOTHING},
		/* Denied: policy is evaluated again for the connection; a SYN stands for itself. */
		{11, DENIED, OPENER, DATA, REDECIDE, NEW},
		{12, DENIED, OPENER, OPEN, REOPEN, NOTHING},
		{13, DENIED, OPENER, FIN, REDECIDE, OPFIN},
		{14, DENIED, OPENER, RESET, REDECIDE, CLOSED},
		{15, DENIED, OPENER, STRAY, REDECIDE, NEW},
		{16, DENIED, RESPONDER, DATA, REDECIDE, ANSW},
		{17, DENIED, RESPONDER, OPEN, REOPEN, NOTHING},
		{18, DENIED, RESPONDER, FIN, REDECIDE, REFIN},
		{19, DENIED, RESPONDER, RESET, REDECIDE, CLOSED},
		{20, DENIED, RESPONDER, STRAY, REDECIDE, NEW},
		/* New: a lost SYN is retransmitted (RFC 9293 s3.8.1); the responder's SYN is its
		 * own. */
		{21, NEW, OPENER, DATA, PASS, NEW},
		{22, NEW, OPENER, OPEN, PASS, NEW},
		{23, NEW, OPENER, FIN, PASS, OPFIN},
		{24, NEW, OPENER, RESET, PASS, CLOSED},
		{25, NEW, OPENER, STRAY, PASS, NEW},
		{26, NEW, RESPONDER, DATA, PASS, ANSW},
		{27, NEW, RESPONDER, OPEN, REOPEN, NOTHING},
		{28, NEW, RESPONDER, FIN, PASS, REFIN},
		{29, NEW, RESPONDER, RESET, PASS, CLOSED},
		{30, NEW, RESPONDER, STRAY, PASS, NEW},
		/* Answered (SYN_RECV): the opener's next packet establishes it; a retransmitted SYN
		 * does not. */
		{31, ANSW, OPENER, DATA, PASS, EST},
		{32, ANSW, OPENER, OPEN, PASS, ANSW},
		{33, ANSW, OPENER, FIN, PASS, OPFIN},
		{34, ANSW, OPENER, RESET, PASS, CLOSED},
		{35, ANSW, OPENER, STRAY, PASS, ANSW},
		{36, ANSW, RESPONDER, DATA, PASS, ANSW},
		{37, ANSW, RESPONDER, OPEN, REOPEN, NOTHING},
		{38, ANSW, RESPONDER, FIN, PASS, REFIN},
		{39, ANSW, RESPONDER, RESET, PASS, CLOSED},
		{40, ANSW, RESPONDER, STRAY, PASS, ANSW},
		/* Established. */
		{41, EST, OPENER, DATA, PASS, EST},
		{42, EST, OPENER, OPEN, PASS, EST},
		{43, EST, OPENER, FIN, PASS, OPFIN},
		{44, EST, OPENER, RESET, PASS, CLOSED},
		{45, EST, OPENER, STRAY, PASS, EST},
		{46, EST, RESPONDER, DATA, PASS, EST},
		{47, EST, RESPONDER, OPEN, REOPEN, NOTHING},
		{48, EST, RESPONDER, FIN, PASS, REFIN},
		{49, EST, RESPONDER, RESET, PASS, CLOSED},
		{50, EST, RESPONDER, STRAY, PASS, EST},
		/* Half closed (RFC 9293 s3.6): one end may still send; a retransmitted FIN changes
		 * nothing. */
		{51, OPFIN, OPENER, DATA, PASS, OPFIN},
		{52, OPFIN, OPENER, OPEN, REOPEN, NOTHING},
		{53, OPFIN, OPENER, FIN, PASS, OPFIN},
		{54, OPFIN, OPENER, RESET, PASS, CLOSED},
		{55, OPFIN, OPENER, STRAY, PASS, OPFIN},
		{56, OPFIN, RESPONDER, DATA, PASS, OPFIN},
		{57, OPFIN, RESPONDER, OPEN, REOPEN, NOTHING},
		{58, OPFIN, RESPONDER, FIN, PASS, CLOSED},
		{59, OPFIN, RESPONDER, RESET, PASS, CLOSED},
		{60, OPFIN, RESPONDER, STRAY, PASS, OPFIN},
		/* The same after the responder's FIN. */
		{61, REFIN, OPENER, DATA, PASS, REFIN},
		{62, REFIN, OPENER, OPEN, REOPEN, NOTHING},
		{63, REFIN, OPENER, FIN, PASS, CLOSED},
		{64, REFIN, OPENER, RESET, PASS, CLOSED},
		{65, REFIN, OPENER, STRAY, PASS, REFIN},
		{66, REFIN, RESPONDER, DATA, PASS, REFIN},
		{67, REFIN, RESPONDER, OPEN, REOPEN, NOTHING},
		{68, REFIN, RESPONDER, FIN, PASS, REFIN},
		{69, REFIN, RESPONDER, RESET, PASS, CLOSED},
		{70, REFIN, RESPONDER, STRAY, PASS, REFIN},
		/* Closed: last ACKs pass; ports may be reused (RFC 9293 s3.6.1). */
		{71, CLOSED, OPENER, DATA, PASS, CLOSED},
		{72, CLOSED, OPENER, OPEN, REOPEN, NOTHING},
		{73, CLOSED, OPENER, FIN, PASS, CLOSED},
		{74, CLOSED, OPENER, RESET, PASS, CLOSED},
		{75, CLOSED, OPENER, STRAY, PASS, CLOSED},
		{76, CLOSED, RESPONDER, DATA, PASS, CLOSED},
		{77, CLOSED, RESPONDER, OPEN, REOPEN, NOTHING},
		{78, CLOSED, RESPONDER, FIN, PASS, CLOSED},
		{79, CLOSED, RESPONDER, RESET, PASS, CLOSED},
		{80, CLOSED, RESPONDER, STRAY, PASS, CLOSED},
	};
	unsigned seen[EG_CONN_STATES][2][EG_EVENTS] = {0};

	(void)context;
	for (size_t i = 0; i < COUNT(rows); i++) {
		enum eg_conn_state next = NOTHING;
		enum eg_conn_step step =
			eg_conn_step(rows[i].state, rows[i].event, rows[i].from, &next);

		if (step != rows[i].step || next != rows[i].next)
			fail_msg("row %d: step %d to %d", rows[i].number, step, next);
		seen[rows[i].state][rows[i].from][rows[i].event]++;
	}
	/* Every state, event and direction occurs exactly once. */
	for (unsigned at = 0; at < EG_CONN_STATES * 2 * EG_EVENTS; at++)
		assert_int_equal((&seen[0][0][0])[at], 1);
}

static void test_events(void **context)
{
	static const struct {
		int number;
		uint8_t proto, byte; /* TCP flags, SCTP's first chunk, ICMP type */
		enum eg_conn_event event;
	} rows[] = {
		/* RFC 9293 s3.1: FIN 01, SYN 02, RST 04, PSH 08, ACK 10, URG 20, ECE 40, CWR 80 */
		{1, 6, 0x02, OPEN},
		{2, 6, 0xc2, OPEN}, /* ECN setup, RFC 3168 s6.1.1 */
		{3, 6, 0x12, DATA},
		{4, 6, 0x10, DATA},
		{5, 6, 0x18, DATA},
		{6, 6, 0x11, FIN},
		{7, 6, 0x01, FIN},
		{8, 6, 0x04, RESET},
		{9, 6, 0x14, RESET},
		{10, 6, 0x06, RESET}, /* SYN with RST opens nothing on any stack */
		{11, 6, 0x03,
		 OPEN}, /* SYN with FIN: some stacks accept it, so policy must see it */
		{12, 6, 0x13, FIN},
		{13, 6, 0x00, DATA},
		{14, 6, 0x05, RESET},
		/* RFC 9260 s3.2 */
		{20, 132, 0, DATA},
		{21, 132, 1, OPEN},
		{22, 132, 2, DATA},
		{23, 132, 6, RESET},
		{24, 132, 7, FIN},
		{25, 132, 8, DATA},
		{26, 132, 14, RESET},
		{27, 132, 10, DATA},
		/* Only an echo request opens. RFC 792, RFC 4443 s4. */
		{30, 1, 8, OPEN},
		{31, 1, 0, DATA},
		{32, 1, 128, DATA},
		{33, 58, 128, OPEN},
		{34, 58, 129, DATA},
		{35, 58, 8, DATA},
		/* Protocols without states */
		{40, 17, 0x02, DATA},
		{41, 47, 0x02, DATA},
	};
	const uint8_t short_sctp[12] = {0};

	(void)context;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint8_t l4[20] = {0};
		enum eg_conn_event event;

		l4[rows[i].proto == 6 ? 13 : rows[i].proto == 132 ? 12 : 0] = rows[i].byte;
		event = eg_conn_event(rows[i].proto, l4, sizeof(l4));
		if (event != rows[i].event)
			fail_msg("row %d: event %d", rows[i].number, event);
	}
	assert_int_equal(eg_conn_event(132, short_sctp, 12), DATA); /* no chunk: nothing is read */
}

/* RFC 5382 REQ-5 (TCP), RFC 4787 REQ-5 (UDP), RFC 5508 REQ-2 (ICMP). */
static void test_timeouts(void **context)
{
	static const struct {
		int number;
		uint8_t proto;
		enum eg_conn_state state;
		uint32_t seconds;
	} rows[] = {
		{1, 6, DEAD, 0},        {2, 6, DENIED, 300},   {3, 6, NEW, 30},
		{4, 6, ANSW, 60},       {5, 6, EST, 7440},     {6, 6, OPFIN, 240},
		{7, 6, REFIN, 240},     {8, 6, CLOSED, 10},    {9, 132, DEAD, 0},
		{10, 132, DENIED, 300}, {11, 132, NEW, 30},    {12, 132, ANSW, 60},
		{13, 132, EST, 7440},   {14, 132, OPFIN, 240}, {15, 132, REFIN, 240},
		{16, 132, CLOSED, 10},  {17, 17, DEAD, 0},     {18, 17, DENIED, 300},
		{19, 17, NEW, 30},      {20, 17, ANSW, 30},    {21, 17, EST, 180},
		{22, 17, OPFIN, 10},    {23, 17, REFIN, 10},   {24, 17, CLOSED, 10},
		{25, 1, DEAD, 0},       {26, 1, DENIED, 300},  {27, 1, NEW, 60},
		{28, 1, ANSW, 60},      {29, 1, EST, 60},      {30, 1, OPFIN, 10},
		{31, 1, REFIN, 10},     {32, 1, CLOSED, 10},   {33, 58, DEAD, 0},
		{34, 58, DENIED, 300},  {35, 58, NEW, 60},     {36, 58, ANSW, 60},
		{37, 58, EST, 60},      {38, 58, OPFIN, 10},   {39, 58, REFIN, 10},
		{40, 58, CLOSED, 10},   {41, 47, DEAD, 0},     {42, 47, DENIED, 300},
		{43, 47, NEW, 60},      {44, 47, ANSW, 60},    {45, 47, EST, 600},
		{46, 47, OPFIN, 10},    {47, 47, REFIN, 10},   {48, 47, CLOSED, 10},
		{49, 0, DEAD, 0},       {50, 0, DENIED, 300},  {51, 0, NEW, 60},
		{52, 0, ANSW, 60},      {53, 0, EST, 600},     {54, 0, OPFIN, 10},
		{55, 0, REFIN, 10},     {56, 0, CLOSED, 10},   {57, 255, DEAD, 0},
		{58, 255, DENIED, 300}, {59, 255, NEW, 60},    {60, 255, ANSW, 60},
		{61, 255, EST, 600},    {62, 255, OPFIN, 10},  {63, 255, REFIN, 10},
		{64, 255, CLOSED, 10},
	};

	(void)context;
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (eg_conn_timeout_s(rows[i].proto, rows[i].state) != rows[i].seconds)
			fail_msg("row %d: %u s", rows[i].number,
				 eg_conn_timeout_s(rows[i].proto, rows[i].state));
	}
	/* The forwarding cache trusts a connection for one second: no state may time out within
	 * that. */
	for (unsigned proto = 0; proto < 256; proto++) {
		for (enum eg_conn_state state = DENIED; state < EG_CONN_STATES; state++)
			assert_true(eg_conn_timeout_s((uint8_t)proto, state) > 2);
	}
}

/* What a full table may evict: nothing that both ends have used. */
static void test_evictable(void **context)
{
	static const struct {
		enum eg_conn_state state;
		bool gives_way;
	} rows[EG_CONN_STATES] = {
		{DEAD, false}, {DENIED, false}, {NEW, true},    {ANSW, true},
		{EST, false},  {OPFIN, false},  {REFIN, false}, {CLOSED, true},
	};

	(void)context;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(eg_conn_is_evictable(rows[i].state), rows[i].gives_way);
}

int run_state_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_timeouts),
		cmocka_unit_test(test_evictable),
	};

	return cmocka_run_group_tests_name("flow states", tests, NULL, NULL);
}
