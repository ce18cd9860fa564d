/* Arbitrary bytes as a request of the control protocol: either it is within the limits and can be
 * answered, or the reason is one printable line. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int truth)
{
	if (!truth)
		abort();
}

static void check_line(char *line)
{
	require(line && line[strlen(line) - 1] == '\n' && strchr(line, '\n')[1] == '\0');
	free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct eg_control_request request;
	char why[EG_CONTROL_WHY_MAX];
	/* A copy of the exact size, so that reading beyond it is found. */
	char *line = malloc(size ? size : 1);
	enum eg_control_code code;

	if (!line)
		return 0;
	if (size)
		memcpy(line, data, size);
	code = eg_control_parse(line, size, &request, why);
	free(line);
	require(code < EG_CONTROL_N_CODES && !code == !why[0]);
	for (const char *p = why; *p; p++)
		require(*p >= ' ' && *p <= '~');
	require(strlen(request.text) <= EG_CONTROL_ID_MAX);
	if (!code) {
		struct json_object *result = json_object_new_object();

		require(request.has_id && request.verb < EG_CONTROL_VERBS);
		require(request.what < EG_SHOW_COUNT);
		require(request.limit >= 1 && request.limit <= EG_CONTROL_ROWS_MAX);
		eg_json_text(result, "text", request.text);
		check_line(eg_control_result_line(&request, result));
		json_object_put(result);
	} else {
		check_line(eg_control_error_line(&request, code, why));
	}
	return 0;
}
