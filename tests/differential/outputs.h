/* What a gateway sent and dropped in one burst, in a form that can be compared. */
#ifndef DIFFERENTIAL_OUTPUTS_H
#define DIFFERENTIAL_OUTPUTS_H

#include "esp.h"
#include "gateway.h"

#define RECORDS_MAX 2048
#define QUOTES      16
#define DROPS_MAX   (2 * EG_DROP_RING)

/* A frame that left, sealed packets opened, without what legitimately differs. */
struct record {
	uint64_t flow;  /* frames of one flow stay in order (flow_of()) */
	uint64_t sizes; /* a hash of the fragments' lengths, if it was fragmented after sealing */
	unsigned order;
	int quote; /* its first bytes as they left, in `quotes`; -1: not there */
	unsigned n;
	uint8_t port;
	bool sealed, fragmented;
	uint8_t *bytes; /* in the arena */
};

struct outputs {
	unsigned n, n_drops, n_sealed;
	struct record record[RECORDS_MAX];
	struct eg_drop_record drop[DROPS_MAX];
	bool drops_lost; /* a ring of samples was full */
	struct esp_work work[RECORDS_MAX];
	struct record *of[RECORDS_MAX]; /* work[i] is this one's */
	uint8_t *arena;
	size_t used;
	struct frame quoted; /* start of a long sealed packet, as it left: the same one for both */
	struct frame quotes[QUOTES];
	unsigned n_quotes;
	unsigned quoted_port;
};

void outputs_init(struct outputs *outputs);
void outputs_free(struct outputs *outputs);

/* Take everything that the gateway has sent, and its drop samples. */
void outputs_collect(struct outputs *outputs, struct gateway *gateway, struct esp_end *esp);

/* Prints the first difference and returns false if there is one. */
bool outputs_equal(struct outputs *a, struct outputs *b);

#endif
