/* Why a connection may or may not be opened: both ends, every policy that isolates them, the rule
 * that allows or how near each rule came, and whether compiled tables and reference agree.
 *
 * Control thread, or any that may take its time. The result owns its memory and borrows names and
 * positions from the policy's world: eg_explanation_free() before the policy goes. */
#ifndef EG_POLICY_EXPLAIN_H
#define EG_POLICY_EXPLAIN_H

#include "base/buf.h"
#include "policy/policy.h"
#include "policy/reference.h"

/* Who an address is. */
struct eg_explain_end {
	struct eg_ip ip;
	uint32_t pod;  /* index, or EG_NONE */
	uint32_t node; /* whose address it is, or EG_NONE */
	uint32_t class_id;
	const struct eg_prefix *unknown_in; /* an unknown address: its pod network; else NULL */
};

/* A rule that did not allow. Lower is nearer. */
enum eg_miss {
	EG_MISS_PORT, /* a peer matches, no port does */
	EG_MISS_PEER, /* a port matches, no peer does */
	EG_MISS_BOTH,
};

struct eg_explain_miss {
	uint32_t policy, rule;
	enum eg_miss miss;
	char *text; /* what did not match, entry by entry; owned */
};

/* One direction: egress of the source, or ingress of the destination. */
struct eg_explain_side {
	struct eg_ref_side reference;
	uint32_t compiled;                     /* EG_VERDICT_* */
	EG_VEC(uint32_t) isolating;            /* policies, in their order */
	EG_VEC(struct eg_explain_miss) misses; /* of a denial, nearest first */
};

struct eg_explanation {
	const struct eg_policy *policy; /* borrowed */
	struct eg_packet_key key;
	struct eg_explain_end src, dst;
	struct eg_explain_side side[EG_DIRS];
	bool allowed; /* by the reference */
	/* Why it is dropped whatever policy says ("no_route"), or NULL: the caller's, who knows
	 * routes. */
	const char *lost;
	bool audit; /* the caller's, too: what is denied passes */
	bool agree; /* do the compiled tables say the same, reason and rule included */
};

/* Explain one packet, whose addresses are of one family. 0 or -ENOMEM; eg_explanation_free() also
 * then. */
int eg_policy_explain(const struct eg_policy *policy, const struct eg_packet_key *key,
		      struct eg_explanation *out);

void eg_explanation_free(struct eg_explanation *explanation);

/* For people: lines with indentation. For programs: one JSON object, no newline at its end. */
void eg_explanation_text(const struct eg_explanation *explanation, struct eg_buf *out);
void eg_explanation_json(const struct eg_explanation *explanation, struct eg_buf *out);

#endif
