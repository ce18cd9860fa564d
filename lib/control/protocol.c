#include "control/protocol.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* Deeper than any request. */
#define DEPTH 4

/* Integers up to here are the same in every JSON library (RFC 8259 s6). */
#define NUMBER_MAX ((int64_t)1 << 53)

#define QUOTED_MAX 64

static const char *const codes[] = {[EG_CONTROL_OK] = "ok",
#define X(symbol, name, text) [EG_CONTROL_##symbol] = #name,
				    EG_CONTROL_CODES(X)
#undef X
};

static const char *const shows[] = {
#define X(symbol, name, text) [EG_SHOW_##symbol] = #name,
	EG_CONTROL_SHOWS(X)
#undef X
};

static const char *const show_texts[] = {
#define X(symbol, name, text) [EG_SHOW_##symbol] = text,
	EG_CONTROL_SHOWS(X)
#undef X
};

static const char *const verbs[] = {
	[EG_CONTROL_VERB_SHOW] = "show",
	[EG_CONTROL_VERB_RELOAD] = "reload",
};

const char *eg_control_code_name(enum eg_control_code code)
{
	return codes[code];
}

const char *eg_control_show_name(enum eg_control_show what)
{
	return shows[what];
}

const char *eg_control_show_text(enum eg_control_show what)
{
	return show_texts[what];
}

static size_t find(const char *const *names, size_t n, const char *name, const char **near)
{
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(names[i], name))
			return i;
	}
	*near = eg_text_nearest(name, names, n);
	return n;
}

enum eg_control_show eg_control_show_find(const char *name, const char **near)
{
	return (enum eg_control_show)find(shows, EG_SHOW_COUNT, name, near);
}

/* --- requests */

struct parse {
	struct eg_control_request *request;
	char *why;
	enum eg_control_code code;
	bool has_verb, has_what, has_rows;
};

__attribute__((format(printf, 3, 4))) static void fail(struct parse *parse,
						       enum eg_control_code code, const char *fmt,
						       ...)
{
	va_list ap;

	if (parse->code)
		return; /* the first fault is reported */
	parse->code = code;
	va_start(ap, fmt);
	vsnprintf(parse->why, EG_CONTROL_WHY_MAX, fmt, ap);
	va_end(ap);
	for (char *p = parse->why; *p; p++) {
		if (*p < ' ' || *p > '~')
			*p = '?';
	}
}

static bool read_number(struct parse *parse, const char *key, struct json_object *value,
			int64_t min, int64_t max, int64_t *out)
{
	if (json_object_is_type(value, json_type_int)) {
		/* Beyond 64 bits it is INT64_MAX or INT64_MIN. */
		*out = json_object_get_int64(value);
		if (*out >= min && *out <= max)
			return true;
	}
	fail(parse, EG_CONTROL_BAD_REQUEST, "%s: expected an integer from %lld to %lld", key,
	     (long long)min, (long long)max);
	return false;
}

static const char *read_text(struct parse *parse, const char *key, struct json_object *value)
{
	if (json_object_is_type(value, json_type_string) &&
	    strlen(json_object_get_string(value)) == (size_t)json_object_get_string_len(value))
		return json_object_get_string(value);
	fail(parse, EG_CONTROL_BAD_REQUEST, "%s: expected a string", key);
	return NULL;
}

static void read_id(struct parse *parse, struct json_object *value)
{
	struct eg_control_request *request = parse->request;
	const char *text;

	if (!json_object_is_type(value, json_type_string)) {
		request->has_id = read_number(parse, "id", value, 0, NUMBER_MAX, &request->number);
		return;
	}
	text = read_text(parse, "id", value);
	if (text && strlen(text) > EG_CONTROL_ID_MAX) {
		fail(parse, EG_CONTROL_BAD_REQUEST, "id: longer than %d bytes", EG_CONTROL_ID_MAX);
	} else if (text) {
		snprintf(request->text, sizeof(request->text), "%s", text);
		request->has_id = request->text_id = true;
	}
}

static void read_name(struct parse *parse, const char *key, struct json_object *value,
		      const char *const *names, size_t n, enum eg_control_code code, size_t *out)
{
	const char *text = read_text(parse, key, value), *near = NULL;

	if (!text)
		return;
	*out = find(names, n, text, &near);
	if (*out == n)
		fail(parse, code, "%s: unknown \"%.*s\"%s%s%s", key, QUOTED_MAX, text,
		     near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
}

static void read_member(struct parse *parse, const char *key, struct json_object *value)
{
	struct eg_control_request *request = parse->request;
	int64_t number = 0;
	size_t index = 0;

	if (!strcmp(key, "id")) {
		read_id(parse, value);
	} else if (!strcmp(key, "verb")) {
		read_name(parse, key, value, verbs, EG_CONTROL_VERBS, EG_CONTROL_UNKNOWN_VERB,
			  &index);
		request->verb = (enum eg_control_verb)index;
		parse->has_verb = true;
	} else if (!strcmp(key, "what")) {
		read_name(parse, key, value, shows, EG_SHOW_COUNT, EG_CONTROL_UNKNOWN_WHAT, &index);
		request->what = (enum eg_control_show)index;
		parse->has_what = true;
	} else if (!strcmp(key, "from")) {
		if (read_number(parse, key, value, 0, NUMBER_MAX, &number))
			request->from = (uint64_t)number;
		parse->has_rows = true;
	} else if (!strcmp(key, "limit")) {
		if (read_number(parse, key, value, 1, EG_CONTROL_ROWS_MAX, &number))
			request->limit = (unsigned)number;
		parse->has_rows = true;
	} else {
		fail(parse, EG_CONTROL_BAD_REQUEST, "unknown member \"%.*s\"", QUOTED_MAX, key);
	}
}

/* What the verb needs is there, and nothing that it does not know. */
static void check_members(struct parse *parse)
{
	const struct eg_control_request *request = parse->request;

	if (!request->has_id)
		fail(parse, EG_CONTROL_BAD_REQUEST, "id is missing");
	else if (!parse->has_verb)
		fail(parse, EG_CONTROL_BAD_REQUEST, "verb is missing");
	else if (request->verb == EG_CONTROL_VERB_SHOW && !parse->has_what)
		fail(parse, EG_CONTROL_BAD_REQUEST, "what is missing");
	else if (request->verb != EG_CONTROL_VERB_SHOW && (parse->has_what || parse->has_rows))
		fail(parse, EG_CONTROL_BAD_REQUEST, "what, from and limit are for show");
}

/* One value and nothing else. NULL: it is not JSON; json_object_put() ends it otherwise. */
static struct json_object *parse_json(const char *line, size_t n)
{
	struct json_tokener *tokener = json_tokener_new_ex(DEPTH);
	struct json_object *value;

	if (!tokener)
		return NULL;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	value = json_tokener_parse_ex(tokener, line, (int)n);
	if (json_tokener_get_error(tokener) != json_tokener_success ||
	    json_tokener_get_parse_end(tokener) != n) {
		json_object_put(value);
		value = NULL;
	}
	json_tokener_free(tokener);
	return value;
}

enum eg_control_code eg_control_parse(const char *line, size_t n,
				      struct eg_control_request *request,
				      char why[EG_CONTROL_WHY_MAX])
{
	struct parse parse = {.request = request, .why = why};
	struct json_object *value;

	*request = (struct eg_control_request){.limit = EG_CONTROL_ROWS_MAX};
	why[0] = '\0';
	value = n <= EG_CONTROL_REQUEST_MAX && !memchr(line, '\0', n) ? parse_json(line, n) : NULL;
	if (!json_object_is_type(value, json_type_object)) {
		fail(&parse, EG_CONTROL_BAD_JSON, "expected one JSON object on one line");
	} else {
		json_object_object_foreach(value, key, member)
		{
			read_member(&parse, key, member);
		}
		check_members(&parse);
	}
	json_object_put(value);
	return parse.code;
}

/* --- answers */

/* How many bytes of UTF-8 (RFC 3629 s4) are one character here; 0: it is not UTF-8. */
static size_t utf8_length(const unsigned char *p)
{
	static const struct {
		unsigned char first, last, second_min, second_max;
		size_t length;
	} forms[] = {
		{0x01, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2},
		{0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
		{0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
		{0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
		{0xf4, 0xf4, 0x80, 0x8f, 4},
	};

	for (size_t f = 0; f < sizeof(forms) / sizeof(*forms); f++) {
		if (p[0] < forms[f].first || p[0] > forms[f].last)
			continue;
		if (forms[f].length > 1 &&
		    (p[1] < forms[f].second_min || p[1] > forms[f].second_max))
			return 0;
		for (size_t i = 2; i < forms[f].length; i++) {
			if (p[i] < 0x80 || p[i] > 0xbf)
				return 0;
		}
		return forms[f].length;
	}
	return 0;
}

static struct json_object *new_text(const char *text)
{
	struct json_object *made;
	char *copy = text ? strdup(text) : NULL;

	if (!copy)
		return NULL;
	for (unsigned char *p = (unsigned char *)copy; *p;) {
		size_t n = utf8_length(p);

		if (!n)
			*p = '?';
		p += n ? n : 1;
	}
	made = json_object_new_string(copy);
	free(copy);
	return made;
}

/* Takes the value over. */
static void add(struct json_object *to, const char *key, struct json_object *value)
{
	if (!to || json_object_object_add(to, key, value))
		json_object_put(value);
}

void eg_json_text(struct json_object *to, const char *key, const char *text)
{
	add(to, key, new_text(text));
}

void eg_json_u64(struct json_object *to, const char *key, uint64_t value)
{
	add(to, key, json_object_new_uint64(value));
}

void eg_json_bool(struct json_object *to, const char *key, bool value)
{
	add(to, key, json_object_new_boolean(value));
}

void eg_json_real(struct json_object *to, const char *key, double value)
{
	char text[64];

	/* JSON has no infinity. */
	snprintf(text, sizeof(text), "%.3f", isfinite(value) && fabs(value) < 1e18 ? value : 0.0);
	add(to, key, json_object_new_double_s(strtod(text, NULL), text));
}

struct json_object *eg_json_object(struct json_object *to, const char *key)
{
	struct json_object *made = json_object_new_object();

	if (!made || !to || json_object_object_add(to, key, made)) {
		json_object_put(made);
		return NULL;
	}
	return made;
}

struct json_object *eg_json_array(struct json_object *to, const char *key)
{
	struct json_object *made = json_object_new_array();

	if (!made || !to || json_object_object_add(to, key, made)) {
		json_object_put(made);
		return NULL;
	}
	return made;
}

static int append(struct json_object *array, struct json_object *value)
{
	if (value && array && !json_object_array_add(array, value))
		return 0;
	json_object_put(value);
	return -1;
}

struct json_object *eg_json_row(struct json_object *array)
{
	struct json_object *made = json_object_new_object();

	return append(array, made) ? NULL : made;
}

void eg_json_add_text(struct json_object *array, const char *text)
{
	append(array, new_text(text));
}

static char *line_of(struct json_object *object)
{
	const char *text = json_object_to_json_string_ext(
		object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	char *line = NULL;

	if (text && asprintf(&line, "%s\n", text) < 0)
		line = NULL;
	return line;
}

char *eg_control_greeting(const char *version, int pid)
{
	struct json_object *greeting = json_object_new_object();
	char *line = NULL;

	if (!greeting)
		return NULL;
	eg_json_text(greeting, "espgate", version);
	eg_json_u64(greeting, "protocol", EG_CONTROL_PROTOCOL);
	eg_json_u64(greeting, "pid", (uint64_t)pid);
	line = line_of(greeting);
	json_object_put(greeting);
	return line;
}

static struct json_object *new_answer(const struct eg_control_request *request)
{
	struct json_object *answer = json_object_new_object();

	if (!request->has_id)
		eg_json_text(answer, "id", NULL);
	else if (request->text_id)
		eg_json_text(answer, "id", request->text);
	else
		eg_json_u64(answer, "id", (uint64_t)request->number);
	return answer;
}

char *eg_control_result_line(const struct eg_control_request *request, struct json_object *result)
{
	struct json_object *answer = result ? new_answer(request) : NULL;
	char *line;

	if (!answer)
		return NULL;
	add(answer, "result", json_object_get(result));
	line = line_of(answer);
	json_object_put(answer);
	return line;
}

char *eg_control_error_line(const struct eg_control_request *request, enum eg_control_code code,
			    const char *text)
{
	struct json_object *answer = new_answer(request), *error;
	char *line;

	if (!answer)
		return NULL;
	error = eg_json_object(answer, "error");
	eg_json_text(error, "code", eg_control_code_name(code));
	eg_json_text(error, "text", text);
	line = line_of(answer);
	json_object_put(answer);
	return line;
}
