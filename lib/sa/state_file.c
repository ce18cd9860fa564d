#include "sa/state_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t eg_checksum(uint64_t sum, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum = (sum ^ (uint8_t)text[i]) * 0x100000001b3ull;
	return sum;
}

static uint64_t checksum(const char *text, size_t n)
{
	return eg_checksum(EG_CHECKSUM_START, text, n);
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

static int read_fingerprint(const char *text, uint8_t key[EG_FINGERPRINT_BYTES])
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

enum eg_state_fault eg_state_fault_of(const char *text, const char *head)
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

bool eg_state_line_parse(const char *text, size_t n, struct eg_state *out)
{
	char copy[EG_STATE_TEXT_MAX], again[EG_STATE_TEXT_MAX];
	char key[EG_FINGERPRINT_TEXT], dir[4], remote[EG_IP_TEXT];
	struct eg_state state = {0};

	if (n >= sizeof(copy))
		return false;
	memcpy(copy, text, n);
	copy[n] = '\0';
	if (sscanf(copy,
		   "key %32s dir %3s spi 0x%8" SCNx32 " suite %31s remote %45s seq %" SCNu64
		   " iv %" SCNu64 " bytes %" SCNu64 " since %" SCNu64,
		   key, dir, &state.spi, state.suite, remote, &state.seq, &state.iv, &state.bytes,
		   &state.since_ns) != 9 ||
	    strlen(key) != 2 * EG_FINGERPRINT_BYTES || read_fingerprint(key, state.key) ||
	    eg_ip_parse(remote, &state.remote))
		return false;
	state.inbound = !strcmp(dir, "in");
	if (eg_state_line_render(&state, again) != n || memcmp(again, text, n))
		return false;
	*out = state;
	return true;
}

enum eg_state_fault eg_state_parse(const char *text, size_t n, struct eg_state *out)
{
	char copy[EG_STATE_TEXT_MAX], again[EG_STATE_TEXT_MAX];
	char key[EG_FINGERPRINT_TEXT], remote[EG_IP_TEXT];
	struct eg_state state = {0};

	_Static_assert(EG_FINGERPRINT_TEXT == 33 && EG_IP_TEXT >= 46 && EG_STATE_SUITE_MAX == 32,
		       "what sscanf is told");
	if (n >= sizeof(copy))
		return EG_STATE_DAMAGED;
	memcpy(copy, text, n);
	copy[n] = '\0';
	if (sscanf(copy,
		   "espgate-state 1 key %32s spi 0x%8" SCNx32 " suite %31s remote %45s seq %" SCNu64
		   " iv %" SCNu64 " bytes %" SCNu64 " since %" SCNu64,
		   key, &state.spi, state.suite, remote, &state.seq, &state.iv, &state.bytes,
		   &state.since_ns) != 8 ||
	    strlen(key) != 2 * EG_FINGERPRINT_BYTES || read_fingerprint(key, state.key) ||
	    eg_ip_parse(remote, &state.remote))
		return eg_state_fault_of(copy, "espgate-state 1");
	if (eg_state_render(&state, again) != n || memcmp(again, text, n))
		return eg_state_fault_of(copy, "espgate-state 1");
	*out = state;
	return EG_STATE_OK;
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
		return eg_state_fault_of(head, EG_MANIFEST_HEAD);
	*n = (size - eg_manifest_bytes(0)) / EG_MANIFEST_LINE;
	for (size_t i = 0; i < *n; i++, at += EG_MANIFEST_LINE) {
		if (read_fingerprint(at, keys + i * EG_FINGERPRINT_BYTES))
			return eg_state_fault_of(head, EG_MANIFEST_HEAD);
	}
	again = malloc(size);
	if (!again)
		return EG_STATE_DAMAGED;
	*journal = memcmp(text, EG_MANIFEST_OLD, head_n);
	render_manifest(*journal ? EG_MANIFEST_HEAD : EG_MANIFEST_OLD, keys, *n, again);
	if (memcmp(again, text, size))
		fault = eg_state_fault_of(head, EG_MANIFEST_HEAD);
	free(again);
	return fault;
}
