/* Explains why a connection is allowed or denied: both endpoints, every policy that isolates them,
 * the rule that allows it or how close each rule came, and whether compiled tables and reference
 * model agree.
 *
 * Not for workers: the reference model is slow. The result owns its memory and borrows names and
 * positions from the policy's cluster: call eg_explanation_free() before the policy is freed. */
#ifndef EG_POLICY_EXPLAIN_H
#define EG_POLICY_EXPLAIN_H

#include "base/buf.h"
#include "policy/policy.h"
#include "policy/reference.h"

/* What an address belongs to. */
struct eg_explain_end {
	struct eg_ip ip;
	uint32_t pod;  /* index, or EG_NONE */
	uint32_t node; /* index, or EG_NONE */
	uint32_t class_id;
	const struct eg_prefix *unknown_in; /* unknown address: its pod network; else NULL */
};

/* Why a rule did not match. Lower is closer. */
enum eg_miss {
	EG_MISS_PORT, /* a peer matches, but no port */
	EG_MISS_PEER, /* a port matches, but no peer */
	EG_MISS_BOTH,
};

struct eg_explain_miss {
	uint32_t policy, rule;
	enum eg_miss miss;
	char *text; /* what did not match, for each entry; owned */
};

/* One direction: egress of the source, or ingress of the destination. */
struct eg_explain_side {
	struct eg_ref_side reference;
	uint32_t compiled;                     /* EG_POLICY_DENY, ... */
	EG_VEC(uint32_t) isolating;            /* policies, ascending */
	EG_VEC(struct eg_explain_miss) misses; /* if denied: closest first */
};

struct eg_explanation {
	const struct eg_policy *policy; /* borrowed */
	struct eg_packet_key key;
	struct eg_explain_end src, dst;
	struct eg_explain_side side[EG_DIRS];
	bool allowed; /* according to the reference model */
	/* The reason it is dropped regardless of policy ("no_route"), or NULL. Set by the caller,
	 * who knows the routes. */
	const char *drop_reason;
	bool audit;        /* set by the caller: denied packets pass */
	bool tables_agree; /* the compiled tables agree, including reason and rule */
};

/* Explain one packet; its addresses must have the same family. Returns 0 or -ENOMEM; call
 * eg_explanation_free() in both cases. */
int eg_policy_explain(const struct eg_policy *policy, const struct eg_packet_key *key,
		      struct eg_explanation *out);

void eg_explanation_free(struct eg_explanation *explanation);

/* Human-readable text, and one JSON object without a final newline. */
void eg_explanation_text(const struct eg_explanation *explanation, struct eg_buf *out);
void eg_explanation_json(const struct eg_explanation *explanation, struct eg_buf *out);

#endif
