/* Port programs: which verdict each protocol and port gets, where a cell of the table holds more
 * than one. Built by the control thread, run by any. */
#ifndef EG_POLICY_PROGRAM_H
#define EG_POLICY_PROGRAM_H

#include "policy/kinds.h"

/* A cell is a verdict for all keys, or with this bit where its program starts. */
#define EG_CELL_PROGRAM 0x80000000u

/* A program: n, then n first keys ascending from 0, then n verdicts. */
static inline uint32_t eg_program_run(const uint32_t *program, uint32_t key)
{
	uint32_t n = program[0], at = 0;
	const uint32_t *starts = program + 1;

	/* Halves instead of a scan: a hundred ports in a rule are seven steps, one port is two. */
	for (uint32_t left = n; left > 1;) {
		uint32_t half = left / 2;

		at += starts[at + half] <= key ? half : 0;
		left -= half;
	}
	return starts[n + at];
}

struct eg_span {
	uint32_t first, last; /* keys, both included */
	uint32_t verdict;
};

struct eg_programs {
	struct eg_intern code;             /* every different program once */
	struct eg_intern memo;             /* profile, then rules: asked before */
	struct eg_words cells;             /* answer of memo i */
	EG_VEC(struct eg_span) spans;      /* scratch */
	struct eg_words cuts, paint, skip; /* scratch */
	uint64_t painted;                  /* pieces, over all cells */
};

/* Words held and pieces painted so far, for the meter. */
static inline uint64_t eg_programs_cost(const struct eg_programs *programs)
{
	return programs->code.words.n + programs->memo.words.n + programs->painted;
}

/* The cell for rules (ascending: the first that allows gives its name) at a destination with the
 * named ports of `profile`. 0, -ENOMEM or -E2BIG. */
int eg_programs_cell(struct eg_programs *programs, const struct eg_world *world,
		     const struct eg_rules *rules, const struct eg_kinds *kinds,
		     const struct eg_words *key, uint32_t *cell);

void eg_programs_free(struct eg_programs *programs);

#endif
