/* The control socket's file: mode, stale files, live ones, and what is not ours. */
#include "control_tests.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/socket.h"

struct place {
	char dir[32], path[64];
	struct eg_conf_control conf;
};

static void open_place(struct place *place)
{
	*place = (struct place){.dir = "/tmp/eg-test-sock-XXXXXX"};
	assert_non_null(mkdtemp(place->dir));
	snprintf(place->path, sizeof(place->path), "%s/run/gw.sock", place->dir);
	place->conf = (struct eg_conf_control){.socket = place->path, .mode = 0600};
}

static void close_place(struct place *place)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -r %s", place->dir);
	assert_int_equal(system(command), 0); /* NOLINT: a name of mkdtemp() */
}

static int open_it(struct eg_control_socket *made, const struct place *place, const char *message)
{
	struct eg_errs errs = {0};
	int ret = eg_control_socket_open(made, &place->conf, &errs);

	assert_int_equal(ret, message ? -1 : 0);
	assert_int_equal(errs.n_errors, message ? 1 : 0);
	if (message)
		assert_non_null(strstr(errs.msgs.v[0].text, message));
	eg_errs_free(&errs);
	return ret;
}

static bool connects(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), ret;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	ret = connect(fd, (struct sockaddr *)&address, sizeof(address));
	close(fd);
	return !ret;
}

static void test_open_close(void **state)
{
	struct eg_control_socket made;
	struct place place;
	struct stat st;

	(void)state;
	open_place(&place);
	for (int i = 0; i < 2; i++) {
		place.conf.mode = i ? 0660 : 0600;
		open_it(&made, &place, NULL); /* makes the folder */
		assert_int_equal(stat(place.path, &st), 0);
		assert_true(S_ISSOCK(st.st_mode));
		assert_int_equal(st.st_mode & 0777, place.conf.mode);
		assert_true(connects(place.path));
		eg_control_socket_close(&made);
		assert_int_equal(access(place.path, F_OK), -1);
		eg_control_socket_close(&made); /* a closed one */
	}
	close_place(&place);
}

static void test_live_and_stale(void **state)
{
	struct eg_control_socket first, second;
	struct place place;

	(void)state;
	open_place(&place);
	open_it(&first, &place, NULL);
	open_it(&second, &place, "another process serves it");
	assert_int_equal(second.fd, -1);
	assert_true(connects(place.path));
	/* As after a crash: nobody listens, the files are still there. */
	close(first.fd);
	assert_false(connects(place.path));
	open_it(&second, &place, NULL);
	assert_true(connects(place.path));
	/* The first one does not remove the other's file. */
	first.fd = dup(0);
	eg_control_socket_close(&first);
	assert_true(connects(place.path));
	eg_control_socket_close(&second);
	assert_int_equal(access(place.path, F_OK), -1);
	close_place(&place);
}

static void test_refused(void **state)
{
	struct eg_control_socket made;
	struct place place;
	char group[] = "no-such-group";

	(void)state;
	open_place(&place);
	place.conf.group = group;
	open_it(&made, &place, "no group is named \"no-such-group\" here");
	place.conf.group = NULL;
	open_it(&made, &place, NULL);
	eg_control_socket_close(&made);
	close(open(place.path, O_CREAT | O_WRONLY, 0600));
	open_it(&made, &place, "exists and is not a socket");
	assert_int_equal(access(place.path, F_OK), 0);
	snprintf(place.path, sizeof(place.path), "%s/a/b/gw.sock", place.dir);
	open_it(&made, &place, "No such file or directory");
	close_place(&place);
}

static void test_check(void **state)
{
	struct eg_errs errs = {0};
	struct place place;

	(void)state;
	open_place(&place);
	eg_control_socket_check(&place.conf, &errs); /* run would make its folder */
	assert_int_equal(errs.n_errors, 0);
	snprintf(place.path, sizeof(place.path), "%s/a/b/gw.sock", place.dir);
	eg_control_socket_check(&place.conf, &errs);
	assert_int_equal(errs.n_errors, 1);
	eg_errs_free(&errs);
	close_place(&place);
}

int run_socket_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_close),
		cmocka_unit_test(test_live_and_stale),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_check),
	};

	return cmocka_run_group_tests_name("socket", tests, NULL, NULL);
}
