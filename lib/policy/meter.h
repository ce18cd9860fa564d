/* Meters the cost of a compile, in total and per policy that caused it.
 *
 * A unit is a step of work or a word of memory, so the limit covers time and memory and does not
 * depend on the machine: what `check` accepts, `run` accepts. Control thread. */
#ifndef EG_POLICY_METER_H
#define EG_POLICY_METER_H

#include <errno.h>
#include <stdint.h>

/* 256 Mi units: about a second, or 1 GiB if all of it is memory. */
#define EG_METER_TOTAL_MAX  ((uint64_t)256 << 20)
#define EG_METER_POLICY_MAX (EG_METER_TOTAL_MAX / 4)

struct eg_meter {
	uint64_t *by_policy;
	uint64_t total, total_max, policy_max;
};

/* Returns 0, or -E2BIG if this policy or the total exceeds its limit. */
static inline int eg_meter_charge(struct eg_meter *meter, uint32_t policy, uint64_t units)
{
	meter->by_policy[policy] += units;
	meter->total += units;
	return meter->total > meter->total_max || meter->by_policy[policy] > meter->policy_max
		       ? -E2BIG
		       : 0;
}

#endif
