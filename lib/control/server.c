#include "control/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* How long the server works at most before the loop serves other sources. */
#define SLICE_NS EG_NS_PER_MS

/* Pause for so many times the time that was worked: a quarter of the control thread's time. */
#define PAUSE_FACTOR 3

/* After accept() failed for lack of resources. */
#define ACCEPT_PAUSE_NS (100 * EG_NS_PER_MS)

#define CHECK_PERIOD_NS EG_NS_PER_S

struct eg_control_client {
	struct eg_control_client *next;
	struct eg_control_server *server;
	int fd;
	uint32_t events; /* that epoll watches */
	struct ucred cred;
	uint64_t active_ns;           /* monotonic: when it last sent a request or read an answer */
	struct eg_control_call *call; /* is being answered; NULL: none */
	char *out;                    /* is being written; NULL: nothing */
	size_t out_n, out_at;
	bool eof;     /* it sends nothing more */
	bool closing; /* disconnect it when `out` is written */
	size_t in_n;
	char in[EG_CONTROL_REQUEST_MAX];
};

/* One epoll set of its own, which the loop watches as a whole: removing it from the loop pauses the
 * server. */
struct eg_control_server {
	struct eg_loop *loop;
	int epoll, listener;
	struct eg_loop_source *ready; /* NULL: pausing */
	struct eg_loop_source *resume, *check;
	uint64_t worked_until_ns; /* when a slice last ended */
	uint64_t debt_ns;         /* pause that was due then */
	struct eg_control_client *clients;
	unsigned n;
	const char *version;
	eg_control_handle_fn *handle;
	void *arg;
};

static void disconnect(struct eg_control_client *client)
{
	struct eg_control_client **at = &client->server->clients;

	while (*at != client)
		at = &(*at)->next;
	*at = client->next;
	client->server->n--;
	if (client->call)
		client->call->client = NULL;
	close(client->fd); /* leaves the epoll set, too */
	free(client->out);
	free(client);
}

static bool has_line(const struct eg_control_client *client)
{
	return memchr(client->in, '\n', client->in_n) != NULL;
}

/* Wait for what the client does next: nothing while it is being answered; reading of its answer; a
 * request. A request that is here already is served at the next call. */
static void watch(struct eg_control_client *client)
{
	uint32_t events = client->call ? 0 : client->out || has_line(client) ? EPOLLOUT : EPOLLIN;
	struct epoll_event event = {.events = events, .data.ptr = client};

	if (events == client->events)
		return;
	epoll_ctl(client->server->epoll, EPOLL_CTL_MOD, client->fd, &event);
	client->events = events;
}

/* Write as much as the client reads. False: it is gone. */
static bool flush(struct eg_control_client *client)
{
	while (client->out) {
		ssize_t n = send(client->fd, client->out + client->out_at,
				 client->out_n - client->out_at, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		client->active_ns = eg_mono_ns();
		client->out_at += (size_t)n;
		if (client->out_at == client->out_n) {
			free(client->out);
			client->out = NULL;
		}
	}
	return true;
}

/* The line is taken over. NULL, out of memory: without an answer the client would wait forever. */
static void write_line(struct eg_control_client *client, char *line)
{
	client->out = line;
	client->out_n = line ? strlen(line) : 0;
	client->out_at = 0;
	if (!line || !flush(client) || (client->closing && !client->out))
		disconnect(client);
	else
		watch(client);
}

static void answer(struct eg_control_call *call, char *line)
{
	struct eg_control_client *client = call->client;

	if (client) {
		client->call = NULL;
		write_line(client, line);
	} else {
		free(line);
	}
	free(call);
}

void eg_control_call_result(struct eg_control_call *call, struct json_object *result)
{
	if (result)
		answer(call, call->client ? eg_control_result_line(&call->request, result) : NULL);
	else
		eg_control_call_error(call, EG_CONTROL_NO_MEMORY, "out of memory");
	json_object_put(result);
}

void eg_control_call_error(struct eg_control_call *call, enum eg_control_code code,
			   const char *text)
{
	answer(call, call->client ? eg_control_error_line(&call->request, code, text) : NULL);
}

/* Take the first line from the buffer and handle it. */
static void handle_line(struct eg_control_client *client)
{
	struct eg_control_server *server = client->server;
	size_t n = (size_t)((char *)memchr(client->in, '\n', client->in_n) - client->in);
	struct eg_control_call *call = calloc(1, sizeof(*call));
	char why[EG_CONTROL_WHY_MAX];
	enum eg_control_code code;

	if (!call) {
		disconnect(client);
		return;
	}
	code = eg_control_parse(client->in, n, &call->request, why);
	client->in_n -= n + 1;
	memmove(client->in, client->in + n + 1, client->in_n);
	client->active_ns = eg_mono_ns();
	call->uid = client->cred.uid;
	call->pid = client->cred.pid;
	call->client = client;
	client->call = call;
	watch(client);
	if (code)
		eg_control_call_error(call, code, why);
	else
		server->handle(server->arg, call);
}

static void refuse_long(struct eg_control_client *client)
{
	static const struct eg_control_request none;

	client->closing = true;
	write_line(client, eg_control_error_line(&none, EG_CONTROL_TOO_LONG,
						 "a request is longer than the limit"));
}

static void receive(struct eg_control_client *client)
{
	ssize_t n = recv(client->fd, client->in + client->in_n, sizeof(client->in) - client->in_n,
			 MSG_DONTWAIT);

	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			disconnect(client);
		return;
	}
	client->eof = n == 0;
	client->in_n += (size_t)n;
	if (has_line(client))
		handle_line(client);
	else if (client->eof)
		disconnect(client);
	else if (client->in_n == sizeof(client->in))
		refuse_long(client);
}

/* One step for one client. */
static void serve(struct eg_control_client *client, uint32_t events)
{
	if (events & (EPOLLERR | EPOLLHUP)) {
		disconnect(client);
		return;
	}
	if (client->out) {
		if (!flush(client) || (client->closing && !client->out))
			disconnect(client);
		else
			watch(client);
		return;
	}
	if (has_line(client))
		handle_line(client);
	else
		receive(client);
}

/* The client without a call that did nothing for the longest time; if all wait, the longest one. */
static struct eg_control_client *find_idle(const struct eg_control_server *server)
{
	struct eg_control_client *idle = server->clients;

	for (struct eg_control_client *client = server->clients; client; client = client->next) {
		bool waits = client->call != NULL, idle_waits = idle->call != NULL;

		if (waits != idle_waits ? idle_waits : client->active_ns < idle->active_ns)
			idle = client;
	}
	return idle;
}

static void admit(struct eg_control_server *server, int fd)
{
	struct eg_control_client *client = calloc(1, sizeof(*client));
	socklen_t len = sizeof(client->cred);
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};

	if (!client || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &client->cred, &len) ||
	    epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event)) {
		free(client);
		close(fd);
		return;
	}
	if (server->n == EG_CONTROL_CLIENTS_MAX)
		disconnect(find_idle(server));
	client->server = server;
	client->fd = fd;
	client->events = event.events;
	client->active_ns = eg_mono_ns();
	client->next = server->clients;
	server->clients = client;
	server->n++;
	write_line(client, eg_control_greeting(server->version, getpid()));
}

static void accept_one(struct eg_control_server *server)
{
	int fd = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0)
		admit(server, fd);
	else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
		server->debt_ns += ACCEPT_PAUSE_NS;
}

/* The loop's handler: a slice, and then a pause if enough is due. */
static void on_ready(void *arg, uint32_t ignored)
{
	struct eg_control_server *server = arg;
	uint64_t start_ns = eg_mono_ns(), now_ns = start_ns;
	uint64_t rested_ns = start_ns - server->worked_until_ns;
	struct epoll_event event;

	(void)ignored;
	server->debt_ns = server->debt_ns > rested_ns ? server->debt_ns - rested_ns : 0;
	while (now_ns - start_ns < SLICE_NS && epoll_wait(server->epoll, &event, 1, 0) == 1) {
		if (event.data.ptr)
			serve(event.data.ptr, event.events);
		else
			accept_one(server);
		now_ns = eg_mono_ns();
	}
	server->debt_ns += PAUSE_FACTOR * (now_ns - start_ns);
	server->worked_until_ns = now_ns;
	if (server->debt_ns < SLICE_NS)
		return;
	eg_loop_remove(server->loop, server->ready);
	server->ready = NULL;
	eg_loop_set_timer(server->resume, server->debt_ns, 0);
}

static void on_resume(void *arg)
{
	struct eg_control_server *server = arg;

	if (server->ready)
		return;
	server->ready = eg_loop_add_fd(server->loop, "control socket", server->epoll, EPOLLIN,
				       on_ready, server);
	if (!server->ready) /* memory is short: try again */
		eg_loop_set_timer(server->resume, ACCEPT_PAUSE_NS, 0);
}

/* Disconnect clients that do not read their answers. */
static void on_check(void *arg)
{
	struct eg_control_server *server = arg;
	struct eg_control_client *client = server->clients, *next;
	uint64_t now_ns = eg_mono_ns();

	for (; client; client = next) {
		next = client->next;
		if (client->out && now_ns - client->active_ns > EG_CONTROL_STUCK_S * EG_NS_PER_S)
			disconnect(client);
	}
}

struct eg_control_server *eg_control_server_new(struct eg_loop *loop, int fd, const char *version,
						eg_control_handle_fn *handle, void *arg)
{
	struct eg_control_server *server = calloc(1, sizeof(*server));
	struct epoll_event event = {.events = EPOLLIN}; /* no pointer: the listener */
	int err;

	if (!server)
		return NULL;
	*server = (struct eg_control_server){
		.loop = loop,
		.listener = fd,
		.version = version,
		.handle = handle,
		.arg = arg,
		.epoll = epoll_create1(EPOLL_CLOEXEC),
	};
	if (server->epoll >= 0 && !epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event)) {
		server->resume =
			eg_loop_add_timer(loop, "control socket resumes", on_resume, server);
		server->check =
			eg_loop_add_timer(loop, "control socket's clients", on_check, server);
		if (server->resume && server->check) {
			eg_loop_set_timer(server->resume, 1, 0);
			eg_loop_set_timer(server->check, 0, CHECK_PERIOD_NS);
			return server;
		}
	}
	err = errno;
	eg_control_server_free(server);
	errno = err;
	return NULL;
}

void eg_control_server_free(struct eg_control_server *server)
{
	if (!server)
		return;
	while (server->clients)
		disconnect(server->clients);
	eg_loop_remove(server->loop, server->ready);
	eg_loop_remove(server->loop, server->resume);
	eg_loop_remove(server->loop, server->check);
	if (server->epoll >= 0)
		close(server->epoll);
	free(server);
}

unsigned eg_control_server_clients(const struct eg_control_server *server)
{
	return server->n;
}
