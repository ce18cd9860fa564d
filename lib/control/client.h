/* A client of the control socket, for the verbs: connects, asks, waits for the answer. Blocks; not
 * for the daemon. Single thread. */
#ifndef EG_CONTROL_CLIENT_H
#define EG_CONTROL_CLIENT_H

#include "base/buf.h"
#include "control/protocol.h"

/* The longest answer that is read. */
#define EG_CONTROL_ANSWER_MAX (16u << 20)

/* Zeroed memory with fd -1 is a closed one. */
struct eg_control_connection {
	int fd;
	uint64_t next_id;
	struct eg_buf in;  /* read, not used yet */
	struct eg_buf why; /* what went wrong, for people; "" if nothing did */
};

/* Connect and read the greeting. timeout_ms: how long the gateway may take for each step; -1: no
 * limit. 0, or -1 with `why`. Call eg_control_disconnect() in both cases. */
int eg_control_connect(struct eg_control_connection *connection, const char *path, int timeout_ms);
void eg_control_disconnect(struct eg_control_connection *connection);

/* Ask, with the members of `request` (taken over; without id), and wait for the answer. *result:
 * the caller ends it with json_object_put(). EG_CONTROL_OK; the gateway's error code; or -1 if
 * there is no answer. `why` has the text. */
int eg_control_ask(struct eg_control_connection *connection, struct json_object *request,
		   int timeout_ms, struct json_object **result);

/* Ask for all rows of a view, page by page: *result is the first page, with the rows of all pages.
 * Begins again if a reload came between. As eg_control_ask(). */
int eg_control_show_all(struct eg_control_connection *connection, enum eg_control_show what,
			int timeout_ms, struct json_object **result);

#endif
