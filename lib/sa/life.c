#include "sa/life.h"

#include <stdbool.h>

#include "base/clock.h"

const char *eg_life_name(enum eg_life_limit limit)
{
	static const char *const names[] = {
		[EG_LIFE_NONE] = "none",
		[EG_LIFE_PACKETS] = "packets",
		[EG_LIFE_BYTES] = "bytes",
		[EG_LIFE_TIME] = "time",
		[EG_LIFE_SEQUENCE] = "sequence numbers",
	};

	return names[limit];
}

static bool reached(uint64_t limit, uint64_t used)
{
	return limit && used >= limit;
}

enum eg_life_limit eg_life_soft(const struct eg_lifetime *life, const struct eg_life_use *use)
{
	return reached(life->soft_packets, use->packets)  ? EG_LIFE_PACKETS
	       : reached(life->soft_bytes, use->bytes)    ? EG_LIFE_BYTES
	       : reached(life->soft_time_ns, use->age_ns) ? EG_LIFE_TIME
							  : EG_LIFE_NONE;
}

enum eg_life_limit eg_life_hard(const struct eg_lifetime *life, const struct eg_life_use *use)
{
	return reached(life->hard_packets, use->packets)  ? EG_LIFE_PACKETS
	       : reached(life->hard_bytes, use->bytes)    ? EG_LIFE_BYTES
	       : reached(life->hard_time_ns, use->age_ns) ? EG_LIFE_TIME
							  : EG_LIFE_NONE;
}

unsigned eg_life_percent(uint64_t space, uint64_t seq)
{
	uint64_t percent = seq / (space / 100);

	if (space > UINT32_MAX || percent < EG_LIFE_WARN_PERCENT)
		return 0;
	return percent > 100 ? 100 : (unsigned)percent;
}

static void consider(struct eg_life_forecast *first, enum eg_life_limit limit, uint64_t end,
		     uint64_t used, double per_s)
{
	double seconds;

	if (!end || (per_s <= 0 && used < end))
		return;
	seconds = used < end ? (double)(end - used) / per_s : 0;
	if (first->limit == EG_LIFE_NONE || seconds < first->seconds)
		*first = (struct eg_life_forecast){limit, seconds};
}

struct eg_life_forecast eg_life_forecast(const struct eg_lifetime *life,
					 const struct eg_life_use *use, uint64_t space, double pps,
					 double bytes_per_s)
{
	struct eg_life_forecast first = {EG_LIFE_NONE, 0};

	if (life->hard_packets && life->hard_packets < space)
		consider(&first, EG_LIFE_PACKETS, life->hard_packets, use->packets, pps);
	else
		consider(&first, EG_LIFE_SEQUENCE, space, use->packets, pps);
	consider(&first, EG_LIFE_BYTES, life->hard_bytes, use->bytes, bytes_per_s);
	consider(&first, EG_LIFE_TIME, life->hard_time_ns, use->age_ns, (double)EG_NS_PER_S);
	return first;
}
