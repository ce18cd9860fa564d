/* Requests and answers of the control protocol (espgate/control_protocol.h) as structs and text.
 *
 * JSON is json-c's; only lib/control and the verbs that are clients use it. Pure functions: any
 * thread. */
#ifndef EG_CONTROL_PROTOCOL_H
#define EG_CONTROL_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "espgate/control_protocol.h"

enum eg_control_verb {
	EG_CONTROL_VERB_SHOW,
	EG_CONTROL_VERB_RELOAD,
	EG_CONTROL_VERBS,
};

/* A request. Plain values. */
struct eg_control_request {
	bool has_id; /* also of a request with another fault, so that the answer can repeat it */
	bool text_id;
	int64_t number;
	char text[EG_CONTROL_ID_MAX + 1];
	enum eg_control_verb verb;
	enum eg_control_show what;
	uint64_t from;
	unsigned limit;
};

/* Read one line, without its newline. EG_CONTROL_OK; or why not, with the reason in `why`, which is
 * printable and quotes at most 64 bytes of the line. */
#define EG_CONTROL_WHY_MAX 256
enum eg_control_code eg_control_parse(const char *line, size_t n,
				      struct eg_control_request *request,
				      char why[EG_CONTROL_WHY_MAX]);

/* "bad_json", and so on. */
const char *eg_control_code_name(enum eg_control_code code);

/* The name of a view, and its text for people. */
const char *eg_control_show_name(enum eg_control_show what);
const char *eg_control_show_text(enum eg_control_show what);

/* The view of that name, or EG_SHOW_COUNT. *near: the most similar name if there is none such, or
 * NULL. */
enum eg_control_show eg_control_show_find(const char *name, const char **near);

/* The lines that a gateway writes, with their newlines. The caller frees them with free(). NULL:
 * out of memory. `result` stays the caller's. */
char *eg_control_greeting(const char *version, int pid);
char *eg_control_result_line(const struct eg_control_request *request, struct json_object *result);
char *eg_control_error_line(const struct eg_control_request *request, enum eg_control_code code,
			    const char *text);

/* Add members to a JSON object. If memory is short, they are left out. Text from outside may have
 * any bytes: what is not UTF-8 is replaced with '?'. NULL is null. */
void eg_json_text(struct json_object *to, const char *key, const char *text);
void eg_json_u64(struct json_object *to, const char *key, uint64_t value);
void eg_json_bool(struct json_object *to, const char *key, bool value);
void eg_json_real(struct json_object *to, const char *key, double value); /* three decimals */
struct json_object *eg_json_object(struct json_object *to, const char *key);
struct json_object *eg_json_array(struct json_object *to, const char *key);

/* A new object at the end of an array, or a text. */
struct json_object *eg_json_row(struct json_object *array);
void eg_json_add_text(struct json_object *array, const char *text);

#endif
