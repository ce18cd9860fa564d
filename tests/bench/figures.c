#include "figures.h"

#include <err.h>
#include <stdlib.h>

void figures_add(struct figures *figures, double value)
{
	if (figures->n == figures->cap) {
		figures->cap = figures->cap ? 2 * figures->cap : 1024;
		figures->v = realloc(figures->v, figures->cap * sizeof(*figures->v));
		if (!figures->v)
			err(1, "figures");
	}
	figures->v[figures->n++] = value;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double figures_at(struct figures *figures, double share)
{
	unsigned at = (unsigned)(share * figures->n);

	if (!figures->n)
		return 0;
	qsort(figures->v, figures->n, sizeof(*figures->v), by_size);
	return figures->v[at < figures->n ? at : figures->n - 1];
}

double figures_mean(struct figures *figures)
{
	unsigned n = figures->n - figures->n / 100;
	double sum = 0;

	if (!n)
		return 0;
	figures_at(figures, 0);
	for (unsigned i = 0; i < n; i++)
		sum += figures->v[i];
	return sum / n;
}
