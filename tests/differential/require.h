/* A condition that holds, or the program ends and says where it was. */
#ifndef DIFFERENTIAL_REQUIRE_H
#define DIFFERENTIAL_REQUIRE_H

#include <stdbool.h>

/* Where the run is, for messages: `what` is copied. */
void require_at(const char *what);

void require_that(bool truth, const char *file, int line, const char *what);

#define require(truth, what) require_that((truth), __FILE__, __LINE__, (what))

#endif
