/* Connections to the control socket: accepts clients, reads their requests, writes the answers.
 *
 * Life cycle: eg_control_server_new() on a listening socket -> the loop calls handle() for each
 * request, which answers now or later -> eg_control_server_free(). Control thread.
 *
 * Whatever clients do, the cost is bounded:
 *	memory  EG_CONTROL_CLIENTS_MAX clients; each has a buffer of one request and one answer
 *	time    after serving for some time, the server pauses for three times as long
 *	slots   the client that did nothing for the longest time gives way to a new one
 * A client's next request is read when the answer to the last one is written; so what it sends
 * faster waits in its own socket. */
#ifndef EG_CONTROL_SERVER_H
#define EG_CONTROL_SERVER_H

#include <sys/types.h>

#include "control/protocol.h"
#include "ctl/loop.h"

struct eg_control_server;

/* A request that waits for its answer. It belongs to whoever answers it: handle(), or what that
 * passes it to. The client may have disconnected by then. */
struct eg_control_call {
	struct eg_control_request request;
	uid_t uid; /* of the client's process, when it connected (unix(7): SO_PEERCRED) */
	pid_t pid;
	struct eg_control_client *client; /* the server's; NULL: gone */
	struct eg_control_call *next;     /* the owner's */
};

typedef void eg_control_handle_fn(void *arg, struct eg_control_call *call);

/* `fd` listens, does not block, and stays the caller's; the loop outlives the server. NULL with
 * errno. */
struct eg_control_server *eg_control_server_new(struct eg_loop *loop, int fd, const char *version,
						eg_control_handle_fn *handle, void *arg);

/* Disconnect all clients. Calls that are not answered yet may still be. NULL is allowed. */
void eg_control_server_free(struct eg_control_server *server);

/* Answer a call, and free it. `result` is taken over; NULL: memory was short. */
void eg_control_call_result(struct eg_control_call *call, struct json_object *result);
void eg_control_call_error(struct eg_control_call *call, enum eg_control_code code,
			   const char *text);

/* Connected clients. */
unsigned eg_control_server_clients(const struct eg_control_server *server);

#endif
