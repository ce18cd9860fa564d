/* The server against clients that are well behaved, and clients that are not. The server's loop
 * runs in a thread of its own, as the control thread does; the test is the clients. */
#include "control_tests.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/client.h"
#include "control/server.h"
#include "control/socket.h"

struct scene {
	char dir[32], path[64];
	struct eg_control_socket socket;
	struct eg_loop *loop;
	struct eg_control_server *server;
	struct eg_control_call *held; /* reloads: not answered before the next show */
	int stop;                     /* eventfd */
	_Atomic unsigned handled, ticks;
	pthread_t thread;
};

/* show: answers with `limit` rows; reload: waits until somebody shows. */
static void handle(void *arg, struct eg_control_call *call)
{
	struct scene *scene = arg;
	struct json_object *result = json_object_new_object(),
			   *rows = eg_json_array(result, "rows");

	atomic_fetch_add(&scene->handled, 1);
	if (call->request.verb == EG_CONTROL_VERB_RELOAD) {
		json_object_put(result);
		call->next = scene->held;
		scene->held = call;
		return;
	}
	for (unsigned i = 0; i < call->request.limit; i++)
		eg_json_add_text(rows,
				 "a row that is long enough to fill the socket's buffers soon, "
				 "if nobody reads what was asked for, again and again");
	while (scene->held) {
		struct eg_control_call *held = scene->held;

		scene->held = held->next;
		eg_control_call_error(held, EG_CONTROL_SUPERSEDED, "shown");
	}
	eg_control_call_result(call, result);
}

static void on_stop(void *arg, uint32_t events)
{
	struct scene *scene = arg;

	(void)events;
	eg_loop_stop(scene->loop);
}

static void on_tick(void *arg)
{
	struct scene *scene = arg;

	atomic_fetch_add(&scene->ticks, 1);
}

static void *serve(void *arg)
{
	struct scene *scene = arg;
	int ret = eg_loop_run(scene->loop);

	return ret ? arg : NULL;
}

static void start(struct scene *scene)
{
	struct eg_conf_control conf = {.mode = 0600};
	struct eg_loop_source *timer;
	struct eg_errs errs = {0};

	*scene = (struct scene){.dir = "/tmp/eg-test-serv-XXXXXX"};
	assert_non_null(mkdtemp(scene->dir));
	snprintf(scene->path, sizeof(scene->path), "%s/gw.sock", scene->dir);
	conf.socket = scene->path;
	assert_int_equal(eg_control_socket_open(&scene->socket, &conf, &errs), 0);
	scene->stop = eventfd(0, 0);
	scene->loop = eg_loop_new(NULL, NULL);
	assert_non_null(scene->loop);
	assert_non_null(eg_loop_add_fd(scene->loop, "stop", scene->stop, EPOLLIN, on_stop, scene));
	timer = eg_loop_add_timer(scene->loop, "tick", on_tick, scene);
	assert_non_null(timer);
	eg_loop_set_timer(timer, 0, EG_NS_PER_MS);
	scene->server = eg_control_server_new(scene->loop, scene->socket.fd, "0", handle, scene);
	assert_non_null(scene->server);
	assert_int_equal(pthread_create(&scene->thread, NULL, serve, scene), 0);
}

static void stop(struct scene *scene)
{
	const uint64_t one = 1;
	void *failed;

	assert_int_equal(write(scene->stop, &one, sizeof(one)), sizeof(one));
	assert_int_equal(pthread_join(scene->thread, &failed), 0);
	assert_null(failed);
	eg_control_server_free(scene->server);
	while (scene->held) {
		struct eg_control_call *held = scene->held;

		scene->held = held->next;
		assert_null(held->client);
		free(held);
	}
	eg_loop_free(scene->loop);
	close(scene->stop);
	eg_control_socket_close(&scene->socket);
	assert_int_equal(rmdir(scene->dir), 0);
}

static int raw_connect(const struct scene *scene)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", scene->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* Read until the text was read, or the end: then false. The time limit only ends a test that would
 * wait forever. */
static bool read_until(int fd, const char *text)
{
	static char all[1 << 17];
	size_t n = 0;

	while (n + 1 < sizeof(all)) {
		struct pollfd pfd = {.fd = fd, .events = POLLIN};
		ssize_t got;

		assert_int_equal(poll(&pfd, 1, 60000), 1);
		got = read(fd, all + n, sizeof(all) - 1 - n);
		if (got <= 0)
			return false;
		n += (size_t)got;
		all[n] = '\0';
		if (strstr(all, text))
			return true;
	}
	return false;
}

static void assert_serves(const struct scene *scene)
{
	struct eg_control_connection connection;
	struct json_object *result, *request = json_object_new_object();

	assert_int_equal(eg_control_connect(&connection, scene->path, 60000), 0);
	eg_json_text(request, "verb", "show");
	eg_json_text(request, "what", "ports");
	assert_int_equal(eg_control_ask(&connection, request, 60000, &result), EG_CONTROL_OK);
	json_object_put(result);
	eg_control_disconnect(&connection);
}

static void send_text(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Several requests in one packet, one request in several, and a half-closed connection: each gets
 * its answer, in order. */
static void test_pieces(void **state)
{
	static const char one[] = "{\"id\":1,\"verb\":\"show\",\"what\":\"ports\",\"limit\":1}\n";
	struct scene scene;
	int fd;

	(void)state;
	start(&scene);
	fd = raw_connect(&scene);
	for (const char *p = one; *p; p++) {
		assert_int_equal(send(fd, p, 1, MSG_NOSIGNAL), 1);
		if (*p == ',')
			usleep(1000);
	}
	assert_true(read_until(fd, "{\"id\":1,\"result\":"));
	send_text(fd, "{\"id\":2,\"verb\":\"show\",\"what\":\"ports\",\"limit\":1}\nnonsense\n"
		      "{\"id\":3,\"verb\":\"show\",\"what\":\"ports\",\"limit\":1}\n");
	shutdown(fd, SHUT_WR);
	assert_true(read_until(fd, "{\"id\":3,\"result\":"));
	assert_false(read_until(fd, "more"));
	close(fd);
	assert_int_equal(scene.handled, 3);
	stop(&scene);
}

static void test_client(void **state)
{
	struct eg_control_connection connection;
	struct json_object *result, *request = json_object_new_object();
	struct scene scene;

	(void)state;
	start(&scene);
	assert_serves(&scene);
	assert_int_equal(eg_control_connect(&connection, scene.path, 60000), 0);
	eg_json_text(request, "verb", "shwo");
	assert_int_equal(eg_control_ask(&connection, request, 60000, &result),
			 EG_CONTROL_UNKNOWN_VERB);
	assert_string_equal(connection.why.v, "verb: unknown \"shwo\" (did you mean \"show\"?)");
	eg_control_disconnect(&connection);
	assert_int_equal(eg_control_connect(&connection, "/tmp/no/such.sock", 100), -1);
	assert_non_null(strstr(connection.why.v, "is a gateway running"));
	eg_control_disconnect(&connection);
	stop(&scene);
}

/* A client that disconnects while it waits; the answer to it is dropped. */
static void test_disconnect_waiting(void **state)
{
	struct scene scene;
	int fd;

	(void)state;
	start(&scene);
	fd = raw_connect(&scene);
	send_text(fd, "{\"id\":1,\"verb\":\"reload\"}\n");
	while (atomic_load(&scene.handled) < 1)
		usleep(1000);
	close(fd);
	assert_serves(&scene);
	/* One that stays gets its answer; the last waits still when the server goes. */
	fd = raw_connect(&scene);
	send_text(fd, "{\"id\":\"w\",\"verb\":\"reload\"}\n");
	while (atomic_load(&scene.handled) < 3)
		usleep(1000);
	assert_serves(&scene);
	assert_true(read_until(fd, "{\"id\":\"w\",\"error\":{\"code\":\"superseded\""));
	send_text(fd, "{\"id\":\"x\",\"verb\":\"reload\"}\n");
	while (atomic_load(&scene.handled) < 5)
		usleep(1000);
	stop(&scene);
	close(fd);
}

/* A line without an end: the connection is closed long before 100 MB are read. */
static void test_endless_line(void **state)
{
	static char block[1 << 16];
	struct scene scene;
	size_t sent = 0;
	int fd;

	(void)state;
	start(&scene);
	fd = raw_connect(&scene);
	memset(block, 'x', sizeof(block));
	while (sent < 100000000) {
		ssize_t n = send(fd, block, sizeof(block), MSG_NOSIGNAL);

		if (n < 0)
			break;
		sent += (size_t)n;
	}
	assert_true(sent < 10000000);
	assert_true(read_until(fd, "too_long"));
	close(fd);
	assert_int_equal(scene.handled, 0);
	assert_serves(&scene);
	stop(&scene);
}

/* A client that asks and does not read: it gets no more than one answer made beyond what its
 * socket holds, and the others are served. */
static void test_hanging(void **state)
{
	struct scene scene;
	unsigned before;
	int fd;

	(void)state;
	start(&scene);
	fd = raw_connect(&scene);
	for (int i = 0; i < 200; i++)
		send(fd, "{\"id\":1,\"verb\":\"show\",\"what\":\"ports\"}\n", 38,
		     MSG_NOSIGNAL | MSG_DONTWAIT);
	for (int i = 0; i < 20; i++)
		assert_serves(&scene);
	before = atomic_load(&scene.handled);
	usleep(200000);
	assert_serves(&scene);
	assert_true(before < 200); /* an answer has 18 kB; a socket holds a few hundred */
	assert_int_equal(atomic_load(&scene.handled), before + 1);
	close(fd);
	stop(&scene);
}

/* More connections than there are slots, all of which hang: a new one is served. */
static void test_many(void **state)
{
	static int fds[4 * EG_CONTROL_CLIENTS_MAX];
	struct scene scene;

	(void)state;
	start(&scene);
	for (size_t i = 0; i < COUNT(fds); i++)
		fds[i] = raw_connect(&scene);
	assert_serves(&scene);
	for (size_t i = 0; i < COUNT(fds); i++)
		close(fds[i]);
	assert_serves(&scene);
	stop(&scene);
}

/* While a client floods, the loop's other sources are served. */
static void test_flood(void **state)
{
	struct scene scene;
	unsigned ticks;
	int fd;

	(void)state;
	start(&scene);
	fd = raw_connect(&scene);
	ticks = atomic_load(&scene.ticks);
	while (atomic_load(&scene.ticks) < ticks + 100) { /* else the test runs into its limit */
		static char sink[1 << 17];

		send(fd, "{\"id\":1,\"verb\":\"show\",\"what\":\"ports\"}\n", 38,
		     MSG_NOSIGNAL | MSG_DONTWAIT);
		recv(fd, sink, sizeof(sink), MSG_DONTWAIT);
	}
	close(fd);
	assert_serves(&scene);
	stop(&scene);
}

int run_server_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_client),
		cmocka_unit_test(test_disconnect_waiting),
		cmocka_unit_test(test_endless_line),
		cmocka_unit_test(test_hanging),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_flood),
	};

	return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
