/* The outbound SAs of one batch: what sa_out reserves, and esp_out reads. */
#ifndef EG_PATH_SA_OUT_H
#define EG_PATH_SA_OUT_H

#include "path/batch.h"
#include "sa/sa.h"

struct eg_sa_groups {
	unsigned n;
	struct {
		struct eg_sa *sa;
		unsigned n; /* packets of the batch */
		uint64_t bytes;
		struct eg_sa_grant grant;
	} v[EG_BATCH_MAX];
};

#endif
