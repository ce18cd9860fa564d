#include "path/unknown_pod.h"

#include "base/hash.h"
#include "path/drop.h"
#include "path/stages.h"

static bool is_unknown(const struct eg_path *path, const struct eg_ip *ip)
{
	const struct eg_policy *policy = path->policy->compiled;

	return eg_policy_class_unknown(policy, eg_policy_class(policy, ip));
}

static unsigned slot_of(const struct eg_ip *ip)
{
	uint64_t words[2];

	memcpy(words, ip->bytes, sizeof(words));
	return (unsigned)(eg_hash_u64(words[0] ^ eg_hash_u64(words[1])) % EG_UNKNOWN_POD_SLOTS);
}

/* Check the limits, and remember the address as reported. */
static bool may_report(struct eg_path *path, const struct eg_ip *ip)
{
	struct eg_unknown_pods *reported = &path->unknown_pods;
	unsigned slot = slot_of(ip);

	if (eg_ip_equal(&reported->slot[slot].ip, ip) &&
	    path->now.cycles - reported->slot[slot].cycles <
		    EG_UNKNOWN_POD_REPORT_S * path->cycles_per_s)
		return false;
	if (!eg_tokens_take(&reported->tokens, path->now.cycles, path->cycles_per_s,
			    EG_UNKNOWN_POD_BURST))
		return false;
	reported->slot[slot].ip = *ip;
	reported->slot[slot].cycles = path->now.cycles;
	return true;
}

bool eg_unknown_pod_report(struct eg_path *path, unsigned i, const struct eg_policy_packet *packet)
{
	struct eg_ip src = eg_ip_from(packet->family, packet->src);
	struct eg_ip dst = eg_ip_from(packet->family, packet->dst);
	bool source = is_unknown(path, &src);
	const struct eg_ip *unknown = source ? &src : &dst;

	if (may_report(path, unknown))
		eg_drop_note_unknown(path, i, unknown);
	return source;
}
