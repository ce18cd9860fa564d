/* Pod classes: pods that no policy can distinguish. They agree in namespace, in the labels whose
 * keys appear in selectors and in the ports that policies name. Ten replicas form one class; labels
 * such as pod-template-hash do not matter. Matchers are evaluated per class, not per pod. Control
 * thread. */
#ifndef EG_POLICY_POD_CLASSES_H
#define EG_POLICY_POD_CLASSES_H

#include "policy/meter.h"
#include "policy/rules.h"

struct eg_pod_class {
	uint32_t ns;
	uint32_t pod;       /* a pod of the class, to evaluate selectors on */
	uint32_t profile;   /* its named ports that policies refer to; 0: none */
	uint32_t signature; /* profile and all matchers that match the class */
};

struct eg_pod_classes {
	EG_VEC(struct eg_pod_class) v; /* ordered by namespace */
	struct eg_words of_pod;        /* class of pod i, or EG_NONE if it has no address */
	struct eg_words pod_order;     /* pods ordered by namespace */
	struct eg_words ns_first;      /* first class of namespace i, plus one entry at the end */
	struct eg_intern profiles;     /* lists of (name, protocol, port) */
	struct eg_intern signatures;   /* lists: profile, then matchers ascending */
	struct eg_intern keys;
};

/* *pod_classes must be zeroed; call eg_pod_classes_free() even after an error. Returns 0, -ENOMEM,
 * or -E2BIG if the meter's limit is exceeded. */
int eg_pod_classes_build(struct eg_pod_classes *pod_classes, const struct eg_cluster *cluster,
			 const struct eg_rules *rules, struct eg_meter *meter);

void eg_pod_classes_free(struct eg_pod_classes *pod_classes);

/* The matchers of a signature, ascending. */
static inline const uint32_t *eg_pod_classes_matchers(const struct eg_pod_classes *pod_classes,
						      uint32_t signature, size_t *n)
{
	const uint32_t *words = eg_intern_get(&pod_classes->signatures, signature, n);

	--*n;
	return words + 1;
}

static inline uint32_t eg_pod_classes_profile(const struct eg_pod_classes *pod_classes,
					      uint32_t signature)
{
	size_t n;

	return *eg_intern_get(&pod_classes->signatures, signature, &n);
}

#endif
