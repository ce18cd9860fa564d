/* Arbitrary bytes as a state file, a manifest and a journal: each is accepted only in its exact
 * written form. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sa/journal.h"
#include "sa/state_text.h"

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
	bool journal;

	require(keys && again);
	if (eg_manifest_parse(text, size, keys, &n, &journal) == EG_STATE_OK) {
		require(eg_manifest_bytes(n) == size);
		eg_manifest_render(keys, n, again);
		require(!journal || !memcmp(again, text, size));
	}
	free(again);
	free(keys);
}

static int take_line(void *arg, const struct eg_state *state)
{
	char text[EG_STATE_TEXT_MAX];
	struct eg_state again;
	size_t n = eg_state_line_render(state, text);

	(void)arg;
	require(eg_state_line_parse(text, n, &again) && !memcmp(&again, state, sizeof(again)));
	return 0;
}

static void read_journal(const char *text, size_t size)
{
	struct eg_journal_read whole, again;

	if (eg_journal_parse(text, size, take_line, NULL, &whole) != EG_STATE_OK)
		return;
	require(whole.good <= size && whole.number);
	require(eg_journal_parse(text, whole.good, take_line, NULL, &again) == EG_STATE_OK);
	require(again.number == whole.number && again.good == whole.good);
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
	read_journal(text, size);
	free(text);
	return 0;
}
