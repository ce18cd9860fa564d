#include "require.h"

#include <stdio.h>
#include <stdlib.h>

static char at[256];

void require_at(const char *what)
{
	snprintf(at, sizeof(at), "%s", what);
}

void require_that(bool truth, const char *file, int line, const char *what)
{
	if (truth)
		return;
	printf("FAILED at %s:%d: %s (%s)\n", file, line, what, at);
	exit(1);
}
