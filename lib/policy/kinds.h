/* Kinds: pods that no policy can tell apart, because they agree in namespace, in the labels whose
 * keys some selector names and in the ports that some policy names. Ten replicas are one kind;
 * pod-template-hash and pod-name labels vanish here. Matchers are then tried on kinds, not pods.
 * Control thread. */
#ifndef EG_POLICY_KINDS_H
#define EG_POLICY_KINDS_H

#include "policy/meter.h"
#include "policy/rules.h"

struct eg_kind {
	uint32_t ns;
	uint32_t pod;       /* one of the kind, to try selectors on */
	uint32_t profile;   /* named ports that policies may ask for; 0: none */
	uint32_t signature; /* all matchers that choose the kind, with its profile */
};

struct eg_kinds {
	EG_VEC(struct eg_kind) v;    /* ordered by namespace */
	struct eg_words of_pod;      /* kind of pod i, or EG_NONE where it owns no address */
	struct eg_words pod_order;   /* pods ordered by namespace */
	struct eg_words ns_first;    /* first kind of namespace i; one more at the end */
	struct eg_intern profiles;   /* lists of (name, protocol, port) */
	struct eg_intern signatures; /* profile, then matchers ascending */
	struct eg_intern keys;
};

/* Zeroed *kinds in; eg_kinds_free() also after an error. 0, -ENOMEM, or -E2BIG where the
 * meter says that selectors match too often. */
int eg_kinds_build(struct eg_kinds *kinds, const struct eg_world *world,
		   const struct eg_rules *rules, struct eg_meter *meter);

void eg_kinds_free(struct eg_kinds *kinds);

/* The matchers of a signature, ascending. */
static inline const uint32_t *eg_kinds_matchers(const struct eg_kinds *kinds, uint32_t signature,
						size_t *n)
{
	const uint32_t *words = eg_intern_get(&kinds->signatures, signature, n);

	--*n;
	return words + 1;
}

static inline uint32_t eg_kinds_profile(const struct eg_kinds *kinds, uint32_t signature)
{
	size_t n;

	return *eg_intern_get(&kinds->signatures, signature, &n);
}

#endif
