/* Any bytes are a state file and a manifest: both are taken only as they are written. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sa/state_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int truth)
{
	if (!truth)
		abort();
}

static void read_manifest(const char *text, size_t size)
{
	uint8_t *keys = malloc((size / EG_MANIFEST_LINE + 1) * EG_FINGERPRINT_BYTES);
	char *again = malloc(size + 1);
	size_t n = 0;

	require(keys && again);
	if (eg_manifest_parse(text, size, keys, &n) == EG_STATE_OK) {
		require(eg_manifest_bytes(n) == size);
		eg_manifest_render(keys, n, again);
		require(!memcmp(again, text, size));
	}
	free(again);
	free(keys);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size ? size : 1), again[EG_STATE_TEXT_MAX];
	struct eg_state state;

	require(text != NULL);
	memcpy(text, data, size);
	if (eg_state_parse(text, size, &state) == EG_STATE_OK) {
		require(eg_state_render(&state, again) == size);
		require(!memcmp(again, text, size));
	}
	read_manifest(text, size);
	free(text);
	return 0;
}
