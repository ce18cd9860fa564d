/* Figures of a benchmark: times of rounds or bursts, and what describes them. */
#ifndef BENCH_FIGURES_H
#define BENCH_FIGURES_H

#include <stdint.h>

/* Zeroed: none. free(v) at the end. */
struct figures {
	double *v;
	unsigned n, cap;
};

/* Exits if out of memory. */
void figures_add(struct figures *figures, double value);

/* Of all figures, which are sorted by it; share: 0.5 is the median. 0 if there are none. */
double figures_at(struct figures *figures, double share);

/* The mean without the slowest hundredth, which other programs cause. */
double figures_mean(struct figures *figures);

#endif
