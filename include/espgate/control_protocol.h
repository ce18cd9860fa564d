/* The control protocol, version 1: how a program asks and commands a running gateway through its
 * UNIX socket (`control.socket`, SOCK_STREAM). `espgate show` and `espgate reload` are such
 *programs.
 *
 * Each message is one JSON object in UTF-8 on one line, ended by a newline.
 *
 *	gateway  {"espgate": "0.1.0", "protocol": 1, "pid": 4711}                       greeting
 *	client   {"id": 1, "verb": "show", "what": "ports"}                             request
 *	gateway  {"id": 1, "result": {...}}                                             answer
 *	client   {"id": 2, "verb": "show", "what": "prots"}
 *	gateway  {"id": 2, "error": {"code": "unknown_what", "text": "..."}}
 *
 * Greeting: comes first, unasked. A client that does not know `protocol` closes the connection. A
 * later version of the same number only adds members: clients ignore those that they do not know.
 *
 * Requests:
 *	id      an integer from 0 to 2^53, or a string of at most 64 bytes; the answer repeats it
 *	verb    "show": what the gateway does now. "reload": as SIGHUP; answered when the new
 *	        configuration is in force or refused
 *	what    with show: EG_CONTROL_SHOWS
 *	from    with show: where the rows begin; 0, or `next` of the answer before
 *	limit   with show: rows in the answer, 1 to EG_CONTROL_ROWS_MAX, which is the default
 * An unknown member is an error. The gateway answers a client's requests in their order, one at a
 * time, and reads the next one when the answer is written.
 *
 * Answers of show have `generation` (counts configurations that came into force) and `rows`. If
 * there are more rows, `next` is the `from` of the next request. If `generation` differs from that
 * of the page before, rows may be missing or doubled: begin again. A page is read in one go, but
 * different pages are read at different times.
 *
 * Limits: a request is at most EG_CONTROL_REQUEST_MAX bytes; a longer one ends the connection. Of
 * EG_CONTROL_CLIENTS_MAX clients the one that did nothing for the longest time gives way to a new
 * one. A client that does not read its answer for EG_CONTROL_STUCK_S seconds is disconnected. The
 * gateway serves the socket in a quarter of its control thread's time, whatever clients do; workers
 * never wait for it. No answer has key material. */
#ifndef ESPGATE_CONTROL_PROTOCOL_H
#define ESPGATE_CONTROL_PROTOCOL_H

#define EG_CONTROL_PROTOCOL    1
#define EG_CONTROL_SOCKET      "/run/espgate/espgate.sock" /* default of control.socket and --socket */
#define EG_CONTROL_REQUEST_MAX 4096                        /* bytes, with the newline */
#define EG_CONTROL_ID_MAX      64                          /* bytes of a string */
#define EG_CONTROL_CLIENTS_MAX 32
#define EG_CONTROL_ROWS_MAX    128
#define EG_CONTROL_STUCK_S     10

/* Error codes: EG_CONTROL_CODES(X) calls X(SYMBOL, name, meaning) once for each. Names never
 * change. */
/* clang-format off */
#define EG_CONTROL_CODES(X) \
	X(TOO_LONG, too_long, "the request exceeds the limit; the connection is closed") \
	X(BAD_JSON, bad_json, "the line is not a JSON object") \
	X(BAD_REQUEST, bad_request, "a member is missing, unknown, or has a wrong value") \
	X(UNKNOWN_VERB, unknown_verb, "there is no such verb") \
	X(UNKNOWN_WHAT, unknown_what, "show has no such view") \
	X(SUPERSEDED, superseded, "a newer reload has taken this one's place") \
	X(NO_MEMORY, no_memory, "memory is short; nothing was done")

/* What show shows: X(SYMBOL, name, text). */
#define EG_CONTROL_SHOWS(X) \
	X(PORTS, ports, "ports and kernel devices: link, packets, bytes, rates") \
	X(WORKERS, workers, "workers: iterations, busy share, packets per burst, cycles by stage") \
	X(PEERS, peers, "peers: endpoint, effective MTU, liveness, packets") \
	X(SAS, sas, "SAs: SPI, suite, use, packets, bytes, lifetime") \
	X(ROUTES, routes, "networks and where their packets go") \
	X(NEIGHBORS, neighbors, "stations found by ARP and ND, and static ones") \
	X(CONNECTIONS, connections, "how many connections are open, and the limits") \
	X(POLICIES, policies, "connections allowed and packets denied per policy and rule") \
	X(QUARANTINED, quarantined, "Kubernetes objects that were invalid or too expensive") \
	X(DROPS, drops, "dropped packets by reason") \
	X(CONFIG, config, "which configuration is in force, and since when") \
	X(MEMORY, memory, "memory of the process and of packet buffers") \
	X(HEALTH, health, "whether it forwards: one row per check")
/* clang-format on */

enum eg_control_code {
	EG_CONTROL_OK,
#define X(symbol, name, text) EG_CONTROL_##symbol,
	EG_CONTROL_CODES(X)
#undef X
	EG_CONTROL_N_CODES,
};

enum eg_control_show {
#define X(symbol, name, text) EG_SHOW_##symbol,
	EG_CONTROL_SHOWS(X)
#undef X
	EG_SHOW_COUNT,
};

#endif
