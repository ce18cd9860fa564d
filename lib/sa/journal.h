/* The text of the journal: what all static keys have been used for. The last line about a key
 * counts.
 *
 * The first batch is everything that was known when the file was made; the file took the journal's
 * name only when all of it was on disk. Each later batch was appended with one fsync, and the next
 * one only after that returned. So a crash can truncate or garble the last batch only, and nothing
 * that it reserves was in use yet: it is skipped. Anything else that is wrong is damage. Damage to
 * just the last batch after a crash cannot be told from the crash; after an orderly stop the file
 * is one batch.
 *
 * Pure functions on bytes; everything has one spelling (sa/state_file.h). */

/* clang-format off */
/*
 *	espgate-journal 1
 *	batch 00000000000000000017 bytes 0000000230 check 8c1f...
 *	key 4f1c... dir out spi 0x00001001 suite aes256gcm16 remote 192.0.2.2 seq 1048576 iv ...
 *	batch 00000000000000000018 bytes 0000000458 check 91ab...
 *	...
 */
/* clang-format on */
#ifndef EG_SA_JOURNAL_H
#define EG_SA_JOURNAL_H

#include "base/buf.h"
#include "sa/state_file.h"

#define EG_JOURNAL_HEAD "espgate-journal 1\n"

/* Append a batch to a buffer: begin, its lines, end. 0, or -ENOMEM: then the buffer is useless. */
struct eg_journal_batch {
	struct eg_buf *out;
	size_t start;
	uint64_t number;
	bool failed;
};

struct eg_journal_batch eg_journal_begin(struct eg_buf *out, uint64_t number);
void eg_journal_add(struct eg_journal_batch *batch, const struct eg_state *state);
int eg_journal_end(struct eg_journal_batch *batch);

/* Called for each line: 0, or -1 to stop. */
typedef int eg_journal_take_fn(void *arg, const struct eg_state *state);

struct eg_journal_read {
	uint64_t number; /* of the last whole batch */
	size_t good;     /* bytes up to its end */
};

/* Any n bytes: the lines of every whole batch in order. EG_STATE_DAMAGED also if `take` stopped. */
enum eg_state_fault eg_journal_parse(const char *text, size_t n, eg_journal_take_fn *take,
				     void *arg, struct eg_journal_read *read);

#endif
