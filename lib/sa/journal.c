#include "sa/journal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define HEAD_BYTES (sizeof(EG_JOURNAL_HEAD) - 1)

/* The head has a fixed length because it is filled in after its lines. */
#define BATCH_BYTES        (sizeof("batch  bytes  check \n") - 1 + 20 + 10 + 16)
#define CHECKED_HEAD_BYTES (sizeof("batch  bytes ") - 1 + 20 + 10) /* covered by the check */

static void render_head(char text[BATCH_BYTES + 1], uint64_t number, const char *lines,
			size_t bytes)
{
	snprintf(text, BATCH_BYTES + 1, "batch %020" PRIu64 " bytes %010zu", number, bytes);
	snprintf(text + CHECKED_HEAD_BYTES, BATCH_BYTES + 1 - CHECKED_HEAD_BYTES,
		 " check %016" PRIx64 "\n",
		 eg_fnv1a(eg_fnv1a(EG_FNV1A_START, text, CHECKED_HEAD_BYTES), lines, bytes));
}

struct eg_journal_batch eg_journal_begin(struct eg_buf *out, uint64_t number)
{
	struct eg_journal_batch batch = {.out = out, .start = out->n, .number = number};

	eg_buf_add(out, "%*s", (int)BATCH_BYTES, "");
	batch.failed = out->n != batch.start + BATCH_BYTES;
	return batch;
}

void eg_journal_add(struct eg_journal_batch *batch, const struct eg_state *state)
{
	char line[EG_STATE_TEXT_MAX];
	size_t before = batch->out->n, n = eg_state_line_render(state, line);

	if (!batch->failed)
		eg_buf_add(batch->out, "%s", line);
	batch->failed |= batch->out->n != before + n;
}

int eg_journal_end(struct eg_journal_batch *batch)
{
	char head[BATCH_BYTES + 1], *at;

	if (batch->failed)
		return -ENOMEM;
	at = batch->out->v + batch->start;
	render_head(head, batch->number, at + BATCH_BYTES,
		    batch->out->n - batch->start - BATCH_BYTES);
	memcpy(at, head, BATCH_BYTES);
	return 0;
}

/* Is there a complete batch? Returns its number and the length of its lines. */
static bool is_batch(const char *text, size_t n, uint64_t *number, size_t *bytes)
{
	char head[BATCH_BYTES + 1], again[BATCH_BYTES + 1];

	if (n < BATCH_BYTES)
		return false;
	memcpy(head, text, BATCH_BYTES);
	head[BATCH_BYTES] = '\0';
	if (sscanf(head, "batch %20" SCNu64 " bytes %10zu", number, bytes) != 2 ||
	    *bytes > n - BATCH_BYTES)
		return false;
	render_head(again, *number, text + BATCH_BYTES, *bytes);
	return !memcmp(head, again, BATCH_BYTES);
}

static bool parse_lines(const char *text, size_t n, eg_journal_state_fn *fn, void *arg)
{
	struct eg_state state;

	while (n) {
		const char *end = memchr(text, '\n', n);
		size_t len = end ? (size_t)(end - text) + 1 : n;

		if (!eg_state_line_parse(text, len, &state) || fn(arg, &state))
			return false;
		text += len;
		n -= len;
	}
	return true;
}

/* Batches are appended one at a time, so an incomplete batch is the last one. If another follows,
 * the disk has damaged it. */
static bool batch_follows(const char *text, size_t n)
{
	const char *at = text, *end = text + n;
	uint64_t number;
	size_t bytes;

	while ((at = memmem(at, (size_t)(end - at), "batch ", 6))) {
		if (is_batch(at, (size_t)(end - at), &number, &bytes))
			return true;
		at++;
	}
	return false;
}

enum eg_state_fault eg_journal_parse(const char *text, size_t n, eg_journal_state_fn *fn, void *arg,
				     struct eg_journal_read *read)
{
	char head[32];
	uint64_t number;
	size_t bytes;

	*read = (struct eg_journal_read){.good = HEAD_BYTES};
	snprintf(head, sizeof(head), "%.*s", (int)(n < 31 ? n : 31), text);
	if (n < HEAD_BYTES || memcmp(text, EG_JOURNAL_HEAD, HEAD_BYTES))
		return eg_state_check_version(head, EG_JOURNAL_HEAD);
	while (is_batch(text + read->good, n - read->good, &number, &bytes)) {
		if (number <= read->number ||
		    !parse_lines(text + read->good + BATCH_BYTES, bytes, fn, arg))
			return EG_STATE_DAMAGED;
		read->number = number;
		read->good += BATCH_BYTES + bytes;
	}
	/* The first batch was written completely before the file got its name. */
	return !read->number || batch_follows(text + read->good, n - read->good) ? EG_STATE_DAMAGED
										 : EG_STATE_OK;
}
