#include "sa/state_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t eg_fnv1a(uint64_t sum, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum = (sum ^ (uint8_t)text[i]) * 0x100000001b3ull;
	return sum;
}

static uint64_t checksum(const char *text, size_t n)
{
	return eg_fnv1a(EG_FNV1A_START, text, n);
}

const char *eg_fingerprint_print(const uint8_t key[EG_FINGERPRINT_BYTES],
				 char text[EG_FINGERPRINT_TEXT])
{
	for (size_t i = 0; i < EG_FINGERPRINT_BYTES; i++)
		snprintf(text + 2 * i, 3, "%02x", key[i]);
	return text;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int parse_fingerprint(const char *text, uint8_t key[EG_FINGERPRINT_BYTES])
{
	for (size_t i = 0; i < EG_FINGERPRINT_BYTES; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return -1;
		key[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

size_t eg_state_render(const struct eg_state *state, char text[EG_STATE_TEXT_MAX])
{
	char key[EG_FINGERPRINT_TEXT], remote[EG_IP_TEXT];
	int n = snprintf(text, EG_STATE_TEXT_MAX,
			 "espgate-state %d\nkey %s\nspi 0x%08" PRIx32 "\nsuite %s\nremote %s\n"
			 "seq %" PRIu64 "\niv %" PRIu64 "\nbytes %" PRIu64 "\nsince %" PRIu64 "\n",
			 EG_STATE_VERSION, eg_fingerprint_print(state->key, key), state->spi,
			 state->suite, eg_ip_print(&state->remote, remote), state->seq, state->iv,
			 state->bytes, state->since_ns);

	return (size_t)(n + snprintf(text + n, EG_STATE_TEXT_MAX - (size_t)n,
				     "check %016" PRIx64 "\n", checksum(text, (size_t)n)));
}

enum eg_state_fault eg_state_check_version(const char *text, const char *head)
{
	size_t name = strcspn(head, " ") + 1;
	char *end;
	unsigned long version;

	if (strncmp(text, head, name) || text[name] < '1' || text[name] > '9')
		return EG_STATE_DAMAGED;
	version = strtoul(text + name, &end, 10);
	return *end == '\n' && version > strtoul(head + name, NULL, 10) ? EG_STATE_NEWER
									: EG_STATE_DAMAGED;
}

size_t eg_state_line_render(const struct eg_state *state, char text[EG_STATE_TEXT_MAX])
{
	char key[EG_FINGERPRINT_TEXT], remote[EG_IP_TEXT];

	return (size_t)snprintf(text, EG_STATE_TEXT_MAX,
				"key %s dir %s spi 0x%08" PRIx32 " suite %s remote %s seq %" PRIu64
				" iv %" PRIu64 " bytes %" PRIu64 " since %" PRIu64 "\n",
				eg_fingerprint_print(state->key, key),
				state->inbound ? "in" : "out", state->spi, state->suite,
				eg_ip_print(&state->remote, remote), state->seq, state->iv,
				state->bytes, state->since_ns);
}

/* Parse the fields before the SPI; returns their length, or 0. A per-key file is always of an
 * outbound SA. */
static int parse_head(const char *text, bool is_line, char key[EG_FINGERPRINT_TEXT], char dir[4])
{
	int n = 0;

	if (is_line)
		sscanf(text, "key %32s dir %3s %n", key, dir, &n);
	else
		sscanf(text, "espgate-state 1 key %32s %n", key, &n);
	return n;
}

/* Parse a state of n bytes, NUL-terminated. sscanf() is lenient about white space and digits, so
 * the state is rendered again: only the one canonical spelling is accepted. */
static bool parse_state(const char *text, size_t n, bool is_line, struct eg_state *out)
{
	char key[EG_FINGERPRINT_TEXT] = "", dir[4] = "out", remote[EG_IP_TEXT];
	char again[EG_STATE_TEXT_MAX];
	int head = parse_head(text, is_line, key, dir);
	struct eg_state state = {.inbound = !strcmp(dir, "in")};
	size_t again_n;

	_Static_assert(EG_FINGERPRINT_TEXT == 33 && EG_IP_TEXT >= 46 && EG_STATE_SUITE_MAX == 32,
		       "field widths for sscanf()");
	if (!head ||
	    sscanf(text + head,
		   "spi 0x%8" SCNx32 " suite %31s remote %45s seq %" SCNu64 " iv %" SCNu64
		   " bytes %" SCNu64 " since %" SCNu64,
		   &state.spi, state.suite, remote, &state.seq, &state.iv, &state.bytes,
		   &state.since_ns) != 7 ||
	    strlen(key) != 2 * EG_FINGERPRINT_BYTES || parse_fingerprint(key, state.key) ||
	    eg_ip_parse(remote, &state.remote))
		return false;
	again_n = is_line ? eg_state_line_render(&state, again) : eg_state_render(&state, again);
	if (again_n != n || memcmp(again, text, n))
		return false;
	*out = state;
	return true;
}

static bool terminate(const char *text, size_t n, char copy[EG_STATE_TEXT_MAX])
{
	if (n >= EG_STATE_TEXT_MAX)
		return false;
	memcpy(copy, text, n);
	copy[n] = '\0';
	return true;
}

bool eg_state_line_parse(const char *text, size_t n, struct eg_state *out)
{
	char copy[EG_STATE_TEXT_MAX];

	return terminate(text, n, copy) && parse_state(copy, n, true, out);
}

enum eg_state_fault eg_state_parse(const char *text, size_t n, struct eg_state *out)
{
	char copy[EG_STATE_TEXT_MAX];

	if (!terminate(text, n, copy))
		return EG_STATE_DAMAGED;
	return parse_state(copy, n, false, out) ? EG_STATE_OK
						: eg_state_check_version(copy, "espgate-state 1");
}

size_t eg_manifest_bytes(size_t n)
{
	return sizeof(EG_MANIFEST_HEAD) - 1 + n * EG_MANIFEST_LINE + EG_MANIFEST_CHECK;
}

static void render_manifest(const char *head, const uint8_t *keys, size_t n, char *text)
{
	char *at = text + sizeof(EG_MANIFEST_HEAD) - 1;
	char check[EG_MANIFEST_CHECK + 1];

	memcpy(text, head, sizeof(EG_MANIFEST_HEAD) - 1);
	for (size_t i = 0; i < n; i++, at += EG_MANIFEST_LINE) {
		eg_fingerprint_print(keys + i * EG_FINGERPRINT_BYTES, at);
		at[EG_MANIFEST_LINE - 1] = '\n';
	}
	snprintf(check, sizeof(check), "check %016" PRIx64 "\n",
		 checksum(text, (size_t)(at - text)));
	memcpy(at, check, EG_MANIFEST_CHECK);
}

void eg_manifest_render(const uint8_t *keys, size_t n, char *text)
{
	render_manifest(EG_MANIFEST_HEAD, keys, n, text);
}

enum eg_state_fault eg_manifest_parse(const char *text, size_t size, uint8_t *keys, size_t *n,
				      bool *journal)
{
	const char *at = text + sizeof(EG_MANIFEST_HEAD) - 1;
	const size_t head_n = sizeof(EG_MANIFEST_HEAD) - 1;
	char head[32], *again;
	enum eg_state_fault fault = EG_STATE_OK;

	snprintf(head, sizeof(head), "%.*s", (int)(size < 31 ? size : 31), text);
	if (size < eg_manifest_bytes(0) || (size - eg_manifest_bytes(0)) % EG_MANIFEST_LINE)
		return eg_state_check_version(head, EG_MANIFEST_HEAD);
	*n = (size - eg_manifest_bytes(0)) / EG_MANIFEST_LINE;
	for (size_t i = 0; i < *n; i++, at += EG_MANIFEST_LINE) {
		if (parse_fingerprint(at, keys + i * EG_FINGERPRINT_BYTES))
			return eg_state_check_version(head, EG_MANIFEST_HEAD);
	}
	again = malloc(size);
	if (!again)
		return EG_STATE_DAMAGED;
	*journal = memcmp(text, EG_MANIFEST_OLD, head_n);
	render_manifest(*journal ? EG_MANIFEST_HEAD : EG_MANIFEST_OLD, keys, *n, again);
	if (memcmp(again, text, size))
		fault = eg_state_check_version(head, EG_MANIFEST_HEAD);
	free(again);
	return fault;
}
