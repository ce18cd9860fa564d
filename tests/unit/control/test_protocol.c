/* Requests and answers of the control protocol as text. */
#include "control_tests.h"

#include <stdlib.h>
#include <string.h>

#include "control/protocol.h"

#define OK(text)                                                                                   \
	{                                                                                          \
		text, EG_CONTROL_OK, ""                                                            \
	}

static const struct {
	const char *line;
	enum eg_control_code code;
	const char *why;
} rows[] = {
	OK("{\"id\":1,\"verb\":\"show\",\"what\":\"sas\"}"),
	OK(" {\"id\" : \"a\", \"verb\":\"reload\"} "),
	OK("{\"id\":9007199254740992,\"verb\":\"show\",\"what\":\"sas\",\"from\":7,\"limit\":128}"),
	{"", EG_CONTROL_BAD_JSON, "expected one JSON object on one line"},
	{"[1]", EG_CONTROL_BAD_JSON, "expected one JSON object on one line"},
	{"{\"id\":1", EG_CONTROL_BAD_JSON, "expected one JSON object on one line"},
	{"{\"id\":1} {}", EG_CONTROL_BAD_JSON, "expected one JSON object on one line"},
	{"{'id':1,'verb':'reload'}", EG_CONTROL_BAD_JSON, "expected one JSON object on one line"},
	{"{\"id\":\"\xff\",\"verb\":\"reload\"}", EG_CONTROL_BAD_JSON,
	 "expected one JSON object on one line"},
	{"{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":1}}}}}", EG_CONTROL_BAD_JSON,
	 "expected one JSON object on one line"},
	{"{\"verb\":\"reload\"}", EG_CONTROL_BAD_REQUEST, "id is missing"},
	{"{\"id\":1}", EG_CONTROL_BAD_REQUEST, "verb is missing"},
	{"{\"id\":1,\"verb\":\"show\"}", EG_CONTROL_BAD_REQUEST, "what is missing"},
	{"{\"id\":-1,\"verb\":\"reload\"}", EG_CONTROL_BAD_REQUEST,
	 "id: expected an integer from 0 to 9007199254740992"},
	{"{\"id\":9007199254740993,\"verb\":\"reload\"}", EG_CONTROL_BAD_REQUEST,
	 "id: expected an integer from 0 to 9007199254740992"},
	{"{\"id\":18446744073709551615,\"verb\":\"reload\"}", EG_CONTROL_BAD_REQUEST,
	 "id: expected an integer from 0 to 9007199254740992"},
	{"{\"id\":1.5,\"verb\":\"reload\"}", EG_CONTROL_BAD_REQUEST,
	 "id: expected an integer from 0 to 9007199254740992"},
	{"{\"id\":null,\"verb\":\"reload\"}", EG_CONTROL_BAD_REQUEST,
	 "id: expected an integer from 0 to 9007199254740992"},
	{"{\"id\":\"a\\u0000b\",\"verb\":\"reload\"}", EG_CONTROL_BAD_REQUEST,
	 "id: expected a string"},
	{"{\"id\":1,\"verb\":\"relaod\"}", EG_CONTROL_UNKNOWN_VERB,
	 "verb: unknown \"relaod\" (did you mean \"reload\"?)"},
	{"{\"id\":1,\"verb\":7}", EG_CONTROL_BAD_REQUEST, "verb: expected a string"},
	{"{\"id\":1,\"verb\":\"show\",\"what\":\"prots\"}", EG_CONTROL_UNKNOWN_WHAT,
	 "what: unknown \"prots\" (did you mean \"ports\"?)"},
	{"{\"id\":1,\"verb\":\"show\",\"what\":\"keys\\n\\u001b[2J\"}", EG_CONTROL_UNKNOWN_WHAT,
	 "what: unknown \"keys??[2J\""},
	{"{\"id\":1,\"verb\":\"show\",\"what\":\"sas\",\"limit\":0}", EG_CONTROL_BAD_REQUEST,
	 "limit: expected an integer from 1 to 128"},
	{"{\"id\":1,\"verb\":\"show\",\"what\":\"sas\",\"limit\":129}", EG_CONTROL_BAD_REQUEST,
	 "limit: expected an integer from 1 to 128"},
	{"{\"id\":1,\"verb\":\"show\",\"what\":\"sas\",\"from\":-1}", EG_CONTROL_BAD_REQUEST,
	 "from: expected an integer from 0 to 9007199254740992"},
	{"{\"id\":1,\"verb\":\"show\",\"what\":\"sas\",\"form\":1}", EG_CONTROL_BAD_REQUEST,
	 "unknown member \"form\""},
	{"{\"id\":1,\"verb\":\"reload\",\"what\":\"sas\"}", EG_CONTROL_BAD_REQUEST,
	 "what, from and limit are for show"},
};

static void test_rows(void **state)
{
	struct eg_control_request request;
	char why[EG_CONTROL_WHY_MAX];

	(void)state;
	for (size_t r = 0; r < COUNT(rows); r++) {
		print_message("row %zu\n", r);
		assert_int_equal(
			eg_control_parse(rows[r].line, strlen(rows[r].line), &request, why),
			rows[r].code);
		assert_string_equal(why, rows[r].why);
	}
}

static void test_fields(void **state)
{
	static const char line[] =
		"{\"id\":\"x\",\"verb\":\"show\",\"what\":\"routes\",\"from\":300,\"limit\":5}";
	struct eg_control_request request;
	char why[EG_CONTROL_WHY_MAX];

	(void)state;
	assert_int_equal(eg_control_parse(line, strlen(line), &request, why), EG_CONTROL_OK);
	assert_true(request.has_id && request.text_id);
	assert_string_equal(request.text, "x");
	assert_int_equal(request.verb, EG_CONTROL_VERB_SHOW);
	assert_int_equal(request.what, EG_SHOW_ROUTES);
	assert_int_equal(request.from, 300);
	assert_int_equal(request.limit, 5);
	assert_int_equal(eg_control_parse(line, strlen(line) + 1, &request, why),
			 EG_CONTROL_BAD_JSON); /* with a NUL */
}

/* An id that is as long as allowed, and one that is longer. */
static void test_long_id(void **state)
{
	struct eg_control_request request;
	char why[EG_CONTROL_WHY_MAX], line[256];

	(void)state;
	for (int n = EG_CONTROL_ID_MAX; n <= EG_CONTROL_ID_MAX + 1; n++) {
		snprintf(line, sizeof(line), "{\"id\":\"%0*d\",\"verb\":\"reload\"}", n, 0);
		assert_int_equal(eg_control_parse(line, strlen(line), &request, why),
				 n > EG_CONTROL_ID_MAX ? EG_CONTROL_BAD_REQUEST : EG_CONTROL_OK);
	}
}

static void assert_line(char *line, const char *expected)
{
	assert_non_null(line);
	assert_string_equal(line, expected);
	free(line);
}

static void test_answers(void **state)
{
	struct eg_control_request number = {.has_id = true, .number = 7};
	struct eg_control_request text = {.has_id = true, .text_id = true, .text = "a\"b"};
	struct eg_control_request none = {0};
	struct json_object *result = json_object_new_object(),
			   *rows_of = eg_json_array(result, "rows");

	(void)state;
	eg_json_u64(result, "big", UINT64_MAX);
	eg_json_real(result, "x", 1.0 / 3);
	eg_json_real(result, "inf", 1e300 * 1e300);
	eg_json_text(result, "file", "a/\xc3\xa9\xff\xed\xa0\x80\n");
	eg_json_text(result, "no", NULL);
	eg_json_bool(eg_json_row(rows_of), "up", true);
	eg_json_add_text(rows_of, "t");
	assert_line(eg_control_result_line(&number, result),
		    "{\"id\":7,\"result\":{\"rows\":[{\"up\":true},\"t\"],"
		    "\"big\":18446744073709551615,\"x\":0.333,\"inf\":0.000,"
		    "\"file\":\"a/\xc3\xa9????\\n\",\"no\":null}}\n");
	json_object_put(result);
	assert_line(eg_control_error_line(&text, EG_CONTROL_UNKNOWN_WHAT, "no"),
		    "{\"id\":\"a\\\"b\",\"error\":{\"code\":\"unknown_what\",\"text\":\"no\"}}\n");
	assert_line(eg_control_error_line(&none, EG_CONTROL_BAD_JSON, ""),
		    "{\"id\":null,\"error\":{\"code\":\"bad_json\",\"text\":\"\"}}\n");
	assert_line(eg_control_greeting("0.1", 5),
		    "{\"espgate\":\"0.1\",\"protocol\":1,\"pid\":5}\n");
}

int run_protocol_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_long_id),
		cmocka_unit_test(test_answers),
	};

	return cmocka_run_group_tests_name("protocol", tests, NULL, NULL);
}
