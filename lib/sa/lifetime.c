#include "sa/lifetime.h"

#include <stdbool.h>

#include "base/clock.h"

const char *eg_lifetime_name(enum eg_lifetime_limit limit)
{
	static const char *const names[] = {
		[EG_LIFETIME_NONE] = "none",
		[EG_LIFETIME_PACKETS] = "packets",
		[EG_LIFETIME_BYTES] = "bytes",
		[EG_LIFETIME_TIME] = "time",
		[EG_LIFETIME_SEQUENCE] = "sequence numbers",
	};

	return names[limit];
}

static bool reached(uint64_t limit, uint64_t used)
{
	return limit && used >= limit;
}

enum eg_lifetime_limit eg_lifetime_soft(const struct eg_lifetime *life,
					const struct eg_lifetime_use *use)
{
	return reached(life->soft_packets, use->packets)  ? EG_LIFETIME_PACKETS
	       : reached(life->soft_bytes, use->bytes)    ? EG_LIFETIME_BYTES
	       : reached(life->soft_time_ns, use->age_ns) ? EG_LIFETIME_TIME
							  : EG_LIFETIME_NONE;
}

enum eg_lifetime_limit eg_lifetime_hard(const struct eg_lifetime *life,
					const struct eg_lifetime_use *use)
{
	return reached(life->hard_packets, use->packets)  ? EG_LIFETIME_PACKETS
	       : reached(life->hard_bytes, use->bytes)    ? EG_LIFETIME_BYTES
	       : reached(life->hard_time_ns, use->age_ns) ? EG_LIFETIME_TIME
							  : EG_LIFETIME_NONE;
}

unsigned eg_lifetime_percent(uint64_t space, uint64_t seq)
{
	uint64_t percent = seq / (space / 100);

	if (space > UINT32_MAX || percent < EG_LIFETIME_WARN_PERCENT)
		return 0;
	return percent > 100 ? 100 : (unsigned)percent;
}

static void add_limit(struct eg_lifetime_forecast *nearest, enum eg_lifetime_limit limit,
		      uint64_t end, uint64_t used, double per_s)
{
	double seconds;

	if (!end || (per_s <= 0 && used < end))
		return;
	seconds = used < end ? (double)(end - used) / per_s : 0;
	if (nearest->limit == EG_LIFETIME_NONE || seconds < nearest->seconds)
		*nearest = (struct eg_lifetime_forecast){limit, seconds};
}

struct eg_lifetime_forecast eg_lifetime_forecast(const struct eg_lifetime *life,
						 const struct eg_lifetime_use *use, uint64_t space,
						 double pps, double bytes_per_s)
{
	struct eg_lifetime_forecast nearest = {EG_LIFETIME_NONE, 0};

	if (life->hard_packets && life->hard_packets < space)
		add_limit(&nearest, EG_LIFETIME_PACKETS, life->hard_packets, use->packets, pps);
	else
		add_limit(&nearest, EG_LIFETIME_SEQUENCE, space, use->packets, pps);
	add_limit(&nearest, EG_LIFETIME_BYTES, life->hard_bytes, use->bytes, bytes_per_s);
	add_limit(&nearest, EG_LIFETIME_TIME, life->hard_time_ns, use->age_ns, (double)EG_NS_PER_S);
	return nearest;
}
