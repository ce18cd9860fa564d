/* show: what the running gateway does, asked through its control socket. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "control/client.h"
#include "show_views.h"
#include "verbs.h"

/* How long the gateway may take for one answer. */
#define TIMEOUT_MS 10000

/* Between two samples, for rates. */
#define SAMPLE_NS (EG_NS_PER_S / 4)

/* More often is a load and no help. */
#define WATCH_MIN_NS (EG_NS_PER_S / 10)

struct options {
	const char *socket;
	enum eg_control_show what;
	bool json;
	uint64_t watch_ns; /* 0: once */
};

static int usage(void)
{
	fprintf(stderr, "usage: espgate show WHAT [--json] [--watch 1s] [--socket PATH]\n");
	for (int what = 0; what < EG_SHOW_COUNT; what++)
		fprintf(stderr, "  %-12s %s\n", eg_control_show_name((enum eg_control_show)what),
			eg_control_show_text((enum eg_control_show)what));
	return EG_EXIT_USAGE;
}

static int unknown(const char *what, const char *near)
{
	fprintf(stderr, "espgate show: unknown \"%s\"", what);
	if (near)
		fprintf(stderr, " (did you mean \"%s\"?)\n", near);
	else
		fprintf(stderr, "\n");
	return near ? EG_EXIT_USAGE : usage();
}

static int parse(int argc, char **argv, struct options *options)
{
	static const struct option longs[] = {{"json", no_argument, NULL, 'j'},
					      {"watch", required_argument, NULL, 'w'},
					      {"socket", required_argument, NULL, 's'},
					      {0}};
	const char *near = NULL;
	int opt;

	while ((opt = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (opt == 'j')
			options->json = true;
		else if (opt == 's')
			options->socket = optarg;
		else if (opt != 'w')
			return usage();
		else if (eg_text_duration_ns(optarg, &options->watch_ns) ||
			 options->watch_ns < WATCH_MIN_NS) {
			fprintf(stderr, "espgate show: --watch takes a time like 1s, at least "
					"100ms\n");
			return EG_EXIT_USAGE;
		}
	}
	if (optind + 1 != argc)
		return usage();
	options->what = eg_control_show_find(argv[optind], &near);
	return options->what == EG_SHOW_COUNT ? unknown(argv[optind], near) : EG_EXIT_OK;
}

static void wait_ns(uint64_t ns)
{
	const struct timespec time = {.tv_sec = (time_t)(ns / EG_NS_PER_S),
				      .tv_nsec = (long)(ns % EG_NS_PER_S)};

	nanosleep(&time, NULL);
}

/* 0, or -1 with the reason printed. */
static int sample(struct eg_control_connection *connection, const struct options *options,
		  struct json_object **view)
{
	if (!eg_control_show_all(connection, options->what, TIMEOUT_MS, view))
		return 0;
	fprintf(stderr, "espgate show: %s: %s\n", options->socket,
		connection->why.v ? connection->why.v : "failed");
	return -1;
}

static int print(const struct options *options, struct json_object *now, struct json_object *before)
{
	struct json_object *status = NULL;
	struct eg_buf text = {0};

	if (options->json) {
		printf("%s\n",
		       json_object_to_json_string_ext(now, JSON_C_TO_STRING_PLAIN |
								   JSON_C_TO_STRING_NOSLASHESCAPE));
	} else {
		eg_show_view(options->what, now, before, &text);
		/* From the top of a terminal; to a file, one after the other. */
		printf("%s%s", options->watch_ns && isatty(STDOUT_FILENO) ? "\033[H\033[2J" : "",
		       text.v ? text.v : "");
		if (options->watch_ns)
			printf("\n");
	}
	eg_buf_free(&text);
	if (fflush(stdout)) /* nobody reads any more */
		return EG_EXIT_ERROR;
	return json_object_object_get_ex(now, "status", &status) &&
			       !strcmp(json_object_get_string(status), "failed")
		       ? EG_EXIT_NO
		       : EG_EXIT_OK;
}

static int show(struct eg_control_connection *connection, const struct options *options)
{
	struct json_object *now = NULL, *before = NULL;
	int status = EG_EXIT_OK;

	if (!options->json && eg_show_view_has_rates(options->what)) {
		if (sample(connection, options, &before))
			return EG_EXIT_ERROR;
		wait_ns(SAMPLE_NS);
	}
	for (;;) {
		if (sample(connection, options, &now)) {
			status = EG_EXIT_ERROR;
			break;
		}
		status = print(options, now, before);
		json_object_put(before);
		before = now;
		if (!options->watch_ns || status == EG_EXIT_ERROR)
			break;
		wait_ns(options->watch_ns);
	}
	json_object_put(before);
	return status;
}

int eg_verb_show(int argc, char **argv)
{
	struct options options = {.socket = EG_CONTROL_SOCKET};
	struct eg_control_connection connection;
	int status = parse(argc, argv, &options);

	if (status)
		return status;
	if (eg_control_connect(&connection, options.socket, TIMEOUT_MS)) {
		fprintf(stderr, "espgate show: %s: %s\n", options.socket,
			connection.why.v ? connection.why.v : "failed");
		status = EG_EXIT_ERROR;
	} else {
		status = show(&connection, &options);
	}
	eg_control_disconnect(&connection);
	return status;
}
