#include "control/client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BLOCK 65536

/* Deep enough for any answer. */
#define DEPTH 16

/* How often a view is begun again because reloads come between its pages. */
#define TRIES_MAX 5

__attribute__((format(printf, 2, 3))) static int fail(struct eg_control_connection *connection,
						      const char *fmt, ...)
{
	va_list ap;

	eg_buf_cut(&connection->why, 0);
	va_start(ap, fmt);
	eg_buf_vadd(&connection->why, fmt, ap);
	va_end(ap);
	return -1;
}

static int await(struct eg_control_connection *connection, short events, int timeout_ms)
{
	struct pollfd pfd = {.fd = connection->fd, .events = events};
	int n;

	do
		n = poll(&pfd, 1, timeout_ms);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		return 0;
	return n ? fail(connection, "%s", strerror(errno))
		 : fail(connection, "no answer for %d ms", timeout_ms);
}

static int send_all(struct eg_control_connection *connection, const char *text, size_t n,
		    int timeout_ms)
{
	while (n) {
		ssize_t sent;

		if (await(connection, POLLOUT, timeout_ms))
			return -1;
		sent = send(connection->fd, text, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			return fail(connection, "the gateway closed the connection: %s",
				    strerror(errno));
		text += sent > 0 ? sent : 0;
		n -= sent > 0 ? (size_t)sent : 0;
	}
	return 0;
}

/* Read more into the buffer, which then holds a NUL behind it. */
static int receive(struct eg_control_connection *connection, int timeout_ms)
{
	struct eg_buf *in = &connection->in;
	ssize_t n;

	if (in->cap - in->n < BLOCK + 1) {
		size_t cap = in->cap ? 2 * in->cap + BLOCK : 2 * BLOCK;
		char *grown = realloc(in->v, cap);

		if (!grown)
			return fail(connection, "out of memory");
		in->v = grown;
		in->cap = cap;
	}
	if (await(connection, POLLIN, timeout_ms))
		return -1;
	n = recv(connection->fd, in->v + in->n, BLOCK, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR
			       ? 0
			       : fail(connection, "the gateway closed the connection: %s",
				      strerror(errno));
	if (!n)
		return fail(connection, "the gateway closed the connection");
	in->n += (size_t)n;
	in->v[in->n] = '\0';
	return 0;
}

/* The next line as JSON, or NULL. */
static struct json_object *next_object(struct eg_control_connection *connection, int timeout_ms)
{
	struct eg_buf *in = &connection->in;
	struct json_tokener *tokener;
	struct json_object *object;
	size_t searched = 0, n;
	char *end = NULL;

	while (!(end = in->n > searched ? memchr(in->v + searched, '\n', in->n - searched)
					: NULL)) {
		searched = in->n;
		if (in->n > EG_CONTROL_ANSWER_MAX) {
			fail(connection, "the answer is longer than %u MiB",
			     EG_CONTROL_ANSWER_MAX >> 20);
			return NULL;
		}
		if (receive(connection, timeout_ms))
			return NULL;
	}
	n = (size_t)(end - in->v);
	tokener = json_tokener_new_ex(DEPTH);
	object = tokener ? json_tokener_parse_ex(tokener, in->v, (int)n) : NULL;
	json_tokener_free(tokener);
	in->n -= n + 1;
	memmove(in->v, end + 1, in->n);
	if (json_object_is_type(object, json_type_object))
		return object;
	json_object_put(object);
	fail(connection, "the answer is not JSON");
	return NULL;
}

int eg_control_connect(struct eg_control_connection *connection, const char *path, int timeout_ms)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct json_object *greeting, *protocol = NULL;
	int ret = 0;

	*connection = (struct eg_control_connection){
		.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	if (connection->fd < 0)
		return fail(connection, "%s", strerror(errno));
	if (strlen(path) >= sizeof(address.sun_path))
		return fail(connection, "the path is too long for a socket");
	memcpy(address.sun_path, path, strlen(path));
	if (connect(connection->fd, (struct sockaddr *)&address, sizeof(address)))
		return fail(
			connection, "%s%s", strerror(errno),
			errno == ENOENT || errno == ECONNREFUSED
				? " (is a gateway running, with `control` in its configuration?)"
				: "");
	greeting = next_object(connection, timeout_ms);
	if (!greeting)
		return -1;
	if (!json_object_object_get_ex(greeting, "protocol", &protocol))
		ret = fail(connection, "it is not espgate that answers");
	else if (json_object_get_int64(protocol) != EG_CONTROL_PROTOCOL)
		ret = fail(connection, "the gateway speaks protocol %lld, this program %d",
			   (long long)json_object_get_int64(protocol), EG_CONTROL_PROTOCOL);
	json_object_put(greeting);
	return ret;
}

void eg_control_disconnect(struct eg_control_connection *connection)
{
	if (connection->fd >= 0)
		close(connection->fd);
	eg_buf_free(&connection->in);
	eg_buf_free(&connection->why);
	connection->fd = -1;
}

static int code_of(const char *name)
{
	for (int code = EG_CONTROL_OK + 1; code < EG_CONTROL_N_CODES; code++) {
		if (!strcmp(eg_control_code_name((enum eg_control_code)code), name))
			return code;
	}
	return -1;
}

/* What the answer says. */
static int read_answer(struct eg_control_connection *connection, struct json_object *answer,
		       struct json_object **result)
{
	struct json_object *error, *code = NULL, *text = NULL;
	const char *name;

	if (json_object_object_get_ex(answer, "result", result)) {
		json_object_get(*result);
		return EG_CONTROL_OK;
	}
	if (!json_object_object_get_ex(answer, "error", &error) ||
	    !json_object_object_get_ex(error, "code", &code) ||
	    !json_object_object_get_ex(error, "text", &text))
		return fail(connection, "the answer has neither result nor error");
	name = json_object_get_string(code);
	fail(connection, "%s", json_object_get_string(text));
	return name ? code_of(name) : -1;
}

int eg_control_ask(struct eg_control_connection *connection, struct json_object *request,
		   int timeout_ms, struct json_object **result)
{
	uint64_t id = ++connection->next_id;
	struct json_object *answer, *answered = NULL;
	struct eg_buf line = {0};
	int ret;

	*result = NULL;
	eg_json_u64(request, "id", id);
	eg_buf_add(&line, "%s\n", json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN));
	json_object_put(request);
	ret = line.v ? send_all(connection, line.v, line.n, timeout_ms)
		     : fail(connection, "out of memory");
	eg_buf_free(&line);
	answer = ret ? NULL : next_object(connection, timeout_ms);
	if (!answer)
		return -1;
	/* Without an id: about a request that could not be read. */
	json_object_object_get_ex(answer, "id", &answered);
	if (answered && json_object_get_uint64(answered) != id)
		ret = fail(connection, "an answer to something else came");
	else
		ret = read_answer(connection, answer, result);
	json_object_put(answer);
	return ret;
}

static int ask_page(struct eg_control_connection *connection, enum eg_control_show what,
		    uint64_t from, int timeout_ms, struct json_object **page)
{
	struct json_object *request = json_object_new_object();

	if (!request)
		return fail(connection, "out of memory");
	eg_json_text(request, "verb", "show");
	eg_json_text(request, "what", eg_control_show_name(what));
	eg_json_u64(request, "from", from);
	return eg_control_ask(connection, request, timeout_ms, page);
}

static uint64_t member_u64(struct json_object *object, const char *key, uint64_t missing)
{
	struct json_object *value;

	return json_object_object_get_ex(object, key, &value) ? json_object_get_uint64(value)
							      : missing;
}

static void append_rows(struct json_object *to, struct json_object *page)
{
	struct json_object *all = NULL, *rows = NULL;

	if (!json_object_object_get_ex(to, "rows", &all) ||
	    !json_object_object_get_ex(page, "rows", &rows))
		return;
	for (size_t i = 0; i < json_object_array_length(rows); i++)
		json_object_array_add(all, json_object_get(json_object_array_get_idx(rows, i)));
}

int eg_control_show_all(struct eg_control_connection *connection, enum eg_control_show what,
			int timeout_ms, struct json_object **result)
{
	for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
		struct json_object *page;
		uint64_t from, generation;
		int ret = ask_page(connection, what, 0, timeout_ms, result);

		if (ret)
			return ret;
		from = member_u64(*result, "next", 0);
		generation = member_u64(*result, "generation", 0);
		while (from) {
			ret = ask_page(connection, what, from, timeout_ms, &page);
			if (ret) {
				json_object_put(*result);
				*result = NULL;
				return ret;
			}
			if (member_u64(page, "generation", 0) != generation) {
				json_object_put(page);
				break;
			}
			append_rows(*result, page);
			from = member_u64(page, "next", 0);
			json_object_put(page);
		}
		if (!from) {
			json_object_object_del(*result, "next");
			return EG_CONTROL_OK;
		}
		json_object_put(*result);
		*result = NULL;
	}
	return fail(connection, "reloads came between the pages %u times", TRIES_MAX);
}
