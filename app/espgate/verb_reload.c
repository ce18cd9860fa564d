/* reload: let the running gateway load its configuration's file, and report what became of it. */
#include <getopt.h>
#include <stdio.h>

#include "control/client.h"
#include "verbs.h"

/* To connect. A reload may take as long as it needs. */
#define TIMEOUT_MS 10000

static uint64_t number(struct json_object *object, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(object, key, &value) ? json_object_get_uint64(value) : 0;
}

/* "3 peers added: a, b, c". */
static void print_change(struct json_object *changes, const char *key, const char *words)
{
	struct json_object *change, *names = NULL;
	uint64_t n;

	if (!json_object_object_get_ex(changes, key, &change))
		return;
	n = number(change, "n");
	if (!n)
		return;
	printf("  %llu %s", (unsigned long long)n, words);
	json_object_object_get_ex(change, "names", &names);
	for (size_t i = 0; names && i < json_object_array_length(names); i++)
		printf("%s%s", i ? ", " : ": ",
		       json_object_get_string(json_object_array_get_idx(names, i)));
	printf("%s\n", names && json_object_array_length(names) < n ? ", ..." : "");
}

static void print_count(struct json_object *changes, const char *key, const char *words)
{
	if (number(changes, key))
		printf("  %llu %s\n", (unsigned long long)number(changes, key), words);
}

static void print_changes(struct json_object *changes)
{
	print_change(changes, "peers_added", "peers added");
	print_change(changes, "peers_removed", "peers removed");
	print_count(changes, "sas_new", "SAs new");
	print_count(changes, "sas_retiring", "SAs retiring");
	print_count(changes, "sas_removed", "SAs removed");
	print_change(changes, "policies_added", "policies added");
	print_change(changes, "policies_removed", "policies removed");
	print_change(changes, "policies_changed", "policies changed");
	if (number(changes, "rules_before") != number(changes, "rules"))
		printf("  %llu rules, %llu before\n", (unsigned long long)number(changes, "rules"),
		       (unsigned long long)number(changes, "rules_before"));
	print_change(changes, "pods_added", "pods added");
	print_change(changes, "pods_removed", "pods removed");
	print_change(changes, "pods_changed", "pods changed");
}

/* Returns how many there are. */
static size_t print_messages(struct json_object *result, const char *key)
{
	struct json_object *list = NULL;
	size_t n =
		json_object_object_get_ex(result, key, &list) ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < n; i++)
		fprintf(stderr, "%s\n", json_object_get_string(json_object_array_get_idx(list, i)));
	return n;
}

static int report(struct json_object *result, bool json)
{
	struct json_object *in_force = NULL, *took = NULL, *changes = NULL;
	bool applied = json_object_object_get_ex(result, "in_force", &in_force) &&
		       json_object_get_boolean(in_force);

	if (json) {
		printf("%s\n",
		       json_object_to_json_string_ext(
			       result, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
		return applied ? EG_EXIT_OK : EG_EXIT_NO;
	}
	if (print_messages(result, "errors") < number(result, "n_errors"))
		fprintf(stderr, "... and more errors: see the log\n");
	print_messages(result, "quarantined");
	print_messages(result, "warnings");
	if (!applied) {
		fprintf(stderr, "refused, %llu error%s: the configuration before stays in force\n",
			(unsigned long long)number(result, "n_errors"),
			number(result, "n_errors") == 1 ? "" : "s");
		return EG_EXIT_NO;
	}
	json_object_object_get_ex(result, "took_ms", &took);
	printf("configuration %llu in force after %.1f ms\n",
	       (unsigned long long)number(result, "generation"), json_object_get_double(took));
	if (json_object_object_get_ex(result, "changes", &changes))
		print_changes(changes);
	return EG_EXIT_OK;
}

static int reload(const char *socket, bool json)
{
	struct eg_control_connection connection;
	struct json_object *request = NULL, *result = NULL;
	int status = EG_EXIT_ERROR;

	if (!eg_control_connect(&connection, socket, TIMEOUT_MS))
		request = json_object_new_object();
	if (request) {
		eg_json_text(request, "verb", "reload");
		eg_control_ask(&connection, request, -1, &result);
	}
	if (result)
		status = report(result, json);
	else
		fprintf(stderr, "espgate reload: %s: %s\n", socket,
			connection.why.v ? connection.why.v : "out of memory");
	json_object_put(result);
	eg_control_disconnect(&connection);
	return status;
}

int eg_verb_reload(int argc, char **argv)
{
	static const struct option longs[] = {
		{"json", no_argument, NULL, 'j'}, {"socket", required_argument, NULL, 's'}, {0}};
	const char *socket = EG_CONTROL_SOCKET;
	bool json = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (opt == 'j')
			json = true;
		else if (opt == 's')
			socket = optarg;
		else
			optind = argc + 1;
	}
	if (optind != argc) {
		fprintf(stderr, "usage: espgate reload [--json] [--socket PATH]\n");
		return EG_EXIT_USAGE;
	}
	return reload(socket, json);
}
