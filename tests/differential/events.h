/* What happens between bursts, to both gateways alike. */
#ifndef DIFFERENTIAL_EVENTS_H
#define DIFFERENTIAL_EVENTS_H

#include "outputs.h"
#include "traffic.h"

#define ANSWERS 64

/* Two gateways that must do the same, and what surrounds them. */
struct pair {
	struct rng rng;
	struct world world;
	struct traffic traffic;
	struct esp_end *esp;
	struct gateway *gateway[2];
	struct outputs outputs[2];
	uint64_t clock;     /* ns */
	unsigned mac_epoch; /* neighbours' MACs depend on it */
	unsigned sa_number; /* of SAs that were replaced one by one */
	struct {            /* neighbours that were asked for, and will answer */
		unsigned port;
		struct frame frame;
	} answer[ANSWERS];
	unsigned n_answers;
	uint64_t events[16]; /* how often each happened */
};

/* Let time pass, and now and then something else happen. Returns what, or NULL. */
const char *events_happen(struct pair *pair);

/* Do both gateways' upkeep. */
void events_step(struct pair *pair);

/* Note which neighbours were asked for, from what the first gateway sent. */
void events_note(struct pair *pair);

/* A burst of answers for a port, or of ICMP "too big"; false: there are none. frame[g] is for
 * gateway g, because each must be quoted what it sent itself. */
bool events_answer(struct pair *pair, unsigned *port, struct frame frame[2]);

/* Load the world as it is now. */
void events_load(struct pair *pair);

#endif
