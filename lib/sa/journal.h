/* Text of the journal: how far all static keys have been used; the last entry of each key counts.
 *
 * clang-format off
 *	espgate-journal 1
 *	batch 00000000000000000017 bytes 0000000230 check 8c1f...
 *	key 4f1c... dir out spi 0x00001001 suite aes256gcm16 remote 192.0.2.2 seq 1048576 iv ...
 *	batch 00000000000000000018 bytes 0000000458 check 91ab...
 *	...
 * clang-format on
 *
 * The first batch has all states known when the file was made; the file was renamed to journal only
 * once all of it was on disk. Each later batch was appended with one fsync, and the next one only
 * after that returned. So a crash can only truncate or garble the last batch, none of which was in
 * use yet: it is skipped. Anything else is damage. Damage to the last batch after a crash cannot be
 * told from the crash itself; after an orderly stop the file is one batch.
 *
 * Pure functions on bytes, with one canonical spelling (sa/state_text.h). */
#ifndef EG_SA_JOURNAL_H
#define EG_SA_JOURNAL_H

#include "base/buf.h"
#include "sa/state_text.h"

#define EG_JOURNAL_HEAD "espgate-journal 1\n"

/* Append a batch to a buffer: begin, add states, end. 0, or -ENOMEM: then the buffer is unusable.
 */
struct eg_journal_batch {
	struct eg_buf *out;
	size_t start;
	uint64_t number;
	bool failed;
};

struct eg_journal_batch eg_journal_begin(struct eg_buf *out, uint64_t number);
void eg_journal_add(struct eg_journal_batch *batch, const struct eg_state *state);
int eg_journal_end(struct eg_journal_batch *batch);

/* Called for each state: 0, or -1 to stop. */
typedef int eg_journal_state_fn(void *arg, const struct eg_state *state);

struct eg_journal_read {
	uint64_t number; /* of the last complete batch */
	size_t good;     /* length up to its end */
};

/* Parse any n bytes and pass on the states of every complete batch in order. EG_STATE_DAMAGED also
 * if `fn` stopped. */
enum eg_state_fault eg_journal_parse(const char *text, size_t n, eg_journal_state_fn *fn, void *arg,
				     struct eg_journal_read *read);

#endif
